package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/estimate"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/timeline"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/webpage"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

//go:embed report.html.tmpl
var pageText string

var pageTemplate = webpage.Parse("report", pageText)

// title is the start of the title of the page.
const title = "Teardown report"

// page is the content of a report.
type page struct {
	Title          string
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
	Messages           []message
	Requests           int
	Estimated          int    // number of requests
	Timeline           *chart // nil if nothing was started
}

// chart is the timeline of a run.
type chart struct {
	Wide, Narrow timeline.Chart
	ByKind       bool
	Client       bool // a row shows waits of the client
	NotStarted   int
	Waits        []wait
}

// wait is the time with one reason.
type wait struct {
	Reason     timeline.Reason
	Text, Time string
	Count      int
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

// message is all of the provider's error about a step or the organization.
type message struct {
	Subject, State string // of the step
	Answers        []answer
}

// answer is one error.
type answer struct {
	Text  string // of the client
	Facts []fact
	Steps []string // that the provider requires
	Said  string   // by the provider, verbatim
	More  string   // the rest of the provider's answer, as JSON

	// Silent is true if the provider sent no text.
	Silent bool
}

type fact struct{ Name, Value string }

// Write writes the report. For steps that were already deleted, the report shows the
// journal's entries of earlier runs. The recorder has the waits of the run; it may be nil.
func Write(name string, file *planfile.File, results []Result, journal string, recorder *timeline.Recorder, started, ended time.Time) error {
	// Without the journal, the report lacks only the entries of earlier runs.
	entries, _, _ := planfile.ReadJournal(journal)
	page, err := render(file, results, entries, recorder, started, ended)
	if err != nil {
		return err
	}
	return safefile.Error(safefile.Writing, "--report", name, safefile.Write(name, page))
}

func render(file *planfile.File, results []Result, entries planfile.Index, recorder *timeline.Recorder, started, ended time.Time) ([]byte, error) {
	r := page{
		Title: title, Started: webpage.Stamp(started), Ended: webpage.Stamp(ended), Took: format.Clock(ended.Sub(started)), Program: webpage.Program(),
	}
	for _, text := range file.Unmatched {
		r.Unmatched = append(r.Unmatched, printable.Text(text))
	}
	counts := map[string]int{}
	for i, result := range results {
		s := sectionOf(file.Organizations[i], result, entries)
		s.Anchor = fmt.Sprintf("organization-%d", i+1)
		s.addTimeline(result.Report, recorder.Of(i, ended))
		counts[s.Class]++
		r.Steps.Count += s.Done
		r.Steps.Of += s.Total
		r.Organizations = append(r.Organizations, s)
	}
	for _, class := range []string{"deleted", "pending", "blocked", "stopped", "unknown", "not_found", "denied", "not_planned", "not_started"} {
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
		Class: cmp.Or(string(r.Outcome), string(r.State), "not_started"), Result: r.Text(), Done: r.Done, Total: r.Total,
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
	if r.Deletion != nil {
		s.Instance, s.Detail = printable.Text(r.Deletion.Instance), r.Deletion.Text()
	}
	if p.Plan != nil {
		s.Instance = printable.Text(p.Plan.Instance)
		s.Estimated = estimate.Of(p.Plan).Requests
		s.PlannedAt, s.Fingerprint = webpage.Stamp(p.Plan.CreatedAt), p.Plan.Fingerprint
		if err := p.Plan.Err(); err != nil {
			s.DeletionError = printable.Text(err.Error())
			s.addMessage(messageOf("deletion check, when planned", "", err))
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
	s.Started, s.Took = webpage.Stamp(r.Report.StartedAt), format.Clock(r.Report.FinishedAt.Sub(r.Report.StartedAt))
	record := entries.Record(p.Plan)
	for _, step := range r.Report.Steps {
		row := pageStepOf(step, record)
		s.Rows = append(s.Rows, row)
		if row.Class != "deleted" {
			s.Remaining = append(s.Remaining, row)
		}
		if step.Err != nil || step.State == teardown.StepFailed || step.State == teardown.StepInterrupted {
			s.Messages = append(s.Messages, messageOf(step.ID, format.State(step.State), step.Err))
		}
	}
	if len(s.Remaining) == 0 && r.err != nil {
		s.addMessage(messageOf("organization", string(r.Outcome), r.err))
	}
	return s
}

// addTimeline adds the chart of a run. Nothing is added without a report.
func (s *section) addTimeline(report *teardown.Report, run timeline.Run) {
	if report == nil {
		return
	}
	s.Requests = run.Requests
	c := &chart{Wide: run.Draw(report, timeline.Wide), Narrow: run.Draw(report, timeline.Narrow)}
	if len(c.Wide.Rows) == 0 {
		return
	}
	c.ByKind, c.Client = c.Wide.ByKind, len(run.Client) > 0
	for _, step := range report.Steps {
		if step.StartedAt.IsZero() {
			c.NotStarted++
		}
	}
	for _, t := range run.Totals() {
		c.Waits = append(c.Waits, wait{t.Reason, t.Reason.Text(), format.Clock(t.Time), t.Count})
	}
	s.Timeline = c
}

// addMessage adds a message about the organization, unless all of its errors are of the client
// itself: the page shows them as the result.
func (s *section) addMessage(m message) {
	if slices.ContainsFunc(m.Answers, func(a answer) bool { return !a.Silent }) {
		s.Messages = append(s.Messages, m)
	}
}

// maxDetail is the maximum length of the rest of an answer in the report.
const maxDetail = 20_000

// messageOf describes an error of a step or the organization, with each error that it joins.
func messageOf(subject, state string, err error) message {
	m := message{Subject: printable.Text(subject), State: state}
	for e := range errors.All(err) {
		m.Answers = append(m.Answers, answerOf(e))
	}
	if len(m.Answers) == 0 {
		a := answer{Silent: true, Text: "no error is known"}
		if err != nil {
			a.Text = printable.Text(err.Error())
		}
		m.Answers = append(m.Answers, a)
	}
	return m
}

func answerOf(e *errors.Error) answer {
	a := answer{Text: printable.Text(e.Error()), Said: lines(e.Message), Silent: e.Status == 0 && e.Message == "" && e.ProviderCode == ""}
	add := func(name, value string) {
		if value != "" {
			a.Facts = append(a.Facts, fact{name, printable.Text(value)})
		}
	}
	add("Code", string(e.Code))
	if e.Status != 0 {
		add("Status", fmt.Sprint(e.Status))
	}
	add("Provider code", e.ProviderCode)
	add("Operation", e.Operation)
	add("Target", e.Target)
	add("Request ID", e.RequestID)
	if e.RetryAfter > 0 {
		add("Retry after", e.RetryAfter.String())
	}
	if e.Attempts > 0 {
		add("Attempts", fmt.Sprint(e.Attempts))
	}
	for _, step := range e.Steps {
		a.Steps = append(a.Steps, problem.Describe(step))
	}
	if e.Detail != nil {
		a.More = detailOf(e.Detail)
	}
	return a
}

// detailOf returns the rest of an answer as JSON.
func detailOf(detail any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // the template escapes
	if err := encoder.Encode(detail); err != nil {
		return "the details have no JSON form"
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if more := len(text) - maxDetail; more > 0 {
		text = strings.ToValidUTF8(text[:maxDetail], "") + fmt.Sprintf("… and %d more bytes", more)
	}
	return lines(text)
}

// lines is [printable.Text] for a text of several lines.
func lines(text string) string {
	all := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range all {
		all[i] = printable.Text(all[i])
	}
	return strings.Join(all, "\n")
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
		row.When, row.Took = webpage.Stamp(step.FinishedAt), format.Clock(step.FinishedAt.Sub(step.StartedAt))
	}
	if step.Err != nil {
		row.Problem = printable.Text(step.Err.Error())
	}
	if entry := record.Steps[step.ID]; step.State == teardown.StepAlreadyDeleted && entry.State == teardown.StepDeleted {
		row.Earlier, row.State, row.When, row.RequestID = true, "deleted by an earlier run", webpage.Stamp(entry.Time), printable.Text(entry.RequestID)
	}
	return row
}

// IsReport reports whether a text is a report of this program.
func IsReport(text []byte) bool {
	return webpage.HasTitle(text, title)
}
