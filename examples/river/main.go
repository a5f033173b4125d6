// Command river deletes organizations by jobs of the queue River, in PostgreSQL:
//
//	river PROVIDER ORGANIZATION NAME   adds a job; NAME confirms the name of the organization
//	river                              works on the jobs until a signal stops it
//
// The variable DATABASE_URL names the database, which has the jobs, the plans and the journal. The
// credentials are in the variables that FromEnv of the provider reads, on the workers only.
//
// job.go is the code to start from. A job makes a plan, stores it, and applies it. After a crash,
// another worker applies the same plan with the journal, which proves what was deleted.
//
//   - A retryable error is retried by River: after the time that the provider requires, or with
//     River's backoff.
//   - Another error before the first change cancels the job.
//   - The outcomes deleted, pending, blocked, not_found and unknown are results: the job is completed,
//     its output has the outcome and the steps that remain, and River does not retry it. After a
//     person has acted, insert a new job: it resumes with the same journal. See docs/teardown.md for
//     the meaning of each outcome.
//
// What the example does not do, and the module fleet on Temporal does:
//
//   - No approvals: the program that inserts a job decides, and the name confirms it.
//   - No waits of days: a pending deletion is not read again.
//   - River has no heartbeat of a job. It detects a killed or frozen worker after an hour, and only
//     then another worker resumes. A worker that was frozen for longer finds that its context has
//     ended, but no lease protects the requests that are in flight at this moment.
//   - No chunks: one worker applies a plan, in attempts of at most 50 minutes.
//   - No history and no page of the jobs. River deletes finished jobs with their outputs, here after 90
//     days; nothing deletes the plans and the journal.
//
// Use package fleet if you require one of them.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv("DATABASE_URL"), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs the command and returns its exit code: 2 if it was not used correctly.
func run(ctx context.Context, args []string, url string, out, errs io.Writer) int {
	if len(args) != 0 && len(args) != 3 {
		fmt.Fprintln(errs, "usage: river [PROVIDER ORGANIZATION NAME]")
		return 2
	}
	if url == "" {
		fmt.Fprintln(errs, "river: DATABASE_URL must name a PostgreSQL database, such as postgres://localhost/offboard")
		return 2
	}
	if err := runWith(ctx, args, url, out); err != nil {
		fmt.Fprintln(errs, "river:", err)
		return 1
	}
	return 0
}

func runWith(ctx context.Context, args []string, url string, out io.Writer) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	clients := offboard.NewClients(offboard.FromEnv())
	defer clients.Close()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	client, err := newClient(ctx, pool, clients, logger)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if err := client.Start(ctx); err != nil {
			return err
		}
		<-client.Stopped()
		return nil
	}
	result, err := client.Insert(ctx, Args{Provider: args[0], Organization: args[1], Confirm: args[2]}, nil)
	if err != nil {
		return err
	}
	if result.UniqueSkippedAsDuplicate {
		fmt.Fprintf(out, "the organization has job %d\n", result.Job.ID)
	} else {
		fmt.Fprintf(out, "added job %d\n", result.Job.ID)
	}
	return nil
}

// retention is the time after which River deletes a finished job.
const retention = 90 * 24 * time.Hour

// newClient creates or updates the tables, and returns a client that adds jobs, and works on them
// after Start. The end of the context stops the jobs gently.
func newClient(ctx context.Context, pool *pgxpool.Pool, clients *offboard.Clients, logger *slog.Logger) (*river.Client[pgx.Tx], error) {
	db, err := postgres.Open(ctx, pool)
	if err != nil {
		return nil, err
	}
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: logger})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &Worker{Clients: clients, DB: db, Stop: ctx.Done()})
	return river.NewClient(driver, &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 10}}, Workers: workers,
		SoftStopTimeout: time.Minute, // for the requests in flight
		Logger:          logger,

		// The outputs are the only record of the results.
		CompletedJobRetentionPeriod: retention, CancelledJobRetentionPeriod: retention, DiscardedJobRetentionPeriod: retention,
	})
}
