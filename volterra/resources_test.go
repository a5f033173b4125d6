package volterra_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// through returns a client whose requests go through a transport.
func through(t *testing.T, srv *volterratest.Server, f func(*http.Request) (*http.Response, error)) *volterra.Client {
	t.Helper()
	return newClient(t, srv, volterra.WithHTTPClient(&http.Client{Transport: transport(f)}))
}

// summaries returns a transport whose lists answer with summaries, whatever fields a request lists.
func summaries(srv *volterratest.Server) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		req = req.Clone(req.Context())
		req.URL.RawQuery = ""
		return srv.RoundTrip(req)
	}
}

// shared reports whether a request is a list with the states of resources.
func shared(req *http.Request) bool { return req.URL.Query().Has("report_fields") }

// edited edits the items of an answer.
func edited(resp *http.Response, err error, edit func(items []any) []any) (*http.Response, error) {
	if err != nil {
		return resp, err
	}
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return nil, err
	}
	resp.Body.Close()
	body["items"] = edit(body["items"].([]any))
	data, err := json.Marshal(body)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	resp.Header.Set("Content-Length", fmt.Sprint(len(data)))
	return resp, err
}

// nameOf returns the name of an item of a list.
func nameOf(item any) string { return item.(map[string]any)["name"].(string) }

// A failed deletion of a child tenant among others is detected within 90 seconds, even if lists have
// no states, and without reading each child tenant in each poll.
func TestTeardown_FailedDeletionAmongOthers(t *testing.T) {
	t.Parallel()
	const failsAfter = 5 * time.Minute
	for name, test := range map[string]struct {
		use         func(*volterratest.Server) func(*http.Request) (*http.Response, error)
		lists, gets int // at most
	}{
		"states":    {func(srv *volterratest.Server) func(*http.Request) (*http.Response, error) { return srv.RoundTrip }, 700, 12},
		"summaries": {summaries, 700, 5 * 25},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			srv.AddChildTenant(volterratest.ChildTenant{Name: "stubborn", Failures: 1, Takes: failsAfter})
			for i := range 4 {
				srv.AddChildTenant(volterratest.ChildTenant{Name: fmt.Sprint("child-", i), Takes: 20 * time.Minute})
			}
			started, next := time.Now(), test.use(srv)
			var removals []time.Duration
			c := through(t, srv, func(req *http.Request) (*http.Response, error) {
				if req.Method == http.MethodDelete && strings.HasSuffix(req.URL.Path, "/stubborn") {
					removals = append(removals, time.Since(started))
				}
				return next(req)
			})
			var seen time.Duration
			_, r, err := apply(t, c, teardown.WithEvents(func(e teardown.Event) {
				if e.Kind == teardown.EventRetrying {
					seen = time.Since(started)
				}
			}))
			if err != nil || r.Outcome != teardown.Pending || len(removals) != 2 {
				t.Fatalf("%s: got %+v and %v after %d removals, want 2", name, r, err, len(removals))
			}
			if late := seen - removals[0] - failsAfter; late < 0 || late > 90*time.Second+time.Second {
				t.Errorf("%s: the failure was seen %v late, want at most 90 s", name, late)
			}
			if lists, gets := srv.Count("ListChildTenants"), srv.Count("GetChildTenant"); lists > test.lists || gets > test.gets {
				t.Errorf("%s: %d lists and %d reads, want at most %d and %d", name, lists, gets, test.lists, test.gets)
			}
		})
	}
}

// A list without states does not prove that a removal never started. A removal that never started is
// requested again.
func TestTeardown_ListsOfSummaries(t *testing.T) {
	t.Parallel()
	for _, ignored := range []int{0, 4} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			for i := range 4 {
				srv.AddNamespace(volterratest.Namespace{Name: fmt.Sprint("ns-", i), Takes: 3 * time.Minute})
			}
			c := through(t, srv, summaries(srv))
			if ignored > 0 {
				fault := offboardtest.Ignore("CascadeDeleteNamespace", 200, `{"items":[]}`)
				fault.Times = ignored
				srv.Fail(fault)
			}
			started := time.Now()
			_, r, err := apply(t, c)
			if err != nil || r.Outcome != teardown.Pending || srv.Count("CascadeDeleteNamespace") != 4+ignored {
				t.Errorf("ignored %d times: got %+v and %v after %d removals", ignored, r, err, srv.Count("CascadeDeleteNamespace"))
			}
			if took := time.Since(started); took > 4*time.Minute {
				t.Errorf("ignored %d times: took %v", ignored, took)
			}
		})
	}
}

// A list without the resource, or with another UID, proves nothing. A read of the resource decides.
func TestTeardown_ListLacksResource(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func([]any) []any{
		"none": func([]any) []any { return []any{} },
		"half": func(items []any) []any {
			return slices.DeleteFunc(items, func(i any) bool { return strings.HasSuffix(nameOf(i), "1") || strings.HasSuffix(nameOf(i), "3") })
		},
		"another UID": func(items []any) []any {
			for _, i := range items {
				i.(map[string]any)["uid"] = "another"
				i.(map[string]any)["system_metadata"] = map[string]any{"uid": "another"}
			}
			return items
		},
		"two UIDs": func(items []any) []any {
			for _, i := range items {
				i.(map[string]any)["system_metadata"].(map[string]any)["uid"] = "another"
			}
			return items
		},
		"without UIDs": func(items []any) []any {
			for _, i := range items {
				delete(i.(map[string]any), "uid")
				delete(i.(map[string]any), "system_metadata")
			}
			return items
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			for i := range 5 {
				srv.AddNamespace(volterratest.Namespace{Name: fmt.Sprint("ns-", i), Takes: time.Minute})
			}
			lists := 0
			c := through(t, srv, func(req *http.Request) (*http.Response, error) {
				resp, err := srv.RoundTrip(req)
				if !shared(req) {
					return resp, err
				}
				lists++
				return edited(resp, err, edit)
			})
			_, r, err := apply(t, c, teardown.WithEvents(func(e teardown.Event) {
				_, name, _ := strings.Cut(e.Step, "/")
				name, _, _ = strings.Cut(name, "/")
				if e.Kind == teardown.EventFinished && name != "" && slices.Contains(srv.Objects(), "namespace /"+name) {
					t.Errorf("%s is %s, and exists", e.Step, e.State)
				}
			}))
			if err != nil || r.Outcome != teardown.Pending || lists == 0 || srv.Count("CascadeDeleteNamespace") != 5 {
				t.Errorf("%s: got %+v and %v after %d lists and %d removals", name, r, err, lists, srv.Count("CascadeDeleteNamespace"))
			}
		})
	}
}

// A list shows that a removal has not started. It is requested again only if a read right
// before shows the UID of the step's resource, which others may have created again since.
func TestTeardown_RecreatedAfterList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
		for i := range 4 {
			srv.AddNamespace(volterratest.Namespace{Name: fmt.Sprint("ns-", i)})
		}
		fault := offboardtest.Ignore("CascadeDeleteNamespace", 200, `{"items":[]}`)
		fault.Times = 4
		srv.Fail(fault)
		recreated, started := false, time.Now()
		c := through(t, srv, func(req *http.Request) (*http.Response, error) {
			resp, err := srv.RoundTrip(req)
			// The removals are requested again after the first list this late.
			if shared(req) && !recreated && time.Since(started) > 10*time.Second {
				recreated = true
				for i := range 4 {
					srv.RemoveObject("", fmt.Sprint("ns-", i))
					srv.AddNamespace(volterratest.Namespace{Name: fmt.Sprint("ns-", i)})
				}
			}
			return resp, err
		})
		_, r, err := apply(t, c)
		if n := srv.Count("CascadeDeleteNamespace"); !recreated || n != 4 || len(srv.Remaining()) != 4 {
			t.Errorf("recreated %t; %d removals, want 4; %v exist", recreated, n, srv.Remaining())
		}
		if r == nil || !errors.Is(err, errors.PlanStale) {
			t.Errorf("got %+v and %v, want %q", r, err, errors.PlanStale)
		}
	})
}

// If a list is unreadable or incomplete, each resource is read separately.
func TestTeardown_ListUnreadable(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"denied":        {403, `{"code":7,"details":[],"message":"denied"}`},
		"not found":     {404, `{"code":5,"details":[],"message":"none"}`},
		"invalid":       {400, `{"code":3,"details":[],"message":"report_fields"}`},
		"another route": {200, `<!doctype html><html></html>`},
		"partial":       {200, `{"items":[],"errors":[{"code":"EPERMS","message":"denied"}]}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			for i := range 4 {
				srv.AddNamespace(volterratest.Namespace{Name: fmt.Sprint("ns-", i), Takes: time.Minute})
			}
			c := through(t, srv, func(req *http.Request) (*http.Response, error) {
				if !shared(req) {
					return srv.RoundTrip(req)
				}
				return &http.Response{
					StatusCode: answer.status, Header: http.Header{"Content-Type": {"application/json"}},
					Body: io.NopCloser(strings.NewReader(answer.body)), ContentLength: int64(len(answer.body)), Request: req,
				}, nil
			})
			_, r, err := apply(t, c)
			if err != nil || r.Outcome != teardown.Pending || srv.Count("CascadeDeleteNamespace") != 4 {
				t.Errorf("%s: got %+v and %v after %d removals", name, r, err, srv.Count("CascadeDeleteNamespace"))
			}
		})
	}
}

// A step is tried again after a pause. If others create its resource again meanwhile, that one
// is not removed.
func TestTeardown_RecreatedAmongOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
		for i := range 4 {
			srv.AddNamespace(volterratest.Namespace{Name: fmt.Sprint("ns-", i)})
		}
		fault := offboardtest.Respond("CascadeDeleteNamespace", 409, `{"code":10,"details":[],"message":"in use"}`)
		fault.Times = 4
		srv.Fail(fault)
		_, r, err := apply(t, newClient(t, srv), teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventRetrying && e.Step != "" {
				name := strings.Split(e.Step, "/")[1]
				srv.RemoveObject("", name)
				srv.AddNamespace(volterratest.Namespace{Name: name})
			}
		}))
		if n := srv.Count("CascadeDeleteNamespace"); r == nil || n != 4 || len(srv.Remaining()) != 4 || !errors.Is(err, errors.PlanStale) {
			t.Fatalf("got %+v and %v after %d removals, want %q after 4", r, err, n, errors.PlanStale)
		}
		for _, s := range r.Steps {
			if s.State != teardown.StepDeleted {
				t.Errorf("%s is %s", s.ID, s.State)
			}
		}
	})
}

// A read that returns another resource, or no UID, does not prove that the resource of a step does not
// exist, and no removal follows.
func TestTeardown_ReadOfAnother(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another name":          `{"metadata":{"name":"other"},"system_metadata":{"uid":"u-9"},"spec":{},"referring_objects":[]}`,
		"another name, its UID": `{"metadata":{"name":"other"},"system_metadata":{"uid":"UID"},"spec":{},"referring_objects":[]}`,
		"no name":               `{"metadata":{},"system_metadata":{"uid":"u-9"},"spec":{},"referring_objects":[]}`,
		"no UID":                `{"metadata":{"name":"app"},"system_metadata":{},"spec":{},"referring_objects":[]}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
			srv.AddNamespace(volterratest.Namespace{Name: "app"})
			c := newClient(t, srv)
			p, err := c.Plan(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			uid := p.Steps[0].ID[strings.LastIndex(p.Steps[0].ID, "/")+1:]
			fault := offboardtest.Respond("GetNamespace", 200, strings.Replace(body, "UID", uid, 1))
			fault.Times = 1000
			srv.Fail(fault)
			r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
			if !errors.Is(err, errors.UnexpectedResponse) || srv.Count("CascadeDeleteNamespace") != 0 || r == nil || r.Steps[0].State != teardown.StepFailed {
				t.Errorf("%s: got %+v and %v after %d removals", name, r, err, srv.Count("CascadeDeleteNamespace"))
			}
		})
	}
}

// An item of a list without a UID makes no step.
func TestPlan_ListWithoutUID(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.AddNamespace(volterratest.Namespace{Name: "app"})
	c := through(t, srv, func(req *http.Request) (*http.Response, error) {
		resp, err := srv.RoundTrip(req)
		if req.URL.Path != "/api/web/namespaces" {
			return resp, err
		}
		return edited(resp, err, func(items []any) []any {
			for _, i := range items {
				delete(i.(map[string]any), "uid")
			}
			return items
		})
	})
	if p, err := c.Plan(t.Context(), request); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
		t.Errorf("got %+v and %v, want %q", p, err, errors.UnexpectedResponse)
	}
}

// After a lost answer to a removal, the first poll decides. A failed poll proves nothing.
func TestTeardown_FirstPollFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]offboardtest.Fault{
		"denied":      offboardtest.Respond("GetNamespace", 403, `{"code":7,"details":[],"message":"denied"}`),
		"a page":      offboardtest.HTMLResponse("GetNamespace", 404),
		"unavailable": offboardtest.Respond("GetNamespace", 503, `{"code":14,"details":[],"message":"unavailable"}`),
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
			srv.AddNamespace(volterratest.Namespace{Name: "app", Takes: time.Hour})
			fault.Delay, fault.Times = 1, 100_000 // the read before the removal is answered
			srv.Fail(offboardtest.LoseResponse("CascadeDeleteNamespace"), fault)
			_, r, err := apply(t, newClient(t, srv), teardown.WithStepTimeout(time.Hour))
			if err == nil || r == nil || r.Steps[0].State != teardown.StepFailed || len(srv.Accepted()) != 0 {
				t.Errorf("%s: got %+v and %v", name, r, err)
			}
		})
	}
}

// The reads of a plan are sent in parallel, up to the limit.
func TestPlan_ReadsInParallel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		var running, most atomic.Int64
		c := through(t, srv, func(req *http.Request) (*http.Response, error) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			time.Sleep(time.Second)
			return srv.RoundTrip(req)
		})
		started := time.Now()
		p, err := c.Plan(t.Context(), request)
		if took := time.Since(started); err != nil || took > 2*time.Second || most.Load() != 8 {
			t.Fatalf("got %v after %v, with %d requests at the same time", err, took, most.Load())
		}
		most.Store(0)
		if _, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"), teardown.WithConcurrency(1)); err != nil || most.Load() != 1 {
			t.Errorf("got %v with %d requests at the same time, want 1", err, most.Load())
		}
	})
}

func TestPlan_Steps(t *testing.T) {
	t.Parallel()
	srv := inUse("acme")
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "ending", Service: volterra.AddonWAAPAdvanced, Takes: time.Minute})
	c := newClient(t, srv)
	if err := c.Unsubscribe(t.Context(), volterra.AddonWAAPAdvanced); err != nil {
		t.Fatal(err)
	}
	p, err := c.Plan(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Steps {
		var after []string
		for _, id := range s.After {
			after = append(after, strings.Split(id, "/")[1])
		}
		by := ""
		if s.Manual {
			by = " manual:"
		}
		got = append(got, fmt.Sprintf("%s %s after %v:%s %s (%s) %s", s.Kind, s.Name, after, by, s.Removal, s.Why, s.Requires))
	}
	const all = "[branch stubborn idle retail partner app empty pools]"
	want := []string{
		"child_tenant branch after []: delete the child tenant with its resources, and wait until it no longer exists (the tenant owns the child tenant) [managed_organizations]",
		"child_tenant stubborn after []: delete the child tenant with its resources, and wait until it no longer exists (the tenant owns the child tenant) [managed_organizations]",
		"child_tenant_manager idle after [branch stubborn]: delete the manager (the tenant creates child tenants with the manager) []",
		"child_tenant_manager retail after [branch stubborn]: delete the manager (the tenant creates child tenants with the manager) []",
		"managed_tenant partner after []: delete the managed tenant; the other tenant stays (the tenant manages another tenant) []",
		"namespace app after []: delete the namespace with its objects (the tenant owns the namespace) []",
		"namespace empty after []: delete the namespace with its objects (the tenant owns the namespace) []",
		"namespace pools after []: delete the namespace with its objects (the tenant owns the namespace) []",
		"addon_subscription bots after " + all + ": delete the subscription (the tenant is subscribed to f5xc-bot-defense-advanced: SUBSCRIPTION_ENABLED) []",
		"addon_subscription ending after " + all + ": wait until the subscription has ended (the tenant is subscribed to f5xc-waap-advanced: SUBSCRIPTION_DISABLE_PENDING) []",
		"addon_subscription mesh after " + all + ": unsubscribe from the service, and wait until the subscription has ended (the tenant is subscribed to f5xc-securemesh-standard: SUBSCRIPTION_ENABLED) []",
		"addon_subscription support after []: manual: ask F5 in the ticket to approve the unsubscription (the tenant is subscribed to f5xc-delegated-access-standard: SUBSCRIPTION_DISABLE_PENDING, ticket ticket-support) []",
		"addon_subscription waap after " + all + ": unsubscribe from the service, and wait until the subscription has ended (the tenant is subscribed to f5xc-waap-standard: SUBSCRIPTION_ENABLED) []",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if err := p.Err(); err != nil || len(p.Requires) != 0 || p.Organization != (teardown.Organization{ID: "acme", Name: "acme"}) {
		t.Errorf("got %v, %v and %+v", err, p.Requires, p.Organization)
	}
	cascades := []teardown.Cascade{
		{Kind: "http_loadbalancer", Count: 2}, {Kind: "origin_pool", Count: 2}, {Kind: "token", Count: 4},
		{Kind: "subscription", Count: 1, Names: []string{"Teams plan"}, Note: "charges are prorated"},
		{Kind: "invoice", Count: 1, Names: []string{"inv-1"}, Note: "payable; F5 issues another invoice when it closes the tenant"},
	}
	if diff := cmp.Diff(cascades, p.Cascades); diff != "" {
		t.Errorf("cascades (-want +got):\n%s", diff)
	}
}

// A removal that waits for the rate limit is not sent if others create its resource again meanwhile.
func TestTeardown_RecreatedDuringWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
		names := []string{"a", "b"}
		for _, name := range names {
			srv.AddNamespace(volterratest.Namespace{Name: name})
		}
		limited := offboardtest.Respond("CascadeDeleteNamespace", 429, `{"code":8,"message":"slow down"}`)
		limited.Header.Set("Retry-After", "60")
		// The second removal is not sent before the answer to the first one.
		srv.Fail(limited, offboardtest.Fault{Operation: "GetNamespace", DelayAfter: 100 * time.Millisecond, Times: 100})
		time.AfterFunc(30*time.Second, func() {
			for _, name := range names {
				srv.RemoveObject("", name)
				srv.AddNamespace(volterratest.Namespace{Name: name})
			}
		})
		_, r, err := apply(t, newClient(t, srv))
		if n := srv.Count("CascadeDeleteNamespace"); r == nil || n != 1 || len(srv.Remaining()) != 2 || !errors.Is(err, errors.PlanStale) {
			t.Errorf("got %+v and %v after %d removals, want %q after 1", r, err, n, errors.PlanStale)
		}
	})
}
