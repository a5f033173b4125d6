package planfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestManifest_HelpExample(t *testing.T) {
	t.Parallel()
	got, _, err := ParseManifest(strings.NewReader(ManifestExample), "manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := &Manifest{
		Organizations: []Entry{
			{
				Provider: "katapult", Organization: "org_Fh7dKq2", Confirm: "Acme Hosting",
				Override: []teardown.Override{teardown.ManagedOrganizations},
			},
			{
				Provider: "volterra", Organization: "acme-edge-kqzvxwbn", Confirm: "acme-edge-kqzvxwbn", Email: "owner@example.com",
				BaseURL: "https://acme-edge.console.ves.volterra.io", Credentials: map[string]string{"F5XC_API_TOKEN": "F5XC_ACME_EDGE_TOKEN"},
			},
		},
		Deny: []string{"org_Platform", "acme-www"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestManifest_ErrorNamesLine(t *testing.T) {
	t.Parallel()
	const head = "organizations:\n  - provider: atlas\n    organization: 5e2f00000000000000000001\n"
	for _, test := range []struct{ text, want string }{
		{"", "m.yaml: the list of organizations is empty"},
		{"organizations: []\n", "m.yaml: the list of organizations is empty"},
		{"organizations: 5\n", "m.yaml:1: int was used where sequence is expected"},
		{"organizations: !!seq\nallow: !!binary x\n", "m.yaml: invalid YAML"}, // the YAML library panics
		{"organisations: []\n", `m.yaml:1: unknown field "organisations"`},
		{head + "    confrim: Acme\n", `m.yaml:4: unknown field "confrim"`},
		{head + "    confirm: Acme\n    confirm: Acme\n", `m.yaml:5: mapping key "confirm" already defined`},
		{head + "\t- x\n", "m.yaml:4: "},
		{head + "---\n" + head, "m.yaml: must contain one document"},
		{head + "  - provider: acme\n    organization: a\n", `m.yaml:4: unknown provider: use one of`},
		{head + "  - organization: a\n", "m.yaml:4: provider is missing"},
		{head + "  - provider: atlas\n", "m.yaml:4: organization is missing"},
		{head + "  - provider: atlas\n    organization: ' '\n", "m.yaml:5: organization is missing"},
		{head + "  - provider: atlas\n    organization: ~\n", "m.yaml:5: organization is missing"},
		{head + "    override: [partial, all]\n", `m.yaml:4: unknown override: use`},
		{head + "    email: a@example.com\n", "m.yaml:4: email is for volterra only"},
		{head + "  - provider: volterra\n    organization: acme\n", "m.yaml:4: volterra requires the email"},
		{head + "    credentials:\n      API_KEY: X\n", "m.yaml:5: atlas does not read this variable: use MONGODB_ATLAS_CLIENT_ID"},
		{head + "    credentials:\n      MONGODB_ATLAS_CLIENT_ID: ''\n", "m.yaml:5: the name of the environment variable is missing"},
		{head + "  - provider: atlas\n    organization: 5e2f00000000000000000001\n", "m.yaml:5: duplicate organization: see line 3"},
	} {
		_, _, err := ParseManifest(strings.NewReader(test.text), "m.yaml")
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %q", test.text, err, test.want)
		}
	}
}

// YAML reads 0123 as 83, which would name another organization.
func TestManifest_NumericID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0123": "", "1_000": "", "0x1F": "", "1.50": "",
		"281763529917394947": "281763529917394947", "52e000000000000000000001": "52e000000000000000000001",
		"no": "no", "'0123'": "0123", "123456789012345678901234": "123456789012345678901234", "2020-01-01": "2020-01-01",
	} {
		for _, manifest := range []string{
			"organizations: [{provider: zitadel, organization: " + text + "}]",
			"organizations: [{provider: zitadel, organization: a, confirm: " + text + "}]",
			"organizations: [{provider: zitadel, organization: a}]\ndeny: [" + text + "]",
		} {
			m, _, err := ParseManifest(strings.NewReader(manifest), "m.yaml")
			if want == "" {
				if err == nil || !strings.Contains(err.Error(), "in quotes") {
					t.Errorf("%s: got %+v, %v", manifest, m, err)
				}
				continue
			}
			if err != nil || m.Organizations[0].Organization != want && m.Organizations[0].Confirm != want && m.Deny[0] != want {
				t.Errorf("%s: got %+v, %v", manifest, m, err)
			}
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(ManifestExample)
	f.Add("organizations: [{provider: *a}]")
	f.Add("organizations: !!seq\nallow: !!binary x") // the YAML library panics
	f.Fuzz(func(t *testing.T, text string) {
		m, _, err := ParseManifest(strings.NewReader(text), "m.yaml")
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("the error is not one printable line: %q", err)
			}
			return
		}
		for _, e := range m.Organizations {
			if e.Provider == "" || e.Organization == "" {
				t.Errorf("an entry names no organization: %+v", e)
			}
		}
	})
}

func TestManifest_Alias(t *testing.T) {
	t.Parallel()
	const text = "organizations:\n  - {provider: f5, organization: a, email: a@example.com}\n  - {provider: applivery, organization: b}\n"
	m, _, err := ParseManifest(strings.NewReader(text), "m.yaml")
	if err != nil || m.Organizations[0].Provider != providers.F5 || m.Organizations[1].Provider != "workspace" {
		t.Errorf("got %+v, %v", m, err)
	}
	_, _, err = ParseManifest(strings.NewReader(text+"  - {provider: workspace, organization: b}\n"), "m.yaml")
	if want := "m.yaml:4: duplicate organization: see line 3"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
