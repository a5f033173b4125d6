package rest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// TestDelete compares the result of a deletion, after a list of answers and reads, with the proven
// outcome.
func TestDelete(t *testing.T) {
	t.Parallel()
	of := func(code errors.Code, status int) *errors.Error {
		return &errors.Error{Provider: "test", Operation: "DeleteResource", Target: "x", Code: code, Status: status, Attempts: 1}
	}
	lost := of(errors.OutcomeUnknown, 0)
	failed := of(errors.Internal, 500)
	for name, test := range map[string]struct {
		sends    []*errors.Error // nil for a success
		looks    []rest.Existence
		want     errors.Code
		attempts int
	}{
		"deleted":                   {[]*errors.Error{nil}, nil, "", 0},
		"refused":                   {[]*errors.Error{of(errors.ActiveSubscriptions, 400)}, nil, errors.ActiveSubscriptions, 1},
		"not found":                 {[]*errors.Error{of(errors.OrganizationNotFound, 404)}, nil, errors.OrganizationNotFound, 1},
		"lost, not found":           {[]*errors.Error{lost}, []rest.Existence{rest.NotFound}, "", 0},
		"lost, unreadable":          {[]*errors.Error{lost}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"failed, unreadable":        {[]*errors.Error{failed}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"failed, exists, deleted":   {[]*errors.Error{failed, nil}, []rest.Existence{rest.Exists}, "", 0},
		"failed, exists, not found": {[]*errors.Error{failed, of(errors.OrganizationNotFound, 404)}, []rest.Existence{rest.Exists}, "", 0},
		"failed, exists, refused":   {[]*errors.Error{failed, of(errors.OrganizationNotEmpty, 409)}, []rest.Existence{rest.Exists}, errors.OrganizationNotEmpty, 2},
		"failed, exists, credential refused, unreadable": {[]*errors.Error{failed, of(errors.InvalidAPIToken, 401)}, []rest.Existence{rest.Exists, rest.Unknown}, errors.OutcomeUnknown, 2},
		"failed, exists, credential refused, not found":  {[]*errors.Error{failed, of(errors.InvalidAPIToken, 401)}, []rest.Existence{rest.Exists, rest.NotFound}, "", 0},
		"failed, exists, not permitted, unreadable":      {[]*errors.Error{failed, of(errors.PermissionDenied, 403)}, []rest.Existence{rest.Exists, rest.Unknown}, errors.OutcomeUnknown, 2},
		"failed, exists, not permitted, not found":       {[]*errors.Error{failed, of(errors.PermissionDenied, 403)}, []rest.Existence{rest.Exists, rest.NotFound}, "", 0},
		"failed, exists, not permitted, exists":          {[]*errors.Error{failed, of(errors.PermissionDenied, 403)}, []rest.Existence{rest.Exists, rest.Exists}, errors.PermissionDenied, 2},
		"failed, exists, canceled":                       {[]*errors.Error{failed, of(errors.Canceled, 0)}, []rest.Existence{rest.Exists}, errors.OutcomeUnknown, 2},
		"failed, exists, unknown 404":                    {[]*errors.Error{failed, of(errors.UnexpectedResponse, 404)}, []rest.Existence{rest.Exists}, errors.UnexpectedResponse, 2},
		"failed, exists, unknown 403, not found":         {[]*errors.Error{failed, of(errors.UnexpectedResponse, 403)}, []rest.Existence{rest.Exists, rest.NotFound}, "", 0},
		"failed always":                                  {[]*errors.Error{failed, failed, failed}, []rest.Existence{rest.Exists, rest.Exists, rest.Exists}, errors.Internal, 3},
		"lost always":                                    {[]*errors.Error{lost, lost, lost}, []rest.Existence{rest.Exists, rest.Exists, rest.Exists}, errors.Unavailable, 3},
		"failure as 200, not found":                      {[]*errors.Error{of(errors.Internal, 200)}, []rest.Existence{rest.NotFound}, "", 0},
		"failure as 408, not found":                      {[]*errors.Error{of(errors.Unavailable, 408)}, []rest.Existence{rest.NotFound}, "", 0},
		"failure as 499, not found":                      {[]*errors.Error{of(errors.Unavailable, 499)}, []rest.Existence{rest.NotFound}, "", 0},
		"failure as 405":                                 {[]*errors.Error{of(errors.Unavailable, 405)}, nil, errors.Unavailable, 1},
		"client error as 500":                            {[]*errors.Error{of(errors.InvalidArgument, 500)}, nil, errors.InvalidArgument, 1},
		"unknown 200, not found":                         {[]*errors.Error{of(errors.UnexpectedResponse, 200)}, []rest.Existence{rest.NotFound}, "", 0},
		"unknown 200, unreadable":                        {[]*errors.Error{of(errors.UnexpectedResponse, 200)}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"unknown 202, exists, deleted":                   {[]*errors.Error{of(errors.UnexpectedResponse, 202), nil}, []rest.Existence{rest.Exists}, "", 0},
		"invalid status, not found":                      {[]*errors.Error{of(errors.UnexpectedResponse, 999)}, []rest.Existence{rest.NotFound}, "", 0},
		"informational status, unreadable":               {[]*errors.Error{of(errors.UnexpectedResponse, 101)}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"redirect, not found":                            {[]*errors.Error{of(errors.UnexpectedResponse, 302)}, []rest.Existence{rest.NotFound}, "", 0},
		"redirects always, exists":                       {[]*errors.Error{of(errors.UnexpectedResponse, 307), of(errors.UnexpectedResponse, 307), of(errors.UnexpectedResponse, 307)}, []rest.Existence{rest.Exists, rest.Exists, rest.Exists}, errors.UnexpectedResponse, 3},
		"unknown 500, not found":                         {[]*errors.Error{of(errors.UnexpectedResponse, 500)}, []rest.Existence{rest.NotFound}, "", 0},
		"unknown 503, unreadable":                        {[]*errors.Error{of(errors.UnexpectedResponse, 503)}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"unknown route":                                  {[]*errors.Error{of(errors.RouteNotFound, 404)}, nil, errors.RouteNotFound, 1},
		"no token":                                       {[]*errors.Error{of(errors.Internal, 0)}, nil, errors.Internal, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, playing(breaks), func(c *rest.Config) { c.Retry.MaxAttempts = 3 })
				sends, looks := test.sends, test.looks
				err := c.Delete(t.Context(), rest.Deletion{
					Send: func(context.Context) error {
						if len(sends) == 0 {
							t.Fatal("got one deletion too many")
						}
						e := sends[0]
						sends = sends[1:]
						if e == nil {
							return nil
						}
						again := *e
						return &again
					},
					Verify: func(context.Context) (rest.Existence, error) {
						if len(looks) == 0 {
							t.Fatal("got one read too many")
						}
						existence := looks[0]
						looks = looks[1:]
						return existence, nil
					},
				})
				e, _ := errors.AsType[*errors.Error](err)
				switch {
				case e == nil && (err != nil || test.want != ""):
					t.Errorf("got %v, want %q", err, test.want)
				case e != nil && (e.Code != test.want || e.Attempts != test.attempts):
					t.Errorf("got %q after %d attempts, want %q after %d", e.Code, e.Attempts, test.want, test.attempts)
				}
				if len(sends)+len(looks) > 0 {
					t.Errorf("%d deletions and %d reads are missing", len(sends), len(looks))
				}
			})
		})
	}
}

func TestDelete_UnknownOutcomeCause(t *testing.T) {
	t.Parallel()
	cause := &errors.Error{
		Provider: "test", Operation: "DeleteResource", Target: "x",
		Code: errors.ServiceUnavailable, Status: 503, RequestID: "r-1", Attempts: 1,
	}
	err := newClient(t, playing(breaks)).Delete(t.Context(), rest.Deletion{
		Send: func(context.Context) error { return cause },
	})
	want := &errors.Error{
		Provider: "test", Operation: "DeleteResource", Target: "x",
		Code: errors.OutcomeUnknown, Status: 503, RequestID: "r-1", Attempts: 1, Err: cause,
	}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if errors.Is(err, errors.Unavailable) || errors.Is(err, errors.ServiceUnavailable) || errors.Retryable(err) {
		t.Error("the error matches the code of its cause, or is retryable")
	}
}

func TestDelete_WaitBetweenAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, sends := time.Now(), 0
		err := newClient(t, playing(breaks)).Delete(t.Context(), rest.Deletion{
			Send: func(context.Context) error {
				if sends++; sends == 3 {
					return nil
				}
				return &errors.Error{Code: errors.Unavailable, Status: 503, RetryAfter: 20 * time.Second}
			},
			Verify: func(context.Context) (rest.Existence, error) { return rest.Exists, nil },
		})
		if took := time.Since(start); err != nil || took != 40*time.Second {
			t.Errorf("got %v after %v, want twice the Retry-After", err, took)
		}
	})
}

// The caller needs to know whether a read proved the deletion, to save another read.
func TestDelete_Proof(t *testing.T) {
	t.Parallel()
	// Delete changes the error of Send.
	lost := func() error { return &errors.Error{Code: errors.OutcomeUnknown, Attempts: 1} }
	missing := func() error { return &errors.Error{Code: errors.OrganizationNotFound, Status: 404, Attempts: 1} }
	success := func() error { return nil }
	for name, test := range map[string]struct {
		sends []func() error
		look  rest.Existence
		want  bool
	}{
		"the answer alone":          {[]func() error{success}, rest.NotFound, false},
		"a read":                    {[]func() error{lost}, rest.NotFound, true},
		"the refusal of another":    {[]func() error{lost, missing}, rest.Exists, true},
		"the answer to another one": {[]func() error{lost, success}, rest.Exists, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				proved, err := newClient(t, playing()).DeleteProved(t.Context(), rest.Deletion{
					Send: func(context.Context) error {
						n++
						return test.sends[n-1]()
					},
					Verify: func(context.Context) (rest.Existence, error) { return test.look, nil },
				})
				if err != nil || proved != test.want {
					t.Errorf("got %v, proved %t, want %t", err, proved, test.want)
				}
			})
		})
	}
}

// MaxAttempts bounds the attempts of a deletion over all its calls. A renewal of the credential is
// no attempt.
func TestDelete_MaxAttempts(t *testing.T) {
	t.Parallel()
	busy, failed, expired := answer(429, "{}"), answer(500, "{}"), answer(401, "{}", "WWW-Authenticate", "Bearer")
	for name, test := range map[string]struct {
		answers     []func(*http.Request) (*http.Response, error)
		maxAttempts int
		requests    int
		want        errors.Code
	}{
		"failures":             {[]func(*http.Request) (*http.Response, error){failed}, 3, 3, errors.Internal},
		"refusals":             {[]func(*http.Request) (*http.Response, error){busy}, 3, 3, errors.RateLimitReached},
		"failure last":         {[]func(*http.Request) (*http.Response, error){busy, busy, failed, busy}, 3, 3, errors.Internal},
		"refusal last":         {[]func(*http.Request) (*http.Response, error){busy, failed, busy}, 3, 3, errors.RateLimitReached},
		"refusals and failure": {[]func(*http.Request) (*http.Response, error){busy, failed, busy, failed}, 4, 4, errors.Internal},
		"renewal":              {[]func(*http.Request) (*http.Response, error){expired, failed}, 3, 4, errors.Internal},
		"one attempt":          {[]func(*http.Request) (*http.Response, error){failed}, 1, 1, errors.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := playing(test.answers...)
				c := newClient(t, server, func(c *rest.Config) {
					c.Retry.MaxAttempts = test.maxAttempts
					c.Authorizer = func(*http.Client) rest.Authorizer { return renewable{} }
				})
				err := c.Delete(t.Context(), rest.Deletion{
					Send:   func(ctx context.Context) error { return c.Do(ctx, remove()) },
					Verify: func(context.Context) (rest.Existence, error) { return rest.Exists, nil },
				})
				if got, _ := code(t, err); got != test.want || len(server.requests) != test.requests {
					t.Errorf("got %q after %d requests, want %q after %d", got, len(server.requests), test.want, test.requests)
				}
				if n := attempts(err); n != test.requests {
					t.Errorf("the error has %d attempts, want %d", n, test.requests)
				}
			})
		})
	}
}

// renewable is a credential that can be renewed.
type renewable struct{ noCredential }

func (renewable) Refused(*http.Request, http.Header) bool { return true }
