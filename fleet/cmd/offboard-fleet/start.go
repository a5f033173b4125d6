package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/manifest"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
)

const (
	workerWait   = 5 * time.Second // after the start of a batch, for a worker that starts at the same time
	pollInterval = 250 * time.Millisecond
)

const startHelp = `Store a manifest and start a batch, which starts one workflow for each organization.
Print the ID of the batch. MANIFEST is a file, or - for the standard input.

A manifest has the keys of the manifests of the program offboard, and approvals and
remind_every. Credentials are names of variables, which the workers read. Without approvals,
each organization requires confirm. An organization whose workflow runs already keeps that
workflow, with the manifest that started it. If no worker polls the queue, the command warns
after 5 seconds, and the batch waits.

`

func (p *program) startCommand() *cobra.Command {
	return &cobra.Command{
		Use: "start MANIFEST", Short: "Start a batch, and print its ID", Long: startHelp + manifest.Example, Args: arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.creates = true
			return p.start(cmd.Context(), args[0])
		},
	}
}

func (p *program) start(ctx context.Context, path string) error {
	m, err := p.readManifest(path)
	if err != nil {
		return usageError{err}
	}
	return p.reviewed(ctx, func(e engine.Engine, s *storage) error {
		ref, err := fleet.PutManifest(ctx, s, m)
		if err != nil {
			return err
		}
		ref.Queue = p.queue
		p.requested = "the batch may have started: offboard-fleet status shows it"
		batch, err := e.Start(ctx, ref)
		if errors.Is(err, errors.Conflict) {
			return p.running(ctx, e, review.BatchID(ref), err)
		}
		if err != nil {
			return err
		}
		p.result = "the batch " + batch.ID + " has started."
		fmt.Fprintln(p.out, batch.ID)
		approvals := "no plan requires an approval"
		if n := m.Policy.Approvals; n > 0 {
			approvals = "each plan requires " + count(n, "approval")
		}
		fmt.Fprintln(p.errOut, wrapped(fmt.Sprintf("Started a batch of %s; %s. To follow it: offboard-fleet status", count(ref.Organizations, "organization"), approvals), 0, 0))
		if p.unpolled(ctx, e) {
			fmt.Fprintln(p.errOut, wrapped(fmt.Sprintf("Warning: no worker polls the queue %s. The batch waits for one: offboard-fleet worker --queue %[1]s", printable.Text(p.queue)), 0, 0))
		}
		return nil
	})
}

// running returns the error of a batch that runs already, with its queue: a batch of a queue without a
// worker keeps its manifest from being started again.
func (p *program) running(ctx context.Context, e engine.Engine, id string, err error) error {
	queue, unknown := e.Queue(ctx, id)
	if unknown != nil {
		return err
	}
	text := "a batch of this manifest is running already, on the queue " + printable.Text(queue)
	if polled, err := e.Polled(ctx, queue); !polled && err == nil {
		text += ", which no worker polls: start one with " + workerOf(queue) + ", or cancel the batch"
	}
	return advisedError{errors.New(text), "To see the batch, or to cancel it:\n  offboard-fleet status \\\n    " + printable.Text(id) + "\n  offboard-fleet cancel \\\n    " + printable.Text(id)}
}

// unpolled reports whether no worker polls the queue, also after a wait. A server that refuses to
// answer does not report it.
func (p *program) unpolled(ctx context.Context, e engine.Engine) bool {
	ctx, cancel := context.WithTimeout(ctx, p.workerWait)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		// Without the timeout, which may end before the first answer.
		polled, err := e.Polled(context.WithoutCancel(ctx), p.queue)
		if polled || err != nil {
			return false
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return true
		}
	}
}

// readManifest reads a file, or the standard input for "-".
func (p *program) readManifest(path string) (fleet.Manifest, error) {
	if path == "-" {
		return manifest.Read(p.in, "standard input")
	}
	f, err := os.Open(path)
	if err = safefile.Error(safefile.Reading, "MANIFEST", path, err); err != nil {
		return fleet.Manifest{}, err
	}
	defer f.Close()
	return manifest.Read(io.Reader(f), path)
}
