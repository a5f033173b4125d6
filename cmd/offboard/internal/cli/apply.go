package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planning"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/timeline"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/view"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

const applyHelp = `Apply a plan file: remove the resources of its steps in order, verify each removal by a
read, and then delete the organizations permanently. Apply changes no other resource. It
refuses a plan that expired, was edited or no longer matches the provider before the
first change. If a new resource appears later, the organization is not deleted.

The maximum age of a plan is 24 hours; apply computes the age itself. The fingerprint
detects that the plan file was changed or truncated by accident. It does not protect from
a person who can write the file and compute it again: apply refuses what such a person
adds only if a fresh read does not find it.

Confirm every organization by its name: by "confirm" in the manifest, by --confirm, or at
the prompt on a terminal. One --confirm confirms one organization. Confirm an organization
by its ID if it has no name, or if another one in the file has the same name. If a
--confirm is empty or matches no organization, nothing is deleted, and the exit code is 5.
--confirm never selects: if one organization is not confirmed, nothing is deleted, and the
error names all that are not confirmed. --only selects organizations, and confirms none.

The prompt first shows everything that will be deleted, and the organizations that are not,
because the manifest does not permit a required override. It does not ask for their names.
A wrong answer can be corrected twice, and discards no other answer. After the third one,
or an empty line, nothing is deleted: the prompt ends, and the program prints the correct
answers as flags.

--deny and --allow name organizations of the plan file. They also apply to organizations
that are deleted before the named one. They only narrow what the manifest permits. An
organization that they forbid is not deleted; the others are.

Apply locks the plan file and the journal: a second apply is refused, and a crash leaves
no lock. The journal and the report never replace the plan, each other or a key file.
--report replaces only a report of this program or an empty file. If the report cannot be
written, the outcomes and the exit code stay the same.

Press Ctrl-C once to stop: running attempts finish, and no further one starts. Press it
twice to stop at once. SIGTERM, SIGHUP and the end of --timeout stop like the first
Ctrl-C. A closed pipe never stops a run. After a stop or a crash, run the same command to
resume, without a limit that ended the run: resources that are already deleted are not
removed again. The journal records every start and every result. If an organization is not
found, its outcome is "deleted" if the journal shows that its deletion was started, and
otherwise "not_found", with exit code 8. If the journal shows that an organization is
deleted or pending, and its account no longer exists, the outcome stays the same.
`

// applySettings are the settings of apply.
type applySettings struct {
	plan        string   // the plan file's name
	names       []string // of --confirm
	only        []string
	allow, deny []string
	journal     string
	report      string
	parallel    int
	concurrency int
	stepTimeout time.Duration
	retryFor    time.Duration
	flags       string                        // the given flags, as a shell takes them, after a space
	given       func(except ...string) string // returns flags without some; nil in tests
	answers     []string                      // of the prompt, as values of --confirm
	stepExpired bool                          // --step-timeout ended a step
}

// withoutEnded returns the settings without the flags of the limits that ended the run or a step, and
// these flags. A command that resumes must not repeat them.
func (s applySettings) withoutEnded(p *program) (applySettings, []string) {
	var names, ended []string
	if p.expired.Load() {
		names, ended = append(names, "timeout"), append(ended, fmt.Sprintf("--timeout %v", p.timeout))
	}
	if s.stepExpired {
		names, ended = append(names, "step-timeout"), append(ended, fmt.Sprintf("--step-timeout %v", s.stepTimeout))
	}
	if s.given != nil {
		s.flags = s.given(names...)
	}
	return s, ended
}

// stepEnded reports whether the maximum time of a step ended one.
func (s applySettings) stepEnded(r *teardown.Report) bool {
	return r != nil && slices.ContainsFunc(r.Steps, func(step teardown.StepReport) bool {
		return step.State == teardown.StepFailed && (errors.Is(step.Err, errors.NotFinished) || step.FinishedAt.Sub(step.StartedAt) >= s.stepTimeout)
	})
}

// command returns the command that applies the plan file again, without a prompt for the
// organizations that are confirmed.
func (s applySettings) command() string {
	return "offboard apply " + format.ShellQuote(s.plan) + s.flags + repeatedFlag("confirm", s.answers)
}

// repeatedFlag returns a flag with each of the values, as a shell takes them, after a space.
func repeatedFlag(name string, values []string) string {
	var b strings.Builder
	for _, value := range values {
		fmt.Fprintf(&b, " --%s %s", name, format.ShellQuote(value))
	}
	return b.String()
}

// statusCommand returns the command that shows the remaining steps.
func (s applySettings) statusCommand() string {
	command := "offboard status " + format.ShellQuote(s.plan)
	if s.journal != journalOf(s.plan) {
		command += " --journal " + format.ShellQuote(s.journal)
	}
	return command + repeatedFlag("only", s.only) + repeatedFlag("allow", s.allow) + repeatedFlag("deny", s.deny)
}

// The defaults of the teardown engine.
const (
	defaultStepTimeout = time.Hour
	defaultRetryFor    = 15 * time.Minute
)

func (p *program) applyCommand() *cobra.Command {
	s := applySettings{stepTimeout: defaultStepTimeout, retryFor: defaultRetryFor}
	command := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Apply a plan file: remove the blockers and delete the organizations permanently",
		Long:  applyHelp + "\n" + credentials(" for organizations without base_url in the plan file."),
		Example: `  offboard apply plan.json
  offboard apply plan.json --confirm "Acme Hosting"      confirm what the manifest does not
  offboard apply plan.json --report report.html          also write a report
  offboard apply plan.json --json | jq 'select(.type == "result")'`,
		Args:              namedArguments,
		ValidArgsFunction: planFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, held, err := planfile.Open(args[0])
			if err != nil {
				return err
			}
			defer safefile.Release(held)
			s.plan = args[0]
			if s.journal == "" {
				s.journal = journalOf(args[0])
			}
			if err := file.Restrict(s.allow, s.deny); err != nil {
				return err
			}
			if err := file.Select(s.only); err != nil {
				return err
			}
			s.given = func(except ...string) string { return givenFlags(cmd, except...) }
			s.flags = s.given()
			return p.apply(cmd.Context(), file, s)
		},
	}
	flags := command.Flags()
	flags.StringArrayVar(&s.names, "confirm", nil, "the `NAME` of one organization that may be deleted; repeatable")
	flags.StringArrayVar(&s.only, "only", nil, "apply only the organization with this `NAME` or ID; repeatable; confirms nothing")
	flags.StringArrayVar(&s.allow, "allow", nil, "permit only the `ORG` with this name or ID; repeatable; permits nothing that the manifest does not")
	flags.StringArrayVar(&s.deny, "deny", nil, "never delete the `ORG` with this name or ID; repeatable")
	flags.StringVar(&s.journal, "journal", "", "append every start and result to this `FILE` (default PLAN.journal)")
	flags.StringVar(&s.report, "report", "", "write a report to this HTML `FILE`")
	positiveVar(flags, &s.parallel, "parallel", 4, "maximum number of organizations at a time")
	positiveVar(flags, &s.concurrency, "concurrency", 8, "maximum number of step requests in flight, for each organization")
	flags.Var(duration{of: &s.stepTimeout}, "step-timeout", "maximum time of a step, waits included")
	flags.Var(duration{of: &s.retryFor, zero: true}, "retry-for", "how long a failing step is retried; 0 disables retries")
	p.timeoutFlag(command)
	_ = command.RegisterFlagCompletionFunc("only", plannedNames)
	_ = command.RegisterFlagCompletionFunc("confirm", plannedNames)
	_ = command.RegisterFlagCompletionFunc("report", filesOf("html"))
	return command
}

// journalOf returns the default name of the journal of a plan file.
func journalOf(plan string) string { return plan + ".journal" }

func planFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
}

// apply applies a plan file.
func (p *program) apply(ctx context.Context, file *planfile.File, s applySettings) error {
	if err := s.checkOutputs(file); err != nil {
		return err
	}
	x, err := p.prepare(file, s)
	if err != nil {
		return err
	}
	journal, err := planfile.OpenJournal(s.journal)
	if err != nil {
		return err
	}
	if err := s.checkOutputs(file); err != nil { // other names of the journal are found now that it exists
		journal.Discard()
		return err
	}
	defer func() {
		if len(x.jobs) == 0 {
			journal.Discard()
			return
		}
		safefile.Release(journal.File)
	}()
	x.resume, x.records = planfile.ByOrganization(journal.Entries), planfile.NewIndex(journal.Entries)
	started := time.Now()
	results := x.run(ctx, journal)
	var unwritten error
	if s.report != "" {
		unwritten = report.Write(s.report, file, results, s.journal, x.recorder, started, time.Now())
	}
	p.summarize(file, results, x.settings, unwritten)
	return nil
}

// checkOutputs returns an error if the journal or the report would overwrite an input or
// each other, or if the report would replace a file that is not a report of this program.
func (s applySettings) checkOutputs(file *planfile.File) error {
	uses := []safefile.Use{{As: "the plan", Name: s.plan}, {As: "--journal", Name: s.journal, Writes: true}}
	if s.report != "" {
		uses = append(uses, safefile.Use{As: "--report", Name: s.report, Writes: true})
	}
	var entries []planfile.Entry
	for _, o := range file.Organizations {
		entries = append(entries, o.Entry)
	}
	if err := safefile.CheckDistinct(append(uses, planfile.KeyFiles(entries...)...)...); err != nil {
		return err
	}
	if s.report == "" {
		return nil
	}
	return safefile.Error(safefile.Writing, "--report", s.report, safefile.CheckReplaceable(s.report, "a report", report.IsReport))
}

// execution is one run of a plan file.
type execution struct {
	*program
	file     *planfile.File
	settings applySettings
	watcher  atomic.Pointer[view.Watcher] // nil before run
	jobs     []teardown.Job               // one for each organization with a plan
	index    []int                        // of each job in the file
	ended    []int                        // of organizations that are deleted by the journal, and can be read
	endedAt  []connect.Organization       // of each in ended
	resume   map[planfile.Subject][]teardown.Entry
	records  planfile.Index     // of the journal
	recorder *timeline.Recorder // nil without a report
}

// prepare connects to all organizations that have a plan, and checks that each is
// confirmed. It returns an error, and nothing is started, if one is not.
func (p *program) prepare(file *planfile.File, s applySettings) (*execution, error) {
	x := &execution{program: p, file: file, settings: s}
	for i, planned := range file.Organizations {
		if planned.Misnamed() {
			return nil, file.Failed(i, planfile.Unconfirmed("Teardown", planned, `"confirm" in the manifest differs from the provider's name: correct the manifest and plan again`))
		}
	}
	if s.report != "" {
		x.recorder = timeline.New()
	}
	open := p.connector(view.LogRelay{Watcher: &x.watcher, Recorder: x.recorder})
	var opened []connect.Organization
	for i, planned := range file.Organizations {
		if planned.Deletion != nil {
			if o, err := open(planned.Resolved()); err == nil { // the credential may be deleted with the organization
				x.ended, x.endedAt = append(x.ended, i), append(x.endedAt, o)
			}
		}
		if planned.Plan == nil {
			continue
		}
		o, err := open(planned.Resolved())
		if err != nil {
			return nil, file.Failed(i, err)
		}
		x.index, opened = append(x.index, i), append(opened, o)
	}
	applicable := slices.DeleteFunc(slices.Clone(x.index), func(i int) bool { return !file.Organizations[i].Applicable() })
	answers, err := p.confirmAll(file, applicable, s)
	if err != nil {
		return nil, err
	}
	x.settings.answers = answers
	for j, i := range x.index {
		x.jobs = append(x.jobs, x.job(i, opened[j]))
	}
	return x, nil
}

// job returns the job of a confirmed organization of the file.
func (x *execution) job(i int, o connect.Organization) teardown.Job {
	planned := x.file.Organizations[i]
	return teardown.Job{
		Plan: func(context.Context) (*teardown.Plan, error) { return planned.Plan, nil },
		Teardown: func(ctx context.Context, plan *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
			if made := x.finished(ctx, plan, o); made != nil {
				return made, nil
			}
			entries := x.resume[planfile.SubjectOf(plan)]
			return o.Teardown(view.WithOrganization(ctx, i), plan, append(options, teardown.WithResume(entries))...)
		},
		Options: []teardown.Option{
			teardown.WithConfirm(planfile.Confirmation(planned.Plan.Organization)), teardown.WithOverrides(planned.Entry.Override...),
			teardown.WithEvents(func(e teardown.Event) {
				x.recorder.Event(i, e)
				// An entry that matches nothing in one plan may match another of the file.
				if e.Kind != teardown.EventUnmatched {
					(*x.watcher.Load()).Event(i, e)
				}
			}),
		},
	}
}

// finished returns the report of an organization that the journal shows as deleted or pending,
// and that can no longer be read: a provider may remove the account and its credential along with
// it. It returns nil if a read is possible, which then decides.
func (x *execution) finished(ctx context.Context, plan *teardown.Plan, o connect.Organization) *teardown.Report {
	record := x.records.Proof(plan)
	if !record.Complete() {
		return nil
	}
	now := time.Now()
	_, err := o.Identify(ctx)
	if !connect.AccountDeleted(err) {
		return nil
	}
	made := &teardown.Report{
		Provider: plan.Provider, Instance: plan.Instance, Organization: plan.Organization, Outcome: record.Last.Outcome,
		StartedAt: now, FinishedAt: time.Now(), Steps: make([]teardown.StepReport, len(plan.Steps)),
	}
	for i, step := range plan.Steps {
		made.Steps[i] = teardown.StepReport{Step: step, State: teardown.StepAlreadyDeleted}
	}
	if made.Outcome == teardown.Pending {
		made.PendingOn = fmt.Sprintf("by the journal, accepted %s; the credential can no longer read it", record.Last.Time.UTC().Format(time.RFC3339))
	}
	return made
}

// reread reads the organizations that are deleted by the journal. One that is found again loses its
// deletion, and must be planned again. Without a read, the journal decides.
func (x *execution) reread(ctx context.Context) {
	planning.Each(len(x.ended), x.settings.parallel, func(j int) {
		o := &x.file.Organizations[x.ended[j]]
		if again, _ := existsAgain(ctx, x.endedAt[j], o.Deletion.Outcome); again {
			again := &errors.Error{Provider: o.Entry.Provider, Operation: "Teardown", Target: o.Subject().ID, Code: errors.PlanStale, Err: errors.New("the organization exists, and the plan file states its deletion")}
			o.Deletion, o.Problem, o.ExitCode = nil, problem.Of(again), exitcode.Stale
		}
	})
}

// run runs the jobs and shows their progress. It returns a result for every organization
// of the file.
func (x *execution) run(ctx context.Context, journal io.Writer) []report.Result {
	shown := x.newWatcher(x.file)
	x.watcher.Store(&shown)
	ctx, stop, done := x.stoppable(ctx, shown.Stopping)
	defer done()
	x.reread(ctx)
	results := make([]report.Result, len(x.file.Organizations))
	for i, planned := range x.file.Organizations {
		results[i] = report.NotStarted(planned)
	}
	options := []teardown.Option{
		teardown.WithStop(stop), teardown.WithJournal(planfile.Recording(journal)), teardown.WithConcurrency(x.settings.concurrency), teardown.WithDeny(x.file.Deny...),
		teardown.WithStepTimeout(x.settings.stepTimeout), teardown.WithRetryFor(x.settings.retryFor),
	}
	if len(x.file.Allow) > 0 {
		options = append(options, teardown.WithAllow(x.file.Allow...))
	}
	for i, r := range results {
		if x.file.Organizations[i].Plan == nil {
			shown.End(i, r)
		}
	}
	for done := range teardown.RunJobs(ctx, x.jobs, max(x.settings.parallel, 1), options...) {
		i := x.index[done.Index]
		if done.Report != nil { // an entry that matches nothing in one plan may match another of the file
			done.Report.UnmatchedAllow = slices.DeleteFunc(done.Report.UnmatchedAllow, x.file.Names)
			done.Report.UnmatchedDeny = slices.DeleteFunc(done.Report.UnmatchedDeny, x.file.Names)
		}
		results[i] = report.ResultOf(x.file.Organizations[i], done)
		if r := results[i]; x.expired.Load() && r.Outcome == teardown.Stopped && r.Problem != nil {
			r.Problem.Advice = x.adviceExpired()
		}
		x.settings.stepExpired = x.settings.stepExpired || x.settings.stepEnded(done.Report)
		shown.End(i, results[i])
		if x.settings.report == "" {
			results[i].Report = nil // reports of many organizations take most of the memory
		}
	}
	shown.Close()
	codes := make([]int, len(results))
	for i, r := range results {
		codes[i] = r.Code()
	}
	x.code = exitcode.Worst(codes)
	return results
}

// newWatcher returns the watcher that the flags and the standard output select.
func (p *program) newWatcher(f *planfile.File) view.Watcher {
	s := view.Settings{Out: p.out, Interrupt: p.interrupt, JSON: p.json, Steps: p.verbose || p.debug, Requests: p.debug}
	if p.interactive() {
		s.Keys = p.in
	}
	return view.New(s, f.Organizations)
}

// summarize shows the results of all organizations and the next commands. unwritten is the
// error of writing the report; it changes neither the outcomes nor the exit code.
func (p *program) summarize(file *planfile.File, results []report.Result, s applySettings, unwritten error) {
	if unwritten != nil {
		defer fmt.Fprintf(p.errOut, "offboard: the report was not written: %v\n", unwritten)
	}
	s, ended := s.withoutEnded(p)
	n := report.Next{Resume: s.command(), Plan: s.planAgain(file.Flags)}
	for _, r := range results {
		n.Add(r.Title, r.Code(), r.State)
	}
	p.result = report.Counts(results) + "\n  To see the result of each: " + s.statusCommand()
	if command := n.Resumes(); command != "" {
		p.result += "\n  To resume: " + command
	}
	if p.json {
		summary := report.Summarize(results, p.code)
		summary.ResumeCommand = n.Resumes()
		if n.Any() {
			summary.EndedBy = ended
		}
		summary.Unmatched, summary.NotSelected = file.Unmatched, file.Unselected()
		summary.ReportProblem = problem.Of(unwritten)
		p.emit(summary)
		return
	}
	fmt.Fprintln(p.out)
	report.Show(p.out, results)
	if n := file.Unselected(); n > 0 {
		fmt.Fprintf(p.out, "%s of the plan file not selected by --only\n", format.Count(n, "organization"))
	}
	file.ShowUnmatched(p.out)
	if s.report != "" && unwritten == nil {
		fmt.Fprintf(p.out, "Report: %s\n", printable.Text(s.report))
	}
	if n.Any() {
		for _, limit := range ended {
			fmt.Fprintf(p.out, "Ended by %s. The command that resumes omits it.\n", limit)
		}
		fmt.Fprintf(p.out, "Journal: %s\nTo see the remaining steps: %s\n", printable.Text(s.journal), s.statusCommand())
	}
	n.Show(p.out)
}

// planAgain returns the command that plans the organizations of a plan file again, with the flags of
// the earlier plan. The journal shows it which of them are deleted.
func (s applySettings) planAgain(earlier *planfile.Flags) string {
	command := "offboard plan MANIFEST -o " + format.ShellQuote(s.plan)
	if s.journal != "" && s.journal != journalOf(s.plan) {
		command += " --journal " + format.ShellQuote(s.journal)
	}
	var f planfile.Flags
	if earlier != nil {
		f = *earlier
	}
	for _, name := range f.Only {
		command += " --only " + format.ShellQuote(cmp.Or(name, "NAME"))
	}
	return command + repeatedFlag("allow", f.Allow) + repeatedFlag("deny", f.Deny)
}
