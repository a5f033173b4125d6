// Package command is the program temporal-dev, which tests also run in a process of their own.
package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"github.com/offboard-dev/offboard-go/fleet/dev/engine"
)

// Run starts a server with the flags of args, writes "ready ADDRESS" to stdout, and stops the
// server when ctx ends. The exit code is 0, 1 if the server failed, or 2 for invalid flags.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("temporal-dev", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var cfg engine.Config
	flags.StringVar(&cfg.SQLite, "sqlite", "", "SQLite `file`; without it and -postgres, the database is in memory")
	flags.StringVar(&cfg.Postgres, "postgres", "", "Postgres data `source`, a URL or keywords and values")
	flags.IntVar(&cfg.Port, "port", 0, "`port` on 127.0.0.1; 0 means a free port")
	level := slog.LevelError
	flags.TextVar(&level, "log", level, "lowest `level` of the server's logs on stderr: debug, info, warn or error")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "temporal-dev: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	cfg.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))

	e, err := engine.Start(ctx, cfg)
	if err != nil {
		fmt.Fprintln(stderr, "temporal-dev:", err)
		return 1
	}
	fmt.Fprintln(stdout, "ready", e.Address())
	<-ctx.Done()
	if err := e.Stop(); err != nil {
		fmt.Fprintln(stderr, "temporal-dev:", err)
		return 1
	}
	return 0
}
