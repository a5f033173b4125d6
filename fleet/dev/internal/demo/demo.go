// Package demo is the demonstration of package fleet.
package demo

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/dev/engine"
	"github.com/offboard-dev/offboard-go/fleet/folder"
	"github.com/offboard-dev/offboard-go/teardown"
)

const help = `Delete twelve organizations at fakes of all providers, by workflows on a Temporal server inside this
process. No account, no other program and no network is required. Show each plan, approve it, and
print a table of the outcomes.

  GOWORK=off go -C fleet/dev run .

`

// Run runs the demonstration with the flags of args until all organizations are ended or wait for
// their provider, or ctx ends, or the output is closed. The exit code is 0, 1 if something failed or a
// result differs from the state of a fake, or 2 for invalid flags.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dev", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), help)
		flags.PrintDefaults()
	}
	approve := flags.Bool("approve", true, "approve each plan; if false, print the commands of offboard-fleet that approve, and wait for them")
	port := flags.Int("port", 0, "`port` of the Temporal server on 127.0.0.1; 0 means a free port")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "dev: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := &output{Writer: stdout, failed: cancel}
	d := &demo{out: out, approve: *approve, fakes: newFakes(), waiting: make(chan fleet.Waiting, 100), started: time.Now()}
	err := d.run(ctx, *port)
	if out.err != nil { // the other errors follow from it
		err = fmt.Errorf("cannot write: %w", out.err)
	}
	if err != nil {
		fmt.Fprintln(stderr, "dev:", err)
		return 1
	}
	return 0
}

// output is an output that ends the demonstration if it is closed, such as by a pipe to head.
type output struct {
	io.Writer
	failed func()
	err    error
}

// Write implements [io.Writer].
func (o *output) Write(text []byte) (int, error) {
	n, err := o.Writer.Write(text)
	if err != nil {
		o.err = cmp.Or(o.err, err)
		o.failed()
	}
	return n, err
}

// pollInterval is the time between two reads of the states of all organizations.
const pollInterval = 250 * time.Millisecond

// demo is one run of the demonstration.
type demo struct {
	out     io.Writer
	approve bool
	fakes   fakes
	waiting chan fleet.Waiting // from reminders
	started time.Time

	client  client.Client
	store   fleet.Store
	address string          // of the server
	folder  string          // of the storage
	all     []*organization // in the order of the manifest
}

// organization is an organization of the demonstration.
type organization struct {
	fleet.Entry
	id    string // of the workflow
	name  string
	shown string // the last line
	state fleet.State
	ended bool
	err   error // of the workflow
}

// print writes a line with the time since the start.
func (d *demo) print(format string, args ...any) {
	fmt.Fprintf(d.out, "%5.1fs  %s\n", time.Since(d.started).Seconds(), fmt.Sprintf(format, args...))
}

// run starts the server and a worker, and deletes the organizations.
func (d *demo) run(ctx context.Context, port int) error {
	server, err := engine.Start(ctx, engine.Config{Port: port})
	if err != nil {
		return err
	}
	defer server.Stop()
	directory, err := os.MkdirTemp("", "offboard-fleet")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	storage, err := folder.Open(directory)
	if err != nil {
		return err
	}
	defer storage.Close()
	d.store, d.address, d.folder = storage.Store(), server.Address(), directory
	d.client, err = client.DialContext(ctx, client.Options{
		HostPort: server.Address(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer d.client.Close()
	d.print("Temporal listens on %s. Plans, reports and the journal are in %s.", server.Address(), directory)

	w := worker.New(d.client, fleet.DefaultQueue, worker.Options{WorkerStopTimeout: 5 * time.Second})
	if err := fleet.Register(w, fleet.Config{Open: d.fakes.open, Store: d.store, Journal: storage.Journal(), Remind: d.remind}); err != nil {
		return err
	}
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	if err := d.start(ctx); err != nil {
		return err
	}
	if err := d.follow(ctx); err != nil {
		return err
	}
	return d.table(context.WithoutCancel(ctx)) // also of organizations that wait
}

// remind is called by the workers for an organization that waits for an approval.
func (d *demo) remind(ctx context.Context, w fleet.Waiting) error {
	select {
	case d.waiting <- w:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start starts the batch.
func (d *demo) start(ctx context.Context) error {
	manifest := fleet.Manifest{Policy: fleet.Policy{Approvals: 1}}
	for _, name := range []string{"katapult", "zitadel", "atlas", "workspace", "volterra"} {
		for _, e := range d.fakes[name].entries {
			o, err := d.fakes.open(ctx, e.Spec())
			if err != nil {
				return err
			}
			driver, err := o.Driver(&teardown.Plan{Organization: teardown.Organization{ID: e.Organization}})
			if err != nil {
				return err
			}
			provider, instance := driver.Provider()
			found, err := o.Identify(ctx) // e.Organization may be a slug
			if err != nil {
				return err
			}
			id := fleet.WorkflowID(provider, instance, found.ID)
			d.all = append(d.all, &organization{Entry: e, id: id, name: e.Provider + " " + e.Organization})
			manifest.Organizations = append(manifest.Organizations, e)
		}
	}
	ref, err := fleet.PutManifest(ctx, d.store, manifest)
	if err != nil {
		return err
	}
	batch, err := fleet.Start(ctx, d.client, ref)
	if err != nil {
		return err
	}
	d.print("The batch %s starts %d organizations. Each plan requires %d approval.",
		batch.ID, ref.Organizations, manifest.Policy.Approvals)
	if !d.approve {
		d.print("In another terminal: %s", d.command("status"))
		d.print("Or on a page: %s", d.command("serve"))
	}
	return d.client.GetWorkflow(ctx, batch.ID, batch.Run).Get(ctx, nil)
}

// follow shows the progress until each organization is ended or waits for its provider.
func (d *demo) follow(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case w := <-d.waiting:
			if err := d.decide(ctx, w); err != nil && ctx.Err() == nil {
				return err
			}
		case <-ticker.C:
			open := 0
			for _, o := range d.all {
				if err := d.update(ctx, o); err != nil && ctx.Err() == nil {
					return err
				}
				if !o.ended {
					open++
				}
			}
			if open == 0 {
				return nil
			}
		case <-ctx.Done():
			if !d.approve { // the user ends the demonstration
				return nil
			}
			return errors.New("interrupted")
		}
	}
}

// decide shows the plan of an organization, and approves it.
func (d *demo) decide(ctx context.Context, w fleet.Waiting) error {
	i := slices.IndexFunc(d.all, func(o *organization) bool { return o.id == w.ID })
	if i < 0 {
		return fmt.Errorf("the workflow %s is not one of this demonstration", w.ID)
	}
	p, err := fleet.ReadPlan(ctx, d.store, w.Plan)
	if err != nil {
		return err
	}
	d.print("%s: plan %.12s: %s", d.all[i].name, w.Digest, short(p))
	if !d.approve {
		d.print("%s: waits for: %s --by NAME --digest %s %s", d.all[i].name, d.command("approve"), w.Digest, w.ID)
		return nil
	}
	if _, err := fleet.Approve(ctx, d.client, w.ID, fleet.Approval{By: "demonstration", Digest: w.Digest}); err != nil {
		return err
	}
	d.print("%s: approved", d.all[i].name)
	return nil
}

// command returns a command of offboard-fleet with the flags that name the server and the storage.
func (d *demo) command(name string) string {
	return "offboard-fleet " + name + " --address " + d.address + " --store " + d.folder
}

// short describes a plan in one line.
func short(p *teardown.Plan) string {
	text := fmt.Sprintf("delete %q", cmp.Or(p.Organization.Name, p.Organization.ID))
	if len(p.Steps) == 0 {
		return text
	}
	return fmt.Sprintf("%s, steps: %s", text, list(p.Steps))
}

// list returns the resources of the first steps, and the number of the others.
func list(steps []teardown.Step) string {
	const shown = 3
	var parts []string
	for i, s := range steps {
		if i == shown {
			parts = append(parts, fmt.Sprintf("%d more", len(steps)-shown))
			break
		}
		text := strings.ReplaceAll(s.Kind, "_", " ")
		if s.Name != text { // the step of an action may have its name only
			text += " " + s.Name
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// update reads and shows the state of an organization.
func (d *demo) update(ctx context.Context, o *organization) error {
	if o.ended {
		return nil
	}
	state, err := fleet.Status(ctx, d.client, o.id)
	if err != nil {
		return err
	}
	o.state = state
	line := fmt.Sprintf("%d of %d steps are deleted", state.Deleted, state.Steps)
	switch {
	case state.Result != nil:
		o.ended, line = true, "outcome "+string(state.Result.Outcome)
	case state.WaitingFor == fleet.WaitingForProvider:
		o.ended, line = true, "the provider decides later; the workflow would read the organization again in an hour"
	case state.WaitingFor == fleet.WaitingForApproval, state.Plan == nil, state.Deleted == 0:
		line = ""
	}
	if !o.ended {
		// A workflow fails if no plan can be made or applied.
		description, err := d.client.DescribeWorkflow(ctx, o.id, "")
		if err != nil {
			return err
		}
		if description.WorkflowCloseTime != nil {
			o.err = d.client.GetWorkflow(ctx, o.id, "").Get(ctx, nil)
			switch {
			case temporal.IsCanceledError(o.err):
				o.ended, line = true, "canceled"
			case o.err != nil:
				o.ended, line = true, "failed: "+o.err.Error()
			}
		}
	}
	if line != "" && line != o.shown {
		d.print("%s: %s", o.name, line)
		o.shown = line
	}
	return nil
}

// outcome returns the outcome of an organization and its reason, for people.
func (d *demo) outcome(ctx context.Context, o *organization) (outcome, reason string, err error) {
	switch result := o.state.Result; {
	case temporal.IsCanceledError(o.err):
		return "canceled", "by another client", nil
	case o.err != nil:
		return "failed", o.err.Error(), nil
	case result == nil && o.state.WaitingFor == fleet.WaitingForProvider:
		return string(teardown.Pending), "the provider decides later", nil
	case result == nil:
		return "running", cmp.Or(string(o.state.WaitingFor), "-"), nil
	case result.Code == "" || result.Report == nil:
		return string(result.Outcome), string(result.Code), nil
	default:
		report, err := fleet.ReadReport(ctx, d.store, *result.Report)
		if err != nil {
			return "", "", err
		}
		var remaining []teardown.Step
		for _, s := range report.Remaining() {
			remaining = append(remaining, s.Step)
		}
		return string(result.Outcome), fmt.Sprintf("%s: %s", result.Code, list(remaining)), nil
	}
}

// table writes the outcomes, and returns an error if one differs from the state of its fake.
func (d *demo) table(ctx context.Context) error {
	fmt.Fprintln(d.out)
	t := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROVIDER\tORGANIZATION\tOUTCOME\tSTEPS\tAT THE FAKE\tREASON")
	var wrong []string
	for _, o := range d.all {
		outcome, reason, err := d.outcome(ctx, o)
		if err != nil {
			return err
		}
		exists := d.fakes[o.Provider].exists(o.Organization)
		at := "deleted"
		if exists {
			at = "exists"
		} else if outcome == string(teardown.Pending) {
			at = "queued"
		}
		claimed := outcome == string(teardown.Deleted) || outcome == string(teardown.Pending)
		// A cancellation claims nothing: a request in flight may have deleted the organization.
		canceled := temporal.IsCanceledError(o.err)
		if !canceled && (claimed == exists || o.err != nil) {
			wrong = append(wrong, o.name)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d of %d\t%s\t%s\n", o.Provider, o.Organization, outcome, o.state.Deleted, o.state.Steps, at, reason)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("wrong results: %s", strings.Join(wrong, ", "))
	}
	return nil
}
