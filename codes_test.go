package offboard_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
)

var update = flag.Bool("update", false, "write errors/codes.json")

// client is the origin of codes that no answer causes.
const client = "client"

// providerNames are the provider packages, by the names that comments use.
var providerNames = map[string]string{
	"Katapult": "katapult", "Zitadel": "zitadel", "Atlas": "atlas", "Applivery": "workspace", "F5": "volterra",
}

// codesFile is errors/codes.json. errors/README.md describes it.
type codesFile struct {
	Version int         `json:"version"`
	Codes   []codeEntry `json:"codes"`
}

type codeEntry struct {
	Code          errors.Code    `json:"code"`
	Category      errors.Code    `json:"category"`
	Retryable     bool           `json:"retryable"`
	Meaning       string         `json:"meaning"`
	Origins       []string       `json:"origins"`
	ProviderCodes []providerCode `json:"provider_codes"`
	Advice        advice         `json:"advice"`
}

// providerCode is a provider's own code with its statuses.
type providerCode struct {
	Provider string `json:"provider"`
	Code     string `json:"code,omitempty"`
	Statuses []int  `json:"statuses,omitempty"`
}

// codes.json contains the comments of the constants, the providers' error tables, the
// statuses of the fixtures that follow real or documented answers, and the advice. After a change of any of
// these, run
//
//	go test . -run TestCodesJSON -update
func TestCodesJSON(t *testing.T) {
	t.Parallel()
	constants, rows, inFixtures := declared(t), providerCodes(t), fixtureOrigins(t)
	file := codesFile{Version: 1}
	for _, code := range errors.Codes() {
		c, ok := constants[code]
		if !ok {
			t.Fatalf("%q is not declared in errors/code.go", code)
		}
		entry := codeEntry{
			Code: code, Category: code.Category(), Retryable: code.Retryable(),
			Meaning: c.meaning, Origins: c.origins, ProviderCodes: rows[code], Advice: adviceOf(code),
		}
		if entry.ProviderCodes == nil {
			entry.ProviderCodes = []providerCode{}
		}
		c.check(t, entry.ProviderCodes, inFixtures[code])
		file.Codes = append(file.Codes, entry)
	}
	if len(file.Codes) != len(constants) {
		t.Errorf("Codes has %d codes, and code.go declares %d", len(file.Codes), len(constants))
	}
	want := encode(t, file)
	const name = "errors/codes.json"
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not up to date; run go test . -run TestCodesJSON -update (-want +got):\n%s", name, diff)
	}
	if !bytes.Equal(errors.CodesJSON(), got) {
		t.Error("CodesJSON does not return the file")
	}
}

// encode returns the file with one line for each member and each provider's code.
func encode(t *testing.T, file codesFile) string {
	t.Helper()
	compact := func(v any) string {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(v); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(b.String())
	}
	var codes []string
	for _, c := range file.Codes {
		var rows []string
		for _, row := range c.ProviderCodes {
			rows = append(rows, "\n        "+compact(row))
		}
		list := strings.Join(rows, ",")
		if list != "" {
			list += "\n      "
		}
		codes = append(codes, fmt.Sprintf("\n    {\n"+
			"      \"code\": %s,\n      \"category\": %s,\n      \"retryable\": %t,\n      \"meaning\": %s,\n"+
			"      \"origins\": %s,\n      \"provider_codes\": [%s],\n      \"advice\": {\n"+
			"        \"retry\": %s,\n        \"when\": %s,\n        \"action\": %s,\n        \"contacts\": %s,\n        \"show\": %s\n      }\n    }",
			compact(c.Code), compact(c.Category), c.Retryable, compact(c.Meaning), compact(c.Origins), list,
			compact(c.Advice.Retry), compact(c.Advice.When), compact(c.Advice.Action), compact(c.Advice.Contacts), compact(c.Advice.Show)))
	}
	return fmt.Sprintf("{\n  \"version\": %d,\n  \"codes\": [%s\n  ]\n}\n", file.Version, strings.Join(codes, ","))
}

// constant is a code with the facts of its comment.
type constant struct {
	name    string
	meaning string
	origins []string
	named   []providerCode // the codes and statuses that the comment names
}

// declared returns the codes that package errors declares, with their comments.
func declared(t *testing.T) map[errors.Code]constant {
	t.Helper()
	found := map[errors.Code]constant{}
	for spec, value := range constantSpecs(t) {
		name := spec.Names[0].Name
		meaning, origin, ok := strings.Cut(strings.Join(strings.Fields(spec.Doc.Text()), " "), " Origin: ")
		meaning, named := strings.CutPrefix(meaning, name+": ")
		if !ok || !named {
			t.Errorf("the comment of %s has no meaning or no origin", name)
		}
		c := constant{name: name, meaning: plain(t, meaning)}
		c.origins, c.named = origins(origin)
		found[value] = c
	}
	return found
}

// fields are the members of the JSON form of an error, by the fields of an Error.
var fields = strings.NewReplacer(
	"[Error.Steps]", "`steps`", "[Error.Detail]", "`detail`", "[Error.RetryAfter]", "`retry_after_seconds`",
	"[Error.Status]", "`status`", "[Error.Err]", "`cause`",
)

// plain returns a comment for readers of other languages: without links, and without the
// sentences about functions.
func plain(t *testing.T, comment string) string {
	t.Helper()
	var sentences []string
	for sentence := range strings.SplitSeq(fields.Replace(comment), ". ") {
		if !strings.HasPrefix(sentence, "[Is]") {
			sentences = append(sentences, strings.TrimSuffix(sentence, "."))
		}
	}
	text := strings.Join(sentences, ". ") + "."
	if strings.ContainsAny(text, "[]") {
		t.Errorf("the comment %q has a link that codes.json cannot have", comment)
	}
	runes := []rune(text)
	runes[0] = unicode.ToUpper(runes[0])
	return string(runes)
}

var originPattern = regexp.MustCompile(`(Katapult|Zitadel|Atlas|Applivery|F5)(?: \(([^)]*)\))?`)

// origins parses the end of a comment: "Katapult (404), Zitadel (404 COMMA-aps2n)". A
// number of three digits is a status.
func origins(text string) (all []string, named []providerCode) {
	for _, match := range originPattern.FindAllStringSubmatch(text, -1) {
		provider := providerNames[match[1]]
		all = append(all, provider)
		for token := range strings.FieldsFuncSeq(match[2], func(r rune) bool { return r == ' ' || r == ',' }) {
			if status, err := strconv.Atoi(token); err == nil && len(token) == 3 {
				named = append(named, providerCode{Provider: provider, Statuses: []int{status}})
			} else {
				named = append(named, providerCode{Provider: provider, Code: token})
			}
		}
	}
	if strings.Contains(text, "every provider") {
		all = []string{"katapult", "zitadel", "atlas", "workspace", "volterra"}
	}
	if strings.Contains(text, "the client") {
		all = append(all, client)
	}
	return all, named
}

// check compares a comment with the providers' tables and fixtures.
func (c constant) check(t *testing.T, rows []providerCode, inFixtures []string) {
	t.Helper()
	if len(c.origins) == 0 {
		t.Errorf("the comment of %s names no origin", c.name)
	}
	for _, provider := range inFixtures {
		if !slices.Contains(c.origins, provider) && !slices.Equal(c.origins, []string{client}) {
			t.Errorf("the comment of %s lacks the origin %s", c.name, provider)
		}
	}
	for _, provider := range c.origins {
		if provider != client && !slices.Contains(inFixtures, provider) && !mentions(t, provider, c.name) {
			t.Errorf("the comment of %s names the origin %s, whose package does not have the code", c.name, provider)
		}
	}
	for _, n := range c.named {
		if !slices.ContainsFunc(rows, func(r providerCode) bool {
			return r.Provider == n.Provider && (n.Code == "" || r.Code == n.Code) &&
				!slices.ContainsFunc(n.Statuses, func(s int) bool { return !slices.Contains(r.Statuses, s) })
		}) {
			t.Errorf("the comment of %s names %+v, which no table or fixture has", c.name, n)
		}
	}
}

// mentions reports whether the source of a provider package or of the pipeline uses a code.
func mentions(t *testing.T, provider, name string) bool {
	t.Helper()
	for _, pattern := range []string{provider + "/*.go", "internal/rest/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if regexp.MustCompile(`\berrors\.` + name + `\b`).Match(source) {
				return true
			}
		}
	}
	return false
}

// providerCodes returns the rows of the providers' error tables and of the fixtures that
// follow real or documented answers, by code.
func providerCodes(t *testing.T) map[errors.Code][]providerCode {
	t.Helper()
	type key struct {
		code           errors.Code
		provider, text string
	}
	statuses := map[key][]int{}
	for _, provider := range providerNames {
		for text, codes := range table(t, provider) {
			for _, code := range codes {
				statuses[key{code, provider, text}] = nil
			}
		}
	}
	for provider, fixtures := range allFixtures(t) {
		for _, f := range fixtures {
			if madeUp.MatchString(f.Source) || f.Want.Code == errors.UnexpectedResponse {
				continue
			}
			k := key{f.Want.Code, provider, f.Want.ProviderCode}
			if known := statuses[k]; statusUnknown.MatchString(f.Source) || slices.Contains(known, f.Status) {
				statuses[k] = known
			} else {
				statuses[k] = append(known, f.Status)
			}
		}
	}
	rows := map[errors.Code][]providerCode{}
	for k, s := range statuses {
		slices.Sort(s)
		if k.text == "" && s == nil {
			continue
		}
		rows[k.code] = append(rows[k.code], providerCode{Provider: k.provider, Code: k.text, Statuses: s})
	}
	for _, r := range rows {
		slices.SortFunc(r, func(a, b providerCode) int {
			return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Code, b.Code))
		})
	}
	return rows
}

// madeUp are the sources of fixtures that follow no answer of the provider.
var madeUp = regexp.MustCompile(`^(not seen|none|a gateway|gateways|gRPC gateways|gRPC: 0|answers of proxies|vendor documents a limit and no answer)`)

// statusUnknown are the sources that do not show the status.
var statusUnknown = regexp.MustCompile(`status is not known|does not state the status|reads only the body`)

// table returns the provider's codes in the maps of PROVIDER/errors.go whose values are
// codes.
func table(t *testing.T, provider string) map[string][]errors.Code {
	t.Helper()
	name := filepath.Join(provider, "errors.go")
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]errors.Code{}
	for spec, value := range constantSpecs(t) {
		values[spec.Names[0].Name] = value
	}
	texts := map[string]string{} // string constants
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if text, ok := literal(spec.Values[0]); ok {
				texts[spec.Names[0].Name] = text
			}
		}
		return true
	})
	found := map[string][]errors.Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		row, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		selector, ok := row.Value.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		code, ok := values[selector.Sel.Name]
		if !ok {
			return true
		}
		key := row.Key
		if composite, ok := key.(*ast.CompositeLit); ok { // {status, code}
			key = composite.Elts[len(composite.Elts)-1]
		}
		text, ok := literal(key)
		if name, isName := key.(*ast.Ident); isName {
			text, ok = texts[name.Name]
		}
		if ok && !slices.Contains(found[text], code) {
			found[text] = append(found[text], code)
		}
		return true
	})
	if len(found) < 15 {
		t.Fatalf("%s: only %d codes were found", name, len(found))
	}
	return found
}

// literal returns the text of a string literal.
func literal(e ast.Expr) (string, bool) {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

// fixture is the part of a fixture that this file uses.
type fixture struct {
	Source string
	Status int
	Want   struct {
		Code         errors.Code
		ProviderCode string `json:"provider_code"`
	}
}

// allFixtures returns the fixtures of all providers.
func allFixtures(t *testing.T) map[string][]fixture {
	t.Helper()
	files, err := filepath.Glob("*/testdata/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	all := map[string][]fixture{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var fixtures []fixture
		if err := json.Unmarshal(data, &fixtures); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		provider := filepath.Dir(filepath.Dir(file))
		all[provider] = append(all[provider], fixtures...)
	}
	return all
}

// fixtureOrigins returns the providers that have a fixture of a code.
func fixtureOrigins(t *testing.T) map[errors.Code][]string {
	t.Helper()
	found := map[errors.Code][]string{}
	for provider, fixtures := range allFixtures(t) {
		for _, f := range fixtures {
			if !slices.Contains(found[f.Want.Code], provider) {
				found[f.Want.Code] = append(found[f.Want.Code], provider)
			}
		}
	}
	return found
}

// Every constant has a fixture, except unexpected_response and those whose only origin is
// the client.
func TestCodes_HaveFixtures(t *testing.T) {
	t.Parallel()
	seen := fixtureOrigins(t)
	for code, c := range declared(t) {
		ours := slices.Equal(c.origins, []string{client}) && code != errors.UnexpectedResponse
		if got := len(seen[code]) > 0; got == ours {
			t.Errorf("%s: in a fixture is %t", c.name, got)
		}
	}
}

// constantSpecs returns the declarations of the codes in errors/code.go, with their values.
func constantSpecs(t *testing.T) map[*ast.ValueSpec]errors.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors/code.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := map[*ast.ValueSpec]errors.Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if value, ok := literal(spec.Values[0]); ok {
				found[spec] = errors.Code(value)
			}
		}
		return true
	})
	if len(found) < 30 {
		t.Fatalf("only %d codes were found", len(found))
	}
	return found
}
