package conformance_test

import (
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

// compiled returns the modules that a program compiles, without the consumer's own.
// The SDK's own go.sum must be enough for it. The go command downloads the modules
// that the module cache lacks: the workspace may compile newer versions of them.
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

func TestErrorsAloneCompilesNoOtherModule(t *testing.T) {
	t.Parallel()
	got := compiled(t, `package main

import "`+module+`/errors"

func main() { println(errors.Is(errors.ActiveSubscriptions, errors.DeletionStepsNotSatisfied)) }
`)
	if diff := cmp.Diff([]string{module}, got); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
}

// What a provider costs, as README.md and BENCHMARKS.md say.
func TestAProviderCompilesOnlyWhatItNeeds(t *testing.T) {
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
