// Package demo plans and deletes organizations at fakes of the providers, and serves these
// fakes to the other commands.
package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Program is the program that the demonstration runs. It must use the connector of [Connect].
type Program struct {
	// Plan plans all organizations of a manifest.
	Plan func(context.Context, *planfile.Manifest) (*planfile.File, error)

	// Apply applies a plan file and shows the progress.
	Apply func(context.Context, *planfile.File) ([]report.Result, error)
}

// Run runs the demonstration and shows it as text. It returns an error if an outcome
// differs from the state of the fakes.
func Run(ctx context.Context, text io.Writer, scenes []*Scene, p Program) ([]report.Result, error) {
	fmt.Fprint(text, "Five organizations at fakes of five providers, in memory: no account and no network.\n")

	fmt.Fprint(text, "\n1. The plans: blockers, and what is deleted along with each organization:\n\n")
	m := new(planfile.Manifest)
	for _, s := range scenes {
		m.Organizations = append(m.Organizations, s.entry)
	}
	before, err := p.Plan(ctx, m)
	if err != nil {
		return nil, err
	}
	if err := showBefore(text, before); err != nil {
		return nil, err
	}

	fmt.Fprint(text, "2. Deletion without a teardown fails:\n\n")
	if err := showDeletionErrors(ctx, text, scenes); err != nil {
		return nil, err
	}

	const wrongName = "volterra: the demonstration gives a wrong name on purpose, because F5 documents no blocker: with the right name, F5 would accept the request.\n"
	fmt.Fprint(text, layout.Reflow(wrongName, layout.Width(text)))

	const manual = "\n3. A person must take some steps before a teardown. The demonstration takes them at the fakes:\n\n"
	fmt.Fprint(text, layout.Reflow(manual, layout.Width(text)))
	for _, s := range scenes {
		if done := s.manualStep(); done != "" {
			fmt.Fprintf(text, "   %-9s  %s\n", s.entry.Provider, done)
		}
	}

	const faults = "\n4. New plans are applied. The fakes inject faults: 429 with Retry-After, 503, and\n   responses lost after the request was processed.\n\n"
	fmt.Fprint(text, layout.Reflow(faults, layout.Width(text)))
	file, err := p.Plan(ctx, m)
	if err != nil {
		return nil, err
	}
	attempts := make([]int, len(scenes)) // so far
	for i, s := range scenes {
		attempts[i] = s.server.Count(s.deletion)
		s.InjectFaults()
	}
	results, err := p.Apply(ctx, file)
	if err != nil {
		return nil, err
	}

	fmt.Fprint(text, "\n5. The results, compared with the state of the fakes:\n\n")
	t := layout.NewTable("provider", "organization", "result", "state of the fake", "steps", "time", "requests")
	var wrong []error
	for i, s := range scenes {
		r := results[i]
		t.Add(
			r.Provider, r.Organization.Name, shortOutcome(r), s.actual(), fmt.Sprintf("%d/%d", r.Done, r.Total),
			fmt.Sprintf("%.1fs", r.Took.Seconds()), requests(s, s.server.Count(s.deletion)-attempts[i]),
		)
		wrong = append(wrong, s.check(r))
	}
	t.Write(text)
	for _, r := range results {
		if r.Outcome == teardown.Pending {
			fmt.Fprintf(text, "%s %s: %s\n", r.Provider, r.Title, r.Text())
		}
		report.Explain(text, r)
	}
	if err := errors.Join(wrong...); err != nil {
		return results, exitcode.With(exitcode.Failed, err)
	}
	return results, nil
}

// shortOutcome returns the text of a result without what a pending deletion depends on. A line
// after the table shows that.
func shortOutcome(r report.Result) string {
	if r.Outcome == teardown.Pending {
		return string(r.Outcome)
	}
	return r.Text()
}

// showBefore shows plans, and why a deletion would fail.
func showBefore(text io.Writer, file *planfile.File) error {
	for _, o := range file.Organizations {
		if o.Plan == nil {
			return fmt.Errorf("%s: %s", o.Entry.Provider, o.Problem.Text)
		}
		var tree strings.Builder
		if err := o.Plan.WriteTree(&tree); err != nil {
			return err
		}
		fmt.Fprint(text, tree.String())
		if err := o.Plan.Err(); err != nil {
			fmt.Fprintf(text, "   deletion would fail: %s\n", problem.Short(err))
		}
		fmt.Fprintln(text)
	}
	return nil
}

// showDeletionErrors deletes each organization without a teardown, that of F5 by a wrong name, and shows the errors of
// the providers, or of the client before it sends the request.
func showDeletionErrors(ctx context.Context, w io.Writer, scenes []*Scene) error {
	t := layout.NewTable("provider", "organization", "code", "blockers", "reason")
	for _, s := range scenes {
		e, ok := errors.AsType[*errors.Error](s.attempt(ctx))
		if !ok {
			return fmt.Errorf("%s: the deletion did not fail", s.entry.Provider)
		}
		var blockers []string
		for _, step := range e.Steps {
			blockers = append(blockers, step.Name)
		}
		reason := "–" // of an error without blockers
		if len(blockers) == 0 {
			blockers = []string{"–"}
			reason = strings.TrimPrefix(problem.Short(e), string(e.Code)+": ")
		}
		t.Add(s.entry.Provider, s.entry.Confirm, e.Code, printable.Text(strings.Join(blockers, ", ")), printable.Text(reason))
	}
	t.Write(w)
	return nil
}

// requests returns the number of requests that reached a fake, how many of them were deletions of
// the organization during the teardown, and how many its rate limit refused.
func requests(s *Scene, deletions int) string {
	all := s.server.Requests()
	limited := 0
	for _, r := range all {
		if r.Status == http.StatusTooManyRequests {
			limited++
		}
	}
	return fmt.Sprintf("%d: %d deletions, %d limited", len(all), deletions, limited)
}
