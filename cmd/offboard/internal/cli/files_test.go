package cli

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/teardown"
)

// link links a file, and skips the test if the system cannot.
func link(t *testing.T, make func(old, new string) error, old, new string) {
	t.Helper()
	if err := make(old, new); err != nil {
		t.Skip(err)
	}
}

// contents returns the texts of all regular files of a directory.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	items, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if !item.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, item.Name()))
		if err != nil {
			t.Fatal(err)
		}
		texts[item.Name()] = string(text)
	}
	return texts
}

// Not parallel: the test sets the environment.
func TestFiles_InputIsNeverOverwritten(t *testing.T) {
	b := newHarness(t, scripted.Hosting())
	b.plan()
	b.write("key.json", `{"keyId":"1"}`)
	b.write("cert.pem", "certificate")
	b.write("journal", `{"time":"2000-01-01T00:00:00Z","provider":"katapult","organization":"org_9","kind":"started"}`+"\n")
	link(t, os.Symlink, "manifest.yaml", b.dir+"/manifest-link")
	link(t, os.Symlink, "plan.json", b.dir+"/plan-link")
	link(t, os.Symlink, "plan-link", b.dir+"/plan-link-link")
	link(t, os.Link, b.dir+"/manifest.yaml", b.dir+"/manifest-hard")
	link(t, os.Link, b.dir+"/plan.json", b.dir+"/plan-hard")
	link(t, os.Symlink, b.dir, b.dir+"/folder")
	link(t, os.Symlink, "new", b.dir+"/to-new") // its target does not exist
	link(t, os.Symlink, "key.json", b.dir+"/key-link")
	t.Setenv("ZITADEL_KEY_PATH", b.dir+"/key.json")
	t.Setenv("VOLT_API_CERT", b.dir+"/cert.pem")
	before := contents(t, b.dir)
	for _, args := range []string{
		"plan DIR/manifest.yaml -o DIR/manifest.yaml",
		"plan DIR/manifest.yaml -o DIR/./folder/manifest.yaml",
		"plan DIR/manifest.yaml -o DIR/manifest-link",
		"plan DIR/manifest-link -o DIR/manifest.yaml",
		"plan DIR/manifest.yaml -o DIR/manifest-hard",
		"plan DIR/manifest.yaml -o DIR/key.json",
		"plan DIR/manifest.yaml -o DIR/key-link",
		"plan DIR/manifest.yaml -o DIR/cert.pem",
		"apply DIR/plan.json --journal DIR/plan.json",
		"apply DIR/plan.json --journal DIR/folder/plan.json",
		"apply DIR/plan.json --journal DIR/plan-link-link",
		"apply DIR/plan-link --journal DIR/plan.json",
		"apply DIR/plan.json --journal DIR/plan-hard",
		"apply DIR/plan.json --journal DIR/key.json",
		"apply DIR/plan.json --report DIR/plan.json",
		"apply DIR/plan.json --report DIR/plan-hard",
		"apply DIR/plan.json --report DIR/cert.pem",
		"apply DIR/plan.json --report DIR/plan.json.journal",
		"apply DIR/plan.json --report DIR/folder/plan.json.journal",
		"apply DIR/plan.json --report DIR/journal --journal DIR/journal",
		"apply DIR/plan.json --report DIR/new --journal DIR/new",
		"apply DIR/plan.json --report DIR/new --journal DIR/folder/../folder/new",
		"apply DIR/plan.json --report DIR/to-new --journal DIR/new",
		"apply DIR/plan.json --report DIR/new --journal DIR/to-new",
	} {
		code, _, errOut := b.run(strings.Fields(args)...)
		if code != exitcode.Usage || !strings.Contains(errOut, "is the same file as") || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit code %d: %s", args, code, errOut)
		}
		if b.organizations[0].Touched() {
			t.Fatalf("%s: something was changed", args)
		}
		if diff := cmp.Diff(before, contents(t, b.dir)); diff != "" {
			t.Fatalf("%s: files (-before +after):\n%s", args, diff)
		}
	}
}

// The standard input is also a file of the command.
func TestFiles_StandardInputIsNeverOverwritten(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.manifest()
	in, err := os.Open(b.dir + "/manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out, errOut strings.Builder
	p := &program{in: in, out: &out, errOut: &errOut, connect: b.connect, signals: b.signals}
	if code := p.run(t.Context(), []string{"plan", "-", "-o", b.dir + "/manifest.yaml"}); code != exitcode.Usage || !strings.Contains(errOut.String(), "is the same file as the manifest") {
		t.Errorf("exit code %d: %s", code, errOut.String())
	}
}

func TestFiles_OnlyOwnFilesAreReplaced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.plan()
		old := b.read("plan.json")
		report := "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>Teardown report, 2000-01-01 00:00:00 UTC</title>\n"
		journal := "\n" + `{"time":"2000-01-01T00:00:00Z","provider":"katapult","organization":"org_9","kind":"started"}` + "\n"
		for name, test := range map[string]struct {
			text                string
			output, report, log bool // may be written to
		}{
			"empty":          {"", true, true, true},
			"a plan":         {old, true, false, false},
			"a changed plan": {strings.Replace(old, "web-1", "web-2", 1), true, false, false},
			"a report":       {report, false, true, false},
			"a journal":      {journal, false, false, true},
			"cut at once":    {journal[:20], false, false, true},
			"cut later":      {journal + journal[:40], false, false, true},
			"a manifest":     {b.read("manifest.yaml"), false, false, false},
			"a letter":       {"Dear Jane,\n", false, false, false},
			"other JSON":     {`{"version":1,"name":"package"}`, false, false, false},
			"JSON lines":     {`{"type":"result"}` + "\n" + `{"type":"summary"}` + "\n", false, false, false},
			"another page":   {"<!DOCTYPE html>\n<title>Home</title>\n", false, false, false},
			"a key":          {"-----BEGIN PRIVATE KEY-----\n", false, false, false},
		} {
			for _, try := range []struct {
				args string
				ok   bool
			}{
				{"plan DIR/manifest.yaml -o DIR/file", test.output},
				{"apply DIR/plan.json --report DIR/file", test.report},
				{"apply DIR/plan.json --journal DIR/file", test.log},
			} {
				b.write("file", test.text)
				b.write("plan.json", old)
				b.organizations[0].Deleted, b.organizations[0].Absent = false, nil
				code, _, errOut := b.run(strings.Fields(try.args)...)
				if try.ok != (code == exitcode.OK) || !try.ok && code != exitcode.Usage {
					t.Errorf("%s: %s: exit code %d: %s", name, try.args, code, errOut)
				}
				if after := b.read("file"); !try.ok && after != test.text {
					t.Errorf("%s: %s: the file was changed", name, try.args)
				}
				if !try.ok && b.organizations[0].Deleted {
					t.Errorf("%s: %s: something was deleted", name, try.args)
				}
				// A journal is the only proof of deletions.
				if !try.ok && test.log && test.text == journal && errOut != "offboard: DIR/file is a journal: name another file\n" {
					t.Errorf("%s: %s: got %s", name, try.args, errOut)
				}
			}
		}
	})
}

func TestFiles_ErrorNamesFileAndCause(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.plan()
	for args, want := range map[string]string{
		"plan DIR/nothing.yaml":                      "cannot read DIR/nothing.yaml: the file does not exist",
		"plan DIR/manifest.yaml/x":                   "cannot read DIR/manifest.yaml/x: a part of the path is not a directory",
		"plan DIR":                                   "DIR is a directory: must be a regular file; give - to read the standard input",
		"plan DIR/manifest.yaml -o DIR/none/a.json":  "cannot write DIR/none/a.json: the directory DIR/none does not exist",
		"plan DIR/manifest.yaml --html DIR/none/a":   "cannot write DIR/none/a: the directory DIR/none does not exist",
		"apply DIR/nothing":                          "cannot read DIR/nothing: the file does not exist",
		"apply DIR/plan.json --journal DIR/none/a":   "cannot write DIR/none/a: the directory DIR/none does not exist",
		"apply DIR/plan.json --report DIR/none/a":    "cannot write DIR/none/a: the directory DIR/none does not exist",
		"status DIR/nothing.json":                    "cannot read DIR/nothing.json: the file does not exist",
		"status DIR/plan.json --journal DIR/nothing": "cannot read DIR/nothing: the file does not exist",
		"man DIR/none":                               "cannot write DIR/none/offboard.1: the directory DIR/none does not exist",
		"demo --serve DIR/none/manifest.yaml":        "cannot write DIR/none/manifest.yaml: the directory DIR/none does not exist",
		"demo --serve DIR/plan.json/manifest.yaml":   "cannot write DIR/plan.json/manifest.yaml: a part of the path is not a directory",
	} {
		code, _, errOut := b.run(strings.Fields(args)...)
		if code != exitcode.Usage || errOut != "offboard: "+want+"\n" {
			t.Errorf("%s: exit code %d: got %q, want %q", args, code, errOut, want)
		}
	}
}

func TestServe_OnlyOwnManifestIsReplaced(t *testing.T) {
	t.Parallel()
	b := newHarness(t)
	b.write("manifest.yaml", "organizations: []\n")
	if code, _, errOut := b.run("demo", "--serve", "DIR/manifest.yaml"); code != exitcode.Usage || !strings.Contains(errOut, "is not a manifest of demo --serve") {
		t.Errorf("exit code %d: %s", code, errOut)
	}
}

// Opening a FIFO without another end would block forever.
func TestFiles_OnlyRegularFiles(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.plan()
	if err := makeFIFO(b.dir + "/fifo"); err != nil {
		t.Skip(err)
	}
	link(t, os.Symlink, "fifo", b.dir+"/fifo-link")
	if err := os.Mkdir(b.dir+"/folder", 0o700); err != nil {
		t.Fatal(err)
	}
	kinds := []string{"DIR/fifo", "DIR/fifo-link", "DIR/folder", "/dev/null"}
	// The directory of a test may exceed the limit of socket names.
	if socket, err := net.Listen("unix", b.dir+"/s"); err == nil {
		t.Cleanup(func() { socket.Close() })
		kinds = append(kinds, "DIR/s")
	}
	for _, name := range kinds {
		for _, args := range []string{
			"plan NAME", "plan DIR/manifest.yaml -o NAME", "apply NAME", "status NAME", "apply DIR/plan.json --journal NAME",
			"apply DIR/plan.json --report NAME", "status DIR/plan.json --journal NAME", "demo --serve NAME",
		} {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				code, _, errOut := b.run(strings.Fields(strings.ReplaceAll(args, "NAME", name))...)
				if code != exitcode.Usage || !strings.Contains(errOut, "must be a regular file") {
					t.Errorf("%s: %s: exit code %d: %s", name, args, code, errOut)
				}
			}()
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Fatalf("%s: %s: the command waits", name, args)
			}
		}
	}
	if b.organizations[0].Touched() {
		t.Error("something was changed")
	}
}

func TestApply_UnwrittenReportHidesNothing(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting(), scripted.Tenant())
				b.organizations[0].Steps[0].Manual = true
				b.manifest()
				b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
				if err := os.Mkdir(b.dir+"/reports", 0o700); err != nil {
					t.Fatal(err)
				}
				go func() {
					time.Sleep(time.Second / 2) // remove the directory during apply
					if err := os.RemoveAll(b.dir + "/reports"); err != nil {
						t.Error(err)
					}
				}()
				args := []string{"apply", "DIR/plan.json", "--report", "DIR/reports/report.html"}
				wants := []string{"pending: F5 deletes it", "1 manual", "To resume: "}
				if format == "json" {
					args, wants = append(args, "--json"), []string{`"type":"summary"`, `"outcomes":{"blocked":1,"pending":1}`, `"exit_code":3`, `"report_problem":{"text":`}
				}
				code, out, errOut := b.run(args...)
				if code != exitcode.Blocked || !strings.Contains(errOut, "the report was not written: ") || strings.Contains(out, "Report:") {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				for _, want := range wants {
					if !strings.Contains(out, want) {
						t.Errorf("the output does not contain %q:\n%s", want, out)
					}
				}
			})
		})
	}
}

// The exit code is that of the outcome.
func TestApply_UnwrittenReportKeepsExitCode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.plan()
		b.organizations[0].Remove = func(teardown.Step) error { return os.RemoveAll(b.dir + "/reports") }
		if err := os.Mkdir(b.dir+"/reports", 0o700); err != nil {
			t.Fatal(err)
		}
		code, out, errOut := b.run("apply", "DIR/plan.json", "--report", "DIR/reports/report.html")
		if code != exitcode.OK || !strings.Contains(out, "deleted") || !strings.Contains(errOut, "the report was not written") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	})
}

func TestApply_SecondAtTheSameTimeIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.plan()
		link(t, os.Link, b.dir+"/plan.json", b.dir+"/other.json")
		b.write("third.json", b.read("plan.json"))
		started, free := make(chan struct{}), make(chan struct{})
		first := true
		b.organizations[0].Remove = func(teardown.Step) error {
			if first {
				first = false
				close(started)
				<-free
			}
			return nil
		}
		ended := make(chan int)
		go func() {
			code, _, _ := b.run("apply", "DIR/plan.json")
			ended <- code
		}()
		<-started
		for _, args := range []string{
			"apply DIR/plan.json", "apply DIR/plan.json --journal DIR/another", "apply DIR/other.json",
			"apply DIR/third.json --journal DIR/plan.json.journal", "plan DIR/manifest.yaml -o DIR/plan.json",
		} {
			if code, _, errOut := b.run(strings.Fields(args)...); code != exitcode.Failed || !strings.Contains(errOut, "is in use by another offboard apply") {
				t.Errorf("%s: exit code %d: %s", args, code, errOut)
			}
		}
		if code, out, errOut := b.run("status", "DIR/plan.json", "--offline"); code != exitcode.Blocked || !strings.Contains(out, "started") {
			t.Errorf("status meanwhile: exit code %d: %s%s", code, out, errOut)
		}
		if _, err := os.Stat(b.dir + "/another"); err == nil {
			t.Error("a refused run created a journal")
		}
		close(free)
		if code := <-ended; code != exitcode.OK {
			t.Errorf("the first: exit code %d", code)
		}
		if code, _, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.OK {
			t.Errorf("afterwards: exit code %d: %s", code, errOut)
		}
	})
}

// Neither the name of a file nor that of an organization can control the terminal.
func TestOutput_UnprintableNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file has such a name")
	}
	bubble(t, func(t *testing.T) {
		const name = "a\x1b[2J\u202eb"
		b := newHarness(t, scripted.Named("org_1", name), scripted.Named("org_2", name))
		b.write(name+".yaml", "organizations: [{provider: katapult, organization: org_1}, {provider: katapult, organization: org_2}]\n")
		b.write("other"+name+".yaml", "organizations: 5\n")
		b.write("damaged"+name+".json", "{")
		b.write("damaged"+name+".journal", `{"time":`+"\n{}\n")
		file, plan := "DIR/"+name, "DIR/"+name+".json"
		for _, args := range [][]string{
			{"plan", file + ".yaml", "-o", plan}, {"plan", file + ".yaml", "--only", "org_1"}, {"plan", file + ".yaml", "--view", "table"},
			{"plan", file + ".yaml", "--view", "dot"}, {"plan", file + ".yaml", "--view", "mermaid"}, {"plan", file + ".yaml", "--deny", "org_1"},
			{"plan", "DIR/other" + name + ".yaml"}, {"plan", "DIR/missing" + name + ".yaml"}, {"plan", "DIR"}, {"plan", file + ".yaml", "-o", "DIR/" + name + "/plan.json"},
			{"plan", file + ".yaml", "-o", "DIR/damaged" + name + ".json"}, {"plan", file + ".yaml", "-o", file + ".yaml"},
			{"plan", file + ".yaml", "--journal", "DIR/damaged" + name + ".journal"}, {"plan", file + ".yaml", "--html", plan},
			{"status", plan}, {"status", plan, "-v"}, {"status", "DIR/damaged" + name + ".json"}, {"status", plan, "--journal", plan}, {"status", plan, "--deny", name},
			{"apply", plan}, {"apply", plan, "--confirm", name}, {"apply", plan, "--confirm", "org_1"}, {"apply", plan, "--confirm", "None"}, {"apply", plan, "--report", plan},
			{"apply", plan, "--only", "org_1", "--confirm", name, "-v", "--report", file + ".html"}, {"apply", "DIR/missing" + name + ".json"}, {"apply", "DIR/damaged" + name + ".json"},
			{"check", "katapult", "org_2"}, {"delete", "katapult", "org_2", "--confirm", "None"}, {"delete", "katapult", "org_2", "--confirm", name}, {"man", file + "-man"},
		} {
			code, out, errOut := b.run(args...)
			if i := strings.IndexFunc(out+errOut, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%q: exit code %d: %q", args, code, out+errOut)
			}
			if code == exitcode.OK && args[0] == "status" && !strings.Contains(out, "a\uFFFD[2J\uFFFDb") {
				t.Errorf("%q: the name is missing: %s", args, out)
			}
		}
	})
}

// A flag in place of the name of a file is refused before anything is written.
func TestFiles_FlagInPlaceOfName(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.plan()
	for _, args := range [][]string{
		{"demo", "--serve", "--json"}, {"plan", "DIR/manifest.yaml", "-o", "--json"}, {"plan", "DIR/manifest.yaml", "--html", "-v"},
		{"apply", "DIR/plan.json", "--report", "--json"}, {"apply", "DIR/plan.json", "--journal", "-"}, {"status", "DIR/plan.json", "--journal", "--offline"},
	} {
		if code, out, errOut := b.run(args...); code != exitcode.Usage || !strings.Contains(errOut, "requires the name of a file, and its value begins with a hyphen") {
			t.Errorf("%q: exit code %d: %s%s", args, code, out, errOut)
		}
	}
}

// An empty name of a file is refused: a variable of a script may be unset.
func TestFlags_EmptyFile(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.plan()
	for _, args := range [][]string{
		{"demo", "--serve", ""}, {"plan", "DIR/manifest.yaml", "--output", ""}, {"plan", "DIR/manifest.yaml", "--html", ""}, {"plan", "DIR/manifest.yaml", "--journal", ""},
		{"apply", "DIR/plan.json", "--report", ""}, {"apply", "DIR/plan.json", "--journal", ""}, {"status", "DIR/plan.json", "--journal", ""},
	} {
		if code, out, errOut := b.run(args...); code != exitcode.Usage || errOut != "offboard: "+args[len(args)-2]+" is empty: name a file\n" || b.organizations[0].Touched() {
			t.Errorf("%q: exit code %d: %s%s", args, code, out, errOut)
		}
	}
}

// A plan that is not written states how to write it, if apply can delete something.
func TestPlan_NotWritten(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.manifest()
	if _, out, _ := b.run("plan", "DIR/manifest.yaml", "--only", "org_1"); !strings.HasSuffix(out, "Nothing was changed.\nTo write the plan for apply: offboard plan DIR/manifest.yaml --only org_1 -o plan.json\n") {
		t.Errorf("got %s", out)
	}
	b.in = b.read("manifest.yaml")
	if _, out, _ := b.run("plan", "-"); !strings.HasSuffix(out, "To write the plan for apply, add -o FILE.\n") {
		t.Errorf("standard input: got %s", out)
	}
}
