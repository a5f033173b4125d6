package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// maxRows is the maximum number of rows of the table of status, without --all.
const maxRows = 50

// maxBatches is the maximum number of batches whose entries status reads: a worker answers for each.
const maxBatches = 20

const statusHelp = `Without ID, count all organizations by their states, and list those that wait, failed, or
ended with another outcome than deleted: at most 50, or all with --all. List the batches that
run, that failed, or that could not start an organization: of the last 20 that a worker
answers for.

With the ID of an organization or of a batch, show its state. A worker must run for it. The name
of an organization is in the storage; without --store or a database, its ID is shown. For a
batch that failed, or that could not start an organization, the exit code is 1.

States: running; approval: the organization waits for it; pending: the provider decides later
about the deletion, and in JSON, provider means that the workflow waits for it; another outcome
of a teardown, such as deleted or blocked; and failed, canceled, terminated, timed_out: the
workflow ended without an outcome.
`

// overview is the JSON form of status without ID.
type overview struct {
	// Counts has the number of organizations in each state.
	Counts map[string]int `json:"counts"`

	// Organizations lists those that wait or failed.
	Organizations []row `json:"organizations"`

	// Omitted is the number of those that wait or failed and are not listed.
	Omitted int `json:"omitted,omitempty"`

	// Batches lists the batches that run, that ended without success, or that could not start an
	// organization.
	Batches []batchRow `json:"batches,omitempty"`
}

// batchRow is a batch of an overview.
type batchRow struct {
	fleet.BatchListed

	// State is nil if no worker has answered, or the batch is not one of the last ones.
	State *fleet.BatchState `json:"state,omitempty"`
}

// batchDocument is the JSON form of the status of a batch.
type batchDocument struct {
	ID string `json:"id"`

	// Queue is the task queue of the workers that run the batch; "" if it could not be read.
	Queue string `json:"queue,omitempty"`
	fleet.BatchState

	// Counts has the number of its organizations in each state.
	Counts map[string]int `json:"counts"`
}

// row is an organization of an overview.
type row struct {
	State string `json:"state"`
	fleet.Listed
}

func (p *program) statusCommand() *cobra.Command {
	var all, asJSON bool
	c := &cobra.Command{
		Use: "status [ID]", Short: "Show what waits or failed, or the state of an ID", Long: statusHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return nil
			case len(args) == 1 && review.IsBatch(args[0]):
				return nil
			case len(args) > 1:
				return usage("status takes at most 1 argument: offboard-fleet %s", cmd.Use)
			}
			return workflow(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.connected(cmd.Context(), func(e engine.Engine) error {
				switch {
				case len(args) == 0:
					return p.overview(cmd.Context(), e, all, asJSON)
				case review.IsBatch(args[0]):
					return p.batchStatus(cmd.Context(), e, args[0], all, asJSON)
				}
				return p.status(cmd.Context(), e, args[0], asJSON)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "list all organizations that wait or failed")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

// stateOf returns the state of a workflow in a list, and whether it waits or failed. An outcome
// precedes Temporal's status: a workflow that was canceled after its first step has one.
func stateOf(l fleet.Listed) (state string, listed bool) {
	switch {
	case l.Status == "Running":
		return cmp.Or(string(l.WaitingFor), "running"), l.WaitingFor != fleet.WaitingForNothing
	case l.Outcome != "":
		return l.Outcome, l.Outcome != string(teardown.Deleted)
	case l.Status == "TimedOut":
		return "timed_out", true
	}
	return strings.ToLower(l.Status), l.Status != "Completed"
}

// shownState returns a state for people: a deletion that the provider has accepted is pending, as in its
// outcome.
func shownState(state string) string {
	if fleet.WaitingFor(state) == fleet.WaitingForProvider {
		return string(teardown.Pending)
	}
	return printable.Text(state)
}

// read reads the list of all organizations of a filter.
func read(ctx context.Context, e engine.Engine, f fleet.Filter, all bool) (overview, error) {
	limit := maxRows
	if all {
		limit = 0
	}
	o := overview{Counts: map[string]int{}, Organizations: []row{}}
	for l, err := range e.List(ctx, f) {
		if err != nil {
			return o, err
		}
		state, listed := stateOf(l)
		o.Counts[state]++
		switch {
		case !listed:
		case limit > 0 && len(o.Organizations) >= limit:
			o.Omitted++
		default:
			o.Organizations = append(o.Organizations, row{state, l})
		}
	}
	return o, nil
}

func (p *program) overview(ctx context.Context, e engine.Engine, all, asJSON bool) error {
	o, err := read(ctx, e, fleet.Filter{}, all)
	if err != nil {
		return err
	}
	var unread error
	if o.Batches, unread, err = readBatches(ctx, e); err != nil {
		return err
	}
	if unread != nil {
		fmt.Fprintln(p.errOut, wrapped("Warning: organizations that batches could not start are not shown: "+review.Message(unread), 0, 2))
	}
	if asJSON {
		return p.writeJSON(o)
	}
	if len(o.Counts) == 0 && len(o.Batches) == 0 {
		fmt.Fprintln(p.out, "No organization. To start a batch: offboard-fleet start MANIFEST")
		return nil
	}
	fmt.Fprintln(p.out, wrapped(countsText(o.Counts), 0, 2))
	writeBatches(p.out, o.Batches)
	writeRows(p.out, o)
	return nil
}

// readBatches returns the batches that people must see, and the reason why the states of others could not
// be read.
func readBatches(ctx context.Context, e engine.Engine) (rows []batchRow, unread, err error) {
	asked, silent := 0, map[string]bool{} // queues without a worker that answers
	for b, err := range e.ListBatches(ctx) {
		if err != nil {
			return nil, nil, err
		}
		r := batchRow{BatchListed: b}
		// Each call without a worker takes seconds.
		if asked++; asked <= maxBatches {
			queue, s, err := batchState(ctx, e, b.ID, silent)
			switch {
			case errors.Is(err, errSilent):
			case err != nil && errors.Is(err, errors.NotFound): // removed by the Temporal server since the list
				continue
			case err != nil:
				silent[queue], unread = true, cmp.Or(unread, unanswered(ctx, e, b.ID, err))
			default:
				r.State, r.Status = &s, cmp.Or(s.Status, b.Status)
			}
		}
		if r.Status != "Completed" || r.State != nil && r.State.Failed > 0 {
			rows = append(rows, r)
		}
	}
	return rows, unread, nil
}

// errSilent is the error of a queue whose workers have not answered before.
var errSilent = errors.New("no worker of the queue answers")

// batchState reads the queue and the state of a batch for a list, which must not wait long for one
// without a worker. It does not ask the workers of silent queues.
func batchState(ctx context.Context, e engine.Engine, id string, silent map[string]bool) (queue string, s fleet.BatchState, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if queue, err = e.Queue(ctx, id); err != nil {
		queue = "" // the next call has the error
	}
	if silent[queue] {
		return queue, s, errSilent
	}
	s, err = e.BatchStatus(ctx, id)
	return queue, s, err
}

// batchText returns the state of a batch in a few words.
func batchText(status string, s *fleet.BatchState) string {
	state, _ := stateOf(fleet.Listed{Status: status})
	text := printable.Text(state)
	if s == nil {
		return text
	}
	if s.Code != "" {
		text += " (" + printable.Text(string(s.Code)) + ")"
	}
	text += fmt.Sprintf(", %d of %s started", s.Started, count(s.Organizations, "organization"))
	if s.Failed > 0 {
		text += fmt.Sprintf(", %d could not be started", s.Failed)
	}
	return text
}

// maxFailures is the maximum number of entries of a batch in the list of all.
const maxFailures = 3

func writeBatches(out io.Writer, rows []batchRow) {
	for i, r := range rows {
		if i == 0 {
			fmt.Fprint(out, "\nBatches that run, failed, or could not start an organization\n")
		}
		fmt.Fprintf(out, "%s\n  %s\n", wrapped(batchText(r.Status, r.State), 0, 2), printable.Text(r.ID))
		if r.State != nil {
			writeFailures(out, *r.State, maxFailures)
		}
	}
}

// writeFailures writes the entries of a batch that could not be started.
func writeFailures(out io.Writer, s fleet.BatchState, limit int) {
	shown := s.Failures[:min(len(s.Failures), limit)]
	for _, f := range shown {
		item(out, printable.Text(fmt.Sprintf("entry %d, %s: %s", f.Entry, f.Organization, f.Code)))
	}
	if more := s.Failed - len(shown); more > 0 {
		item(out, fmt.Sprintf("%d more", more))
	}
}

// countsText returns the number of organizations in each state.
func countsText(byState map[string]int) string {
	total, shown := 0, map[string]int{}
	for state, n := range byState {
		total += n
		shown[shownState(state)] += n
	}
	var counts []string
	for _, state := range slices.Sorted(maps.Keys(shown)) {
		text := fmt.Sprintf("%d %s", shown[state], state)
		if state == string(fleet.WaitingForApproval) {
			text = fmt.Sprintf("%d waiting for approval", shown[state])
		}
		counts = append(counts, text)
	}
	return strings.TrimSuffix(count(total, "organization")+": "+strings.Join(counts, ", "), ": ")
}

// writeRows writes the table of organizations.
func writeRows(out io.Writer, o overview) {
	column := 0
	for _, r := range o.Organizations {
		column = max(column, utf8.RuneCountInString(shownState(r.State))+2)
	}
	for i, r := range o.Organizations {
		if i == 0 {
			fmt.Fprintln(out)
		}
		state, id := shownState(r.State), printable.Text(r.ID)
		if column+utf8.RuneCountInString(id) > width {
			fmt.Fprintf(out, "%s\n  %s\n", state, id)
			continue
		}
		fmt.Fprintf(out, "%-*s%s\n", column, state, id)
	}
	if o.Omitted > 0 {
		fmt.Fprintf(out, "%d more: use --all\n", o.Omitted)
	}
	if o.Counts[string(fleet.WaitingForApproval)] > 0 {
		fmt.Fprint(out, "\nTo review a plan: offboard-fleet status ID, or offboard-fleet serve\n")
	}
}

// batchStatus shows a batch and its organizations.
func (p *program) batchStatus(ctx context.Context, e engine.Engine, id string, all, asJSON bool) error {
	s, err := e.BatchStatus(ctx, id)
	if err != nil {
		return unanswered(ctx, e, id, err)
	}
	o, err := read(ctx, e, fleet.Filter{Batch: id}, all)
	if err != nil {
		return err
	}
	queue, err := e.Queue(ctx, id)
	if err != nil {
		queue = ""
	}
	if asJSON {
		if err := p.writeJSON(batchDocument{id, queue, s, o.Counts}); err != nil {
			return err
		}
		return batchFault(s)
	}
	fact(p.out, "Batch", printable.Text(id))
	state, _ := stateOf(fleet.Listed{Status: s.Status})
	if s.Code != "" {
		state += " (" + string(s.Code) + ")"
	}
	fact(p.out, "State", printable.Text(state))
	if !s.Closed.IsZero() {
		fact(p.out, "Ended", review.Stamp(s.Closed))
	}
	fact(p.out, "Queue", printable.Text(queue))
	fact(p.out, "Organizations", strconv.Itoa(s.Organizations))
	fact(p.out, "Started", strconv.Itoa(s.Started))
	if s.Running > 0 {
		fact(p.out, "Not started", fmt.Sprintf("%d, whose workflow ran already", s.Running))
	}
	if s.Failed > 0 {
		fact(p.out, "Failed", strconv.Itoa(s.Failed))
		writeFailures(p.out, s, len(s.Failures))
	}
	if len(o.Counts) > 0 {
		fmt.Fprintf(p.out, "\n%s\n", wrapped(countsText(o.Counts), 0, 2))
	}
	writeRows(p.out, o)
	return batchFault(s)
}

// batchFault returns the error of a batch that did not start what it should; nil for none.
func batchFault(s fleet.BatchState) error {
	const then = ": the workers' logs have the text of the error. Correct the cause, and start the manifest again"
	switch s.Status {
	case "Failed", "Terminated", "TimedOut":
		text := "the batch failed" + then
		// A worker that does not find the manifest may report either code.
		if s.Code == errors.NotFound || s.Code == errors.InvalidArgument {
			text += ". If the workers' storage does not have the manifest, start it with their --store or --database"
		}
		return errors.New(text)
	}
	if s.Failed > 0 {
		return fmt.Errorf("%s could not be started%s", count(s.Failed, "organization"), then)
	}
	return nil
}

// organizationDocument is the JSON form of the status of an organization.
type organizationDocument struct {
	// Organization has the name of the plan; "" if there is no plan, or it was not read.
	Organization teardown.Organization `json:"organization"`
	fleet.State
}

// unanswered returns the error of a command about a workflow. If no worker answers, it names the queue
// of the workflow.
func unanswered(ctx context.Context, e engine.Engine, id string, err error) error {
	if !review.Unanswered(err) {
		return err
	}
	queue, unknown := e.Queue(ctx, id)
	if unknown != nil || queue == "" {
		return err
	}
	return fmt.Errorf("no worker of the queue %s answers: start one with %s", printable.Text(queue), workerOf(queue))
}

// workerOf returns the command that starts a worker of a queue.
func workerOf(queue string) string {
	if queue == fleet.DefaultQueue {
		return "offboard-fleet worker"
	}
	return "offboard-fleet worker --queue " + printable.Text(queue)
}

func (p *program) status(ctx context.Context, e engine.Engine, id string, asJSON bool) error {
	s, err := e.Status(ctx, id)
	if err != nil {
		return unanswered(ctx, e, id, err)
	}
	o, unread, err := p.organization(ctx, s)
	if err != nil {
		return err
	}
	if unread != nil {
		fmt.Fprintln(p.errOut, wrapped("Warning: the name of the organization is not shown: "+review.Message(unread), 0, 2))
	}
	if asJSON {
		return p.writeJSON(organizationDocument{o, s})
	}
	writeStatus(p.out, o, s)
	return nil
}

// nameTimeout limits the time in which a storage returns a plan.
const nameTimeout = 10 * time.Second

// organization returns the organization of a workflow, and the reason why its name could not be read. The
// state is useful without the name: only invalid flags are an error.
func (p *program) organization(ctx context.Context, s fleet.State) (o teardown.Organization, unread, err error) {
	_, _, o.ID, _ = fleet.ParseWorkflowID(s.ID)
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	storage, err := p.storage(ctx)
	if _, ok := errors.AsType[usageError](err); ok && !errors.Is(err, errNoStorage) {
		return o, nil, err
	}
	if err == nil {
		defer storage.close()
	}
	switch {
	case s.Plan == nil:
		return o, nil, nil
	case err != nil:
		return o, err, nil
	}
	plan, err := fleet.ReadPlan(ctx, storage, *s.Plan)
	if err != nil {
		return o, review.Unread("plan", err), nil
	}
	return plan.Organization, nil, nil
}

// stateText returns the state of an organization's workflow.
func stateText(s fleet.State) string {
	outcome := ""
	if s.Result != nil {
		outcome = string(s.Result.Outcome)
	}
	state, _ := stateOf(fleet.Listed{Status: s.Status, Outcome: outcome, WaitingFor: s.WaitingFor})
	switch {
	case s.Result != nil:
		return printable.Text(outcomeText(s.Result.Outcome, s.Result.Code))
	case s.WaitingFor == fleet.WaitingForApproval:
		return "waiting for approval, since " + review.Stamp(s.Since)
	case s.WaitingFor == fleet.WaitingForProvider:
		return "pending: the provider decides later, since " + review.Stamp(s.Since)
	case s.Code != "":
		state += " (" + string(s.Code) + ")"
	}
	return printable.Text(state)
}

// writeStatus writes the state of an organization's workflow.
func writeStatus(out io.Writer, o teardown.Organization, s fleet.State) {
	fact(out, "Organization", printable.Text(review.Named(o)))
	fact(out, "Provider", printable.Text(s.Provider))
	fact(out, "Workflow", printable.Text(s.ID))
	fact(out, "State", stateText(s))
	if !s.Closed.IsZero() {
		fact(out, "Ended", review.Stamp(s.Closed))
	}
	fact(out, "Digest", printable.Text(s.Digest))
	fact(out, "Approvals", approvals(s))
	if s.Denied != nil {
		fact(out, "Denied by", decidedBy(*s.Denied))
	}
	writeOverrides(out, nil, s)
	if s.Plan != nil {
		steps := "no steps"
		if s.Steps > 0 {
			steps = fmt.Sprintf("%d of %d deleted", s.Deleted, s.Steps)
		}
		fact(out, "Steps", steps)
	}
	if s.Differences != nil {
		fact(out, "Differences", "the plan has resources that the plan approved before lacks")
	}
	switch {
	case s.Result != nil:
		if s.Result.Report != nil {
			fmt.Fprintf(out, "\nTo read the report:\n  offboard-fleet report \\\n    %s\n", printable.Text(s.ID))
		}
	case s.Status == "Failed":
		fmt.Fprint(out, "\nThe workers' logs have the text of the error. Correct the cause, and start the\nmanifest again.\n")
	case s.WaitingFor == fleet.WaitingForApproval && len(s.Missing) > 0:
		writeDeny(out, s)
	case s.WaitingFor == fleet.WaitingForApproval:
		fmt.Fprintf(out, "\nTo review and approve the plan:\n  offboard-fleet approve --by NAME \\\n    --digest %s \\\n    %s\n", s.Digest, printable.Text(s.ID))
	}
}

const cancelHelp = `Request the cancellation of the workflow of an organization, or of a batch: requests in flight
finish, and nothing more starts. Workflows that the batch has started continue. What is deleted
stays deleted. A workflow that has ended cannot be canceled.

A worker of the workflow's queue ends the workflow. If no worker polls the queue, the command
warns.
`

func (p *program) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use: "cancel ID", Short: "Request the cancellation of a workflow", Long: cancelHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && review.IsBatch(args[0]) {
				return nil
			}
			return workflow(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.connected(cmd.Context(), func(e engine.Engine) error { return p.cancel(cmd.Context(), e, args[0]) })
		},
	}
}

func (p *program) cancel(ctx context.Context, e engine.Engine, id string) error {
	p.requested = "the cancellation may be requested: offboard-fleet status ID shows the state"
	if err := e.Cancel(ctx, id); err != nil {
		return err
	}
	p.result = "The cancellation is requested. To see the state: offboard-fleet status ID"
	fmt.Fprintln(p.out, p.result)
	queue, err := e.Queue(ctx, id)
	if err != nil {
		return nil // the cancellation is requested
	}
	if polled, err := e.Polled(ctx, queue); polled || err != nil {
		return nil
	}
	p.warn(fmt.Sprintf("Warning: no worker polls the queue %s, so the workflow does not end before one does: %s", printable.Text(queue), workerOf(queue)))
	if review.IsBatch(id) {
		p.warn("Or terminate the batch, which deletes nothing itself; the workflows that it has started continue:")
		fmt.Fprintf(p.errOut, "  temporal workflow terminate --address %s --namespace %s \\\n    --workflow-id \\\n    %s\n", shown(p.address), shown(p.namespace), printable.Text(id))
	}
	return nil
}

func (p *program) reportCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "report ID", Short: "Print the report of an organization", Args: workflow,
		Long: "Print the report of an organization whose workflow has ended: the outcome, and the steps that\nare not deleted. With --json, print the whole report, whose JSON Schema is that of package teardown.\n",
		RunE: func(cmd *cobra.Command, args []string) error { return p.report(cmd.Context(), args[0], asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func (p *program) report(ctx context.Context, id string, asJSON bool) error {
	return p.reviewed(ctx, func(e engine.Engine, s *storage) error {
		state, err := e.Status(ctx, id)
		if err != nil {
			return err
		}
		if state.Result == nil || state.Result.Report == nil {
			return errors.New("the workflow has no report: no plan was applied, or it has not ended")
		}
		r, err := fleet.ReadReport(ctx, s, *state.Result.Report)
		if err != nil {
			return review.Unread("report", err)
		}
		if asJSON {
			return p.writeJSON(r)
		}
		writeReport(p.out, r)
		return nil
	})
}

// writeReport writes a summary of a report.
func writeReport(out io.Writer, r *teardown.Report) {
	s := r.Summary(maxItems)
	fact(out, "Organization", printable.Text(review.Named(s.Organization)))
	fact(out, "Provider", printable.Text(strings.TrimSuffix(s.Provider+", "+s.Instance, ", ")))
	fact(out, "Outcome", printable.Text(outcomeText(s.Outcome, s.Code)))
	fact(out, "Pending on", printable.Text(s.PendingOn))
	fact(out, "Started", review.Stamp(s.StartedAt))
	fact(out, "Finished", review.Stamp(s.FinishedAt))
	var states []string
	for _, state := range slices.Sorted(maps.Keys(s.States)) {
		states = append(states, fmt.Sprintf("%d %s", s.States[state], state))
	}
	fact(out, "Steps", strings.TrimPrefix(fmt.Sprintf("%d: %s", s.Total, strings.Join(states, ", ")), "0: "))
	fact(out, "Error", printable.Text(s.Error))
	if len(s.Steps) > 0 {
		fmt.Fprint(out, "\nSteps that are not deleted\n")
	}
	for _, step := range s.Steps {
		text := fmt.Sprintf("%s: %s", step.ID, step.State)
		if step.Error != "" {
			text += ": " + step.Error
		}
		item(out, printable.Text(text))
	}
	if s.Omitted > 0 {
		item(out, fmt.Sprintf("%d more: use --json", s.Omitted))
	}
}
