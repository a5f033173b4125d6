package conformance_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A snippet is a block of Go code in a page.
type snippet struct {
	page string // relative to the root
	line int    // of the first line of code
	code string
}

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// pages returns README.md and the pages in docs, relative to the root, with their texts.
func pages(t *testing.T, root string) map[string][]byte {
	t.Helper()
	names := []string{"README.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			path, err = filepath.Rel(root, path)
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string][]byte)
	for _, name := range names {
		if texts[name], err = os.ReadFile(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// snippets returns all blocks of Go code in README.md and docs.
func snippets(t *testing.T, root string) []snippet {
	t.Helper()
	var all []snippet
	for page, text := range pages(t, root) {
		for _, at := range goBlock.FindAllSubmatchIndex(text, -1) {
			all = append(all, snippet{page, strings.Count(string(text[:at[2]]), "\n") + 1, string(text[at[2]:at[3]])})
		}
	}
	return all
}

// known are the packages that a snippet without imports may use.
var known = map[string]string{
	"bytes": "bytes", "context": "context", "fmt": "fmt", "http": "net/http", "io": "io", "iter": "iter", "json": "encoding/json", "log": "log",
	"os": "os", "signal": "os/signal", "slices": "slices", "slog": "log/slog", "synctest": "testing/synctest", "testing": "testing", "time": "time",
	"errors": module + "/errors", "observe": module + "/observe", "offboardtest": module + "/offboardtest", "teardown": module + "/teardown", "telemetry": module + "/telemetry",
	"katapult": module + "/katapult", "katapulttest": module + "/katapult/katapulttest",
	"zitadel": module + "/zitadel", "zitadeltest": module + "/zitadel/zitadeltest",
	"offboard": module,
	"atlas":    module + "/atlas", "atlastest": module + "/atlas/atlastest",
	"workspace": module + "/workspace", "workspacetest": module + "/workspace/workspacetest",
	"volterra": module + "/volterra", "volterratest": module + "/volterra/volterratest",
}

var providers = []string{"katapult", "zitadel", "atlas", "workspace", "volterra"}

// leadingImports matches the imports that precede statements, which no complete file has.
var leadingImports = regexp.MustCompile(`\A(?:import "[^"\n]+"[^\n]*\n)+`)

// file returns the source of a file that contains the snippet. A snippet that is not a
// complete file gets imports in addition to its own ones. Statements become the body of a function, whose parameters
// and other declarations are the names that pages use without a declaration: the client is
// one of the provider that the snippet names, otherwise one of Atlas. Lines that consist of
// an ellipsis are left out.
func (s snippet) file() string {
	code := regexp.MustCompile(`(?m)^\s*…$`).ReplaceAllString(s.code, "")
	own := leadingImports.FindString(code)
	code = code[len(own):]
	position := fmt.Sprintf("//line %s:%d\n", s.page, s.line+strings.Count(own, "\n"))
	parses := func(source string) bool {
		_, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
		return err == nil
	}
	if parses(code) {
		return position + code
	}
	var head strings.Builder
	head.WriteString("package snippet\n" + own)
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if regexp.MustCompile(`\b`+name+`\.`).MatchString(code) && !strings.Contains(own, strconv.Quote(known[name])) {
			fmt.Fprintf(&head, "import %q\n", known[name])
		}
	}
	if whole := head.String() + position + code; parses(whole) {
		return whole
	}
	provider := "atlas"
	for _, name := range providers {
		if strings.Contains(code, name+".") {
			provider = name
		}
	}
	return head.String() + fmt.Sprintf(`
import snippetcontext "context"
import snippetio "io"
import snippetprovider %q
import snippetteardown %q
func show[T any](T) {}
func investigate[T any](T) {}
func retryIn[T any](T) {}
func fail[T any](T) {}
func snippet(
	ctx snippetcontext.Context, client *snippetprovider.Client, orgID, id, secret, name string, file snippetio.ReadWriter, plan *snippetteardown.Plan,
) {
%s%s
}
`, module+"/"+provider, module+"/teardown", position, code)
}

// exports compiles packages and returns the export data files of the packages and their
// imports.
func exports(t *testing.T, root string, packages []string) map[string]string {
	t.Helper()
	list := exec.Command("go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, packages...)...)
	list.Dir = root
	var problems strings.Builder
	list.Stderr = &problems
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.String())
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return files
}

// Every block of Go code in README.md and docs compiles. A complete program that imports a
// fake is run, too, and must exit with 0.
func TestDocs_SnippetsCompile(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	all := snippets(t, root)
	if len(all) == 0 {
		t.Fatal("no snippets")
	}
	files := token.NewFileSet()
	parsed := make([]*ast.File, len(all))
	var imported []string
	for i, s := range all {
		parsed[i], err = parser.ParseFile(files, "", s.file(), parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, spec := range parsed[i].Imports {
			imported = append(imported, strings.Trim(spec.Path.Value, `"`))
		}
	}
	if t.Failed() {
		return
	}
	slices.Sort(imported)
	exported := exports(t, root, slices.Compact(imported))
	config := types.Config{Importer: importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exported[path])
	})}
	for i, s := range all {
		config.Error = func(err error) {
			// An unused variable or import is not an error of a snippet.
			if e, ok := errors.AsType[types.Error](err); !ok || !e.Soft {
				t.Errorf("%v", err)
			}
		}
		pkg, _ := config.Check("snippet", files, parsed[i:i+1:i+1], nil)
		if pkg.Name() == "main" && strings.Contains(s.code, "test\"\n") {
			runSnippet(t, root, s)
		}
	}
}

// The package errors of this module has the name of the standard one, so that a page states which
// one its first snippet with it imports.
func TestDocs_ImportOfErrors(t *testing.T) {
	t.Parallel()
	first := map[string]snippet{}
	for _, s := range snippets(t, filepath.Join("..", "..")) {
		if earlier, ok := first[s.page]; regexp.MustCompile(`\berrors\.`).MatchString(s.code) && (!ok || s.line < earlier.line) {
			first[s.page] = s
		}
	}
	if len(first) == 0 {
		t.Fatal("no snippets")
	}
	for page, s := range first {
		if !strings.Contains(s.code, strconv.Quote(module+"/errors")) {
			t.Errorf("%s:%d: the snippet uses errors without its import", page, s.line)
		}
	}
}

// The methods of the driver in adding-a-provider.md are those of the tested example.
func TestDocs_DriverOfExample(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "adding-a-provider.md"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root, "teardown", "provider_example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	methods := regexp.MustCompile(`(?ms)^func \(s shelf\) [A-Z]\w*\(.*?^}$`).FindAllString(string(page), -1)
	if len(methods) != 4 { // all but Provider, which is one line
		t.Errorf("got %d methods", len(methods))
	}
	for _, method := range methods {
		if !strings.Contains(string(example), method) {
			t.Errorf("teardown/provider_example_test.go does not contain\n%s", method)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// Every link of a page to a file of this repository must have a target.
func TestDocs_LinksExist(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	for page, text := range pages(t, root) {
		for _, target := range link.FindAllSubmatch(goBlock.ReplaceAll(text, nil), -1) {
			file := filepath.Join(root, filepath.Dir(page), string(target[1]))
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

var (
	symptomRow = regexp.MustCompile(`(?m)^\| ([^|]*` + "`" + `[^|]*) \|`)
	quoted     = regexp.MustCompile("`([^`]+)`")
)

// Every text that docs/troubleshooting.md quotes in the first column is in the code of a package or
// of the program.
func TestDocs_SymptomsExist(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	var code strings.Builder
	for _, name := range texts(t, root) {
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/conformance/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, row := range symptomRow.FindAllSubmatch(page, -1) {
		for _, match := range quoted.FindAllSubmatch(row[1], -1) {
			text := strings.TrimPrefix(string(match[1]), "requires the override ")
			if checked++; !strings.Contains(code.String(), text) {
				t.Errorf("no code has the text %q", text)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d texts were found", checked)
	}
}

// runSnippet runs a snippet that is a complete program.
func runSnippet(t *testing.T, root string, s snippet) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(program, []byte(s.code), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "go", "run", program)
	run.Dir = root
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%s:%d: %v\n%s", s.page, s.line, err, out)
	}
}

// Each text in the column "you see" of the page about troubleshooting is a part of a string in the
// sources.
func TestDocs_TroubleshootingTexts(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	var literals []string
	files := token.NewFileSet()
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil {
					literals = append(literals, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all, found := strings.Join(literals, "\n"), 0
	for line := range strings.Lines(string(page)) {
		cell, _, row := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !row || !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			if found++; !strings.Contains(all, match[1]) {
				t.Errorf("no string in the sources contains %q", match[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("the page has %d texts", found)
	}
}
