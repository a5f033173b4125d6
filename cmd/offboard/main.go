// Command offboard deletes organizations at five providers and reports the outcome of
// each.
//
// Without arguments it runs the demonstration at fakes in memory, which needs neither an
// account nor a network.
//
//	offboard                                        run the demonstration
//	offboard check PROVIDER ORG                     show what blocks the deletion
//	offboard delete PROVIDER ORG --confirm NAME     delete an organization permanently
//	offboard plan MANIFEST -o PLAN                  plan the removal of all blockers
//	offboard apply PLAN                             remove the blockers, then delete
//	offboard status PLAN                            show finished and remaining steps
//
// Exit codes. For several organizations, the code is the most severe one:
//
//	0  deleted, or accepted by the provider; for check and plan: no blocker is known
//	   that apply does not remove
//	1  the provider refused or failed
//	2  usage: an invalid flag, file or ID, a missing credential or an unknown provider
//	3  blocked: blockers must be removed first
//	4  unknown: possibly deleted; check at the provider before you retry
//	5  not confirmed: the name is missing or matches no organization; or the manifest
//	   denies the organization, or an override is missing
//	6  stale: the plan expired, was edited, or no longer matches the provider
//	7  stopped; run the same command to resume
//	8  not found: the organization does not exist or the credential cannot see it, and
//	   this run and its journal started no deletion
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

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/providers"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/secrets"
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

func main() { os.Exit(runProcess()) }

// runProcess runs the program with the arguments, the streams and the signals of the process. It
// returns the exit code.
func runProcess() int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	p := &program{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, connect: connect.FromEnv, signals: signals}
	return p.run(context.Background(), os.Args[1:])
}

// program is the program without its process: tests set the streams, the connector and the
// signals.
type program struct {
	in          io.Reader
	out, errOut io.Writer
	connect     func(*slog.Logger) connect.Connector
	signals     chan os.Signal

	json, verbose bool // flags

	source *planfile.Source // of the manifest; nil if none was read

	code         int  // the exit code of a command without an error
	errorWritten bool // the JSON output contains the error
}

func (p *program) run(ctx context.Context, args []string) int {
	command := p.command()
	command.SetArgs(append([]string{}, args...)) // for nil, cobra takes the arguments of the process
	command.SetIn(p.in)
	command.SetOut(p.out)
	command.SetErr(p.errOut)
	if err := command.ExecuteContext(ctx); err != nil {
		if p.json && !p.errorWritten {
			p.emit(failure{"error", problem.Of(err), exitcode.Of(err)})
		}
		problem.Print(p.errOut, err)
		return exitcode.Of(err)
	}
	return p.code
}

// failure is the JSON output of a command that failed.
type failure struct {
	Type     string           `json:"type"`
	Problem  *problem.Problem `json:"problem"`
	ExitCode int              `json:"exit_code"`
}

// logger returns a logger that writes to the standard error if --verbose is set, and to
// another handler, which may be nil. It does not log hidden texts.
func (p *program) logger(other slog.Handler, hidden *secrets.Hidden) *slog.Logger {
	var handlers []slog.Handler
	if p.verbose {
		handlers = append(handlers, slog.NewTextHandler(p.errOut, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: hidden.ReplaceAttr}))
	}
	if other != nil {
		handlers = append(handlers, other)
	}
	return slog.New(slog.NewMultiHandler(handlers...))
}

// interrupt sends an interrupt to the program, as Ctrl-C does.
func (p *program) interrupt() {
	select {
	case p.signals <- os.Interrupt:
	default: // the program already has two signals
	}
}

// untilInterrupted returns a context that the first signal cancels.
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

// stoppable returns a channel that the first signal closes, and a context that the second
// signal cancels.
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

// emit writes a document as one line of JSON.
func (p *program) emit(document any) {
	_ = json.NewEncoder(p.out).Encode(document) // fails only if the reader has closed the stream
}

const rootHelp = `Delete organizations, tenants and workspaces at five providers, and report the outcome.
Without a command, offboard runs a demonstration that needs no account.

One organization:
  offboard check, then offboard delete
Many organizations, with the resources that block their deletion:
  offboard plan, review the plan, offboard apply, offboard status

Exit codes. For several organizations, the code is the most severe one:
  0  deleted, or accepted by the provider; check and plan: no blocker is known that
     apply does not remove
  1  the provider refused or failed
  2  usage: an invalid flag, file or ID, a missing credential or an unknown provider
  3  blocked: blockers must be removed first
  4  unknown: possibly deleted; check at the provider before you retry
  5  not confirmed: the name is missing or matches no organization; or the manifest
     denies the organization, or an override is missing
  6  stale: the plan expired, was edited, or no longer matches the provider; plan again
  7  stopped; run the same command to resume
  8  not found: the organization does not exist or the credential cannot see it, and
     this run and its journal started no deletion
`

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "offboard",
		Short: "Delete organizations, tenants and workspaces, and report the outcome",
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
	root.SetOut(p.out) // cobra's own commands keep this stream
	flags := root.PersistentFlags()
	flags.BoolVar(&p.json, "json", false, "write JSON: one document, or one per line while apply runs")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log requests and waits, without credentials")
	root.AddCommand(p.checkCommand(), p.deleteCommand(), p.planCommand(), p.applyCommand(), p.statusCommand(), p.demoCommand())
	// Without this, cobra's own commands print unknown arguments, which may be secrets.
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

// deletion is the JSON output of check and delete.
type deletion struct {
	Provider     string           `json:"provider"`
	Organization string           `json:"organization"`
	Deletable    *bool            `json:"deletable,omitempty"` // check only
	Outcome      teardown.Outcome `json:"outcome,omitempty"`   // delete only
	Problem      *problem.Problem `json:"problem,omitempty"`
}

func (p *program) checkCommand() *cobra.Command {
	var e planfile.Entry
	check := &cobra.Command{
		Use:               "check PROVIDER ORG",
		Short:             "Show what blocks the deletion of an organization, without changing anything",
		Long:              "Show what blocks the deletion of an organization. The command only reads.\n\n" + argumentsHelp() + credentials("."),
		Example:           "  offboard check katapult acme-hosting\n  offboard check volterra acme-edge-kqzvxwbn --email owner@example.com",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: providerNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			e.Provider, e.Organization = providers.Name(args[0]), args[1]
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
				p.emit(deletion{Provider: e.Provider, Organization: e.Shown(err), Deletable: &deletable, Problem: problem.Of(err)})
				return err
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "%s %s: no blocker found\n", e.Provider, printable.Text(args[1]))
			return nil
		},
	}
	emailFlag(check, &e)
	return check
}

func (p *program) deleteCommand() *cobra.Command {
	var e planfile.Entry
	remove := &cobra.Command{
		Use:   "delete PROVIDER ORG --confirm NAME",
		Short: "Delete an organization permanently",
		Long: "Delete an organization permanently. NAME must be the provider's name of it, or its ID if\n" +
			"it has no name. Delete removes no blockers; offboard plan and offboard apply do.\n" +
			"At volterra, the tenant enters the provider's deletion queue.\n\n" + argumentsHelp() + credentials("."),
		Example:           `  offboard delete katapult acme-hosting --confirm "Acme Hosting"`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: providerNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(e.Confirm) == "" {
				return &errors.Error{
					Code: errors.NotConfirmed,
					Err:  errors.New("--confirm NAME is missing: give the name of the organization at the provider"),
				}
			}
			e.Provider, e.Organization = providers.Name(args[0]), args[1]
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
				p.emit(deletion{Provider: e.Provider, Organization: e.Shown(err), Outcome: report.OutcomeOf(e.Provider, err), Problem: problem.Of(err)})
				return err
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "%s %s: %s\n", e.Provider, printable.Text(args[1]), deletedText(e.Provider))
			return nil
		},
	}
	remove.Flags().StringVar(&e.Confirm, "confirm", "", "the `NAME` of the organization at the provider")
	emailFlag(remove, &e)
	return remove
}

func emailFlag(command *cobra.Command, e *planfile.Entry) {
	command.Flags().StringVar(&e.Email, "email", "", "volterra: the email `ADDRESS` of the account to delete")
}

func providerNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 0 {
		for _, p := range providers.All {
			names = append(names, p.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// argumentsHelp is the part of the help texts about PROVIDER and ORG.
func argumentsHelp() string {
	var accepted []string
	for _, p := range providers.All {
		accepted = append(accepted, p.Accepted())
	}
	return "PROVIDER is one of " + format.List(accepted) + ".\n" +
		"ORG is an ID. At katapult it may be a subdomain, and at workspace a slug. At volterra it\n" +
		"is the name of the tenant.\n\n"
}

// credentials is the part of the help texts about credentials. organizations says which
// organizations of the command the base URLs apply to.
func credentials(organizations string) string {
	var b strings.Builder
	b.WriteString("Credentials are read from the environment:\n")
	for _, p := range providers.All {
		fmt.Fprintf(&b, "  %-10s %s\n", p.Name, p.Environment)
	}
	b.WriteString("OFFBOARD_KATAPULT_BASE_URL, OFFBOARD_ZITADEL_BASE_URL and so on set the base URL of a\n" +
		"provider" + organizations + "\n")
	return b.String()
}
