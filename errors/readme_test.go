// SPDX-License-Identifier: Apache-2.0

package errors_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
)

// The examples of README.md are what this package writes.
func TestREADME_Examples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	for _, part := range strings.Split(string(text), "```json\n")[1:] {
		example, _, _ := strings.Cut(part, "```")
		examples = append(examples, example)
	}
	if len(examples) != 2 {
		t.Fatalf("README.md has %d examples in JSON, want 2", len(examples))
	}
	parse := func(text string) (v map[string]any) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}

	var e errors.Error
	if err := json.Unmarshal([]byte(examples[0]), &e); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(e)
	if err != nil || !reflect.DeepEqual(parse(string(encoded)), parse(examples[0])) {
		t.Errorf("the example of an error is encoded as %s, %v", encoded, err)
	}

	file, example := parse(string(errors.CodesJSON())), parse(examples[1])
	found := false
	for _, entry := range file["codes"].([]any) {
		found = found || reflect.DeepEqual(entry, example["codes"].([]any)[0])
	}
	if !found || file["version"] != example["version"] {
		t.Error("the example of codes.json is not in codes.json")
	}

	// Every member of the form is explained.
	form := reflect.TypeOf(full()).Elem()
	if encoded, err = json.Marshal(full()); err != nil {
		t.Fatal(err)
	}
	members := parse(string(encoded))
	if len(members) != form.NumField() {
		t.Errorf("the form of an error has %d members, and an Error has %d fields", len(members), form.NumField())
	}
	for member := range members {
		if !strings.Contains(string(text), "| `"+member+"` |") {
			t.Errorf("README.md does not explain %s", member)
		}
	}
}
