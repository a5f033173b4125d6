package drift_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/internal/conformance/drift"
)

const head = `
openapi: 3.0.3
info: {title: t, version: "1"}
servers: [{url: "https://api.test.invalid/v1/"}]
`

const ours = head + `
paths:
  /items/{item_id}:
    get:
      parameters:
        - {name: item_id, in: path, required: true, schema: {type: string}}
        - {name: page, in: query, schema: {type: integer}}
        - {name: org, in: query, style: deepObject, schema: {oneOf: [{properties: {id: {type: string}}}, {properties: {name: {type: string}}}]}}
      responses:
        "200":
          description: ok
          content: {application/vnd.2023-02-01+json: {schema: {$ref: "#/components/schemas/Item"}}}
        "404": {description: none, x-codes: [not_found, archived]}
    put:
      requestBody: {content: {application/json: {schema: {properties: {name: {type: string}}}}}}
      responses: {"204": {description: ok}}
components:
  schemas:
    Item:
      type: object
      properties:
        id: {type: string}
        state: {$ref: "#/components/schemas/State"}
        parts:
          type: array
          items: {allOf: [{$ref: "#/components/schemas/Part"}], description: of it}
    State: {type: string, enum: [NEW, OLD]}
    Part:
      type: object
      properties: {size: {type: integer}, made: {type: string, format: date-time}}
`

// The same API in a vendor's style.
const same = head + `
paths:
  /items/{id}:
    get:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: page, in: query, schema: {type: integer}}
        - {name: "org[id]", in: query, schema: {type: string}}
        - {name: "org[name]", in: query, schema: {type: string}}
      responses:
        "200":
          description: ok
          content:
            application/vnd.2023-01-01+json: {schema: {type: object}}
            application/vnd.2023-02-01+json:
              schema:
                allOf:
                  - {properties: {id: {type: string}}}
                  - type: object
                    properties:
                      state: {type: string, enum: [NEW, OLD]}
                      parts: {type: array, items: {type: object, properties: {size: {type: integer}, made: {type: string, format: date-time}}}}
        "404":
          description: none
          content:
            application/json:
              schema:
                oneOf:
                  - {properties: {code: {type: string, enum: [not_found]}}}
                  - {properties: {code: {type: string, enum: [archived]}}}
    put:
      requestBody: {content: {application/json: {schema: {properties: {name: {type: string}}}}}}
      responses: {"204": {description: ok}}
    delete:
      responses: {"204": {description: not in ours}}
`

func load(t *testing.T, source string) *openapi3.T {
	t.Helper()
	file := filepath.Join(t.TempDir(), "spec.yaml")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	spec, err := drift.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestCompare_Differences(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		old, new string // in the vendor's description
		want     []string
	}{
		"none":                         {"", "", nil},
		"an operation is missing":      {"    put:\n", "    patch:\n", []string{"PUT /items/{item_id} (ours)"}},
		"another path":                 {"/items/{id}:", "/theItems/{id}:", []string{"GET /items/{item_id} (ours)", "PUT /items/{item_id} (ours)"}},
		"a new parameter":              {"- {name: page", "- {name: sort, in: query, schema: {type: string}}\n        - {name: page", []string{"GET /items/{item_id}?sort (vendor)"}},
		"a parameter is missing":       {`        - {name: "org[name]", in: query, schema: {type: string}}` + "\n", "", []string{"GET /items/{item_id}?org[name] (ours)"}},
		"a parameter is required":      {"name: page, in: query, ", "name: page, in: query, required: true, ", []string{"GET /items/{item_id}?page ()"}},
		"a parameter has another type": {"name: page, in: query, schema: {type: integer", "name: page, in: query, schema: {type: string", []string{"GET /items/{item_id}?page ()"}},
		"a new header":                 {"- {name: page", "- {name: X-Org, in: header, schema: {type: string}}\n        - {name: page", []string{"GET /items/{item_id}?x-org (vendor)"}},
		"a new status":                 {`"404":`, "\"409\": {description: new}\n        \"404\":", []string{"GET /items/{item_id} 409 (vendor)"}},
		"another status":               {`{"204": {description: ok}}`, `{"202": {description: ok}}`, []string{"PUT /items/{item_id} 202 (vendor)", "PUT /items/{item_id} 204 (ours)"}},
		"a new error code":             {"enum: [archived]", "enum: [archived, trashed]", []string{"GET /items/{item_id} 404 trashed (vendor)"}},
		"an error code is missing":     {"enum: [archived]", "enum: [not_found]", []string{"GET /items/{item_id} 404 archived (ours)"}},
		"a new property":               {"id: {type: string}", "id: {type: string}, name: {type: string}", []string{"Item.name (vendor)"}},
		"a property is missing":        {"size: {type: integer}, ", "", []string{"Part.size (ours)"}},
		"a property is a number":       {"size: {type: integer}", "size: {type: number}", []string{"Part.size ()"}},
		"a date is a text":             {"made: {type: string, format: date-time}", "made: {type: string}", []string{"Part.made ()"}},
		"a new enum value":             {"[NEW, OLD]", "[NEW, OLD, LOST]", []string{`State "LOST" (vendor)`}},
		"an enum value is missing":     {"[NEW, OLD]", "[NEW]", []string{`State "OLD" (ours)`}},
		"a new property of a request":  {"schema: {properties: {name: {type: string}}}", "schema: {properties: {name: {type: string}, size: {type: integer}}}", []string{"PUT /items/{item_id} body.size (vendor)"}},
		"nothing is sent":              {"      requestBody: {content: {application/json: {schema: {properties: {name: {type: string}}}}}}\n", "", []string{"PUT /items/{item_id} body (ours)"}},
		"another media type is sent":   {"{content: {application/json: {schema: {properties: {name", "{content: {application/vnd.2024-01-01+json: {schema: {properties: {name", []string{"PUT /items/{item_id} body application/json (ours)"}},
		"a newer media type":           {"application/vnd.2023-01-01+json: {schema: {type: object}}", "application/vnd.2024-01-01+json: {schema: {type: object, properties: {id: {type: string}, state: {type: string, enum: [NEW, OLD]}, parts: {type: array, items: {type: object, properties: {size: {type: integer}, made: {type: string, format: date-time}}}}}}}", []string{"GET /items/{item_id} 200 application/vnd.2024-01-01+json (vendor)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vendor := strings.Replace(same, test.old, test.new, 1)
			if test.old != "" && vendor == same {
				t.Fatalf("%q is missing", test.old)
			}
			var got []string
			for _, d := range drift.Compare(load(t, ours), []*openapi3.T{load(t, vendor)}) {
				got = append(got, d.Where+" ("+string(d.Only)+")")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplain_NamedPlacesOnly(t *testing.T) {
	t.Parallel()
	a, b := drift.Difference{Where: "Item.name", Only: drift.Vendor}, drift.Difference{Where: "Item.name", Only: drift.Ours}
	for where, want := range map[string][]drift.Difference{
		"Item.name": {b}, "Item.*": {b}, "Item": {a, b}, "Item.nam": {a, b}, "Item?name": {a, b}, ".*": {a, b}, "*": {b},
	} {
		unexplained, _, unused := drift.Explain([]drift.Difference{a, b}, []drift.Deviation{{Where: where, Only: drift.Vendor}})
		if diff := cmp.Diff(want, unexplained); diff != "" {
			t.Errorf("%s: unexplained (-want +got):\n%s", where, diff)
		}
		if got := len(unused) == 1; got != (len(want) == 2) {
			t.Errorf("%s: unused is %t", where, got)
		}
	}
}

func TestReadDeviations_ReasonRequired(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"- {where: Item, reason: r, source: s}":                  true,
		"- {where: [Item], reason: r, source: s}":                true,
		"- {where: [], reason: r, source: s}":                    false,
		"- {where: {a: b}, reason: r, source: s}":                false,
		"- {where: Item, only: ours, reason: r, source: s}":      true,
		"- {where: Item, only: ous, reason: r, source: s}":       false,
		"- {where: Item, reason: r}":                             false,
		"- {where: Item, source: s}":                             false,
		"- {reason: r, source: s}":                               false,
		"- {where: Item, reason: r, source: s, explanation: no}": false,
	} {
		file := filepath.Join(t.TempDir(), "deviations.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := drift.ReadDeviations(file); (err == nil) != ok || ok != (len(all) == 1) {
			t.Errorf("%s: got %v, %v", text, all, err)
		}
	}
	if all, err := drift.ReadDeviations(filepath.Join(t.TempDir(), "none.yaml")); err != nil || all != nil {
		t.Errorf("got %v, %v for no file", all, err)
	}
}
