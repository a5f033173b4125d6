package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
)

// positive is a flag with a number of at least 1.
type positive int

func (n *positive) String() string { return strconv.Itoa(int(*n)) }

func (n *positive) Set(text string) error {
	given, err := strconv.Atoi(text)
	if err != nil || given < 1 {
		return errors.New("not a positive number")
	}
	*n = positive(given)
	return nil
}

// Type returns the name of the type in the help texts.
func (*positive) Type() string { return "int" }

func (*positive) accepted() string { return "a number of at least 1" }

// positiveVar adds a flag with a number of at least 1.
func positiveVar(flags *pflag.FlagSet, n *int, name string, value int, usage string) {
	*n = value
	flags.Var((*positive)(n), name, usage)
}

// duration is a flag with a time span; 0 is permitted if zero is set.
type duration struct {
	of   *time.Duration
	zero bool
}

func (d duration) String() string {
	if d.of == nil || *d.of == 0 && !d.zero {
		return ""
	}
	return d.of.String()
}

func (d duration) Set(text string) error {
	given, err := time.ParseDuration(text)
	if err != nil || given < 0 || given == 0 && !d.zero {
		return errors.New("not a time span")
	}
	*d.of = given
	return nil
}

// Type returns the name of the type in the help texts.
func (duration) Type() string { return "duration" }

func (d duration) accepted() string {
	if d.zero {
		return "a time span such as 90s, 15m or 2h, or 0"
	}
	return "a time span such as 90s, 15m or 2h"
}

// timeoutFlag adds --timeout to a command.
func (p *program) timeoutFlag(command *cobra.Command) {
	command.Flags().Var(duration{of: &p.timeout}, "timeout", "stop after this time, such as 90s or 2h (default none)")
}

// givenFlags returns the flags of a command that were given, as a shell takes them, each after a
// space, except those of the output and those with the given names.
func givenFlags(cmd *cobra.Command, except ...string) string {
	var b strings.Builder
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name == "verbose" || f.Name == "debug" || slices.Contains(except, f.Name) {
			return
		}
		if f.Value.Type() == "bool" {
			fmt.Fprintf(&b, " --%s", f.Name)
			return
		}
		values := []string{f.Value.String()}
		if many, ok := f.Value.(pflag.SliceValue); ok {
			values = many.GetSlice()
		}
		for _, value := range values {
			fmt.Fprintf(&b, " --%s %s", f.Name, format.ShellQuote(value))
		}
	})
	return b.String()
}

// namesFile reports whether the value of a flag is the name of a file.
func namesFile(f *pflag.Flag) bool {
	name, _ := pflag.UnquoteUsage(f)
	return name == "FILE"
}

// checkFiles returns an error if the name of a file is empty, or if a flag has another flag in place of
// the name of a file. The error does not repeat the value.
func checkFiles(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case err != nil || !namesFile(f):
		case f.Value.String() == "":
			err = errors.New("--" + f.Name + " is empty: name a file")
		case strings.HasPrefix(f.Value.String(), "-"):
			err = errors.New("--" + f.Name + " requires the name of a file, and its value begins with a hyphen; for such a file, put ./ before the name")
		}
	})
	return err
}

// completeNoFiles ends the completion of files for the flags of a command whose values are no files.
func completeNoFiles(command *cobra.Command) {
	command.Flags().VisitAll(func(f *pflag.Flag) {
		if _, completed := command.GetFlagCompletionFunc(f.Name); !completed && !namesFile(f) {
			_ = command.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
		}
	})
}

// plainUsages removes the quotes of the names of values from the usages of all flags, which a completion
// shows without change.
func plainUsages(command *cobra.Command) {
	plain := func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") }
	command.Flags().VisitAll(plain)
	command.PersistentFlags().VisitAll(plain)
	for _, c := range command.Commands() {
		plainUsages(c)
	}
}

// filesOf completes files with an extension.
func filesOf(extension string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{extension}, cobra.ShellCompDirectiveFilterFileExt
	}
}

// manifestNames completes the organizations of a manifest, as it names them.
func manifestNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 || args[0] == "-" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	m, err := new(program).manifest(args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, e := range m.Organizations {
		names = append(names, printable.Text(e.Organization))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// plannedNames completes the names of the organizations of a plan file.
func plannedNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	file, err := planfile.Read(args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, o := range file.Organizations {
		if name := planfile.Typed(o.Subject()); name != "" {
			names = append(names, printable.Text(name))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
