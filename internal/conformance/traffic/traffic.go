// Package traffic compares HTTP exchanges with the descriptions of their APIs: ours, and
// the vendor's if available.
package traffic

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/offboard-dev/offboard-go/internal/conformance/drift"
)

// Exchange is a request and its answer.
type Exchange struct {
	Operation    string
	Method       string
	Path         string // escaped, with the path of the base URL
	Query        string
	Header       http.Header
	Body         []byte
	Status       int
	AnswerHeader http.Header
	Answer       []byte
}

// Sum returns the same value for equal exchanges.
func (x *Exchange) Sum() [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %q %d %q", x.Operation, x.Method, x.Path, x.Query, x.Status, x.Header["X-Zitadel-Orgid"])
	h.Write(x.Body)
	h.Write(x.Answer)
	return [sha256.Size]byte(h.Sum(nil))
}

// API is the API of one provider, in our description and the vendor's.
type API struct {
	Ours    *openapi3.T
	Vendors []*openapi3.T // nil for none

	// Seen are names of properties of real answers. The vendor need not describe them.
	Seen map[string]bool

	found map[string][2]*drift.Operation // ours and the vendor's, by method and path
}

// Find returns our operation of an exchange; nil for none.
func (a *API) Find(x *Exchange) *drift.Operation { return a.find(x)[0] }

func (a *API) find(x *Exchange) [2]*drift.Operation {
	key := x.Method + " " + x.Path
	found, ok := a.found[key]
	if !ok {
		found[0] = drift.Find([]*openapi3.T{a.Ours}, x.Method, x.Path)
		if found[0] != nil {
			found[1] = drift.Find(a.Vendors, x.Method, x.Path)
		}
		if a.found == nil {
			a.found = map[string][2]*drift.Operation{}
		}
		a.found[key] = found
	}
	return found
}

// Faults returns the parts of an exchange that the descriptions do not allow. A request
// that was refused as invalid is not checked, and neither is an error that is not JSON.
// Errors are not compared with the vendor's description: Katapult's shows them without
// their envelope, and others declare strings or nothing.
func (a *API) Faults(x *Exchange, request bool) []string {
	found := a.find(x)
	mine, theirs := found[0], found[1]
	if mine == nil {
		return []string{"no operation of ours"}
	}
	all := check{schemas: []*drift.Operation{mine}, seen: a.Seen}
	if theirs != nil {
		all.schemas = append(all.schemas, theirs)
	}
	if request && x.Status != http.StatusBadRequest {
		all.request(x, mine, "ours")
		if theirs != nil {
			all.request(x, theirs, "the vendor's")
		}
	}
	all.answer(x, mine, "ours")
	if theirs != nil && x.Status < 300 {
		all.answer(x, theirs, "the vendor's")
	}
	return all.faults
}

type check struct {
	schemas []*drift.Operation
	seen    map[string]bool
	faults  []string
}

func (c *check) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *check) request(x *Exchange, op *drift.Operation, whose string) {
	query, err := url.ParseQuery(x.Query)
	if err != nil {
		c.fault("query: %v", err)
	}
	parameters := op.Named()
	for name, values := range query {
		p, ok := parameters[name]
		if !ok {
			if whose == "ours" {
				c.fault("query: %s is not in %s", name, whose)
			}
			continue
		}
		for _, value := range values {
			if err := visit(p.Schema, typed(p.Schema, value)); err != nil {
				c.fault("query: %s=%s: %s: %v", name, value, whose, err)
			}
		}
	}
	for name, p := range parameters {
		if p.Required && !query.Has(name) && x.Header.Get(name) == "" {
			c.fault("%s is missing, by %s", name, whose)
		}
	}
	schema := op.Request()
	switch {
	case schema == nil && len(x.Body) > 0 && whose == "ours":
		c.fault("request body: none is documented in %s", whose)
	case schema == nil || len(x.Body) == 0 && !op.BodyRequired():
	default:
		c.json("request body", x.Body, schema, whose)
		if got := x.Header.Get("Content-Type"); !slices.Contains(op.RequestTypes(), got) {
			c.fault("request: Content-Type %q is not in %s", got, whose)
		}
		if whose == "ours" {
			c.unknown("request body", x.Body, func(op *drift.Operation) *openapi3.SchemaRef { return op.Request() })
		}
	}
}

// accepts reports whether an answer accepts a removal, in a form that providers were
// recorded to use although they document no body.
func accepts(x *Exchange) bool {
	return x.Method == http.MethodDelete && x.Status < 300 && string(x.Answer) == "{}"
}

func (c *check) answer(x *Exchange, op *drift.Operation, whose string) {
	documented, schema := op.Answer(x.Status)
	switch {
	case !documented && whose != "ours" && accepts(x):
		// The deviations name it.
	case !documented:
		c.fault("status %d is not in %s", x.Status, whose)
	case schema == nil && len(x.Answer) > 0 && whose == "ours" && !accepts(x):
		c.fault("answer: a body that is not documented in %s", whose)
	case x.Status >= 400 && !json.Valid(x.Answer):
	case schema != nil:
		c.json("answer", x.Answer, schema, whose)
		if len(c.schemas) == 2 && whose == "ours" && x.Status < 300 {
			c.unknown("answer", x.Answer, func(op *drift.Operation) *openapi3.SchemaRef {
				_, schema := op.Answer(x.Status)
				return schema
			})
		}
	}
}

// json checks the types, formats, enums and required properties of a body.
func (c *check) json(what string, body []byte, schema *openapi3.SchemaRef, whose string) {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		c.fault("%s: %v", what, err)
		return
	}
	if whose == "ours" {
		value = withoutNulls(value)
	}
	if err := visit(schema, value); err != nil {
		c.fault("%s: %s: %v", what, whose, err)
	}
}

// withoutNulls removes null values: our descriptions treat null as absent unless they state
// otherwise.
func withoutNulls(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if inner == nil {
				delete(v, name)
			} else {
				v[name] = withoutNulls(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = withoutNulls(inner)
		}
	}
	return value
}

// unknown reports properties that no description has. For answers it needs the vendor's
// description, because ours has only the properties that the client needs.
func (c *check) unknown(what string, body []byte, schemaOf func(*drift.Operation) *openapi3.SchemaRef) {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return
	}
	var schemas []*openapi3.SchemaRef
	for _, op := range c.schemas {
		if schema := schemaOf(op); schema != nil {
			schemas = append(schemas, schema)
		}
	}
	for _, path := range drift.Unknown(value, schemas) {
		if c.seen[path[strings.LastIndexByte(path, '/')+1:]] {
			continue
		}
		c.fault("%s: %s is in no description", what, path)
	}
}

func visit(schema *openapi3.SchemaRef, value any) error {
	err := schema.Value.VisitJSON(value, openapi3.MultiErrors())
	if err == nil {
		return nil
	}
	var texts []string
	collect(err, &texts)
	if len(texts) == 0 {
		return nil
	}
	slices.Sort(texts)
	return fmt.Errorf("%s", strings.Join(slices.Compact(texts), "; "))
}

// collect splits joined errors, and removes the schemas that they print and patterns that
// Go does not support.
func collect(err error, texts *[]string) {
	if strings.Contains(err.Error(), "error parsing regexp") {
		if _, several := err.(openapi3.MultiError); !several {
			return
		}
	}
	switch e := err.(type) {
	case openapi3.MultiError:
		for _, inner := range e {
			collect(inner, texts)
		}
	case *openapi3.SchemaError:
		*texts = append(*texts, fmt.Sprintf("/%s: %s", strings.Join(e.JSONPointer(), "/"), e.Reason))
	default:
		*texts = append(*texts, err.Error())
	}
}

// typed converts a value of a query to the type of its schema.
func typed(schema *openapi3.SchemaRef, text string) any {
	switch kind := schema.Value.Type; {
	case kind.Is("integer"), kind.Is("number"):
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	case kind.Is("boolean"):
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case kind.Is("array"):
		return []any{typed(schema.Value.Items, text)}
	}
	return text
}

// Summary returns the number of exchanges of each operation.
type Summary map[string]int

func (s Summary) String() string {
	var b strings.Builder
	for _, operation := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%6d %s\n", s[operation], operation)
	}
	return b.String()
}
