package manifest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestRead_Example(t *testing.T) {
	t.Parallel()
	got, err := Read(strings.NewReader(Example), "m.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := fleet.Manifest{
		Policy: fleet.Policy{Approvals: 2, RemindEvery: 24 * time.Hour},
		Organizations: []fleet.Entry{
			{Provider: "katapult", Organization: "org_Fh7dKq2", Override: []teardown.Override{teardown.ManagedOrganizations}},
			{
				Provider: "volterra", Organization: "acme-edge-kqzvxwbn", Confirm: "acme-edge-kqzvxwbn", Email: "owner@example.com",
				BaseURL: "https://acme-edge.console.ves.volterra.io", Credentials: map[string]string{"F5XC_API_TOKEN": "F5XC_ACME_EDGE_TOKEN"},
			},
		},
		Deny: []string{"org_Platform"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Providers have aliases. Numbers are IDs at Zitadel.
func TestRead_AliasesAndNumbers(t *testing.T) {
	t.Parallel()
	const text = `
approvals: 0
organizations:
  - {provider: applivery, organization: acme, confirm: A}
  - {provider: f5, organization: b, confirm: B, email: b@example.com}
  - {provider: zitadel, organization: 165617386412343299, confirm: "0123"}
`
	m, err := Read(strings.NewReader(text), "m.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range m.Organizations {
		got = append(got, e.Provider+" "+e.Organization+" "+e.Confirm)
	}
	if diff := cmp.Diff([]string{"workspace acme A", "volterra b B", "zitadel 165617386412343299 0123"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRead_Faults(t *testing.T) {
	t.Parallel()
	const ok = "approvals: 1\norganizations:\n  - provider: katapult\n    organization: org_1\n"
	for name, test := range map[string]struct{ text, want string }{
		"empty":                {"", "m.yaml: the list of organizations is empty"},
		"not YAML":             {"a: [", "m.yaml:1: "},
		"no list":              {"approvals: 1\norganizations: 7\n", "m.yaml:2: "},
		"panic of the library": {"organizations: !!seq\nallow: !!binary x", "m.yaml:1: tags are not supported"},
		"two documents":        {ok + "---\n" + ok, "m.yaml: must contain one document"},
		"unknown key":          {ok + "    nmae: x\n", "m.yaml:5: unknown key: use provider, "},
		"duplicate key":        {ok + "    provider: atlas\n", "m.yaml:5: "},
		"no approvals":         {strings.Replace(ok, "approvals: 1\n", "", 1), "m.yaml:1: approvals is missing: "},
		"too many approvals":   {strings.Replace(ok, ": 1", ": 3", 1), "m.yaml:1: approvals must be 0, 1 or 2"},
		"approvals as a list":  {strings.Replace(ok, ": 1", ": [1]", 1), "m.yaml:1: approvals must be a text"},
		"approvals no number":  {strings.Replace(ok, ": 1", ": many", 1), "m.yaml:1: "},
		"no confirm":           {strings.Replace(ok, ": 1", ": 0", 1), "m.yaml:3: confirm is missing: "},
		"empty confirm":        {ok + "    confirm: ' '\n", "m.yaml:5: confirm is empty"},
		"no duration":          {"remind_every: 24\n" + ok, "m.yaml:1: remind_every must be a duration"},
		"short duration":       {ok + "remind_every: 59m\n", "m.yaml:5: remind_every must be a duration"},
		"empty duration":       {ok + "remind_every:\n", "m.yaml:5: remind_every must be a duration"},
		"no provider":          {"approvals: 1\norganizations:\n  - organization: x\n", "m.yaml:3: provider is missing"},
		"unknown provider":     {strings.Replace(ok, "katapult", "secret-value", 1), "m.yaml:3: unknown provider: use one of katapult, zitadel, atlas, workspace (or applivery), volterra (or f5)"},
		"no organization":      {"approvals: 1\norganizations:\n  - provider: atlas\n", "m.yaml:3: organization is missing"},
		"octal number":         {strings.Replace(ok, "org_1", "0123", 1), "m.yaml:4: write the value in quotes"},
		"octal number in deny": {ok + "deny: [a, 0123]\n", "m.yaml:5: write the value in quotes"},
		"another form":         {"approvals: 1\norganizations:\n  - {provider: katapult, organization: org_1, base_url: \"https://K.example/core/v1/\"}\n  - {provider: katapult, organization: org_1, base_url: \"https://k.example:443/core/v1\"}\n", "m.yaml:4: duplicate organization: see line 3"},
		"duplicate":            {ok + "  - provider: katapult\n    organization: org_1\n", "m.yaml:6: duplicate organization: see line 4"},
		"email":                {ok + "    email: a@example.com\n", "m.yaml:5: email is for volterra only"},
		"invalid reason":       {strings.Replace(ok, "katapult", "f5", 1) + "    email: a@example.com\n    reason: secret-value\n", "m.yaml:3: reason must be one of [REASON_UNKNOWN "},
		"invalid ID":           {strings.Replace(ok, "katapult", "atlas", 1), "m.yaml:3: organization must be 24 lower-case hexadecimal digits"},
		"no email":             {strings.Replace(ok, "katapult", "f5", 1), "m.yaml:3: volterra requires the email"},
		"override":             {ok + "    override: [partial, all]\n", "m.yaml:5: unknown override: use "},
		"user in URL":          {ok + "    base_url: https://user:secret-value@example.com\n", "m.yaml:5: base_url must be a URL"},
		"plain http":           {ok + "    base_url: http://example.com\n", "m.yaml:5: base_url must be a URL"},
		"no URL":               {ok + "    base_url: example.com\n", "m.yaml:5: base_url must be a URL"},
		"credential as name":   {ok + "    confirm: eyJhbGciOi.secret-value\n", "m.yaml:5: confirm is refused: the value has the form of a credential"},
		"credential":           {ok + "    credentials: {KATAPULT_API_KEY: secret-value}\n", "m.yaml:5: KATAPULT_API_KEY must name an environment variable that starts with KATAPULT_ or OFFBOARD_"},
		"other variable":       {ok + "    credentials:\n      KATAPULT_API_KEY: AWS_SECRET_ACCESS_KEY\n", "m.yaml:6: KATAPULT_API_KEY must name"},
		"variable of another":  {ok + "    credentials: {APPLIVERY_API_TOKEN: OFFBOARD_X}\n", "m.yaml:5: katapult does not read this variable: use KATAPULT_API_KEY"},
		"credential in reason": {strings.Replace(ok, "katapult", "f5", 1) + "    email: a@example.com\n    reason: k4tQm7Zt2Wn9Lx5Rb1Vd\n", "m.yaml:6: reason is refused: the value looks like a credential"},
		"query in URL":         {ok + "    base_url: https://example.com?key=secret-value\n", "m.yaml:5: base_url must be a URL"},
		"credential in deny":   {ok + "deny:\n  - a\n  - k4tQm7Zt2Wn9Lx5Rb1Vd\n", "m.yaml:7: an entry of deny is refused: the value looks like a credential: use the ID of the organization"},
		"credential in allow":  {ok + "allow: [mdb_sa_sk_secret-value]\n", "m.yaml:5: an entry of allow is refused: the value has the form of a credential"},
		"credential as key":    {ok + "    secret-value: x\n", "m.yaml:5: unknown key: use provider, "},
		"deep brackets":        {ok + "deny: " + strings.Repeat("[", 20) + strings.Repeat("]", 20), "m.yaml:5: lists and mappings must be at most 16 deep"},
		"alias":                {ok + "deny: [&a x, *a]\n", "m.yaml:5: anchors, aliases and merge keys are not supported"},
		"empty allow":          {ok + "allow: []\n", "m.yaml:5: allow is empty"},
		"null allow":           {ok + "allow:\n", "m.yaml:5: allow is empty"},
		"empty entry of deny":  {ok + "deny: [a, '']\n", "m.yaml:5: an entry of deny is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(strings.NewReader(test.text), "m.yaml")
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret-value") {
				t.Errorf("the error repeats a value: %v", err)
			}
		})
	}
}

// A manifest that Read accepts is one that package fleet accepts, and no text makes Read panic.
func FuzzRead(f *testing.F) {
	f.Add(Example)
	f.Add("organizations: !!seq\nallow: !!binary x")
	f.Add("approvals: &a 0\norganizations: [{provider: atlas, organization: *a, confirm: *a}]")
	f.Add("approvals: 1\norganizations: " + strings.Repeat("[", 1000))
	f.Add("approvals: 1\r\norganizations:\r\n- {provider: atlas, organization: a, confirm: \"\\e[2J\"}\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Read(strings.NewReader(text), "m.yaml")
		if err != nil {
			return
		}
		if _, err := fleet.PutManifest(t.Context(), discard{}, m); err != nil {
			t.Errorf("package fleet refuses the manifest: %v", err)
		}
	})
}

// discard is a store that keeps nothing.
type discard struct{ fleet.Store }

func (discard) Put(ctx context.Context, _ string, _ []byte) error { return ctx.Err() }

func TestCheckSpec_Variables(t *testing.T) {
	t.Parallel()
	spec := offboard.Spec{Provider: "f5", Credentials: map[string]string{"F5XC_API_TOKEN": "OFFBOARD_TOKEN"}}
	if err := CheckSpec(spec); err != nil {
		t.Error(err)
	}
	spec.Credentials["F5XC_API_TOKEN"] = "HOME"
	if err := CheckSpec(spec); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
}
