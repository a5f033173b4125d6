package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"runtime/debug"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

//go:embed report.html.tmpl
var reportText string

// reportTemplate escapes all that comes from a provider: names are their users'.
var reportTemplate = template.Must(template.New("report").Parse(reportText))

// reportPage is what a report shows.
type reportPage struct {
	Started, Ended string
	Took           string
	Program        string
	Totals         []reportTotal
	Steps          reportTotal
	Unmatched      []string // entries of allow and deny that match nothing
	Organizations  []reportSection
}

// reportTotal is a number of things.
type reportTotal struct {
	Class, Text string
	Count, Of   int
}

// reportSection is one organization of a report.
type reportSection struct {
	Anchor             string
	Provider, Instance string // the instance is "" where there is but one
	Name, ID           string
	Class, Result      string
	Detail             string // what it depends on, or what went wrong
	Advice             string
	PlannedAt          string
	Fingerprint        string
	Started, Took      string
	DeletionError      string // why it would have been refused before
	Done, Total        int
	Rows               []reportStep
	Remaining          []reportStep
	Cascades           []string
	Messages           []providerMessage
}

// reportStep is one step.
type reportStep struct {
	Kind, Name, ID string
	Class, State   string
	Removal        string
	Attempts       int
	When, Took     string
	Problem        string
	RequestID      string
	Earlier        bool // by an earlier run: the journal says so
}

// providerMessage is what the provider said to something.
type providerMessage struct {
	To, Code, Status, Text, RequestID string
}

// writeReport writes what became of all, for people. What was gone before it began
// is told as the journal has it.
func writeReport(name string, file *planFile, results []result, journal string, started, ended time.Time) error {
	// Without the journal it does not say what earlier runs did, and all else it does.
	entries, _, _ := readJournal(journal)
	page, err := renderReport(file, results, entries, started, ended)
	if err != nil {
		return err
	}
	return fileError("--report", name, writeWhole(name, page))
}

func renderReport(file *planFile, results []result, entries journalIndex, started, ended time.Time) ([]byte, error) {
	r := reportPage{
		Started: stamp(started), Ended: stamp(ended), Took: clock(ended.Sub(started)), Program: version(),
	}
	for _, text := range file.Unmatched {
		r.Unmatched = append(r.Unmatched, printable.Text(text))
	}
	counts := map[string]int{}
	for i, v := range results {
		s := sectionOf(file.Organizations[i], v, entries)
		s.Anchor = fmt.Sprintf("organization-%d", i+1)
		counts[s.Class]++
		r.Steps.Count += s.Done
		r.Steps.Of += s.Total
		r.Organizations = append(r.Organizations, s)
	}
	for _, class := range []string{"gone", "pending", "blocked", "unknown", "not_found", "untouched"} {
		if counts[class] > 0 {
			r.Totals = append(r.Totals, reportTotal{Class: class, Text: class, Count: counts[class]})
		}
	}
	var b bytes.Buffer
	if err := reportTemplate.Execute(&b, r); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func sectionOf(p planned, v result, entries journalIndex) reportSection {
	s := reportSection{
		Provider: printable.Text(v.Provider), Name: printable.Text(v.Organization.Name), ID: printable.Text(v.Organization.ID),
		Class: "untouched", Result: v.text(), Done: v.Done, Total: v.Total,
	}
	if s.Name == "" {
		s.Name = v.title
	}
	if e, ok := errors.AsType[*errors.Error](v.err); ok {
		s.Advice = advice(e)
		s.Detail = printable.Text(e.Error())
		if v.report == nil {
			for _, step := range e.Steps {
				s.Remaining = append(s.Remaining, reportStep{Name: printable.Text(step.Name), Removal: printable.Text(step.Description)})
			}
		}
	}
	if p.Plan != nil {
		s.Instance = printable.Text(p.Plan.Instance)
		s.PlannedAt, s.Fingerprint = stamp(p.Plan.CreatedAt), p.Plan.Fingerprint
		if err := p.Plan.Err(); err != nil {
			s.DeletionError = printable.Text(err.Error())
			s.addMessage("the question whether it may be deleted", err)
		}
		for _, l := range p.Plan.Cascades {
			s.Cascades = append(s.Cascades, l.String())
		}
	}
	if v.report == nil {
		return s
	}
	s.Class, s.Result = string(v.Outcome), string(v.Outcome)
	if v.Outcome == teardown.Pending {
		s.Detail = printable.Text(v.PendingOn)
	}
	s.Started, s.Took = stamp(v.report.StartedAt), clock(v.report.FinishedAt.Sub(v.report.StartedAt))
	record := entries.record(p.Plan)
	for _, step := range v.report.Steps {
		row := reportStepOf(step, record)
		s.Rows = append(s.Rows, row)
		if row.Class != "gone" {
			s.Remaining = append(s.Remaining, row)
		}
		if step.Err != nil {
			s.addMessage(step.ID, step.Err)
		}
	}
	if len(s.Remaining) == 0 && v.err != nil {
		s.addMessage("the deletion", v.err)
	}
	return s
}

// addMessage keeps what the provider said; our own errors are none of its words.
func (s *reportSection) addMessage(to string, err error) {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Status == 0 && e.ProviderCode == "" && e.Message == "" {
		return
	}
	code := string(e.Code)
	if e.ProviderCode != "" && e.ProviderCode != code {
		code += " (" + e.ProviderCode + ")"
	}
	line := providerMessage{To: printable.Text(to), Code: printable.Text(code), Text: printable.Text(e.Message), RequestID: printable.Text(e.RequestID)}
	if e.Status != 0 {
		line.Status = fmt.Sprint(e.Status)
	}
	s.Messages = append(s.Messages, line)
}

func reportStepOf(step teardown.StepReport, record *record) reportStep {
	row := reportStep{
		Kind: printable.Text(step.Kind), Name: printable.Text(step.Name), ID: printable.Text(step.ID), Removal: printable.Text(step.Removal),
		State: stateText(step.State), Class: "left", Attempts: step.Attempts, RequestID: printable.Text(step.RequestID),
	}
	switch step.State {
	case teardown.StepDeleted, teardown.StepAlreadyDeleted:
		row.Class = "gone"
	case teardown.StepFailed, teardown.StepInterrupted:
		row.Class = "failed"
	case teardown.StepManual:
		row.Class = "hand"
	}
	if !step.FinishedAt.IsZero() {
		row.When, row.Took = stamp(step.FinishedAt), clock(step.FinishedAt.Sub(step.StartedAt))
	}
	if step.Err != nil {
		row.Problem = printable.Text(step.Err.Error())
	}
	if entry := record.steps[step.ID]; step.State == teardown.StepAlreadyDeleted && entry.State == teardown.StepDeleted {
		row.Earlier, row.State, row.When, row.RequestID = true, "gone, by an earlier run", stamp(entry.Time), printable.Text(entry.RequestID)
	}
	return row
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// version is that of the program, as far as it was built with one.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "offboard"
	}
	return "offboard " + info.Main.Version
}
