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
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/internal/secrets"
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

	// ManagedOrganizations lists the child tenants of a tenant at F5; check only.
	ManagedOrganizations []string `json:"managed_organizations,omitempty"`

	Problem  *problem.Problem `json:"problem,omitempty"`
	ExitCode int              `json:"exit_code"`
}

func (p *program) checkCommand() *cobra.Command {
	var e planfile.Entry
	var managed []string
	var unread error
	check := &cobra.Command{
		Use:               "check PROVIDER ORG",
		Short:             "Show what blocks the deletion of an organization, without changing anything",
		Long:              "Show what blocks the deletion of an organization, and the next command. The command only\nreads.\n\n" + argumentsHelp() + credentials(" unless --base-url does."),
		Example:           "  offboard check katapult acme-hosting\n  offboard check volterra acme-edge-kqzvxwbn --email owner@example.com",
		Args:              namedArguments,
		ValidArgsFunction: providerNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := p.single(cmd.Context(), args, e, func(ctx context.Context, _ func() bool, e planfile.Entry, organization connect.Organization) error {
				err := organization.Check(ctx)
				if err == nil && e.Provider == providers.F5 {
					managed, unread = childTenants(ctx, organization)
				}
				return err
			}, func(_ string, err error) (deletion, string) {
				deletable, text := err == nil, "no blocker found"
				if n := len(managed); n > 0 {
					text += "; " + format.Count(n, "child tenant") + ": " + printable.Text(format.List(managed))
				}
				return deletion{Type: "check", Deletable: &deletable, ManagedOrganizations: managed}, text
			})
			e.Provider, e.Organization = providers.Name(args[0]), args[1]
			p.next = afterCheck(e, err, managed, unread)
			return err
		},
	}
	entryFlags(check, &e)
	p.timeoutFlag(check)
	return check
}

func (p *program) deleteCommand() *cobra.Command {
	var e planfile.Entry
	var overrides []string
	remove := &cobra.Command{
		Use:   "delete PROVIDER ORG --confirm NAME",
		Short: "Delete an organization permanently",
		Long: "Delete an organization permanently. NAME must be the provider's name of it, or its ID if\n" +
			"it has no name. Delete removes no blockers; offboard plan and offboard apply do.\n" +
			"At volterra, the tenant enters the provider's deletion queue. A tenant with child tenants\n" +
			"requires --override managed_organizations: Delete does not delete them, and F5 does not\n" +
			"document what becomes of them. offboard plan and offboard apply delete them first.\n\n" + argumentsHelp() + credentials(" unless --base-url does."),
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
			for _, o := range overrides {
				switch {
				case o != string(teardown.ManagedOrganizations):
					return errors.New("--override must be managed_organizations")
				case providers.Name(args[0]) != providers.F5:
					return errors.New("--override is for volterra only")
				}
				e.Override = append(e.Override, teardown.Override(o))
			}
			return p.single(cmd.Context(), args, e, func(ctx context.Context, request func() bool, e planfile.Entry, organization connect.Organization) error {
				if err := confirm(ctx, e, organization); err != nil {
					return err
				}
				if err := permitChildTenants(ctx, e, organization); err != nil {
					return err
				}
				if !request() {
					return &errors.Error{Provider: e.Provider, Operation: "Delete", Target: e.Organization, Code: errors.Canceled, Err: context.Canceled}
				}
				return organization.Delete(ctx)
			}, func(provider string, err error) (deletion, string) {
				return deletion{Type: "delete", Outcome: report.OutcomeOf(provider, err)}, deletedText(provider)
			})
		},
	}
	remove.Flags().StringVar(&e.Confirm, "confirm", "", "the `NAME` of the organization at the provider")
	remove.Flags().StringArrayVar(&overrides, "override", nil, "volterra: permit the `OVERRIDE` managed_organizations; required for child tenants")
	_ = remove.RegisterFlagCompletionFunc("override", cobra.FixedCompletions([]string{string(teardown.ManagedOrganizations)}, cobra.ShellCompDirectiveNoFileComp))
	entryFlags(remove, &e)
	p.timeoutFlag(remove)
	return remove
}

// single runs act for the organization that the arguments of a command name. act calls request right
// before it requests the deletion. result returns the members of the JSON form that differ between
// commands, and the text of a success.
func (p *program) single(
	ctx context.Context, args []string, e planfile.Entry, act func(ctx context.Context, request func() bool, e planfile.Entry, o connect.Organization) error,
	result func(provider string, err error) (deletion, string),
) error {
	e.Provider, e.Organization = providers.Name(args[0]), args[1]
	organization, err := p.connector(p.waits())(e)
	if err != nil {
		return err
	}
	ctx, request, done := p.untilDecided(ctx)
	defer done()
	err = p.orUndecided(act(ctx, request, e, organization))
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
		document.Version, document.Provider, document.Organization = schema.Version, e.Provider, e.Shown(connect.Found(organization), err)
		document.Problem, document.ExitCode = problem.Of(err), exitcode.Of(err)
		p.emit(document)
	case err == nil:
		fmt.Fprintf(p.out, "%s %s: %s\n", e.Provider, printable.Text(args[1]), text)
	case document.Type == "check" && errors.Is(err, errors.DeletionStepsNotSatisfied):
		failed, _ := errors.AsType[*errors.Error](err)
		text := problem.Short(err)
		if n := len(failed.Steps); n > 0 {
			text = format.Count(n, "blocker")
		}
		fmt.Fprintf(p.out, "%s %s: %s\n", e.Provider, printable.Text(args[1]), text)
		problem.PrintBlockers(p.out, failed.Steps)
		p.blockersShown = true
	}
	return err
}

// childTenants returns the IDs of the organizations that belong to a tenant at F5. They do not block
// its deletion.
func childTenants(ctx context.Context, o connect.Organization) ([]string, error) {
	plan, err := o.Plan(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, child := range planfile.Deleted(plan)[1:] {
		ids = append(ids, child.ID)
	}
	return ids, nil
}

// permitChildTenants returns an error if a tenant at F5 has child tenants, or if they cannot be read,
// unless the override is given. F5 documents no refusal of such a tenant.
func permitChildTenants(ctx context.Context, e planfile.Entry, o connect.Organization) error {
	if e.Provider != providers.F5 || slices.Contains(e.Override, teardown.ManagedOrganizations) {
		return nil
	}
	children, err := childTenants(ctx, o)
	if err != nil {
		return err
	}
	if len(children) == 0 {
		return nil
	}
	failed := &errors.Error{
		Provider: e.Provider, Operation: "DeleteTenant", Target: e.Organization, Code: errors.NotConfirmed,
		Err: problem.Advise(errors.New("missing overrides: "+string(teardown.ManagedOrganizations)),
			"Nothing was changed. To delete the child tenants first, use offboard plan and offboard apply. "+
				"To delete the tenant only, add --override managed_organizations: F5 does not document what becomes of the child tenants."),
	}
	for _, id := range children {
		failed.Steps = append(failed.Steps, errors.Step{Name: "child_tenant", Description: id})
	}
	return failed
}

// afterCheck returns the next command after a check as lines; "" if no command can help. managed are
// the child tenants, and unread is the error of their read.
func afterCheck(e planfile.Entry, err error, managed []string, unread error) string {
	command := e.Provider + " " + format.ShellQuote(e.Organization)
	entry := "  - provider: " + e.Provider + "\n    organization: " + strconv.Quote(e.Organization) + "\n"
	if e.BaseURL != "" {
		command += " --base-url " + format.ShellQuote(e.BaseURL)
		entry += "    base_url: " + strconv.Quote(e.BaseURL) + "\n"
	}
	if e.Email != "" {
		address, quoted := "ADDRESS", "ADDRESS"
		if strings.Contains(e.Email, "@") && secrets.Fault(e.Email) == "" && !secrets.LooksLikeToken(e.Email) { // no provider has confirmed it
			address, quoted = format.ShellQuote(e.Email), strconv.Quote(e.Email)
		}
		command += " --email " + address
		entry += "    email: " + quoted + "\n"
	}
	failed, _ := errors.AsType[*errors.Error](err)
	override := string(teardown.ManagedOrganizations) // Katapult's name of the blocker, too
	blocked := failed != nil && slices.ContainsFunc(failed.Steps, func(s errors.Step) bool { return s.Name == override })
	if len(managed) > 0 || blocked {
		entry += "    override: [" + override + "]\n"
	}
	plan := "To plan the removal: offboard plan manifest.yaml\nContent of manifest.yaml:\norganizations:\n" + entry
	if blocked {
		plan += "The override permits the deletion of the managed organizations, which precedes that of the organization.\n"
	}
	if err != nil {
		plan += "If the removal requires another override, the plan names the override.\n"
	}
	switch {
	case err == nil && len(managed) > 0:
		return plan + "The override permits the deletion of the child tenants, which precedes that of the tenant.\n"
	case err == nil && unread != nil:
		return "The child tenants could not be read: " + problem.Short(unread) + "\n" + plan
	case err == nil:
		return "To delete: offboard delete " + command + " --confirm NAME\n"
	case !errors.Is(err, errors.DeletionStepsNotSatisfied), failed.Code == errors.SystemOrganization:
		return ""
	case slices.Contains([]errors.Code{errors.ActiveSubscriptions, errors.PaymentRequired, errors.DefaultOrganization}, failed.Code):
		return "To check again: offboard check " + command + "\n" // a person removes the blocker
	}
	return plan
}

// entryFlags adds the flags that a manifest has as keys.
func entryFlags(command *cobra.Command, e *planfile.Entry) {
	command.Flags().StringVar(&e.BaseURL, "base-url", "", "the base `URL` of the provider: https, or http to this machine")
	command.Flags().StringVar(&e.Email, "email", "", "volterra: the email `ADDRESS` of the account to delete")
}
