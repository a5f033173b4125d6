package conformance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// notYetChecked are directories that still use replaced words.
var notYetChecked = []string{
	"", "atlas", "atlas/atlastest", "docs", "docs/decisions", "errors", "internal/auth", "internal/auth/clientcert", "internal/auth/digestauth",
	"internal/ratelimit", "internal/resource", "internal/rest",
	"internal/conformance/guards", "internal/tools/generate", "internal/trace", "katapult", "openapi", "teardown", "volterra",
	"volterra/volterratest", "workspace", "zitadel", "zitadel/zitadeltest", ".ci",
}

// replacedWords are words that the glossary replaces by one term for each concept. They match
// whole words of texts, and parts of identifiers in camel case.
var replacedWords = regexp.MustCompile(`(?i)\b(?:` + strings.Join([]string{
	`gone`, `verdicts?`, `umbrellas?`, `doubles?`, `losses`, `goes along`, `went along`, `consents?`, `by hand`,
	`begun`, `began`, `carr(?:y|ies|ied) out`, `goes on`, `go on`, `went on`, `brakes?`, `pacers?`, `befalls?`, `befallen`, `befell`,
	`in (?:the|its|their) way`, `beside`, `somebody`, `nobody`, `whoever`, `tells?`, `told`, `hopeless`,
	`holds? back`, `truth`, `lies?`, `judge[sd]?`, `chronicles?`, `standings?`, `opener`, `ruletest`, `teardowntest`, `floor`,
	`sub domain`, `time-outs?`, `e-mail`, `discs?`, `left over`, `leftovers?`, `(?:is|are) left`, `things?`,
}, "|") + `)\b`)

var replacedParts = regexp.MustCompile(`[a-z](?:Gone|Verdicts?|Doubles?|Loss(?:es)?|Consents?|ByHand|Begun|Umbrella|Things?|Told|Truth|Lies|Befall[a-z]*|Worked)(?:[^a-z]|$)`)

// wordExceptions are correct uses, by a part of the line: words of a provider or a standard,
// and other meanings.
var wordExceptions = regexp.MustCompile(strings.Join([]string{
	`410 Gone|Gone \(410|StatusGone`, // RFC 9110
	`http\.NoBody|\(nobody\)|id -[ug] nobody`,
	`(?:are|is) left (?:out|empty|unchanged)`,
	`[Dd]oubles? (?:with|every|after|each)|that doubles`,
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

// findReplaced returns the replaced word of a line; "" for none.
func findReplaced(line string) string {
	if wordExceptions.MatchString(line) {
		return ""
	}
	if word := replacedWords.FindString(line); word != "" {
		return word
	}
	return replacedParts.FindString(line)
}

func TestFindReplaced(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"// the organization is gone":       "gone",
		"	orgGone := true":                  "gGone ",
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
	clean := map[string]bool{}
	for _, name := range texts(t, root) {
		directory := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), ".")
		if strings.HasPrefix(name, ".ci/") {
			directory = ".ci"
		}
		if name == "internal/conformance/words_test.go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		skipped := slices.Contains(notYetChecked, directory)
		if _, seen := clean[directory]; !seen && skipped {
			clean[directory] = true
		}
		for i, line := range strings.Split(string(text), "\n") {
			word := findReplaced(line)
			switch {
			case word != "" && skipped:
				clean[directory] = false
			case word != "":
				t.Errorf("%s:%d: the glossary replaces %q: %.150s", name, i+1, word, strings.TrimSpace(line))
			}
		}
	}
	for directory, is := range clean {
		if is {
			t.Logf("%q is clean: remove it from notYetChecked", directory)
		}
	}
}

// undocumented are directories whose exported declarations are not all documented yet.
var undocumented = []string{"atlas", "volterra", "zitadel/zitadeltest", "atlas/atlastest", "volterra/volterratest"}

// Every exported declaration, field and method of a public package has a doc comment.
func TestDocs_Exported(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	checked := map[string]int{}
	for _, name := range texts(t, root) {
		directory := filepath.ToSlash(filepath.Dir(name))
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/") ||
			strings.HasPrefix(name, "examples/") || slices.Contains(undocumented, directory) {
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
