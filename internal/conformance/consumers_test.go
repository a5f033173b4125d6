package conformance_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/offboard-dev/offboard-go"

// compiled returns the modules that a program compiles, except the consumer's own. The
// SDK's own go.sum must be enough for them. The go command downloads modules that the
// module cache lacks, because the workspace may compile newer versions of them.
func compiled(t *testing.T, program string) []string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	consumer := consumerOf(t, root, sums, program)
	list := exec.Command("go", "list", "-mod=mod", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", ".")
	list.Dir = consumer
	list.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	var problems strings.Builder
	list.Stderr = &problems
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.String())
	}
	after, err := os.ReadFile(filepath.Join(consumer, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(after)) {
		if !strings.Contains(string(sums), line) {
			t.Errorf("the SDK's go.sum lacks %s", line)
		}
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	return slices.Compact(modules)
}

// consumerOf returns the directory of a module with one program that requires the SDK.
func consumerOf(t *testing.T, root string, sums []byte, program string) string {
	t.Helper()
	consumer := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/consumer\n\ngo 1.26.0\n\nrequire " + module + " v0.0.0\n\n" +
			"replace " + module + " => " + strconv.Quote(root) + "\n",
		"go.sum":  string(sums),
		"main.go": program,
	} {
		if err := os.WriteFile(filepath.Join(consumer, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return consumer
}

// usesErrors is a program that imports package errors only.
const usesErrors = `package main

import "` + module + `/errors"

func main() { println(errors.Is(errors.ActiveSubscriptions, errors.DeletionStepsNotSatisfied), len(errors.CodesJSON())) }
`

// run runs the go command without the workspace.
func run(t *testing.T, folder string, args ...string) {
	t.Helper()
	command := exec.Command("go", args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// go mod vendor copies the package, its license and codes.json, and nothing else of the
// SDK.
func TestErrors_Vendored(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	// vendor/modules.txt cannot hold a path with a space, which a temporary directory can have.
	consumer := consumerOf(t, "./sdk", sums, usesErrors)
	if err := os.Symlink(root, filepath.Join(consumer, "sdk")); err != nil {
		t.Fatal(err)
	}
	run(t, consumer, "mod", "vendor")
	vendored := filepath.Join(consumer, "vendor", filepath.FromSlash(module))
	for _, name := range []string{"LICENSE", "codes.json"} {
		want, err := os.ReadFile(filepath.Join(root, "errors", name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(vendored, "errors", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not vendored: %v", name, err)
		}
	}
	entries, err := os.ReadDir(vendored)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "errors" {
			t.Errorf("%s is vendored", entry.Name())
		}
	}
	run(t, consumer, "build", "-mod=vendor", "-o", filepath.Join(consumer, "program"), ".")
}

// A copy of the directory passes its tests in another module. Every Go file names the
// license.
func TestErrors_CopiedAlone(t *testing.T) {
	t.Parallel()
	const other = "example.com/other"
	copied := t.TempDir()
	if err := os.CopyFS(filepath.Join(copied, "errors"), os.DirFS(filepath.Join("..", "..", "errors"))); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(copied, "errors", "*.go"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(source, []byte("// SPDX-License-Identifier: Apache-2.0\n\n")) {
			t.Errorf("%s does not name the license", filepath.Base(file))
		}
		source = bytes.ReplaceAll(source, []byte(module), []byte(other))
		if err := os.WriteFile(file, source, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	license, err := os.ReadFile(filepath.Join("..", "..", "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(copied, "errors", "LICENSE")); err != nil || !bytes.Equal(got, license) {
		t.Errorf("errors/LICENSE is not the license of the module: %v", err)
	}
	if err := os.WriteFile(filepath.Join(copied, "go.mod"), []byte("module "+other+"\n\ngo 1.26.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, copied, "test", "-mod=readonly", "./errors")
}

func TestErrors_NoDependencies(t *testing.T) {
	t.Parallel()
	got := compiled(t, usesErrors)
	if diff := cmp.Diff([]string{module}, got); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
}

// The dependencies of a provider, as docs/faq.md and BENCHMARKS.md state them.
func TestProviders_Dependencies(t *testing.T) {
	t.Parallel()
	all := []string{
		"github.com/apapsch/go-jsonmerge/v2", "github.com/google/uuid", "github.com/oapi-codegen/runtime",
		module, "golang.org/x/oauth2",
	}
	for name, own := range map[string][]string{
		"katapult":  nil,
		"zitadel":   {"github.com/golang-jwt/jwt/v5"},
		"atlas":     {"github.com/icholy/digest"},
		"workspace": nil,
		"volterra":  {"golang.org/x/crypto", "software.sslmate.com/src/go-pkcs12"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := compiled(t, `package main

import "`+module+`/`+name+`"

func main() { _, err := `+name+`.New(); println(err) }
`)
			want := slices.Sorted(slices.Values(slices.Concat(all, own)))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("modules (-want +got):\n%s", diff)
			}
		})
	}
}
