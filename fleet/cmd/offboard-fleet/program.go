package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
	"github.com/offboard-dev/offboard-go/internal/flagerror"
	"github.com/offboard-dev/offboard-go/internal/output"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/internal/spelling"
)

// Exit codes. The documentation of the command describes them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error of the command line or of a manifest.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// advisedError is an error with the command of another program that corrects it.
type advisedError struct {
	error
	command string // with a title, in lines that people copy
}

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run runs the program with the arguments, the streams, the environment and the signals of the
// process, and returns the exit code.
func run() int {
	// Without this, a write to a closed pipe would end the program, also in a decision.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the program, whatever it waits for
	p := &program{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, getenv: os.Getenv}
	p.connect, p.storage = p.dial, p.openStorage
	p.workerWait = workerWait
	return p.run(ctx, os.Args[1:])
}

// program is the program without its process. Tests set the streams, the environment, the engine
// and the storage.
type program struct {
	in          io.Reader
	out, errOut io.Writer
	getenv      func(string) string

	// connect returns the engine. The caller calls the function after use.
	connect func(context.Context) (engine.Engine, func(), error)

	// storage opens the storage. The caller closes it.
	storage func(context.Context) (*storage, error)

	workerWait time.Duration // of start; 0 in tests

	address, namespace, queue string // flags
	tls                       bool
	store, database           string

	written *output.Writer // out, with its faults

	creates bool // the command creates the directory of --store

	// requested is what a command has requested of a workflow, for the error of a command that a signal
	// ends while it waits for the answer.
	requested string

	// result is what a command has changed, for the standard error if the output is lost. If it is set, a
	// lost output does not change the exit code.
	result string
}

// run runs a command and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	p.written = output.New(p.out)
	p.out = p.written
	root := p.command()
	root.SetArgs(append([]string{}, args...)) // for nil, cobra takes the arguments of the process
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.errOut)
	err := root.ExecuteContext(ctx)
	code := exitDone
	if err != nil {
		code = p.fail(ctx, err)
	}
	if fault := p.written.Fault(); fault != nil {
		text := "the output is incomplete: " + safefile.Cause(fault)
		if p.result != "" {
			text += ". The result does not change: " + p.result
		} else if code == exitDone {
			code = exitFailed
		}
		p.warn("offboard-fleet: " + text)
	}
	return code
}

// fail writes the error of a command and returns its exit code.
func (p *program) fail(ctx context.Context, err error) int {
	switch {
	case isNamespaceNotFound(err):
		err = p.noNamespace()
	case ctx.Err() != nil && isCanceled(err):
		err = errors.New(strings.TrimSuffix("canceled: "+p.requested, ": "))
	}
	p.warn("offboard-fleet: " + review.Message(err))
	if e, ok := errors.AsType[advisedError](err); ok {
		fmt.Fprintln(p.errOut, e.command)
	}
	if _, ok := errors.AsType[usageError](err); ok || errors.Is(err, errors.InvalidArgument) {
		return exitUsage
	}
	return exitFailed
}

// warn writes a line to the standard error.
func (p *program) warn(text string) { fmt.Fprintln(p.errOut, wrapped(text, 0, 2)) }

// isCanceled reports whether an error is that of a context that was canceled.
func isCanceled(err error) bool {
	_, server := errors.AsType[*serviceerror.Canceled](err)
	return server || errors.Is(err, context.Canceled) || strings.Contains(err.Error(), context.Canceled.Error())
}

const rootHelp = `Delete many organizations by workflows on Temporal, with approvals by people.

  offboard-fleet worker           on one or more machines
  offboard-fleet start MANIFEST   plans each organization
  offboard-fleet status           lists what waits for an approval
  offboard-fleet serve            or approve: review the plans, and approve them
  offboard-fleet report ID        the outcome

All commands and workers share the storage: --store or --database.

Exit codes:
  0  done
  1  failed: Temporal, the storage or a provider failed, a decision was refused, a signal
     ended the command, or the output is incomplete; for status of a batch: the batch
     failed, or could not start an organization
  2  usage: an invalid flag, argument or manifest
`

// command returns the tree of commands.
func (p *program) command() *cobra.Command {
	version := false
	root := &cobra.Command{
		Use: "offboard-fleet", Short: "Delete many organizations by workflows on Temporal", Long: rootHelp,
		Args: knownCommand, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return p.version(false)
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&version, "version", false, "show the versions, as offboard-fleet version does")
	root.PersistentPreRunE = checkValues
	root.SetFlagErrorFunc(flagError)
	tlsOn, _, _ := p.variableTLS() // tlsConfig returns the error
	flags := root.PersistentFlags()
	flags.StringVar(&p.address, "address", p.env("TEMPORAL_ADDRESS", "127.0.0.1:7233"), "host and port of the Temporal server; TEMPORAL_ADDRESS")
	flags.StringVar(&p.namespace, "namespace", p.env("TEMPORAL_NAMESPACE", client.DefaultNamespace), "namespace of the Temporal server; TEMPORAL_NAMESPACE")
	flags.BoolVar(&p.tls, "tls", tlsOn, "use TLS for the Temporal server; TEMPORAL_TLS=true, or another variable of TLS, or TEMPORAL_API_KEY")
	flags.StringVar(&p.queue, "queue", fleet.DefaultQueue, "task queue of the workers")
	flags.StringVar(&p.store, "store", "", "directory of plans, reports and journals, on one machine")
	// The default is not the variable: the help would show its password.
	flags.StringVar(&p.database, "database", "", "URL of the PostgreSQL database with plans, reports and journals; DATABASE_URL")
	root.AddCommand(p.workerCommand(), p.startCommand(), p.statusCommand(), p.decideCommand(true), p.decideCommand(false),
		p.cancelCommand(), p.reportCommand(), p.serveCommand(), p.versionCommand())
	// Without this, cobra prints its own texts for unknown commands and shells, with the text that was
	// given, and the exit code is 0.
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Args, completion.RunE = knownShell, func(*cobra.Command, []string) error { return nil }
		for _, shell := range completion.Commands() {
			shell.Args = arguments(0)
		}
	}
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Run, help.RunE = nil, func(_ *cobra.Command, args []string) error {
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return knownCommand(root, args)
			}
			return about.Help()
		}
	}
	return root
}

// knownCommand returns the error of an unknown command. It does not repeat the text, which may be a
// secret.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	names := commandNames(root)
	return usage("unknown command: use %s%s", strings.Join(names, ", "), spelling.Hint(args[0], names))
}

// knownShell returns the error of the command completion, which runs only if no shell is named.
func knownShell(completion *cobra.Command, args []string) error {
	names := commandNames(completion)
	if len(args) == 0 {
		return usage("the shell is missing: use %s", strings.Join(names, ", "))
	}
	return usage("unknown shell: use %s%s", strings.Join(names, ", "), spelling.Hint(args[0], names))
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

// checkValues returns an error if an argument or a flag is a credential, or if a flag that names
// something is empty: a command would use another server, queue or storage than the one that was meant.
func checkValues(cmd *cobra.Command, args []string) error {
	for _, arg := range args {
		if fault := review.CredentialFault(arg); fault != "" {
			return usage("an argument is refused: %s", fault)
		}
	}
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if many, ok := f.Value.(pflag.SliceValue); ok {
			values = many.GetSlice()
		}
		for _, value := range values {
			switch fault := review.CredentialFault(value); {
			case err != nil:
			case fault != "" && f.Name != "database": // whose variable may be DATABASE_URL
				err = usage("--%s is refused: %s", f.Name, fault)
			case strings.TrimSpace(value) == "" && slices.Contains([]string{"address", "namespace", "queue", "store", "database"}, f.Name):
				err = usage("--%s is empty: give a value, or omit the flag", f.Name)
			}
		}
	})
	return err
}

// flagError returns the error of a flag. It does not repeat the given text, which may be a secret.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		add := func(f *pflag.Flag) { names = append(names, "--"+f.Name) }
		cmd.Flags().VisitAll(add)
		cmd.InheritedFlags().VisitAll(add)
		return usageError{flagerror.Unknown("--"+unknown.GetSpecifiedName(), names, cmd.CommandPath())}
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usageError{flagerror.Missing(e.GetFlag().Name)}
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		kind := e.GetFlag().Value.Type()
		return usageError{flagerror.Value(e.GetFlag().Name, map[string]string{"bool": "true or false", "int": "a whole number"}[kind], kind)}
	}
	return usageError{flagerror.Other(cmd.CommandPath())}
}

// env returns a variable of the environment, or a default.
func (p *program) env(name, value string) string {
	if given := p.getenv(name); given != "" {
		return given
	}
	return value
}

// arguments returns a check for the number of arguments, whose error is one of usage.
func arguments(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("%s takes %s: offboard-fleet %s", cmd.Name(), count(n, "argument"), strings.TrimPrefix(cmd.Use, "offboard-fleet"))
		}
		return nil
	}
}

// workflow checks the argument of a command about the workflow of an organization.
func workflow(cmd *cobra.Command, args []string) error {
	if err := arguments(1)(cmd, args); err != nil {
		return err
	}
	return review.CheckID(args[0])
}

// logger returns the log of the program.
func (p *program) logger() *slog.Logger { return slog.New(slog.NewTextHandler(p.errOut, nil)) }

// connected calls a function with the engine.
func (p *program) connected(ctx context.Context, f func(engine.Engine) error) error {
	e, end, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	return f(e)
}

// reviewed calls a function with the engine and the storage.
func (p *program) reviewed(ctx context.Context, f func(engine.Engine, *storage) error) error {
	s, err := p.storage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	return p.connected(ctx, func(e engine.Engine) error { return f(e, s) })
}

// writeJSON writes a value as a JSON document, whose characters print.
func (p *program) writeJSON(value any) error {
	encoder := json.NewEncoder(printable.JSONWriter(p.out))
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
