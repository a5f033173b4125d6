package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/offboard-dev/offboard-go/teardown"
)

// formOf compiles the schema of a JSON form of package teardown.
func formOf(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := teardown.Schema(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// lines returns the JSON values of a file, one in each line.
func lines(t *testing.T, path ...string) []any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	var all []any
	s := bufio.NewScanner(bytes.NewReader(text))
	s.Buffer(nil, len(text)+1)
	for s.Scan() {
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		t.Fatalf("%v has no values", path)
	}
	return all
}

// The samples of the tests of package teardown are valid.
func TestSchema_Samples(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plan", "report", "event", "entry"} {
		schema := formOf(t, name)
		for _, v := range lines(t, "teardown", "testdata", name+".jsonl") {
			if err := schema.Validate(v); err != nil {
				t.Errorf("%s: %v\n%v", name, err, v)
			}
		}
	}
}

// So are the entries of a program that deletes at five providers.
func TestSchema_Journal(t *testing.T) {
	t.Parallel()
	schema := formOf(t, "entry")
	for _, v := range lines(t, "cmd", "offboard", "internal", "cli", "testdata", "journal.jsonl") {
		if err := schema.Validate(v); err != nil {
			t.Errorf("%v\n%v", err, v)
		}
	}
}

// A value with a member of another type, with an unknown member, or without a required
// member is invalid, at each depth.
func TestSchema_Invalid(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plan", "report", "event", "entry"} {
		schema := formOf(t, name)
		changed := 0
		for _, v := range lines(t, "teardown", "testdata", name+".jsonl") {
			for _, c := range changes(v) {
				changed++
				if schema.Validate(c.value) == nil {
					t.Errorf("%s: valid with %s", name, c.change)
				}
			}
		}
		if changed == 0 {
			t.Errorf("%s: nothing was changed", name)
		}
	}
	required := map[string][]string{
		"plan":   {"version", "provider", "organization", "created_at", "expires_at", "steps", "fingerprint"},
		"report": {"provider", "organization", "outcome", "started_at", "finished_at", "steps"},
		"event":  {"time", "provider", "organization", "kind", "done", "total"},
		"entry":  {"time", "provider", "organization", "kind"},
	}
	for name, members := range required {
		schema := formOf(t, name)
		v := lines(t, "teardown", "testdata", name+".jsonl")[0].(map[string]any)
		for _, member := range members {
			bare := maps.Clone(v)
			delete(bare, member)
			if schema.Validate(bare) == nil {
				t.Errorf("%s: valid without %s", name, member)
			}
		}
	}
}

type change struct {
	change string
	value  any
}

// changes returns copies of a value, each with one invalid change. A detail of an error and
// the ref of a step may be any value.
func changes(v any) []change {
	var all []change
	switch v := v.(type) {
	case map[string]any:
		unknown := maps.Clone(v)
		unknown["unknown_member"] = "x"
		all = append(all, change{"an unknown member", unknown})
		for name, member := range v {
			if name == "detail" || name == "ref" {
				continue
			}
			replace := func(what string, by any) {
				c := maps.Clone(v)
				c[name] = by
				all = append(all, change{name + ": " + what, c})
			}
			replace("null", nil)
			switch member.(type) {
			case string:
				replace("a number", json.Number("1"))
			default:
				replace("a string", "x")
			}
			switch name {
			case "state", "outcome":
				replace("an unknown value", "other")
			case "time", "created_at", "started_at":
				replace("no time", "yesterday")
			}
			for _, c := range changes(member) {
				replace(c.change, c.value)
			}
		}
	case []any:
		for i := range v {
			for _, c := range changes(v[i]) {
				list := append([]any(nil), v...)
				list[i] = c.value
				all = append(all, change{c.change, list})
			}
		}
	}
	return all
}
