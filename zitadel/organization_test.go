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

func TestDeleteOrganization_Request(t *testing.T) {
	t.Parallel()
	for id, path := range map[string]string{
		"312909075211944042": "/admin/v1/orgs/312909075211944042",
		"my-own-id":          "/admin/v1/orgs/my-own-id",
		"my own id":          "/admin/v1/orgs/my%20own%20id",
		"a?b#c%2Fd":          "/admin/v1/orgs/a%3Fb%23c%252Fd",
		"ä:b":                "/admin/v1/orgs/%C3%A4:b",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: id})
			if _, err := zitadel.DeleteOrganization(t.Context(), id, srv.Option(), zitadel.WithUserAgent("acme-cleaner/2")); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{id}, srv.Deleted()); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
			r := srv.Requests()[0]
			if r.Method != "DELETE" || r.Path != path || r.Query != "" || len(r.Body) != 0 {
				t.Errorf("got %s %s?%s with %d bytes", r.Method, r.Path, r.Query, len(r.Body))
			}
			if got := r.Header.Get("Authorization"); got != "Bearer "+zitadeltest.Token {
				t.Errorf("got Authorization %q", got)
			}
			if got := r.Header.Get("User-Agent"); !strings.HasPrefix(got, "acme-cleaner/2 offboard-go/") {
				t.Errorf("got User-Agent %q", got)
			}
			// The header could name another organization than the path.
			if got, ok := r.Header["X-Zitadel-Orgid"]; ok {
				t.Errorf("got X-Zitadel-Orgid %q", got)
			}
		})
	}
}

func TestDeleteOrganization_Details(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // its clock starts in the year 2000
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme", Inactive: true})
		time.Sleep(1500 * time.Millisecond)
		got, err := newClient(t, srv).DeleteOrganization(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		want := &zitadel.ObjectDetails{
			Sequence: 5, ChangeDate: time.Date(2000, 1, 1, 0, 0, 1, 500_000_000, time.UTC), ResourceOwner: "100000000000000000",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestDeleteOrganization_DetailsAfterLostAnswer(t *testing.T) {
	t.Parallel()
	created := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		want    zitadel.ObjectDetails
	}{
		"a read with details": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
		}, zitadel.ObjectDetails{Sequence: 5, CreationDate: created, ChangeDate: created.Add(time.Minute), ResourceOwner: "acme"}},
		"an old server": {func(srv *zitadeltest.Server) {
			srv.Legacy(true)
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
		}, zitadel.ObjectDetails{}},
		// The read may be stale. The second deletion decides.
		"a stale read": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"),
				offboardtest.Respond("GetOrganization", 200, `{"org":{"id":"acme","details":{"resourceOwner":"acme"},"state":"ORG_STATE_ACTIVE"}}`))
		}, zitadel.ObjectDetails{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := zitadeltest.NewServer()
				srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
				test.prepare(srv)
				time.Sleep(time.Minute)
				got, err := newClient(t, srv).DeleteOrganization(t.Context(), "acme")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestDeleteOrganization_ReadDecides(t *testing.T) {
	t.Parallel()
	body := func(id, state string) string {
		return fmt.Sprintf(`{"org":{"id":%q,"details":{"resourceOwner":%q}%s,"name":"Acme"}}`, id, id, state)
	}
	failure := func(code int, id string) string {
		return fmt.Sprintf(`{"code":%d,"message":"x (%s)","details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":%q}]}`, code, id, id)
	}
	for name, test := range map[string]struct {
		status int
		body   string
		want   errors.Code
	}{
		"without a state":              {200, body("acme", ""), ""},
		"404 of an event-based read":   {404, failure(5, "QUERY-leq5Q"), ""},
		"404 of a table read":          {404, failure(5, "QUERY-iTTGJ"), ""},
		"another one, without a state": {200, body("other", ""), errors.OutcomeUnknown},
		"another one, active":          {200, body("other", `,"state":"ORG_STATE_ACTIVE"`), errors.OutcomeUnknown},
		"an unspecified state":         {200, body("acme", `,"state":"ORG_STATE_UNSPECIFIED"`), errors.OutcomeUnknown},
		"an unknown state":             {200, body("acme", `,"state":"ORG_STATE_PAUSED"`), errors.OutcomeUnknown},
		"an empty object":              {200, `{}`, errors.OutcomeUnknown},
		"no organization":              {200, `{"org":null}`, errors.OutcomeUnknown},
		"an empty organization":        {200, `{"org":{}}`, errors.OutcomeUnknown},
		"no id":                        {200, `{"org":{"name":"Acme"}}`, errors.OutcomeUnknown},
		"an error in a success":        {200, failure(5, "QUERY-leq5Q"), errors.OutcomeUnknown},
		"404 without a role":           {404, failure(5, "AUTHZ-cdgFk"), errors.OutcomeUnknown},
		"404 of a deletion":            {404, failure(5, "COMMA-aps2n"), errors.OutcomeUnknown},
		"404 of another resource":      {404, failure(5, "QUERY-wIPkA"), errors.OutcomeUnknown},
		"404 of the router":            {404, `{"code":5,"message":"Not Found"}`, errors.OutcomeUnknown},
		"404 of another host":          {404, `{"code":5,"message":"ID=QUERY-1kIjX Message=x"}`, errors.OutcomeUnknown},
		"404 of a proxy":               {404, `<html>`, errors.OutcomeUnknown},
		"401 of a token that ended":    {401, failure(16, "AUTH-7fs1e"), errors.OutcomeUnknown},
		"403":                          {403, failure(7, "AUTH-5mWD2"), errors.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
			srv.Fail(offboardtest.LoseRequest("DeleteOrganization"), offboardtest.Respond("GetOrganization", test.status, test.body))
			_, err := newClient(t, srv).DeleteOrganization(t.Context(), "acme")
			if code(err) != test.want {
				t.Errorf("got %v, want code %q", err, test.want)
			}
			if diff := cmp.Diff([]string{"DeleteOrganization", "GetOrganization"}, requests(srv)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeleteOrganization_OwnOrganization(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	c := newClient(t, srv)
	if _, err := c.DeleteOrganization(t.Context(), "acme"); code(err) != errors.OutcomeUnknown {
		t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
	}
	if _, err := c.DeleteOrganization(t.Context(), "acme"); code(err) != errors.InvalidAPIToken {
		t.Errorf("got %v, want %q", err, errors.InvalidAPIToken)
	}
}

func TestDeleteOrganization_SystemOrganization(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	srv.SetDefault("acme")
	c := newClient(t, srv)
	// No read shows the owner of the project.
	if err := c.CheckDeletion(t.Context(), zitadeltest.DefaultOrganization); err != nil {
		t.Errorf("CheckDeletion: got %v", err)
	}
	_, err := c.DeleteOrganization(t.Context(), zitadeltest.DefaultOrganization)
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != errors.SystemOrganization || len(e.Steps) != 1 || !srv.Exists(zitadeltest.DefaultOrganization) {
		t.Errorf("got %v, want %q with a step", err, errors.SystemOrganization)
	}
	srv.AddOrganization(zitadeltest.Organization{ID: "new", System: true})
	if _, err := c.DeleteOrganization(t.Context(), "new"); code(err) != errors.SystemOrganization {
		t.Errorf("got %v, want %q", err, errors.SystemOrganization)
	}
}

func TestCheckDeletion_NoBlocker(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Inactive: true})
	if err := newClient(t, srv).CheckDeletion(t.Context(), "acme"); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if diff := cmp.Diff([]string{"ListPermissions", "GetDefaultOrganization", "GetOrganization"}, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestCheckDeletion_OtherOrganizationRead(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "default"}) // its path is that of the default organization
	c := newClient(t, srv)
	if err := c.CheckDeletion(t.Context(), "default"); code(err) != errors.UnexpectedResponse {
		t.Errorf("got %v, want %q", err, errors.UnexpectedResponse)
	}
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	if _, err := c.DeleteOrganization(t.Context(), "default"); code(err) != errors.OutcomeUnknown {
		t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
	}
}

func TestCheckDeletion_InvalidID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "..", "a/b", strings.Repeat("x", 201)} {
		srv := zitadeltest.NewServer()
		if err := newClient(t, srv).CheckDeletion(t.Context(), id); code(err) != errors.InvalidArgument || len(srv.Requests()) != 0 {
			t.Errorf("%q: got %v after %d requests, want %q", id, err, len(srv.Requests()), errors.InvalidArgument)
		}
	}
}

func TestCheckDeletion_ReadError(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"ListPermissions", "GetDefaultOrganization", "GetOrganization"} {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Fail(offboardtest.HTMLResponse(operation, 400))
		err := newClient(t, srv).CheckDeletion(t.Context(), "acme")
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Status != 400 || e.Operation != operation {
			t.Errorf("got %v, want status 400 of %s", err, operation)
		}
	}
}

func TestDeleteOrganization_ReadBeforeRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme", Undeletable: true})
		_, err := newClient(t, srv, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 2, MaxWait: time.Minute})).DeleteOrganization(t.Context(), "acme")
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.Internal || e.ProviderCode != "V3-C8l3V" || e.Attempts != 2 {
			t.Errorf("got %v, want %q after 2 attempts", err, errors.Internal)
		}
		want := []string{"DeleteOrganization", "GetOrganization", "DeleteOrganization", "GetOrganization"}
		if diff := cmp.Diff(want, requests(srv)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// Only the deletion loses the header. The events of both organizations have the same numbers.
func TestDeleteMyOrganization_HeaderLost(t *testing.T) {
	t.Parallel()
	for caller := range headerCallers {
		for home := range homes {
			t.Run(caller+", "+home, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					onDeletion := func(_ int, req *http.Request) bool { return req.Method == http.MethodDelete }
					_, _, err := callWithHeaderLost(t, "with nothing", home, caller, byHeader["a deletion"], onDeletion)
					want := errors.OutcomeUnknown
					if caller == "an owner of the organization" { // may not delete the other organization
						want = errors.PermissionDenied
					}
					if code(err) != want {
						t.Fatalf("got %v, want code %q", err, want)
					}
					if text := err.Error(); want == errors.OutcomeUnknown && (!strings.Contains(text, `sequence 5`) || !strings.Contains(text, `"home"`)) {
						t.Errorf("got %q, which does not describe the answer", text)
					}
				})
			})
		}
	}
}

// always returns a permanent fault.
func always(f offboardtest.Fault) offboardtest.Fault {
	f.Times = 1000
	return f
}

// Zitadel answers the deletion with success. Reads decide.
func TestDeleteMyOrganization_ReadsDecide(t *testing.T) {
	t.Parallel()
	const answer = `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`
	ignored := offboardtest.Respond("DeleteMyOrganization", 200, answer)
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		want    errors.Code
	}{
		"it is deleted": {func(*zitadeltest.Server) {}, ""},
		"it is deleted, and a later read shows that": {func(srv *zitadeltest.Server) {
			shown := offboardtest.Respond("GetMyOrganization", 200, `{"org":{"id":"acme","state":"ORG_STATE_ACTIVE"}}`)
			shown.Times = 3
			srv.Fail(offboardtest.Fault{Operation: "GetMyOrganization"}, shown) // the first read precedes the deletion
		}, ""},
		"it still exists": {func(srv *zitadeltest.Server) { srv.Fail(ignored) }, errors.OutcomeUnknown},
		"it still exists, and the sequence is missing": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Respond("DeleteMyOrganization", 200, `{"details":{"resourceOwner":"100000000000000000"}}`))
		}, errors.OutcomeUnknown},
		"the role ended": {ownAcmeOnly, ""},
		"the role ended, and the sequence differs": {func(srv *zitadeltest.Server) {
			ownAcmeOnly(srv)
			srv.Fail(offboardtest.EditBody("DeleteMyOrganization", func([]byte) []byte { return []byte(strings.Replace(answer, "5", "9", 1)) }))
		}, errors.OutcomeUnknown},
		"the role and the credential ended": {func(srv *zitadeltest.Server) {
			ownAcmeOnly(srv)
			srv.Fail(offboardtest.Fault{Operation: "GetMyUser"}, always(offboardtest.Respond("GetMyUser", 401, `{"code":16,"message":"no (AUTH-7fs1e)"}`)))
		}, errors.OutcomeUnknown},
		"the role ended, and the credential is another one": {func(srv *zitadeltest.Server) {
			ownAcmeOnly(srv)
			srv.Fail(offboardtest.Fault{Operation: "GetMyUser"},
				always(offboardtest.Respond("GetMyUser", 200, `{"user":{"id":"1","details":{"resourceOwner":"other"}}}`)))
		}, errors.OutcomeUnknown},
		"a permission ended, and the role did not": {func(srv *zitadeltest.Server) {
			ownAcmeOnly(srv)
			srv.Fail(always(offboardtest.Respond("ListMyMembershipsPage", 200, `{"details":{"totalResult":"1"},"result":[{"orgId":"acme","roles":["ORG_OWNER"]}]}`)))
		}, errors.OutcomeUnknown},
		"it is the credential's own": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
		}, ""},
		"it is the credential's own, and still exists": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
			srv.Fail(ignored)
		}, errors.OutcomeUnknown},
		"no read succeeds": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Fault{Operation: "GetMyOrganization"},
				offboardtest.Fault{Operation: "GetMyOrganization", Status: 503, Body: "{}", Times: 1000})
		}, errors.OutcomeUnknown},
		"it is the credential's own, and no read succeeds": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
			srv.Fail(ignored, offboardtest.Fault{Operation: "GetMyOrganization"}, always(offboardtest.HTMLResponse("GetMyOrganization", 503)))
		}, errors.OutcomeUnknown},
		"it is the credential's own, and reads are denied": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
			denied := always(offboardtest.Respond("GetMyOrganization", 403, `{"code":7,"message":"no (AUTH-5mWD2)"}`))
			srv.Fail(ignored, offboardtest.Fault{Operation: "GetMyOrganization"}, denied)
		}, errors.OutcomeUnknown},
		"another organization is read": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Fault{Operation: "GetMyOrganization"}, always(offboardtest.DropHeader("GetMyOrganization", "x-zitadel-orgid")))
		}, errors.OutcomeUnknown},
		"another organization is read once": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Fault{Operation: "GetMyOrganization"}, offboardtest.DropHeader("GetMyOrganization", "x-zitadel-orgid"))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := zitadeltest.NewServer()
				srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
				test.prepare(srv)
				details, err := newClient(t, srv).DeleteMyOrganization(t.Context(), "acme")
				if code(err) != test.want || (details == nil) != (err != nil) {
					t.Errorf("got %v and %v, want code %q", details, err, test.want)
				}
				if errors.Is(err, errors.PermissionDenied) || errors.Is(err, errors.Unauthenticated) {
					t.Errorf("%v is also the code of its cause", err)
				}
			})
		})
	}
}

// Without the caller's own organization, DeleteMyOrganization sends no deletion.
func TestDeleteMyOrganization_HomeUnreadable(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]errors.Code{
		`{"user":{"id":"1"}}`:                    errors.UnexpectedResponse,
		`{"code":7,"message":"no (AUTH-5mWD2)"}`: errors.UnexpectedResponse,
	} {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Fail(offboardtest.Respond("GetMyUser", 200, body))
		if _, err := newClient(t, srv).DeleteMyOrganization(t.Context(), "acme"); code(err) != want || srv.Count("DeleteMyOrganization") != 0 {
			t.Errorf("%s: got %v after %d deletions, want code %q", body, err, srv.Count("DeleteMyOrganization"), want)
		}
	}
}

// readOperation is the read that decides an unclear deletion, by deleting operation.
var readOperation = map[string]string{
	"DeleteOrganization": "GetOrganization", "DeleteMyOrganization": "GetMyOrganization", "DeleteOrganizationV2": "GetMyOrganization",
}

// unclearAnswers are answers to a deletion that are neither the documented success nor a
// refusal.
var unclearAnswers = map[string]offboardtest.Fault{
	"an error next to the details": {Status: 200, Body: `{"details":{"sequence":"5","resourceOwner":"100000000000000000"},
		"deletionDate":"2026-11-22T05:10:49.122741Z","code":9,"message":"Default Organisation must not be deleted (COMMA-wG9p1)"}`},
	"an error of Connect next to the details": {Status: 200, Body: `{"details":{"sequence":"5","resourceOwner":"100000000000000000"},
		"deletionDate":"2026-11-22T05:10:49.122741Z","code":"failed_precondition","message":"x (COMMA-wG9p1)"}`},
	"an error with the status of a success":  {Status: 200, Body: notFound("COMMA-aps2n")},
	"a refusal with the status of a success": {Status: 200, Body: `{"code":9,"message":"x (COMMA-wG9p1)"}`},
	"a date twice": {Status: 200, Body: `{"details":{"resourceOwner":"1"},"Details":{"resourceOwner":"2"},
		"deletionDate":"2026-11-22T05:10:49.122741Z","DeletionDate":"0001-01-01T00:00:00Z"}`},
	"an empty object": {Status: 200, Body: `{}`},
	"a web page":      {Status: 200, Body: `<html>`},
	"202":             {Status: 202, Body: `{}`},
	"204":             {Status: 204},
	"a redirect":      {Status: 302, Body: ``},
}

// A read decides if an answer contradicts itself or is undocumented.
func TestDelete_UnclearAnswer(t *testing.T) {
	t.Parallel()
	for name, answer := range unclearAnswers {
		for route, del := range routes {
			for _, performed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, performed %t", name, route, performed), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv := zitadeltest.NewServer()
						srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
						before := newClient(t, srv)
						c := newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: &firstDeletion{
							next: srv, route: route, answer: answer, before: func() {
								if performed {
									_, _ = before.DeleteOrganization(context.Background(), "acme")
								}
							},
						}}))
						if err := del(t.Context(), c, "acme"); err != nil || srv.Exists("acme") {
							t.Errorf("got %v; it exists: %t", err, srv.Exists("acme"))
						}
						if srv.Count(readOperation[route]) == 0 {
							t.Error("no read was sent")
						}
					})
				})
			}
		}
	}
}

// firstDeletion answers the first deletion instead of the fake.
type firstDeletion struct {
	next   http.RoundTripper
	route  string
	answer offboardtest.Fault
	before func()
	done   bool
}

func (p *firstDeletion) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodDelete || p.done {
		return p.next.RoundTrip(req)
	}
	p.done = true
	p.before()
	srv := zitadeltest.NewServer() // answers one request
	fault := p.answer
	fault.Operation = p.route
	srv.Fail(fault)
	return srv.RoundTrip(req)
}

// An answer that is not Zitadel's proves nothing, whatever its status.
func TestCheckDeletion_FirewallPage(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 409, 410} {
		for _, body := range []string{"", "<html>blocked</html>", `{"message":"blocked"}`} {
			for operation, check := range map[string]func(context.Context, *zitadel.Client) error{
				"GetDefaultOrganization":    func(ctx context.Context, c *zitadel.Client) error { return c.CheckDeletion(ctx, "acme") },
				"SearchOrganizationsV2Page": func(ctx context.Context, c *zitadel.Client) error { return c.CheckDeletionV2(ctx, "acme") },
				"ListUsersPage": func(ctx context.Context, c *zitadel.Client) error {
					_, err := c.Plan(ctx, "acme")
					return err
				},
			} {
				t.Run(fmt.Sprintf("%d %q of %s", status, body, operation), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv := zitadeltest.NewServer()
						srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
						srv.Fail(offboardtest.Fault{Operation: operation, Status: status, Body: body, Times: 100})
						if err := check(t.Context(), newClient(t, srv)); code(err) != errors.UnexpectedResponse {
							t.Errorf("got %v, want code %q", err, errors.UnexpectedResponse)
						}
					})
				})
			}
		}
	}
}

// A read of a deleted organization has details and no state.
func TestDelete_ReadOfDeletedOrganization(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]errors.Code{
		`{"org":{"id":"acme","name":"Acme","details":{"sequence":"5","resourceOwner":"acme"}}}`:    "",
		`{"org":{"id":"acme","details":{"resourceOwner":"acme"},"state":null}}`:                    errors.OutcomeUnknown,
		`{"org":{"id":"acme","details":{"resourceOwner":"acme"},"state":""}}`:                      errors.OutcomeUnknown,
		`{"org":{"id":"acme","details":{"resourceOwner":"acme"},"state":"ORG_STATE_UNSPECIFIED"}}`: errors.OutcomeUnknown,
		`{"org":{"id":"acme","details":{"resourceOwner":"acme"},"state":1}}`:                       errors.OutcomeUnknown,
		`{"org":{"id":"acme","ID":"bolt","details":{"resourceOwner":"acme"}}}`:                     errors.OutcomeUnknown,
		`{"org":{"id":"acme"}}`:                                    errors.OutcomeUnknown,
		`{"org":{"id":"acme","details":{"sequence":"5"}}}`:         errors.OutcomeUnknown,
		`{"org":{"id":"acme","details":{"resourceOwner":"bolt"}}}`: errors.OutcomeUnknown,
	} {
		for route, del := range routes {
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
			if readOperation[route] == "GetMyOrganization" && route == "DeleteMyOrganization" {
				srv.Fail(offboardtest.Fault{Operation: readOperation[route]}) // the read before the deletion
			}
			srv.Fail(offboardtest.LoseRequest(route), offboardtest.Respond(readOperation[route], 200, body))
			if err := del(t.Context(), newClient(t, srv, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second})), "acme"); code(err) != want {
				t.Errorf("%s, %s: got %v, want code %q", route, body, err, want)
			}
		}
	}
}

// An impossible date leaves the outcome unknown.
func TestDeleteOrganizationV2_ImpossibleDate(t *testing.T) {
	t.Parallel()
	for date, want := range map[string]errors.Code{
		"0001-01-01T00:00:00Z":      errors.OrganizationNotFound,
		"0001-01-01T00:00:00.5Z":    errors.OrganizationNotFound,
		"0001-01-01T00:00:00+01:00": errors.OrganizationNotFound,
		"1970-01-01T00:00:00Z":      errors.OutcomeUnknown,
	} {
		srv := zitadeltest.NewServer() // the organization does not exist
		srv.Fail(offboardtest.Respond("DeleteOrganizationV2", 200, `{"deletionDate":"`+date+`"}`))
		if _, err := newClient(t, srv).DeleteOrganizationV2(t.Context(), "acme"); code(err) != want {
			t.Errorf("%s: got %v, want code %q", date, err, want)
		}
	}
}

// routes are the methods that delete an organization, by operation.
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

func TestDelete_Callers(t *testing.T) {
	t.Parallel()
	// An IAM_ORG_MANAGER has the permissions org.* in the whole instance.
	manager := []string{"org.create", "org.read", "org.write", "org.delete"}
	for name, test := range map[string]struct {
		id      string // default: acme
		prepare func(*zitadeltest.Server)
		admin   errors.Code
		mine    errors.Code
		v2      errors.Code
	}{
		"an owner of the instance": {},
		"an inactive organization": {id: "idle"},
		"an organization that never existed": {
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
		"the system organization": {
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
		"a caller without a role": {
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

func TestCheckDeletionV2_Manager(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		id      string
		prepare func(*zitadeltest.Server)
		want    errors.Code
	}{
		"no blocker":                         {id: "acme"},
		"the default organization":           {id: zitadeltest.DefaultOrganization, want: errors.DefaultOrganization},
		"a deleted organization":             {id: "acme", prepare: deleteAcme, want: errors.OrganizationNotFound},
		"an organization that never existed": {id: "none", want: errors.OrganizationNotFound},
		"white space":                        {id: " ", want: errors.InvalidArgument},
		"no id":                              {want: errors.InvalidArgument},
		"an old server":                      {id: "acme", prepare: func(srv *zitadeltest.Server) { srv.Legacy(true) }, want: errors.RouteNotFound},
		"a default that may not be read":     {id: "acme", prepare: ownAcmeOnly},
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

func TestDelete_LostAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		mine    errors.Code
		v2      errors.Code
	}{
		"a manager of organizations": {prepare: func(srv *zitadeltest.Server) {
			srv.SetPermissions("org.read", "org.delete")
		}},
		"an owner from another organization": { // the role ended with the deletion
			prepare: ownAcmeOnly,
			mine:    errors.OutcomeUnknown, v2: errors.OutcomeUnknown,
		},
		"an owner who belongs to the organization": { // the user ended with the deletion
			prepare: func(srv *zitadeltest.Server) {
				srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
			},
			mine: errors.OutcomeUnknown, v2: errors.OutcomeUnknown,
		},
		"an old server": { // the second deletion decides
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

func TestDelete_LostRequest(t *testing.T) {
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

func TestDeleteOrganizationV2_DeletionDate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string
		want   errors.Code
	}{
		"a date in the year 1": {`{"deletionDate":"0001-01-01T00:00:00Z"}`, errors.OrganizationNotFound},
		"a date":               {`{"deletionDate":"2026-11-22T05:10:49.122741Z"}`, ""},
		// Any other answer leaves the outcome unknown, and no read can decide.
		"no date":        {`{}`, errors.OutcomeUnknown},
		"null":           {`{"deletionDate":null}`, errors.OutcomeUnknown},
		"another answer": {`{"details":{"resourceOwner":"acme"}}`, errors.OutcomeUnknown},
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

// The second deletion finds no organization, because the first one deleted it.
func TestDeleteOrganizationV2_StaleRead(t *testing.T) {
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

// headerReplacing is a proxy that replaces the organization in the header.
type headerReplacing struct {
	next         http.RoundTripper
	organization string
}

func (e headerReplacing) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("x-zitadel-orgid", e.organization)
	return e.next.RoundTrip(req)
}

func TestDeleteMyOrganization_OtherOrganizationInHeader(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	srv.AddOrganization(zitadeltest.Organization{ID: "home", Home: true})
	c := newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: headerReplacing{srv, "home"}}))
	for name, call := range map[string]func() error{
		"a deletion": func() error { return routes["DeleteMyOrganization"](t.Context(), c, "acme") },
		"a preview":  func() error { _, err := c.Preview(t.Context(), "acme"); return err },
	} {
		if err := call(); code(err) != errors.NotConfirmed || len(srv.Deleted()) != 0 {
			t.Errorf("%s: got %v, want code %q; deleted %v", name, err, errors.NotConfirmed, srv.Deleted())
		}
	}
	if n := srv.Count("DeleteMyOrganization"); n != 0 {
		t.Errorf("%d deletions were sent", n)
	}
}

// CheckDeletionV2 and DeleteOrganizationV2 return the same code for an unknown ID.
func TestCheckDeletionV2_UnknownID(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*zitadeltest.Server){
		"an owner of the instance":     func(*zitadeltest.Server) {},
		"a manager of organizations":   func(srv *zitadeltest.Server) { srv.SetPermissions("org.read", "org.delete") },
		"a viewer of the instance":     func(srv *zitadeltest.Server) { srv.SetPermissions("org.read", "iam.read") },
		"an owner of the organization": ownAcmeOnly,
		"a caller without a role":      func(srv *zitadeltest.Server) { srv.SetPermissions() },
	} {
		srv, c := newFullAcme(t)
		prepare(srv)
		for _, id := range []string{"none", " ", "\u00a0", ""} {
			check := c.CheckDeletionV2(t.Context(), id)
			if _, err := c.DeleteOrganizationV2(t.Context(), id); err == nil || code(err) != code(check) {
				t.Errorf("%s, %q: CheckDeletionV2 returns %v, DeleteOrganizationV2 returns %v", name, id, check, err)
			}
		}
	}
}
