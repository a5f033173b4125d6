package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"runtime/debug"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/safefile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

//go:embed report.html.tmpl
var pageText string

// pageTemplate escapes all texts of a provider, such as the names of resources.
var pageTemplate = template.Must(template.New("report").Parse(pageText))

// page is the content of a report.
type page struct {
	Started, Ended string
	Took           string
	Program        string
	Totals         []total
	Steps          total
	Unmatched      []string // entries of allow and deny that match no organization
	Organizations  []section
}

// total is a number of organizations or steps.
type total struct {
	Class, Text string
	Count, Of   int
}

// section is one organization of a report.
type section struct {
	Anchor             string
	Provider, Instance string // the instance is "" if the provider has only one
	Name, ID           string
	Class, Result      string
	Detail             string // what a pending deletion depends on, or the error
	Advice             string
	PlannedAt          string
	Fingerprint        string
	Started, Took      string
	DeletionError      string // of the plan
	Done, Total        int
	Rows               []pageStep
	Remaining          []pageStep
	Cascades           []string
	Messages           []providerMessage
}

// pageStep is one step.
type pageStep struct {
	Kind, Name, ID string
	Class, State   string
	Removal        string
	Attempts       int
	When, Took     string
	Problem        string
	RequestID      string
	Earlier        bool // an earlier run deleted the resource, by the journal
}

// providerMessage is a provider's error about a step or the organization.
type providerMessage struct {
	Subject, Code, Status, Text, RequestID string
}

// Write writes the report. For steps that were already deleted, the report shows the
// journal's entries of earlier runs.
func Write(name string, file *planfile.File, results []Result, journal string, started, ended time.Time) error {
	// Without the journal, the report lacks only the entries of earlier runs.
	entries, _, _ := planfile.ReadJournal(journal)
	page, err := render(file, results, entries, started, ended)
	if err != nil {
		return err
	}
	return safefile.Error("--report", name, safefile.Write(name, page))
}

func render(file *planfile.File, results []Result, entries planfile.Index, started, ended time.Time) ([]byte, error) {
	r := page{
		Started: stamp(started), Ended: stamp(ended), Took: format.Clock(ended.Sub(started)), Program: version(),
	}
	for _, text := range file.Unmatched {
		r.Unmatched = append(r.Unmatched, printable.Text(text))
	}
	counts := map[string]int{}
	for i, result := range results {
		s := sectionOf(file.Organizations[i], result, entries)
		s.Anchor = fmt.Sprintf("organization-%d", i+1)
		counts[s.Class]++
		r.Steps.Count += s.Done
		r.Steps.Of += s.Total
		r.Organizations = append(r.Organizations, s)
	}
	for _, class := range []string{"deleted", "pending", "blocked", "stopped", "unknown", "not_found", "not_started"} {
		if counts[class] > 0 {
			r.Totals = append(r.Totals, total{Class: class, Text: class, Count: counts[class]})
		}
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, r); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func sectionOf(p planfile.Planned, r Result, entries planfile.Index) section {
	s := section{
		Provider: printable.Text(r.Provider), Name: printable.Text(r.Organization.Name), ID: printable.Text(r.Organization.ID),
		Class: cmp.Or(string(r.Outcome), "not_started"), Result: r.Text(), Done: r.Done, Total: r.Total,
	}
	if s.Name == "" {
		s.Name = r.Title
	}
	if e, ok := errors.AsType[*errors.Error](r.err); ok {
		s.Advice = r.Problem.Advice
		s.Detail = printable.Text(e.Error())
		if r.Report == nil {
			for _, step := range e.Steps {
				s.Remaining = append(s.Remaining, pageStep{Name: printable.Text(step.Name), Removal: printable.Text(step.Description)})
			}
		}
	}
	if p.Plan != nil {
		s.Instance = printable.Text(p.Plan.Instance)
		s.PlannedAt, s.Fingerprint = stamp(p.Plan.CreatedAt), p.Plan.Fingerprint
		if err := p.Plan.Err(); err != nil {
			s.DeletionError = printable.Text(err.Error())
			s.addMessage("deletion check", err)
		}
		for _, l := range p.Plan.Cascades {
			s.Cascades = append(s.Cascades, l.String())
		}
	}
	if r.Report == nil {
		return s
	}
	s.Result = string(r.Outcome)
	if r.Outcome == teardown.Pending {
		s.Detail = printable.Text(r.PendingOn)
	}
	s.Started, s.Took = stamp(r.Report.StartedAt), format.Clock(r.Report.FinishedAt.Sub(r.Report.StartedAt))
	record := entries.Record(p.Plan)
	for _, step := range r.Report.Steps {
		row := pageStepOf(step, record)
		s.Rows = append(s.Rows, row)
		if row.Class != "deleted" {
			s.Remaining = append(s.Remaining, row)
		}
		if step.Err != nil {
			s.addMessage(step.ID, step.Err)
		}
	}
	if len(s.Remaining) == 0 && r.err != nil {
		s.addMessage("organization", r.err)
	}
	return s
}

// addMessage adds an error of the provider. It ignores errors of the client itself.
func (s *section) addMessage(subject string, err error) {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Status == 0 && e.ProviderCode == "" && e.Message == "" {
		return
	}
	code := string(e.Code)
	if e.ProviderCode != "" && e.ProviderCode != code {
		code += " (" + e.ProviderCode + ")"
	}
	line := providerMessage{Subject: printable.Text(subject), Code: printable.Text(code), Text: printable.Text(e.Message), RequestID: printable.Text(e.RequestID)}
	if e.Status != 0 {
		line.Status = fmt.Sprint(e.Status)
	}
	s.Messages = append(s.Messages, line)
}

func pageStepOf(step teardown.StepReport, record *planfile.Record) pageStep {
	row := pageStep{
		Kind: printable.Text(step.Kind), Name: printable.Text(step.Name), ID: printable.Text(step.ID), Removal: printable.Text(step.Removal),
		State: format.State(step.State), Class: "not_started", Attempts: step.Attempts, RequestID: printable.Text(step.RequestID),
	}
	switch step.State {
	case teardown.StepDeleted, teardown.StepAlreadyDeleted:
		row.Class = "deleted"
	case teardown.StepFailed, teardown.StepInterrupted:
		row.Class = "failed"
	case teardown.StepManual:
		row.Class = "manual"
	}
	if !step.FinishedAt.IsZero() {
		row.When, row.Took = stamp(step.FinishedAt), format.Clock(step.FinishedAt.Sub(step.StartedAt))
	}
	if step.Err != nil {
		row.Problem = printable.Text(step.Err.Error())
	}
	if entry := record.Steps[step.ID]; step.State == teardown.StepAlreadyDeleted && entry.State == teardown.StepDeleted {
		row.Earlier, row.State, row.When, row.RequestID = true, "deleted by an earlier run", stamp(entry.Time), printable.Text(entry.RequestID)
	}
	return row
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// version returns the name of the program, with its version if the build has one.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "offboard"
	}
	return "offboard " + info.Main.Version
}

// IsReport reports whether a text is a report of this program.
func IsReport(text []byte) bool {
	head := text[:min(len(text), 4096)]
	return bytes.HasPrefix(head, []byte("<!DOCTYPE html>")) && bytes.Contains(head, []byte("<title>Teardown report, "))
}
