package conformance_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

// maxLines is the maximum average number of lines of generated code per operation,
// including comments and iterators, without models.
const maxLines = 25

func TestGenerated_LinesPerOperation(t *testing.T) {
	t.Parallel()
	all, methods := 0, 0
	for _, provider := range []string{"katapult", "zitadel", "atlas", "workspace", "volterra"} {
		file := filepath.Join("..", "..", provider, "api.gen.go")
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, file, source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, declaration := range parsed.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok {
				from := f.Pos()
				if f.Doc != nil {
					from = f.Doc.Pos()
				}
				lines += files.Position(f.End()).Line - files.Position(from).Line + 1
			}
		}
		operations := bytes.Count(source, []byte("call := rest.Call{"))
		t.Logf("%s: %d operations, %d lines, %.1f each", provider, operations, lines, float64(lines)/float64(operations))
		all, methods = all+operations, methods+lines
	}
	if average := float64(methods) / float64(all); average > maxLines {
		t.Errorf("%.1f lines per operation, want at most %d", average, maxLines)
	} else {
		t.Logf("%.1f lines per operation", average)
	}
}
