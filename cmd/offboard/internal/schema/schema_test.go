package schema

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Each schema is complete, and has the version and the description of each member.
func TestOf_AllForms(t *testing.T) {
	t.Parallel()
	for _, f := range Forms {
		text, err := Of(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler() // it loads no other file
		if err := c.AddResource("form.json", document); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Compile("form.json"); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if f.Name != "entry" && !strings.Contains(string(text), `"const": "`+f.Name+`"`) {
			t.Errorf("%s: the schema does not name the type", f.Name)
		}
	}
	var all map[string]struct {
		Description string
		Properties  map[string]struct {
			Description string
			Ref         string `json:"$ref"`
			Const       any
		}
		Required []string
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for name, d := range all {
		if d.Description == "" {
			t.Errorf("%s has no description", name)
		}
		for member, p := range d.Properties {
			if p.Description == "" && p.Ref == "" && p.Const == nil {
				t.Errorf("%s.%s has no description", name, member)
			}
		}
	}
}

func TestOf_UnknownForm(t *testing.T) {
	t.Parallel()
	if _, err := Of("sumary"); err == nil || !strings.Contains(err.Error(), "did you mean summary?") || strings.Contains(err.Error(), "sumary") {
		t.Errorf("got %v", err)
	}
}
