package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/graph"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planning"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planpage"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
)

const planHelp = `Read the resources that block the deletion of each organization of a manifest, and plan
their removal. Plan only reads. apply removes only the resources in the plan file. It
refuses a plan that is older than 24 hours, and computes the age itself; the expiry in the
file only informs.

The fingerprint detects that the plan file was changed or truncated by accident. It does
not protect from a person who can write the file and compute it again: protect the file
like the manifest. apply reads everything again, and removes only the resources that this
read finds and the plan names. It takes deny lists, overrides, confirmations and base URLs
from the file.

--html writes the plan as a page for review, which opens from disk and loads nothing: what
is deleted and why, the order of the steps, what is deleted along with each organization,
manual steps, required overrides, and estimates of the requests and the duration. --view
dot and --view mermaid write the order as text for Graphviz and Mermaid. Plans of more than
30 steps are drawn by kind.

--output and --html write files in addition to the standard output. --view and --json both
define the standard output and exclude each other.

--output and --html replace only a file of their kind that this program wrote, or an empty
file. They never replace the manifest, each other or a key file. All files must be regular
files; "-" reads the manifest from the standard input.

If the journal of an earlier run next to the --output, or --journal, shows that an
organization is deleted, and a read does not find it, the plan states this. status and
apply then show it as deleted.

--only plans only the entry whose organization or confirm has this value. The lists allow
and deny of the manifest are looked up as without it, at the providers of all entries.

Plan shows the waits of a second or longer, and every 10 seconds what it is reading, on
the standard error.

The manifest is YAML, in UTF-8. An unknown key is an error, which names the line:

`

const manifestNotes = `
An entry of allow or deny is an ID, a subdomain or a slug, like organization. Both lists
also apply to organizations that are deleted before the named one, such as child tenants.
An entry that is empty or that no provider finds is an error. An entry that matches no
organization of the plan is reported.

base_url is the address that the credential is sent to: https, or http to this machine.
A manifest cannot allow http to another machine. A manifest contains no credentials:
credentials names environment variables, which must start with a prefix of the provider's
variables or with OFFBOARD_.

`

// planViews are the values of --view.
var planViews = []string{"tree", "table", "dot", "mermaid"}

func (p *program) planCommand() *cobra.Command {
	var output, html, view, journal string
	var allow, deny, only []string
	var parallel int
	command := &cobra.Command{
		Use:   "plan MANIFEST",
		Short: "Plan the removal of all blockers of a manifest's organizations, without changing anything",
		Long:  planHelp + indented(planfile.ManifestExample) + manifestNotes + credentials(" for organizations without base_url in the manifest."),
		Example: `  offboard plan manifest.yaml                    show the plan as a tree
  offboard plan manifest.yaml -o plan.json       also write the plan, for review and apply
  offboard plan manifest.yaml --html plan.html   also write the plan as a page
  offboard plan manifest.yaml --only "Acme Hosting"
  offboard plan manifest.yaml --view table
  offboard plan manifest.yaml --view dot | dot -Tsvg -o plan.svg
  offboard plan manifest.yaml --json | jq '.organizations[].plan.steps | length'`,
		Args: namedArguments,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(planViews, view) {
				return errors.New("unknown --view: use " + format.Alternatives(planViews))
			}
			if p.json && cmd.Flags().Changed("view") {
				return errors.New("--view and --json exclude each other: both define the standard output; remove one of them")
			}
			m, err := p.manifest(args[0])
			if err != nil {
				return err
			}
			m.AllowFlags, m.DenyFlags = allow, deny
			if err := m.CheckFlags(); err != nil {
				return err
			}
			if err := m.Select(only, p.source); err != nil {
				return err
			}
			if err := p.checkPlanOutputs(args[0], output, html, journal, m); err != nil {
				return err
			}
			earlier, err := p.earlier(output, journal)
			if err != nil {
				return err
			}
			ctx, done := p.untilInterrupted(cmd.Context())
			defer done()
			open, end := p.showReads(len(m.Organizations), p.connector(p.waits()))
			file, code, err := planning.Plan(ctx, m, p.source, open, parallel, earlier)
			end()
			if err != nil {
				return err
			}
			if output != "" {
				if err := file.Write(output); err != nil {
					return err
				}
			}
			if html != "" {
				if err := planpage.Write(html, file, output, time.Now()); err != nil {
					return err
				}
			}
			p.code = code
			again := ""
			if args[0] != "-" {
				again = "offboard plan " + format.ShellQuote(args[0]) + givenFlags(cmd)
			}
			return p.showPlan(file, output, view, again)
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "write the plan to this `FILE`, for offboard apply")
	command.Flags().StringVar(&html, "html", "", "write the plan as a page to this HTML `FILE`, for review")
	command.Flags().StringVar(&journal, "journal", "", "the journal `FILE` of earlier runs, which shows deleted organizations (default OUTPUT.journal)")
	command.Flags().StringVar(&view, "view", "tree", "format of the plan: "+format.Alternatives(planViews))
	positiveVar(command.Flags(), &parallel, "parallel", 4, "maximum number of organizations that are read at a time")
	command.Flags().StringArrayVar(&allow, "allow", nil, "permit only this `ORG`, as \"allow\" in the manifest; repeatable; permits nothing that the manifest does not")
	command.Flags().StringArrayVar(&deny, "deny", nil, "never delete this `ORG`, as \"deny\" in the manifest; repeatable")
	command.Flags().StringArrayVar(&only, "only", nil, "plan only the organization with this `NAME`, as \"organization\" or \"confirm\" in the manifest; repeatable; confirms nothing")
	p.timeoutFlag(command)
	_ = command.RegisterFlagCompletionFunc("only", manifestNames)
	_ = command.RegisterFlagCompletionFunc("html", filesOf("html"))
	_ = command.RegisterFlagCompletionFunc("view", cobra.FixedCompletions(planViews, cobra.ShellCompDirectiveNoFileComp))
	return command
}

// earlier reads the journal of earlier runs, and the plan file that will be replaced, if they exist.
// The names are "" for none. Only the default journal may be missing.
func (p *program) earlier(output, journal string) (planning.Earlier, error) {
	var r planning.Earlier
	if journal != "" {
		if _, err := os.Stat(journal); err != nil {
			return r, safefile.Error(safefile.Reading, "--journal", journal, err)
		}
	} else if output != "" {
		journal = journalOf(output)
	}
	if journal != "" {
		entries, unreadable, err := planfile.ReadJournal(journal)
		if err != nil {
			return r, err
		}
		p.showUnreadable(journal, unreadable)
		r.Journal = entries
	}
	if output != "" {
		r.File, _ = planfile.Read(output) // a file that apply refuses shows nothing
	}
	return r, nil
}

// showUnreadable prints the number of lines of a journal that are not entries.
func (p *program) showUnreadable(journal string, lines int) {
	if lines > 0 {
		fmt.Fprintf(p.errOut, "offboard: cannot read %s of %s; a crash causes at most one\n", format.Count(lines, "line"), printable.Text(journal))
	}
}

func (p *program) manifest(name string) (m *planfile.Manifest, err error) {
	if name == "-" {
		m, p.source, err = planfile.ParseManifest(p.in, "manifest")
		return m, err
	}
	file, err := safefile.Open(name, os.O_RDONLY)
	if errors.Is(err, safefile.ErrNotRegular) {
		return nil, fmt.Errorf("%w; give - to read the standard input", err)
	}
	if err != nil {
		return nil, safefile.Error(safefile.Reading, "MANIFEST", name, err)
	}
	defer file.Close()
	m, p.source, err = planfile.ParseManifest(file, name)
	return m, err
}

// checkPlanOutputs returns an error if the plan file or the page would overwrite an input, the
// journal or each other, or a file of another kind. The names are "" for none.
func (p *program) checkPlanOutputs(name, output, html, journal string, m *planfile.Manifest) error {
	var uses []safefile.Use
	if output != "" {
		uses = append(uses, safefile.Use{As: "--output", Name: output, Writes: true})
	}
	if html != "" {
		uses = append(uses, safefile.Use{As: "--html", Name: html, Writes: true})
	}
	if len(uses) == 0 {
		return nil
	}
	if journal == "" && output != "" {
		journal = journalOf(output)
	}
	if journal != "" {
		uses = append(uses, safefile.Use{As: "--journal", Name: journal})
	}
	input := safefile.Use{As: "the manifest", Name: name}
	if name == "-" {
		input.Info = p.standardInput()
	}
	if name != "-" || input.Info != nil {
		uses = append(uses, input)
	}
	if err := safefile.CheckDistinct(append(uses, planfile.KeyFiles(m.All()...)...)...); err != nil {
		return err
	}
	if output != "" {
		if err := safefile.CheckReplaceable(output, "a plan file", planfile.IsPlanFile); err != nil {
			return safefile.Error(safefile.Writing, "--output", output, err)
		}
	}
	if html == "" {
		return nil
	}
	return safefile.Error(safefile.Writing, "--html", html, safefile.CheckReplaceable(html, "a plan page", planpage.IsPage))
}

// standardInput describes the file that the standard input reads; nil if it reads none.
func (p *program) standardInput() os.FileInfo {
	file, ok := p.in.(*os.File)
	if !ok {
		return nil
	}
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	return info
}

// showPlan prints the plans, or the file as JSON. again is the command that plans again; "" if the
// manifest was read from the standard input.
func (p *program) showPlan(file *planfile.File, output, view, again string) error {
	if p.json {
		encoder := json.NewEncoder(printable.JSONWriter(p.out))
		encoder.SetIndent("", "  ")
		return encoder.Encode(file)
	}
	switch view {
	case "dot":
		return graph.WriteDOT(layout.Raw(p.out), file)
	case "mermaid":
		return graph.WriteMermaid(layout.Raw(p.out), file)
	}
	file.ShowUnmatched(p.out)
	file.ShowReplaced(p.out)
	steps, ready, applicable, ended := 0, 0, 0, 0
	for i, o := range file.Organizations {
		if i > 0 {
			fmt.Fprintln(p.out)
		}
		if o.Applicable() {
			applicable++
		}
		if o.Deletion != nil {
			ended++
			fmt.Fprintf(p.out, "%s: %s: %s\n", o.Entry.Provider, o.Title(), o.Deletion.Text())
			continue
		}
		if o.Plan == nil {
			fmt.Fprintf(p.out, "%s: %s: %s\n", o.Entry.Provider, o.Title(), printable.Text(o.Problem.Text))
			if o.Problem.Message != "" {
				fmt.Fprintf(p.out, "  provider message: %s\n", printable.Text(o.Problem.Message))
			}
			if o.Problem.Advice != "" {
				fmt.Fprintf(p.out, "  %s\n", o.Problem.Advice)
			}
			continue
		}
		ready++
		steps += len(o.Plan.Steps)
		write := o.Plan.WriteTree
		if view == "table" {
			write = func(out io.Writer) error { return writePlanTable(out, o.Plan) }
		}
		if err := write(p.out); err != nil {
			return err
		}
		p.showDeletionError(o, p.source.EntryPlace(i))
	}
	fmt.Fprintf(p.out, "\n%s", format.Count(ready, "organization"))
	if ended > 0 {
		fmt.Fprintf(p.out, " (%d more deleted or pending, by the journal)", ended)
	}
	if missing := len(file.Organizations) - ready - ended; missing > 0 {
		fmt.Fprintf(p.out, " (%d more not planned)", missing)
	}
	fmt.Fprintf(p.out, ", %s. Nothing was changed.\n", format.Count(steps, "step"))
	switch {
	case slices.ContainsFunc(file.Organizations, planfile.Planned.Misnamed):
		fmt.Fprintln(p.out, "Correct confirm in the manifest, and plan again: apply refuses a plan with another name.")
	case ready > 0 && applicable == 0:
		fmt.Fprintln(p.out, "apply can delete nothing. Write the lines above in the manifest, and plan again.")
		if again != "" {
			fmt.Fprintf(p.out, "To plan again: %s\n", again)
		}
	case output != "" && applicable > 0:
		fmt.Fprintf(p.out, "To apply: offboard apply %s\n", format.ShellQuote(output))
	case applicable > 0 && again != "":
		fmt.Fprintf(p.out, "To write the plan for apply: %s -o plan.json\n", again)
	case applicable > 0:
		fmt.Fprintln(p.out, "To write the plan for apply, add -o FILE.")
	}
	return nil
}

// showDeletionError prints blockers that no step removes, and the required overrides. place is that
// of the entry in the manifest.
func (p *program) showDeletionError(o planfile.Planned, place string) {
	if err := o.Plan.Err(); err != nil && len(o.Plan.Steps) == 0 {
		problem.Print(p.out, err)
	}
	p.showOverrides(o, place)
}

// showOverrides prints the overrides that a plan requires: those that the manifest permits, and
// those that it does not, with the key to set.
func (p *program) showOverrides(o planfile.Planned, place string) {
	if o.Overrides == nil {
		return
	}
	if permitted := o.Overrides.Permitted; len(permitted) > 0 {
		fmt.Fprintf(p.out, "  Permitted by the manifest: %s\n", format.List(permitted))
	}
	if missing := o.Overrides.Missing; len(missing) > 0 {
		fmt.Fprintf(p.out, "  Not permitted by the manifest: %s. apply does not delete this organization.\n  To permit, set this key in the entry at %s; in an entry in braces, before the closing brace and after a comma:\n    %s\n",
			format.List(missing), place, o.Overrides.Add)
	}
}

// indented indents every line of an example in a help text.
func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}
