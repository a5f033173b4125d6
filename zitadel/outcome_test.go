package zitadel_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

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
		srv.Fail(offboardtest.Respond(operation, 200, test.body))
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

// An organization that was deleted is read with its details and without a state.
func TestDelete_ReadOfADeletedOrganization(t *testing.T) {
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
			if reader[route] == "GetMyOrganization" && route == "DeleteMyOrganization" {
				srv.Fail(offboardtest.Fault{Operation: reader[route]}) // before the deletion
			}
			srv.Fail(offboardtest.LoseRequest(route), offboardtest.Respond(reader[route], 200, body))
			if err := del(t.Context(), newClient(t, srv, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second})), "acme"); code(err) != want {
				t.Errorf("%s, %s: got %v, want code %q", route, body, err, want)
			}
		}
	}
}

// A date that no deletion can have leaves the outcome open.
func TestDeleteOrganizationV2_DateOfNoDeletion(t *testing.T) {
	t.Parallel()
	for date, want := range map[string]errors.Code{
		"0001-01-01T00:00:00Z":      errors.OrganizationNotFound,
		"0001-01-01T00:00:00.5Z":    errors.OrganizationNotFound,
		"0001-01-01T00:00:00+01:00": errors.OrganizationNotFound,
		"1970-01-01T00:00:00Z":      errors.OutcomeUnknown,
	} {
		srv := zitadeltest.NewServer() // without the organization
		srv.Fail(offboardtest.Respond("DeleteOrganizationV2", 200, `{"deletionDate":"`+date+`"}`))
		if _, err := newClient(t, srv).DeleteOrganizationV2(t.Context(), "acme"); code(err) != want {
			t.Errorf("%s: got %v, want code %q", date, err, want)
		}
	}
}

// The API refuses in gRPC's form. OAuth's is that of the token endpoint and of gateways.
func TestClassify_RefusalInTheFormOfOAuth(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]errors.Code{
		400: errors.UnexpectedResponse, 401: errors.Unauthenticated, 403: errors.UnexpectedResponse, 404: errors.UnexpectedResponse,
		409: errors.UnexpectedResponse, 500: errors.Internal,
	} {
		srv := zitadeltest.NewServer()
		srv.Fail(offboardtest.Respond("GetDefaultOrganization", status, `{"error":"access_denied","error_description":"blocked"}`))
		c := newClient(t, srv, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second}))
		if err := c.CheckDeletion(t.Context(), "acme"); code(err) != want {
			t.Errorf("%d: got %v, want code %q", status, err, want)
		}
	}
}

// COMMA-wG9p1 is also the ID of the error if the events of an organization cannot be read.
func TestClassify_IDOfTwoErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]errors.Code{
		"Default Organisation must not be deleted":             errors.DefaultOrganization,
		"Die Standard-Organisation kann nicht gelöscht werden": errors.DefaultOrganization,
		"Organisation not found":                               errors.Conflict,
	} {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Fail(offboardtest.Respond("DeleteOrganization", 400, `{"code":9,"message":"`+text+` (COMMA-wG9p1)","details":[
			{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":"COMMA-wG9p1"}]}`))
		_, err := newClient(t, srv).DeleteOrganization(t.Context(), "acme")
		e, _ := errors.AsType[*errors.Error](err)
		if code(err) != want || len(e.Steps) > 0 != (want == errors.DefaultOrganization) {
			t.Errorf("%s: got %v, want code %q", text, err, want)
		}
	}
}
