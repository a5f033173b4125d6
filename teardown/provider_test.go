package teardown_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// The driver of the example proves its outcomes: an answer of a proxy is no proof of absence,
// and a read decides after a lost answer.
func TestExampleDriver_Outcome(t *testing.T) {
	t.Parallel()
	type handler = func(w http.ResponseWriter, r *http.Request, provider http.Handler)
	pass := func(w http.ResponseWriter, r *http.Request, provider http.Handler) { provider.ServeHTTP(w, r) }
	proxy := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "no route", http.StatusNotFound)
	}
	lost := func(_ http.ResponseWriter, r *http.Request, provider http.Handler) {
		provider.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	broken := func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
	for name, test := range map[string]struct {
		deletion, read handler // of the organization; read is any later one
		want           teardown.Outcome
	}{
		"lost answer":                             {lost, pass, teardown.Deleted},
		"lost answer, and a failed read":          {lost, broken, teardown.Unknown},
		"lost answer, and a read at a proxy":      {lost, proxy, teardown.Unknown},
		"a read at a proxy":                       {pass, proxy, teardown.Unknown},
		"request and read at a proxy":             {proxy, proxy, teardown.Unknown},
		"request at a proxy, organization exists": {proxy, pass, teardown.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider := newShelfServer()
			defer provider.Close()
			sent := false
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path != "/organizations/42":
					pass(w, r, provider.Config.Handler)
				case r.Method == http.MethodDelete:
					sent = true
					test.deletion(w, r, provider.Config.Handler)
				case sent:
					test.read(w, r, provider.Config.Handler)
				default:
					pass(w, r, provider.Config.Handler)
				}
			}))
			defer srv.Close()
			d := shelf{srv.URL}
			plan, err := teardown.NewPlan(t.Context(), d, teardown.Organization{ID: "42"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := teardown.Execute(t.Context(), d, plan, teardown.WithConfirm("Acme"))
			if r == nil || r.Outcome != test.want || errors.Is(err, errors.OutcomeUnknown) != (test.want == teardown.Unknown) {
				t.Errorf("got %+v, %v, want %q", r, err, test.want)
			}
		})
	}
}
