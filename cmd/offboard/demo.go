package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planning"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/providers"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/safefile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
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
				return serveScenes(ctx, serve, p.out, p.errOut)
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
	scenes := newScenes()
	text := p.out
	if p.json {
		text = io.Discard
	}
	p.connect = connectScenes(scenes)
	results, err := runDemo(ctx, text, scenes, demonstrated{
		plan: func(ctx context.Context, m *planfile.Manifest) (*planfile.File, error) {
			file, _, err := planning.Plan(ctx, m, nil, p.connector(nil), len(scenes))
			return file, err
		},
		apply: func(ctx context.Context, file *planfile.File) ([]report.Result, error) {
			x, err := p.prepare(file, applySettings{parallel: len(scenes), concurrency: 8})
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

// demonstrated is the program that the demonstration runs. It connects to the scenes.
type demonstrated struct {
	plan  func(context.Context, *planfile.Manifest) (*planfile.File, error)
	apply func(context.Context, *planfile.File) ([]report.Result, error)
}

// runDemo runs the demonstration and shows it as text. It returns an error if an outcome
// differs from the state of the fakes.
func runDemo(ctx context.Context, text io.Writer, scenes []*scene, p demonstrated) ([]report.Result, error) {
	fmt.Fprint(text, "Five organizations at fakes of five providers, in memory: no account and no network.\n")

	fmt.Fprint(text, "\n1. The plans: blockers, and what is deleted along with each organization:\n\n")
	m := new(planfile.Manifest)
	for _, s := range scenes {
		m.Organizations = append(m.Organizations, s.entry)
	}
	before, err := p.plan(ctx, m)
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

	fmt.Fprint(text, "\n3. Manual steps, which no API can do:\n\n")
	for _, s := range scenes {
		if done := s.manualStep(); done != "" {
			fmt.Fprintf(text, "   %-9s  %s\n", s.entry.Provider, done)
		}
	}

	fmt.Fprint(text, "\n4. New plans are applied. The fakes inject faults: 429 with Retry-After, 503, and\n   responses lost after the request was processed.\n\n")
	file, err := p.plan(ctx, m)
	if err != nil {
		return nil, err
	}
	attempts := make([]int, len(scenes)) // so far
	for i, s := range scenes {
		attempts[i] = s.server.Count(s.deletion)
		s.injectFaults()
	}
	results, err := p.apply(ctx, file)
	if err != nil {
		return nil, err
	}

	fmt.Fprint(text, "\n5. The results, compared with the state of the fakes:\n\n")
	t := table.NewWriter()
	t.SetOutputMirror(text)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"provider", "organization", "result", "state of the fake", "steps", "attempts", "time", "requests"})
	var wrong []error
	for i, s := range scenes {
		r := results[i]
		t.AppendRow(table.Row{
			r.Provider, r.Organization.Name, shortOutcome(r), s.actual(), fmt.Sprintf("%d/%d", r.Done, r.Total),
			s.server.Count(s.deletion) - attempts[i], fmt.Sprintf("%.1fs", r.Took.Seconds()), requests(s),
		})
		wrong = append(wrong, s.check(r))
	}
	t.Render()
	for _, r := range results {
		report.Explain(text, r)
	}
	if err := errors.Join(wrong...); err != nil {
		return results, exitcode.With(exitcode.Failed, err)
	}
	return results, nil
}

// shortOutcome returns the text of a result without what a pending deletion depends on. The
// live view shows that.
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

// showDeletionErrors deletes each organization without a teardown, and shows the errors of
// the providers, or of the client before it sends the request.
func showDeletionErrors(ctx context.Context, w io.Writer, scenes []*scene) error {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"provider", "organization", "code", "blockers"})
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "blockers", WidthMax: 46, WidthMaxEnforcer: text.WrapSoft}})
	for _, s := range scenes {
		e, ok := errors.AsType[*errors.Error](s.attempt(ctx))
		if !ok {
			return fmt.Errorf("%s: the deletion did not fail", s.entry.Provider)
		}
		var blockers []string
		for _, step := range e.Steps {
			blockers = append(blockers, step.Name)
		}
		if len(blockers) == 0 {
			blockers = []string{problem.Short(e)}
		}
		t.AppendRow(table.Row{s.entry.Provider, s.entry.Confirm, string(e.Code), printable.Text(strings.Join(blockers, ", "))})
	}
	t.Render()
	return nil
}

// requests returns the number of requests that reached a fake, and how many of them its rate
// limit refused.
func requests(s *scene) string {
	all := s.server.Requests()
	limited := 0
	for _, r := range all {
		if r.Status == http.StatusTooManyRequests {
			limited++
		}
	}
	return fmt.Sprintf("%d, %d limited", len(all), limited)
}

// serveScenes serves the fakes until the context ends. It writes a manifest to the named file,
// the commands that set the environment to out, and instructions to errOut.
func serveScenes(ctx context.Context, name string, out, errOut io.Writer) error {
	if err := safefile.CheckReplaceable(name, "a manifest of demo --serve", isServed); err != nil {
		return safefile.Error("--serve", name, err)
	}
	scenes := newScenes()
	m, environment := listen(scenes)
	defer closeScenes(scenes)
	text, err := yaml.Marshal(m)
	if err != nil {
		return err
	}
	if err := safefile.Write(name, append([]byte(served), text...)); err != nil {
		return safefile.Error("--serve", name, err)
	}
	writeEnvironment(out, environment)
	fmt.Fprintf(errOut, `Serving the fakes until Ctrl-C. In another shell, run the lines of the standard output:
they set the credentials and the base URLs of the fakes, and unset all other credentials.
Without them, check and delete reach the real providers. Then, for example:
  offboard plan %s -o plan.json
  offboard check %s %s
`, format.ShellQuote(name), scenes[0].entry.Provider, scenes[0].entry.Organization)
	<-ctx.Done()
	return nil
}

// writeEnvironment writes shell commands that set the variables of an environment, and unset
// all others that the clients of the providers read, so that the fakes never get a credential
// of a real account and no request goes to another base URL.
func writeEnvironment(out io.Writer, environment map[string]string) {
	for _, p := range providers.All {
		for _, variable := range slices.Concat(p.Variables, p.Others) {
			if _, set := environment[variable]; !set {
				fmt.Fprintf(out, "unset %s\n", variable)
			}
		}
	}
	for _, variable := range slices.Sorted(maps.Keys(environment)) {
		fmt.Fprintf(out, "export %s=%s\n", variable, format.ShellQuote(environment[variable]))
	}
}

// listen does the manual steps, serves the fakes, and returns a manifest and an environment
// for them.
func listen(scenes []*scene) (*planfile.Manifest, map[string]string) {
	m, environment := new(planfile.Manifest), map[string]string{}
	for _, s := range scenes {
		s.manualStep()
		s.entry.BaseURL = s.server.Start()
		m.Organizations = append(m.Organizations, s.entry)
		for variable, value := range s.environment {
			if value == "" {
				value = s.entry.BaseURL
			}
			environment[variable] = value
		}
		environment[providers.BaseURLVariable(s.entry.Provider)] = s.entry.BaseURL
	}
	return m, environment
}

// closeScenes closes the fakes that listen serves.
func closeScenes(scenes []*scene) {
	for _, s := range scenes {
		s.server.Close()
	}
}
