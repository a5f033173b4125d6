package drift

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// flat is a schema merged with its allOf and oneOf parts.
type flat struct {
	kind       string // type, and format for dates
	enum       []string
	properties map[string]*openapi3.SchemaRef
	items      *openapi3.SchemaRef
	additional *openapi3.SchemaRef
}

// property returns the schema of a property; of a map, that of all its values.
func (f *flat) property(name string) *openapi3.SchemaRef {
	if p := f.properties[name]; p != nil {
		return p
	}
	return f.additional
}

func flatten(s *openapi3.Schema) *flat {
	f := &flat{properties: map[string]*openapi3.SchemaRef{}}
	f.merge(s, 0)
	return f
}

func (f *flat) merge(s *openapi3.Schema, depth int) {
	if s == nil || depth > 8 {
		return
	}
	if s.Type != nil && len(*s.Type) > 0 && f.kind == "" {
		f.kind = (*s.Type)[0]
		if s.Format == "date-time" {
			f.kind += " (date-time)"
		}
	}
	for _, value := range s.Enum {
		if text := fmt.Sprint(value); !slices.Contains(f.enum, text) {
			f.enum = append(f.enum, text)
		}
	}
	for name, property := range s.Properties {
		if not := property.Value.Not; not == nil { // ours: a property that must be absent
			f.properties[name] = property
		}
	}
	if f.items == nil {
		f.items = s.Items
	}
	if f.additional == nil {
		f.additional = s.AdditionalProperties.Schema
	}
	if known, ok := s.Extensions["x-known-properties"].([]any); ok {
		for _, name := range known {
			f.properties[fmt.Sprint(name)] = s.AdditionalProperties.Schema
		}
	}
	if f.kind == "" && (len(f.properties) > 0 || f.additional != nil) {
		f.kind = "object"
	}
	for _, part := range slices.Concat(s.AllOf, s.OneOf, s.AnyOf) {
		f.merge(part.Value, depth+1)
	}
}

// refName returns the name of the referenced schema, also through an allOf that only adds a
// description.
func refName(s *openapi3.SchemaRef) string {
	if s.Ref == "" && s.Value != nil && len(s.Value.AllOf) == 1 && len(s.Value.Properties) == 0 {
		s = s.Value.AllOf[0]
	}
	_, name, _ := strings.Cut(s.Ref, "#/components/schemas/")
	return name
}

// Parameter is a parameter of the query or a header.
type Parameter struct {
	Required bool
	Schema   *openapi3.SchemaRef
}

// parameters returns the parameters of the query and the headers by their names in a
// request: an object in deepObject style has one for each property.
func parameters(all openapi3.Parameters) map[string]Parameter {
	named := map[string]Parameter{}
	for _, ref := range all {
		p := ref.Value
		if p.In != openapi3.ParameterInQuery && p.In != openapi3.ParameterInHeader {
			continue
		}
		name := p.Name
		if p.In == openapi3.ParameterInHeader {
			name = strings.ToLower(name)
		}
		if p.Style == openapi3.SerializationDeepObject {
			for property, schema := range flatten(p.Schema.Value).properties {
				// A lookup takes one key, so none of them is required.
				named[name+"["+property+"]"] = Parameter{Schema: schema}
			}
			continue
		}
		named[name] = Parameter{p.Required, p.Schema}
	}
	return named
}

func requestSchema(op *openapi3.Operation) *openapi3.SchemaRef {
	if op.RequestBody == nil {
		return nil
	}
	return schemaOf(op.RequestBody.Value.Content)
}

// schemaOf returns the schema of the newest JSON media type of a body.
func schemaOf(content openapi3.Content) *openapi3.SchemaRef {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(content))) {
		if strings.HasSuffix(name, "json") && content[name].Schema != nil {
			return content[name].Schema
		}
	}
	return nil
}

// xCodes are the error codes of a response in our description.
func xCodes(r *openapi3.Response) []string {
	var codes []string
	if list, ok := r.Extensions["x-codes"].([]any); ok {
		for _, code := range list {
			codes = append(codes, fmt.Sprint(code))
		}
	}
	return codes
}

// vendorCodes are the error codes of a response in the vendor's description: the enum
// values of a property with the name code.
func vendorCodes(r *openapi3.Response) []string {
	found := map[string]bool{}
	var search func(*openapi3.SchemaRef, int)
	search = func(ref *openapi3.SchemaRef, depth int) {
		if ref == nil || ref.Value == nil || depth > 6 {
			return
		}
		if code := ref.Value.Properties["code"]; code != nil {
			for _, value := range code.Value.Enum {
				found[fmt.Sprint(value)] = true
			}
		}
		for _, part := range slices.Concat(ref.Value.AllOf, ref.Value.OneOf, ref.Value.AnyOf) {
			search(part, depth+1)
		}
	}
	for _, content := range r.Content {
		search(content.Schema, 0)
	}
	return slices.Sorted(maps.Keys(found))
}

// base is the path of the server without a trailing slash.
func base(spec *openapi3.T) string {
	if len(spec.Servers) == 0 {
		return ""
	}
	_, rest, _ := strings.Cut(spec.Servers[0].URL, "://")
	_, path, ok := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	if u, err := url.Parse("/" + path); err == nil {
		path = u.Path
	}
	return strings.TrimRight(path, "/")
}
