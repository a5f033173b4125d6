package zitadel_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// The ID decides the code of errors with the same status. CheckDeletion and DeleteOrganization
// return the same code.
func TestClassify_ProviderCode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		id       string
		prepare  func(*zitadeltest.Server)
		status   int
		code     errors.Code
		provider string // code
		steps    []string
	}{
		"unknown": {
			id: "other", status: 404, code: errors.OrganizationNotFound, provider: "COMMA-aps2n",
		},
		"deleted before": {
			prepare: func(srv *zitadeltest.Server) {
				_, _ = zitadel.DeleteOrganization(context.Background(), "acme", srv.Option())
			},
			status: 404, code: errors.OrganizationNotFound, provider: "COMMA-aps2n",
		},
		"deleted before, at an old server": {
			prepare: func(srv *zitadeltest.Server) {
				srv.Legacy(true)
				_, _ = zitadel.DeleteOrganization(context.Background(), "acme", srv.Option())
			},
			status: 404, code: errors.OrganizationNotFound, provider: "COMMA-aps2n",
		},
		"default organization": {
			id: zitadeltest.DefaultOrganization, status: 400, code: errors.DefaultOrganization, provider: "COMMA-wG9p1",
			steps: []string{"default_organization"},
		},
		"no role": {
			prepare: func(srv *zitadeltest.Server) { srv.SetPermissions() },
			status:  404, code: errors.PermissionDenied, provider: "AUTHZ-cdgFk",
		},
		"a role that reads": {
			prepare: func(srv *zitadeltest.Server) { srv.SetPermissions("iam.read") },
			status:  403, code: errors.PermissionDenied, provider: "AUTH-5mWD2",
		},
		"the role of an organization's owner": {
			prepare: func(srv *zitadeltest.Server) { srv.SetPermissions("org.read", "org.delete") },
			status:  403, code: errors.PermissionDenied, provider: "AUTH-5mWD2",
		},
		"blocked instance": {
			prepare: func(srv *zitadeltest.Server) { srv.Block(true) },
			status:  429, code: errors.InstanceBlocked, provider: "LIMITS-molsj",
		},
		"no quota": {
			prepare: func(srv *zitadeltest.Server) { srv.ExhaustQuota(true) },
			status:  429, code: errors.QuotaExhausted, provider: "QUOTA-vjAy8",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
			if test.prepare != nil {
				test.prepare(srv)
			}
			if test.id == "" {
				test.id = "acme"
			}
			exists, sent := srv.Exists(test.id), srv.Count("DeleteOrganization")
			c := newClient(t, srv)
			check, _ := errors.AsType[*errors.Error](c.CheckDeletion(t.Context(), test.id))
			if check == nil || check.Code != test.code || len(check.Steps) != len(test.steps) {
				t.Errorf("CheckDeletion: got %v, want code %q and steps %v", check, test.code, test.steps)
			}
			if n := srv.Count("DeleteOrganization"); n != sent {
				t.Errorf("CheckDeletion sent %d deletions", n-sent)
			}
			details, err := c.DeleteOrganization(t.Context(), test.id)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || details != nil {
				t.Fatalf("got %v and %v, want an error only", details, err)
			}
			var steps []string
			for _, step := range e.Steps {
				steps = append(steps, step.Name)
			}
			got := []any{e.Status, e.Code, e.ProviderCode, e.Attempts, steps}
			if diff := cmp.Diff([]any{test.status, test.code, test.provider, 1, test.steps}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if srv.Exists(test.id) != exists {
				t.Error("the organization was deleted")
			}
		})
	}
}

func TestError_StepsAreCopies(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	c := newClient(t, srv)
	for range 2 {
		_, deletion := c.DeleteOrganization(t.Context(), zitadeltest.DefaultOrganization)
		for _, err := range []error{deletion, c.CheckDeletion(t.Context(), zitadeltest.DefaultOrganization)} {
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || len(e.Steps) != 1 || e.Steps[0].Name != "default_organization" {
				t.Fatalf("got %v", err)
			}
			e.Steps[0].Name = "changed"
		}
	}
}

func TestDeleteOrganization_NestedErrorNotRetried(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.Fail(offboardtest.Respond("DeleteOrganization", 500, `{"code":2,"message":"rpc error: code = InvalidArgument desc = x ()"}`))
	if _, err := newClient(t, srv).DeleteOrganization(t.Context(), "acme"); code(err) != errors.InvalidArgument {
		t.Errorf("got %v, want %q", err, errors.InvalidArgument)
	}
	if diff := cmp.Diff([]string{"DeleteOrganization"}, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// The API refuses in the form of gRPC. The form of OAuth is that of the token endpoint and of
// gateways.
func TestClassify_OAuthRefusal(t *testing.T) {
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
func TestClassify_AmbiguousID(t *testing.T) {
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

func TestClassify_Fixtures(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/errors.json", read)
}

func FuzzErrorAnswers(f *testing.F) { pipelinesuite.Fuzz(f, "testdata/errors.json", read) }

// read reads an organization without retries.
func read(hc *http.Client) error {
	c, err := zitadel.New(zitadel.WithBaseURL(offboardtest.InMemory), zitadel.WithToken("token"),
		zitadel.WithHTTPClient(hc), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if err != nil {
		return err
	}
	_, err = c.GetOrganization(context.Background(), "acme")
	return err
}

func TestClassify_TokenEndpointFixtures(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/token.json", func(hc *http.Client) error {
		c, err := zitadel.New(zitadel.WithBaseURL(offboardtest.InMemory), zitadel.WithClientCredentials("bot", "secret"),
			zitadel.WithHTTPClient(hc), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
		if err != nil {
			return err
		}
		_, err = c.GetOrganization(context.Background(), "acme")
		// The error of the call itself has no status; its cause has.
		if e, ok := errors.AsType[*errors.Error](err); ok {
			return e.Err
		}
		return err
	})
}

func notFound(id string) string {
	return `{"code":5,"message":"x (` + id + `)","details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":"` + id + `"}]}`
}

// An ID counts only with its own status.
func TestClassify_NotFoundWithOtherStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]errors.Code{
		200: errors.UnexpectedResponse, 202: errors.UnexpectedResponse, 403: errors.UnexpectedResponse, 404: errors.OrganizationNotFound,
		410: errors.UnexpectedResponse, 500: errors.Internal, 503: errors.Internal,
	} {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Fail(offboardtest.Respond("GetOrganization", status, notFound("QUERY-leq5Q")))
		c := newClient(t, srv, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second}))
		if _, err := c.GetOrganization(t.Context(), "acme"); code(err) != want {
			t.Errorf("%d: got %v, want code %q", status, err, want)
		}
	}
}
