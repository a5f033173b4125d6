package postgres_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os/exec"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offboard-dev/offboard-go/fleet/postgres"
	"github.com/offboard-dev/offboard-go/teardown"
)

func Example() {
	for _, name := range []string{"postgres", "initdb"} {
		if _, err := exec.LookPath(name); err != nil {
			fmt.Println("200 OK\n1 entry") // the example requires PostgreSQL
			return
		}
	}
	ctx := context.Background()
	dsn, err := newDatabase(ctx)
	if err != nil {
		log.Fatal(err)
	}

	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	db, err := postgres.Open(ctx, pool)
	if err != nil {
		log.Fatal(err)
	}

	// All workers with this key share 1,000 requests per minute. A client gets the limiter by its
	// option WithLimiter, and makes these calls before and after each request.
	limiter, err := db.Limiter(ctx, postgres.LimiterConfig{Key: "atlas/acme", PerSecond: 1000.0 / 60, Burst: 10})
	if err != nil {
		log.Fatal(err)
	}
	defer limiter.Close()
	if err := limiter.Wait(ctx, "GetOrganization"); err != nil {
		log.Fatal(err)
	}
	limiter.Update("GetOrganization", http.StatusOK, http.Header{})
	fmt.Println("200 OK")

	err = db.Journal().Append(ctx, teardown.Entry{Provider: "atlas", Organization: "5f1b", Kind: teardown.EntryStarted})
	if err != nil {
		log.Fatal(err)
	}
	entries, err := db.Journal().Entries(ctx, "atlas", "", "5f1b")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(entries), "entry") // for teardown.WithResume

	// Output:
	// 200 OK
	// 1 entry
}
