package main

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/providers"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// literalSecret is a secret that a manifest contains by mistake.
const literalSecret = "c4nary-S3CRET"

func TestManifest_LiteralSecretInCredentials(t *testing.T) {
	t.Parallel()
	const head = "organizations:\n  - provider: katapult\n    organization: org_acme\n    credentials:"
	for name, lines := range map[string]string{
		"value":            "\n      KATAPULT_API_KEY: SECRET\n",
		"quoted value":     "\n      KATAPULT_API_KEY: \"SECRET\"\n",
		"block":            "\n      KATAPULT_API_KEY: |\n        SECRET\n        SECRET\n",
		"key":              "\n      SECRET: KATAPULT_API_KEY\n",
		"key without":      "\n      SECRET:\n",
		"key twice":        "\n      SECRET: a\n      SECRET: b\n",
		"in place of it":   " SECRET\n",
		"item":             "\n      - SECRET\n",
		"mapping":          "\n      KATAPULT_API_KEY: {SECRET: SECRET}\n",
		"list":             "\n      KATAPULT_API_KEY: [SECRET]\n",
		"flow":             " {KATAPULT_API_KEY: SECRET}\n",
		"flow, cut":        " {KATAPULT_API_KEY: SECRET\n",
		"flow, key twice":  " {SECRET: a, SECRET: b}\n",
		"alias":            "\n      KATAPULT_API_KEY: *SECRET\n",
		"anchor":           "\n      KATAPULT_API_KEY: &SECRET\n",
		"tag":              "\n      KATAPULT_API_KEY: !SECRET x\n",
		"tag, number":      "\n      KATAPULT_API_KEY: !!int SECRET\n",
		"tag, binary":      "\n      KATAPULT_API_KEY: !!binary SECRET\n",
		"reserved":         "\n      KATAPULT_API_KEY: @SECRET\n",
		"percent":          "\n      KATAPULT_API_KEY: %SECRET\n",
		"quote not closed": "\n      KATAPULT_API_KEY: \"SECRET\n",
		"escape":           "\n      KATAPULT_API_KEY: \"\\SECRET\"\n",
		"colon":            "\n      KATAPULT_API_KEY: a: SECRET\n",
		"tabulator":        "\n\t  KATAPULT_API_KEY: SECRET\n",
		"indented less":    "\n    KATAPULT_API_KEY: SECRET\n",
		"question mark":    "\n      ? SECRET\n      ? SECRET\n",
		"merge":            "\n      <<: *SECRET\n",
		"prefix":           "\n      KATAPULT_API_KEY: KATAPULT_SECRET\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bench := newHarness(t)
			for _, secret := range []string{literalSecret, "hunter-two", "123456789", "AKIAIOSFODNN7EXAMPLE", "opensesame", "a\\b", "sk_live_5Ünï"} {
				if name == "prefix" && secret == "AKIAIOSFODNN7EXAMPLE" {
					continue // a valid name of a variable that is not set
				}
				bench.write("manifest.yaml", head+strings.ReplaceAll(lines, "SECRET", secret))
				for _, args := range [][]string{{"plan", "DIR/manifest.yaml", "-v"}, {"plan", "DIR/manifest.yaml", "--json"}} {
					code, out, errOut := bench.run(args...)
					if code != exitcode.Usage || strings.Contains(out+errOut, secret) || strings.Contains(out+errOut, fmt.Sprintf("%q", secret)) {
						t.Errorf("%s: exit code %d: %s%s", secret, code, out, errOut)
					}
				}
			}
		})
	}
}

func TestManifest_OnlyProvidersOwnVariables(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All {
		for name, ok := range map[string]bool{
			"OFFBOARD_ACME": true, "OFFBOARD_": false, "AWS_SECRET_ACCESS_KEY": false, "HOME": false, "GITHUB_TOKEN": false,
			"KATAPULT_ACME": p.Name == "katapult", "ZITADEL_ACME": p.Name == "zitadel", "MONGODB_ATLAS_ACME": p.Name == "atlas",
			"APPLIVERY_ACME": p.Name == "workspace", "F5XC_ACME": p.Name == providers.F5, "VOLT_API_P12_FILE": p.Name == providers.F5, "VES_P12_PASSWORD": p.Name == providers.F5,
			"MY_OFFBOARD_KEY": false, "offboard_key": false, "OFFBOARD_KEY ": false, "OFFBOARD_KEY\n": false, "MONGODB_KEY": false,
		} {
			e := planfile.Entry{Provider: p.Name, Organization: "acme", Email: "owner@example.com", Credentials: map[string]string{p.Variables[0]: name}}
			text := fmt.Sprintf("organizations: [{provider: %s, organization: acme, credentials: {%s: %q}}]", p.Name, p.Variables[0], name)
			if p.Name == providers.F5 {
				text = strings.Replace(text, "acme,", "acme, email: owner@example.com,", 1)
			}
			_, _, err := planfile.ParseManifest(strings.NewReader(text), "m.yaml")
			if ok != (err == nil) {
				t.Errorf("%s %q: got %v", p.Name, name, err)
			}
			// The same rule applies to a plan file.
			_, opened := connect(slog.New(slog.DiscardHandler))(e)
			if refused := opened != nil && strings.Contains(opened.Error(), "must name an environment variable"); refused == ok {
				t.Errorf("%s %q: opened: %v", p.Name, name, opened)
			}
			if err != nil && (!strings.Contains(err.Error(), p.Prefixes[0]) || strings.Contains(err.Error(), strings.TrimSpace(name)) && name != "OFFBOARD_") {
				t.Errorf("%s %q: the error does not name the rule alone: %v", p.Name, name, err)
			}
		}
	}
}

// canary is the value of a variable, which must be neither sent nor printed.
const canary = "c4nary-S3CRET"

// Not parallel: the test sets the environment.
func TestManifest_MissingVariableIsNamed(t *testing.T) {
	for _, p := range providers.All {
		for _, variable := range p.Variables {
			t.Setenv(variable, "")
		}
	}
	t.Setenv("ZITADEL_API_URL", "https://fake.invalid")
	for _, test := range []struct {
		provider    string
		credentials map[string]string
		want        string
	}{
		{"katapult", map[string]string{"KATAPULT_API_KEY": "KATAPULT_ACME"}, "KATAPULT_ACME is not set"},
		{"zitadel", map[string]string{"ZITADEL_KEY_PATH": "OFFBOARD_ACME"}, "OFFBOARD_ACME is not set"},
		{"atlas", map[string]string{"MONGODB_ATLAS_CLIENT_ID": "OFFBOARD_SET"}, "MONGODB_ATLAS_CLIENT_SECRET is not set"},
		{"atlas", map[string]string{"MONGODB_ATLAS_CLIENT_ID": "OFFBOARD_SET", "MONGODB_ATLAS_CLIENT_SECRET": "OFFBOARD_ACME"}, "OFFBOARD_ACME is not set"},
		{"atlas", map[string]string{"MONGODB_ATLAS_PUBLIC_KEY": "OFFBOARD_SET"}, "MONGODB_ATLAS_PRIVATE_KEY is not set"},
		{"workspace", map[string]string{"APPLIVERY_API_TOKEN": "APPLIVERY_ACME"}, "APPLIVERY_ACME is not set"},
		{providers.F5, map[string]string{"F5XC_P12_FILE": "OFFBOARD_SET", "F5XC_P12_PASSWORD": "VES_ACME"}, "VES_ACME is not set"},
	} {
		t.Setenv("OFFBOARD_SET", canary)
		e := planfile.Entry{Provider: test.provider, Organization: "acme", Credentials: test.credentials}
		if test.provider == providers.F5 {
			e.Email = "owner@example.com"
		}
		_, err := connect(slog.New(slog.DiscardHandler))(e)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s %v: got %v", test.provider, test.credentials, err)
		}
	}
}

func TestManifest_Empty(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "white space": " \n\n", "comments": "# nothing\n# here\n", "byte order mark": "\ufeff", "null": "~\n", "document": "---\n",
		"byte order mark and comment": "\ufeff# nothing\n", "no entries": "organizations:\n", "null entries": "organizations: ~\n",
		"lists only": "deny: [acme]\n", "null entry": "organizations: [~]\n", "empty entry": "organizations: [{}]\n",
		"text": "acme\n", "list": "- acme\n", "number": "5\n", "UTF-16": "\xff\xfeo\x00", "bytes": "\x00\x01\x02", "end": "...\n",
	} {
		b := newHarness(t)
		b.write("manifest.yaml", text)
		code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
		if code != exitcode.Usage || out != "" || !strings.HasPrefix(errOut, "offboard: DIR/manifest.yaml:") || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit code %d: %q%q", name, code, out, errOut)
		}
	}
}

// Not parallel: the test sets the environment.
func TestManifest_ForeignVariableIsNotSent(t *testing.T) {
	srv := zitadeltest.NewServer()
	base := srv.Start()
	t.Cleanup(srv.Close)
	t.Setenv("AWS_SECRET_ACCESS_KEY", canary)
	_, err := connect(slog.New(slog.DiscardHandler))(planfile.Entry{
		Provider: "zitadel", Organization: "1", BaseURL: base,
		Credentials: map[string]string{"ZITADEL_SERVICE_USER_TOKEN": "AWS_SECRET_ACCESS_KEY"},
	})
	if err == nil || len(srv.Requests()) > 0 {
		t.Errorf("got %v, and %d requests", err, len(srv.Requests()))
	}
}
