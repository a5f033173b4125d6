package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planning"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

const statusHelp = `Show the finished and the remaining steps of a plan file: the journal, compared with a
read. Status only reads. It can run during apply, after it, and after a crash. It counts
the entries that the journal has for this plan, at the same provider and instance. An
organization that is not found is deleted if the journal shows its deletion by any plan.
Exit code 0 means that every organization is deleted or pending. A file that cannot be
read never results in exit code 0.

Of more than 20 organizations, status lists only those that are neither deleted nor
pending, at most 20, the most severe ones first. -v and --json list all.
`

// organizationStatus is the status of one organization of a plan file.
type organizationStatus struct {
	Provider     string                `json:"provider"`
	Organization teardown.Organization `json:"organization"`
	Line         int                   `json:"line,omitempty"` // in the manifest, if the organization has no plan

	// Journal is the last entry about the organization itself.
	Journal *teardown.Entry `json:"journal,omitempty"`

	// Done counts the steps that are deleted by the journal or by a read.
	Done  int `json:"done"`
	Total int `json:"total"`

	// Now is the result of a read: "exists", "not_found", or "not_read" if no read was made
	// or the read failed. Problem is the error of a failed read.
	Now       string           `json:"now"`
	Remaining []string         `json:"remaining,omitempty"`   // IDs of steps of the plan
	NotInPlan []string         `json:"not_in_plan,omitempty"` // IDs of steps that the plan does not contain
	Problem   *problem.Problem `json:"problem,omitempty"`

	// Stale is true if apply refuses the plan: the plan expired or no longer matches a read.
	Stale bool `json:"stale,omitempty"`

	// State is why apply starts no deletion; "" if the organization has a plan.
	State planfile.State `json:"state,omitempty"`

	// Missing lists the overrides that the plan requires and the manifest does not permit.
	Missing []teardown.Override `json:"missing_overrides,omitempty"`

	code     int
	title    string // the name of the organization, for people
	misnamed bool   // apply refuses the whole file
}

// statusDocument is the JSON output of status.
type statusDocument struct {
	Type          string               `json:"type"`
	Version       int                  `json:"version"`
	Organizations []organizationStatus `json:"organizations"`
	ExitCode      int                  `json:"exit_code"`
}

func (p *program) statusCommand() *cobra.Command {
	var journal string
	var only, allow, deny []string
	var offline bool
	var parallel int
	command := &cobra.Command{
		Use:   "status PLAN",
		Short: "Show finished and remaining steps of a plan, without changing anything",
		Long:  statusHelp + "\n" + credentials(" for organizations without base_url in the plan file."),
		Example: `  offboard status plan.json
  offboard status plan.json --offline     read the journal only; needs no credential
  offboard status plan.json --json | jq '.organizations[] | select(.now == "exists") | .remaining'`,
		Args:              namedArguments,
		ValidArgsFunction: planFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := planfile.Read(args[0])
			if err != nil {
				return err
			}
			if err := file.Restrict(allow, deny); err != nil {
				return err
			}
			if err := file.Select(only); err != nil {
				return err
			}
			again := applySettings{plan: args[0], flags: repeatedFlag("allow", allow) + repeatedFlag("deny", deny) + repeatedFlag("only", only)}
			if journal == "" {
				journal = journalOf(args[0])
			} else if _, err := os.Stat(journal); err != nil {
				return safefile.Error(safefile.Reading, "--journal", journal, err) // only the default journal may be missing
			} else {
				again.flags, again.journal = again.flags+" --journal "+format.ShellQuote(journal), journal
			}
			entries, unreadable, err := planfile.ReadJournal(journal)
			if err != nil {
				return err
			}
			p.showUnreadable(journal, unreadable)
			ctx, done := p.untilInterrupted(cmd.Context())
			defer done()
			statuses, err := p.status(ctx, file, entries, parallel, offline)
			if err != nil {
				return err
			}
			codes := make([]int, len(statuses))
			for i, s := range statuses {
				codes[i] = s.code
			}
			p.code = exitcode.Worst(codes)
			return p.showStatus(statuses, again, file.Flags)
		},
	}
	command.Flags().StringVar(&journal, "journal", "", "the journal `FILE` (default PLAN.journal)")
	command.Flags().BoolVar(&offline, "offline", false, "read the journal only")
	positiveVar(command.Flags(), &parallel, "parallel", 4, "maximum number of organizations that are read at a time")
	command.Flags().StringArrayVar(&only, "only", nil, "show only the organization with this `NAME` or ID; repeatable")
	command.Flags().StringArrayVar(&allow, "allow", nil, "show the result of apply with this `ORG` in the same flag; repeatable")
	command.Flags().StringArrayVar(&deny, "deny", nil, "show the result of apply with this `ORG` in the same flag; repeatable")
	_ = command.RegisterFlagCompletionFunc("only", plannedNames)
	p.timeoutFlag(command)
	return command
}

// status compares the plans with the journal and, unless offline is set, with a read.
func (p *program) status(ctx context.Context, file *planfile.File, journal planfile.Index, parallel int, offline bool) ([]organizationStatus, error) {
	statuses := make([]organizationStatus, len(file.Organizations))
	opened := make([]connect.Organization, len(file.Organizations))
	open, end := p.showReads(len(statuses), p.connector(p.waits()))
	defer end()
	for i, o := range file.Organizations {
		if o.Plan == nil && o.Deletion == nil || offline {
			continue
		}
		var err error
		if opened[i], err = open(o.Resolved()); o.Deletion != nil && err != nil {
			opened[i] = nil // the credential may be deleted with the organization; the journal decides
		} else if err != nil {
			return nil, file.Failed(i, err)
		}
	}
	planning.Each(len(statuses), parallel, func(i int) {
		statuses[i] = statusOf(ctx, file.Organizations[i], journal, opened[i])
	})
	if err := ctx.Err(); err != nil {
		return nil, &errors.Error{Provider: "offboard", Operation: "status", Code: errors.Canceled, Err: err}
	}
	return statuses, nil
}

// statusOf returns the status of one organization. It does not read if o is nil.
func statusOf(ctx context.Context, p planfile.Planned, journal planfile.Index, o connect.Organization) organizationStatus {
	s := organizationStatus{Provider: p.Entry.Provider, Organization: p.Subject(), Line: p.Line, Now: "not_read", title: p.Title(), State: p.State(), Total: p.Total(), misnamed: p.Misnamed()}
	if p.Deletion != nil {
		return s.ofDeletion(ctx, p.Deletion, journal, o)
	}
	if p.Plan == nil {
		s.Problem, s.code = p.Problem, p.Exit()
		return s
	}
	if p.Misnamed() {
		s.Problem, s.code = problem.Of(planfile.Misnamed("Plan", p.Entry, p.Plan.Organization)), exitcode.NotConfirmed
		return s
	}
	r := journal.Proof(p.Plan)
	s.Organization, s.Journal, s.Total = p.Plan.Organization, r.Last, len(p.Plan.Steps)
	through := r.Complete()
	for _, step := range p.Plan.Steps {
		if through || r.IsDeleted(step.ID) { // a deleted organization has no steps
			s.Done++
		}
	}
	expired := time.Since(p.Plan.CreatedAt) > teardown.PlanTTL
	s.Stale = expired
	s.Missing = p.Entry.MissingOverrides(p.Plan)
	if o != nil {
		now, err := o.Plan(ctx)
		switch {
		case errors.Is(err, errors.OrganizationNotFound) && r.DeletionStarted:
			s.Now, s.Done = "not_found", s.Total
			return s
		case errors.Is(err, errors.OrganizationNotFound):
			// Nothing shows that this plan deleted the organization.
			s.Now, s.Problem, s.code = "not_found", problem.Of(err), exitcode.NotFound
			return s
		case err != nil:
			s.Problem, s.code = problem.Of(err), exitcode.Of(err)
			if through && connect.AccountDeleted(err) {
				s.code = exitcode.OK // the credential may be deleted with the organization
			}
			return s
		}
		s.Now = "exists"
		s.Stale = expired || len(p.Plan.Diff(now)) > 0
		s.Remaining, s.NotInPlan = compare(p.Plan, now)
		s.Done = s.Total - len(s.Remaining)
		through = r.Last != nil && r.Last.Outcome == teardown.Pending && now.PendingDeletion != nil
	}
	switch { // in the order of the checks of apply
	case through:
	case expired:
		s.code = exitcode.Stale
	case len(s.Missing) > 0:
		s.code = exitcode.NotConfirmed // as apply, which refuses the organization
	case s.Stale:
		s.code = exitcode.Stale
	default:
		s.code = exitcode.Blocked
	}
	return s
}

// ofDeletion returns the status of an organization that is deleted or pending by the journal. A read
// decides whether a deleted one exists again.
func (s organizationStatus) ofDeletion(ctx context.Context, d *planfile.Deletion, journal planfile.Index, o connect.Organization) organizationStatus {
	s.Journal = d.Entry(s.Provider, s.Organization)
	if r := journal.Of(planfile.SubjectOf(&teardown.Plan{Provider: s.Provider, Instance: d.Instance, Organization: s.Organization})); r.Last != nil {
		s.Journal = r.Last
	}
	if o == nil {
		return s
	}
	switch again, err := existsAgain(ctx, o, d.Outcome); {
	case err == nil:
		s.Now = "exists"
		if again {
			s.code, s.Stale = exitcode.Stale, true
		}
	case errors.Is(err, errors.OrganizationNotFound):
		s.Now = "not_found"
	default:
		s.Problem = problem.Of(err)
		if !connect.AccountDeleted(err) {
			s.code = exitcode.Of(err)
		}
	}
	return s
}

// existsAgain reads whether an organization exists although the journal shows its deletion: a deleted
// one exists, or the deletion of a pending one is not pending any more. The error is that of the read.
func existsAgain(ctx context.Context, o connect.Organization, recorded teardown.Outcome) (bool, error) {
	if recorded != teardown.Pending {
		_, err := o.Identify(ctx)
		return err == nil, err
	}
	p, err := o.Plan(ctx)
	return err == nil && p.PendingDeletion == nil, err
}

// compare returns the steps of a fresh plan that an earlier plan contains, and the others.
func compare(plan, now *teardown.Plan) (remaining, notInPlan []string) {
	for _, step := range now.Steps {
		if slices.ContainsFunc(plan.Steps, func(s teardown.Step) bool { return s.ID == step.ID }) {
			remaining = append(remaining, step.ID)
			continue
		}
		notInPlan = append(notInPlan, step.ID)
	}
	return remaining, notInPlan
}

func (p *program) showStatus(statuses []organizationStatus, again applySettings, earlier *planfile.Flags) error {
	if p.json {
		encoder := json.NewEncoder(printable.JSONWriter(p.out))
		encoder.SetIndent("", "  ")
		return encoder.Encode(statusDocument{"status", schema.Version, statuses, p.code})
	}
	listed, more := statuses, 0
	if len(statuses) > report.MaxShown && !p.verbose {
		listed, more = attention(statuses)
	}
	t := layout.NewTable("provider", "organization", "journal", "steps deleted", "now")
	for _, s := range listed {
		t.Add(s.Provider, s.title, s.journal(), fmt.Sprintf("%d/%d", s.Done, s.Total), s.now())
	}
	if len(listed) > 0 {
		t.Write(p.out)
	}
	for _, s := range listed {
		show := func(title string, ids []string) {
			for i, id := range ids {
				if i == report.MaxListed {
					fmt.Fprintf(p.out, "  … and %d more\n", len(ids)-report.MaxListed)
					break
				}
				fmt.Fprintf(p.out, "%s %s: %s: %s\n", s.Provider, s.title, title, printable.Text(id))
			}
		}
		show("remaining", s.Remaining)
		show("not in the plan", s.NotInPlan)
		switch {
		case len(s.Missing) > 0 && s.code == exitcode.NotConfirmed:
			fmt.Fprintf(p.out, "%s %s: the manifest does not permit: %s. Permit the override in the manifest, and plan again.\n", s.Provider, s.title, format.List(s.Missing))
		case s.State != "" && s.Problem != nil && s.Problem.Advice != "":
			fmt.Fprintf(p.out, "%s %s: %s\n  %s\n", s.Provider, s.title, s.State.Text(), s.Problem.Advice)
		}
	}
	if more > 0 {
		fmt.Fprintf(p.out, "… and %d more not deleted; -v lists all\n", more)
	}
	fmt.Fprintln(p.out, statusCounts(statuses))
	n := report.Next{Resume: again.command(), Plan: again.planAgain(earlier), Fresh: !slices.ContainsFunc(statuses, organizationStatus.started)}
	refused := slices.ContainsFunc(statuses, func(s organizationStatus) bool { return s.misnamed })
	for _, s := range statuses {
		if (s.Stale && s.code != exitcode.NotFound || refused) && s.code != exitcode.OK {
			n.AddStale(s.title)
			continue
		}
		n.Add(s.title, s.code, s.State)
	}
	n.Show(p.out)
	return nil
}

// attention returns the organizations that are neither deleted nor pending, at most
// [report.MaxShown], the most severe ones first, and the number of the others of this kind.
func attention(statuses []organizationStatus) (listed []organizationStatus, more int) {
	listed = slices.DeleteFunc(slices.Clone(statuses), func(s organizationStatus) bool { return s.code == exitcode.OK })
	slices.SortStableFunc(listed, func(a, b organizationStatus) int { return exitcode.Compare(b.code, a.code) })
	if more = len(listed) - report.MaxShown; more > 0 {
		return listed[:report.MaxShown], more
	}
	return listed, 0
}

// statusCounts returns the number of organizations, in total and by outcome.
func statusCounts(statuses []organizationStatus) string {
	counts := map[string]int{}
	for _, s := range statuses {
		counts[s.outcome()]++
	}
	var parts []string
	for _, outcome := range []string{"deleted", "pending", "stopped", "blocked", "unknown", "not_found", "exists", "not finished", "not read", "denied", "not planned", "not started"} {
		if n := counts[outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	return format.Count(len(statuses), "organization") + ": " + strings.Join(parts, ", ")
}

// outcome returns the outcome by the journal and the read. An organization that a run started has
// the outcome of this run, unless a read contradicts it.
func (s organizationStatus) outcome() string {
	switch {
	case s.Now == "not_found" && s.code == exitcode.OK:
		return string(teardown.Deleted)
	case s.Now == "not_found":
		return string(teardown.NotFound)
	case s.State != "":
		return s.State.Text()
	case !s.started() && len(s.Missing) > 0:
		return string(teardown.Blocked) // as apply, which refuses the organization
	case !s.started():
		return "not started"
	case s.Journal.Kind != teardown.EntryFinished:
		return "not finished"
	case s.code == exitcode.OK || !(&planfile.Record{Last: s.Journal}).Complete():
		return string(s.Journal.Outcome)
	case s.Now == "exists":
		return s.Now
	}
	return "not read"
}

// started reports whether the journal shows that the plan was applied.
func (s organizationStatus) started() bool { return s.Journal != nil }

// journal returns the last entry of the journal as text.
func (s *organizationStatus) journal() string {
	switch {
	case s.Journal == nil:
		return "no entry"
	case s.Journal.Kind == teardown.EntryFinished:
		return printable.Text(string(s.Journal.Outcome)) + " " + s.Journal.Time.UTC().Format(time.RFC3339)
	}
	return printable.Text(string(s.Journal.Kind)) + " " + s.Journal.Time.UTC().Format(time.RFC3339)
}

// now returns the result of the read as text.
func (s *organizationStatus) now() string {
	switch {
	case s.Now == "not_found" && s.code == exitcode.NotFound:
		return "not_found: the journal has no deletion; the credential may not see the organization"
	case s.Now == "not_found":
		return "deleted"
	case s.State != "" && s.Problem != nil:
		return s.State.Text() + ": " + printable.Text(s.Problem.Text)
	case s.Problem != nil:
		return printable.Text(s.Problem.Text)
	case s.Now == "not_read":
		return "not read"
	case len(s.Remaining)+len(s.NotInPlan) == 0:
		return "exists; no steps remaining"
	}
	now := fmt.Sprintf("exists; %s remaining", format.Count(len(s.Remaining), "step"))
	if n := len(s.NotInPlan); n > 0 {
		now += fmt.Sprintf(", %d not in the plan", n)
	}
	return now
}
