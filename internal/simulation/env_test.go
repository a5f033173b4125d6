package simulation

import (
	"context"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// env is one provider's fake with one client, for the tests of resource leaks.
type env struct {
	server *offboardtest.Server
	add    func(id string)                       // adds an organization
	exists func(id string) bool                  // reports whether the organization exists at the fake
	use    func(testing.TB, *http.Client) client // makes the client
}

// client has the calls that all providers support.
type client struct {
	read, remove, check, list func(ctx context.Context, id string) error
}

// singleAttempt disables retries, so that no call waits.
const singleAttempt = 1

// envs makes the environment of each provider. IDs have 24 hexadecimal digits.
var envs = map[string]func() env{
	"katapult": func() env {
		srv := katapulttest.NewServer()
		srv.LimitRate(1 << 30)
		return env{srv.Server, func(id string) { srv.AddOrganization(katapulttest.Organization{ID: id}) }, srv.Exists,
			func(t testing.TB, hc *http.Client) client {
				c, err := katapult.New(srv.Option(), katapult.WithHTTPClient(hc), katapult.WithRetry(katapult.Retry{MaxAttempts: singleAttempt, MaxWait: time.Minute}))
				must(t, err)
				return client{
					func(ctx context.Context, id string) error {
						_, err := c.GetOrganization(ctx, katapult.ID(id))
						return err
					},
					func(ctx context.Context, id string) error { return c.DeleteOrganization(ctx, katapult.ID(id)) },
					func(ctx context.Context, id string) error { return c.CheckDeletion(ctx, katapult.ID(id)) },
					func(ctx context.Context, _ string) error { _, err := c.ListOrganizations(ctx); return err },
				}
			}}
	},
	"zitadel": func() env {
		srv := zitadeltest.NewServer()
		return env{srv.Server, func(id string) { srv.AddOrganization(zitadeltest.Organization{ID: id}) }, srv.Exists,
			func(t testing.TB, hc *http.Client) client {
				c, err := zitadel.New(srv.Option(), zitadel.WithHTTPClient(hc), zitadel.WithRetry(zitadel.Retry{MaxAttempts: singleAttempt, MaxWait: time.Minute}))
				must(t, err)
				return client{
					func(ctx context.Context, id string) error { _, err := c.GetOrganization(ctx, id); return err },
					func(ctx context.Context, id string) error { _, err := c.DeleteOrganization(ctx, id); return err },
					c.CheckDeletion,
					func(ctx context.Context, _ string) error { return all(c.SearchOrganizations(ctx)) },
				}
			}}
	},
	"atlas": func() env {
		srv := atlastest.NewServer()
		return env{srv.Server, func(id string) { srv.AddOrganization(atlastest.Organization{ID: id}) }, srv.Exists,
			func(t testing.TB, hc *http.Client) client {
				c, err := atlas.New(srv.Option(), atlas.WithHTTPClient(hc), atlas.WithRetry(atlas.Retry{MaxAttempts: singleAttempt, MaxWait: time.Minute}))
				must(t, err)
				return client{
					func(ctx context.Context, id string) error { _, err := c.GetOrganization(ctx, id); return err },
					func(ctx context.Context, id string) error { return c.DeleteOrganization(ctx, id) },
					c.CheckDeletion,
					func(ctx context.Context, _ string) error {
						return all(c.ListOrganizations(ctx, atlas.ListOrganizationsPageOptions{}))
					},
				}
			}}
	},
	"workspace": func() env {
		srv := workspacetest.NewServer()
		return env{srv.Server, func(id string) { srv.AddOrganization(workspacetest.Organization{ID: id}) }, srv.Exists,
			func(t testing.TB, hc *http.Client) client {
				c, err := workspace.New(srv.Option(), workspace.WithHTTPClient(hc), workspace.WithRetry(workspace.Retry{MaxAttempts: singleAttempt, MaxWait: time.Minute}))
				must(t, err)
				return client{
					func(ctx context.Context, id string) error { _, err := c.GetOrganization(ctx, id); return err },
					func(ctx context.Context, id string) error { return c.DeleteOrganization(ctx, id) },
					c.CheckDeletion,
					func(ctx context.Context, _ string) error {
						return all(c.ListOrganizations(ctx, workspace.ListOrganizationsPageOptions{}))
					},
				}
			}}
	},
	"volterra": func() env {
		srv := volterratest.NewServer() // has one tenant, whose credential must stay valid
		return env{srv.Server,
			func(id string) {
				srv.SetTenant(volterratest.Tenant{Name: id, KeepsCredential: true, KeepsState: true})
			},
			func(id string) bool {
				for _, accepted := range srv.Accepted() {
					if accepted.Name == id {
						return false
					}
				}
				return true
			},
			func(t testing.TB, hc *http.Client) client {
				c, err := volterra.New(srv.Option(), volterra.WithHTTPClient(hc), volterra.WithRetry(volterra.Retry{MaxAttempts: singleAttempt, MaxWait: time.Minute}))
				must(t, err)
				return client{
					func(ctx context.Context, _ string) error { _, err := c.GetTenantSettings(ctx); return err },
					func(ctx context.Context, id string) error {
						return c.DeleteTenant(ctx, volterra.DeleteTenantRequest{Name: id, Email: "owner@acme.example"})
					},
					func(ctx context.Context, id string) error {
						return c.CheckDeletion(ctx, volterra.DeleteTenantRequest{Name: id, Email: "owner@acme.example"})
					},
					nil,
				}
			}}
	},
}

// all reads a list to its end.
func all[T any](list iter.Seq2[T, error]) error {
	n := 0
	for _, err := range list {
		if n++; err != nil || n > 1_000 {
			return err
		}
	}
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
