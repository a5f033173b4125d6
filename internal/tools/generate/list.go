package main

import (
	"strings"

	"github.com/deepmap/oapi-codegen/v2/pkg/codegen"
	"github.com/getkin/kin-openapi/openapi3"
)

// list is an array of items in the success of an operation that lists.
type list struct {
	expression string // in Go
	path       string // in the body; "" for the body itself
	item       string // schema of the items
	identity   []string
}

// lists returns the arrays of an operation whose items have an identity, except arrays in
// items.
func lists(op *openapi3.Operation, body *openapi3.Schema) []list {
	name := strings.ToLower(op.OperationID)
	if body == nil || !strings.HasPrefix(name, "list") && !strings.HasPrefix(name, "search") {
		return nil
	}
	return arrays(&openapi3.SchemaRef{Value: body}, "out", "", 3)
}

func arrays(ref *openapi3.SchemaRef, expression, path string, depth int) []list {
	s := flat(ref.Value)
	if s.Type.Is("array") {
		item := schemaName(s.Items)
		if identity := identityOf(s.Items.Value); item != "" && len(identity) > 0 {
			return []list{{expression, path, item, identity}}
		}
		return nil
	}
	if depth == 0 {
		return nil
	}
	var found []list
	for _, property := range codegen.SortedSchemaKeys(s.Properties) {
		p := s.Properties[property]
		found = append(found, arrays(p, expression+"."+goName(property, p.Value), strings.TrimPrefix(path+"."+property, "."), depth-1)...)
	}
	return found
}

// identityOf returns the paths of the properties that identify an item of a list: those of
// x-identity, or the first required string that is not empty.
func identityOf(s *openapi3.Schema) []string {
	if paths, ok := s.Extensions["x-identity"].([]any); ok {
		var identity []string
		for _, path := range paths {
			identity = append(identity, path.(string))
		}
		return identity
	}
	s = flat(s)
	for _, property := range s.Required {
		if p := flat(s.Properties[property].Value); p.Type.Is("string") && p.MinLength > 0 {
			return []string{property}
		}
	}
	return nil
}

// listItems returns the expression of its identity for each schema that is an item of a
// list.
func listItems(spec *openapi3.T) map[string]string {
	items := map[string]string{}
	for _, path := range spec.Paths.Map() {
		for _, op := range path.Operations() {
			for _, l := range lists(op, bodyOf(op)) {
				var parts []string
				for _, path := range l.identity {
					parts = append(parts, "x"+goPath(spec.Components.Schemas[l.item].Value, path))
				}
				items[l.item] = parts[0]
				if len(parts) > 1 {
					items[l.item] = "rest.Identity(" + strings.Join(parts, ", ") + ")"
				}
			}
		}
	}
	return items
}

// bodyOf returns the schema of the success of an operation; nil if it has none.
func bodyOf(op *openapi3.Operation) *openapi3.Schema {
	response := op.Responses.Status(successStatus(op))
	if response == nil {
		return nil
	}
	for _, content := range response.Value.Content {
		if content.Schema != nil {
			return content.Schema.Value
		}
	}
	return nil
}

// goPath returns the selectors of a path of properties.
func goPath(s *openapi3.Schema, path string) string {
	selectors := ""
	for property := range strings.SplitSeq(path, ".") {
		p := flat(s).Properties[property].Value
		selectors += "." + goName(property, p)
		s = p
	}
	return selectors
}
