package cli

import (
	stdcmp "cmp"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// F5 accepted the deletion, and a read shows the tenant in its queue. The first run may have
// ended before it wrote the result.
func TestApply_PendingTenantTwice(t *testing.T) {
	for name, test := range map[string]struct {
		keeps  bool // the credential works until F5 deletes the tenant
		cut    bool // the last entry of the journal is truncated
		again  int
		status int
	}{
		"valid credential":                 {keeps: true, again: exitcode.OK, status: exitcode.OK},
		"valid credential after a crash":   {keeps: true, cut: true, again: exitcode.OK, status: exitcode.OK},
		"revoked credential":               {again: exitcode.OK, status: exitcode.OK},
		"revoked credential after a crash": {cut: true, again: exitcode.Unknown, status: exitcode.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				const tenant = "acme-edge-kqzvxwbn"
				srv := volterratest.NewServer()
				srv.SetTenant(volterratest.Tenant{Name: tenant, KeepsCredential: test.keeps})
				b := newHarness(t)
				b.write("manifest.yaml", "organizations: [{provider: volterra, organization: "+tenant+", confirm: "+tenant+", email: owner@example.com}]")
				at := func(*slog.Logger) connect.Connector {
					return func(e planfile.Entry) (connect.Organization, error) {
						base, client := srv.Endpoint()
						spec := connect.Spec(e)
						spec.BaseURL = base
						return offboard.Open(t.Context(), spec, offboard.WithHTTPClient(client), offboard.WithCredentials(func(name string) (string, error) {
							return map[string]string{"F5XC_API_TOKEN": volterratest.Token}[name], nil
						}))
					}
				}
				command := func(args ...string) (int, string) {
					var out strings.Builder
					for i := range args {
						args[i] = strings.ReplaceAll(args[i], "DIR", b.dir)
					}
					code := runWith(t.Context(), args, &out, &out, at)
					return code, out.String()
				}
				if code, out := command("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != exitcode.OK {
					t.Fatalf("plan: exit code %d: %s", code, out)
				}
				if code, out := command("apply", "DIR/plan.json"); code != exitcode.OK || !strings.Contains(out, "pending") {
					t.Fatalf("exit code %d: %s", code, out)
				}
				if test.cut {
					journal := b.read("plan.json.journal")
					if err := os.Truncate(b.dir+"/plan.json.journal", int64(len(journal)-30)); err != nil {
						t.Fatal(err)
					}
				}
				if code, out := command("apply", "DIR/plan.json"); code != test.again {
					t.Errorf("again: exit code %d: %s", code, out)
				}
				if code, out := command("apply", "DIR/plan.json"); code != test.again {
					t.Errorf("a third time: exit code %d: %s", code, out)
				}
				if n := len(srv.Accepted()); n != 1 {
					t.Errorf("%d requests were accepted", n)
				}
				if code, out := command("status", "DIR/plan.json"); code != test.status {
					t.Errorf("status: exit code %d: %s", code, out)
				}
				if test.status != exitcode.OK {
					return
				}
				if code, out := command("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != exitcode.OK || !strings.Contains(out, "pending 2000-01-01") {
					t.Errorf("planned again: exit code %d: %s", code, out)
				}
				for _, name := range []string{"status", "apply"} {
					if code, out := command(name, "DIR/plan.json"); code != exitcode.OK || !strings.Contains(out, "1 organization: 1 pending\n") || len(srv.Accepted()) != 1 {
						t.Errorf("%s after it: exit code %d: %s", name, code, out)
					}
				}
			})
		})
	}
}

// fullDisk is a writer to a disk that becomes full after a number of writes.
type fullDisk struct {
	writes int
	err    syscall.Errno // ENOSPC if 0
}

func (d *fullDisk) Write(text []byte) (int, error) {
	if d.writes--; d.writes < 0 {
		return 0, &fs.PathError{Op: "write", Path: "plan.json.journal", Err: stdcmp.Or(d.err, syscall.ENOSPC)}
	}
	return len(text), nil
}

// applyWith applies a plan with a journal on a disk, and returns the program and its output.
func applyWith(b *harness, asJSON bool, disk fullDisk) (*program, *strings.Builder) {
	b.Helper()
	b.plan()
	file, err := planfile.Read(b.dir + "/plan.json")
	if err != nil {
		b.Fatal(err)
	}
	out := new(strings.Builder)
	p := &program{out: out, errOut: out, connect: b.connect, json: asJSON}
	s := applySettings{plan: "plan.json", parallel: 1, concurrency: 1, stepTimeout: defaultStepTimeout, retryFor: defaultRetryFor}
	x, err := p.prepare(file, s)
	if err != nil {
		b.Fatal(err)
	}
	p.summarize(file, x.run(b.Context(), &disk), s, nil)
	return p, out
}

func TestApply_FullDiskOfTheJournal(t *testing.T) {
	const full, large = "  The disk is full. Free space, then run the same command.\n", "  The limit of file sizes is reached. Raise the limit (ulimit -f) or free space, then run the same command.\n"
	for name, test := range map[string]struct {
		disk   fullDisk
		result string
		advice string
	}{
		"start":          {fullDisk{}, "blocked: this run changed nothing: cannot write the journal: the disk is full\n", full},
		"step":           {fullDisk{writes: 1}, "blocked: cannot write the journal: the disk is full; 0 of 3 steps deleted\n", full},
		"end of a step":  {fullDisk{writes: 2}, "blocked: cannot write the journal: the disk is full; 1 of 3 steps deleted\n", full},
		"deletion":       {fullDisk{writes: 7}, "blocked: cannot write the journal: the disk is full; 3 of 3 steps deleted\n", full},
		"quota":          {fullDisk{2, syscall.EDQUOT}, "cannot write the journal: the disk is full; ", full},
		"size of a file": {fullDisk{2, syscall.EFBIG}, "cannot write the journal: the limit of file sizes is reached; ", large},
		"other":          {fullDisk{2, syscall.EIO}, "cannot write the journal: ", "  The journal could not be written. Remove the cause, then run the same command.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				p, out := applyWith(b, false, test.disk)
				if p.code != exitcode.Failed || b.organizations[0].Deleted || !strings.Contains(out.String(), test.result) || !strings.Contains(out.String(), test.advice) || strings.Contains(out.String(), "Retry later") {
					t.Errorf("exit code %d: %s", p.code, out.String())
				}
			})
		})
	}
}

// An organization that the journal shows as deleted stays deleted if a later run cannot write its
// journal.
func TestApply_FullDiskOfALaterRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.plan()
		if code, out, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.OK {
			t.Fatalf("exit code %d: %s%s", code, out, errOut)
		}
		file, err := planfile.Read(b.dir + "/plan.json")
		if err != nil {
			t.Fatal(err)
		}
		out := new(strings.Builder)
		p := &program{out: out, errOut: out, connect: b.connect}
		s := applySettings{plan: "plan.json", parallel: 1, concurrency: 1, stepTimeout: defaultStepTimeout, retryFor: defaultRetryFor}
		x, err := p.prepare(file, s)
		if err != nil {
			t.Fatal(err)
		}
		journal, err := planfile.OpenJournal(b.dir + "/plan.json.journal")
		if err != nil {
			t.Fatal(err)
		}
		defer safefile.Release(journal.File)
		x.resume, x.records = planfile.ByOrganization(journal.Entries), planfile.NewIndex(journal.Entries)
		p.summarize(file, x.run(t.Context(), new(fullDisk)), s, nil)
		if p.code != exitcode.OK || !strings.Contains(out.String(), "\n1 organization: 1 deleted\n") || strings.Contains(out.String(), "blocked") {
			t.Errorf("exit code %d: %s", p.code, out.String())
		}
	})
}

// The disk is full after the deletion: the outcome and the exit code stay, and nothing advises to
// repeat the deletion.
func TestApply_FullDiskAfterDeletion(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		t.Run(fmt.Sprint(asJSON), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				p, out := applyWith(b, asJSON, fullDisk{writes: 8}) // all but the entry of the outcome
				want := "The journal lacks the last entry of 1 organization whose outcome is certain: internal: cannot write the journal: write plan.json.journal: no space left on device\n1 organization: 1 deleted\n"
				if asJSON {
					want = `"advice":"The outcome is certain: do not repeat the deletion. The journal lacks its last entry."`
				}
				if p.code != exitcode.OK || !b.organizations[0].Deleted || !strings.Contains(out.String(), want) || strings.Contains(out.String(), "run the same command") || strings.Contains(out.String(), "retryable") || strings.Contains(out.String(), "To resume") {
					t.Errorf("exit code %d, deleted %t: %s", p.code, b.organizations[0].Deleted, out.String())
				}
			})
		})
	}
}

// Only a second Ctrl-C stops at once: a terminal that closes may send SIGHUP twice.
func TestApply_RepeatedHangup(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				b.plan()
				go func() {
					time.Sleep(1500 * time.Millisecond)
					b.signals <- signal
					b.signals <- signal
				}()
				code, out, errOut := b.run("apply", "DIR/plan.json")
				if removed := b.organizations[0].Removed; code != exitcode.Stopped || len(removed) != 1 {
					t.Errorf("exit code %d, and %v was removed, want the running step: %s%s", code, removed, out, errOut)
				}
			})
		})
	}
}
