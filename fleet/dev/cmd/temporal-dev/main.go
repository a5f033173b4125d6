// Command temporal-dev runs a Temporal server on loopback, for tests and development.
//
//	temporal-dev [-sqlite FILE | -postgres SOURCE] [-port PORT] [-log LEVEL]
//
// It writes "ready 127.0.0.1:PORT" to stdout when the server accepts workflows, and stops after
// SIGINT or SIGTERM. Workflows in a SQLite file or in Postgres survive a kill: start the program
// with the same store and port to resume. The namespace is "default".
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/offboard-dev/offboard-go/fleet/dev/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
