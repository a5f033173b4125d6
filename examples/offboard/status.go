package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

const statusHelp = `Say what became of a plan file: what the journal has, beside what there is now. It
reads only, and can be asked while apply is running, after it, and after a crash. Of the
journal it counts what was written for this plan, at the same provider and instance.
Exit code 0 means that all is done: it is never that of a file which cannot be read.
`

// organizationStatus is how far an organization of a plan file has come.
type organizationStatus struct {
	Provider     string                `json:"provider"`
	Organization teardown.Organization `json:"organization"`
	Line         int                   `json:"line,omitempty"` // of the manifest, for what has no plan

	// Journal is what was last written about the organization itself.
	Journal *teardown.Entry `json:"journal,omitempty"`

	// Deleted counts the steps that the journal has as gone, or that a read does not find.
	Deleted int `json:"gone"`
	Total   int `json:"total"`

	// Now is what a read says: "there", "not_found", "not_read" when none was made or
	// it failed, which is the Problem then.
	Now       string   `json:"now"`
	Remaining []string `json:"left,omitempty"`   // ids of steps of the plan
	NotInPlan []string `json:"others,omitempty"` // ids of steps that the plan does not have
	Problem   *problem `json:"problem,omitempty"`

	code  int
	title string // how people call it
}

func (p *program) statusCommand() *cobra.Command {
	var journal string
	var offline bool
	var parallel int
	command := &cobra.Command{
		Use:   "status PLAN",
		Short: "Say what of a plan file is done and what is left; changes nothing",
		Long:  statusHelp + "\n" + credentials(),
		Example: `  offboard status plan.json
  offboard status plan.json --offline     what the journal alone has; no credential is needed
  offboard status plan.json --json | jq '.[] | select(.now == "there") | .left'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: planFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := readPlanFile(args[0])
			if err != nil {
				return err
			}
			if journal == "" {
				journal = journalOf(args[0])
			} else if _, err := os.Stat(journal); err != nil {
				return fileError("--journal", journal, err) // what was named is expected to exist
			}
			entries, unreadable, err := readJournal(journal)
			if err != nil {
				return err
			}
			if unreadable > 0 {
				fmt.Fprintf(p.errOut, "offboard: %s of %s cannot be read; a crash leaves one\n", count(unreadable, "line"), journal)
			}
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
			p.code = worst(codes)
			return p.showStatus(statuses, "offboard apply "+quoted(args[0]))
		},
	}
	command.Flags().StringVar(&journal, "journal", "", "the journal `FILE` (default: beside the plan, PLAN.journal)")
	command.Flags().BoolVar(&offline, "offline", false, "read the journal only")
	command.Flags().IntVar(&parallel, "parallel", 4, "how many organizations are read at a time")
	return command
}

// status holds the plans against the journal and what there is.
func (p *program) status(ctx context.Context, file *planFile, journal journalIndex, parallel int, offline bool) ([]organizationStatus, error) {
	statuses := make([]organizationStatus, len(file.Organizations))
	opened := make([]organization, len(file.Organizations))
	open := p.connector(nil)
	for i, o := range file.Organizations {
		if o.Plan == nil || offline {
			continue
		}
		var err error
		if opened[i], err = open(o.Entry); err != nil {
			return nil, file.failed(i, err)
		}
	}
	each(len(statuses), parallel, func(i int) {
		statuses[i] = statusOf(ctx, file.Organizations[i], journal, opened[i])
	})
	if err := ctx.Err(); err != nil {
		return nil, &errors.Error{Provider: "offboard", Operation: "status", Code: errors.Canceled, Err: err}
	}
	return statuses, nil
}

// statusOf is how far one organization has come. It is not read when there is no way
// to it.
func statusOf(ctx context.Context, p planned, journal journalIndex, o organization) organizationStatus {
	s := organizationStatus{Provider: p.Entry.Provider, Organization: p.subject(), Line: p.Line, Now: "not_read", title: p.title()}
	if p.Plan == nil {
		s.Problem, s.code = p.Problem, p.code()
		return s
	}
	if p.misnamed() {
		s.Problem, s.code = problemOf(misnamed(p.Entry, p.Plan.Organization)), exitUsage
		return s
	}
	r := journal.record(p.Plan)
	s.Organization, s.Journal, s.Total = p.Plan.Organization, r.last, len(p.Plan.Steps)
	through := r.complete()
	for _, step := range p.Plan.Steps {
		if through || r.isDeleted(step.ID) { // what is deleted had no step left
			s.Deleted++
		}
	}
	if o != nil {
		now, err := o.Plan(ctx)
		switch {
		case errors.Is(err, errors.OrganizationNotFound) && r.deletionStarted:
			s.Now, s.Deleted = "not_found", s.Total
			return s
		case errors.Is(err, errors.OrganizationNotFound):
			// Nothing shows that this plan deleted it.
			s.Now, s.Problem, s.code = "not_found", problemOf(err), exitNotFound
			return s
		case err != nil:
			s.Problem, s.code = problemOf(err), exitCode(err)
			if through && (errors.Is(err, errors.Unauthenticated) || errors.Is(err, errors.PermissionDenied)) {
				s.code = exitOK // its credential may have gone with it
			}
			return s
		}
		s.Now = "there"
		s.Remaining, s.NotInPlan = compare(p.Plan, now)
		s.Deleted = s.Total - len(s.Remaining)
		through = r.last != nil && r.last.Outcome == teardown.Pending
	}
	if !through {
		s.code = exitBlocked
	}
	return s
}

// compare returns the steps of a plan that are still there, and what else is.
func compare(plan, now *teardown.Plan) (left, others []string) {
	for _, step := range now.Steps {
		if slices.ContainsFunc(plan.Steps, func(s teardown.Step) bool { return s.ID == step.ID }) {
			left = append(left, step.ID)
			continue
		}
		others = append(others, step.ID)
	}
	return left, others
}

func (p *program) showStatus(statuses []organizationStatus, again string) error {
	if p.json {
		encoder := json.NewEncoder(p.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(statuses)
	}
	t := table.NewWriter()
	t.SetOutputMirror(p.out)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"provider", "organization", "journal", "steps gone", "now"})
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "now", WidthMax: 40, WidthMaxEnforcer: text.WrapSoft}})
	for _, s := range statuses {
		t.AppendRow(table.Row{s.Provider, s.title, s.journal(), fmt.Sprintf("%d/%d", s.Deleted, s.Total), s.now()})
	}
	t.Render()
	for _, s := range statuses {
		show := func(title string, ids []string) {
			for i, id := range ids {
				if i == most {
					fmt.Fprintf(p.out, "  … and %d more\n", len(ids)-most)
					break
				}
				fmt.Fprintf(p.out, "%s %s: %s: %s\n", s.Provider, s.title, title, printable.Text(id))
			}
		}
		show("left", s.Remaining)
		show("not in the plan", s.NotInPlan)
	}
	if p.code != exitOK {
		fmt.Fprintf(p.out, "To go on: %s\n", again)
	}
	return nil
}

// journal is what the journal has, in words.
func (s *organizationStatus) journal() string {
	switch {
	case s.Journal == nil:
		return "nothing"
	case s.Journal.Kind == teardown.EntryFinished:
		return printable.Text(string(s.Journal.Outcome)) + " " + s.Journal.Time.Format(time.DateTime)
	}
	return printable.Text(string(s.Journal.Kind)) + " " + s.Journal.Time.Format(time.DateTime)
}

// now is what there is, in words.
func (s *organizationStatus) now() string {
	switch {
	case s.Now == "not_found" && s.code == exitNotFound:
		return "not found, and the journal has no deletion of it: the credential may not see it"
	case s.Now == "not_found":
		return "gone"
	case s.Problem != nil:
		return printable.Text(s.Problem.Text)
	case s.Now == "not_read":
		return "not read"
	case len(s.Remaining)+len(s.NotInPlan) == 0:
		return "there; no step is left"
	}
	now := fmt.Sprintf("there; %s left", count(len(s.Remaining), "step"))
	if n := len(s.NotInPlan); n > 0 {
		now += fmt.Sprintf(", %d not in the plan", n)
	}
	return now
}
