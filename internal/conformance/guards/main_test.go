package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The rows of guards.yaml refer to existing code and tests, and RELIABILITY.md lists them. The
// command itself, which takes minutes, shows that the tests need their guards.
func TestGuards_Rows(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	guards, err := all()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "RELIABILITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{}
	for _, g := range guards {
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(g.File)))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(source, []byte(g.Take)); n != 1 {
			t.Errorf("%s: %q occurs in %s %d times, want 1", g.Promise, g.Take, g.File, n)
		}
		if tests[g.Package] == nil {
			tests[g.Package] = testFiles(t, filepath.Join(root, filepath.FromSlash(g.Package)))
		}
		name, _, _ := strings.Cut(g.Test, "/")
		if !regexp.MustCompile(`(?m)^func \w*` + strings.TrimSuffix(name, "$")).Match(tests[g.Package]) {
			t.Errorf("%s: no test in %s matches %s", g.Promise, g.Package, g.Test)
		}
		if row := g.row(passes, fails); !bytes.Contains(page, []byte("\n"+row+"\n")) {
			t.Errorf("RELIABILITY.md lacks %s", row)
		}
	}
}

// testFiles returns the test files of a directory, joined.
func testFiles(t *testing.T, directory string) []byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(directory, "*_test.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d test files, %v", directory, len(names), err)
	}
	var all []byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return all
}
