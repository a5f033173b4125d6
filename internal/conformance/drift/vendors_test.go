package drift_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/offboard-dev/offboard-go/internal/conformance/drift"
)

// vendored are the providers whose vendors publish a description.
var vendored = []string{"katapult", "zitadel", "atlas", "volterra"}

// vendorFiles returns the files of a vendor, which are not part of the project: in the
// directory OFFBOARD_VENDOR_SPECS, one subdirectory per provider.
func vendorFiles(t *testing.T, provider string) []string {
	t.Helper()
	folder := os.Getenv("OFFBOARD_VENDOR_SPECS")
	if folder == "" {
		folder = "../../../../shared/vendor"
	}
	files, err := filepath.Glob(filepath.Join(folder, provider, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no description of %s's vendor in %s", provider, folder)
	}
	return files
}

func TestVendors_Descriptions(t *testing.T) {
	t.Parallel()
	for _, provider := range vendored {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			vendors, err := drift.LoadAll(vendorFiles(t, provider))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("../../../openapi", provider+".yaml")
			mine, err := drift.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			deviations, err := drift.ReadDeviations(strings.TrimSuffix(file, ".yaml") + ".deviations.yaml")
			if err != nil {
				t.Fatal(err)
			}
			unexplained, explained, unused := drift.Explain(drift.Compare(mine, vendors), deviations)
			for _, d := range unexplained {
				t.Errorf("%s: %s, only in %q, no deviation", d.Where, d.What, d.Only)
			}
			for _, d := range unused {
				t.Errorf("%s, only in %q: unused deviation", d.Where, d.Only)
			}
			t.Logf("%d differences with a reason", len(explained))
			loseAnEnumValue(t, mine, vendors, deviations)
		})
	}
}

// loseAnEnumValue removes each enum value of ours in turn. Compare must report each one.
func loseAnEnumValue(t *testing.T, mine *openapi3.T, vendors []*openapi3.T, deviations []drift.Deviation) {
	t.Helper()
	lost := 0
	for name, ref := range mine.Components.Schemas {
		all := ref.Value.Enum
		if len(all) < 2 {
			continue
		}
		lost++
		ref.Value.Enum = slices.Clone(all[1:])
		unexplained, _, unused := drift.Explain(drift.Compare(mine, vendors), deviations)
		if len(unexplained)+len(unused) == 0 {
			t.Errorf("%s: no difference without %v", name, all[0])
		}
		ref.Value.Enum = all
	}
	t.Logf("%d enums lost a value and were found", lost)
}
