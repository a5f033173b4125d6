package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
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
}

// run runs a command and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.command()
	root.SetArgs(append([]string{}, args...)) // for nil, cobra takes the arguments of the process
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(p.errOut, wrapped("offboard-fleet: "+review.Message(err), 0, 2))
	if e, ok := errors.AsType[advisedError](err); ok {
		fmt.Fprintln(p.errOut, e.command)
	}
	if _, ok := errors.AsType[usageError](err); ok || errors.Is(err, errors.InvalidArgument) {
		return exitUsage
	}
	return exitFailed
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
  1  failed: the engine, the storage or a provider failed, or a decision was refused; for
     status of a batch: the batch failed, or could not start an organization
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
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&p.address, "address", p.env("TEMPORAL_ADDRESS", "127.0.0.1:7233"), "host and port of the Temporal server; TEMPORAL_ADDRESS")
	flags.StringVar(&p.namespace, "namespace", p.env("TEMPORAL_NAMESPACE", client.DefaultNamespace), "namespace of the Temporal server; TEMPORAL_NAMESPACE")
	flags.BoolVar(&p.tls, "tls", p.getenv("TEMPORAL_TLS") == "true", "use TLS for the Temporal server; TEMPORAL_TLS=true, or TEMPORAL_API_KEY")
	flags.StringVar(&p.queue, "queue", fleet.DefaultQueue, "task queue of the workers")
	flags.StringVar(&p.store, "store", "", "directory of plans, reports and journals, on one machine")
	// The default is not the variable: the help would show its password.
	flags.StringVar(&p.database, "database", "", "URL of the PostgreSQL database with plans, reports and journals; DATABASE_URL")
	root.AddCommand(p.workerCommand(), p.startCommand(), p.statusCommand(), p.decideCommand(true), p.decideCommand(false),
		p.cancelCommand(), p.reportCommand(), p.serveCommand(), p.versionCommand())
	// Without this, cobra prints its own text for an unknown command, and the exit code is 0.
	root.InitDefaultHelpCmd()
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
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usage("unknown command: use %s%s", strings.Join(names, ", "), spelling.Hint(args[0], names))
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

// client connects to the Temporal server.
func (p *program) client(ctx context.Context, logger *slog.Logger) (client.Client, error) {
	if err := checkAddress(p.address); err != nil {
		return nil, err
	}
	options := client.Options{HostPort: p.address, Namespace: p.namespace, Logger: engineLogger{log.NewStructuredLogger(logger)}}
	if key := p.getenv("TEMPORAL_API_KEY"); key != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(key)
	}
	var err error
	if options.ConnectionOptions.TLS, err = p.tlsConfig(); err != nil {
		return nil, usageError{err}
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the Temporal server at %s: %w", p.address, err)
	}
	return c, nil
}

// checkAddress refuses an address of the Temporal server without a port. An address with a scheme is
// one of gRPC, such as dns:///engine:7233.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	switch {
	case strings.Contains(address, ":///"), err == nil && host != "" && port != "":
		return nil
	case !strings.Contains(address, ":"), err == nil && port == "":
		return usage("--address must be HOST:PORT, such as 127.0.0.1:7233: the port is missing")
	}
	return usage("--address must be HOST:PORT, such as 127.0.0.1:7233")
}

// tlsConfig returns the configuration of --tls; nil without it. The variables have the names that
// Temporal's own programs read. An API key is never sent without TLS.
func (p *program) tlsConfig() (*tls.Config, error) {
	certificate, key := p.getenv("TEMPORAL_TLS_CLIENT_CERT_PATH"), p.getenv("TEMPORAL_TLS_CLIENT_KEY_PATH")
	authority := p.getenv("TEMPORAL_TLS_SERVER_CA_CERT_PATH")
	if !p.tls && certificate == "" && authority == "" && p.getenv("TEMPORAL_API_KEY") == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: p.getenv("TEMPORAL_TLS_SERVER_NAME")}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if authority != "" {
		text, err := os.ReadFile(authority)
		if err != nil {
			return nil, fmt.Errorf("TEMPORAL_TLS_SERVER_CA_CERT_PATH: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("TEMPORAL_TLS_SERVER_CA_CERT_PATH: the file has no certificate in PEM")
		}
	}
	return c, nil
}

// dial returns the engine of the Temporal server.
func (p *program) dial(ctx context.Context) (engine.Engine, func(), error) {
	// Commands report their errors themselves.
	c, err := p.client(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	return engine.Temporal{Client: c}, c.Close, nil
}

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

// writeJSON writes a value as a JSON document.
func (p *program) writeJSON(value any) error {
	encoder := json.NewEncoder(p.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
