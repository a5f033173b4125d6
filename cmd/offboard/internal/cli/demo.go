package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/demo"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planning"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/internal/output"
)

const demoHelp = `Plan and delete five organizations at fakes of the five providers. Each organization has
resources that block its deletion, and the fakes inject faults. The demonstration compares
the outcomes with the state of the fakes. It needs no account and no network.

--serve serves the fakes on the loopback interface until Ctrl-C, and writes a manifest for
them. Use it to try all other commands, in another shell that has run the lines of the
standard output. These lines set the credentials and the base URLs of all five fakes, and
unset all other credentials. Without them, check and delete reach the real providers.
`

func (p *program) demoCommand() *cobra.Command {
	var serve string
	command := &cobra.Command{
		Use:   "demo",
		Short: "Run a demonstration at fakes of the providers; needs no account",
		Long:  demoHelp,
		Example: `  offboard demo
  offboard demo --json | jq 'select(.type == "result")'
  offboard demo --serve manifest.yaml > environment &
  . ./environment; offboard check katapult org_acme
  . ./environment; offboard plan manifest.yaml -o plan.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if serve != "" {
				ctx, done := p.untilInterrupted(cmd.Context())
				defer done()
				out := layout.Raw(p.out)
				lines, ok := out.(*output.Writer)
				if ok {
					out = lines.Failing()
				}
				err := demo.Serve(ctx, serve, out, p.errOut)
				if ok && lines.Fault() != nil {
					return nil // Main prints the fault
				}
				return err
			}
			return p.demo(cmd.Context())
		},
	}
	command.Flags().StringVar(&serve, "serve", "", "serve the fakes, and write a manifest for them to this `FILE`")
	return command
}

// demo runs the demonstration. It returns an error if an outcome differs from the state of
// the fakes.
func (p *program) demo(ctx context.Context) error {
	scenes := demo.NewScenes()
	text := p.out
	if p.json {
		text = io.Discard
	}
	p.connect = demo.Connect(scenes)
	results, err := demo.Run(ctx, text, scenes, demo.Program{
		Plan: func(ctx context.Context, m *planfile.Manifest) (*planfile.File, error) {
			file, _, err := planning.Plan(ctx, m, nil, p.connector(nil), len(scenes), planning.Earlier{})
			return file, err
		},
		Apply: func(ctx context.Context, file *planfile.File) ([]report.Result, error) {
			x, err := p.prepare(file, applySettings{parallel: len(scenes), concurrency: 8, stepTimeout: defaultStepTimeout, retryFor: defaultRetryFor})
			if err != nil {
				return nil, err
			}
			return x.run(ctx, io.Discard), nil
		},
	})
	if p.json && results != nil {
		p.emit(report.Summarize(results, p.code))
	}
	return err
}
