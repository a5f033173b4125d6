package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/providers"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// deletedText returns the meaning of a nil error of Delete.
func deletedText(provider string) string {
	if provider == providers.F5 {
		return "pending: in the deletion queue"
	}
	return "deleted"
}

// deletion is the JSON output of check and delete.
type deletion struct {
	Type         string           `json:"type"` // check or delete
	Version      int              `json:"version"`
	Provider     string           `json:"provider"`
	Organization string           `json:"organization"`
	Deletable    *bool            `json:"deletable,omitempty"` // check only
	Outcome      teardown.Outcome `json:"outcome,omitempty"`   // delete only
	Problem      *problem.Problem `json:"problem,omitempty"`
	ExitCode     int              `json:"exit_code"`
}

func (p *program) checkCommand() *cobra.Command {
	var e planfile.Entry
	check := &cobra.Command{
		Use:               "check PROVIDER ORG",
		Short:             "Show what blocks the deletion of an organization, without changing anything",
		Long:              "Show what blocks the deletion of an organization, and the next command. The command only\nreads.\n\n" + argumentsHelp() + credentials(" unless --base-url does."),
		Example:           "  offboard check katapult acme-hosting\n  offboard check volterra acme-edge-kqzvxwbn --email owner@example.com",
		Args:              namedArguments,
		ValidArgsFunction: providerNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := p.single(cmd.Context(), args, e, func(ctx context.Context, _ planfile.Entry, organization connect.Organization) error {
				return organization.Check(ctx)
			}, func(_ string, err error) (deletion, string) {
				deletable := err == nil
				return deletion{Type: "check", Deletable: &deletable}, "no blocker found"
			})
			e.Provider, e.Organization = providers.Name(args[0]), args[1]
			p.next = afterCheck(e, err)
			return err
		},
	}
	entryFlags(check, &e)
	p.timeoutFlag(check)
	return check
}

func (p *program) deleteCommand() *cobra.Command {
	var e planfile.Entry
	remove := &cobra.Command{
		Use:   "delete PROVIDER ORG --confirm NAME",
		Short: "Delete an organization permanently",
		Long: "Delete an organization permanently. NAME must be the provider's name of it, or its ID if\n" +
			"it has no name. Delete removes no blockers; offboard plan and offboard apply do.\n" +
			"At volterra, the tenant enters the provider's deletion queue.\n\n" + argumentsHelp() + credentials(" unless --base-url does."),
		Example:           `  offboard delete katapult acme-hosting --confirm "Acme Hosting"`,
		Args:              namedArguments,
		ValidArgsFunction: providerNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(e.Confirm) == "" {
				return &errors.Error{
					Code: errors.NotConfirmed,
					Err: problem.Advise(errors.New("--confirm NAME is missing: give the name of the organization at the provider"),
						"Nothing was changed. To delete the organization, add --confirm NAME to the command."),
				}
			}
			return p.single(cmd.Context(), args, e, func(ctx context.Context, e planfile.Entry, organization connect.Organization) error {
				if err := confirm(ctx, e, organization); err != nil {
					return err
				}
				return organization.Delete(ctx)
			}, func(provider string, err error) (deletion, string) {
				return deletion{Type: "delete", Outcome: report.OutcomeOf(provider, err)}, deletedText(provider)
			})
		},
	}
	remove.Flags().StringVar(&e.Confirm, "confirm", "", "the `NAME` of the organization at the provider")
	entryFlags(remove, &e)
	p.timeoutFlag(remove)
	return remove
}

// single runs act for the organization that the arguments of a command name. result returns the
// members of the JSON form that differ between commands, and the text of a success.
func (p *program) single(
	ctx context.Context, args []string, e planfile.Entry, act func(context.Context, planfile.Entry, connect.Organization) error,
	result func(provider string, err error) (deletion, string),
) error {
	e.Provider, e.Organization = providers.Name(args[0]), args[1]
	organization, err := p.connector(p.waits())(e)
	if err != nil {
		return err
	}
	ctx, done := p.untilInterrupted(ctx)
	defer done()
	err = act(ctx, e, organization)
	document, text := result(e.Provider, err)
	switch {
	case document.Outcome == "": // check changes nothing
	case err == nil:
		p.result = fmt.Sprintf("%s %s: %s", e.Provider, printable.Text(args[1]), text)
	default:
		p.result = fmt.Sprintf("%s: %s: %s", e.Provider, document.Outcome, problem.Short(err))
	}
	switch {
	case p.json:
		p.errorWritten = true
		document.Version, document.Provider, document.Organization = schema.Version, e.Provider, e.Shown(err)
		document.Problem, document.ExitCode = problem.Of(err), exitcode.Of(err)
		p.emit(document)
	case err == nil:
		fmt.Fprintf(p.out, "%s %s: %s\n", e.Provider, printable.Text(args[1]), text)
	}
	return err
}

// afterCheck returns the next command after a check as lines; "" if no command can help. It shows
// only what the provider has confirmed, so not the email address.
func afterCheck(e planfile.Entry, err error) string {
	command := e.Provider + " " + format.ShellQuote(e.Organization)
	entry := "provider: " + e.Provider + ", organization: " + strconv.Quote(e.Organization)
	if e.BaseURL != "" {
		command += " --base-url " + format.ShellQuote(e.BaseURL)
		entry += ", base_url: " + strconv.Quote(e.BaseURL)
	}
	if e.Email != "" {
		command += " --email ADDRESS"
		entry += ", email: ADDRESS"
	}
	failed, _ := errors.AsType[*errors.Error](err)
	switch {
	case err == nil:
		return "To delete: offboard delete " + command + " --confirm NAME\n"
	case !errors.Is(err, errors.DeletionStepsNotSatisfied), failed.Code == errors.SystemOrganization:
		return ""
	case slices.Contains([]errors.Code{errors.ActiveSubscriptions, errors.PaymentRequired, errors.DefaultOrganization}, failed.Code):
		return "To check again: offboard check " + command + "\n" // a person removes the blocker
	}
	return "To plan the removal: offboard plan manifest.yaml\nContent of manifest.yaml: organizations: [{" + entry + "}]\n"
}

// entryFlags adds the flags that a manifest has as keys.
func entryFlags(command *cobra.Command, e *planfile.Entry) {
	command.Flags().StringVar(&e.BaseURL, "base-url", "", "the base `URL` of the provider: https, or http to this machine")
	command.Flags().StringVar(&e.Email, "email", "", "volterra: the email `ADDRESS` of the account to delete")
}
