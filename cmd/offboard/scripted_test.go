package main

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/providers"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// scripted is an organization whose behavior a test sets. The teardown engine itself applies
// its plans.
type scripted struct {
	provider string
	teardown.Organization
	alias         string // the name in the manifest; the ID if empty
	steps         []teardown.Step
	cascades      []teardown.Cascade
	deletionError *errors.Error
	outcome       teardown.Deletion

	duration    time.Duration                 // of each removal
	remove      func(teardown.Step) error     // the error of a removal; nil for none
	deleteError error                         // of Delete
	waits       func(progress func(s string)) // what a removal waits for

	mu      sync.Mutex
	absent  map[string]bool
	removed []string
	deleted bool
}

func (s *scripted) Identify(ctx context.Context) (teardown.Organization, error) {
	p, err := s.Plan(ctx)
	if err != nil {
		return teardown.Organization{}, err
	}
	return p.Organization, nil
}

func (s *scripted) Check(ctx context.Context) error {
	p, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	return p.Err()
}

func (s *scripted) Plan(ctx context.Context) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, teardown.FromBlocking(driver{s}), s.Organization)
}

func (s *scripted) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	time.Sleep(time.Second) // another organization finishes first
	return teardown.Execute(ctx, teardown.FromBlocking(driver{s}), p, options...)
}

func (s *scripted) Delete(ctx context.Context) error {
	_, err := driver{s}.Delete(ctx, s.Organization)
	return err
}

// driver is the [teardown.BlockingDriver] of a scripted organization.
type driver struct{ of *scripted }

func (d driver) Provider() (name, instance string) { return d.of.provider, "" }

func (d driver) Inspect(context.Context, teardown.Organization, *teardown.Plan) (*teardown.Plan, error) {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.of.deleted {
		return nil, &errors.Error{Provider: d.of.provider, Operation: "Plan", Target: d.of.ID, Code: errors.OrganizationNotFound, Status: 404}
	}
	p := &teardown.Plan{Provider: d.of.provider, Organization: d.of.Organization, Cascades: d.of.cascades, DeletionError: d.of.deletionError}
	for _, step := range d.of.steps {
		if !d.of.absent[step.ID] {
			step.After = slices.DeleteFunc(slices.Clone(step.After), func(id string) bool { return d.of.absent[id] })
			p.Steps = append(p.Steps, step)
		}
	}
	return p, nil
}

func (d driver) Remove(ctx context.Context, _ teardown.Organization, step teardown.Step, progress func(string)) error {
	if d.of.waits != nil {
		d.of.waits(progress)
	}
	select {
	case <-time.After(d.of.duration):
	case <-ctx.Done():
		return ctx.Err()
	}
	if d.of.remove != nil {
		if err := d.of.remove(step); err != nil {
			return err
		}
	}
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.of.absent == nil {
		d.of.absent = map[string]bool{}
	}
	d.of.absent[step.ID] = true
	d.of.removed = append(d.of.removed, step.ID)
	return nil
}

func (d driver) IsDeleted(_ context.Context, _ teardown.Organization, step teardown.Step) (bool, error) {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	return d.of.absent[step.ID], nil
}

func (d driver) Delete(context.Context, teardown.Organization) (teardown.Deletion, error) {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	d.of.deleted = d.of.outcome.Outcome == teardown.Deleted
	if d.of.deleteError != nil {
		return teardown.Deletion{}, d.of.deleteError
	}
	return d.of.outcome, nil
}

// touched reports whether anything was removed or deleted.
func (s *scripted) touched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deleted || len(s.removed) > 0
}

var blocked = &errors.Error{Operation: "CheckDeletion", Code: errors.DeletionStepsNotSatisfied, Status: 409, RequestID: "req-before"}

// hosting returns an organization with a machine, a disk and a trash.
func hosting() *scripted {
	return &scripted{
		provider: "katapult", Organization: teardown.Organization{ID: "org_1", Name: "Acme Hosting"},
		deletionError: blocked, outcome: teardown.Deletion{Outcome: teardown.Deleted}, duration: 2 * time.Second,
		steps: []teardown.Step{
			{ID: "virtual_machine/vm_1", Kind: "virtual_machine", Name: "web-1", Why: "it runs", Removal: "stop and delete it"},
			{ID: "disk/disk_1", Kind: "disk", Name: "data-1", Why: "it exists", Removal: "detach and delete it", After: []string{"virtual_machine/vm_1"}},
			{ID: "trash/all", Kind: "trash", Name: "trash", Why: "it is not empty", Removal: "purge it", After: []string{"virtual_machine/vm_1", "disk/disk_1"}},
		},
	}
}

// tenant returns an organization whose deletion is pending.
func tenant() *scripted {
	return &scripted{
		provider: "volterra", Organization: teardown.Organization{ID: "acme-edge", Name: "acme-edge"},
		outcome:  teardown.Deletion{Outcome: teardown.Pending, PendingOn: "F5 deletes it after its grace period"},
		cascades: []teardown.Cascade{{Kind: "namespace", Count: 3, Names: []string{"shop", "blog"}, Note: "with all that is in them"}},
	}
}

// harness runs the program with scripted organizations, in a temporary directory.
type harness struct {
	*testing.T
	dir           string
	organizations []*scripted
	in            string
	signals       chan os.Signal
}

func newHarness(t *testing.T, organizations ...*scripted) *harness {
	return &harness{T: t, dir: t.TempDir(), organizations: organizations, signals: make(chan os.Signal, 2)}
}

// connect opens the scripted organizations.
func (b *harness) connect(*slog.Logger) connector {
	return func(e planfile.Entry) (organization, error) {
		for _, o := range b.organizations {
			if o.provider == e.Provider && stdcmp.Or(o.alias, o.ID) == e.Organization {
				return o, nil
			}
		}
		return nil, fmt.Errorf("unknown organization %s", e.Organization)
	}
}

// run runs a command. DIR stands for the directory in arguments and in the output.
func (b *harness) run(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
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
		text += fmt.Sprintf("  - provider: %s\n    organization: %q\n    confirm: %q\n", o.provider, stdcmp.Or(o.alias, o.ID), o.Organization.Name)
		if o.provider == providers.F5 {
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
