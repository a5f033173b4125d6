// Package schema contains the JSON Schemas of the JSON forms of the program.
//
// All forms have the members type and version. All times are RFC 3339 in UTC. All time spans are
// numbers of seconds, in members whose names end in _seconds.
package schema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/spelling"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Version is the member version of all JSON forms. A form that loses a member, or whose member
// gets another meaning, gets another version. A new member does not change it.
const Version = 1

//go:embed forms.json
var text []byte

// Form is a JSON form of the program.
type Form struct{ Name, About string }

// Forms lists the JSON forms, in the order of the help texts.
var Forms = []Form{
	{"plan", "the plan file, and the output of plan --json"},
	{"event", "a line of apply --json: the start or the end of a step or an organization"},
	{"result", "a line of apply --json and demo --json: the result of an organization"},
	{"summary", "the last line of apply --json and demo --json"},
	{"status", "the output of status --json"},
	{"check", "the output of check --json"},
	{"delete", "the output of delete --json"},
	{"version", "the output of version --json"},
	{"error", "the output of any command with --json that fails before it has a result"},
	{"entry", "a line of the journal; it is that of the SDK, and has no version"},
}

// Names returns the names of all forms.
func Names() []string {
	var names []string
	for _, f := range Forms {
		names = append(names, f.Name)
	}
	return names
}

// id is the start of the identifiers of the schemas.
const id = "https://github.com/offboard-dev/offboard-go/cmd/offboard/schema/"

// Of returns the JSON Schema (draft 2020-12) of a form. It is complete: it refers to nothing
// outside of it.
func Of(name string) ([]byte, error) {
	if name == "entry" {
		return teardown.Schema(name)
	}
	if !slices.Contains(Names(), name) { // the text may be a secret
		return nil, errors.New("unknown form: use one of " + format.List(Names()) + spelling.Hint(name, Names()))
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	for _, of := range []string{"plan", "report", "entry"} {
		embedded, err := teardown.Schema(of)
		if err != nil {
			return nil, err
		}
		all["sdk_"+of] = embedded
	}
	used := map[string]json.RawMessage{}
	add(used, all, name)
	document := struct {
		Schema string                     `json:"$schema"`
		ID     string                     `json:"$id"`
		Ref    string                     `json:"$ref"`
		Defs   map[string]json.RawMessage `json:"$defs"`
	}{"https://json-schema.org/draft/2020-12/schema", fmt.Sprintf("%s%s.v%d.schema.json", id, name, Version), "#/$defs/" + name, used}
	made, err := json.MarshalIndent(document, "", "  ")
	return append(made, '\n'), err
}

// add adds a definition and those that it refers to.
func add(used, all map[string]json.RawMessage, name string) {
	if used[name] != nil {
		return
	}
	used[name] = all[name]
	for other, definition := range all {
		// A schema of the SDK has an identifier, and is referred to by it.
		reference := `"#/$defs/` + other + `"`
		if of, found := strings.CutPrefix(other, "sdk_"); found {
			reference = `/teardown/schema/` + of + `.schema.json"`
		}
		if !strings.HasPrefix(name, "sdk_") && strings.Contains(string(all[name]), reference) && definition != nil {
			add(used, all, other)
		}
	}
}
