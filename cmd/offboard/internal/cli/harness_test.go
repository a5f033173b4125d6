package cli

import (
	stdcmp "cmp"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/screentest"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/internal/providers"
)

// harness runs the program with scripted organizations, in a temporary directory.
type harness struct {
	*testing.T
	dir           string
	organizations []*scripted.Organization
	in            string
	signals       chan os.Signal
	columns       int // of the terminal; 0 is a pipe
}

func newHarness(t *testing.T, organizations ...*scripted.Organization) *harness {
	return &harness{T: t, dir: t.TempDir(), organizations: organizations, signals: make(chan os.Signal, 2)}
}

// connect opens the scripted organizations.
func (b *harness) connect(*slog.Logger) connect.Connector {
	return func(e planfile.Entry) (connect.Organization, error) {
		for _, o := range b.organizations {
			if o.Provider == e.Provider && stdcmp.Or(o.Alias, o.ID) == e.Organization {
				return o, nil
			}
		}
		for _, o := range b.organizations {
			if o.Provider == e.Provider && o.ID == e.Organization { // an ID also finds an organization with an alias
				return o, nil
			}
		}
		return nil, fmt.Errorf("unknown organization %s", e.Organization)
	}
}

// run runs a command. DIR stands for the directory in arguments and in the output.
func (b *harness) run(args ...string) (code int, out, errOut string) {
	o, e := screentest.Terminal{Columns: b.columns}, screentest.Terminal{Columns: b.columns}
	p := &program{in: strings.NewReader(b.in), out: &o, errOut: &e, connect: b.connect, signals: b.signals}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", b.dir)
	}
	code = p.run(b.Context(), args)
	return code, b.hideDir(o.String()), b.hideDir(e.String())
}

// quotedDir matches a file in the directory as the program prints it if the name of the
// directory contains a space.
var quotedDir = regexp.MustCompile(`'(DIR/[a-z.]+)'`)

// hideDir replaces the name of the directory, which differs between runs.
func (b *harness) hideDir(text string) string {
	return quotedDir.ReplaceAllString(strings.ReplaceAll(text, b.dir, "DIR"), "$1")
}

// write writes a file.
func (b *harness) write(name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *harness) read(name string) string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// manifest writes a manifest that confirms all organizations by their names.
func (b *harness) manifest(more ...string) {
	text := "organizations:\n"
	for _, o := range b.organizations {
		text += fmt.Sprintf("  - provider: %s\n    organization: %q\n    confirm: %q\n", o.Provider, stdcmp.Or(o.Alias, o.ID), o.Organization.Name)
		if o.Provider == providers.F5 {
			text += "    email: owner@example.com\n"
		}
		for _, line := range more {
			text += "    " + line + "\n"
		}
	}
	b.write("manifest.yaml", text)
}

// plan writes a manifest and a plan file.
func (b *harness) plan(more ...string) {
	b.Helper()
	b.manifest(more...)
	if code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != exitcode.OK && code != exitcode.NotConfirmed {
		b.Fatalf("exit code %d: %s%s", code, out, errOut)
	}
}
