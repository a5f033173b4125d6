// Command guards removes each guard from a copy of the module, runs the guard's test, and
// fails unless that test fails:
//
//	go run ./internal/conformance/guards [-promise TEXT] [-parallel NUMBER]
//
// guards.yaml lists the guards. The output is the table of RELIABILITY.md.
package main

import (
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
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
	parallel := flag.Int("parallel", runtime.GOMAXPROCS(0), "`number` of guards that are tried at the same time")
	flag.Parse()
	guards, err := all()
	if err != nil {
		return false, err
	}
	guards = slices.DeleteFunc(guards, func(g guard) bool { return !strings.Contains(g.Promise, *only) })
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/offboard-dev/offboard-go").Output()
	if err != nil {
		return false, fmt.Errorf("find the module: %w", err)
	}
	work := make(chan int)
	rows := make([]chan result, len(guards))
	for i := range rows {
		rows[i] = make(chan result, 1)
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	for range max(1, *parallel) {
		c, err := newCopy(strings.TrimSpace(string(root)))
		if err != nil {
			close(work)
			return false, err
		}
		workers.Go(func() {
			defer os.RemoveAll(c.directory)
			for i := range work {
				rows[i] <- c.try(guards[i])
			}
		})
	}
	go func() {
		defer close(work)
		for i := range guards {
			work <- i
		}
	}()
	held = true
	fmt.Println("| promise | guard | test | with it | without it |\n|---|---|---|---|---|")
	for i, g := range guards {
		r := <-rows[i]
		fmt.Println(g.row(r.with, r.without))
		if r.err != nil {
			fmt.Fprintf(os.Stderr, "guards: %s: %v\n", g.Promise, r.err)
		}
		held = held && r.err == nil && r.with == passes && r.without == fails
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

// The results of a test.
const (
	passes = "passes"
	fails  = "fails"
)

// result is the result of a guard's test with the guard and without it. Both are empty if the
// test was not run.
type result struct {
	with, without string
	err           error
}

// moduleCopy is a copy of the module in which one guard at a time is removed.
type moduleCopy struct {
	directory string
	built     map[string]string // the test program of each package with all guards
}

func newCopy(module string) (*moduleCopy, error) {
	directory, err := os.MkdirTemp("", "guards")
	if err != nil {
		return nil, err
	}
	c := &moduleCopy{directory: directory, built: map[string]string{}}
	return c, os.CopyFS(c.module(), os.DirFS(module))
}

// module returns the directory of the copied files.
func (c *moduleCopy) module() string { return filepath.Join(c.directory, "module") }

// try runs a guard's test with the guard and without it.
func (c *moduleCopy) try(g guard) (r result) {
	program := c.built[g.Package]
	if program == "" {
		program = filepath.Join(c.directory, fmt.Sprintf("with%d.test", len(c.built)))
		if r.err = c.build(g, program); r.err != nil {
			return r
		}
		c.built[g.Package] = program
	}
	if r.with, r.err = c.test(g, program); r.err != nil {
		return r
	}
	name := filepath.Join(c.module(), filepath.FromSlash(g.File))
	source, err := os.ReadFile(name)
	if err != nil {
		r.err = err
		return r
	}
	if n := bytes.Count(source, []byte(g.Take)); n != 1 {
		r.err = fmt.Errorf("%q occurs in %s %d times, want 1", g.Take, g.File, n)
		return r
	}
	r.err = os.WriteFile(name, bytes.Replace(source, []byte(g.Take), []byte(g.Put), 1), 0o600)
	if r.err == nil {
		program = filepath.Join(c.directory, "without.test")
		if r.err = c.build(g, program); r.err == nil {
			r.without, r.err = c.test(g, program)
		}
	}
	return result{r.with, r.without, errors.Join(r.err, os.WriteFile(name, source, 0o600))}
}

// build builds the test program of the guard's package, which may be in a nested module.
func (c *moduleCopy) build(g guard, program string) error {
	out, err := c.command(g, "go", "test", "-c", "-vet=off", "-o", program, ".").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build %s: %w:\n%s", g.Package, err, out)
	}
	return nil
}

// test reports whether the guard's test passes.
func (c *moduleCopy) test(g guard, program string) (string, error) {
	out, err := c.command(g, program, "-test.run", g.Test, "-test.short", "-test.timeout", time.Minute.String(), "-test.v").CombinedOutput()
	switch {
	case err == nil && bytes.Contains(out, []byte("--- PASS")):
		return passes, nil
	case bytes.Contains(out, []byte("--- FAIL")), bytes.Contains(out, []byte("panic:")):
		return fails, nil
	}
	return "", fmt.Errorf("no result of %s: %v:\n%s", g.Test, err, out)
}

// command returns a command that runs in the directory of the guard's package.
func (c *moduleCopy) command(g guard, name string, arguments ...string) *exec.Cmd {
	command := exec.Command(name, arguments...)
	command.Dir, command.Env = filepath.Join(c.module(), filepath.FromSlash(g.Package)), append(os.Environ(), "GOWORK="+filepath.Join(c.module(), "go.work"))
	return command
}
