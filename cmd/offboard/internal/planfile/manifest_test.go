package planfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/lexer"
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
		{"organizations: []\n", "m.yaml:1: the list of organizations is empty"},
		{"organizations: 5\n", "m.yaml:1: organizations must be a list"},
		{"organizations: !!seq\nallow: !!binary x\n", "m.yaml:1: tags are not supported"}, // the YAML library panics
		{"organisations: []\n", `m.yaml:1: unknown key "organisations"; did you mean organizations?`},
		{head + "    confrim: Acme\n", `m.yaml:4: unknown key "confrim"; did you mean confirm?`},
		{head + "    confirm: Acme\n    confirm: Acme\n", `m.yaml:5: mapping key "confirm" already defined`},
		{head + "\t- x\n", "m.yaml:4: "},
		{head + "    confirm: |\n      Acme\n", "m.yaml:4: confirm must be one line"},
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

// expensive are manifests whose cost in the YAML library grows with the square of their size, or
// more.
var expensive = map[string]string{
	"lists":                 "organizations: " + strings.Repeat("[", 200_000),
	"closed lists":          "organizations: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
	"mappings":              "organizations: " + strings.Repeat("{a: ", 100_000),
	"lists in a line":       "organizations:\n  " + strings.Repeat("- ", 100_000),
	"keys in a line":        strings.Repeat("a: ", 100_000),
	"pairs in brackets":     "deny: [" + strings.Repeat("a: b, ", 100_000),
	"explicit keys":         strings.Repeat("? ", 100_000),
	"lists by indents":      indented("- "),
	"keys by indents":       indented("a:\n"),
	"wide mapping":          "organizations:\n- " + strings.Repeat("a: b\n  ", 100_000),
	"long key":              strings.Repeat("a", 100_000) + ": [" + strings.Repeat("a,", 100_000),
	"quoted key":            "? \"" + strings.Repeat("a", 100_000) + "\" : [" + strings.Repeat("a,", 100_000),
	"anchors":               "deny: " + strings.Repeat("&a ", 100_000),
	"after a quote":         "'a[': " + strings.Repeat("[", 100_000),
	"after a comment":       "# [[ ' \"\norganizations: # ]]\n " + strings.Repeat("[", 100_000),
	"after a literal":       "deny: |\n  [[ ' ]]\nallow: " + strings.Repeat("[", 100_000),
	"after a document":      "a: [b]\n---\n" + strings.Repeat("[", 100_000),
	"mismatched brackets":   "deny: " + strings.Repeat("[}", 100_000),
	"documents in brackets": strings.Repeat("[\n---\n", 100_000),
	"after closing":         "]]]]\n- " + strings.Repeat("[", 100_000),
	"billion laughs":        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
	"merge keys":            "organizations:\n- {credentials: &a {A: b}}\n- {credentials: &b {<<: [*a, *a]}}\n",
	"merge of a text":       "organizations:\n- {<<: {provider: atlas}}\n",
	"tag":                   "deny: !!binary x",
	"large values":          "deny: [" + strings.Repeat("a,", 1<<20+1) + "]",
}

// indented returns lines of which each one has a column more of indentation.
func indented(line string) string {
	var b strings.Builder
	for i := range 1000 {
		b.WriteString(strings.Repeat(" ", 2*i) + strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String()
}

// The test does not call the parser: some of the manifests would take all memory.
func TestManifest_RefusedBeforeParsing(t *testing.T) {
	t.Parallel()
	for name, text := range expensive {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if fault := limitFault(lexer.Tokenize(text)); fault == nil {
				t.Error("the limits permit the manifest")
			}
		})
	}
}

// The limits permit every form that a manifest needs.
func TestManifest_PermittedForms(t *testing.T) {
	t.Parallel()
	var wide strings.Builder
	wide.WriteString("organizations:\n")
	for i := range 20_000 {
		fmt.Fprintf(&wide, "- provider: zitadel\n  organization: \"%d\"\n  override: [partial]\n", i)
	}
	for name, text := range map[string]string{
		"help":        ManifestExample,
		"wide":        wide.String(),
		"braces":      "{organizations: [{provider: volterra, organization: a, email: a@example.com, credentials: {F5XC_API_TOKEN: F5XC_A}, override: [partial]}], deny: [b, c]}",
		"JSON":        `{"organizations": [{"provider": "zitadel", "organization": "1", "confirm": "a: [[[[ {{{{ ' # b"}], "deny": ["- - - -"]}`,
		"folded text": "organizations:\n- provider: f5\n  organization: a\n  email: a@example.com\n  reason: >-\n    - - - [[ { a: b\n  feedback: 'it''s: [ # '\n",
		"deep indent": "organizations:\n" + strings.Repeat(" ", 200) + "- provider: zitadel\n" + strings.Repeat(" ", 202) + "organization: a\n",
		"same indent": "organizations:\n- provider: zitadel\n  organization: a\ndeny:\n- b\n- c\n",
		"directive":   "%YAML 1.2\n---\norganizations: [{provider: zitadel, organization: a}]\n",
		"document":    "---\norganizations: [{provider: zitadel, organization: a}]\n...\n",
		"comment":     "# a: [[[[[[[[[[[[[[[[[[[[[[\norganizations: [{provider: zitadel, organization: a}] # [[[[\n",
		"Windows":     "organizations:\r\n- provider: zitadel\r\n  organization: a\r\n",
		"null":        "organizations:\n- provider: zitadel\n  organization: a\n  confirm:\n  override: ~\n  credentials:\ndeny:\n",
	} {
		if _, _, err := ParseManifest(strings.NewReader(text), "m.yaml"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(ManifestExample)
	f.Add("organizations: [{provider: *a}]")
	f.Add("organizations: !!seq\nallow: !!binary x") // the YAML library panics
	for _, text := range expensive {
		f.Add(text[:min(len(text), 2000)])
	}
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

// The library parses this manifest without effort, but the limits refuse it.
func TestManifest_LimitsApply(t *testing.T) {
	t.Parallel()
	_, _, err := ParseManifest(strings.NewReader("organizations: "+strings.Repeat("[", 20)+strings.Repeat("]", 20)), "m.yaml")
	if want := "m.yaml:1: lists and mappings must be at most 16 deep"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// The organization of an entry may be listed in the form that the entry has.
func TestManifest_ListedOrganization(t *testing.T) {
	t.Parallel()
	const text = "organizations: [{provider: zitadel, organization: b2b4u9x1y-k4tqm7zt2wn9}]\ndeny: [b2b4u9x1y-k4tqm7zt2wn9]\nallow: [%s]\n"
	m, _, err := parseManifest(fmt.Appendf(nil, text, "b2b4u-solutions-gmbh"), "m.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m.DenyFlags, m.AllowFlags = []string{"b2b4u9x1y-k4tqm7zt2wn9"}, []string{"b2b4u-solutions-gmbh"}
	if err := m.CheckFlags(); err != nil {
		t.Error(err)
	}
	m.DenyFlags = []string{"b2b4u9x1y-k4tqm7zt2wn8"}
	want := "--deny number 1 is refused: the value looks like a credential: use the ID of the organization"
	if err := m.CheckFlags(); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if _, _, err := parseManifest(fmt.Appendf(nil, text, "b2b4u9x1y-k4tqm7zt2wn8"), "m.yaml"); err == nil || !strings.Contains(err.Error(), "an entry of allow is refused") {
		t.Errorf("got %v", err)
	}
}
