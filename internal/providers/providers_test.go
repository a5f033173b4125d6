package providers

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go"
)

// The source of the clients names all variables that they read.
func TestProviders_VariablesAreComplete(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`"((?:KATAPULT|ZITADEL|MONGODB_ATLAS|APPLIVERY|F5XC|VOLT|VES)_[A-Z0-9_]+)"`)
	for _, p := range All {
		files, err := filepath.Glob(filepath.Join("..", "..", p.Name, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no source: %v", p.Name, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range name.FindAllSubmatch(text, -1) {
				if variable := string(match[1]); !slices.Contains(slices.Concat(p.Variables, p.Others), variable) {
					t.Errorf("%s reads %s, which is missing from the table of providers", file, variable)
				}
			}
		}
	}
}

// The program accepts the aliases that the library accepts, and reports the names.
func TestName_Alias(t *testing.T) {
	t.Parallel()
	_, err := offboard.Open(t.Context(), offboard.Spec{Provider: "acme", Organization: "1"})
	_, of, _ := strings.Cut(Unknown("").Error(), "use one of ")
	if err == nil || !strings.HasSuffix(err.Error(), "use one of "+of) {
		t.Errorf("the program accepts %s, and the library returns %v", of, err)
	}
	for text, want := range map[string]string{"f5": F5, "applivery": "workspace", F5: F5, "atlas": "atlas", "F5": "F5", "": ""} {
		if got := Name(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestUnknown_Suggestion(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"katapul": "katapult", "Katapult": "katapult", "zitadell": "zitadel", "atlass": "atlas", "aplivery": "applivery",
		"F5": "f5", "volterr": "volterra", "MongoDB": "atlas", "f5xc": "volterra", "aws": "", "": "",
	} {
		_, got, _ := strings.Cut(Unknown(text).Error(), "; did you mean ")
		if got = strings.TrimSuffix(got, "?"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
