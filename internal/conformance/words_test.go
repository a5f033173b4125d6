package conformance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// replacedWords are words that the glossary replaces by one term for each concept. They count in
// texts, and as parts of identifiers.
var replacedWords = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(`
		gone verdict verdicts umbrella umbrellas double doubles losses consent consents begun began brake brakes pacer pacers
		befall befalls befallen befell beside somebody nobody whoever tell tells told hopeless truth lie lies judge judges judged
		chronicle chronicles standing standings opener ruletest teardowntest floor disc discs leftover leftovers thing things
	`) {
		words[word] = true
	}
	return words
}()

// phraseWords are words of replacedPhrases, at least one of each.
var phraseWords = map[string]bool{
	"along": true, "hand": true, "carry": true, "carries": true, "carried": true, "go": true, "goes": true, "went": true,
	"way": true, "back": true, "sub": true, "time": true, "mail": true, "left": true,
}

var replacedPhrases = regexp.MustCompile(`(?i)\b(?:(?:goes|went) along|by hand|carr(?:y|ies|ied) out|(?:goes|go|went) on|in (?:the|its|their) way|` +
	`holds? back|sub domain|time-outs?|e-mail|left over|(?:is|are) left)\b|[a-z]ByHand`)

// wordExceptions are correct uses, by a part of the line: words of a provider or a standard,
// and other meanings.
var wordExceptions = regexp.MustCompile(strings.Join([]string{
	`410 Gone|Gone \(410|StatusGone`,           // RFC 9110
	`VERSION_GONE|Version[Gg]one`,              // an error code of Atlas
	`responses/Gone|^\s*Gone:$|response gone,`, // a response of Atlas's OpenAPI
	`data_loss`,                                              // an error code of gRPC
	`format: double`,                                         // OpenAPI
	`Cross-Origin-Opener-Policy`,                             // HTML
	`http\.NoBody|\(nobody\)|id -[ug] nobody`,                // Go, Unix
	`(?:are|is) left (?:out|empty|unchanged)`,                // another meaning
	`[Dd]oubles? (?:with|every|after|each|the)|that doubles`, // another meaning
}, "|"))

// texts returns all Go files, pages and scripts below the root, relative to it, without test
// data.
func texts(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == "testdata"):
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		}
		path, err = filepath.Rel(root, path)
		if slices.Contains([]string{".go", ".md", ".yaml", ".yml", ".tmpl", ".sh"}, filepath.Ext(name)) || name == "Makefile" || path == filepath.Join(".ci", "run") {
			names = append(names, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// findReplaced returns the replaced word or phrase of a line; "" for none.
func findReplaced(line string) string {
	found, phrase := "", false
	for word := range words(line) {
		if replacedWords[word] && found == "" {
			found = word
		}
		phrase = phrase || phraseWords[word]
	}
	if phrase && found == "" {
		found = replacedPhrases.FindString(line)
	}
	if found != "" && wordExceptions.MatchString(line) {
		return ""
	}
	return found
}

// words returns the words of a line in lower case. An identifier has a word for each part.
func words(line string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start := -1
		for i, r := range line + " " {
			letter, upper := unicode.IsLetter(r), unicode.IsUpper(r)
			ends := !letter || upper && i > 0 && unicode.IsLower(rune(line[i-1]))
			if start >= 0 && ends {
				if !yield(strings.ToLower(line[start:i])) {
					return
				}
				start = -1
			}
			if letter && start < 0 {
				start = i
			}
		}
	}
}

func TestFindReplaced(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"// the organization is gone":       "gone",
		"// http.StatusGone":                "",
		"// three items are left":           "are left",
		"// a zero value is left out":       "",
		"// the interval doubles each time": "",
		"// a double of the provider":       "double",
		"// a bygone identifier":            "",
	} {
		if got := findReplaced(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// The code, the documentation and the pages use the terms of the glossary.
func TestWords_Glossary(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	for _, name := range texts(t, root) {
		// With the former names, and with the texts of others.
		if name == "internal/conformance/words_test.go" || name == "CHANGELOG.md" || name == "THIRD_PARTY_LICENSES.md" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if word := findReplaced(line); word != "" {
				t.Errorf("%s:%d: the glossary replaces %q: %.150s", name, i+1, word, strings.TrimSpace(line))
			}
		}
	}
}

var (
	namedTest    = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w*)")
	declaredTest = regexp.MustCompile(`(?m)^func (?:\([^)]*\) )?((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
)

// Every test that a page names exists. A page may name the common prefix of several tests.
func TestDocs_TestsExist(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	var declared []string
	pages := map[string][]byte{}
	for _, name := range texts(t, root) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(name) == ".md" && name != "CHANGELOG.md" {
			pages[name] = text
		}
		for _, match := range declaredTest.FindAllSubmatch(text, -1) {
			declared = append(declared, string(match[1]))
		}
	}
	for page, text := range pages {
		for _, match := range namedTest.FindAllSubmatch(text, -1) {
			name := string(match[1])
			if name != "TestSubject_Condition" && !slices.ContainsFunc(declared, func(test string) bool { return strings.HasPrefix(test, name) }) {
				t.Errorf("%s: unknown test %s", page, name)
			}
		}
	}
}

// Every exported declaration, field and method of a public package has a doc comment.
func TestDocs_Exported(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	checked := map[string]int{}
	for _, name := range texts(t, root) {
		directory := filepath.ToSlash(filepath.Dir(name))
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/") ||
			strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "examples/") {
			continue
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for id, documented := range exported(parsed) {
			checked[directory]++
			if !documented {
				t.Errorf("%s:%d: %s has no doc comment", name, files.Position(id.Pos()).Line, id.Name)
			}
		}
	}
	if checked["errors"] == 0 || checked["teardown"] == 0 || checked["katapult"] == 0 {
		t.Errorf("got declarations of %v only", checked)
	}
}

// exported returns the exported names of a file, and whether each has a doc comment. A comment
// of a group documents its constants and variables.
func exported(file *ast.File) map[*ast.Ident]bool {
	all := map[*ast.Ident]bool{}
	add := func(names []*ast.Ident, docs ...*ast.CommentGroup) {
		for _, name := range names {
			if name.IsExported() {
				all[name] = slices.ContainsFunc(docs, func(doc *ast.CommentGroup) bool { return doc.Text() != "" })
			}
		}
	}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
				add([]*ast.Ident{d.Name}, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.ValueSpec:
					add(s.Names, d.Doc, s.Doc, s.Comment)
				case *ast.TypeSpec:
					add([]*ast.Ident{s.Name}, d.Doc, s.Doc)
					if s.Name.IsExported() {
						members(s.Type, add)
					}
				}
			}
		}
	}
	return all
}

// members adds the fields of a struct, and the methods of an interface.
func members(typ ast.Expr, add func([]*ast.Ident, ...*ast.CommentGroup)) {
	fields := &ast.FieldList{}
	switch typ := typ.(type) {
	case *ast.StructType:
		fields = typ.Fields
	case *ast.InterfaceType:
		fields = typ.Methods
	}
	for _, field := range fields.List {
		add(field.Names, field.Doc, field.Comment)
		members(field.Type, add)
	}
}

// receiver returns the name of a receiver's type.
func receiver(typ ast.Expr) string {
	switch typ := typ.(type) {
	case *ast.StarExpr:
		return receiver(typ.X)
	case *ast.IndexExpr:
		return receiver(typ.X)
	case *ast.IndexListExpr:
		return receiver(typ.X)
	case *ast.Ident:
		return typ.Name
	}
	return ""
}
