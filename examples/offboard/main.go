// Command offboard deletes one organization at one of five providers, or says why
// that cannot be done.
//
// Without arguments it shows what the SDK does, with doubles in place of the
// providers: no account is needed and no network is used.
//
//	offboard                                        the demonstration
//	offboard check PROVIDER ORG                     may it be deleted, and if not, why
//	offboard delete PROVIDER ORG --confirm NAME     delete it, for good
//
// Exit codes:
//
//	0  done; for check: nothing is known to stand in the way
//	1  the provider refused or failed
//	2  usage: a bad flag, a missing credential, an unknown provider, no --confirm
//	3  something stands in the way and has to go first
//	4  the outcome is not known: look before trying again
//	5  --confirm is not what the provider calls the organization
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/errors"
)

// Exit codes.
const (
	exitOK           = 0
	exitFailed       = 1
	exitUsage        = 2
	exitBlocked      = 3
	exitUnknown      = 4
	exitNotConfirmed = 5
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program without the process around it.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	return runWith(ctx, args, out, errOut, open)
}

// opener returns an organization at a provider.
type opener func(provider, id string, s settings) (organization, error)

// runWith is run with another source of organizations.
func runWith(ctx context.Context, args []string, out, errOut io.Writer, open opener) int {
	command := newCommand(out, open)
	command.SetArgs(args)
	command.SetOut(out)
	command.SetErr(errOut)
	err := command.ExecuteContext(ctx)
	if err != nil {
		advise(errOut, err)
	}
	return exitCode(err)
}

// exitCode maps an error to the exit codes.
func exitCode(err error) int {
	_, provider := errors.AsType[*errors.Error](err)
	switch {
	case err == nil:
		return exitOK
	case !provider, errors.Is(err, errors.InvalidArgument):
		return exitUsage
	case errors.Is(err, errors.OutcomeUnknown):
		return exitUnknown
	case errors.Is(err, errors.NotConfirmed):
		return exitNotConfirmed
	case errors.Is(err, errors.DeletionStepsNotSatisfied):
		return exitBlocked
	}
	return exitFailed
}

func newCommand(out io.Writer, open opener) *cobra.Command {
	root := &cobra.Command{
		Use:           "offboard",
		Short:         "Delete organizations, tenants and workspaces, and say truly what became of them",
		Long:          "Delete organizations, tenants and workspaces at five providers, and say truly what\nbecame of them. Without a command: a demonstration that needs no account.",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return demonstrate(cmd.Context(), out) },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	var settings settings
	check := &cobra.Command{
		Use:   "check PROVIDER ORG",
		Short: "Say whether an organization may be deleted, and if not, why; changes nothing",
		Long:  "Say whether an organization may be deleted, and if not, why. It reads only.\n\n" + credentials(),
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings.log = cmd.ErrOrStderr()
			organization, err := open(args[0], args[1], settings)
			if err != nil {
				return err
			}
			if err := organization.Check(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintf(out, "%s %s: nothing is known to stand in the way of its deletion\n", args[0], printable(args[1]))
			return nil
		},
	}
	var name string
	remove := &cobra.Command{
		Use:   "delete PROVIDER ORG --confirm NAME",
		Short: "Delete an organization, for good",
		Long: "Delete an organization, for good. NAME has to be what the provider calls it.\n" +
			"At volterra the tenant is put into the provider's deletion queue.\n\n" + credentials(),
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" {
				return errors.New("nothing is deleted without --confirm NAME, the name that the provider has for the organization")
			}
			settings.log = cmd.ErrOrStderr()
			organization, err := open(args[0], args[1], settings)
			if err != nil {
				return err
			}
			if err := confirm(cmd.Context(), args[0], args[1], organization, name); err != nil {
				return err
			}
			if err := organization.Delete(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintf(out, "%s %s: %s\n", args[0], printable(args[1]), organization.Done())
			return nil
		},
	}
	remove.Flags().StringVar(&name, "confirm", "", "the `NAME` that the provider has for the organization")
	for _, command := range []*cobra.Command{check, remove} {
		command.Flags().BoolVarP(&settings.verbose, "verbose", "v", false, "log what is sent and waited for; never a credential")
		command.Flags().StringVar(&settings.email, "email", "", "volterra: the e-mail `ADDRESS` of the account to be deleted")
		root.AddCommand(command)
	}
	return root
}

// confirm compares the name that was given with what the provider has.
func confirm(ctx context.Context, provider, id string, o organization, name string) error {
	actual, err := o.Name(ctx)
	if err != nil {
		return err
	}
	if actual != name {
		return &errors.Error{
			Provider: provider, Operation: "confirm", Target: id, Code: errors.NotConfirmed,
			Err: fmt.Errorf("it is called %q, not %q", actual, name),
		}
	}
	return nil
}

// credentials tells where the credentials come from.
func credentials() string {
	var b strings.Builder
	b.WriteString("Credentials come from the environment:\n")
	for _, p := range providers {
		fmt.Fprintf(&b, "  %-10s %s\n", p.name, p.environment)
	}
	return b.String()
}
