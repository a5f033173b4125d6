// Command offboard deletes organizations at five providers, or says why that cannot
// be done.
//
// Without arguments it shows what the SDK does, with doubles in place of the
// providers: no account is needed and no network is used.
//
//	offboard                                        the demonstration
//	offboard check PROVIDER ORG                     may it be deleted, and if not, why
//	offboard delete PROVIDER ORG --confirm NAME     delete it, for good
//	offboard plan MANIFEST -o PLAN                  what has to go, of many organizations
//	offboard apply PLAN                             clear it in order, and delete them
//	offboard status PLAN                            what is done, and what is left
//
// Exit codes, of several the one that asks for most attention:
//
//	0  done: gone, or accepted by the provider; for check and plan: nothing is
//	   known to stand in the way that apply does not clear
//	1  the provider refused or failed
//	2  usage: a bad flag, file or ID, a missing credential, an unknown provider, a
//	   "confirm" of the manifest or a --confirm of apply that matches no organization
//	3  something stands in the way and has to go first
//	4  the outcome is not known: look before trying again
//	5  a name was not given, or delete has another name than the provider; or the
//	   manifest denies the organization, or does not permit what has to be permitted
//	6  the plan is too old, was edited, or is no longer the truth: plan again
//	7  it was stopped before it was through: the same command goes on
//	8  the organization was not found, and no deletion of ours explains that
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Exit codes.
const (
	exitOK           = 0
	exitFailed       = 1
	exitUsage        = 2
	exitBlocked      = 3
	exitUnknown      = 4
	exitNotConfirmed = 5
	exitStale        = 6
	exitStopped      = 7
	exitNotFound     = 8
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	p := &program{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, connect: connect, signals: signals}
	os.Exit(p.run(context.Background(), os.Args[1:]))
}

// program is the program without the process around it.
type program struct {
	in          io.Reader
	out, errOut io.Writer
	connect     func(*slog.Logger) connector
	signals     chan os.Signal

	// What flags set.
	json, verbose bool

	source *source // of the manifest; nil if none was read

	// code is the exit code of a command that had no error. told: what a command says
	// to machines has its error already.
	code         int
	errorWritten bool
}

func (p *program) run(ctx context.Context, args []string) int {
	command := p.command()
	command.SetArgs(append([]string{}, args...)) // nil would be those of the process
	command.SetIn(p.in)
	command.SetOut(p.out)
	command.SetErr(p.errOut)
	if err := command.ExecuteContext(ctx); err != nil {
		if p.json && !p.errorWritten {
			p.emit(failure{"error", problemOf(err), exitCode(err)})
		}
		advise(p.errOut, err)
		return exitCode(err)
	}
	return p.code
}

// failure is what machines are told of a command that did not come to its end.
type failure struct {
	Type     string   `json:"type"`
	Problem  *problem `json:"problem"`
	ExitCode int      `json:"exit_code"`
}

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	error
}

func (c *exitError) Unwrap() error { return c.error }

// exitCode maps an error to the exit codes.
func exitCode(err error) int {
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
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
	case errors.Is(err, errors.PlanStale):
		return exitStale
	case errors.Is(err, errors.DeletionStepsNotSatisfied):
		return exitBlocked
	case errors.Is(err, errors.OrganizationNotFound):
		return exitNotFound
	case errors.Is(err, errors.Canceled), errors.Is(err, errors.NotFinished):
		return exitStopped
	}
	return exitFailed
}

// logger logs what is sent and waited for, when that is asked for; and tells another
// handler, which may be nil. Hidden texts are not logged.
func (p *program) logger(other slog.Handler, hidden *hiddenTexts) *slog.Logger {
	var handlers []slog.Handler
	if p.verbose {
		handlers = append(handlers, slog.NewTextHandler(p.errOut, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: hidden.replace}))
	}
	if other != nil {
		handlers = append(handlers, other)
	}
	return slog.New(slog.NewMultiHandler(handlers...))
}

// interrupt is a key that means the signal.
func (p *program) interrupt() {
	select {
	case p.signals <- os.Interrupt:
	default: // more of them say no more
	}
}

// untilInterrupted ends a context at the first signal.
func (p *program) untilInterrupted(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-p.signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// stoppable closes a channel at the first signal, and ends a context at the second.
func (p *program) stoppable(ctx context.Context, stopping func()) (context.Context, <-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := make(chan struct{})
	go func() {
		select {
		case <-p.signals:
			stopping()
			close(stop)
		case <-ctx.Done():
			return
		}
		select {
		case <-p.signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, stop, cancel
}

// emit writes a document for machines, in one line.
func (p *program) emit(document any) {
	_ = json.NewEncoder(p.out).Encode(document) // who reads it has gone: there is nobody to tell
}

const rootHelp = `Delete organizations, tenants and workspaces at five providers, and say truly what
became of them. Without a command: a demonstration that needs no account.

For one organization:     offboard check, offboard delete
For many, and what they
still have:               offboard plan, review, offboard apply, offboard status

Exit codes, of several the one that asks for most attention:
  0  done: gone, or accepted by the provider
  1  the provider refused or failed
  2  usage: a bad flag, file or ID, a missing credential, an unknown provider, a
     "confirm" of the manifest or a --confirm of apply that matches no organization
  3  something stands in the way and has to go first
  4  the outcome is not known: look before trying again
  5  not confirmed: no name was given, or delete has another name than the provider;
     or denied or not permitted by the manifest
  6  the plan is too old, was edited, or is no longer the truth: plan again
  7  stopped before it was through: the same command goes on
  8  the organization was not found: nothing was deleted, and the journal has no
     deletion of it; the credential may not see it
`

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "offboard",
		Short: "Delete organizations, tenants and workspaces, and say truly what became of them",
		Long:  rootHelp,
		Example: `  offboard demo
  offboard check katapult acme-hosting
  offboard plan manifest.yaml -o plan.json && offboard apply plan.json`,
		Args:              noArguments,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: refuseSecrets,
		RunE:              func(cmd *cobra.Command, _ []string) error { return p.demo(cmd.Context()) },
	}
	root.SetFlagErrorFunc(flagError)
	root.SetOut(p.out) // the library's own commands keep it
	flags := root.PersistentFlags()
	flags.BoolVar(&p.json, "json", false, "write JSON: one document, or one a line while something goes on")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log what is sent and waited for; never a credential")
	root.AddCommand(p.checkCommand(), p.deleteCommand(), p.planCommand(), p.applyCommand(), p.statusCommand(), p.demoCommand())
	// The library's own commands repeat the arguments that they do not know.
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "completion":
			c.Args = noArguments
			for _, shell := range c.Commands() {
				shell.Args = noArguments
			}
		case "help":
			c.Run, c.RunE = nil, func(cmd *cobra.Command, args []string) error {
				about, rest, err := root.Find(args)
				if err != nil || len(rest) > 0 {
					return noArguments(root, args)
				}
				return about.Help()
			}
		}
	}
	return root
}

// deletion is what a check or a deletion says to machines.
type deletion struct {
	Provider     string           `json:"provider"`
	Organization string           `json:"organization"`
	Deletable    *bool            `json:"deletable,omitempty"` // of check
	Outcome      teardown.Outcome `json:"outcome,omitempty"`   // of delete
	Problem      *problem         `json:"problem,omitempty"`
}

func (p *program) checkCommand() *cobra.Command {
	var e entry
	check := &cobra.Command{
		Use:               "check PROVIDER ORG",
		Short:             "Say whether an organization may be deleted, and if not, why; changes nothing",
		Long:              "Say whether an organization may be deleted, and if not, why. It reads only.\n\n" + credentials(),
		Example:           "  offboard check katapult acme-hosting\n  offboard check volterra acme-edge-kqzvxwbn --email owner@example.com",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: providerNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			e.Provider, e.Organization = args[0], args[1]
			organization, err := p.connector(nil)(e)
			if err != nil {
				return err
			}
			ctx, done := p.untilInterrupted(cmd.Context())
			defer done()
			err = organization.Check(ctx)
			if p.json {
				p.errorWritten = true
				deletable := err == nil
				p.emit(deletion{Provider: e.Provider, Organization: e.shown(err), Deletable: &deletable, Problem: problemOf(err)})
				return err
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "%s %s: nothing is known to stand in the way of its deletion\n", args[0], printable.Text(args[1]))
			return nil
		},
	}
	emailFlag(check, &e)
	return check
}

func (p *program) deleteCommand() *cobra.Command {
	var e entry
	remove := &cobra.Command{
		Use:   "delete PROVIDER ORG --confirm NAME",
		Short: "Delete an organization, for good",
		Long: "Delete an organization, for good. NAME has to be what the provider calls it.\n" +
			"What it still has is not touched: offboard plan and offboard apply clear that too.\n" +
			"At volterra the tenant is put into the provider's deletion queue.\n\n" + credentials(),
		Example:           `  offboard delete katapult acme-hosting --confirm "Acme Hosting"`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: providerNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(e.Confirm) == "" {
				return errors.New("nothing is deleted without --confirm NAME, the name that the provider has for the organization")
			}
			e.Provider, e.Organization = args[0], args[1]
			organization, err := p.connector(nil)(e)
			if err != nil {
				return err
			}
			ctx, done := p.untilInterrupted(cmd.Context())
			defer done()
			if err = confirm(ctx, e, organization); err == nil {
				err = organization.Delete(ctx)
			}
			if p.json {
				p.errorWritten = true
				p.emit(deletion{Provider: e.Provider, Organization: e.shown(err), Outcome: outcomeOf(e.Provider, err), Problem: problemOf(err)})
				return err
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "%s %s: %s\n", args[0], printable.Text(args[1]), organization.Done())
			return nil
		},
	}
	remove.Flags().StringVar(&e.Confirm, "confirm", "", "the `NAME` that the provider has for the organization")
	emailFlag(remove, &e)
	return remove
}

func emailFlag(command *cobra.Command, e *entry) {
	command.Flags().StringVar(&e.Email, "email", "", "volterra: the e-mail `ADDRESS` of the account to be deleted")
}

// outcomeOf is the outcome that an error of a deletion means.
func outcomeOf(provider string, err error) teardown.Outcome {
	switch {
	case err == nil && provider == f5:
		return teardown.Pending
	case err == nil:
		return teardown.Deleted
	case errors.Is(err, errors.OutcomeUnknown):
		return teardown.Unknown
	case errors.Is(err, errors.OrganizationNotFound):
		return teardown.NotFound
	}
	return teardown.Blocked
}

func providerNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 0 {
		for _, p := range providers {
			names = append(names, p.name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// credentials tells where the credentials come from.
func credentials() string {
	var b strings.Builder
	b.WriteString("Credentials come from the environment:\n")
	for _, p := range providers {
		fmt.Fprintf(&b, "  %-10s %s\n", p.name, p.environment)
	}
	b.WriteString("OFFBOARD_KATAPULT_BASE_URL, OFFBOARD_ZITADEL_BASE_URL and so on replace the base URL of a\n" +
		"provider wherever base_url in a manifest names none.\n")
	return b.String()
}
