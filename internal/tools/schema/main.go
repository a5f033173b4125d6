// Command schema writes teardown/schema/NAME.schema.json, the JSON Schemas of the JSON forms
// of package teardown, from its Go types and their comments.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

const (
	root   = "../.." // the module of the types, relative to this program's module
	module = "github.com/offboard-dev/offboard-go"
	folder = "teardown/schema"
)

// Error is the form of an errors.Error in JSON; see errors/README.md. Its fields have the
// names and comments of those of errors.Error.
type Error struct {
	Provider     string        `json:"provider,omitempty"`
	Operation    string        `json:"operation,omitempty"`
	Target       string        `json:"target,omitempty"`
	Code         errors.Code   `json:"code"`
	Status       int           `json:"status,omitempty"`
	ProviderCode string        `json:"provider_code,omitempty"`
	Message      string        `json:"message,omitempty"`
	RequestID    string        `json:"request_id,omitempty"`
	RetryAfter   float64       `json:"retry_after_seconds,omitempty"`
	Attempts     int           `json:"attempts"`
	Steps        []errors.Step `json:"steps,omitempty"`
	Detail       any           `json:"detail,omitempty"`
	Err          string        `json:"cause,omitempty"`
}

// failure is the form of the field Err of a report or event.
type failure struct {
	Error  string   `json:"error,omitempty" jsonschema_description:"The text of the error, which may be empty; absent without an error."`
	Errors []*Error `json:"errors,omitempty" jsonschema_description:"The errors of package errors in the error, in order. A bare code has the form of an error that has only a code."`
}

// wait is the form of the field Wait of an event.
type wait struct {
	Seconds float64 `json:"wait_seconds,omitempty" jsonschema_description:"The time until the next attempt, in seconds, with up to 9 decimals; absent for 0."`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("schema: ")
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	g, err := newGenerator()
	if err != nil {
		return err
	}
	for name, form := range map[string]any{
		"plan": teardown.Plan{}, "report": teardown.Report{}, "event": teardown.Event{}, "entry": teardown.Entry{},
	} {
		text, err := g.generate(name, form)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".schema.json"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

type generator struct {
	comments  map[string]string
	values    map[string][]any  // of the constants of a type of package teardown
	constants map[string]string // their values, by name
}

func newGenerator() (*generator, error) {
	var r jsonschema.Reflector
	for _, path := range []string{"errors", "teardown"} {
		if err := r.AddGoComments(module, "./"+path); err != nil {
			return nil, err
		}
	}
	g := &generator{comments: r.CommentMap, values: map[string][]any{}, constants: map[string]string{}}
	return g, g.readConstants("teardown")
}

// generate returns the schema of a form.
func (g *generator) generate(name string, form any) ([]byte, error) {
	r := jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true,
		Namer: named, Mapper: g.mapped, AdditionalFields: additional, LookupComment: g.comment,
	}
	s := r.Reflect(form)
	if name == "plan" { // mapped names the definition of an error; a report has it by failure
		for name, d := range r.Reflect(failure{}).Definitions {
			s.Definitions[name] = d
		}
	}
	s.ID = jsonschema.ID("https://" + module + "/" + folder + "/" + name + ".schema.json")
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

// named returns the name of a definition; "" for the name of the type.
func named(t reflect.Type) string {
	if t == reflect.TypeFor[errors.Step]() { // package teardown has a Step, too
		return "ErrorStep"
	}
	return ""
}

// mapped returns the schema of types that the reflector does not know.
func (g *generator) mapped(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[*errors.Error]():
		return &jsonschema.Schema{Ref: "#/$defs/Error"}
	case reflect.TypeFor[json.RawMessage]():
		return &jsonschema.Schema{} // any value
	}
	if values := g.values[t.Name()]; values != nil && t.PkgPath() == module+"/teardown" {
		return &jsonschema.Schema{Type: "string", Enum: values}
	}
	return nil
}

// additional returns the fields that a method MarshalJSON adds.
func additional(t reflect.Type) []reflect.StructField {
	var all []reflect.StructField
	switch t {
	case reflect.TypeFor[teardown.Event]():
		all = reflect.VisibleFields(reflect.TypeFor[wait]())
		fallthrough
	case reflect.TypeFor[teardown.Report](), reflect.TypeFor[teardown.StepReport]():
		all = append(all, reflect.VisibleFields(reflect.TypeFor[failure]())...)
	}
	return all
}

// link is a link of a doc comment.
var link = regexp.MustCompile(`\[\*?([A-Za-z./]+)\]`)

// comment returns the comment of a type, or of a field with its name in JSON.
func (g *generator) comment(t reflect.Type, field string) string {
	name := t.PkgPath() + "." + t.Name()
	if t == reflect.TypeFor[Error]() {
		name = module + "/errors.Error"
	}
	if field != "" {
		name += "." + field
	}
	text := link.ReplaceAllStringFunc(strings.Join(strings.Fields(g.comments[name]), " "), func(s string) string {
		s = strings.Trim(s, "[*]")
		if value, ok := g.constants[s]; ok {
			return strconv.Quote(value)
		}
		return s
	})
	if field == "" {
		return text
	}
	rest, named := strings.CutPrefix(text, field+" ")
	if f, ok := t.FieldByName(field); ok && named {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return key + " " + rest
	}
	return text
}

// readConstants reads the typed string constants of a package.
func (g *generator) readConstants(path string) error {
	files, err := filepath.Glob(filepath.Join(path, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			of, typed := spec.Type.(*ast.Ident)
			literal, ok := spec.Values[0].(*ast.BasicLit)
			if !typed || !ok || literal.Kind != token.STRING {
				return true
			}
			if text, err := strconv.Unquote(literal.Value); err == nil {
				g.values[of.Name] = append(g.values[of.Name], text)
				g.constants[spec.Names[0].Name] = text
			}
			return true
		})
	}
	return nil
}
