package cli

import (
	"bufio"
	stdcmp "cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/creack/pty"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/screentest"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// unconfirmedPlan plans all organizations, and confirms none in the manifest.
func (b *harness) unconfirmedPlan() {
	b.Helper()
	text := "organizations:\n"
	for _, o := range b.organizations {
		text += fmt.Sprintf("  - {provider: %s, organization: %q}\n", o.Provider, o.ID)
	}
	b.write("manifest.yaml", text)
	if code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != exitcode.OK {
		b.Fatalf("exit code %d: %s%s", code, out, errOut)
	}
}

func TestConfirm_OneValueConfirmsOneOrganization(t *testing.T) {
	acme, other := scripted.Named("org_1", "Acme"), scripted.Named("org_2", "Other")
	for name, test := range map[string]struct {
		organizations []*scripted.Organization
		values        []string
		code          int
		want          string
	}{
		"each by its name":                  {[]*scripted.Organization{acme, other}, []string{"Acme", "Other"}, exitcode.OK, ""},
		"one twice":                         {[]*scripted.Organization{acme}, []string{"Acme", "Acme"}, exitcode.OK, ""},
		"one is missing":                    {[]*scripted.Organization{acme, other}, []string{"Acme"}, exitcode.NotConfirmed, "neither in the manifest nor by --confirm"},
		"one is missing, the other twice":   {[]*scripted.Organization{acme, other}, []string{"Acme", "Acme"}, exitcode.NotConfirmed, "neither"},
		"no match":                          {[]*scripted.Organization{acme}, []string{"Acme", "None"}, exitcode.NotConfirmed, "matches no organization"},
		"other case":                        {[]*scripted.Organization{acme}, []string{"acme"}, exitcode.NotConfirmed, "matches no organization"},
		"empty":                             {[]*scripted.Organization{acme}, []string{"Acme", ""}, exitcode.NotConfirmed, "--confirm is empty"},
		"white space":                       {[]*scripted.Organization{acme}, []string{" \t"}, exitcode.NotConfirmed, "--confirm is empty"},
		"two of the same name":              {[]*scripted.Organization{acme, scripted.Named("org_3", "Acme")}, []string{"Acme"}, exitcode.NotConfirmed, `confirm each by its ID: "org_1", "org_3"`},
		"two of the same name, twice":       {[]*scripted.Organization{acme, scripted.Named("org_3", "Acme")}, []string{"Acme", "Acme"}, exitcode.NotConfirmed, "by its ID"},
		"two of the same name, by ID":       {[]*scripted.Organization{acme, scripted.Named("org_3", "Acme")}, []string{"org_1", "org_3"}, exitcode.OK, ""},
		"two of the same name, one ID":      {[]*scripted.Organization{acme, scripted.Named("org_3", "Acme")}, []string{"org_3"}, exitcode.NotConfirmed, "org_1"},
		"ID of an organization with a name": {[]*scripted.Organization{acme}, []string{"org_1"}, exitcode.NotConfirmed, "matches no organization"},
		"without a name, by ID":             {[]*scripted.Organization{scripted.Named("org_4", "")}, []string{"org_4"}, exitcode.OK, ""},
		"without a name, empty":             {[]*scripted.Organization{scripted.Named("org_4", "")}, []string{""}, exitcode.NotConfirmed, "--confirm is empty"},
		"without a name, not given":         {[]*scripted.Organization{scripted.Named("org_4", "")}, nil, exitcode.NotConfirmed, "neither"},
		"blank name, by it":                 {[]*scripted.Organization{scripted.Named("org_4", " ")}, []string{" "}, exitcode.NotConfirmed, "--confirm is empty"},
		"blank name, by ID":                 {[]*scripted.Organization{scripted.Named("org_4", " ")}, []string{"org_4"}, exitcode.OK, ""},
		"two without a name":                {[]*scripted.Organization{scripted.Named("org_4", ""), scripted.Named("org_5", "")}, []string{"org_4", "org_5"}, exitcode.OK, ""},
		"two without a name, one":           {[]*scripted.Organization{scripted.Named("org_4", ""), scripted.Named("org_5", "")}, []string{"org_4"}, exitcode.NotConfirmed, "org_5"},
		"name that is another ID":           {[]*scripted.Organization{scripted.Named("org_4", ""), scripted.Named("org_5", "org_4")}, []string{"org_4"}, exitcode.NotConfirmed, "matches 2 organizations"},
		"name with the word of a scheme":    {[]*scripted.Organization{scripted.Named("org_6", "Basic Fit")}, []string{"Basic Fit"}, exitcode.OK, ""},
		"scheme as a name, not given":       {[]*scripted.Organization{scripted.Named("org_6", "Basic Fit")}, nil, exitcode.NotConfirmed, "--confirm 'Basic Fit'"},
		"name with a brace":                 {[]*scripted.Organization{scripted.Named("org_6", "{curly} Studio")}, []string{"{curly} Studio"}, exitcode.OK, ""},
		"name in the form of a credential":  {[]*scripted.Organization{scripted.Named("org_6", "Basic abcdefghijklmnop")}, []string{"org_6"}, exitcode.OK, ""},
		"credential as a name, not given":   {[]*scripted.Organization{scripted.Named("org_6", "Basic abcdefghijklmnop")}, nil, exitcode.NotConfirmed, "--confirm org_6"},
		"name of two lines, by ID":          {[]*scripted.Organization{scripted.Named("org_6", "Acme\nLtd")}, []string{"org_6"}, exitcode.OK, ""},
		"name of two lines, not given":      {[]*scripted.Organization{scripted.Named("org_6", "Acme\nLtd")}, nil, exitcode.NotConfirmed, "--confirm org_6"},
		"name with a joiner, by ID":         {[]*scripted.Organization{scripted.Named("org_6", "Ac\u200dme")}, []string{"org_6"}, exitcode.OK, ""},
		"name with a joiner, by it":         {[]*scripted.Organization{scripted.Named("org_6", "Ac\u200dme")}, []string{"Ac\u200dme"}, exitcode.OK, ""},
		"name with a joiner, not given":     {[]*scripted.Organization{scripted.Named("org_6", "Ac\u200dme")}, nil, exitcode.NotConfirmed, "--confirm org_6"},
		"two with a joiner, by it":          {[]*scripted.Organization{scripted.Named("org_6", "Ac\u200dme"), scripted.Named("org_7", "Ac\u200dme")}, []string{"Ac\u200dme"}, exitcode.NotConfirmed, "confirm each by its ID"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t)
				for _, o := range test.organizations { // copies, because the test deletes them
					b.organizations = append(b.organizations, scripted.Named(o.ID, o.Organization.Name))
				}
				b.unconfirmedPlan()
				args := []string{"apply", "DIR/plan.json"}
				for _, value := range test.values {
					args = append(args, "--confirm", value)
				}
				code, out, errOut := b.run(args...)
				if code != test.code || !strings.Contains(errOut, test.want) {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				for _, o := range b.organizations {
					if o.Deleted != (test.code == exitcode.OK) {
						t.Errorf("%s: deleted: %t", o.ID, o.Deleted)
					}
				}
			})
		})
	}
}

// A value that --confirm refuses is not part of a command that resumes.
func TestConfirmations_ValuesThatConfirmOne(t *testing.T) {
	t.Parallel()
	file := new(planfile.File)
	for _, o := range []*scripted.Organization{
		scripted.Named("org_1", "Acme"), scripted.Named("org_2", "Twin"), scripted.Named("org_3", "Twin"), scripted.Named("org_4", ""), scripted.Named("org_5", "org_4"),
	} {
		file.Organizations = append(file.Organizations, scripted.Planned(t, o))
	}
	got := file.Confirmations([]int{0, 1, 2, 3, 4})
	if want := []string{"Acme", "org_2", "org_3"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestConfirm_ManifestConfirmsItsEntry(t *testing.T) {
	for name, test := range map[string]struct {
		called, confirm string
		code            int // of plan
	}{
		"by name":               {"Acme", "Acme", exitcode.OK},
		"by ID":                 {"Acme", "org_1", exitcode.NotConfirmed},
		"without a name, by ID": {"", "org_1", exitcode.OK},
		"without a name":        {"", "Acme", exitcode.NotConfirmed},
		"empty":                 {"", "", exitcode.Usage},
		"blank":                 {" ", " ", exitcode.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Named("org_1", test.called))
				b.write("manifest.yaml", fmt.Sprintf("organizations:\n  - provider: katapult\n    organization: org_1\n    confirm: %q\n", test.confirm))
				code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
				if code != test.code || strings.TrimSpace(test.confirm) == "" && !strings.Contains(errOut, "manifest.yaml:4: confirm is empty") {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				if strings.TrimSpace(test.confirm) == "" {
					return
				}
				if code != exitcode.OK {
					for _, command := range []string{"apply", "status"} {
						if code, out, errOut := b.run(command, "DIR/plan.json"); code != exitcode.NotConfirmed || b.organizations[0].Touched() {
							t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
						}
					}
					return
				}
				if code, out, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.OK || !b.organizations[0].Deleted {
					t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
				}
			})
		})
	}
}

func TestConfirm_Delete(t *testing.T) {
	for name, test := range map[string]struct {
		called, confirm string
		code            int
	}{
		"by name":                {"Acme", "Acme", exitcode.OK},
		"by ID":                  {"Acme", "org_1", exitcode.NotConfirmed},
		"without a name, by ID":  {"", "org_1", exitcode.OK},
		"without a name, empty":  {"", "", exitcode.NotConfirmed},
		"without a name, blank":  {"", " ", exitcode.NotConfirmed},
		"a blank name, by blank": {" ", " ", exitcode.NotConfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Named("org_1", test.called))
				code, out, errOut := b.run("delete", "katapult", "org_1", "--confirm", test.confirm)
				if code != test.code || b.organizations[0].Deleted != (code == exitcode.OK) {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
			})
		})
	}
}

// After the last wrong answer, the prompt states what it expected and the consequence.
func TestPrompt_LastWrongAnswer(t *testing.T) {
	t.Parallel()
	const last = "The answer differs from the name. The expected answer was Acme. " +
		"The organization stays unconfirmed, so this run deletes nothing and asks for no further name.\n"
	for answers, want := range map[string][]string{
		"a\nb\nc\n": {"kept. You can answer 2 times more.\n", "kept. You can answer 1 time more.\n", last},
	} {
		var out strings.Builder
		err := (&program{out: &out}).prompt(scripted.Planned(t, scripted.Named("org_1", "Acme")), "Acme", bufio.NewReader(strings.NewReader(answers)))
		if !errors.Is(err, errors.NotConfirmed) || strings.Count(out.String(), "The answer differs") != len(want) {
			t.Errorf("%q: got %v: %s", answers, err, out.String())
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%q: %q is missing: %s", answers, text, out.String())
			}
		}
	}
}

// The text after the last wrong answer is wrapped by words.
func TestPrompt_Width(t *testing.T) {
	t.Parallel()
	out := screentest.Terminal{Columns: 80}
	p := &program{out: &out, errOut: io.Discard}
	p.fitTerminal()
	typed := io.TeeReader(iotest.OneByteReader(strings.NewReader("a\nb\nc\n")), &out) // as a terminal echoes it
	if err := p.prompt(scripted.Planned(t, scripted.Named("org_1", "Acme")), "Acme", bufio.NewReader(typed)); !errors.Is(err, errors.NotConfirmed) {
		t.Errorf("got %v", err)
	}
	screentest.Check(t, out.String(), 80)
	if want := "organization\n  stays unconfirmed, so this run deletes nothing and asks for no further name.\n"; !strings.Contains(out.String(), want) {
		t.Errorf("%q is missing: %s", want, out.String())
	}
}

// answered runs apply on a terminal with the answers of a person.
func (b *harness) answered(answers string, args ...string) (code int, out, errOut string) {
	b.Helper()
	master, in, err := pty.Open()
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() { master.Close(); in.Close() })
	if _, err := io.WriteString(master, answers); err != nil {
		b.Fatal(err)
	}
	columns := stdcmp.Or(b.columns, 1000)
	o, e := screentest.Terminal{Columns: columns}, screentest.Terminal{Columns: columns}
	p := &program{in: in, out: &o, errOut: &e, connect: b.connect, signals: b.signals}
	code = p.run(b.Context(), append([]string{"apply", b.dir + "/plan.json"}, args...))
	return code, b.hideDir(o.String()), b.hideDir(e.String())
}

// apply shows before the first question what it refuses, and does not ask for its name.
func TestPrompt_MissingOverride(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, family(), scripted.Hosting())
		b.organizations[1].Organization = teardown.Organization{ID: "org_2", Name: "Other"}
		b.write("manifest.yaml", "organizations:\n  - {provider: katapult, organization: org_1}\n  - {provider: katapult, organization: org_2}\n")
		b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
		code, out, errOut := b.answered("Other\n")
		if code != exitcode.NotConfirmed || b.organizations[0].Touched() || !b.organizations[1].Deleted || strings.Contains(out, "Type the name Acme") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
		shown, _, _ := strings.Cut(out, "Type the name")
		for _, want := range []string{
			"  Not permitted by the manifest: managed_organizations. apply does not delete this organization.\n  To permit, set this key in the entry at line 2 of the manifest; in an entry in braces, before the closing brace and after a comma:\n    override: [managed_organizations]\n",
			"This run does not delete 1 organization:\n  - katapult Acme (org_1): the manifest does not permit: managed_organizations\n",
			"This permanently deletes 1 organization, by 3 steps:\n  - katapult Other (org_2): 3 steps\n", "1 of 1: katapult Other (org_2)\n",
		} {
			if !strings.Contains(shown, want) {
				t.Errorf("%q is missing: %s", want, out)
			}
		}
	})
}

// Nothing can be deleted after an organization stays unconfirmed, so the prompt ends.
func TestPrompt_EndsAfterUnconfirmed(t *testing.T) {
	for name, answers := range map[string]string{"empty line": "Acme\n\n", "wrong": "Acme\na\nb\nc\n"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Named("org_1", "Acme"), scripted.Named("org_2", "Other"), scripted.Named("org_3", "Third"))
				b.unconfirmedPlan()
				code, out, errOut := b.answered(answers)
				if code != exitcode.NotConfirmed || strings.Contains(out, "Type the name Third") || b.organizations[0].Touched() {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				for _, want := range []string{
					"2 organizations without confirmation: an answer at the prompt is missing or differs, so nothing was deleted\n", "--confirm Other\n", "--confirm Third\n", "add its --confirm to the command",
				} {
					if !strings.Contains(errOut, want) {
						t.Errorf("%q is missing: %s", want, errOut)
					}
				}
				if !strings.Contains(out, "To give your correct answers as flags: offboard apply DIR/plan.json --confirm Acme\n") || strings.Contains(out, "skip") {
					t.Errorf("got %s", out)
				}
			})
		})
	}
}

// The command with the correct answers can be copied from a narrow terminal: a part of it is no
// complete command.
func TestPrompt_CorrectAnswersAtNarrowTerminal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Named("org_1", "Acme"), scripted.Named("org_2", "Other"))
		b.unconfirmedPlan()
		b.columns = 40
		_, out, _ := b.answered("Acme\n\n", "--only", "Acme", "--only", "Other")
		const want = "\nTo give your correct answers as flags:\n  offboard apply \\\n    DIR/plan.json \\\n    --only Acme --only Other --confirm \\\n    Acme\n"
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing: %s", want, out)
		}
	})
}

// The advice names the flag or the entry of a list.
func TestConfirm_Advice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Named("org_1", "Acme"))
		b.write("deny.yaml", "organizations: [{provider: katapult, organization: org_1}]\ndeny: [org_1]\n")
		b.unconfirmedPlan()
		for command, want := range map[string]string{
			"plan DIR/deny.yaml":                       "change entry 1 of deny in the manifest, and plan again",
			"plan DIR/manifest.yaml --deny org_1":      "change number 1 of --deny, and plan again",
			"apply DIR/plan.json --deny org_1":         "correct --deny in the command",
			"apply DIR/plan.json":                      "add its --confirm to the command",
			"apply DIR/plan.json --confirm Other":      "To apply, correct this --confirm.",
			"delete katapult org_1":                    "add --confirm NAME to the command",
			"delete katapult org_1 --confirm Other -v": "Check the organization and its name.",
		} {
			code, out, errOut := b.run(strings.Fields(command)...)
			if code != exitcode.NotConfirmed || !strings.Contains(out+errOut, want) || !strings.Contains(want, "Check") && strings.Contains(out+errOut, "Check the organization and its name") {
				t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
			}
		}
	})
}

func TestConfirm_NotSelectedByOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Named("org_1", "Acme"), scripted.Named("org_2", "Other"))
		b.unconfirmedPlan()
		for value, want := range map[string]string{
			"Other": "--confirm number 2 is about katapult Other (org_2), which --only does not select",
			"org_2": "--confirm number 2 is about katapult Other (org_2), which --only does not select",
			"None":  "--confirm number 2 matches no organization of the plan file",
		} {
			code, out, errOut := b.run("apply", "DIR/plan.json", "--only", "Acme", "--confirm", "Acme", "--confirm", value)
			if code != exitcode.NotConfirmed || !strings.Contains(errOut, want) || b.organizations[0].Touched() {
				t.Errorf("%s: exit code %d: %s%s", value, code, out, errOut)
			}
		}
	})
}

// The error of a --confirm about an organization that is not deleted states why.
func TestConfirm_WithoutPlan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		missing := scripted.Named("org_3", "Missing")
		missing.Deleted = true
		b := newHarness(t, scripted.Named("org_1", "Acme"), scripted.Named("org_2", "Other"), missing)
		b.write("manifest.yaml", "organizations: [{provider: katapult, organization: org_1}, {provider: katapult, organization: org_2}, {provider: katapult, organization: org_3}]\n")
		b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
		for args, want := range map[string]string{
			"--deny org_1 --confirm Acme":                    "--confirm number 1 is about katapult Acme (org_1), which this run does not delete: denied: katapult: Teardown \"org_1\": not_confirmed: --deny forbids this organization",
			"--deny Acme --confirm Other --confirm org_1":    "--confirm number 2 is about katapult Acme (org_1), which this run does not delete: denied: katapult: Teardown \"org_1\": not_confirmed: --deny forbids this organization",
			"--allow Other --confirm Other --confirm Acme":   "--confirm number 2 is about katapult Acme (org_1), which this run does not delete: denied: katapult: Teardown \"org_1\": not_confirmed: --allow does not permit this organization",
			"--confirm Other --confirm Acme --confirm org_3": "--confirm number 3 is about katapult org_3, which this run does not delete: not planned: ",
			"--deny Acme --confirm None":                     "--confirm number 1 matches no organization of the plan file",
		} {
			code, out, errOut := b.run(append([]string{"apply", "DIR/plan.json"}, strings.Fields(args)...)...)
			if code != exitcode.NotConfirmed || !strings.Contains(errOut, want) || !strings.Contains(errOut, "Nothing was changed. To apply, ") || b.organizations[0].Touched() || b.organizations[1].Touched() {
				t.Errorf("%s: exit code %d: %s%s", args, code, out, errOut)
			}
		}
		// Without a --confirm for it, the others are deleted.
		if code, out, errOut := b.run("apply", "DIR/plan.json", "--deny", "Acme", "--confirm", "Other"); code == exitcode.Usage || !b.organizations[1].Deleted || b.organizations[0].Touched() {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	})
}

// A name without Enter confirms nothing: the end of the input may be an accident.
func TestPrompt_IncompleteLine(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"Acme", "Acm", " ", "None\nAcme"} {
		var out strings.Builder
		err := (&program{out: &out}).prompt(scripted.Planned(t, scripted.Named("org_1", "Acme")), "Acme", bufio.NewReader(strings.NewReader(answer)))
		if !errors.Is(err, errEnded) || !errors.Is(err, errors.NotConfirmed) || strings.TrimSpace(answer) != "" && strings.Contains(err.Error(), answer) {
			t.Errorf("%q: got %v", answer, err)
		}
	}
}

func TestPrompt_EmptyLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		organization   *scripted.Organization
		wanted, answer string
		ok             bool
	}{
		{scripted.Named("org_4", ""), "org_4", "\n", false}, {scripted.Named("org_4", ""), "org_4", "", false}, {scripted.Named("org_4", ""), "org_4", "org_4\n", true},
		{scripted.Named("org_4", " "), "org_4", " \n", false}, {scripted.Named("org_1", "Acme"), "org_1", "Acme\n", false}, {scripted.Named("org_1", "Acme"), "org_1", "org_1\n", true},
		{scripted.Named("", ""), "", "\n", false},
	} {
		var out strings.Builder
		err := (&program{out: &out}).prompt(scripted.Planned(t, test.organization), test.wanted, bufio.NewReader(strings.NewReader(test.answer)))
		if test.ok != (err == nil) || !test.ok && !errors.Is(err, errors.NotConfirmed) {
			t.Errorf("%q: got %v", test.answer, err)
		}
		if test.wanted != "" && !strings.Contains(out.String(), "Type the ID ") {
			t.Errorf("the prompt does not name the ID: %s", out.String())
		}
	}
}

// The manifest confirms a name that cannot be typed by the ID, and any other by the name only.
func TestConfirm_InManifest(t *testing.T) {
	for name, test := range map[string]struct {
		organization, confirm string
		code                  int
		want                  string
	}{
		"scheme":            {"Basic Fit", "Basic Fit", exitcode.OK, ""},
		"brace":             {"{curly} Studio", "{curly} Studio", exitcode.OK, ""},
		"joiner":            {"Ac\u200dme", "org_1", exitcode.OK, ""},
		"joiner, by it":     {"Ac\u200dme", "Ac\u200dme", exitcode.OK, ""},
		"two lines":         {"Acme\nLtd", "org_1", exitcode.OK, ""},
		"joiner, other ID":  {"Ac\u200dme", "org_2", exitcode.NotConfirmed, `confirm the organization by its ID "org_1"`},
		"ID with a name":    {"Acme", "org_1", exitcode.NotConfirmed, "differs from the provider's name"},
		"form of a secret":  {"Basic abcdefghijklmnop", "org_1", exitcode.OK, ""},
		"joiner, left away": {"Ac\u200dme", "Acme", exitcode.NotConfirmed, "by its ID"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t)
				o := scripted.Named("org_1", test.organization)
				b.organizations = append(b.organizations, o)
				b.write("manifest.yaml", fmt.Sprintf("organizations: [{provider: %s, organization: org_1, confirm: %q}]\n", o.Provider, test.confirm))
				code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
				if code == exitcode.OK {
					code, out, errOut = b.run("apply", "DIR/plan.json")
				}
				if code != test.code || !strings.Contains(out+errOut, test.want) || o.Deleted != (test.code == exitcode.OK) {
					t.Errorf("exit code %d, deleted: %t: %s%s", code, o.Deleted, out, errOut)
				}
			})
		})
	}
}
