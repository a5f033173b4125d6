// Command specdrift compares one of our descriptions with a vendor's, and prints the differences
// as a Markdown table for a review:
//
//	specdrift -ours openapi/atlas.yaml [-all] FILE [FILE ...]
//
// FILE is a description of the vendor, saved from its URL, in OpenAPI 3 or Swagger 2. Vendors with
// several files need all of them. Differences in openapi/atlas.deviations.yaml are not listed
// unless -all is set. The exit code is 1 if a difference has no deviation or a deviation matches
// no difference, and 2 if the descriptions cannot be compared.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/offboard-dev/offboard-go/internal/conformance/drift"
)

func main() {
	drifted, err := run(os.Args[1:], os.Stdout)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "specdrift:", err)
		os.Exit(2)
	case drifted:
		os.Exit(1)
	}
}

func run(args []string, w io.Writer) (drifted bool, err error) {
	flags := flag.NewFlagSet("specdrift", flag.ContinueOnError)
	file := flags.String("ours", "", "our `file`")
	all := flags.Bool("all", false, "also print the differences that a deviation names")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if *file == "" || flags.NArg() == 0 {
		return false, fmt.Errorf("-ours FILE and at least one file of the vendor are required")
	}
	ours, err := drift.Load(*file)
	if err != nil {
		return false, err
	}
	theirs, err := drift.LoadAll(flags.Args())
	if err != nil {
		return false, err
	}
	provider := strings.TrimSuffix(filepath.Base(*file), ".yaml")
	deviations := strings.TrimSuffix(*file, ".yaml") + ".deviations.yaml"
	known, err := drift.ReadDeviations(deviations)
	if err != nil {
		return false, err
	}
	unexplained, explained, unused := drift.Explain(drift.Compare(ours, theirs), known)
	r := review{provider: provider, deviations: filepath.Base(deviations), ours: ours}
	for _, d := range unexplained {
		r.add(d, nil)
	}
	if *all {
		for _, d := range sorted(explained) {
			deviation := explained[d]
			r.add(d, &deviation)
		}
	}
	for _, d := range unused {
		r.addUnused(d)
	}
	fmt.Fprintf(w, "## %s\n\n", provider)
	fmt.Fprintf(w, "%d operations: %d differences without a deviation, %d with one, %d deviations without a difference.\n",
		len(drift.All(ours)), len(unexplained), len(explained), len(unused))
	if err := r.write(w); err != nil {
		return false, err
	}
	return len(unexplained)+len(unused) > 0, nil
}

// review is the table for a review.
type review struct {
	provider   string
	deviations string // the name of the file
	ours       *openapi3.T
	rows       [][4]string // operation, what changed, our deviation, what to do
}

// add adds a difference. The deviation is nil if none matches.
func (r *review) add(d drift.Difference, deviation *drift.Deviation) {
	reason, action := "none", r.action(d)
	if deviation != nil {
		reason, action = deviation.Reason+" ("+deviation.Source+")", "nothing"
	}
	r.rows = append(r.rows, [4]string{r.operations(d.Where), change(d), reason, action})
}

// addUnused adds a deviation that matches no difference.
func (r *review) addUnused(d drift.Deviation) {
	r.rows = append(r.rows, [4]string{
		r.operations(d.Where), code(d.Where) + " is no longer a difference", d.Reason + " (" + d.Source + ")",
		"remove the deviation from " + code(r.deviations),
	})
}

// operations returns the operations that a place belongs to: its own, or those that use its
// schema.
func (r *review) operations(where string) string {
	if method, path, ok := strings.Cut(where, " "); ok && strings.ToUpper(method) == method && strings.HasPrefix(path, "/") {
		path, _, _ = strings.Cut(path, " ")
		path, _, _ = strings.Cut(path, "?")
		return code(method + " " + path)
	}
	schema, _, _ := strings.Cut(where, ".")
	schema, _, _ = strings.Cut(schema, " ")
	users := drift.Users(r.ours, schema)
	const most = 3
	for i, name := range users {
		users[i] = code(name)
	}
	switch {
	case len(users) == 0:
		return "several"
	case len(users) > most:
		return strings.Join(users[:most], ", ") + fmt.Sprintf(" and %d more", len(users)-most)
	}
	return strings.Join(users, ", ")
}

// change describes a difference.
func change(d drift.Difference) string {
	switch d.Only {
	case drift.Ours:
		return fmt.Sprintf("%s %s: the vendor no longer describes it, or never did", d.What, code(d.Where))
	case drift.Vendor:
		return fmt.Sprintf("%s %s: only the vendor describes it", d.What, code(d.Where))
	}
	return code(d.Where) + " " + d.What
}

// action returns what a reviewer does about a difference without a deviation. Live traffic
// decides: a description of the vendor alone removes nothing.
func (r *review) action(d drift.Difference) string {
	deviation := "add a deviation to " + code(r.deviations)
	kind, _, _ := strings.Cut(d.What, ",")
	switch {
	case d.Only == drift.Ours && kind == "operation":
		return "look for its successor in the vendor's changelog; keep it while the service answers, and " + deviation
	case d.Only == drift.Ours:
		return "keep it if a recorded response or the vendor's code shows it, and " + deviation + "; otherwise remove it"
	case d.Only == drift.Both && strings.Contains(d.What, "required by the vendor"):
		return "send it, or show by a recorded exchange that the service does not require it"
	case d.Only == drift.Both:
		return "compare with a recorded response; change the type, or " + deviation
	}
	switch kind {
	case "status", "error code":
		return "map it in " + code(r.provider+"/errors.go") + " with a fixture, and describe it; the client treats it as its status until then"
	case "enum value":
		return "add it, and check each switch over the values"
	case "media type":
		return "compare the versions; change the version of the operation, or " + deviation
	case "parameter", "request body":
		return "add it if the client needs it; otherwise " + deviation
	}
	return "add it if the client needs it, or if it shows a state of the deletion; otherwise " + deviation
}

// write writes the table; nothing without rows.
func (r *review) write(w io.Writer) error {
	if len(r.rows) == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString("\n| operation | what changed | our deviation | what to do |\n|---|---|---|---|\n")
	for _, row := range r.rows {
		for _, cell := range row {
			text.WriteString("| " + strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(cell) + " ")
		}
		text.WriteString("|\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// code returns a name as code.
func code(name string) string { return "`" + strings.ReplaceAll(name, "`", "'") + "`" }

func sorted(explained map[drift.Difference]drift.Deviation) []drift.Difference {
	return slices.SortedFunc(maps.Keys(explained), func(a, b drift.Difference) int {
		return cmp.Or(strings.Compare(a.Where, b.Where), strings.Compare(string(a.Only), string(b.Only)), strings.Compare(a.What, b.What))
	})
}
