package rest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// TestDelete lets a deletion go through a list of answers and reads, and
// compares what comes of it with what is known.
func TestDelete(t *testing.T) {
	t.Parallel()
	of := func(code errors.Code, status int) *errors.Error {
		return &errors.Error{Provider: "test", Operation: "DeleteThing", Target: "x", Code: code, Status: status, Attempts: 1}
	}
	lost := of(errors.OutcomeUnknown, 0)
	failed := of(errors.Internal, 500)
	for name, test := range map[string]struct {
		sends    []*errors.Error // nil for a success
		looks    []rest.Existence
		want     errors.Code
		attempts int
	}{
		"done":                     {[]*errors.Error{nil}, nil, "", 0},
		"refused":                  {[]*errors.Error{of(errors.ActiveSubscriptions, 400)}, nil, errors.ActiveSubscriptions, 1},
		"not there":                {[]*errors.Error{of(errors.OrganizationNotFound, 404)}, nil, errors.OrganizationNotFound, 1},
		"lost, gone":               {[]*errors.Error{lost}, []rest.Existence{rest.NotFound}, "", 0},
		"lost, unreadable":         {[]*errors.Error{lost}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"failed, unreadable":       {[]*errors.Error{failed}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"failed, there, done":      {[]*errors.Error{failed, nil}, []rest.Existence{rest.Exists}, "", 0},
		"failed, there, not there": {[]*errors.Error{failed, of(errors.OrganizationNotFound, 404)}, []rest.Existence{rest.Exists}, "", 0},
		"failed, there, refused":   {[]*errors.Error{failed, of(errors.OrganizationNotEmpty, 409)}, []rest.Existence{rest.Exists}, errors.OrganizationNotEmpty, 2},
		"failed, there, credential refused, unreadable": {[]*errors.Error{failed, of(errors.InvalidAPIToken, 401)}, []rest.Existence{rest.Exists, rest.Unknown}, errors.OutcomeUnknown, 2},
		"failed, there, credential refused, gone":       {[]*errors.Error{failed, of(errors.InvalidAPIToken, 401)}, []rest.Existence{rest.Exists, rest.NotFound}, "", 0},
		"failed, there, not permitted, unreadable":      {[]*errors.Error{failed, of(errors.PermissionDenied, 403)}, []rest.Existence{rest.Exists, rest.Unknown}, errors.OutcomeUnknown, 2},
		"failed, there, not permitted, gone":            {[]*errors.Error{failed, of(errors.PermissionDenied, 403)}, []rest.Existence{rest.Exists, rest.NotFound}, "", 0},
		"failed, there, not permitted, there":           {[]*errors.Error{failed, of(errors.PermissionDenied, 403)}, []rest.Existence{rest.Exists, rest.Exists}, errors.PermissionDenied, 2},
		"failed, there, canceled":                       {[]*errors.Error{failed, of(errors.Canceled, 0)}, []rest.Existence{rest.Exists}, errors.OutcomeUnknown, 2},
		"failed, there, strange 404":                    {[]*errors.Error{failed, of(errors.UnexpectedResponse, 404)}, []rest.Existence{rest.Exists}, errors.UnexpectedResponse, 2},
		"failed, there, strange 403, gone":              {[]*errors.Error{failed, of(errors.UnexpectedResponse, 403)}, []rest.Existence{rest.Exists, rest.NotFound}, "", 0},
		"failed for ever":                               {[]*errors.Error{failed, failed, failed}, []rest.Existence{rest.Exists, rest.Exists, rest.Exists}, errors.Internal, 3},
		"lost for ever":                                 {[]*errors.Error{lost, lost, lost}, []rest.Existence{rest.Exists, rest.Exists, rest.Exists}, errors.Unavailable, 3},
		"a failure sent as 200, gone":                   {[]*errors.Error{of(errors.Internal, 200)}, []rest.Existence{rest.NotFound}, "", 0},
		"a failure sent as 408, gone":                   {[]*errors.Error{of(errors.Unavailable, 408)}, []rest.Existence{rest.NotFound}, "", 0},
		"a failure sent as 499, gone":                   {[]*errors.Error{of(errors.Unavailable, 499)}, []rest.Existence{rest.NotFound}, "", 0},
		"a failure sent as 405":                         {[]*errors.Error{of(errors.Unavailable, 405)}, nil, errors.Unavailable, 1},
		"a client fault sent as 500":                    {[]*errors.Error{of(errors.InvalidArgument, 500)}, nil, errors.InvalidArgument, 1},
		"a strange 200, gone":                           {[]*errors.Error{of(errors.UnexpectedResponse, 200)}, []rest.Existence{rest.NotFound}, "", 0},
		"a strange 200, unreadable":                     {[]*errors.Error{of(errors.UnexpectedResponse, 200)}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"a strange 202, there, done":                    {[]*errors.Error{of(errors.UnexpectedResponse, 202), nil}, []rest.Existence{rest.Exists}, "", 0},
		"a status that HTTP does not have, gone":        {[]*errors.Error{of(errors.UnexpectedResponse, 999)}, []rest.Existence{rest.NotFound}, "", 0},
		"a status before the answer, unreadable":        {[]*errors.Error{of(errors.UnexpectedResponse, 101)}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"a redirect, gone":                              {[]*errors.Error{of(errors.UnexpectedResponse, 302)}, []rest.Existence{rest.NotFound}, "", 0},
		"redirects for ever, there":                     {[]*errors.Error{of(errors.UnexpectedResponse, 307), of(errors.UnexpectedResponse, 307), of(errors.UnexpectedResponse, 307)}, []rest.Existence{rest.Exists, rest.Exists, rest.Exists}, errors.UnexpectedResponse, 3},
		"a strange 500, gone":                           {[]*errors.Error{of(errors.UnexpectedResponse, 500)}, []rest.Existence{rest.NotFound}, "", 0},
		"a strange 503, unreadable":                     {[]*errors.Error{of(errors.UnexpectedResponse, 503)}, []rest.Existence{rest.Unknown}, errors.OutcomeUnknown, 1},
		"a route that is not there":                     {[]*errors.Error{of(errors.RouteNotFound, 404)}, nil, errors.RouteNotFound, 1},
		"no token":                                      {[]*errors.Error{of(errors.Internal, 0)}, nil, errors.Internal, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, playing(breaks), func(c *rest.Config) { c.Retry.MaxAttempts = 3 })
				sends, looks := test.sends, test.looks
				err := c.Delete(t.Context(), rest.Deletion{
					Send: func(context.Context) error {
						if len(sends) == 0 {
							t.Fatal("one deletion too many was sent")
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
							t.Fatal("one read too many was made")
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
					t.Errorf("%d deletions and %d reads were not made", len(sends), len(looks))
				}
			})
		})
	}
}

func TestDelete_UnknownOutcomeCause(t *testing.T) {
	t.Parallel()
	cause := &errors.Error{
		Provider: "test", Operation: "DeleteThing", Target: "x",
		Code: errors.ServiceUnavailable, Status: 503, RequestID: "r-1", Attempts: 1,
	}
	err := newClient(t, playing(breaks)).Delete(t.Context(), rest.Deletion{
		Send: func(context.Context) error { return cause },
	})
	want := &errors.Error{
		Provider: "test", Operation: "DeleteThing", Target: "x",
		Code: errors.OutcomeUnknown, Status: 503, RequestID: "r-1", Attempts: 1, Err: cause,
	}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if errors.Is(err, errors.Unavailable) || errors.Is(err, errors.ServiceUnavailable) || errors.Retryable(err) {
		t.Error("it matches the code of its cause, or the call is said to be retryable")
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
			t.Errorf("got %v after %v, want twice what the provider asks for", err, took)
		}
	})
}

// Whether a read has shown that the organization does not exist is reported to a caller
// that would read it once more.
func TestDelete_Proof(t *testing.T) {
	t.Parallel()
	// Delete changes the error that it gets.
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
