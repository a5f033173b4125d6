package cli

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// forms are the compiled schemas that offboard schema prints.
func forms(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	compiled := map[string]*jsonschema.Schema{}
	for _, name := range schema.Names() {
		code, out, errOut := newHarness(t).run("schema", name)
		if code != exitcode.OK {
			t.Fatalf("%s: exit code %d: %s", name, code, errOut)
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource(name+".json", document); err != nil {
			t.Fatal(err)
		}
		if compiled[name], err = c.Compile(name + ".json"); err != nil {
			t.Fatal(err)
		}
	}
	return compiled
}

// documents returns the JSON values of an output.
func documents(t *testing.T, out string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for decoder := json.NewDecoder(strings.NewReader(out)); decoder.More(); {
		var d map[string]any
		if err := decoder.Decode(&d); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		all = append(all, d)
	}
	return all
}

// Every document of every command is valid by the schema of its type.
func TestSchema_OutputOfAllCommands(t *testing.T) {
	bubble(t, func(t *testing.T) {
		compiled := forms(t)
		seen := map[string]bool{}
		valid := func(out string) {
			t.Helper()
			for _, d := range documents(t, out) {
				name, _ := d["type"].(string)
				s := compiled[name]
				if s == nil || d["version"] != float64(schema.Version) {
					t.Errorf("type %q, version %v: %v", name, d["version"], d)
					continue
				}
				seen[name] = true
				text, err := json.Marshal(d)
				if err != nil {
					t.Fatal(err)
				}
				value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Validate(value); err != nil {
					t.Errorf("%s: %v\n%s", name, err, text)
				}
				for _, match := range regexp.MustCompile(`"(\w*time|\w*_at|expires\w*)":"([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
					if _, err := time.Parse(time.RFC3339, match[2]); err != nil || !strings.HasSuffix(match[2], "Z") {
						t.Errorf("%s: %s is %q", name, match[1], match[2])
					}
				}
			}
		}
		failing, lost, missing, manual := scripted.Hosting(), scripted.Tenant(), scripted.Hosting(), scripted.Hosting()
		failing.Waits = func(progress func(string)) { progress("stopping the machine") }
		attempts := 0
		failing.Remove = func(s teardown.Step) error {
			attempts++
			if s.Kind != "disk" {
				return nil
			}
			if attempts < 4 {
				return &errors.Error{Provider: "katapult", Operation: "DeleteDisk", Target: s.ID, Code: errors.Unavailable, Status: 503}
			}
			return &errors.Error{
				Provider: "katapult", Operation: "DeleteDisk", Target: s.ID, Code: errors.PermissionDenied, Status: 403, ProviderCode: "no",
				RequestID: "req-1", Message: "no", RetryAfter: 90 * time.Second, Steps: []errors.Step{{Name: "disks", Description: "remove"}},
			}
		}
		missing.ID, missing.Deleted = "org_2", true
		manual.ID, manual.Organization.Name, manual.Steps[0].Manual = "org_3", "Manual", true
		manual.Steps[0].Requires, manual.Steps[1].Requires = []teardown.Override{teardown.Partial}, []teardown.Override{teardown.TerminationProtection}
		b := newHarness(t, failing, lost, missing, manual, scripted.Named("org_9", "Other"), scripted.Named("org_7", "Denied"))
		b.manifest("override: [partial]")
		b.write("manifest.yaml", b.read("manifest.yaml")+"deny: [org_7]\n")
		for _, args := range [][]string{
			{"version"}, {"check", "katapult", "org_1"}, {"check", "katapult", "org_9"}, {"check", "katapult", "org_2"},
			{"delete", "katapult", "org_1", "--confirm", "Acme"}, {"delete", "katapult", "org_9", "--confirm", "Other"},
			{"plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"}, {"plan", "DIR/none.yaml"},
			{"plan", "DIR/manifest.yaml", "--only", "org_1", "--allow", "org_1", "--deny", "org_3"},
			{"status", "DIR/plan.json", "--offline"}, {"status", "DIR/plan.json"},
			{"apply", "DIR/plan.json", "--parallel", "1"}, {"status", "DIR/plan.json"}, {"status", "DIR/plan.json", "--timeout", "1ns"},
			{"apply", "DIR/plan.json", "--only", "Acme Hosting", "--report", "DIR/none/report.html"}, {"apply", "DIR/plan.json", "--nothing"},
		} {
			code, out, errOut := b.run(append(args, "--json")...)
			if out == "" {
				t.Errorf("%v: exit code %d without JSON: %s", args, code, errOut)
			}
			valid(out)
		}
		valid(b.read("plan.json"))
		for _, name := range schema.Names() {
			if name != "entry" && !seen[name] {
				t.Errorf("no output has the type %s", name)
			}
		}
		entry := compiled["entry"]
		for line := range strings.Lines(b.read("plan.json.journal")) {
			if line == "\n" {
				continue
			}
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			if err != nil {
				t.Fatal(err)
			}
			if err := entry.Validate(value); err != nil {
				t.Error(err)
			}
		}
	})
}

// The schemas name exactly the members of the Go types.
func TestSchema_MembersOfAllTypes(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]any{
		"plan": planfile.File{}, "status": statusDocument{}, "check": deletion{}, "version": versionDocument{}, "error": failure{},
		"summary": report.Summarize(nil, 0), "problem": problem.Problem{}, "organization_status": organizationStatus{},
		"planned": planfile.Planned{}, "manifest_entry": planfile.Entry{}, "planned_overrides": planfile.Overrides{}, "planned_deletion": planfile.Deletion{}, "organization": teardown.Organization{}, "step": errors.Step{},
	} {
		form := name
		switch name {
		case "problem", "step":
			form = "error"
		case "organization_status", "organization":
			form = "status"
		case "planned", "manifest_entry", "planned_overrides", "planned_deletion":
			form = "plan"
		}
		text, err := schema.Of(form)
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Defs map[string]struct{ Properties map[string]any } `json:"$defs"`
		}
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for member := range document.Defs[name].Properties {
			got = append(got, member)
		}
		for _, field := range reflect.VisibleFields(reflect.TypeOf(of)) {
			member, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if member != "" && member != "-" && (name != "check" || member != "outcome") { // delete has the same type
				want = append(want, member)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %v, and the type %v", name, got, want)
		}
	}
}

func TestMan_Pages(t *testing.T) {
	t.Parallel()
	b := newHarness(t)
	code, out, errOut := b.run("man", "DIR")
	if code != exitcode.OK || !strings.Contains(out, "man pages in DIR") {
		t.Fatalf("exit code %d: %s%s", code, out, errOut)
	}
	if page := b.read("offboard-apply.1"); !strings.HasPrefix(page, ".nh\n.TH \"OFFBOARD-APPLY\"") || !strings.Contains(page, "\\fB--only\\fP") {
		t.Errorf("got %s", page)
	}
	if page := b.read("offboard.1"); !strings.Contains(page, "  3  blocked: blockers must be removed first\n") {
		t.Errorf("the lines of the exit codes are joined: %s", page)
	}
	before := b.read("offboard.1")
	if code, _, errOut := b.run("man", "DIR"); code != exitcode.OK || b.read("offboard.1") != before {
		t.Errorf("again: exit code %d: %s", code, errOut)
	}
	b.write("offboard-plan.1", "notes\n")
	b.write("offboard.1", before+"\n")
	if code, _, errOut := b.run("man", "DIR"); code != exitcode.Usage || b.read("offboard-plan.1") != "notes\n" || b.read("offboard.1") != before+"\n" {
		t.Errorf("a file of another program: exit code %d: %s", code, errOut)
	}
	if code, _, errOut := b.run("man", "DIR/none"); code != exitcode.Usage {
		t.Errorf("a directory that does not exist: exit code %d: %s", code, errOut)
	}
}
