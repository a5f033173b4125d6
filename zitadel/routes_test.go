package zitadel_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// routes are the ways to delete an organization, by operation.
var routes = map[string]func(context.Context, *zitadel.Client, string) error{
	"DeleteOrganization": func(ctx context.Context, c *zitadel.Client, id string) error {
		_, err := c.DeleteOrganization(ctx, id)
		return err
	},
	"DeleteMyOrganization": func(ctx context.Context, c *zitadel.Client, id string) error {
		_, err := c.DeleteMyOrganization(ctx, id)
		return err
	},
	"DeleteOrganizationV2": func(ctx context.Context, c *zitadel.Client, id string) error {
		_, err := c.DeleteOrganizationV2(ctx, id)
		return err
	},
}

func TestEveryRouteSaysWhatBecameOfTheOrganization(t *testing.T) {
	t.Parallel()
	// organization managers have what org.* asks for, in all of the instance.
	manager := []string{"org.create", "org.read", "org.write", "org.delete"}
	for name, test := range map[string]struct {
		id      string // acme, if it is empty
		prepare func(*zitadeltest.Server)
		admin   errors.Code
		mine    errors.Code
		v2      errors.Code
	}{
		"an owner of the instance": {},
		"an inactive organization": {id: "idle"},
		"an organization that never was": {
			id: "none", admin: errors.OrganizationNotFound, mine: errors.PermissionDenied, v2: errors.OrganizationNotFound,
		},
		"an organization that was deleted": {
			prepare: deleteAcme,
			admin:   errors.OrganizationNotFound, mine: errors.OrganizationNotFound, v2: errors.OrganizationNotFound,
		},
		"the default organization": {
			prepare: func(srv *zitadeltest.Server) { srv.SetDefault("acme") },
			admin:   errors.DefaultOrganization, mine: errors.DefaultOrganization, v2: errors.DefaultOrganization,
		},
		"the organization of Zitadel itself": {
			prepare: func(srv *zitadeltest.Server) { srv.SetSystem("acme") },
			admin:   errors.SystemOrganization, mine: errors.SystemOrganization, v2: errors.SystemOrganization,
		},
		"a manager of organizations": {
			prepare: func(srv *zitadeltest.Server) { srv.SetPermissions(manager...) },
			admin:   errors.PermissionDenied,
		},
		"an owner of the organization": {
			prepare: ownAcmeOnly,
			admin:   errors.PermissionDenied,
		},
		"an owner of another organization": {
			prepare: func(srv *zitadeltest.Server) {
				srv.SetPermissions()
				srv.AddMember(zitadeltest.Member{Organization: "idle"})
			},
			admin: errors.PermissionDenied, mine: errors.PermissionDenied, v2: errors.PermissionDenied,
		},
		"a viewer of the organization": {
			prepare: func(srv *zitadeltest.Server) {
				srv.SetPermissions()
				srv.AddMember(zitadeltest.Member{Organization: "acme", Roles: []string{"ORG_OWNER_VIEWER"}})
			},
			admin: errors.PermissionDenied, mine: errors.PermissionDenied, v2: errors.PermissionDenied,
		},
		"nobody": {
			prepare: func(srv *zitadeltest.Server) { srv.SetPermissions() },
			admin:   errors.PermissionDenied, mine: errors.PermissionDenied, v2: errors.PermissionDenied,
		},
		"an old server": {
			prepare: func(srv *zitadeltest.Server) { srv.Legacy(true) },
			v2:      errors.RouteNotFound,
		},
		"a blocked instance": {
			prepare: func(srv *zitadeltest.Server) { srv.Block(true) },
			admin:   errors.InstanceBlocked, mine: errors.InstanceBlocked, v2: errors.InstanceBlocked,
		},
	} {
		for route, want := range map[string]errors.Code{
			"DeleteOrganization": test.admin, "DeleteMyOrganization": test.mine, "DeleteOrganizationV2": test.v2,
		} {
			t.Run(name+", "+route, func(t *testing.T) {
				t.Parallel()
				srv := zitadeltest.NewServer()
				srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
				srv.AddOrganization(zitadeltest.Organization{ID: "idle", Inactive: true})
				if test.prepare != nil {
					test.prepare(srv)
				}
				id := test.id
				if id == "" {
					id = "acme"
				}
				before := len(srv.Deleted())
				err := routes[route](t.Context(), newClient(t, srv), id)
				if code(err) != want {
					t.Errorf("got %v, want code %q", err, want)
				}
				if deleted := len(srv.Deleted()) > before; deleted != (want == "") {
					t.Errorf("deleted is %t", deleted)
				}
			})
		}
	}
}

func TestAManagerCanAskWhatADeletionWouldSay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		id      string
		prepare func(*zitadeltest.Server)
		want    errors.Code
	}{
		"nothing in the way":             {id: "acme"},
		"the default organization":       {id: zitadeltest.DefaultOrganization, want: errors.DefaultOrganization},
		"one that was deleted":           {id: "acme", prepare: deleteAcme, want: errors.OrganizationNotFound},
		"one that never was":             {id: "none", want: errors.OrganizationNotFound},
		"white space":                    {id: " ", want: errors.InvalidArgument},
		"no id":                          {want: errors.InvalidArgument},
		"an old server":                  {id: "acme", prepare: func(srv *zitadeltest.Server) { srv.Legacy(true) }, want: errors.RouteNotFound},
		"a default that may not be read": {id: "acme", prepare: ownAcmeOnly},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
			if test.prepare != nil {
				test.prepare(srv)
			} else {
				srv.SetPermissions("org.read", "org.delete")
			}
			before := len(srv.Deleted())
			err := newClient(t, srv).CheckDeletionV2(t.Context(), test.id)
			if code(err) != test.want || len(srv.Deleted()) != before {
				t.Errorf("got %v, want code %q", err, test.want)
			}
			if e, _ := errors.AsType[*errors.Error](err); test.want == errors.DefaultOrganization && len(e.Steps) != 1 {
				t.Errorf("got the steps %v", e.Steps)
			}
		})
	}
}

func deleteAcme(srv *zitadeltest.Server) {
	_, _ = zitadel.DeleteOrganization(context.Background(), "acme", srv.Option())
}

func ownAcmeOnly(srv *zitadeltest.Server) {
	srv.SetPermissions()
	srv.AddMember(zitadeltest.Member{Organization: "acme"})
}

func TestALostAnswerIsResolvedByTheRouteThatTheCredentialMayRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		mine    errors.Code
		v2      errors.Code
	}{
		"a manager of organizations": {prepare: func(srv *zitadeltest.Server) {
			srv.SetPermissions("org.read", "org.delete")
		}},
		"an owner from elsewhere": { // whose role has gone along
			prepare: ownAcmeOnly,
			mine:    errors.OutcomeUnknown, v2: errors.OutcomeUnknown,
		},
		"an owner who belongs to it": { // who has gone along
			prepare: func(srv *zitadeltest.Server) {
				srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
			},
			mine: errors.OutcomeUnknown, v2: errors.OutcomeUnknown,
		},
		"an old server": { // which still has it, and says so by the second answer
			prepare: func(srv *zitadeltest.Server) { srv.Legacy(true) },
			v2:      errors.RouteNotFound,
		},
	} {
		for route, want := range map[string]errors.Code{"DeleteMyOrganization": test.mine, "DeleteOrganizationV2": test.v2} {
			t.Run(name+", "+route, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := zitadeltest.NewServer()
					srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
					test.prepare(srv)
					srv.Fail(offboardtest.LoseResponse(route))
					err := routes[route](t.Context(), newClient(t, srv), "acme")
					if code(err) != want {
						t.Errorf("got %v, want code %q", err, want)
					}
				})
			})
		}
	}
}

func TestADeletionThatWasLostOnTheWayIsSentAgain(t *testing.T) {
	t.Parallel()
	for route, run := range routes {
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := zitadeltest.NewServer()
				srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
				srv.Fail(offboardtest.LoseRequest(route))
				if err := run(t.Context(), newClient(t, srv), "acme"); err != nil {
					t.Fatal(err)
				}
				if n := srv.Count(route); n != 2 || srv.Exists("acme") {
					t.Errorf("%d deletions were sent, and it exists: %t", n, srv.Exists("acme"))
				}
			})
		})
	}
}

func TestADeletionByV2IsKnownByItsDate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string
		want   errors.Code
	}{
		"a date in the year 1": {`{"deletionDate":"0001-01-01T00:00:00Z"}`, errors.OrganizationNotFound},
		"a date":               {`{"deletionDate":"2026-11-22T05:10:49.122741Z"}`, ""},
		// Anything else leaves the outcome open, and there is no organization to read.
		"no date":        {`{}`, errors.OutcomeUnknown},
		"null":           {`{"deletionDate":null}`, errors.OutcomeUnknown},
		"something else": {`{"details":{"resourceOwner":"acme"}}`, errors.OutcomeUnknown},
		"a web page":     {`<html>`, errors.OutcomeUnknown},
	} {
		srv := zitadeltest.NewServer()
		srv.Fail(offboardtest.Respond("DeleteOrganizationV2", 200, test.answer))
		date, err := newClient(t, srv).DeleteOrganizationV2(t.Context(), "acme")
		if code(err) != test.want || date.IsZero() != (err != nil) {
			t.Errorf("%s: got %v and %v, want code %q", name, date, err, test.want)
		}
	}
}

// The second answer is that there was nothing to do: the first had done it.
func TestAReadThatIsBehindDoesNotMakeADeletionOneOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Fail(offboardtest.LoseResponse("DeleteOrganizationV2"),
			offboardtest.Respond("GetMyOrganization", 200, `{"org":{"id":"acme","state":"ORG_STATE_ACTIVE"}}`))
		date, err := newClient(t, srv).DeleteOrganizationV2(t.Context(), "acme")
		if err != nil || !date.IsZero() || srv.Count("DeleteOrganizationV2") != 2 {
			t.Errorf("got %v and %v after %d deletions", date, err, srv.Count("DeleteOrganizationV2"))
		}
	})
}

// elsewhere makes requests in another organization than they say.
type elsewhere struct {
	next         http.RoundTripper
	organization string
}

func (e elsewhere) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("x-zitadel-orgid", e.organization)
	return e.next.RoundTrip(req)
}

func TestTheCallersOwnOrganizationIsNotDeletedInstead(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	srv.AddOrganization(zitadeltest.Organization{ID: "home", Home: true})
	c := newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: elsewhere{srv, "home"}}))
	for name, call := range map[string]func() error{
		"a deletion": func() error { return routes["DeleteMyOrganization"](t.Context(), c, "acme") },
		"a preview":  func() error { _, err := c.Preview(t.Context(), "acme"); return err },
	} {
		if err := call(); code(err) != errors.NotConfirmed || len(srv.Deleted()) != 0 {
			t.Errorf("%s: got %v, want code %q; deleted were %v", name, err, errors.NotConfirmed, srv.Deleted())
		}
	}
	if n := srv.Count("DeleteMyOrganization"); n != 0 {
		t.Errorf("%d deletions were sent", n)
	}
}

func TestAnOrganizationGoesFromBlockedToGone(t *testing.T) {
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
		srv.SetSystem(heir.ID) // which no API does
		if _, err := c.DeactivateOrganization(ctx, first); err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeleteOrganization(ctx, first); err != nil {
			t.Fatal(err)
		}
		var seen [][]errors.Step
		if err := c.WaitForDeletion(ctx, first, func(left []errors.Step) { seen = append(seen, left) }); err != nil {
			t.Fatal(err)
		}
		if len(seen) < 2 || len(seen[len(seen)-1]) != 0 {
			t.Errorf("got %v", seen)
		}
		want := []errors.Step{{Name: "list_entry", Description: "ZITADEL, ORG_STATE_INACTIVE"}}
		if diff := cmp.Diff(want, seen[0]); diff != "" {
			t.Errorf("seen first (-want +got):\n%s", diff)
		}
	})
}

func TestWaitingForADeletionEndsWithTheContext(t *testing.T) {
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

func TestWaitingForADeletionTakesOldServersAndEndsWithWhatCannotPass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		want    errors.Code
	}{
		"an old server": {func(srv *zitadeltest.Server) { srv.Legacy(true) }, ""},
		"another one found": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Respond("SearchOrganizationsPage", 200, `{"details":{"totalResult":"1"},"result":[{"id":"other"}]}`))
		}, ""},
		"a server that is starting": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.HTMLResponse("GetOrganization", 503), offboardtest.HTMLResponse("GetOrganization", 503))
		}, ""},
		"no permission": {func(srv *zitadeltest.Server) { srv.SetPermissions("org.read") }, errors.PermissionDenied},
		"another one read": {func(srv *zitadeltest.Server) {
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

func TestADeletionTakesAlongWhatThePreviewSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		populate(srv)
		c, ctx := newClient(t, srv), t.Context()
		got, err := c.Preview(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		want := []zitadel.Owned{
			{zitadel.KindUsers, 2}, {zitadel.KindProjects, 1}, {zitadel.KindProjectGrants, 1}, {zitadel.KindGrantedProjects, 1},
			{zitadel.KindUserGrants, 1}, {zitadel.KindMembers, 1}, {zitadel.KindDomains, 2},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		// Items are counted, and not the total, which may be that of one page.
		for _, body := range bodies(srv)[1:] {
			if !strings.HasPrefix(body, `{"query":{"limit":100,"asc":true}`) {
				t.Errorf("sent was %s", body)
			}
		}
		if !srv.HasAccess("bob", "shop") || !srv.HasAccess("bob", "forge") {
			t.Error("bob has no access")
		}
		if _, err := c.DeleteOrganization(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		// The user of another organization loses what it had by a grant, and no more.
		if srv.HasAccess("bob", "shop") || !srv.HasAccess("bob", "forge") {
			t.Error("bob has access to what is gone, or none to what is there")
		}
		left, err := c.Preview(ctx, "bolt")
		if err != nil {
			t.Fatal(err)
		}
		want = []zitadel.Owned{
			{zitadel.KindUsers, 1}, {zitadel.KindProjects, 1}, {zitadel.KindProjectGrants, 0}, {zitadel.KindGrantedProjects, 0},
			{zitadel.KindUserGrants, 1}, {zitadel.KindMembers, 0}, {zitadel.KindDomains, 1},
		}
		if diff := cmp.Diff(want, left); diff != "" {
			t.Errorf("what is left (-want +got):\n%s", diff)
		}
		// Its lists are empty and not missing, so that they alone would say it had nothing.
		if n, err := c.Count(ctx, "acme", zitadel.KindUsers); n != 0 || err != nil {
			t.Errorf("got %d and %v", n, err)
		}
		if _, err := c.Preview(ctx, "acme"); code(err) != errors.OrganizationNotFound {
			t.Errorf("got %v, want code %q", err, errors.OrganizationNotFound)
		}
	})
}

func TestListsFollowADeletionAfterSomeTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		populate(srv)
		srv.Lag(224 * time.Millisecond)
		c := newClient(t, srv)
		if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []uint64{2, 0} {
			if n, err := c.Count(t.Context(), "acme", zitadel.KindUsers); n != want || err != nil {
				t.Errorf("got %d and %v, want %d", n, err, want)
			}
			time.Sleep(224 * time.Millisecond)
		}
	})
}

func TestALaggingListDoesNotHaveWhatWasCreated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		srv.Lag(40 * time.Millisecond)
		c := newClient(t, srv)
		added, err := c.AddOrganization(t.Context(), "New")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{0, 1} {
			got, err := found(t, c, zitadel.OrganizationQuery{IDQuery: zitadel.IDQuery{ID: added.ID}})
			if err != nil || len(got) != want {
				t.Errorf("got %v and %v, want %d", got, err, want)
			}
			time.Sleep(40 * time.Millisecond)
		}
	})
}

// A list that is not filtered has no empty page before its end.
func TestAListIsReadByItsFirstTotalOverEmptyPages(t *testing.T) {
	t.Parallel()
	for operation, list := range map[string]func(context.Context, *zitadel.Client) (int, error){
		"SearchOrganizationsV2Page": func(ctx context.Context, c *zitadel.Client) (int, error) {
			all, err := collect(c.SearchOrganizationsV2(ctx))
			return len(all), err
		},
		"ListUsersPage": func(ctx context.Context, c *zitadel.Client) (int, error) {
			all, err := collect(c.ListUsers(ctx, "acme"))
			return len(all), err
		},
		"ListMyMembershipsPage": func(ctx context.Context, c *zitadel.Client) (int, error) {
			all, err := collect(c.ListMyMemberships(ctx))
			return len(all), err
		},
	} {
		srv := zitadeltest.NewServer()
		const stamp = `"viewTimestamp":"2026-11-22T05:27:55.470683Z","timestamp":"2026-11-22T05:27:55.470683Z"`
		srv.Fail(
			offboardtest.Respond("", 200, `{"details":{"totalResult":"201",`+stamp+`}}`),
			offboardtest.Respond("", 200, `{"details":{`+stamp+`}}`),
			offboardtest.Respond("", 200, `{"details":{"totalResult":"201",`+stamp+`},"result":[{"id":"a","userId":"a"}]}`),
		)
		n, err := list(t.Context(), newClient(t, srv))
		if operation != "SearchOrganizationsV2Page" {
			if !errors.Is(err, errors.UnexpectedResponse) || n != 0 || srv.Count(operation) != 1 {
				t.Errorf("%s: got %d on %d pages and %v", operation, n, srv.Count(operation), err)
			}
			continue
		}
		if err != nil || n != 1 || srv.Count(operation) != 3 {
			t.Errorf("%s: got %d on %d pages and %v", operation, n, srv.Count(operation), err)
		}
	}
}

// An owner of one organization sees it alone, on a list that is as long as that of
// the instance.
func TestAnOwnerFindsItsOwnOrganizationBehindEmptyPages(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.SetPermissions()
	for i := range 250 {
		srv.AddOrganization(zitadeltest.Organization{ID: fmt.Sprintf("org-%03d", i)})
	}
	srv.AddMember(zitadeltest.Member{Organization: "org-249"})
	got, err := collect(newClient(t, srv).SearchOrganizationsV2(t.Context()))
	if err != nil || len(got) != 1 || got[0].ID != "org-249" {
		t.Errorf("got %v and %v", got, err)
	}
	if n := len(srv.Requests()); n != 3 {
		t.Errorf("%d pages were asked for, want 3", n)
	}
}

func TestASearchByV2IsNotAnsweredWithOthers(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.Fail(offboardtest.Respond("", 200, `{"details":{"totalResult":"1"},"result":[{"id":"other"}]}`))
	query := zitadel.OrganizationQueryV2{IDQuery: zitadel.IDQuery{ID: "acme"}}
	if got, err := collect(newClient(t, srv).SearchOrganizationsV2(t.Context(), query)); code(err) != errors.UnexpectedResponse || len(got) != 0 {
		t.Errorf("got %v and %v, want code %q", got, err, errors.UnexpectedResponse)
	}
}

func TestAChangeWithoutItsDateIsNone(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.Fail(offboardtest.Respond("", 200, `{}`), offboardtest.Respond("", 200, `{}`))
	c := newClient(t, srv)
	if _, err := c.DeactivateOrganizationV2(t.Context(), "acme"); code(err) != errors.UnexpectedResponse {
		t.Errorf("got %v", err)
	}
	if _, err := c.DeactivateOrganization(t.Context(), "acme"); code(err) != errors.UnexpectedResponse {
		t.Errorf("got %v", err)
	}
}

func TestAWriteWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.Fail(offboardtest.LoseResponse("AddOrganization"))
	if _, err := newClient(t, srv).AddOrganization(t.Context(), "New"); code(err) != errors.OutcomeUnknown {
		t.Errorf("got %v, want code %q", err, errors.OutcomeUnknown)
	}
	if n := srv.Count("AddOrganization"); n != 1 {
		t.Errorf("%d were sent", n)
	}
}

func TestAnIDAndANameAreFreeAtOnce(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme"})
	c := newClient(t, srv)
	if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	again, err := c.AddOrganizationV2(t.Context(), zitadel.OrganizationCreation{Name: "Acme", OrganizationID: "acme"})
	if err != nil || again.Details.Sequence != 9 || !srv.Exists("acme") {
		t.Errorf("got %v and %v", again, err)
	}
}

func TestAPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	human := zitadel.NewHuman{Password: "Pass-word1"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, human); strings.Contains(text, "Pass-word1") {
			t.Errorf("%s shows %s", verb, text)
		}
	}
}
