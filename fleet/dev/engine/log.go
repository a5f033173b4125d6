package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// errPortTaken reports that a program took a port between its reservation and its use.
var errPortTaken = errors.New("port in use")

// logger writes the server's logs to a slog.Logger.
type logger struct {
	to      *slog.Logger
	startup *startup
}

var (
	_ log.Logger      = (*logger)(nil)
	_ log.WithLogger  = (*logger)(nil)
	_ log.SLogWrapper = (*logger)(nil)
)

func (l *logger) Debug(msg string, tags ...tag.Tag)  { l.log(slog.LevelDebug, msg, tags) }
func (l *logger) Info(msg string, tags ...tag.Tag)   { l.log(slog.LevelInfo, msg, tags) }
func (l *logger) Warn(msg string, tags ...tag.Tag)   { l.log(slog.LevelWarn, msg, tags) }
func (l *logger) Error(msg string, tags ...tag.Tag)  { l.log(slog.LevelError, msg, tags) }
func (l *logger) DPanic(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

func (l *logger) Panic(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	panic("temporal: " + describe(msg, tags))
}

// Fatal does not return, because the server's code relies on it. The server's own logger ends the
// process. Here, [Start] returns the error if it has not returned. A running server panics,
// because a server without one of its services must not seem to work.
func (l *logger) Fatal(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	if l.startup.fail(msg, tags) == starting {
		runtime.Goexit() // the server starts services in goroutines of their own
	}
	panic("temporal: " + describe(msg, tags)) // which create recovers
}

func (l *logger) With(tags ...tag.Tag) log.Logger {
	return &logger{to: slog.New(l.to.Handler().WithAttrs(attributes(tags))), startup: l.startup}
}

func (l *logger) SLog() *slog.Logger { return l.to }

func (l *logger) log(level slog.Level, msg string, tags []tag.Tag) {
	if l.to.Enabled(context.Background(), level) {
		l.to.LogAttrs(context.Background(), level, msg, attributes(tags)...)
	}
}

func attributes(tags []tag.Tag) []slog.Attr {
	attrs := make([]slog.Attr, len(tags))
	for i, t := range tags {
		attrs[i] = slog.Any(t.Key(), t.Value())
	}
	return attrs
}

func describe(msg string, tags []tag.Tag) string {
	var s strings.Builder
	s.WriteString(msg)
	for _, t := range tags {
		fmt.Fprintf(&s, " %s=%v", t.Key(), t.Value())
	}
	return s.String()
}

// phase is the progress of a start.
type phase int

const (
	creating phase = iota // in the goroutine of the start
	starting
	running
)

// startup holds the phase and the first fatal error of a start.
type startup struct {
	abort func(error) // ends the start with the error

	mu    sync.Mutex
	phase phase
	err   error
}

// fail records a fatal error, and returns the phase.
func (s *startup) fail(msg string, tags []tag.Tag) phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase < running && s.err == nil {
		s.err = errors.New(describe(msg, tags))
		if msg == "Failed to start gRPC listener" { // the server's text; the tag has no error value
			s.err = fmt.Errorf("%w: %w", errPortTaken, s.err)
		}
		s.abort(s.err)
	}
	return s.phase
}

// enter begins a phase, unless a fatal error was recorded, which it returns.
func (s *startup) enter(p phase) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.phase = p
	}
	return s.err
}
