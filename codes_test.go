package offboard_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
)

// A code that no provider's answer becomes is not one that a caller can get: every
// constant has a fixture, but for those that the client finds out by itself.
func TestEveryCodeIsWhatSomeAnswerBecomes(t *testing.T) {
	t.Parallel()
	ours := []errors.Code{errors.Canceled, errors.NotConfirmed, errors.NotFinished, errors.OutcomeUnknown, errors.PlanStale, errors.TaskFailed}
	seen := map[errors.Code]bool{}
	files, err := filepath.Glob("*/testdata/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var fixtures []struct{ Want struct{ Code errors.Code } }
		if err := json.Unmarshal(data, &fixtures); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, f := range fixtures {
			seen[f.Want.Code] = true
		}
	}
	for name, code := range constants(t) {
		if seen[code] == slices.Contains(ours, code) {
			t.Errorf("%s: in a fixture is %t", name, seen[code])
		}
	}
}

// constants returns the codes that package errors declares.
func constants(t *testing.T) map[string]errors.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors/code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]errors.Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[spec.Names[0].Name] = errors.Code(value)
		}
		return true
	})
	if len(found) < 30 {
		t.Fatalf("only %d codes were found", len(found))
	}
	return found
}
