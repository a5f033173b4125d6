package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
)

// schemaHelp is the help text of schema.
func schemaHelp() string {
	var b strings.Builder
	b.WriteString("Print the JSON Schema (draft 2020-12) of a JSON form of the program:\n")
	for _, f := range schema.Forms {
		fmt.Fprintf(&b, "  %-8s  %s\n", f.Name, f.About)
	}
	b.WriteString(`
A schema describes exactly what this version of the program writes.

Every form has the members type and version. The version changes if a member is removed or
gets another meaning; new members can appear at any time. All times are RFC 3339 in UTC, and
all time spans are seconds, in members whose names end in _seconds.
`)
	return b.String()
}

func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema NAME",
		Short: "Print the JSON Schema of a JSON form of the program",
		Long:  schemaHelp(),
		Example: `  offboard schema plan
  offboard schema result > result.schema.json`,
		Args:              namedArguments,
		ValidArgsFunction: firstArgument(schema.Names()),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := schema.Of(args[0])
			if err != nil {
				return err
			}
			_, err = layout.Raw(p.out).Write(text)
			return err
		},
	}
}

// firstArgument completes the first argument of a command.
func firstArgument(names []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
