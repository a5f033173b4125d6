// Command specdrift compares one of our descriptions with a vendor's and prints a table of
// the differences:
//
//	specdrift -ours openapi/atlas.yaml -vendor FILE [-vendor FILE ...] [-all]
//
// Differences in openapi/atlas.deviations.yaml are not listed unless -all is set. The exit
// code is 1 if a difference has no deviation or a deviation matches no difference, and 2 if
// the descriptions cannot be compared.
package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

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
	all := flags.Bool("all", false, "also print what the deviations name")
	var vendors []string
	flags.Func("vendor", "a vendor's `file`, in OpenAPI 3 or Swagger 2; may be given again", func(name string) error {
		vendors = append(vendors, name)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if *file == "" || len(vendors) == 0 || flags.NArg() > 0 {
		return false, fmt.Errorf("-ours FILE and -vendor FILE are required")
	}
	ours, err := drift.Load(*file)
	if err != nil {
		return false, err
	}
	theirs, err := drift.LoadAll(vendors)
	if err != nil {
		return false, err
	}
	deviations, err := drift.ReadDeviations(strings.TrimSuffix(*file, ".yaml") + ".deviations.yaml")
	if err != nil {
		return false, err
	}
	unexplained, explained, unused := drift.Explain(drift.Compare(ours, theirs), deviations)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHERE\tIN\tWHAT\tREASON")
	for _, d := range unexplained {
		fmt.Fprintf(table, "%s\t%s\t%s\t-\n", d.Where, side(d.Only), d.What)
	}
	if *all {
		for _, d := range sorted(explained) {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", d.Where, side(d.Only), d.What, explained[d].Reason)
		}
	}
	for _, d := range unused {
		fmt.Fprintf(table, "%s\t%s\tno such difference\t%s\n", d.Where, side(d.Only), d.Reason)
	}
	if err := table.Flush(); err != nil {
		return false, err
	}
	fmt.Fprintf(w, "\n%d operations: %d differences without a reason, %d with one, %d reasons without a difference\n",
		operations(ours), len(unexplained), len(explained), len(unused))
	return len(unexplained)+len(unused) > 0, nil
}

func side(s drift.Side) string {
	if s == drift.Both {
		return "both"
	}
	return string(s)
}

func sorted(explained map[drift.Difference]drift.Deviation) []drift.Difference {
	return slices.SortedFunc(maps.Keys(explained), func(a, b drift.Difference) int { return strings.Compare(a.Where, b.Where) })
}

func operations(spec *openapi3.T) int {
	n := 0
	for _, item := range spec.Paths.Map() {
		n += len(item.Operations())
	}
	return n
}
