package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/internal/safefile"
)

// Serve serves the fakes until the context ends. It writes a manifest to the named file,
// the commands that set the environment to out, and instructions to errOut.
func Serve(ctx context.Context, name string, out, errOut io.Writer) error {
	if err := safefile.CheckReplaceable(name, "a manifest of demo --serve", isServed); err != nil {
		return safefile.Error(safefile.Writing, "--serve", name, err)
	}
	scenes := NewScenes()
	m, environment := Listen(scenes)
	defer Close(scenes)
	text, err := yaml.Marshal(m)
	if err != nil {
		return err
	}
	if err := safefile.Write(name, append([]byte(served), text...)); err != nil {
		return safefile.Error(safefile.Writing, "--serve", name, err)
	}
	if _, err := io.WriteString(out, shellLines(environment)); err != nil {
		return err // without the lines, the fakes cannot be used
	}
	fmt.Fprintf(errOut, `Serving the fakes until Ctrl-C. In another shell, run the lines of the standard output:
they set the credentials and the base URLs of the fakes, and unset all other credentials.
Without them, check and delete reach the real providers. Then, for example:
  offboard plan %s -o plan.json
  offboard check %s %s
`, format.ShellQuote(name), scenes[0].entry.Provider, scenes[0].entry.Organization)
	<-ctx.Done()
	return nil
}

// shellLines returns shell commands that set the variables of an environment, and unset
// all others that the clients of the providers read, so that the fakes never get a credential
// of a real account and no request goes to another base URL.
func shellLines(environment map[string]string) string {
	var b strings.Builder
	for _, p := range providers.All {
		for _, variable := range slices.Concat(p.Variables, p.Others) {
			if _, set := environment[variable]; !set {
				fmt.Fprintf(&b, "unset %s\n", variable)
			}
		}
	}
	for _, variable := range slices.Sorted(maps.Keys(environment)) {
		fmt.Fprintf(&b, "export %s=%s\n", variable, format.ShellQuote(environment[variable]))
	}
	return b.String()
}

// Listen does the manual steps, serves the fakes, and returns a manifest and an environment
// for them.
func Listen(scenes []*Scene) (*planfile.Manifest, map[string]string) {
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

// Close closes the fakes that [Listen] serves.
func Close(scenes []*Scene) {
	for _, s := range scenes {
		s.server.Close()
	}
}

// served is the first line of the manifests that offboard demo --serve writes.
const served = "# Written by offboard demo --serve.\n"

// isServed reports whether a text is a manifest of offboard demo --serve.
func isServed(text []byte) bool { return bytes.HasPrefix(text, []byte(served)) }
