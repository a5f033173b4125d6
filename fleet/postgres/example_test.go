package postgres_test

import (
	"context"
	"fmt"
	"log"
	"os/exec"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
	"github.com/offboard-dev/offboard-go/teardown"
)

func Example() {
	for _, name := range []string{"postgres", "initdb", "createdb"} {
		if _, err := exec.LookPath(name); err != nil {
			fmt.Println("Acme\n1 entry") // the example requires PostgreSQL
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

	// The clients of all workers with this key share 1,000 requests per minute.
	limiter, err := db.Limiter(ctx, postgres.LimiterConfig{Key: "atlas/acme", PerSecond: 1000.0 / 60, Burst: 10})
	if err != nil {
		log.Fatal(err)
	}
	defer limiter.Close()
	srv := atlastest.NewServer() // instead of the real service
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme"})
	client, err := atlas.New(srv.Option(), atlas.WithLimiter(limiter))
	if err != nil {
		log.Fatal(err)
	}
	organization, err := client.GetOrganization(ctx, "5e2f00000000000000000001")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(organization.Name)

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
	// Acme
	// 1 entry
}
