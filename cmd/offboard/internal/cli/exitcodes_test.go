package cli

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
)

// exitCodes returns the values of the program's constants.
func exitCodes(t *testing.T) []int {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "exitcode", "exitcode.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []int
	ast.Inspect(file, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncDecl); ok {
			return false
		}
		if value, ok := n.(*ast.BasicLit); ok && value.Kind == token.INT {
			code, err := strconv.Atoi(value.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return true
	})
	return codes
}

func TestExitCodes_DocumentationIsComplete(t *testing.T) {
	t.Parallel()
	want := exitCodes(t)
	if len(want) < 9 {
		t.Fatalf("got %v", want)
	}
	var known []int
	for code := range 100 {
		if exitcode.Known(code) {
			known = append(known, code)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for place, of := range map[string]struct{ text, line string }{
		"page":          {read(filepath.Join("..", "..", "..", "..", "docs", "program.md")), `(?m)^\| (\d+) \|`},
		"offboard help": {rootHelp, `(?m)^  (\d+)  `},
		"package main":  {read(filepath.Join("..", "..", "main.go")), `(?m)^//\t(\d+)  `},
		"known codes":   {strings.ReplaceAll(fmt.Sprintln(known), " ", "\n"), `(?m)^\[?(\d+)`},
	} {
		var got []int
		for _, match := range regexp.MustCompile(of.line).FindAllStringSubmatch(of.text, -1) {
			code, _ := strconv.Atoi(match[1])
			got = append(got, code)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", place, diff)
		}
	}
}

func TestExitCodes_EveryErrorHasOneOfThem(t *testing.T) {
	t.Parallel()
	want := exitCodes(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "errors", "code.go"))
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`Code += "([a-z_]+)"`).FindAllSubmatch(text, -1)
	if len(codes) < 50 {
		t.Fatalf("got %d codes", len(codes))
	}
	for _, match := range codes {
		code := errors.Code(match[1])
		if got := exitcode.Of(&errors.Error{Code: code}); !slices.Contains(want, got) || got == exitcode.OK {
			t.Errorf("%s: exit code %d", code, got)
		}
	}
}

// An organization without a plan has the same exit code in every command.
func TestExitCodes_SameForEveryCommand(t *testing.T) {
	for name, test := range map[string]struct {
		organization *scripted.Organization
		lines        string // of the entry and of the manifest
		code         int
	}{
		"another name":  {scripted.Named("org_1", "Acme"), "    confirm: Other\n", exitcode.NotConfirmed},
		"not found":     {func() *scripted.Organization { s := scripted.Named("org_1", "Acme"); s.Deleted = true; return s }(), "    confirm: Acme\n", exitcode.NotFound},
		"denied":        {scripted.Named("org_1", "Acme"), "    confirm: Acme\ndeny: [org_1]\n", exitcode.NotConfirmed},
		"not allowed":   {scripted.Named("org_1", "Acme"), "    confirm: Acme\nallow: [org_9]\n", exitcode.NotConfirmed},
		"not confirmed": {scripted.Named("org_1", "Acme"), "", exitcode.OK},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, test.organization, scripted.Named("org_9", "Nine"))
				touched := test.organization.Touched()
				b.write("manifest.yaml", "organizations:\n  - provider: katapult\n    organization: org_1\n"+test.lines)
				if code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != test.code {
					t.Errorf("plan: exit code %d: %s%s", code, out, errOut)
				}
				wantApply, wantStatus := test.code, test.code
				if test.code == exitcode.OK { // only apply requires the confirmation
					wantApply, wantStatus = exitcode.NotConfirmed, exitcode.Blocked
				}
				if code, out, errOut := b.run("apply", "DIR/plan.json"); code != wantApply {
					t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
				}
				if code, out, errOut := b.run("status", "DIR/plan.json"); code != wantStatus {
					t.Errorf("status: exit code %d: %s%s", code, out, errOut)
				}
				if test.organization.Touched() != touched {
					t.Error("the organization was touched")
				}
			})
		})
	}
}
