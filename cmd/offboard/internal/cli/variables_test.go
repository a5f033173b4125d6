package cli

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
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

func TestManifest_Encoding(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.manifest()
		text := b.read("manifest.yaml")
		encode := func(order binary.AppendByteOrder, start string) string {
			var encoded []byte
			for _, unit := range utf16.Encode([]rune(start + text)) {
				encoded = order.AppendUint16(encoded, unit)
			}
			return string(encoded)
		}
		for name, test := range map[string]struct{ text, want string }{
			"UTF-8 with a byte order mark":       {"\ufeff" + text, ""},
			"with line ends of Windows":          {strings.ReplaceAll(text, "\n", "\r\n"), ""},
			"UTF-16":                             {encode(binary.LittleEndian, "\ufeff"), "manifest.yaml: the manifest is UTF-16 text: save it as UTF-8"},
			"UTF-16, big endian":                 {encode(binary.BigEndian, "\ufeff"), "UTF-16 text"},
			"UTF-16 without a byte order mark":   {encode(binary.LittleEndian, ""), "UTF-16 text"},
			"UTF-16, big endian, without a mark": {encode(binary.BigEndian, ""), "UTF-16 text"},
			"Latin-1":                            {text + "# \xe9\n", "must be UTF-8 text"},
			"tab before a key":                   {strings.Replace(text, "    organization", "\torganization", 1), "manifest.yaml:3: the indentation contains a tab: YAML requires spaces"},
			"tab after spaces":                   {strings.Replace(text, "    organization", "  \torganization", 1), "manifest.yaml:3: the indentation contains a tab"},
			"tab before an entry":                {strings.Replace(text, "  - provider", "\t- provider", 1), "manifest.yaml:2: the indentation contains a tab"},
			"misspelled key":                     {strings.Replace(text, "organization:", "organisation:", 1), `manifest.yaml:3: unknown key "organisation"; did you mean organization?`},
			"misspelled provider":                {strings.Replace(text, "katapult", "katapul", 1), "; did you mean katapult?"},
			"misspelled override":                {text + "    override: [partail]\n", "; did you mean partial?"},
		} {
			b.write("manifest.yaml", test.text)
			code, out, errOut := b.run("plan", "DIR/manifest.yaml")
			if want := test.want != ""; want != (code == exitcode.Usage) || !strings.Contains(errOut, test.want) || want && strings.Count(errOut, "\n") != 1 {
				t.Errorf("%s: exit code %d: %s%s", name, code, out, errOut)
			}
		}
	})
}
