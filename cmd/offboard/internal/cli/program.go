// Package cli implements the commands of the program: their flags, the confirmation of a
// deletion, the output, and the exit code.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/output"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/secrets"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// Main runs the program with the arguments, the streams and the signals of the process. It
// returns the exit code.
func Main() int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	// Without this, a write to a closed pipe would end the program in the middle of a run.
	signal.Ignore(syscall.SIGPIPE)
	p := &program{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, connect: connect.FromEnv, signals: signals}
	var out *output.Writer // nil for a terminal
	if !term.IsTerminal(int(os.Stdout.Fd())) {
		out = output.New(os.Stdout)
		p.out = out
	}
	code := p.run(context.Background(), os.Args[1:])
	if fault := out.Fault(); fault != nil {
		problem.PrintIncomplete(os.Stderr, fault, p.result)
		if code == exitcode.OK && p.result == "" {
			code = exitcode.Failed
		}
	}
	return code
}

// program is the program without its process: tests set the streams, the connector and the
// signals.
type program struct {
	in          io.Reader
	out, errOut io.Writer
	connect     func(*slog.Logger) connect.Connector
	signals     chan os.Signal

	json, verbose, debug bool          // flags
	timeout              time.Duration // of the command; 0 for none

	expired atomic.Bool // --timeout ended the command

	source *planfile.Source // of the manifest; nil if none was read

	code         int  // the exit code of a command without an error
	errorWritten bool // the JSON output contains the error

	blockersShown bool // the standard output lists the blockers, as the result of check

	// result is what apply or delete did, for the standard error if the output is lost. If it is
	// set, the exit code is that of outcomes, which no lost output changes.
	result string

	next string // lines with the next command, which follow the result or the error on the standard error
}

func (p *program) run(ctx context.Context, args []string) int {
	command := p.command()
	if len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd) {
		plainUsages(command)
	}
	command.SetArgs(append([]string{}, args...)) // for nil, cobra takes the arguments of the process
	command.SetIn(p.in)
	command.SetOut(p.out)
	command.SetErr(p.errOut)
	if err := command.ExecuteContext(ctx); err != nil {
		if slices.Contains(args, "--json") { // also if an argument before it is invalid
			p.json = true
		}
		err = p.orExpired(err)
		if p.json && !p.errorWritten {
			p.emit(failure{"error", schema.Version, problem.Of(err), exitcode.Of(err)})
		}
		show := problem.Print
		if p.blockersShown {
			show = problem.PrintWithoutBlockers
		}
		show(layout.NewWriter(p.errOut), err)
		p.showNext()
		return exitcode.Of(err)
	}
	p.showNext()
	return p.code
}

// orExpired returns the error of a command. If --timeout has ended the command, its advice says so.
func (p *program) orExpired(err error) error {
	if p.expired.Load() && errors.CodeOf(err) == errors.Canceled {
		return problem.Advise(err, p.adviceExpired())
	}
	return err
}

// orUndecided returns the error of a deletion. If --timeout ended it with an unknown outcome, its advice
// says so.
func (p *program) orUndecided(err error) error {
	if p.expired.Load() && errors.Is(err, errors.OutcomeUnknown) {
		return problem.Advise(err, fmt.Sprintf("--timeout %v ended the command. The organization is possibly deleted. Do not repeat the deletion: check at the provider first.", p.timeout))
	}
	if p.expired.Load() && errors.Is(err, trace.ErrStopped) {
		return problem.Advise(err, p.adviceExpired())
	}
	return p.orExpired(err)
}

// adviceExpired returns the advice after --timeout ended the command.
func (p *program) adviceExpired() string {
	return fmt.Sprintf("--timeout %v ended the command. To resume, give a longer time or none.", p.timeout)
}

// showNext prints the next command. It writes nothing if there is none: a write to a pipe waits for
// its reader.
func (p *program) showNext() {
	if p.next != "" {
		_, _ = io.WriteString(layout.NewWriter(p.errOut), p.next) // no other stream could show the error
	}
}

// fitTerminal makes the program wrap lines for people at the width of a terminal.
func (p *program) fitTerminal() {
	p.errOut = layout.NewWriter(p.errOut)
	if !p.json {
		p.out = layout.NewWriter(p.out)
	}
}

// failure is the JSON output of a command that failed.
type failure struct {
	Type     string           `json:"type"`
	Version  int              `json:"version"`
	Problem  *problem.Problem `json:"problem"`
	ExitCode int              `json:"exit_code"`
}

// logger returns a logger that writes to the standard error if --debug is set, and to
// another handler, which may be nil. It does not log hidden texts.
func (p *program) logger(other slog.Handler, hidden *secrets.Hidden) *slog.Logger {
	var handlers []slog.Handler
	if p.debug {
		handlers = append(handlers, slog.NewTextHandler(layout.Raw(p.errOut), &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: hidden.ReplaceAttr}))
	}
	if other != nil {
		handlers = append(handlers, other)
	}
	return slog.New(slog.NewMultiHandler(handlers...))
}

// waits returns a log handler that shows the waits of clients; nil if the log shows them.
func (p *program) waits() slog.Handler {
	if p.debug {
		return nil
	}
	return waitLog{new(sync.Mutex), p.errOut}
}

// connector returns a connector. The errors of its organizations and the log do not show
// hidden texts. The handler may be nil.
func (p *program) connector(other slog.Handler) connect.Connector {
	hidden := new(secrets.Hidden)
	return connect.Concealed(p.connect(p.logger(other, hidden)), hidden)
}

// interrupt sends an interrupt to the program, as Ctrl-C does.
func (p *program) interrupt() {
	select {
	case p.signals <- os.Interrupt:
	default: // the program already has two signals
	}
}

// untilInterrupted returns a context that the first signal, or --timeout, cancels.
func (p *program) untilInterrupted(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	expired, end := p.expiry()
	go func() {
		defer end()
		select {
		case <-p.signals:
			cancel()
		case <-expired:
			p.expired.Store(true)
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// expiry returns a channel that receives when --timeout expires. end stops its timer.
func (p *program) expiry() (expired <-chan time.Time, end func()) {
	if p.timeout <= 0 {
		return nil, func() {}
	}
	timer := time.NewTimer(p.timeout)
	return timer.C, func() { timer.Stop() }
}

// stoppable returns a channel that the first signal, or --timeout, closes, and a context that a
// further Ctrl-C cancels. No other signal cancels the context: a terminal that closes may send
// SIGHUP twice.
func (p *program) stoppable(ctx context.Context, stopping func(limit string)) (context.Context, <-chan struct{}, func()) {
	return p.stoppableFrom(ctx, func() bool { return true }, stopping)
}

// untilDecided returns a context that the first signal, or --timeout, cancels until request is called.
// After that call, they only end the waits of the context's requests, and no further deletion is sent:
// the answer to the request in flight decides. The client bounds the time of each request. A further
// Ctrl-C cancels the context. request reports whether the deletion can be requested.
func (p *program) untilDecided(ctx context.Context) (decided context.Context, request func() bool, done func()) {
	const reading, requested, ended = 0, 1, 2
	var state atomic.Int32
	decided, stop, done := p.stoppableFrom(ctx, func() bool { return !state.CompareAndSwap(reading, ended) }, func(limit string) {
		text := "Waiting for the result of the deletion. Ctrl-C again: end at once, with an unknown result"
		if limit != "" {
			text = "The time of " + limit + " has ended. Waiting for the result of the deletion. Ctrl-C: end at once, with an unknown result"
		}
		fmt.Fprintln(p.errOut, text)
	})
	return trace.WithStop(decided, stop), func() bool { return state.CompareAndSwap(reading, requested) }, done
}

// stoppableFrom does the same as stoppable. If gently returns false, the first signal, or --timeout,
// cancels the context, and does not close the channel.
func (p *program) stoppableFrom(ctx context.Context, gently func() bool, stopping func(limit string)) (context.Context, <-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := make(chan struct{})
	expired, end := p.expiry()
	go func() {
		defer end()
		limit := ""
		select {
		case <-p.signals:
		case <-expired:
			p.expired.Store(true)
			limit = fmt.Sprintf("--timeout %v", p.timeout)
		case <-ctx.Done():
			return
		}
		if !gently() {
			cancel()
			return
		}
		close(stop)
		go stopping(limit) // an output without a reader must not delay the next signal
		for {
			select {
			case s := <-p.signals:
				if s == os.Interrupt {
					cancel()
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, stop, cancel
}

// emit writes a document as one line of JSON.
func (p *program) emit(document any) {
	_ = json.NewEncoder(printable.JSONWriter(p.out)).Encode(document) // fails only if the reader has closed the stream
}
