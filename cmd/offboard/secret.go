package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/secrets"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// concealedError is an error with a text in which hidden texts are replaced. It unwraps to
// the original error.
type concealedError struct {
	error
	text string
}

func (h *concealedError) Error() string { return h.text }

func (h *concealedError) Unwrap() error { return h.error }

// conceal returns an error without the given texts of the entry. The code and the rest of the
// provider's message remain.
func conceal(e planfile.Entry, err error) error {
	if err == nil {
		return nil
	}
	given := e.Given(err)
	typed, ok := errors.AsType[*errors.Error](err)
	if !ok || typed == nil {
		if text := secrets.Hide(err.Error(), given); text != err.Error() {
			return &concealedError{err, text}
		}
		return err
	}
	bare := *typed
	if bare.Target = secrets.Hide(bare.Target, given); bare.Target == secrets.NotShown {
		bare.Target = ""
	}
	bare.Message, bare.ProviderCode = secrets.Hide(bare.Message, given), secrets.Hide(bare.ProviderCode, given)
	bare.Steps = slices.Clone(bare.Steps)
	for i := range bare.Steps {
		bare.Steps[i].Name, bare.Steps[i].Description = secrets.Hide(bare.Steps[i].Name, given), secrets.Hide(bare.Steps[i].Description, given)
	}
	if bare.Err != nil {
		if text := secrets.Hide(bare.Err.Error(), given); text != bare.Err.Error() {
			bare.Err = &concealedError{bare.Err, text}
		}
	}
	return &bare
}

// concealedOrganization is an organization whose errors do not show the given texts of its
// entry.
type concealedOrganization struct {
	organization
	entry planfile.Entry
}

func (c concealedOrganization) Identify(ctx context.Context) (teardown.Organization, error) {
	found, err := c.organization.Identify(ctx)
	return found, conceal(c.entry, err)
}

func (c concealedOrganization) Check(ctx context.Context) error {
	return conceal(c.entry, c.organization.Check(ctx))
}

func (c concealedOrganization) Delete(ctx context.Context) error {
	return conceal(c.entry, c.organization.Delete(ctx))
}

func (c concealedOrganization) Plan(ctx context.Context) (*teardown.Plan, error) {
	plan, err := c.organization.Plan(ctx)
	return plan, conceal(c.entry, err)
}

func (c concealedOrganization) Teardown(ctx context.Context, plan *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	report, err := c.organization.Teardown(ctx, plan, options...)
	e := c.entry
	if plan != nil && (e.Organization == plan.Organization.ID || e.Organization == plan.Organization.Name) {
		e.Organization = "" // the provider has confirmed it
	}
	if plan != nil && planfile.Confirms(e.Confirm, plan.Organization) {
		e.Confirm = ""
	}
	return report, conceal(e, err)
}

// connector returns a connector. The errors of its organizations and the log do not show
// hidden texts. The handler may be nil.
func (p *program) connector(other slog.Handler) connector {
	hidden := new(secrets.Hidden)
	return concealed(p.connect(p.logger(other, hidden)), hidden)
}

// concealed returns a connector whose errors, and those of its organizations, do not show the
// given texts of an entry. It adds these texts to the hidden ones before it opens the entry.
func concealed(open connector, hidden *secrets.Hidden) connector {
	return func(e planfile.Entry) (organization, error) {
		hidden.Add(e.Given(errNotFound))
		o, err := open(e)
		if err != nil {
			return nil, conceal(e, err)
		}
		return concealedOrganization{o, e}, nil
	}
}

// errNotFound stands for an organization that no provider has found.
var errNotFound = &errors.Error{Code: errors.OrganizationNotFound}

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

// argumentName returns the name of an argument in the usage of its command.
func argumentName(cmd *cobra.Command, i int) string {
	if names := strings.Fields(cmd.Use); i+1 < len(names) {
		return names[i+1]
	}
	return "an argument"
}

// flagError returns an error about a flag. It does not repeat the given text, which may be a
// secret.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if name := "--" + unknown.GetSpecifiedName(); secrets.Misspelled(name, flagNames(cmd)) {
			return errors.New("unknown flag: " + name)
		}
		return errors.New("unknown flag; to list the flags: " + cmd.CommandPath() + " --help")
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return errors.New("flag needs an argument: --" + e.GetFlag().Name)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return errors.New("--" + e.GetFlag().Name + " has an invalid value: use a value of type " + e.GetFlag().Value.Type())
	}
	return errors.New("invalid flag; to list the flags: " + cmd.CommandPath() + " --help")
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
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if len(names) == 0 {
		return errors.New("offboard " + cmd.Name() + " takes no arguments")
	}
	return errors.New("unknown command: use " + format.List(names))
}
