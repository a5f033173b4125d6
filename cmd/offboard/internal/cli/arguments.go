package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/flagerror"
	"github.com/offboard-dev/offboard-go/internal/secrets"
	"github.com/offboard-dev/offboard-go/internal/spelling"
)

// refuseSecrets returns an error if an argument or a flag is a credential. It runs before
// any request and before any file is written.
func refuseSecrets(cmd *cobra.Command, args []string) error {
	for i, arg := range args {
		if fault := secrets.Fault(arg); fault != "" {
			return errors.New(argumentName(cmd, i) + " is refused: " + fault)
		}
	}
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if many, ok := f.Value.(pflag.SliceValue); ok {
			values = many.GetSlice()
		}
		for _, value := range values {
			if fault := secrets.Fault(value); fault != "" && err == nil {
				err = errors.New("--" + f.Name + " is refused: " + fault)
			}
		}
	})
	return err
}

// argumentNames returns the names of the arguments in the usage of a command.
func argumentNames(cmd *cobra.Command) []string {
	var names []string
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(word, "-") {
			break
		}
		names = append(names, word)
	}
	return names
}

// argumentName returns the name of an argument in the usage of its command.
func argumentName(cmd *cobra.Command, i int) string {
	if names := argumentNames(cmd); i < len(names) {
		return names[i]
	}
	return "an argument"
}

// namedArguments returns an error unless a command gets exactly the arguments of its usage. The
// error names the argument, and does not repeat a given one, which may be a secret.
func namedArguments(cmd *cobra.Command, args []string) error {
	names := argumentNames(cmd)
	usage := "; usage: " + cmd.UseLine()
	switch {
	case len(args) > len(names):
		return errors.New("unexpected argument after " + names[len(names)-1] + usage)
	case len(args) < len(names):
		missing := names[len(args):]
		if len(missing) == 1 {
			return errors.New(missing[0] + " is missing" + usage)
		}
		return errors.New(format.Conjunction(missing) + " are missing" + usage)
	}
	for i, arg := range args {
		if strings.TrimSpace(arg) != "" {
			continue
		}
		if names[i] == "ORG" {
			return errors.New("the organization is empty" + usage)
		}
		return errors.New(names[i] + " is empty" + usage)
	}
	return nil
}

// flagError returns an error about a flag. It does not repeat the given text, which may be a
// secret.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return flagerror.Unknown("--"+unknown.GetSpecifiedName(), flagNames(cmd), cmd.CommandPath())
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return flagerror.Missing(e.GetFlag().Name)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		accepted := ""
		if v, ok := e.GetFlag().Value.(interface{ accepted() string }); ok {
			accepted = v.accepted()
		}
		return flagerror.Value(e.GetFlag().Name, accepted, e.GetFlag().Value.Type())
	}
	return flagerror.Other(cmd.CommandPath())
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, "--"+f.Name) }
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	return names
}

// noArguments returns an error if a command without arguments gets one. The error does not
// repeat the argument.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	names := commandNames(cmd)
	if len(names) == 0 {
		return errors.New(cmd.CommandPath() + " takes no arguments; usage: " + cmd.UseLine())
	}
	return errors.New("unknown command: use " + format.List(names) + spelling.Hint(args[0], names))
}

// oneShell returns the error of the command completion, which runs only if no shell of the list is
// named. The error does not repeat the argument.
func oneShell(cmd *cobra.Command, args []string) error {
	shells := commandNames(cmd)
	if len(args) == 0 {
		return errors.New("the shell is missing: use " + format.Alternatives(shells))
	}
	return errors.New("unknown shell: use " + format.Alternatives(shells) + spelling.Hint(args[0], shells))
}

// commandNames returns the names of the commands below a command.
func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}
