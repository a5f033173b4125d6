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

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
)

const demoHelp = `Show it all with doubles in place of the providers: five organizations, each with what
can stand in the way of its deletion, are planned, cleared in order and deleted while
things go wrong. The verdicts are held against what really happened at the doubles. No
account is needed, and no network is used.

With --serve the doubles listen on the loopback interface until Ctrl-C, and a manifest
for them is written: all other commands can be tried on them, from another shell that has
run the lines of the standard output. They set the credentials and the base URLs of all
five doubles and unset all other credentials. Without them check and delete reach the
real providers.
`

func (p *program) demoCommand() *cobra.Command {
	var serve string
	command := &cobra.Command{
		Use:   "demo",
		Short: "Show it all with doubles in place of the providers; no account is needed",
		Long:  demoHelp,
		Example: `  offboard demo
  offboard demo --json | jq 'select(.type == "verdict")'
  offboard demo --serve manifest.yaml > environment &
  . ./environment; offboard check katapult org_acme
  . ./environment; offboard plan manifest.yaml -o plan.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if serve != "" {
				return p.serve(cmd.Context(), serve)
			}
			return p.demo(cmd.Context())
		},
	}
	command.Flags().StringVar(&serve, "serve", "", "let the doubles listen, and write a manifest for them to this `FILE`")
	return command
}

// demo shows five organizations from blocked to gone.
func (p *program) demo(ctx context.Context) error {
	scenes := newScenes()
	text := p.out
	if p.json {
		text = io.Discard
	}
	p.connect = connectScenes(scenes)
	fmt.Fprint(text, "Five organizations at five providers. Doubles in memory play the providers: no\naccount is needed, and no network is used.\n")

	fmt.Fprint(text, "\n1. What has to go, and what goes along:\n\n")
	m := new(manifest)
	for _, s := range scenes {
		m.Organizations = append(m.Organizations, s.entry)
	}
	before, _, err := p.plan(ctx, m, len(scenes))
	if err != nil {
		return err
	}
	if err := showBefore(text, before); err != nil {
		return err
	}

	fmt.Fprint(text, "2. Each is deleted as it is, and refused:\n\n")
	if err := showDeletionErrors(ctx, text, scenes); err != nil {
		return err
	}

	fmt.Fprint(text, "\n3. What no API can do, people do:\n\n")
	for _, s := range scenes {
		if done := s.manualStep(); done != "" {
			fmt.Fprintf(text, "   %-9s  %s\n", s.entry.Provider, done)
		}
	}

	fmt.Fprint(text, "\n4. All is planned again and carried out, while things go wrong: 429 with a wait, a\n   page of 503, answers that are lost after the work was done.\n\n")
	file, _, err := p.plan(ctx, m, len(scenes))
	if err != nil {
		return err
	}
	attempts := make([]int, len(scenes)) // so far
	for i, s := range scenes {
		attempts[i] = s.server.Count(s.deletion)
		s.server.Fail(s.faults...)
	}
	x, err := p.prepare(file, applySettings{parallel: len(scenes), concurrency: 8})
	if err != nil {
		return err
	}
	results := x.run(ctx, io.Discard)

	fmt.Fprint(text, "\n5. The verdicts, beside what really happened at the doubles:\n\n")
	t := table.NewWriter()
	t.SetOutputMirror(text)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"provider", "organization", "verdict", "truth", "steps", "attempts", "time", "requests"})
	var wrong []error
	for i, s := range scenes {
		v := results[i]
		t.AppendRow(table.Row{
			v.Provider, v.Organization.Name, shortOutcome(v), s.actual(), fmt.Sprintf("%d/%d", v.Done, v.Total),
			s.server.Count(s.deletion) - attempts[i], fmt.Sprintf("%.1fs", v.took.Seconds()), requests(s),
		})
		wrong = append(wrong, s.check(v))
	}
	t.Render()
	if p.json {
		p.emit(summaryOf(results, p.code))
	}
	for _, v := range results {
		if !p.json {
			p.explain(v)
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return &exitError{exitFailed, err}
	}
	return nil
}

// shortOutcome leaves out what a pending deletion depends on, which the live view has
// told.
func shortOutcome(v result) string {
	if v.Outcome == "pending" {
		return string(v.Outcome)
	}
	return v.text()
}

// showBefore shows plans, and why each organization would be refused as it is.
func showBefore(text io.Writer, file *planFile) error {
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
			fmt.Fprintf(text, "   refused as it is: %s\n", short(err))
		}
		fmt.Fprintln(text)
	}
	return nil
}

// showDeletionErrors has each organization deleted as it is, which its provider, or the
// client before it sends anything, refuses for its own reason.
func showDeletionErrors(ctx context.Context, w io.Writer, scenes []*scene) error {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"provider", "organization", "code", "what stands in the way"})
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "what stands in the way", WidthMax: 56, WidthMaxEnforcer: text.WrapSoft}})
	for _, s := range scenes {
		e, ok := errors.AsType[*errors.Error](s.attempt(ctx))
		if !ok {
			return fmt.Errorf("%s: it was not refused", s.entry.Provider)
		}
		var connection []string
		for _, step := range e.Steps {
			connection = append(connection, step.Name)
		}
		if len(connection) == 0 {
			connection = []string{short(e)}
		}
		t.AppendRow(table.Row{s.entry.Provider, s.entry.Confirm, string(e.Code), printable.Text(strings.Join(connection, ", "))})
	}
	t.Render()
	return nil
}

// requests counts those that reached a double, and what it refused by its limit.
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

// serve lets the doubles listen until it is interrupted.
func (p *program) serve(ctx context.Context, name string) error {
	if err := checkReplaceable(name, "a manifest of demo --serve", isServed); err != nil {
		return fileError("--serve", name, err)
	}
	scenes := newScenes()
	m, environment := listen(scenes)
	defer closeScenes(scenes)
	text, err := yaml.Marshal(m)
	if err != nil {
		return err
	}
	if err := writeWhole(name, append([]byte(served), text...)); err != nil {
		return fileError("--serve", name, err)
	}
	writeEnvironment(p.out, environment)
	fmt.Fprintf(p.errOut, `The doubles listen until Ctrl-C. In another shell, run the lines of the standard output,
which let every command reach the doubles and take away all other credentials. Without
them check and delete reach the real providers. Then, for example:
  offboard plan %s -o plan.json
  offboard check %s %s
`, quoted(name), scenes[0].entry.Provider, scenes[0].entry.Organization)
	ctx, done := p.untilInterrupted(ctx)
	defer done()
	<-ctx.Done()
	return nil
}

// writeEnvironment writes shell commands that set the variables of an environment and
// unset all others that the clients of the providers read: a credential of a real account
// is not left for the doubles, and no other base URL.
func writeEnvironment(out io.Writer, environment map[string]string) {
	for _, p := range providers {
		for _, variable := range slices.Concat(p.variables, p.others) {
			if _, set := environment[variable]; !set {
				fmt.Fprintf(out, "unset %s\n", variable)
			}
		}
	}
	for _, variable := range slices.Sorted(maps.Keys(environment)) {
		fmt.Fprintf(out, "export %s=%s\n", variable, quoted(environment[variable]))
	}
}

// listen does by hand what no API can, lets the doubles listen, and returns a manifest
// and the environment that lead to them.
func listen(scenes []*scene) (*manifest, map[string]string) {
	m, environment := new(manifest), map[string]string{}
	for _, s := range scenes {
		s.manualStep()
		s.entry.BaseURL = s.server.Start() + s.path
		m.Organizations = append(m.Organizations, s.entry)
		for variable, value := range s.environment {
			if value == "" {
				value = s.entry.BaseURL
			}
			environment[variable] = value
		}
		environment[baseURLVariable(s.entry.Provider)] = s.entry.BaseURL
	}
	return m, environment
}

// closeScenes ends what listen began.
func closeScenes(scenes []*scene) {
	for _, s := range scenes {
		s.server.Close()
	}
}
