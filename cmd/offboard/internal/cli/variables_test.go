package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
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
