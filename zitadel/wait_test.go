package zitadel_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func TestWaitForDeletion_FormerDefaultOrganization(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const first = zitadeltest.DefaultOrganization
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "home", Home: true})
		srv.Lag(10 * time.Second)
		c, ctx := newClient(t, srv), t.Context()

		heir, err := c.AddOrganization(ctx, "Heir")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeleteOrganization(ctx, first); code(err) != errors.DefaultOrganization {
			t.Fatalf("got %v, want code %q", err, errors.DefaultOrganization)
		}
		if _, err := c.SetDefaultOrganization(ctx, heir.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeleteOrganization(ctx, first); code(err) != errors.SystemOrganization {
			t.Fatalf("got %v, want code %q", err, errors.SystemOrganization)
		}
		srv.SetSystem(heir.ID) // no API does that
		if _, err := c.DeactivateOrganization(ctx, first); err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeleteOrganization(ctx, first); err != nil {
			t.Fatal(err)
		}
		var seen [][]errors.Step
		if err := c.WaitForDeletion(ctx, first, func(entries []errors.Step) { seen = append(seen, entries) }); err != nil {
			t.Fatal(err)
		}
		if len(seen) < 2 || len(seen[len(seen)-1]) != 0 {
			t.Errorf("got %v", seen)
		}
		want := []errors.Step{{Name: "list_entry", Description: "ZITADEL, ORG_STATE_INACTIVE"}}
		if diff := cmp.Diff(want, seen[0]); diff != "" {
			t.Errorf("first entries (-want +got):\n%s", diff)
		}
	})
}

func TestWaitForDeletion_ContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := newClient(t, srv).WaitForDeletion(ctx, "acme", nil)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.NotFinished || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want code %q", err, errors.NotFinished)
		}
		want := []errors.Step{
			{Name: "organization", Description: "Acme, ORG_STATE_ACTIVE"}, {Name: "list_entry", Description: "Acme, ORG_STATE_ACTIVE"},
		}
		if diff := cmp.Diff(want, e.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestWaitForDeletion_ServersAndErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		want    errors.Code
	}{
		"an old server": {func(srv *zitadeltest.Server) { srv.Legacy(true) }, ""},
		"another organization listed": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Respond("SearchOrganizationsPage", 200, `{"details":{"totalResult":"1"},"result":[{"id":"other"}]}`))
		}, ""},
		"a server that is starting": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.HTMLResponse("GetOrganization", 503), offboardtest.HTMLResponse("GetOrganization", 503))
		}, ""},
		"no permission": {func(srv *zitadeltest.Server) { srv.SetPermissions("org.read") }, errors.PermissionDenied},
		"another organization read": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Respond("GetOrganization", 200, `{"org":{"id":"other"}}`))
		}, errors.UnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := zitadeltest.NewServer()
				srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
				srv.Lag(3 * time.Second)
				c := newClient(t, srv, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
				if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
					t.Fatal(err)
				}
				test.prepare(srv)
				if err := c.WaitForDeletion(t.Context(), "acme", nil); code(err) != test.want {
					t.Errorf("got %v, want code %q", err, test.want)
				}
			})
		})
	}
}

func TestWaitForDeletion_Callers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		permissions []string
		prepare     func(*zitadeltest.Server)
		want        errors.Code
	}{
		"an owner of the instance":   {permissions: []string{"iam.read", "iam.write"}},
		"a manager of organizations": {permissions: []string{"org.read", "org.delete"}},
		"a manager at an old server": {permissions: []string{"org.read", "org.delete"}, prepare: func(srv *zitadeltest.Server) { srv.Legacy(true) }},
		// The role ends with the organization, so that no read decides.
		"an owner of the organization, from another organization": {prepare: ownAcmeOnly, want: errors.PermissionDenied},
		"an owner of the organization, from the same organization": {prepare: func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
			ownAcmeOnly(srv)
		}, want: errors.InvalidAPIToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newFullAcme(t)
				srv.Lag(3 * time.Second)
				if test.prepare != nil {
					test.prepare(srv)
				}
				srv.SetPermissions(test.permissions...)
				var seen [][]errors.Step
				done := make(chan error)
				go func() {
					done <- c.WaitForDeletion(t.Context(), "acme", func(entries []errors.Step) { seen = append(seen, entries) })
				}()
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(seen) == 0 || len(seen[0]) == 0 {
					t.Fatalf("got %v", seen)
				}
				// Another credential deletes the organization.
				srv.SetPermissions("iam.write")
				_, err := c.DeleteOrganization(t.Context(), "acme")
				srv.SetPermissions(test.permissions...)
				if err != nil {
					t.Fatal(err)
				}
				if err := <-done; code(err) != test.want {
					t.Errorf("got %v, want code %q", err, test.want)
				}
			})
		})
	}
}

// An empty list proves nothing, because it contains only what the credential may read.
func TestWaitForDeletion_EmptyListProvesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newFullAcme(t)
		srv.SetPermissions("org.read", "org.delete")
		fault := offboardtest.Respond("SearchOrganizationsV2Page", 200, `{"details":{"timestamp":"2026-11-22T05:06:07.849809Z"}}`)
		fault.Times = 100
		srv.Fail(fault)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.WaitForDeletion(ctx, "acme", nil); code(err) != errors.NotFinished {
			t.Errorf("got %v, want code %q", err, errors.NotFinished)
		}
		// An unknown organization proves nothing if it was never read.
		if err := c.WaitForDeletion(t.Context(), "none", nil); code(err) != errors.PermissionDenied {
			t.Errorf("got %v, want code %q", err, errors.PermissionDenied)
		}
	})
}
