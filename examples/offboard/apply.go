package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

const applyHelp = `Carry out a plan file: remove what it names, in order, see that it is gone, and then
delete the organizations, for good. Nothing else is read or touched. A plan that is
too old, was edited, or no longer is the truth is refused before anything is changed;
if something new appears later, the organization is not deleted.

The age of a plan is computed when it is applied; the limit is 24 hours. The fingerprint
shows that the plan file was changed or cut by accident. It does not protect from a
person who can write the file and computes it again: what such a person adds is refused
only if a fresh read does not find it.

Every organization has to be confirmed by its name: by "confirm" in the manifest, by
--confirm, or when asked on a terminal. One --confirm confirms one organization. An
organization without a name, or whose name is not the only one in the file, is confirmed
by its ID. A --confirm that matches nothing is an error, and so is an empty one.

The plan file and the journal are locked meanwhile: a second apply is refused, and a
crash leaves no lock. The journal and the report never replace the plan, each other or a
file with a key; --report replaces a report of this program or an empty file only. A
report that cannot be written changes neither the outcomes nor the exit code.

Ctrl-C once ends it gently: what runs is finished, and nothing more is begun. Twice
ends it at once. Either way, and after a crash, the same command goes on: what is gone
is not removed again. The journal has everything that was begun and every verdict. An
organization that is not found any more counts as gone if the journal shows that its
deletion was begun; otherwise it is "not found", with exit code 8.
`

// applySettings are the settings of apply.
type applySettings struct {
	plan        string // the plan file's name
	names       []string
	journal     string
	report      string
	parallel    int
	concurrency int
}

func (p *program) applyCommand() *cobra.Command {
	var s applySettings
	command := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Carry out a plan file: clear what stands in the way and delete, for good",
		Long:  applyHelp + "\n" + credentials(),
		Example: `  offboard apply plan.json
  offboard apply plan.json --confirm "Acme Hosting"      for what the manifest does not confirm
  offboard apply plan.json --report report.html          and a report to be filed
  offboard apply plan.json --json | jq 'select(.type == "verdict")'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: planFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, held, err := openPlan(args[0])
			if err != nil {
				return err
			}
			defer release(held)
			s.plan = args[0]
			if s.journal == "" {
				s.journal = journalOf(args[0])
			}
			return p.apply(cmd.Context(), file, s, "offboard apply "+quoted(args[0]))
		},
	}
	flags := command.Flags()
	flags.StringArrayVar(&s.names, "confirm", nil, "the `NAME` of one organization that may be deleted; repeatable")
	flags.StringVar(&s.journal, "journal", "", "append what is done to this `FILE` (default: beside the plan, PLAN.journal)")
	flags.StringVar(&s.report, "report", "", "write a report for people to this HTML `FILE`")
	flags.IntVar(&s.parallel, "parallel", 4, "how many organizations at a time")
	flags.IntVar(&s.concurrency, "concurrency", 8, "how many steps of an organization at a time")
	return command
}

// journalOf is where the journal of a plan file is kept.
func journalOf(plan string) string { return plan + ".journal" }

func planFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
}

// apply carries out a plan file. again is the command that goes on after it.
func (p *program) apply(ctx context.Context, file *planFile, s applySettings, again string) error {
	if err := s.checkOutputs(file); err != nil {
		return err
	}
	x, err := p.prepare(file, s)
	if err != nil {
		return err
	}
	journal, err := openJournal(s.journal)
	if err != nil {
		return err
	}
	if err := s.checkOutputs(file); err != nil { // the journal exists now, by all its names
		journal.discard()
		return err
	}
	defer release(journal.File)
	x.resume = byOrganization(journal.entries)
	started := time.Now()
	results := x.run(ctx, journal)
	var unwritten error
	if s.report != "" {
		unwritten = writeReport(s.report, file, results, s.journal, started, time.Now())
	}
	p.summarize(file, results, s, again, unwritten)
	return nil
}

// checkOutputs returns an error if the journal or the report would overwrite an input or each
// other, or the report what is not a report of this program.
func (s applySettings) checkOutputs(file *planFile) error {
	uses := []fileUse{{as: "the plan", name: s.plan}, {as: "--journal", name: s.journal, writes: true}}
	if s.report != "" {
		uses = append(uses, fileUse{as: "--report", name: s.report, writes: true})
	}
	var entries []entry
	for _, o := range file.Organizations {
		entries = append(entries, o.Entry)
	}
	if err := checkDistinct(append(uses, keyFiles(entries...)...)...); err != nil {
		return err
	}
	if s.report == "" {
		return nil
	}
	return fileError("--report", s.report, checkReplaceable(s.report, "a report", isReport))
}

// execution is one run of a plan file.
type execution struct {
	*program
	file     *planFile
	settings applySettings
	watcher  atomic.Pointer[watcher] // once it has begun
	jobs     []teardown.Job          // for what has a plan
	index    []int                   // of each job in the file
	resume   map[subject][]teardown.Entry
}

// prepare opens all organizations that have a plan, and has each confirmed. Nothing
// is begun for any when one is not.
func (p *program) prepare(file *planFile, s applySettings) (*execution, error) {
	x := &execution{program: p, file: file, settings: s}
	for i, planned := range file.Organizations {
		if planned.misnamed() {
			return nil, &exitError{exitUsage, file.failed(i, errors.New(`"confirm" in the manifest is not what the provider calls it: correct the manifest and plan again; nothing was changed`))}
		}
	}
	open := p.connector(logRelay{&x.watcher})
	var opened []organization
	for i, planned := range file.Organizations {
		if planned.Plan == nil {
			continue
		}
		o, err := open(planned.Entry)
		if err != nil {
			return nil, file.failed(i, err)
		}
		x.index, opened = append(x.index, i), append(opened, o)
	}
	if len(opened) == 0 {
		codes := make([]int, len(file.Organizations))
		for i, o := range file.Organizations {
			codes[i] = o.code()
		}
		return nil, &exitError{worst(codes), errors.New("the plan file has no organization that could be planned")}
	}
	given, err := file.confirmedBy(s.names)
	if err != nil {
		return nil, err
	}
	answers := bufio.NewReader(p.in)
	for j, i := range x.index {
		if err := p.confirmed(file.Organizations[i], slices.Contains(given, i), file.wanted(i), answers); err != nil {
			return nil, err
		}
		x.jobs = append(x.jobs, x.job(i, opened[j]))
	}
	return x, nil
}

// job is an organization of the file that was confirmed.
func (x *execution) job(i int, o organization) teardown.Job {
	planned := x.file.Organizations[i]
	return teardown.Job{
		Plan: func(context.Context) (*teardown.Plan, error) { return planned.Plan, nil },
		Teardown: func(ctx context.Context, plan *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
			entries := x.resume[subject{plan.Provider, plan.Instance, plan.Organization.ID}]
			return o.Teardown(withOrganization(ctx, i), plan, append(options, teardown.WithResume(entries))...)
		},
		Options: []teardown.Option{
			teardown.WithConfirm(confirmation(planned.Plan.Organization)), teardown.WithOverrides(planned.Entry.Override...),
			teardown.WithEvents(func(e teardown.Event) {
				// An entry that matches nothing in one plan may match another of the file.
				if e.Kind != teardown.EventUnmatched {
					(*x.watcher.Load()).event(i, e)
				}
			}),
		},
	}
}

// run carries out the jobs and shows how they go on. It returns what became of every
// organization of the file.
func (x *execution) run(ctx context.Context, journal io.Writer) []result {
	view := x.newWatcher(x.file)
	x.watcher.Store(&view)
	ctx, stop, done := x.stoppable(ctx, view.stopping)
	defer done()
	results := make([]result, len(x.file.Organizations))
	for i, planned := range x.file.Organizations {
		results[i] = notStarted(planned)
	}
	options := []teardown.Option{
		teardown.WithStop(stop), teardown.WithJournal(journal), teardown.WithConcurrency(x.settings.concurrency), teardown.WithDeny(x.file.Deny...),
	}
	if len(x.file.Allow) > 0 {
		options = append(options, teardown.WithAllow(x.file.Allow...))
	}
	for result := range teardown.RunJobs(ctx, x.jobs, max(x.settings.parallel, 1), options...) {
		i := x.index[result.Index]
		results[i] = resultOf(x.file.Organizations[i], result)
		view.end(i, results[i])
		if x.settings.report == "" {
			results[i].report = nil // of many organizations these are most of the memory
		}
	}
	view.close()
	codes := make([]int, len(results))
	for i, v := range results {
		codes[i] = v.code()
	}
	x.code = worst(codes)
	return results
}

// confirmed returns an error if an organization was confirmed neither in the manifest nor
// by --confirm. It asks for what is wanted, on a terminal only.
func (p *program) confirmed(o planned, given bool, wanted string, answers *bufio.Reader) error {
	switch {
	case given, confirms(o.Entry.Confirm, o.Plan.Organization):
		return nil
	case p.json || !p.interactive():
		return unconfirmed(o, "its name was given neither in the manifest nor by --confirm NAME")
	}
	return p.ask(o, wanted, answers)
}

func unconfirmed(o planned, text string) error {
	return &errors.Error{
		Provider: o.Entry.Provider, Operation: "confirm", Target: o.Plan.Organization.ID, Code: errors.NotConfirmed,
		Err: errors.New(text),
	}
}

// ask shows what goes, and asks for what is wanted: the organization's name, or its ID.
func (p *program) ask(o planned, wanted string, answers *bufio.Reader) error {
	if err := o.Plan.WriteTree(p.out); err != nil {
		return err
	}
	what := "name"
	if wanted != o.Plan.Organization.Name {
		what = "ID"
	}
	fmt.Fprintf(p.out, "All this goes, for good. The %s of the organization: ", what)
	type line struct {
		text string
		err  error
	}
	answer := make(chan line, 1)
	go func() { // it may never end: then the program does
		text, err := answers.ReadString('\n')
		answer <- line{text, err}
	}()
	var given line
	select {
	case given = <-answer:
	case <-p.signals:
		fmt.Fprintln(p.out)
		return unconfirmed(o, "it was interrupted")
	}
	if given.err != nil && given.err != io.EOF {
		return given.err
	}
	if answer := strings.TrimRight(given.text, "\r\n"); strings.TrimSpace(answer) == "" || answer != wanted {
		return unconfirmed(o, fmt.Sprintf("the answer is not its %s %q", what, wanted))
	}
	return nil
}

// interactive reports whether somebody is there to answer.
func (p *program) interactive() bool {
	file, ok := p.in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// summarize says what became of all, and how to go on.
//
// A report that could not be written is told as well. It changes neither the outcomes nor
// the exit code.
func (p *program) summarize(file *planFile, results []result, s applySettings, again string, unwritten error) {
	if unwritten != nil {
		defer fmt.Fprintf(p.errOut, "offboard: the report was not written: %v\n", unwritten)
	}
	if p.json {
		summary := summaryOf(results, p.code)
		summary.Unmatched = file.Unmatched
		summary.ReportProblem = problemOf(unwritten)
		p.emit(summary)
		return
	}
	fmt.Fprintln(p.out)
	t := table.NewWriter()
	t.SetOutputMirror(p.out)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"provider", "organization", "steps", "verdict"})
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "verdict", WidthMax: 60, WidthMaxEnforcer: text.WrapSoft}})
	left := false
	for _, v := range results {
		t.AppendRow(table.Row{v.Provider, v.title, fmt.Sprintf("%d/%d", v.Done, v.Total), v.text()})
		left = left || v.code() != exitOK
	}
	t.Render()
	for _, v := range results {
		p.explain(v)
	}
	file.showUnmatched(p.out)
	if s.report != "" && unwritten == nil {
		fmt.Fprintf(p.out, "The report: %s\n", s.report)
	}
	if left {
		fmt.Fprintf(p.out, "The journal: %s\nTo see what is left: %s\nTo go on: %s\n",
			s.journal, strings.Replace(again, "offboard apply", "offboard status", 1), again)
	}
}

// most is how many steps of an organization are explained: the rest are in the
// report.
const most = 10

// explain says why an organization is not gone, and what can be done.
func (p *program) explain(v result) {
	if v.err == nil {
		return
	}
	fmt.Fprintf(p.out, "%s %s: %s\n", v.Provider, v.title, v.text())
	for i, l := range v.Remaining {
		if i == most {
			fmt.Fprintf(p.out, "  … and %d more\n", len(v.Remaining)-most)
			break
		}
		why := stateText(l.State)
		if l.Problem != nil {
			why = printable.Text(l.Problem.Text)
		} else if l.State == teardown.StepManual {
			why += ": " + printable.Text(l.Removal)
		}
		fmt.Fprintf(p.out, "  - %s: %s\n", printable.Text(l.ID), why)
	}
	e, ok := errors.AsType[*errors.Error](v.err)
	if !ok {
		return
	}
	if len(v.Remaining) == 0 {
		for i, step := range e.Steps {
			if i == most {
				break
			}
			fmt.Fprintf(p.out, "  - %s\n", describe(step))
		}
	}
	if e.Message != "" {
		fmt.Fprintf(p.out, "  the provider says: %s\n", printable.Text(e.Message))
	}
	if what := advice(e); what != "" && e.Code != errors.Canceled {
		fmt.Fprintf(p.out, "  %s\n", what)
	}
}

// summary is the last line for machines.
type summary struct {
	Type          string                   `json:"type"`
	Organizations int                      `json:"organizations"`
	Outcomes      map[teardown.Outcome]int `json:"outcomes"`
	NotStarted    int                      `json:"not_begun,omitempty"`
	ExitCode      int                      `json:"exit_code"`

	// Unmatched are the entries of allow and deny that match no organization.
	Unmatched []string `json:"unmatched,omitempty"`

	// ReportProblem is why the report was not written.
	ReportProblem *problem `json:"report_problem,omitempty"`
}

func summaryOf(results []result, code int) summary {
	s := summary{Type: "summary", Organizations: len(results), Outcomes: map[teardown.Outcome]int{}, ExitCode: code}
	for _, v := range results {
		if v.Outcome == "" {
			s.NotStarted++
			continue
		}
		s.Outcomes[v.Outcome]++
	}
	return s
}

// quoted is a file's name as a shell takes it.
func quoted(name string) string {
	plain := func(r rune) bool {
		return r == '/' || r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
