package zitadel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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

// newClient returns a client of a double, with further options.
func newClient(t *testing.T, srv *zitadeltest.Server, options ...zitadel.Option) *zitadel.Client {
	t.Helper()
	c, err := zitadel.New(append([]zitadel.Option{srv.Option()}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// requests names the operations that reached a double, in order.
func requests(srv *zitadeltest.Server) []string {
	var operations []string
	for _, r := range srv.Requests() {
		operations = append(operations, r.Operation)
	}
	return operations
}

func code(err error) errors.Code {
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		return ""
	}
	return e.Code
}

func TestTheDeletionIsSentAsTheAPIWantsIt(t *testing.T) {
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
			// It would be another organization than the one in the path.
			if got, ok := r.Header["X-Zitadel-Orgid"]; ok {
				t.Errorf("got X-Zitadel-Orgid %q", got)
			}
		})
	}
}

func TestTheDetailsAreThoseOfTheDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // whose clock starts with the year 2000
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

func TestTheDetailsOfALostAnswerAreWhatTheReadTells(t *testing.T) {
	t.Parallel()
	created := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		want    zitadel.ObjectDetails
	}{
		"a read that tells": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
		}, zitadel.ObjectDetails{Sequence: 5, CreationDate: created, ChangeDate: created.Add(time.Minute), ResourceOwner: "acme"}},
		"an old server": {func(srv *zitadeltest.Server) {
			srv.Legacy(true)
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
		}, zitadel.ObjectDetails{}},
		// A cache may have it still: the second deletion tells.
		"a read that is behind": {func(srv *zitadeltest.Server) {
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

func TestAnOrganizationIsGoneOnlyWhenAReadSaysSo(t *testing.T) {
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
		"without a state":               {200, body("acme", ""), ""},
		"404 by its events":             {404, failure(5, "QUERY-leq5Q"), ""},
		"404 by the table":              {404, failure(5, "QUERY-iTTGJ"), ""},
		"another one, without a state":  {200, body("other", ""), errors.OutcomeUnknown},
		"another one, active":           {200, body("other", `,"state":"ORG_STATE_ACTIVE"`), errors.OutcomeUnknown},
		"an unspecified state":          {200, body("acme", `,"state":"ORG_STATE_UNSPECIFIED"`), errors.OutcomeUnknown},
		"a state to come":               {200, body("acme", `,"state":"ORG_STATE_PAUSED"`), errors.OutcomeUnknown},
		"an empty object":               {200, `{}`, errors.OutcomeUnknown},
		"no organization":               {200, `{"org":null}`, errors.OutcomeUnknown},
		"an empty organization":         {200, `{"org":{}}`, errors.OutcomeUnknown},
		"no id":                         {200, `{"org":{"name":"Acme"}}`, errors.OutcomeUnknown},
		"an error in a success":         {200, failure(5, "QUERY-leq5Q"), errors.OutcomeUnknown},
		"404 without a role":            {404, failure(5, "AUTHZ-cdgFk"), errors.OutcomeUnknown},
		"404 of a deletion":             {404, failure(5, "COMMA-aps2n"), errors.OutcomeUnknown},
		"404 of something else":         {404, failure(5, "QUERY-wIPkA"), errors.OutcomeUnknown},
		"404 of the router":             {404, `{"code":5,"message":"Not Found"}`, errors.OutcomeUnknown},
		"404 of another host":           {404, `{"code":5,"message":"ID=QUERY-1kIjX Message=x"}`, errors.OutcomeUnknown},
		"404 of a proxy":                {404, `<html>`, errors.OutcomeUnknown},
		"401 of a token that went, too": {401, failure(16, "AUTH-7fs1e"), errors.OutcomeUnknown},
		"403":                           {403, failure(7, "AUTH-5mWD2"), errors.OutcomeUnknown},
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

func TestTheOwnOrganizationTakesTheCredentialAlong(t *testing.T) {
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

// TestTheIDOfAnErrorDecides shows what stands behind the same statuses, and that
// CheckDeletion and DeleteOrganization say the same of it.
func TestTheIDOfAnErrorDecides(t *testing.T) {
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
		"no role at all": {
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

func TestTheOrganizationOfZitadelItselfStays(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	srv.SetDefault("acme")
	c := newClient(t, srv)
	// No read tells.
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

func TestAStepIsTheCallersOwn(t *testing.T) {
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

func TestCheckDeletionFindsNothingInTheWay(t *testing.T) {
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

func TestCheckDeletionDoesNotTakeOneOrganizationForAnother(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "default"}) // whose path is that of the default one
	c := newClient(t, srv)
	if err := c.CheckDeletion(t.Context(), "default"); code(err) != errors.UnexpectedResponse {
		t.Errorf("got %v, want %q", err, errors.UnexpectedResponse)
	}
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	if _, err := c.DeleteOrganization(t.Context(), "default"); code(err) != errors.OutcomeUnknown {
		t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
	}
}

func TestCheckDeletionSendsNoIDThatCannotBeOne(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "..", "a/b", strings.Repeat("x", 201)} {
		srv := zitadeltest.NewServer()
		if err := newClient(t, srv).CheckDeletion(t.Context(), id); code(err) != errors.InvalidArgument || len(srv.Requests()) != 0 {
			t.Errorf("%q: got %v after %d requests, want %q", id, err, len(srv.Requests()), errors.InvalidArgument)
		}
	}
}

func TestCheckDeletionReturnsWhatAReadSays(t *testing.T) {
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

func TestAFailedDeletionIsReadBeforeItIsTriedAgain(t *testing.T) {
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

func TestAnErrorInAnErrorIsNotTriedAgain(t *testing.T) {
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

func TestReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Inactive: true})
		c := newClient(t, srv)
		created := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		want := &zitadel.Organization{
			ID: "acme", Name: "Acme", PrimaryDomain: "acme.double.invalid", State: zitadel.OrganizationStateInactive,
			Details: zitadel.ObjectDetails{Sequence: 4, CreationDate: created, ChangeDate: created, ResourceOwner: "acme"},
		}
		got, err := c.GetOrganization(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("organization (-want +got):\n%s", diff)
		}
		first, err := c.GetDefaultOrganization(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if first.ID != zitadeltest.DefaultOrganization || first.State != zitadel.OrganizationStateActive {
			t.Errorf("got the default organization %v", first)
		}
		srv.SetPermissions("iam.read", "iam.write")
		permissions, err := c.ListPermissions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"iam.read", "iam.write"}, permissions); diff != "" {
			t.Errorf("permissions (-want +got):\n%s", diff)
		}
		if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		got, err = c.GetOrganization(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		want.State, want.Details.Sequence = "", 5
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what was deleted (-want +got):\n%s", diff)
		}
		srv.Legacy(true)
		if _, err := c.GetOrganization(t.Context(), "acme"); code(err) != errors.OrganizationNotFound {
			t.Errorf("got %v from an old server, want %q", err, errors.OrganizationNotFound)
		}
	})
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	base, token := zitadel.WithBaseURL("https://zitadel.invalid"), zitadel.WithToken("token")
	application := changed(key(), func(content map[string]any) { content["type"] = "application" })
	for name, options := range map[string][]zitadel.Option{
		"no base URL":             {token},
		"an empty base URL":       {token, zitadel.WithBaseURL("")},
		"no credential":           {base},
		"two credentials":         {base, token, zitadel.WithKey(key())},
		"an empty token":          {base, zitadel.WithToken("")},
		"a token with a newline":  {base, zitadel.WithToken("to\nken")},
		"no key":                  {base, zitadel.WithKey(nil)},
		"an application's key":    {base, zitadel.WithKey(application)},
		"no key file":             {base, zitadel.WithKeyFile("testdata/none.json")},
		"a key file of no key":    {base, zitadel.WithKeyFile("testdata/errors.json")},
		"an empty client id":      {base, zitadel.WithClientCredentials("", "secret")},
		"an empty client secret":  {base, zitadel.WithClientCredentials("bot", "")},
		"a secret with a newline": {base, zitadel.WithClientCredentials("bot", "secret\n")},
		"no HTTP client":          {base, token, zitadel.WithHTTPClient(nil)},
		"a base URL without host": {token, zitadel.WithBaseURL("https:///")},
		"a base URL of a file":    {token, zitadel.WithBaseURL("file:///x")},
		"a host only":             {token, zitadel.WithBaseURL("zitadel.invalid")},
		"a base URL with a query": {token, zitadel.WithBaseURL("https://zitadel.invalid/?a=b")},
		"a base URL with a user":  {token, zitadel.WithBaseURL("https://u:secret@zitadel.invalid")},
		"a base URL that is none": {token, zitadel.WithBaseURL("https://u:secret@%zz")},
		"no attempt":              {base, token, zitadel.WithRetry(zitadel.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"a negative wait":         {base, token, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: -time.Second})},
		"no rate":                 {base, token, zitadel.WithRateLimit(zitadel.RateLimit{PerSecond: 0, Burst: 1})},
		"no burst":                {base, token, zitadel.WithRateLimit(zitadel.RateLimit{PerSecond: 1, Burst: 0})},
		"a user agent with lines": {base, token, zitadel.WithUserAgent("a\r\nX-Evil: 1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := zitadel.New(options...)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.InvalidArgument {
				t.Fatalf("got %v, want %q", err, errors.InvalidArgument)
			}
			if text := err.Error(); len(text) > 120 || strings.Contains(text, "secret@") {
				t.Errorf("got %q", text)
			}
			if _, err := zitadel.DeleteOrganization(t.Context(), "acme", options...); code(err) != errors.InvalidArgument {
				t.Errorf("DeleteOrganization: got %v, want %q", err, errors.InvalidArgument)
			}
		})
	}
}

func TestThereIsNoInstanceByDefault(t *testing.T) {
	t.Parallel()
	_, err := zitadel.New(zitadel.WithToken("token"))
	if err == nil || err.Error() != "zitadel: New: invalid_argument: no base URL was given" {
		t.Errorf("got %v", err)
	}
}

func TestTheEnvironmentIsReadWhenAskedOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.json")
	srv := zitadeltest.NewServer()
	if err := os.WriteFile(path, srv.Key(), 0o600); err != nil {
		t.Fatal(err)
	}
	set := func(url, token, path string) {
		t.Setenv("ZITADEL_API_URL", url)
		t.Setenv("ZITADEL_SERVICE_USER_TOKEN", token)
		t.Setenv("ZITADEL_KEY_PATH", path)
	}
	for _, credential := range [][2]string{{zitadeltest.Token, ""}, {"", path}} {
		set(offboardtest.InMemory, credential[0], credential[1])
		if _, err := zitadel.New(); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("got %v without FromEnv, want %q", err, errors.InvalidArgument)
		}
		c, err := zitadel.New(zitadel.FromEnv(), zitadel.WithHTTPClient(srv.Client()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.GetDefaultOrganization(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for why, variables := range map[string][3]string{
		"ZITADEL_API_URL is not set":                                     {"", zitadeltest.Token, ""},
		"neither ZITADEL_SERVICE_USER_TOKEN nor ZITADEL_KEY_PATH is set": {offboardtest.InMemory, "", ""},
		"ZITADEL_SERVICE_USER_TOKEN and ZITADEL_KEY_PATH are both set":   {offboardtest.InMemory, zitadeltest.Token, path},
		path + ".none": {offboardtest.InMemory, "", path + ".none"},
	} {
		set(variables[0], variables[1], variables[2])
		if _, err := zitadel.New(zitadel.FromEnv()); code(err) != errors.InvalidArgument || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want %q: %s", err, errors.InvalidArgument, why)
		}
	}
}

func TestTheDoubleListensToo(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	srv.Start()
	defer srv.Close()
	if _, err := zitadel.DeleteOrganization(t.Context(), "acme", srv.Option()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"acme"}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

// TestTheDoubleRefusesAsZitadelDoes asks what no client of this module asks.
func TestTheDoubleRefusesAsZitadelDoes(t *testing.T) {
	t.Parallel()
	bearer := "Bearer " + zitadeltest.Token
	for name, test := range map[string]struct {
		method, url, authorization, body string
		status, legacy                   int
		code                             int
		id                               string
	}{
		"no credential":    {"DELETE", "/admin/v1/orgs/acme", "", "", 500, 401, 2, ""},
		"empty bearer":     {"DELETE", "/admin/v1/orgs/acme", "Bearer ", "", 401, 401, 16, "AUTH-toLo1"},
		"lower-case":       {"DELETE", "/admin/v1/orgs/acme", "bearer " + zitadeltest.Token, "", 401, 401, 16, "AUTH-toLo1"},
		"basic":            {"DELETE", "/admin/v1/orgs/acme", "Basic Zm9vOmJhcg==", "", 401, 401, 16, "AUTH-toLo1"},
		"unknown token":    {"DELETE", "/admin/v1/orgs/acme", "Bearer x", "", 401, 401, 16, "AUTH-7fs1e"},
		"long id":          {"DELETE", "/admin/v1/orgs/" + strings.Repeat("9", 201), bearer, "", 500, 400, 2, ""},
		"trailing slash":   {"DELETE", "/admin/v1/orgs/acme/", bearer, "", 404, 404, 5, ""},
		"unknown route":    {"DELETE", "/v3/organizations/acme", bearer, "", 404, 404, 5, ""},
		"another host":     {"DELETE", "https://other.invalid/admin/v1/orgs/acme", bearer, "", 404, 404, 5, ""},
		"a malformed body": {"POST", "/admin/v1/orgs/_search", bearer, "{nope", 400, 400, 3, ""},
		"a negative limit": {"POST", "/admin/v1/orgs/_search", bearer, `{"query":{"limit":-1}}`, 400, 400, 3, ""},
		"an empty query":   {"POST", "/admin/v1/orgs/_search", bearer, `{"queries":[{}]}`, 500, 400, 2, ""},

		"no credential, by v2":               {"DELETE", "/v2/organizations/acme", "", "", 401, 404, 16, ""},
		"no credential, by the management":   {"DELETE", "/management/v1/orgs/me", "", "", 500, 401, 2, ""},
		"long id, by v2":                     {"DELETE", "/v2/organizations/" + strings.Repeat("9", 201), bearer, "", 400, 404, 3, ""},
		"a malformed body, by v2":            {"POST", "/v2/organizations/_search", bearer, "{nope", 400, 404, 3, ""},
		"an empty query, by v2":              {"POST", "/v2/organizations/_search", bearer, `{"queries":[{}]}`, 400, 404, 3, ""},
		"a malformed organization":           {"POST", "/management/v1/orgs", bearer, "{nope", 400, 400, 3, ""},
		"a malformed organization, by v2":    {"POST", "/v2/organizations", bearer, "{nope", 400, 404, 3, ""},
		"a malformed organization with user": {"POST", "/admin/v1/orgs/_setup", bearer, "{nope", 400, 400, 3, ""},
		"a malformed body of a list":         {"POST", "/management/v1/users/_search", bearer, "{nope", 400, 400, 3, ""},
		"a malformed body of memberships":    {"POST", "/auth/v1/memberships/me/_search", bearer, "{nope", 400, 400, 3, ""},
	} {
		for _, legacy := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, legacy %t", name, legacy), func(t *testing.T) {
				t.Parallel()
				srv := zitadeltest.NewServer()
				srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
				srv.Legacy(legacy)
				url := test.url
				if strings.HasPrefix(url, "/") {
					url = offboardtest.InMemory + url
				}
				req, err := http.NewRequestWithContext(t.Context(), test.method, url, strings.NewReader(test.body))
				if err != nil {
					t.Fatal(err)
				}
				if test.authorization != "" {
					req.Header.Set("Authorization", test.authorization)
				}
				resp, err := srv.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				var body struct {
					Code    int
					Message string
					Details []struct{ ID string }
				}
				if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
					t.Fatal(err)
				}
				status := test.status
				if legacy {
					status = test.legacy
				}
				id := ""
				for _, detail := range body.Details {
					id += detail.ID
				}
				if resp.StatusCode != status || id != test.id || body.Message == "" {
					t.Errorf("got status %d with id %q, want %d with %q", resp.StatusCode, id, status, test.id)
				}
				if test.status == status && body.Code != test.code {
					t.Errorf("got gRPC code %d, want %d", body.Code, test.code)
				}
				if got := resp.Header.Get("X-Request-Id"); (got == "") != legacy {
					t.Errorf("got X-Request-Id %q", got)
				}
				if !srv.Exists("acme") {
					t.Error("the organization is gone")
				}
			})
		}
	}
}
