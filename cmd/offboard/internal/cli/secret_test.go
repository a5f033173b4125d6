package cli

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/demo"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/internal/secrets"
	"github.com/offboard-dev/offboard-go/teardown"
)

// samples are invented credentials of all kinds, in the form of real ones.
var samples = map[string]string{
	"Katapult token":      "k4tQm7Zt2Wn9Lx5Rb1Vd",
	"Zitadel token":       "3qXw9yTtUa_Lk2-Pz8mCvB6nHs4JdEfG7rYiOoWlQxNc1KbVtZaMuSjRpDhF0gIe5wXvTyQ",
	"Zitadel key":         `{"type":"serviceaccount","keyId":"keyid-4Rw8Zb2Tn","key":"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAq7Zt2Wn9Lx5Rb1VdTqXw\n-----END RSA PRIVATE KEY-----\n","userId":"userid-7Lq3Xc9Vm"}`,
	"Atlas public key":    "qzvxwbnk",
	"Atlas private key":   "6d2f9c1e-4b7a-4e05-9a3c-d81f5b20c7e4",
	"Atlas client secret": "mdb_sa_sk_Vt9Lq2Xz7Rb4Nw1Kd8Pm5Yc3Hs6Jf0Ga",
	"F5 token":            "Zx9/Qw3+Lm7Rt2Kp5Vb8Nc1Hd4Y=",
	"PEM":                 "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\nQXw9yTtUaLk2Pz8mCvB6nHs4JdEfG7rY\n-----END PRIVATE KEY-----\n",
	"p12":                 "MIIJqQIBAzCCCW8GCSqGSIb3DQEHAaCCCWAEgglcMIIJWDCCA/8GCSqGSIb3DQEHBqCCA/AwggPsAgEAMIID5QYJKoZIhvcNAQcBMBwGCiqG+SIb3==",
	"bearer":              "Bearer 9fKq2Zx7Wm4Rt1Lb8Vn5",
	"password":            "hunter-two-opensesame",
}

// words returns a secret in several encodings, and its parts.
func words(secret string) []string {
	encoded, _ := json.Marshal(secret)
	all := []string{
		secret, strings.Trim(string(encoded), `"`), strings.Trim(fmt.Sprintf("%q", secret), `"`),
		url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)),
	}
	for _, word := range strings.FieldsFunc(secret, func(r rune) bool { return strings.ContainsRune(" \n\"\\", r) }) {
		if len(word) >= 18 { // also of a truncated text
			all = append(all, word[:12], word[len(word)-12:])
		}
	}
	return all
}

// servedHarness runs commands at served fakes, in a temporary directory.
type servedHarness struct {
	*testing.T
	dir string
	m   *planfile.Manifest
}

// Not parallel: the test sets the environment and the working directory.
func newServedHarness(t *testing.T) *servedHarness {
	t.Helper()
	scenes := demo.NewScenes()
	m, environment := demo.Listen(scenes)
	t.Cleanup(func() { demo.Close(scenes) })
	for _, p := range providers.All {
		for _, variable := range slices.Concat(p.Variables, p.Others) {
			t.Setenv(variable, environment[variable])
		}
	}
	for variable, value := range environment {
		t.Setenv(variable, value)
	}
	// Atlas limits the tokens of a service account.
	t.Setenv("MONGODB_ATLAS_CLIENT_ID", "")
	t.Setenv("MONGODB_ATLAS_CLIENT_SECRET", "")
	t.Setenv("MONGODB_ATLAS_PUBLIC_KEY", atlastest.PublicKey)
	t.Setenv("MONGODB_ATLAS_PRIVATE_KEY", atlastest.PrivateKey)
	b := &servedHarness{T: t, dir: t.TempDir(), m: m}
	t.Chdir(b.dir)
	return b
}

// shows fails the test if a command prints or writes a secret. It ignores the manifest and
// the plan that the test itself writes.
func (b *servedHarness) shows(secret string, args ...string) {
	b.Helper()
	var out, errOut bytes.Buffer
	signals := make(chan os.Signal, 2)
	signals <- os.Interrupt // stops demo --serve
	p := &program{in: strings.NewReader(""), out: &out, errOut: &errOut, connect: connect.FromEnv}
	if slices.Contains(args, "--serve") {
		p.signals = signals
	}
	code := p.run(b.Context(), args)
	texts := map[string]string{"the standard output": out.String(), "the standard error": errOut.String()}
	files, err := os.ReadDir(b.dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		if name := file.Name(); name != "manifest.yaml" && name != "edited.json" {
			text, err := os.ReadFile(filepath.Join(b.dir, name))
			if err != nil {
				b.Fatal(err)
			}
			texts[name] = string(text)
		}
	}
	for where, text := range texts {
		for _, word := range words(secret) {
			if strings.Contains(text, word) {
				i := strings.Index(text, word)
				b.Errorf("%q: exit code %d: %s shows the secret: …%s…", args, code, where, text[max(0, i-100):min(len(text), i+100)])
				break
			}
		}
	}
}

// Not parallel: the test sets the environment.
func TestSecret_AsArgument(t *testing.T) {
	b := newServedHarness(t)
	text := "organizations: [{provider: zitadel, organization: \"281763529917394947\", base_url: " + os.Getenv("ZITADEL_API_URL") + "}]\n"
	if err := os.WriteFile("manifest.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.shows(samples["password"], "plan", "manifest.yaml", "-o", "plan.json")
	commands := [][]string{
		{"SECRET"}, {"SECRET", "katapult"}, {"check", "SECRET"}, {"check", "SECRET", "org_acme"}, {"check", "katapult", "org_acme", "SECRET"},
		{"check", "katapult", "org_acme", "--base-url", "SECRET"},
		{"apply", "plan.json", "--only", "SECRET"}, {"apply", "plan.json", "--deny", "SECRET"}, {"apply", "plan.json", "--allow", "SECRET"}, {"apply", "plan.json", "--timeout", "SECRET"},
		{"check", "volterra", "acme-edge-kqzvxwbn", "--email", "SECRET"}, {"delete", "SECRET", "org_acme", "--confirm", "Acme Hosting"},
		{"plan", "manifest.yaml", "--view", "SECRET"}, {"plan", "manifest.yaml", "--parallel", "SECRET"}, {"plan", "manifest.yaml", "--SECRET"},
		{"plan", "manifest.yaml", "--SECRET=x"}, {"plan", "manifest.yaml", "-SECRET"}, {"plan", "manifest.yaml", "--json=SECRET"}, {"plan", "manifest.yaml", "-v=SECRET"},
		{"plan", "manifest.yaml", "SECRET"},
		{"apply", "plan.json", "SECRET"}, {"apply", "plan.json", "--confirm", "SECRET"},
		{"apply", "plan.json", "--confirm", "Acme Login", "--confirm", "SECRET"}, {"apply", "plan.json", "--parallel", "SECRET"}, {"apply", "plan.json", "--concurrency", "SECRET"},
		{"status", "plan.json", "--offline=SECRET"}, {"status", "plan.json", "--parallel", "SECRET"},
		{"demo", "SECRET"}, {"help", "SECRET"}, {"help", "plan", "SECRET"}, {"completion", "SECRET"}, {"completion", "bash", "SECRET"},
	}
	// A name of a file is shown unless it looks like a credential.
	files := [][]string{
		{"plan", "SECRET"}, {"plan", "SECRET/x"}, {"plan", "manifest.yaml", "-o", "none/SECRET"}, {"plan", "manifest.yaml", "-o", "SECRET/x"},
		{"apply", "SECRET"}, {"apply", "plan.json", "--journal", "SECRET/x"}, {"apply", "plan.json", "--report", "SECRET/x"},
		{"status", "SECRET"}, {"status", "plan.json", "--journal", "SECRET"}, {"demo", "--serve", "SECRET/x"}, {"man", "SECRET"},
	}
	for _, e := range b.m.Organizations {
		for _, command := range [][]string{
			{"check", e.Provider, "SECRET"},
			{"delete", e.Provider, e.Organization, "--confirm", "SECRET"},
			{"delete", e.Provider, "SECRET", "--confirm", e.Confirm},
		} {
			if e.Provider == providers.F5 {
				command = append(command, "--email", e.Email)
			}
			commands = append(commands, command)
		}
	}
	for kind, secret := range samples {
		t.Run(kind, func(t *testing.T) {
			b := &servedHarness{T: t, dir: b.dir, m: b.m}
			commands := commands
			if kind != "password" && kind != "Atlas public key" { // like names of files
				commands = slices.Concat(commands, files)
			}
			for _, command := range commands {
				for _, more := range [][]string{{"-v"}, {"--json"}} {
					args := slices.Concat(command, more)
					for i := range args {
						args[i] = strings.ReplaceAll(args[i], "SECRET", secret)
					}
					b.shows(secret, args...)
				}
			}
		})
	}
}

// The program writes a file of any name that does not have the form of a credential.
func TestSecret_AsNameOfAFile(t *testing.T) {
	b := newServedHarness(t)
	text := "organizations: [{provider: zitadel, organization: \"281763529917394947\", base_url: " + os.Getenv("ZITADEL_API_URL") + "}]\n"
	if err := os.WriteFile("manifest.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.shows(samples["password"], "plan", "manifest.yaml", "-o", "plan.json")
	t.Setenv("KATAPULT_API_KEY", samples["Katapult token"])
	t.Setenv("MONGODB_ATLAS_PRIVATE_KEY", samples["Atlas private key"])
	for _, kind := range []string{"Zitadel key", "Atlas client secret", "PEM", "bearer", "Katapult token", "Atlas private key"} {
		secret := samples[kind]
		for _, command := range [][]string{
			{"plan", "manifest.yaml", "-o", secret}, {"apply", "plan.json", "--report", secret}, {"apply", "plan.json", "--journal", secret},
			{"demo", "--serve", secret},
		} {
			b.shows(secret, command...)
		}
	}
	files, err := os.ReadDir(".")
	if err != nil || len(files) != 2 {
		t.Errorf("got %v, %v, want the manifest and the plan", files, err)
	}
}

// Not parallel: the test sets the environment.
func TestSecret_InManifest(t *testing.T) {
	b := newServedHarness(t)
	base := map[string]string{}
	for _, e := range b.m.Organizations {
		base[e.Provider] = e.BaseURL
	}
	// The first organization can be planned, so that plan writes a file.
	head := "organizations:\n  - {provider: zitadel, organization: \"281763529917394947\", base_url: \"" + base["zitadel"] + "\"}\n"
	tenant := "  - {provider: volterra, organization: acme-edge-kqzvxwbn, base_url: \"" + base[providers.F5] + "\""
	manifests := map[string]string{
		"provider":          head + "  - {provider: SECRET, organization: org_acme}\n",
		"provider alone":    "organizations: [{provider: SECRET}]\n",
		"email":             head + tenant + ", email: SECRET}\n",
		"confirm":           head + "  - {provider: atlas, organization: 5e2f00000000000000000001, confirm: SECRET, base_url: \"" + base["atlas"] + "\"}\n",
		"override":          head + "  - {provider: atlas, organization: 5e2f00000000000000000001, override: [SECRET]}\n",
		"override, text":    head + "  - {provider: atlas, organization: 5e2f00000000000000000001, override: SECRET}\n",
		"base_url":          head + "  - {provider: atlas, organization: 5e2f00000000000000000001, base_url: SECRET}\n",
		"credentials, name": head + "  - {provider: katapult, organization: org_acme, credentials: {SECRET: KATAPULT_X}}\n",
		"credentials":       head + "  - {provider: katapult, organization: org_acme, credentials: {KATAPULT_API_KEY: SECRET}}\n",
		"allow":             head + "allow: [SECRET]\n",
		"deny":              head + "deny: [SECRET]\n",
		"deny, text":        head + "deny: SECRET\n",
		"key":               head + "SECRET: 1\n",
		"key twice":         head + "SECRET: 1\nSECRET: 2\n",
		"key of an entry":   head + "  - {provider: katapult, SECRET: org_acme}\n",
		"text":              "SECRET\n",
		"entry":             "organizations: [SECRET]\n",
		"entries":           "organizations: SECRET\n",
		"alias":             "organizations: *a\nSECRET: &b\n",
		"reason of another": head + "  - {provider: atlas, organization: 5e2f00000000000000000001, reason: SECRET}\n",
	}
	for provider, url := range base {
		entry := "  - {provider: " + provider + ", organization: SECRET, base_url: \"" + url + "\""
		if provider == providers.F5 {
			entry += ", email: owner@example.com"
		}
		manifests["organization at "+provider] = head + entry + "}\n"
		manifests["organization twice at "+provider] = head + entry + "}\n" + entry + "}\n"
	}
	for kind, secret := range samples {
		more := map[string]string{}
		if secrets.LooksLikeToken(secret) { // other secrets cannot be distinguished from a sentence
			more["feedback"] = head + tenant + ", email: owner@example.com, feedback: SECRET}\n"
			more["reason"] = head + tenant + ", email: owner@example.com, reason: SECRET}\n"
		}
		for _, all := range []map[string]string{manifests, more} {
			for what, text := range all {
				t.Run(kind+"/"+what, func(t *testing.T) {
					b := &servedHarness{T: t, dir: t.TempDir(), m: b.m}
					t.Chdir(b.dir)
					quoted, err := json.Marshal(secret)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile("manifest.yaml", []byte(strings.ReplaceAll(text, "SECRET", string(quoted))), 0o600); err != nil {
						t.Fatal(err)
					}
					b.shows(secret, "plan", "manifest.yaml", "-v", "-o", "plan.json")
					b.shows(secret, "plan", "manifest.yaml", "--json")
					if _, err := os.Stat("plan.json"); err == nil {
						b.shows(secret, "apply", "plan.json", "--report", "report.html", "-v", "--confirm", "nothing")
						b.shows(secret, "status", "plan.json", "-v")
						b.shows(secret, "status", "plan.json", "--json")
					}
				})
			}
		}
	}
}

// Not parallel: the test sets the environment.
func TestSecret_InPlanFile(t *testing.T) {
	b := newServedHarness(t)
	text := "organizations: [{provider: zitadel, organization: \"281763529917394947\", base_url: " + os.Getenv("ZITADEL_API_URL") + "}]\n"
	if err := os.WriteFile("manifest.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.shows(samples["password"], "plan", "manifest.yaml", "-o", "plan.json")
	for kind, secret := range samples {
		for what, edit := range map[string]func(*planfile.Planned){
			"provider":     func(p *planfile.Planned) { p.Entry.Provider = secret },
			"organization": func(p *planfile.Planned) { p.Entry.Organization = secret },
			"confirm":      func(p *planfile.Planned) { p.Entry.Confirm = secret },
			"override":     func(p *planfile.Planned) { p.Entry.Override = []teardown.Override{teardown.Override(secret)} },
			"base_url":     func(p *planfile.Planned) { p.Entry.BaseURL = secret },
			"no plan":      func(p *planfile.Planned) { p.Entry.Organization, p.Entry.Confirm, p.Plan = secret, secret, nil },
		} {
			t.Run(kind+"/"+what, func(t *testing.T) {
				file, err := planfile.Read("plan.json")
				if err != nil {
					t.Fatal(err)
				}
				edit(&file.Organizations[0])
				file.Seal()
				if err := file.Write("edited.json"); err != nil {
					t.Fatal(err)
				}
				b := &servedHarness{T: t, dir: b.dir, m: b.m}
				for _, args := range [][]string{
					{"apply", "edited.json", "-v", "--report", "report.html"}, {"apply", "edited.json", "--json"}, {"status", "edited.json"}, {"status", "edited.json", "--json"},
				} {
					b.shows(secret, args...)
				}
			})
		}
		for what, text := range map[string]string{
			"member": `{"version":1,"SECRET":1}`, "number": `{"version":"SECRET"}`, "text": `SECRET`,
			"time": `{"version":1,"organizations":[{"plan":{"taken_at":"SECRET"}}]}`,
		} {
			quoted, _ := json.Marshal(secret)
			if err := os.WriteFile("edited.json", []byte(strings.ReplaceAll(strings.ReplaceAll(text, `"SECRET"`, string(quoted)), "SECRET", secret)), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Run(kind+"/JSON, "+what, func(t *testing.T) {
				b := &servedHarness{T: t, dir: b.dir, m: b.m}
				b.shows(secret, "apply", "edited.json")
				b.shows(secret, "status", "edited.json", "--journal", "edited.json")
			})
		}
	}
}

// Not parallel: the test sets the environment.
func TestSecret_InVariable(t *testing.T) {
	b := newServedHarness(t)
	for kind, secret := range samples {
		for _, p := range providers.All {
			for _, variable := range append(slices.Concat(p.Variables, p.Others), providers.BaseURLVariable(p.Name)) {
				t.Run(kind+"/"+variable, func(t *testing.T) {
					t.Setenv(variable, secret)
					b := &servedHarness{T: t, dir: b.dir, m: b.m}
					e := b.m.Organizations[slices.IndexFunc(b.m.Organizations, func(e planfile.Entry) bool { return e.Provider == p.Name })]
					args := []string{"check", e.Provider, e.Organization, "-v"}
					if e.Email != "" {
						args = append(args, "--email", e.Email)
					}
					b.shows(secret, args...)
				})
			}
		}
	}
}

func TestSecret_NotInAnswerToPrompt(t *testing.T) {
	t.Parallel()
	for kind, secret := range samples {
		secret, _, _ := strings.Cut(secret, "\n")
		var out strings.Builder
		err := (&program{out: &out}).prompt(scripted.Planned(t, scripted.Named("org_1", "Acme")), "Acme", bufio.NewReader(strings.NewReader(secret+"\n")))
		if !errors.Is(err, errors.NotConfirmed) || strings.Contains(err.Error()+out.String(), secret) {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}

// Plan sends the entries of allow and deny to the providers of all organizations. A credential among
// them is refused before the first request.
//
// Not parallel: the test sets the environment.
func TestSecret_InListIsNotSent(t *testing.T) {
	t.Setenv("F5XC_ACME_TOKEN", samples["password"])
	t.Setenv("MONGODB_ATLAS_PUBLIC_KEY", samples["Atlas public key"])
	const head = `organizations: [{provider: volterra, organization: acme, email: owner@example.com, credentials: {F5XC_API_TOKEN: F5XC_ACME_TOKEN}}]` + "\n"
	for kind, secret := range samples {
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			where, text string
			flags       []string
		}{
			{"manifest:2: an entry of allow", head + "allow: [" + string(quoted) + "]\n", nil},
			{"manifest:2: an entry of deny", head + "deny: [acme, " + string(quoted) + "]\n", nil},
			{"--allow", head, []string{"--allow", secret}},
			{"--deny", head, []string{"--deny", "acme", "--deny", secret}},
		} {
			var errOut bytes.Buffer
			p := &program{in: strings.NewReader(test.text), out: &bytes.Buffer{}, errOut: &errOut, connect: func(*slog.Logger) connect.Connector {
				return func(planfile.Entry) (connect.Organization, error) {
					t.Errorf("%s in %s: a client is opened", kind, test.where)
					return nil, errors.New("opened")
				}
			}}
			code := p.run(t.Context(), append([]string{"plan", "-"}, test.flags...))
			if !strings.HasPrefix(errOut.String(), "offboard: "+test.where) || !strings.Contains(errOut.String(), " is refused: ") || code != exitcode.Usage {
				t.Errorf("%s in %s: exit code %d: %s", kind, test.where, code, &errOut)
			}
		}
	}
}
