package drift

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Operation is one operation of a description.
type Operation struct {
	Method string
	Path   string // as in the description

	op         *openapi3.Operation
	parameters openapi3.Parameters
}

// Find returns the operation of a method and path, including the path of the base URL. The
// path may be a real one or that of another description: any segment matches a parameter.
// Of several operations, the one with the fewest parameters is returned.
func Find(specs []*openapi3.T, method, path string) *Operation {
	segments := strings.Split(path, "/")
	var found *Operation
	least := len(segments) + 1
	for _, spec := range specs {
		for own, item := range spec.Paths.Map() {
			op := item.GetOperation(method)
			if op == nil {
				continue
			}
			if n, ok := fits(strings.Split(base(spec)+own, "/"), segments); ok && n < least {
				found, least = &Operation{method, own, op, append(slices.Clone(item.Parameters), op.Parameters...)}, n
			}
		}
	}
	return found
}

// All returns every operation of a description.
func All(spec *openapi3.T) []*Operation {
	var all []*Operation
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, &Operation{method, path, op, append(slices.Clone(item.Parameters), op.Parameters...)})
		}
	}
	return all
}

// fits reports whether a path matches a pattern, and the number of segments that match a
// parameter only.
func fits(pattern, path []string) (parameters int, ok bool) {
	if len(pattern) != len(path) {
		return 0, false
	}
	for i, segment := range pattern {
		parameter := strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}")
		switch {
		case !parameter && segment != path[i], parameter && path[i] == "":
			return 0, false
		case parameter && !strings.HasPrefix(path[i], "{"):
			parameters++
		}
	}
	return parameters, true
}

// Named returns the parameters of the query and the headers by their names in a request.
func (o *Operation) Named() map[string]Parameter { return parameters(o.parameters) }

// ID returns the operation's name in its description.
func (o *Operation) ID() string { return o.op.OperationID }

// Extension returns an extension of the description; "" for none.
func (o *Operation) Extension(name string) string {
	if v, ok := o.op.Extensions[name]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// Input is an argument of the Go method of an operation.
type Input struct {
	Name   string
	In     string // "path", "query", "header", "options", "property" of the body, or "body" for the whole body
	Lookup bool   // it names a resource by one of several keys
}

// Inputs returns the arguments of the Go method, in order.
func (o *Operation) Inputs() []Input {
	var all []Input
	options := false
	for _, in := range []string{"path", "query", "header"} {
		for _, ref := range o.parameters {
			p := ref.Value
			switch {
			case p.In != in:
			case in == "query" && !p.Required:
				options = true
			default:
				all = append(all, Input{p.Name, in, isLookup(p.Schema)})
			}
		}
		if in == "query" && options {
			all = append(all, Input{In: "options"})
		}
	}
	body := o.Request()
	switch {
	case body == nil:
	case body.Ref != "":
		all = append(all, Input{In: "body"})
	default:
		for _, name := range propertyOrder(body.Value) {
			all = append(all, Input{name, "property", isLookup(body.Value.Properties[name])})
		}
	}
	return all
}

func isLookup(schema *openapi3.SchemaRef) bool {
	name := refName(schema)
	return name == "ID" || strings.HasSuffix(name, "Lookup")
}

// propertyOrder is the order of the properties in the description: that of the required
// ones, which a body of several has all.
func propertyOrder(s *openapi3.Schema) []string {
	order := slices.Clone(s.Required)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	return order
}

// Request returns the schema of the request body; nil for none.
func (o *Operation) Request() *openapi3.SchemaRef { return requestSchema(o.op) }

// RequestTypes returns the media types of a request body.
func (o *Operation) RequestTypes() []string {
	if o.op.RequestBody == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(o.op.RequestBody.Value.Content))
}

// BodyRequired reports whether a request must have a body.
func (o *Operation) BodyRequired() bool {
	return o.op.RequestBody != nil && o.op.RequestBody.Value.Required
}

// Answer reports whether a status is documented, and returns the schema of its body.
func (o *Operation) Answer(status int) (bool, *openapi3.SchemaRef) {
	response := o.op.Responses.Value(strconv.Itoa(status))
	if response == nil {
		response = o.op.Responses.Default()
	}
	if response == nil {
		return false, nil
	}
	return true, schemaOf(response.Value.Content)
}

// Unknown returns the paths of properties in a JSON value that none of the schemas has.
func Unknown(value any, schemas []*openapi3.SchemaRef) []string {
	var found []string
	unknown(value, schemas, "", &found)
	slices.Sort(found)
	return slices.Compact(found)
}

func unknown(value any, schemas []*openapi3.SchemaRef, path string, found *[]string) {
	var all []*flat
	for _, schema := range schemas {
		if schema != nil && schema.Value != nil {
			all = append(all, flatten(schema.Value))
		}
	}
	switch v := value.(type) {
	case map[string]any:
		open := true // the content is not described
		for _, f := range all {
			open = open && len(f.properties) == 0 && f.additional == nil
		}
		if open {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			var below []*openapi3.SchemaRef
			for _, f := range all {
				if p := f.property(name); p != nil {
					below = append(below, p)
				}
			}
			if len(below) == 0 {
				*found = append(*found, path+"/"+name)
				continue
			}
			unknown(v[name], below, path+"/"+name, found)
		}
	case []any:
		var below []*openapi3.SchemaRef
		for _, f := range all {
			if f.items != nil {
				below = append(below, f.items)
			}
		}
		for _, item := range v {
			unknown(item, below, path+"/[]", found)
		}
	}
}

// Known returns a JSON value without the properties that a schema does not have.
func Known(value any, schema *openapi3.SchemaRef) any {
	if schema == nil || schema.Value == nil {
		return value
	}
	f := flatten(schema.Value)
	switch v := value.(type) {
	case map[string]any:
		if len(f.properties) == 0 && f.additional == nil {
			return v
		}
		known := map[string]any{}
		for name, inner := range v {
			if p := f.property(name); p != nil {
				known[name] = Known(inner, p)
			}
		}
		return known
	case []any:
		known := make([]any, 0, len(v))
		for _, item := range v {
			known = append(known, Known(item, f.items))
		}
		return known
	}
	return value
}

// Decode decodes JSON into comparable values: numbers keep their digits.
func Decode(data []byte) (any, error) {
	var value any
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("%w in %.80q", err, data)
	}
	return value, nil
}

// Users returns the operations of a description that use a named schema, directly or in another
// schema, as "METHOD path", sorted.
func Users(spec *openapi3.T, schema string) []string {
	var all []string
	for _, o := range All(spec) {
		seen := map[*openapi3.Schema]bool{}
		uses := false
		var visit func(*openapi3.SchemaRef)
		visit = func(ref *openapi3.SchemaRef) {
			if ref == nil || ref.Value == nil || uses {
				return
			}
			if uses = refName(ref) == schema; uses || seen[ref.Value] {
				return
			}
			seen[ref.Value] = true
			s := ref.Value
			visit(s.Items)
			visit(s.AdditionalProperties.Schema)
			for _, several := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
				for _, one := range several {
					visit(one)
				}
			}
			for _, property := range s.Properties {
				visit(property)
			}
		}
		visit(o.Request())
		for _, p := range o.parameters {
			visit(p.Value.Schema)
		}
		for _, response := range o.op.Responses.Map() {
			visit(schemaOf(response.Value.Content))
		}
		if uses {
			all = append(all, o.Method+" "+o.Path)
		}
	}
	slices.Sort(all)
	return all
}
