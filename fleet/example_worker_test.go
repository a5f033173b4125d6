package fleet_test

import (
	"context"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
)

// A worker of a service, with a database, reminders, spans and metrics.
func ExampleRegister() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	database, err := postgres.Open(ctx, pool)
	if err != nil {
		log.Fatal(err)
	}
	clients := offboard.NewClients(offboard.FromEnv()) // one for all organizations
	defer clients.Close()

	options := client.Options{HostPort: os.Getenv("TEMPORAL_ADDRESS")}
	if err := fleet.Instrument(&options, otel.GetTracerProvider(), otel.GetMeterProvider()); err != nil {
		log.Fatal(err)
	}
	observe, err := fleet.Metrics(otel.GetMeterProvider())
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	// Requests in flight finish within the timeout after SIGTERM. Without it, the process ends before.
	w := worker.New(c, fleet.DefaultQueue, worker.Options{WorkerStopTimeout: 30 * time.Second})
	err = fleet.Register(w, fleet.Config{
		Open: clients.Open, Store: database.Store(), Journal: database.Journal(),
		Observe: observe, Logger: slog.Default(),
		Remind: func(ctx context.Context, waiting fleet.Waiting) error {
			return sendMessage(ctx, "approve "+waiting.Digest+" of "+waiting.ID)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Run(worker.InterruptCh()); err != nil {
		log.Fatal(err)
	}
}

// sendMessage stands for the mail or the chat of a team.
func sendMessage(context.Context, string) error { return nil }
