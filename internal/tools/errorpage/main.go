// Command errorpage writes docs/errors.md from errors/codes.json and the names of the constants
// in errors/code.go.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:generate go run .

// root is the root of the repository, relative to this folder.
const root = "../../.."

//go:embed errors.md.tmpl
var page string

// code is an entry of codes.json; see errors/README.md.
type code struct {
	Code          string
	Category      string
	Retryable     bool
	Meaning       string
	Origins       []string
	ProviderCodes []providerCode `json:"provider_codes"`
	Advice        struct {
		Retry, When, Action, Show string
		Contacts                  []string
	}

	Name string // of the constant
}

type providerCode struct {
	Provider, Code string
	Statuses       []int
}

// category is a code with the codes in it.
type category struct {
	code
	Codes []code
}

// names are the names of the origins in the page.
var names = map[string]string{
	"katapult": "Katapult", "zitadel": "Zitadel", "atlas": "Atlas", "workspace": "Applivery", "volterra": "F5", "client": "the client",
}

var contacts = map[string]string{
	"developer": "the author of the calling code", "operator": "the operator of the program",
	"owner": "the owner of the organization", "support": "the provider's support",
}

var retries = map[string]string{
	"wait": "yes", "check": "only after a check", "change": "only after a change", "never": "no",
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("errorpage: ")
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	all, err := codes()
	if err != nil {
		return err
	}
	text, err := render(all)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "docs", "errors.md"), text, 0o644)
}

// codes reads codes.json and groups its codes by category.
func codes() ([]category, error) {
	data, err := os.ReadFile(filepath.Join(root, "errors", "codes.json"))
	if err != nil {
		return nil, err
	}
	var file struct{ Codes []code }
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	constants, err := constants()
	if err != nil {
		return nil, err
	}
	var all []category
	for _, c := range file.Codes {
		if c.Name = constants[c.Code]; c.Name == "" {
			return nil, fmt.Errorf("errors/code.go does not declare %s", c.Code)
		}
		if c.Code == c.Category {
			all = append(all, category{code: c})
			continue
		}
		at := slices.IndexFunc(all, func(of category) bool { return of.Code == c.Category })
		if at < 0 {
			return nil, fmt.Errorf("%s precedes its category", c.Code)
		}
		all[at].Codes = append(all[at].Codes, c)
	}
	return all, nil
}

// constants returns the names of the constants in errors/code.go, by their values.
func constants() (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "errors", "code.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				value, _ := strconv.Unquote(literal.Value)
				found[value] = spec.Names[0].Name
			}
		}
		return true
	})
	return found, nil
}

// render returns the page.
func render(all []category) ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"retry": func(s string) string { return retries[s] }, "origins": origins, "contacts": people, "table": table, "lower": lower,
	}).Parse(page)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, all)
	return b.Bytes(), err
}

// origins returns the names of origins as a list.
func origins(of []string) string {
	if len(of) >= 5 {
		if slices.Contains(of, "client") {
			return "every provider, and the client"
		}
		return "every provider"
	}
	return list(of, names)
}

// people returns the contacts as a list.
func people(of []string) string { return list(of, contacts) }

func list(keys []string, texts map[string]string) string {
	var all []string
	for _, key := range keys {
		text, ok := texts[key]
		if !ok {
			text = "unknown: " + key
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// lower returns a sentence with a lower case letter at its start.
func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// table returns the rows of the provider codes, one for each provider.
func table(of []providerCode) []string {
	var order []string
	rows := map[string][]string{}
	for _, c := range of {
		var statuses []string
		for _, s := range c.Statuses {
			statuses = append(statuses, strconv.Itoa(s))
		}
		text := "no code"
		if c.Code != "" {
			text = "`" + c.Code + "`"
		}
		if len(statuses) > 0 {
			text += " (" + strings.Join(statuses, ", ") + ")"
		}
		if rows[c.Provider] == nil {
			order = append(order, c.Provider)
		}
		rows[c.Provider] = append(rows[c.Provider], text)
	}
	var all []string
	for _, provider := range order {
		all = append(all, names[provider]+" "+strings.Join(rows[provider], ", "))
	}
	return all
}
