package main

import (
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/deepmap/oapi-codegen/v2/pkg/codegen"
	"github.com/getkin/kin-openapi/openapi3"
)

// method is the input of client.tmpl for an operation.
type method struct {
	Comment    string
	Name       string // of the Go method
	Operation  string
	Parameters string // of the Go method, after the context
	Results    string
	Result     string   // expression of the returned value; "" if only an error is returned
	Out        string   // type of the decoded body; "" if none is required
	Lookups    []string // statements that split lookups
	Target     string
	Subject    string // kind of the target; "" if the provider's package does not need it
	Method     string
	Path       string
	Accept     string
	Body       string
	Status     string
	Repeat     bool
	List       bool // the body of a success is a list
	Removal    bool
	PageSize   string   // expression of the requested number of items; "" if the result is not a page
	Once       string   // expression that reports whether a write is sent once; "" for never
	Arguments  []string // statements that add arguments to the call
	Due        []due    // required parts of a success
	Options    []option // optional parameters of the query, in a struct
	Pages      *pages   // the iterator of the list; nil if the result is not a page of one

	// ContentType is the media type of the body; "" for application/json.
	ContentType string
}

// pages is the input of client.tmpl for an iterator of a list.
type pages struct {
	Comment    string
	Name       string // of the Go method
	Parameters string // those of the method for a page, without the ones that select the page
	Arguments  string // for the method for a page
	Paging     string // statement that sets the page in the options
	Item       string // type
	Page       string // arguments of the function that reads the paging fields of the page
}

// option is an optional parameter of the query.
type option struct {
	Comment, Field, Type string
	Page                 string // "number" or "size" if it selects a page
}

// due is a required part of a success, by its Go expression.
type due struct{ Absent, Name string }

func describe(op codegen.OperationDefinition) (*method, error) {
	m := &method{
		Name:      op.OperationId,
		Operation: op.OperationId,
		Method:    op.Method[:1] + strings.ToLower(op.Method[1:]),
		Path:      op.Path,
		Repeat:    op.Method == "GET" || extension(op.Spec.Extensions, "x-reads") == "true",
		Removal:   op.Method == "DELETE",
		Subject:   extension(op.Spec.Extensions, "x-subject"),
	}
	// Some removals are a POST, and the deletion of an organization is not a removal.
	if removal := extension(op.Spec.Extensions, "x-removal"); removal != "" {
		m.Removal = removal == "true"
	}
	if extension(op.Spec.Extensions, "x-internal") == "true" {
		m.Name = strings.ToLower(m.Name[:1]) + m.Name[1:]
	}
	m.Comment = comment(m.Name, op.Spec)
	for _, p := range op.PathParams {
		if p.ParamName == extension(op.Spec.Extensions, "x-target") {
			m.target(p.GoVariableName())
		}
	}
	for _, p := range op.PathParams {
		m.parameter(p)
	}
	for _, p := range op.QueryParams {
		if p.Required {
			m.parameter(p)
		} else if err := m.option(p); err != nil {
			return nil, fmt.Errorf("%s: %w", op.OperationId, err)
		}
	}
	for _, p := range op.HeaderParams {
		m.header(p)
	}
	if err := m.body(op); err != nil {
		return nil, err
	}
	if err := m.response(op); err != nil {
		return nil, fmt.Errorf("%s: %w", op.OperationId, err)
	}
	if err := m.pages(op); err != nil {
		return nil, fmt.Errorf("%s: %w", op.OperationId, err)
	}
	return m, nil
}

// comment returns the doc comment of an operation.
func comment(name string, op *openapi3.Operation) string {
	text := name + " " + op.Summary
	if op.Description != "" {
		text += " " + op.Description
	}
	text = strings.Join(wrap(text, 90), "\n// ")
	return "// " + text + "\n//\n// Source: " + strings.Join(wrap(extension(op.Extensions, "x-source"), 82), "\n// ") + "."
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// argument adds a parameter to the Go method.
func (m *method) argument(name, goType string) {
	m.Parameters += ", " + name + " " + goType
}

// target makes an expression the call's target, unless it has one.
func (m *method) target(expression string) {
	if m.Target == "" {
		m.Target = expression
	}
}

// parameter adds a parameter of the path or the query. A parameter whose type is a lookup
// is named by one of several keys; a path parameter with a single value is not an argument.
func (m *method) parameter(p codegen.ParameterDefinition) {
	if only := p.Spec.Schema.Value.Extensions["x-const"]; only != nil && p.In == "path" {
		m.Path = strings.ReplaceAll(m.Path, "{"+p.ParamName+"}", fmt.Sprint(only))
		return
	}
	name, goType := p.GoVariableName(), p.TypeDef()
	m.argument(name, goType)
	switch {
	case isLookup(goType):
		key, id := m.lookup(name)
		m.add("call.Require(%q, %s, rest.Opaque)", name, id)
		m.add(`call.QueryParam("%s["+%s+"]", "form", true, %s)`, p.ParamName, key, id)
	case p.In == "path":
		value := name
		if goType != "string" {
			value = "string(" + name + ")"
		}
		m.target(value)
		m.add("call.PathParam(%q, %q, %s, rest.%s)", p.ParamName, name, value, check(p.Spec.Extensions))
	default:
		m.add("call.QueryParam(%q, %q, %t, %s)", p.ParamName, p.Style(), p.Explode(), name)
	}
}

// header adds a header that selects the target of the call.
func (m *method) header(p codegen.ParameterDefinition) {
	name := p.GoVariableName()
	m.argument(name, p.TypeDef())
	m.target(name)
	m.add("call.HeaderParam(%q, %q, %s, rest.%s)", p.ParamName, name, name, check(p.Spec.Extensions))
}

// option adds a field for an optional parameter, which is sent unless it is zero.
func (m *method) option(p codegen.ParameterDefinition) error {
	if len(m.Options) == 0 {
		m.argument("options", m.Operation+"Options")
	}
	field := "options." + p.GoName()
	var given string
	switch schema := p.Spec.Schema.Value; {
	case schema.Type.Is("string"):
		given = field + ` != ""`
	case schema.Type.Is("integer"):
		given = field + " != 0"
	case schema.Type.Is("boolean"):
		given = field
	case schema.Type.Is("array"):
		given = "len(" + field + ") > 0"
	default:
		return fmt.Errorf("the parameter %s has the type %s, whose zero value is unknown", p.ParamName, p.TypeDef())
	}
	m.Options = append(m.Options, option{
		Comment: strings.Join(wrap(p.GoName()+" "+p.Spec.Description, 75), "\n// "), Field: p.GoName(), Type: p.TypeDef(),
		Page: extension(p.Spec.Extensions, "x-page"),
	})
	if extension(p.Spec.Extensions, "x-page") == "size" {
		m.PageSize = field
	}
	m.add("call.OptionalParam(%s, %q, %q, %t, %s)", given, p.ParamName, p.Style(), p.Explode(), field)
	return nil
}

// lookup splits a lookup, makes it the target and returns the variables of its key and
// value.
func (m *method) lookup(name string) (key, id string) {
	key, id = "key", "id"
	if len(m.Lookups) > 0 {
		key, id = name+"Key", name+"ID"
	}
	m.Lookups = append(m.Lookups, fmt.Sprintf("%s, %s := lookup(%s)", key, id, name))
	m.target(id)
	return key, id
}

// once makes a write be sent once if its lookup is a name that another resource can take
// over.
func (m *method) once(name, goType string) {
	switch {
	case m.Repeat || goType == "ID":
	case m.Once == "":
		m.Once = "reusable(" + name + ")"
	default:
		m.Once += " || reusable(" + name + ")"
	}
}

func (m *method) add(format string, args ...any) {
	m.Arguments = append(m.Arguments, fmt.Sprintf(format, args...))
}

func isLookup(goType string) bool { return goType == "ID" || strings.HasSuffix(goType, "Lookup") }

// body adds the properties of an inline body as arguments, or a named body as one argument.
func (m *method) body(op codegen.OperationDefinition) error {
	if len(op.Bodies) == 0 {
		return nil
	}
	mediaTypes := slices.Collect(maps.Keys(op.Spec.RequestBody.Value.Content))
	if len(mediaTypes) != 1 {
		return fmt.Errorf("%s: documents several media types of the body", op.OperationId)
	}
	switch mediaType := mediaTypes[0]; {
	case mediaType == "application/json":
	case strings.HasSuffix(mediaType, "+json"):
		m.ContentType = mediaType
	default:
		return fmt.Errorf("%s: has a body that is not JSON", op.OperationId)
	}
	content := op.Spec.RequestBody.Value.Content[mediaTypes[0]]
	schema, err := codegen.GenerateGoSchema(content.Schema, []string{op.OperationId})
	if err != nil {
		return err
	}
	if content.Schema.Ref != "" {
		m.PageSize = pageSize("body", content.Schema.Value, 2)
		m.argument("body", schema.TypeDecl())
		m.Body = "body"
		if name := extension(op.Spec.Extensions, "x-target"); name != "" {
			m.target("body." + goName(name, content.Schema.Value.Properties[name].Value))
		}
		return nil
	}
	var fields, values []string
	for _, p := range schema.Properties {
		name, goType := argumentName(p), p.GoTypeDef()
		if token.IsKeyword(name) {
			return fmt.Errorf("%s: %s is a Go keyword", op.OperationId, name)
		}
		m.argument(name, goType)
		if size := pageSize(name, p.Schema.OAPISchema, 1); size != "" {
			m.PageSize = size
		}
		value := name
		if isLookup(goType) {
			key, id := m.lookup(name)
			m.add("call.Require(%q, %s, rest.Opaque)", name, id)
			m.once(name, goType)
			goType, value = "rest.Lookup", fmt.Sprintf("rest.Lookup{Key: %s, ID: %s}", key, id)
		} else if name := extension(p.Extensions, "x-check"); name != "" {
			m.add("call.Require(%q, %s, rest.%s)", value, value, name)
		}
		fields = append(fields, fmt.Sprintf("%s %s `json:%q`", p.GoFieldName(), goType, p.JsonFieldName))
		values = append(values, value)
	}
	m.Body = "struct{" + strings.Join(fields, ";") + "}{" + strings.Join(values, ",") + "}"
	return nil
}

// pageSize returns the expression of the body property with x-page: size; "" for none.
func pageSize(expression string, s *openapi3.Schema, depth int) string {
	if s == nil || depth == 0 {
		return ""
	}
	s = flat(s)
	for _, property := range codegen.SortedSchemaKeys(s.Properties) {
		p := s.Properties[property].Value
		field := expression + "." + goName(property, p)
		if extension(p.Extensions, "x-page") == "size" {
			return "int(" + field + ")"
		}
		if size := pageSize(field, flat(p), depth-1); size != "" {
			return size
		}
	}
	return ""
}

// argumentName returns the name of the argument for a property of a body.
func argumentName(p codegen.Property) string {
	spec := &openapi3.Parameter{Extensions: p.Extensions}
	return codegen.ParameterDefinition{ParamName: p.JsonFieldName, Spec: spec}.GoVariableName()
}

// response returns the only success that an operation documents.
func (m *method) response(op codegen.OperationDefinition) error {
	status := successOf(op)
	for code, response := range op.Spec.Responses.Map() {
		n, err := strconv.Atoi(code)
		if err != nil || n > 299 {
			continue
		}
		if n != status {
			return fmt.Errorf("documents two successes")
		}
		for mediaType := range response.Value.Content {
			if mediaType != "application/json" {
				m.Accept = mediaType
			}
		}
	}
	m.Status = map[int]string{200: "http.StatusOK", 201: "http.StatusCreated", 202: "http.StatusAccepted", 204: "http.StatusNoContent"}[status]
	if m.Status == "" {
		return fmt.Errorf("documents no supported success")
	}
	m.Results = "error"
	types, err := op.GetResponseTypeDefinitions()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(types, func(t codegen.ResponseTypeDefinition) bool {
		return t.ResponseName == strconv.Itoa(status)
	})
	if i < 0 {
		return nil
	}
	m.returns(op, types[i].Schema, extension(op.Spec.Extensions, "x-result"))
	return nil
}

// returns sets the result of the method: nothing if the body has conditions only, one
// property if the operation names it, or the whole body.
func (m *method) returns(op codegen.OperationDefinition, schema codegen.Schema, property string) {
	m.Out = schema.TypeDecl()
	m.Due = dues(schema.OAPISchema, "out", "", 3)
	if schema.OAPISchema != nil && schema.OAPISchema.Type.Is("array") {
		m.Due = []due{{"out == nil", "the list"}}
	}
	for _, l := range lists(op.Spec, schema.OAPISchema) {
		m.List = true
		m.Due = append(m.Due, due{
			fmt.Sprintf("rest.Lacks(%s, (*%s).identity)", l.expression, l.item), strings.TrimPrefix(l.path+"[]."+l.identity[0], "[]."),
		})
	}
	if state := extension(op.Spec.Extensions, "x-page-state"); state != "" {
		m.otherPage("&out" + goPath(schema.OAPISchema, state))
	}
	switch {
	case isEmptyObject(schema):
		m.Out = "struct{}"
	case property != "":
		m.part(schema, property)
	case schema.OAPISchema != nil && schema.OAPISchema.Type.Is("array"):
		m.Result, m.Results = "rest.Value(&out, c.rest().Do(ctx, &call))", "("+m.Out+", error)"
	case schema.RefType != "" || schema.DefineViaAlias && schema.GoType != "":
		m.Result, m.Results = "rest.Pointer(&out, c.rest().Do(ctx, &call))", "(*"+m.Out+", error)"
	}
}

// otherPage refuses a page whose own number is not the requested one.
func (m *method) otherPage(state string) {
	for _, o := range m.Options {
		if o.Page == "number" {
			m.Due = append(m.Due, due{fmt.Sprintf("isOther(%s, options.%s)", state, o.Field), "the requested page"})
		}
	}
}

// part makes the method return a property of the body, by its path with dots.
func (m *method) part(schema codegen.Schema, path string) {
	expression, goType := "out", ""
	for name := range strings.SplitSeq(path, ".") {
		i := slices.IndexFunc(schema.Properties, func(p codegen.Property) bool { return p.JsonFieldName == name })
		if i < 0 {
			return
		}
		p := schema.Properties[i]
		expression += "." + p.GoFieldName()
		goType, schema = p.GoTypeDef(), p.Schema
	}
	m.Result = "rest.Value(&" + expression + ", c.rest().Do(ctx, &call))"
	if isStruct(schema.OAPISchema) {
		goType, m.Result = "*"+goType, "rest.Pointer(&"+expression+", c.rest().Do(ctx, &call))"
	}
	m.Results = "(" + goType + ", error)"
}

// flat returns a schema without its allOf.
func flat(s *openapi3.Schema) *openapi3.Schema {
	switch len(s.AllOf) {
	case 0:
		return s
	case 1:
		return flat(s.AllOf[0].Value)
	}
	all := &openapi3.Schema{Type: &openapi3.Types{"object"}, Properties: openapi3.Schemas{}}
	for _, part := range s.AllOf {
		maps.Copy(all.Properties, flat(part.Value).Properties)
		all.Required = append(all.Required, flat(part.Value).Required...)
	}
	return all
}

// isEmptyObject reports whether a body is an object without properties: {}.
func isEmptyObject(schema codegen.Schema) bool {
	s := schema.OAPISchema
	return schema.RefType == "" && s != nil && s.Type.Is("object") && len(s.Properties) == 0 && s.AdditionalProperties.Schema == nil
}

// isStruct reports whether the generator makes a struct of a schema.
func isStruct(s *openapi3.Schema) bool {
	s = flat(s)
	return s.Type.Is("object") && len(s.Properties) > 0
}

// schemaName returns the name of the schema that a property refers to.
func schemaName(p *openapi3.SchemaRef) string {
	for p.Ref == "" && len(p.Value.AllOf) == 1 {
		p = p.Value.AllOf[0]
	}
	return strings.TrimPrefix(p.Ref, "#/components/schemas/")
}

// isComparable reports whether values of an object's type can be compared.
func isComparable(s *openapi3.Schema) bool {
	for _, p := range flat(s).Properties {
		if value := p.Value; value.Type.Is("array") || value.Type.Is("object") && (len(value.Properties) == 0 || !isComparable(value)) {
			return false
		}
	}
	return true
}

// dues returns the parts of a body that its schema requires and that differ from their zero
// value.
func dues(s *openapi3.Schema, expression, name string, depth int) []due {
	if depth == 0 {
		return nil
	}
	s = flat(s)
	var all []due
	for _, property := range codegen.SortedSchemaKeys(s.Properties) {
		if !slices.Contains(s.Required, property) {
			continue
		}
		p := s.Properties[property].Value
		field, path := expression+"."+goName(property, p), strings.TrimPrefix(name+"."+property, ".")
		value := flat(p)
		switch {
		case value.Extensions["x-const"] == true:
			all = append(all, due{"!" + field, path})
		case value.Extensions["x-const"] != nil:
			all = append(all, due{fmt.Sprintf("%s != %q", field, value.Extensions["x-const"]), path})
		case value.Format == "date-time" && value.MinLength > 0:
			all = append(all, due{field + ".IsZero()", path})
		case value.Type.Is("string") && value.MinLength > 0:
			all = append(all, due{field + ` == ""`, path})
		case value.Type.Is("array"), value.Type.Is("object") && len(value.Properties) == 0:
			all = append(all, due{field + " == nil", path})
		case value.Type.Is("object"):
			inner := dues(value, field, path, depth-1)
			if name := schemaName(s.Properties[property]); len(inner) == 0 && name != "" && isComparable(value) {
				inner = []due{{fmt.Sprintf("%s == (%s{})", field, name), path}}
			}
			all = append(all, inner...)
		}
	}
	return all
}

func goName(property string, s *openapi3.Schema) string {
	return codegen.Property{JsonFieldName: property, Extensions: s.Extensions}.GoFieldName()
}

// check returns the function of internal/rest that checks an argument.
func check(extensions map[string]any) string {
	if name := extension(extensions, "x-check"); name != "" {
		return name
	}
	return "Opaque"
}

func extension(extensions map[string]any, name string) string {
	if v, ok := extensions[name]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// pages adds an iterator for a page of a list: ListDisks for ListDisksPage.
func (m *method) pages(op codegen.OperationDefinition) error {
	config, ok := op.Spec.Extensions["x-pages"].(map[string]any)
	if !ok {
		return nil
	}
	name, ok := strings.CutSuffix(m.Name, "Page")
	if !ok {
		return fmt.Errorf("has x-pages, but its name does not end in Page")
	}
	page := op.Spec.Responses.Status(successOf(op)).Value.Content
	var schema *openapi3.Schema
	for _, content := range page {
		schema = content.Schema.Value
	}
	items, state := fmt.Sprint(config["items"]), fmt.Sprint(config["state"])
	if schema == nil || schema.Properties[items] == nil || schema.Properties[state] == nil {
		return fmt.Errorf("returns no page with %s and %s", items, state)
	}
	if len(identityOf(schema.Properties[items].Value.Items.Value)) == 0 {
		return fmt.Errorf("lists items without an identity")
	}
	arguments := "page." + goName(items, schema.Properties[items].Value) + ", page." + goName(state, schema.Properties[state].Value)
	if total := extension(config, "total"); total != "" {
		arguments += ", page." + goName(total, schema.Properties[total].Value)
	}
	m.Pages = &pages{Name: name, Page: arguments, Item: schemaName(schema.Properties[items].Value.Items)}
	m.otherPage("out." + goName(state, schema.Properties[state].Value))
	filtered := false
	var paging, values []string
	for _, o := range m.Options {
		switch o.Page {
		case "number":
			paging, values = append(paging, "options."+o.Field), append(values, "n")
		case "size":
			paging, values = append(paging, "options."+o.Field), append(values, "pageSize")
		default:
			filtered = true
		}
	}
	if len(paging) == 0 {
		return fmt.Errorf("has no parameter with x-page")
	}
	for parameter := range strings.SplitSeq(strings.TrimPrefix(m.Parameters, ", "), ", ") {
		argument, _, _ := strings.Cut(parameter, " ")
		m.Pages.Arguments += ", " + argument
		if argument != "options" || filtered {
			m.Pages.Parameters += ", " + parameter
		}
	}
	m.Pages.Paging = strings.Join(paging, ", ") + " = " + strings.Join(values, ", ")
	if !filtered {
		m.Pages.Paging = fmt.Sprintf("var options %sOptions\n", m.Operation) + m.Pages.Paging
	}
	text := fmt.Sprint(config["summary"])
	if filtered {
		text += " The iterator selects the page; a page in options is ignored."
	}
	m.Pages.Comment = comment(name, &openapi3.Operation{
		Summary: text + " An error ends the list. See [Client." + m.Name + "].", Extensions: op.Spec.Extensions,
	})
	return nil
}

// successOf returns the status of the documented success of an operation.
func successOf(op codegen.OperationDefinition) int { return successStatus(op.Spec) }

func successStatus(op *openapi3.Operation) int {
	for code := range op.Responses.Map() {
		if n, err := strconv.Atoi(code); err == nil && n < 300 {
			return n
		}
	}
	return 0
}
