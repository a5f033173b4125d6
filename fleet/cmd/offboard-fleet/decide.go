package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

// decision is what the flags of approve and deny set.
type decision struct {
	approve bool

	id, digest, by, reason string
	yes                    string // the name that --yes gives
	given                  bool   // --yes is set
	steps                  bool
}

const decideHelp = `
Show the plan from the storage, and ask for the organization's name, unless --yes gives it.
The digest must be that of the plan which is shown; the command status ID prints it. Temporal
does not verify the name of --by: it is for the record, and two approvals need two names.
Nothing is decided if the plan cannot be shown: if the standard output is closed, is the null
device, or fails.
`

// decideCommand returns the command approve or deny.
func (p *program) decideCommand(approve bool) *cobra.Command {
	d := decision{approve: approve}
	c := &cobra.Command{
		Use: "approve ID --digest DIGEST --by NAME", Short: "Approve the plan of an organization", Args: workflow,
		Long: "Approve the plan of an organization.\n" + decideHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			d.id, d.given = args[0], cmd.Flags().Changed("yes")
			return p.decide(cmd.Context(), d)
		},
	}
	if !approve {
		c.Use, c.Short = "deny ID --digest DIGEST --by NAME", "End the workflow of an organization that waits for an approval"
		c.Long = "End the workflow of an organization that waits for an approval. Nothing of its plan is\napplied, and resources that an earlier plan has deleted stay deleted.\n" + decideHelp
	}
	flags := c.Flags()
	flags.StringVar(&d.digest, "digest", "", "digest of the plan (required)")
	flags.StringVar(&d.by, "by", "", "name of the person who decides (required)")
	flags.StringVar(&d.reason, "reason", "", "reason, for the record")
	flags.StringVar(&d.yes, "yes", "", "name of the organization, or its ID if the name cannot be typed, in place of the prompt")
	flags.BoolVar(&d.steps, "steps", false, "show each step of the plan")
	return c
}

func (p *program) decide(ctx context.Context, d decision) error {
	switch {
	case d.digest == "":
		return usage("--digest is missing: give the digest of the plan, which offboard-fleet status ID prints")
	case strings.TrimSpace(d.by) == "":
		return usage("--by is missing: give the name of the person who decides")
	}
	return p.reviewed(ctx, func(e engine.Engine, s *storage) error {
		r, err := review.Load(ctx, e, s, d.id)
		if err != nil {
			return unanswered(ctx, e, d.id, err)
		}
		writeReview(p.out, r, d.steps)
		if d.approve {
			if err := r.Approvable(); err != nil {
				writeDeny(p.out, r.State)
				return err
			}
		}
		// Before the prompt, so that the person does not type the name in vain.
		if _, err := r.Decision(d.digest, r.Name(), d.by, d.reason); err != nil {
			return err
		}
		if err := p.notShown(); err != nil {
			return err
		}
		name := d.yes
		if !d.given {
			verb, kind := "approve the deletion", "name"
			if !d.approve {
				verb = "deny the deletion"
			}
			if r.ByID() {
				kind = "ID"
			}
			fmt.Fprintf(p.out, "\nType the %s %s to %s: ", kind, printable.Text(r.Name()), verb)
			if name, err = p.line(ctx); err != nil {
				return err
			}
		}
		a, err := r.Decision(d.digest, name, d.by, d.reason)
		if err != nil {
			return err
		}
		// Again, because the prompt may be the first text that could not be written.
		if err := p.notShown(); err != nil {
			return err
		}
		p.requested = "the decision was sent, and may count: offboard-fleet status ID shows it"
		if !d.approve {
			if _, err := e.Deny(ctx, d.id, a); err != nil {
				return err
			}
			p.result = "Denied. The workflow ends, and nothing of this plan is deleted."
		} else {
			state, err := e.Approve(ctx, d.id, a)
			if err != nil {
				return err
			}
			p.result = approved(state)
		}
		fmt.Fprintln(p.out, p.result)
		return nil
	})
}

// notShown returns an error if a person cannot have read the plan.
func (p *program) notShown() error {
	err := p.written.Unread()
	if err == nil {
		return nil
	}
	text := err.Error()
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		text = safefile.Cause(err)
	}
	return fmt.Errorf("the plan could not be shown: %s: nothing was decided", text)
}

// writeDeny writes the command that denies a plan.
func writeDeny(out io.Writer, s fleet.State) {
	fmt.Fprintf(out, "\nTo deny the plan:\n  offboard-fleet deny --by NAME \\\n    --digest %s \\\n    %s\n", printable.Text(s.Digest), printable.Text(s.ID))
}

// approved returns the text after an approval.
func approved(s fleet.State) string {
	if missing := s.Required - len(s.Approvals); missing > 0 {
		return fmt.Sprintf("Approved: %d of %d. %s missing.", len(s.Approvals), s.Required, count(missing, "approval"))
	}
	return fmt.Sprintf("Approved: %d of %d. The deletion starts.", len(s.Approvals), s.Required)
}

// line reads a line of the standard input.
func (p *program) line(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() { // a read may block until the program exits
		text, err := bufio.NewReader(p.in).ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.out)
		return "", errors.New("interrupted: nothing was decided")
	case l := <-read:
		if l.err != nil { // also after a part of a line: only a line that Enter ends is an answer
			fmt.Fprintln(p.out)
			return "", errors.New("the input ended before the end of a line: nothing was decided")
		}
		if !isTerminal(p.in) { // which shows the end of the line that a person types
			fmt.Fprintln(p.out)
		}
		return l.text, nil
	}
}

// isTerminal reports whether an input is a terminal.
func isTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

// maxItems is the maximum number of entries of a list in a review. --steps shows all steps.
const maxItems = 20

// writeReview writes what a person decides about.
func writeReview(out io.Writer, r *review.Review, steps bool) {
	p := r.Plan
	fact(out, "Organization", printable.Text(review.Named(p.Organization)))
	fact(out, "Provider", printable.Text(strings.TrimSuffix(p.Provider+", "+p.Instance, ", ")))
	fact(out, "Workflow", printable.Text(r.State.ID))
	fact(out, "Digest", r.State.Digest)
	fact(out, "Planned", review.Stamp(p.CreatedAt))
	writeWaiting(out, r.State)
	writeOverrides(out, p.Overrides(), r.State)

	var differences []string
	for _, d := range r.Differences {
		differences = append(differences, d.String())
	}
	list(out, "New since the plan that was approved before", differences)
	if len(p.Steps) == 0 {
		fmt.Fprint(out, "\nNo step: only the organization itself is deleted.\n")
	} else {
		fmt.Fprintf(out, "\n%s\n", count(len(p.Steps), "step"))
		writeKinds(out, review.Kinds(p))
	}
	list(out, "Organizations that steps delete, with all their resources", review.Organizations(p))
	var manual, cascades []string
	for _, s := range p.Manual() {
		manual = append(manual, s.ID+": "+s.Removal)
	}
	list(out, "Manual steps, which no API can perform", manual)
	for _, c := range p.Cascades {
		cascades = append(cascades, c.String())
	}
	list(out, "Deleted along with the organization", cascades)
	if !steps || len(p.Steps) == 0 {
		return
	}
	fmt.Fprint(out, "\nEach step\n")
	for _, s := range p.Steps {
		item(out, printable.Text(stepText(s)))
	}
}

// stepText returns a step as one line.
func stepText(s teardown.Step) string {
	text := s.ID
	if s.Name != "" && !strings.HasSuffix(s.ID, "/"+s.Name) {
		text += " (" + s.Name + ")"
	}
	if s.Why != "" {
		text += ", because " + s.Why
	}
	text += ": "
	if s.Manual {
		text += "manual: "
	}
	text += s.Removal
	if len(s.After) > 0 {
		text += "; after " + strings.Join(s.After, ", ")
	}
	return text
}

// writeWaiting writes what an organization waits for.
func writeWaiting(out io.Writer, s fleet.State) {
	if s.WaitingFor == fleet.WaitingForNothing {
		return
	}
	fact(out, "Waiting for", fmt.Sprintf("%s, since %s", waitingText(s.WaitingFor), review.Stamp(s.Since)))
	if s.WaitingFor == fleet.WaitingForApproval {
		fact(out, "Approvals", approvals(s))
	}
}

// writeOverrides writes the overrides that a plan requires, if they are known, and those that the
// manifest permits and lacks.
func writeOverrides(out io.Writer, required []teardown.Override, s fleet.State) {
	var all []string
	if len(required) > 0 {
		all = append(all, "required: "+strings.Join(review.Overrides(required), ", "))
	}
	if len(s.Overrides) > 0 {
		all = append(all, "permitted by the manifest: "+strings.Join(review.Overrides(s.Overrides), ", "))
	}
	fact(out, "Overrides", strings.Join(all, "; "))
	if len(s.Missing) > 0 {
		fact(out, "Missing", strings.Join(review.Overrides(s.Missing), ", ")+". "+review.MissingOverrides)
	}
}

func waitingText(w fleet.WaitingFor) string {
	switch w {
	case fleet.WaitingForApproval:
		return "approval"
	case fleet.WaitingForProvider:
		return "the provider"
	}
	return printable.Text(string(w))
}

// approvals returns the number of approvals, who gave them, and when.
func approvals(s fleet.State) string {
	if s.Required == 0 && len(s.Approvals) == 0 {
		return "none required"
	}
	text := fmt.Sprintf("%d of %d", len(s.Approvals), s.Required)
	for i, a := range s.Approvals {
		text += []string{": ", "; "}[min(i, 1)] + decidedBy(a)
	}
	return text
}

func decidedBy(a fleet.Approval) string {
	text := printable.Text(a.By)
	if !a.At.IsZero() {
		text += ", " + review.Stamp(a.At)
	}
	if a.Reason != "" {
		text += " (" + printable.Text(a.Reason) + ")"
	}
	return text
}

// writeKinds writes a table of the kinds of a plan's steps.
func writeKinds(out io.Writer, kinds []review.Kind) {
	const number = 7
	kind := len("kind")
	for _, k := range kinds {
		kind = max(kind, len([]rune(k.Name)))
	}
	kind = min(kind, 32) + 2
	fmt.Fprintf(out, "%*s  %-*s%s\n", number, "steps", kind, "kind", "after")
	for _, k := range kinds {
		notes := strings.Join(k.After, ", ")
		if k.Manual > 0 {
			notes += "; " + strconv.Itoa(k.Manual) + " manual"
		}
		if len(k.Requires) > 0 {
			notes += "; requires " + strings.Join(k.Requires, ", ")
		}
		indent := number + 2 + kind
		row := fmt.Sprintf("%*d  %-*s%s", number, k.Steps, kind, k.Name, wrapped(strings.TrimPrefix(notes, "; "), indent, indent))
		fmt.Fprintln(out, strings.TrimRight(row, " "))
	}
}

// list writes a title and a bounded list; nothing for an empty list.
func list(out io.Writer, title string, texts []string) {
	if len(texts) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", title)
	for _, text := range texts[:min(len(texts), maxItems)] {
		item(out, printable.Text(text))
	}
	if more := len(texts) - maxItems; more > 0 {
		item(out, strconv.Itoa(more)+" more")
	}
}

// outcomeText returns an outcome with the code of its reason.
func outcomeText(o teardown.Outcome, code errors.Code) string {
	if code == "" {
		return string(o)
	}
	return fmt.Sprintf("%s (%s)", o, code)
}
