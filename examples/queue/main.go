// Command queue deletes organizations from a durable queue: retries after the wait that the
// provider states, dead letters for those that a person must look at, and jobs that survive a
// restart.
//
// The program demonstrates it at fakes of all five providers, and ends by itself: it adds jobs,
// stops the workers in the middle, starts them again, and prints the results. queue.go is the
// code to start from. docs/service-guide.md explains the decisions.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/examples/internal/offboarding"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/telemetry"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "queue:", err)
		os.Exit(1)
	}
}

// customer is an organization of the service, and where it is at its provider.
type customer struct {
	id, name string
	spec     offboard.Spec
}

// fakes are the fakes of all providers, with one organization each.
type fakes struct {
	katapult  *katapulttest.Server
	zitadel   *zitadeltest.Server
	atlas     *atlastest.Server
	workspace *workspacetest.Server
	volterra  *volterratest.Server
}

func newFakes() *fakes {
	f := &fakes{katapulttest.NewServer(), zitadeltest.NewServer(), atlastest.NewServer(), workspacetest.NewServer(), volterratest.NewServer()}
	f.katapult.SetTaskTime(100 * time.Millisecond)
	f.katapult.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme Hosting"})
	f.katapult.Add("org_acme", katapulttest.DNSZone{ID: "dnszone_acme", Name: "acme.example"})
	f.zitadel.AddOrganization(zitadeltest.Organization{ID: "281763529917394947", Name: "Acme Login"})
	f.atlas.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme Data"})
	f.workspace.AddOrganization(workspacetest.Organization{
		ID: "65f0000000000000000000ac", Slug: "acme", Name: "Acme Apps",
		Subscriptions: []workspacetest.Subscription{{Plan: "Enterprise", Status: "active"}},
	})
	f.volterra.SetTenant(volterratest.Tenant{Name: "acme"})
	return f
}

// start serves the fakes on loopback, and returns the customers and the clients for them.
func (f *fakes) start(t *telemetry.Telemetry) ([]customer, *offboard.Clients) {
	credentials := map[string]string{
		"KATAPULT_API_KEY":           katapulttest.Token,
		"ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token,
		"MONGODB_ATLAS_CLIENT_ID":    atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
		"APPLIVERY_API_TOKEN": workspacetest.Token,
		"F5XC_API_TOKEN":      volterratest.Token,
	}
	clients := offboard.NewClients(
		offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil }),
		offboard.WithObserver(t.Observer()),
	)
	return []customer{
		{"hosting", "Acme Hosting", offboard.Spec{Provider: "katapult", Organization: "org_acme", BaseURL: f.katapult.Start()}},
		{"login", "Acme Login", offboard.Spec{Provider: "zitadel", Organization: "281763529917394947", BaseURL: f.zitadel.Start()}},
		{"data", "Acme Data", offboard.Spec{Provider: "atlas", Organization: "5e2f00000000000000000001", BaseURL: f.atlas.Start()}},
		{"apps", "Acme Apps", offboard.Spec{Provider: "workspace", Organization: "acme", BaseURL: f.workspace.Start()}},
		{"edge", "acme", offboard.Spec{Provider: "volterra", Organization: "acme", BaseURL: f.volterra.Start(), Email: "owner@acme.example"}},
	}, clients
}

func (f *fakes) close() {
	for _, s := range []*offboardtest.Server{f.katapult.Server, f.zitadel.Server, f.atlas.Server, f.workspace.Server, f.volterra.Server} {
		s.Close()
	}
}

// run is the demonstration.
func run(ctx context.Context, out io.Writer) error {
	directory, err := os.MkdirTemp("", "queue-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	store, err := offboarding.OpenStore(directory)
	if err != nil {
		return err
	}
	defer store.Close()
	f := newFakes()
	defer f.close()
	t, err := telemetry.New() // the providers of package otel, which a real service sets
	if err != nil {
		return err
	}
	customers, clients := f.start(t)
	defer clients.Close()
	limited := offboardtest.Respond("DeleteOrganization", http.StatusTooManyRequests, "{}")
	limited.Header.Set("Retry-After", "1")
	f.zitadel.Fail(limited)
	f.atlas.Fail(offboardtest.LoseResponse("DeleteOrganization"))

	fmt.Fprintln(out, "# The workers stop after the first request, and resume.")
	q := newQueue(store, clients, 3, time.Hour, slog.New(slog.DiscardHandler), t)
	for _, c := range customers {
		if err := q.add(c.id, c.spec, c.name); err != nil {
			return err
		}
	}
	go func() {
		for len(f.katapult.Requests()) == 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		close(q.stop)
	}()
	if err := q.work(ctx, false); err != nil {
		return err
	}
	if err := list(out, store); err != nil {
		return err
	}
	q = newQueue(store, clients, 3, time.Hour, slog.New(slog.DiscardHandler), t)
	if err := q.work(ctx, true); err != nil {
		return err
	}
	fmt.Fprintln(out, "# All jobs are finished or dead. A customer cancels a subscription, and an operator releases the job.")
	if err := list(out, store); err != nil {
		return err
	}
	f.workspace.CancelSubscriptions("65f0000000000000000000ac")
	if err := q.release("apps"); err != nil {
		return err
	}
	if err := q.work(ctx, true); err != nil {
		return err
	}
	if err := list(out, store); err != nil {
		return err
	}
	return ctx.Err()
}

// list prints the jobs.
func list(out io.Writer, store *offboarding.Store) error {
	jobs, err := store.Jobs()
	if err != nil {
		return err
	}
	for _, j := range jobs {
		fmt.Fprintf(out, "%-8s %-9s %-10s %s", j.ID, j.Spec.Provider, j.State, j.Action)
		for _, step := range j.Decision().Steps {
			fmt.Fprintf(out, "; %s: %s", step.Name, step.Description)
		}
		fmt.Fprintln(out)
	}
	return nil
}
