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

// maxLines is the maximum average number of lines of generated code per operation, including
// iterators, without models and comments.
const maxLines = 19

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
				lines += files.Position(f.End()).Line - files.Position(f.Pos()).Line + 1
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
