package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/manifest"
)

const startHelp = `Store a manifest and start a batch, which starts one workflow for each organization.
Print the ID of the batch. MANIFEST is a file, or - for the standard input.

A manifest has the keys of the manifests of the program offboard, and approvals and
remind_every. Credentials are names of variables, which the workers read. Without approvals,
each organization requires confirm. An organization whose workflow runs already keeps that
workflow, with the manifest that started it.

`

func (p *program) startCommand() *cobra.Command {
	return &cobra.Command{
		Use: "start MANIFEST", Short: "Start a batch, and print its ID", Long: startHelp + manifest.Example, Args: arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.start(cmd.Context(), args[0]) },
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
		batch, err := e.Start(ctx, ref)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.out, batch.ID)
		approvals := "no plan requires an approval"
		if n := m.Policy.Approvals; n > 0 {
			approvals = "each plan requires " + count(n, "approval")
		}
		fmt.Fprintln(p.errOut, wrapped(fmt.Sprintf("Started a batch of %s; %s. To follow it: offboard-fleet status", count(ref.Organizations, "organization"), approvals), 0, 0))
		return nil
	})
}

// readManifest reads a file, or the standard input for "-".
func (p *program) readManifest(path string) (fleet.Manifest, error) {
	if path == "-" {
		return manifest.Read(p.in, "standard input")
	}
	f, err := os.Open(path)
	if err != nil {
		return fleet.Manifest{}, err
	}
	defer f.Close()
	return manifest.Read(io.Reader(f), path)
}
