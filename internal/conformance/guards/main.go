// Command guards removes each guard from a copy of the module, runs the guard's test, and
// fails unless that test fails:
//
//	go run ./internal/conformance/guards [-promise TEXT]
//
// guards.yaml lists the guards. The output is the table of RELIABILITY.md.
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed guards.yaml
var table []byte

// guard is code that keeps a promise, and the test that needs it.
type guard struct {
	Promise string `yaml:"promise"`
	File    string `yaml:"file"`
	Take    string `yaml:"take"` // occurs in the file exactly one time
	Put     string `yaml:"put"`  // replaces it
	Package string `yaml:"package"`
	Test    string `yaml:"test"` // an argument of go test -run
}

func main() {
	held, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "guards:", err)
		os.Exit(2)
	}
	if !held {
		os.Exit(1)
	}
}

func run() (held bool, err error) {
	only := flag.String("promise", "", "only guards whose promise contains the `text`")
	flag.Parse()
	guards, err := all()
	if err != nil {
		return false, err
	}
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/offboard-dev/offboard-go").Output()
	if err != nil {
		return false, fmt.Errorf("find the module: %w", err)
	}
	tree, err := os.MkdirTemp("", "guards")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(tree)
	if err := os.CopyFS(tree, os.DirFS(strings.TrimSpace(string(root)))); err != nil {
		return false, err
	}
	held = true
	fmt.Println("| promise | guard | test | with it | without it |\n|---|---|---|---|---|")
	for _, g := range guards {
		if !strings.Contains(g.Promise, *only) {
			continue
		}
		with, without, err := g.try(tree)
		if err != nil {
			return false, fmt.Errorf("%s: %w", g.Promise, err)
		}
		fmt.Println(g.row(with, without))
		held = held && with == "passes" && without == "fails"
	}
	return held, nil
}

// all returns the guards of guards.yaml.
func all() (guards []guard, err error) {
	err = yaml.UnmarshalWithOptions(table, &guards, yaml.DisallowUnknownField())
	return guards, err
}

// row returns the guard's row of the table in RELIABILITY.md.
func (g guard) row(with, without string) string {
	return fmt.Sprintf("| %s | `%s` | `%s` in `%s` | %s | %s |", g.Promise, g.File, g.Test, g.Package, with, without)
}

// try runs the test with the guard and without it.
func (g guard) try(tree string) (with, without string, err error) {
	name := filepath.Join(tree, filepath.FromSlash(g.File))
	source, err := os.ReadFile(name)
	if err != nil {
		return "", "", err
	}
	if n := bytes.Count(source, []byte(g.Take)); n != 1 {
		return "", "", fmt.Errorf("%q occurs in %s %d times, want 1", g.Take, g.File, n)
	}
	if with, err = g.test(tree); err != nil {
		return "", "", err
	}
	if err := os.WriteFile(name, bytes.Replace(source, []byte(g.Take), []byte(g.Put), 1), 0o600); err != nil {
		return "", "", err
	}
	without, err = g.test(tree)
	if back := os.WriteFile(name, source, 0o600); err == nil {
		err = back
	}
	return with, without, err
}

// test reports whether the test passes. A test that does not build or does not run is an
// error.
func (g guard) test(tree string) (string, error) {
	dir := filepath.Join(tree, filepath.FromSlash(g.Package)) // the package may be in a nested module
	c := exec.Command("go", "test", ".", "-run", g.Test, "-count=1", "-short", "-timeout", (2 * time.Minute).String(), "-v")
	c.Dir, c.Env = dir, append(os.Environ(), "GOWORK=off")
	out, err := c.CombinedOutput()
	switch {
	case err == nil && bytes.Contains(out, []byte("--- PASS")):
		return "passes", nil
	case bytes.Contains(out, []byte("--- FAIL")), bytes.Contains(out, []byte("panic:")):
		return "fails", nil
	}
	return "", fmt.Errorf("%v:\n%s", err, out)
}
