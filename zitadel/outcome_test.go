package zitadel_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// reader is the operation that resolves an open deletion, by route.
var reader = map[string]string{
	"DeleteOrganization": "GetOrganization", "DeleteMyOrganization": "GetMyOrganization", "DeleteOrganizationV2": "GetMyOrganization",
}

// unclear are answers to a deletion that are neither the documented success nor a refusal.
var unclear = map[string]offboardtest.Fault{
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

// An answer that contradicts itself, or is not documented, is decided by a read.
func TestDelete_UnclearAnswerIsDecidedByARead(t *testing.T) {
	t.Parallel()
	for name, answer := range unclear {
		for route, del := range routes {
			for _, performed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, performed %t", name, route, performed), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv := zitadeltest.NewServer()
						srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
						before := newClient(t, srv)
						c := newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: &tampering{
							next: srv, route: route, answer: answer, before: func() {
								if performed {
									_, _ = before.DeleteOrganization(context.Background(), "acme")
								}
							},
						}}))
						if err := del(t.Context(), c, "acme"); err != nil || srv.Exists("acme") {
							t.Errorf("got %v; it exists: %t", err, srv.Exists("acme"))
						}
						if srv.Count(reader[route]) == 0 {
							t.Error("nothing was read")
						}
					})
				})
			}
		}
	}
}

// tampering answers the first deletion by a route instead of the fake.
type tampering struct {
	next   http.RoundTripper
	route  string
	answer offboardtest.Fault
	before func()
	done   bool
}

func (p *tampering) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodDelete || p.done {
		return p.next.RoundTrip(req)
	}
	p.done = true
	p.before()
	srv := zitadeltest.NewServer() // answers once, and is thrown away
	fault := p.answer
	fault.Operation = p.route
	srv.Fail(fault)
	return srv.RoundTrip(req)
}

// A success with an error next to it is none for other calls either.
func TestOperations_ErrorNextToASuccess(t *testing.T) {
	t.Parallel()
	for operation, test := range map[string]struct {
		body string
		call func(context.Context, *zitadel.Client) error
	}{
		"DeactivateOrganization": {
			`{"details":{"resourceOwner":"acme"},"code":9,"message":"x"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeactivateOrganization(ctx, "acme")
				return err
			},
		},
		"DeactivateOrganizationV2": {
			`{"changeDate":"2026-11-22T05:10:49.122741Z","code":"failed_precondition","message":"x"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeactivateOrganizationV2(ctx, "acme")
				return err
			},
		},
		"GetOrganization": {
			`{"org":{"id":"acme","name":"Acme"},"code":5,"message":"x (QUERY-leq5Q)"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.GetOrganization(ctx, "acme")
				return err
			},
		},
		"ListUsersPage": {
			`{"details":{"viewTimestamp":"2026-11-22T05:05:22Z"},"code":13,"message":"x"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListUsers(ctx, "acme"))
				return err
			},
		},
		"ListAdministratorsPage": {
			`{"pagination":{"appliedLimit":"100"},"code":"internal","message":"x"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListAdministrators(ctx, "acme"))
				return err
			},
		},
	} {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Fail(offboardtest.Answer(operation, 200, test.body))
		if err := test.call(t.Context(), newClient(t, srv)); code(err) != errors.UnexpectedResponse {
			t.Errorf("%s: got %v, want code %q", operation, err, errors.UnexpectedResponse)
		}
	}
}

// A page that is not Zitadel's proves nothing, whatever its status says.
func TestCheckDeletion_PageOfAFirewall(t *testing.T) {
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
