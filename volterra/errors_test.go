package volterra_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

func TestErrors_CodeBeforeStatus(t *testing.T) {
	t.Parallel()
	for provided, want := range map[string]errors.Code{
		"1": errors.Unavailable, "2": errors.Internal, "3": errors.InvalidArgument, "4": errors.Unavailable,
		"5": errors.UnexpectedResponse /* not with this status */, "6": errors.Conflict, "7": errors.PermissionDenied, "8": errors.RateLimitReached,
		"9": errors.Conflict, "10": errors.Conflict, "11": errors.InvalidArgument, "12": errors.RouteNotFound,
		"13": errors.Internal, "14": errors.Unavailable, "15": errors.Internal, "16": errors.Unauthenticated,
		"17": errors.UnexpectedResponse,
	} {
		srv := volterratest.NewServer()
		srv.Fail(offboardtest.Respond("", http.StatusTeapot, `{"code":`+provided+`}`))
		_, err := newClient(t, srv, volterra.WithRetry(volterra.Retry{MaxAttempts: 1})).GetTenantSettings(t.Context())
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != want || e.ProviderCode != provided {
			t.Errorf("%s: got %v, want %q", provided, err, want)
		}
	}
}

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/errors.json", read)
}

func TestErrorAnswers_PartialSuccess(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/lists.json", func(hc *http.Client) error {
		_, err := once(hc).ListNamespaces(context.Background(), volterra.ListNamespacesOptions{})
		return err
	})
	pipelinesuite.Fixtures(t, "testdata/cascades.json", func(hc *http.Client) error {
		_, err := once(hc).CascadeDeleteNamespace(context.Background(), "app")
		return err
	})
}

func FuzzErrorAnswers(f *testing.F) { pipelinesuite.Fuzz(f, "testdata/errors.json", read) }

// read reads the settings with one attempt.
func read(hc *http.Client) error {
	_, err := once(hc).GetTenantSettings(context.Background())
	return err
}

// once returns a client with one attempt.
func once(hc *http.Client) *volterra.Client {
	c, err := volterra.New(volterra.WithAPIToken("token"), volterra.WithHTTPClient(hc),
		volterra.WithBaseURL("https://acme.console.ves.volterra.io"), volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if err != nil {
		panic(err)
	}
	return c
}
