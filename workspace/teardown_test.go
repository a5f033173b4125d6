package workspace_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// subscribed returns a fake with two organizations that have the same resources. Each has three
// subscriptions: one active, one that ends in the future, and one that has ended.
func subscribed() *workspacetest.Server {
	srv := full()
	subscribe := func(o *workspacetest.Organization) {
		now := time.Now()
		o.Subscriptions = []workspacetest.Subscription{
			{Plan: "Enterprise", Status: "active", From: now.Add(-time.Hour), Until: now.Add(time.Hour)},
			{Plan: "Devices", Status: "canceled", Ended: now.Add(30 * 24 * time.Hour)},
			{Plan: "Trial", Status: "active", Ended: now.Add(-time.Hour)},
		}
	}
	srv.Change(acme, subscribe)
	twin := srv.Organizations()[0]
	twin.ID, twin.Slug, twin.Name, twin.Collaborators = other, "beta", "Acme", twin.Collaborators[1:]
	srv.AddOrganization(twin)
	return srv
}

func TestTeardown(t *testing.T) {
	t.Parallel()
	teardownsuite.Provider{
		Kinds:   []string{"subscription"},
		Outcome: teardown.Deleted,
		New: func(tb testing.TB) *teardownsuite.World {
			srv := subscribed()
			c, err := workspace.New(srv.Option())
			if err != nil {
				tb.Fatal(err)
			}
			return &teardownsuite.World{
				Server: srv.Server, Name: "Acme",
				Plan:          func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, acme) },
				Teardown:      c.Teardown,
				Check:         func(ctx context.Context) error { return c.CheckDeletion(ctx, acme) },
				ResolveManual: func() { srv.CancelSubscriptions(acme) },
				AddBlocker: func() {
					srv.Change(acme, func(o *workspacetest.Organization) {
						o.Subscriptions = append(o.Subscriptions, workspacetest.Subscription{Plan: "Business"})
					})
				},
				Deleted: func() bool { return !srv.Exists(acme) },
				Unrelated: func() any {
					return slices.DeleteFunc(srv.Organizations(), func(o workspacetest.Organization) bool { return o.ID == acme })
				},
			}
		},
	}.Run(t)
}

// planned returns a plan for acme.
func planned(t *testing.T, c *workspace.Client) *teardown.Plan {
	t.Helper()
	p, err := c.Plan(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// outcome checks the outcome of a report.
func outcome(t *testing.T, r *teardown.Report, want teardown.Outcome) {
	t.Helper()
	if r == nil || r.Outcome != want {
		t.Fatalf("got %+v, want outcome %q", r, want)
	}
}

func TestTeardown_ListReadableAgain(t *testing.T) {
	t.Parallel()
	srv := full()
	srv.Fail(offboardtest.Respond("ListDevicesPage", 401, `{"status":false,"error":{"code":4001}}`))
	c := newClient(t, srv.Option())
	p := planned(t, c)
	_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	if e := wants(t, err, errors.PlanStale); len(e.Steps) != 1 || e.Steps[0].Name != "devices" {
		t.Errorf("got steps %+v", e.Steps)
	}
	if !srv.Exists(acme) {
		t.Error("the organization was deleted")
	}
}

func TestTeardown_Requests(t *testing.T) {
	t.Parallel()
	srv := full()
	srv.Change(acme, func(o *workspacetest.Organization) { o.Stores = nil })
	c := newClient(t, srv.Option())
	operations := func() []string {
		var all []string
		for _, r := range srv.Requests() {
			all = append(all, r.Operation)
		}
		return all
	}
	p := planned(t, c)
	want := []string{
		"GetWorkspace", "GetProfile", "ListAppsPage", "ListDevicesPage",
		"ListCollaboratorsPage", "ListStoresPage", "ListSegments",
	}
	if diff := cmp.Diff(want, operations()); diff != "" {
		t.Errorf("requests of a plan (-want +got):\n%s", diff)
	}
	_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	wants(t, err, "")
	lists := []string{"GetWorkspace", "ListAppsPage", "ListDevicesPage", "ListCollaboratorsPage", "ListStoresPage", "ListSegments"}
	want = slices.Concat(lists, []string{"DeleteOrganization", "GetOrganization"})
	if diff := cmp.Diff(want, operations()[7:]); diff != "" {
		t.Errorf("requests of a teardown (-want +got):\n%s", diff)
	}
	for _, r := range srv.Requests()[2:6] {
		if !strings.Contains(r.Query, "limit=100") {
			t.Errorf("%s has the query %q", r.Operation, r.Query)
		}
	}
}

func TestTeardown_OwnOrganization(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		profile *offboardtest.Fault
		user    bool
		want    bool
	}{
		"a user":                                    {user: true},
		"a service account":                         {want: true},
		"one with a known email address":            {profile: profile(`{"id":"` + jane + `","email":"X@` + strings.ToUpper(acme) + `.iam.applivery.io"}`), user: true, want: true},
		"one of another workspace":                  {profile: profile(`{"id":"` + jane + `","email":"x@` + other + `.iam.applivery.io"}`), user: true},
		"one without a profile":                     {profile: refused(404, 3001), user: true, want: true},
		"one without permission for its profile":    {profile: refused(401, 4001), user: true, want: true},
		"one with an invalid token for its profile": {profile: refused(401, 4004), user: true, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			token := srv.AddServiceAccount(acme)
			if test.user {
				token = workspacetest.Token
			}
			if test.profile != nil {
				srv.Fail(*test.profile, *test.profile)
			}
			c := newClient(t, srv.OptionWithToken(token))
			p := planned(t, c)
			if got := slices.Contains(p.Requires, teardown.OwnOrganization); got != test.want {
				t.Fatalf("got requires %v, want own %t", p.Requires, test.want)
			}
			if test.want {
				_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				wants(t, err, errors.NotConfirmed)
				if !srv.Exists(acme) {
					t.Fatal("the organization was deleted")
				}
			}
			// The service account is deleted with the organization.
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
			wants(t, err, "")
			outcome(t, r, teardown.Deleted)
			if srv.Exists(acme) {
				t.Error("the organization exists")
			}
		})
	}
}

// profile returns a fault that answers the next GetProfile with a profile.
func profile(data string) *offboardtest.Fault {
	fault := answer("GetProfile", `{"status":true,"data":`+data+`}`)
	return &fault
}

// refused returns a fault that refuses the next GetProfile.
func refused(status, code int) *offboardtest.Fault {
	fault := offboardtest.Respond("GetProfile", status, fmt.Sprintf(`{"status":false,"error":{"code":%d}}`, code))
	return &fault
}

func TestTeardown_ServiceAccountLostAnswer(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.OptionWithToken(srv.AddServiceAccount(acme)))
	p := planned(t, c)
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
	wants(t, err, errors.OutcomeUnknown)
	outcome(t, r, teardown.Unknown)
	// A later read of the account cannot decide either.
	_, err = c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
	wants(t, err, errors.InvalidAPIToken)
}

func TestTeardown_ServiceAccountOfAnother(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		profile *offboardtest.Fault
		want    errors.Code
	}{
		"of another workspace": {nil, errors.NotConfirmed},
		"without a profile":    {refused(401, 4001), errors.NotConfirmed},
		"without an answer":    {refused(404, 1002), errors.RouteNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			srv.AddOrganization(workspacetest.Organization{ID: other})
			p := planned(t, newClient(t, srv.Option()))
			if test.profile != nil {
				srv.Fail(*test.profile)
			}
			c := newClient(t, srv.OptionWithToken(srv.AddServiceAccount(other)))
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
			if wants(t, err, test.want); r != nil || !srv.Exists(acme) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestTeardown_OtherProvider(t *testing.T) {
	t.Parallel()
	srv := full()
	p := teardownsuite.Seal(&teardown.Plan{Provider: "zitadel", Organization: teardown.Organization{ID: "280000000000000001", Name: "Acme"}})
	r, err := newClient(t, srv.Option()).Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	if e := wants(t, err, errors.PlanStale); r != nil || len(e.Steps) != 1 || len(srv.Requests()) != 0 {
		t.Errorf("got %+v, %v after %v", r, e.Steps, requested(srv))
	}
}

// The name is that of the plan, which confirms the deletion.
func TestIdentify_NamelessOrganization(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: "acme"})
	srv.Fail(answer("GetOrganization", `{"status":true,"data":{"id":"`+acme+`","slug":"acme","name":""}}`))
	c := newClient(t, srv.Option())
	found, err := c.Identify(t.Context(), "acme")
	if want := (teardown.Organization{ID: acme, Name: "acme"}); err != nil || found != want {
		t.Errorf("got %+v, %v, want %+v", found, err, want)
	}
	if _, err := c.Identify(t.Context(), "bolt"); !errors.Is(err, errors.OrganizationNotFound) {
		t.Errorf("got %v, want %q", err, errors.OrganizationNotFound)
	}
}

func TestPlan_OtherOrganizationAnswers(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: other, Slug: acme})
	c := newClient(t, srv.Option())
	_, err := c.Plan(t.Context(), acme)
	wants(t, err, errors.NotConfirmed)
	_, err = c.Plan(t.Context(), "unknown")
	wants(t, err, errors.OrganizationNotFound)
}

func TestTeardown_StillShown(t *testing.T) {
	t.Parallel()
	shown := answer("GetOrganization", `{"status":true,"data":{"id":"`+acme+`","slug":"acme"}}`)
	hidden := offboardtest.Respond("GetOrganization", 403, `{"status":false,"error":{"code":4003}}`)
	lost := offboardtest.LoseRequest("GetOrganization")
	for name, test := range map[string]struct {
		reads []offboardtest.Fault // after the deletion
		want  teardown.Outcome
		least time.Duration
	}{
		"shown for a while":          {slices.Repeat([]offboardtest.Fault{shown}, 3), teardown.Deleted, time.Second},
		"shown for long":             {slices.Repeat([]offboardtest.Fault{shown}, 100), teardown.Unknown, time.Minute},
		"shown, then unreachable":    {append(slices.Repeat([]offboardtest.Fault{shown}, 3), slices.Repeat([]offboardtest.Fault{lost}, 100)...), teardown.Unknown, time.Minute},
		"shown, then denied":         {append([]offboardtest.Fault{shown}, slices.Repeat([]offboardtest.Fault{hidden}, 100)...), teardown.Unknown, time.Minute},
		"shown, then briefly denied": {[]offboardtest.Fault{shown, hidden}, teardown.Deleted, 0},
		"unreachable":                {slices.Repeat([]offboardtest.Fault{lost}, 100), teardown.Unknown, time.Minute},
		"denied":                     {slices.Repeat([]offboardtest.Fault{hidden}, 100), teardown.Unknown, time.Minute},
		"briefly denied":             {[]offboardtest.Fault{hidden, hidden}, teardown.Deleted, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := full()
				c := newClient(t, srv.Option())
				p := planned(t, c)
				srv.Fail(test.reads...)
				start := time.Now()
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				want := errors.Code("")
				if test.want == teardown.Unknown {
					want = errors.OutcomeUnknown
				}
				wants(t, err, want)
				outcome(t, r, test.want)
				if n := srv.Count("DeleteOrganization"); n < 1 || n > 4 || srv.Exists(acme) {
					t.Errorf("%d deletions were sent, want 1 to 4", n)
				}
				if took := time.Since(start); took < test.least || took > test.least+time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// The context ends before a read decides the outcome.
func TestTeardown_ContextEndsAfterDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := full()
		c := newClient(t, srv.Option())
		p := planned(t, c)
		slow := offboardtest.Fault{Operation: "GetOrganization", Delay: time.Minute}
		srv.Fail(slow)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		r, err := c.Teardown(ctx, p, teardown.WithConfirm("Acme"))
		wants(t, err, errors.OutcomeUnknown)
		outcome(t, r, teardown.Unknown)
	})
}

func TestTeardown_UnexpectedRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(workspacetest.Subscription{Plan: "Enterprise"})
		none := answer("GetWorkspace", `{"status":true,"data":{"organization":{"id":"`+acme+`","name":"Acme","slug":"acme"}}}`)
		none.Times = 1000
		srv.Fail(none)
		c := newClient(t, srv.Option())
		r, err := c.Teardown(t.Context(), planned(t, c), teardown.WithConfirm("Acme"))
		wants(t, err, errors.ActiveSubscriptions)
		outcome(t, r, teardown.Blocked)
		if !srv.Exists(acme) {
			t.Error("the organization was deleted")
		}
	})
}

// The driver reads again whether a step is manual. An edited plan cannot change that.
func TestTeardown_ManualStepEdited(t *testing.T) {
	t.Parallel()
	srv := newServer(workspacetest.Subscription{Plan: "Enterprise"})
	c := newClient(t, srv.Option())
	p := planned(t, c)
	p.Steps[0].Manual = false
	teardownsuite.Seal(p)
	for _, options := range [][]teardown.Option{{}, {teardown.WithOverrides(teardown.Partial)}} {
		r, err := c.Teardown(t.Context(), p, append(options, teardown.WithConfirm("Acme"))...)
		if !errors.Is(err, errors.DeletionStepsNotSatisfied) {
			t.Errorf("got %v", err)
		}
		if r == nil || r.Outcome != teardown.Blocked || r.Steps[0].State != teardown.StepManual || r.Steps[0].Attempts != 0 || !srv.Exists(acme) {
			t.Errorf("got %+v", r)
		}
	}
}

// A deletion that Applivery accepts and does not start is requested again.
func TestTeardown_AcceptedAndNeverStarted(t *testing.T) {
	t.Parallel()
	for _, ignored := range []int{1, 2, 3, 1000} {
		synctest.Test(t, func(t *testing.T) {
			srv := workspacetest.NewServer()
			srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
			c := newClient(t, srv.Option())
			p := planned(t, c)
			fault := offboardtest.Ignore("DeleteOrganization", 200, `{"status":true,"data":{"delete":"OK"}}`)
			fault.Times = ignored
			srv.Fail(fault)
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
			n := srv.Count("DeleteOrganization")
			if ignored == 1000 {
				if r == nil || r.Outcome != teardown.Unknown || !errors.Is(err, errors.OutcomeUnknown) || n != 4 {
					t.Errorf("never started: got %+v and %v after %d requests, want %q after 4", r, err, n, teardown.Unknown)
				}
			} else if err != nil || r.Outcome != teardown.Deleted || n != ignored+1 || srv.Exists(acme) {
				t.Errorf("ignored %d times: got %+v and %v after %d requests", ignored, r, err, n)
			}
		})
	}
}

// A deletion that Applivery accepts and does not start, with reads that fail afterwards for a
// while or for good: no failure of a read shows that the organization does not exist.
func TestTeardown_NeverStartedAndNotRead(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]offboardtest.Fault{
		"503":               offboardtest.HTMLResponse("", http.StatusServiceUnavailable),
		"a firewall's 403":  offboardtest.HTMLResponse("", http.StatusForbidden),
		"a firewall's 404":  offboardtest.HTMLResponse("", http.StatusNotFound),
		"a web page":        offboardtest.HTMLResponse("", http.StatusOK),
		"a redirect":        offboardtest.Redirect("", http.StatusFound, "/login"),
		"denied":            offboardtest.Respond("", 403, `{"status":false,"error":{"code":4003}}`),
		"an invalid token":  offboardtest.Respond("", 401, `{"status":false,"error":{"code":4004}}`),
		"a lost connection": offboardtest.LoseRequest(""),
	} {
		for _, reads := range []int{1, 4, 1000} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := workspacetest.NewServer()
					srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
					c := newClient(t, srv.Option())
					p := planned(t, c)
					ignored := offboardtest.Ignore("DeleteOrganization", 200, `{"status":true,"data":{"delete":"OK"}}`)
					fault := fault
					fault.Operation, fault.Times = "GetOrganization", reads
					srv.Fail(ignored, fault)
					r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
					if r == nil {
						t.Fatal(err)
					}
					want, sent := teardown.Deleted, 2 // sent again
					if reads == 1000 {
						want, sent = teardown.Unknown, 1
					}
					if r.Outcome != want || srv.Exists(acme) != (want == teardown.Unknown) || srv.Count("DeleteOrganization") != sent {
						t.Errorf("%d reads: got %q, %v after %d deletions; exists: %t", reads, r.Outcome, err, srv.Count("DeleteOrganization"), srv.Exists(acme))
					}
				})
			})
		}
	}
}

// Applivery deletes a service account with its workspace, so repeated refusals of the account
// prove the deletion.
func TestTeardown_ServiceAccountRefused(t *testing.T) {
	t.Parallel()
	refused := offboardtest.Respond("GetOrganization", 401, `{"status":false,"error":{"code":4004}}`)
	for name, test := range map[string]struct {
		fault   offboardtest.Fault
		times   int
		want    teardown.Outcome
		deletes int
	}{
		"twice":               {refused, 2, teardown.Deleted, 2}, // sent again after the workspace is read
		"for good":            {refused, 1000, teardown.Deleted, 1},
		"by a firewall":       {offboardtest.HTMLResponse("GetOrganization", 403), 1000, teardown.Unknown, 1},
		"by a failing server": {offboardtest.HTMLResponse("GetOrganization", 503), 1000, teardown.Unknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := workspacetest.NewServer()
				srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
				c := newClient(t, srv.OptionWithToken(srv.AddServiceAccount(acme)))
				p := planned(t, c)
				test.fault.Times = test.times
				srv.Fail(test.fault)
				if name == "twice" {
					srv.Fail(offboardtest.Ignore("DeleteOrganization", 200, `{"status":true,"data":{"delete":"OK"}}`))
				}
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
				if r == nil || r.Outcome != test.want || srv.Count("DeleteOrganization") != test.deletes {
					t.Errorf("got %+v, %v after %d deletions, want %q after %d", r, err, srv.Count("DeleteOrganization"), test.want, test.deletes)
				}
			})
		})
	}
}

// If a firewall answers a read, Plan and CheckDeletion return an error.
func TestPlan_ForeignRefusal(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{
		"GetWorkspace", "GetProfile", "ListAppsPage", "ListDevicesPage", "ListCollaboratorsPage", "ListStoresPage", "ListSegments",
	} {
		for _, fault := range []offboardtest.Fault{
			offboardtest.HTMLResponse(operation, 403), offboardtest.Respond(operation, 403, ""), offboardtest.HTMLResponse(operation, 404), offboardtest.Respond(operation, 401, ""),
		} {
			synctest.Test(t, func(t *testing.T) {
				srv := full()
				fault.Times = 100
				srv.Fail(fault)
				c := newClient(t, srv.Option())
				if p, err := c.Plan(t.Context(), acme); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
					t.Errorf("%s, %d: got %+v and %v, want %q", operation, fault.Status, p, err, errors.UnexpectedResponse)
				}
				if operation == "GetWorkspace" {
					if err := c.CheckDeletion(t.Context(), acme); !errors.Is(err, errors.UnexpectedResponse) {
						t.Errorf("CheckDeletion, %d: got %v, want %q", fault.Status, err, errors.UnexpectedResponse)
					}
				}
			})
		}
	}
}

// A resource that is deleted along with the organization and is not in the plan stops the
// deletion.
func TestTeardown_MoreThanInPlan(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.Option())
	p := planned(t, c)
	srv.Change(acme, func(o *workspacetest.Organization) { o.Apps = append(o.Apps, workspacetest.App{ID: link, Name: "New"}) })
	_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	if !errors.Is(err, errors.PlanStale) || srv.Count("DeleteOrganization") != 0 {
		t.Errorf("got %v after %d deletions, want %q and none", err, srv.Count("DeleteOrganization"), errors.PlanStale)
	}
	srv.Change(acme, func(o *workspacetest.Organization) { o.Apps = o.Apps[:1] })
	if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil {
		t.Errorf("with fewer: got %v", err)
	}
}

// Cascades that differ from the plan stop the deletion: other resources, a list that the
// credential may not read anymore, or an answer that is not a list. Teardown checks this before
// the first write and right before the deletion.
func TestTeardown_OthersThanInPlan(t *testing.T) {
	t.Parallel()
	const late = "65f0000000000000000000dd"
	reads := map[string]string{
		"apps": "ListAppsPage", "devices": "ListDevicesPage", "collaborators": "ListCollaboratorsPage", "stores": "ListStoresPage", "segments": "ListSegments",
	}
	replace := map[string]func(*workspacetest.Organization){
		"apps":          func(o *workspacetest.Organization) { o.Apps = []workspacetest.App{{ID: late, Name: o.Apps[0].Name}} },
		"devices":       func(o *workspacetest.Organization) { o.Devices[0].ID = late },
		"collaborators": func(o *workspacetest.Organization) { o.Collaborators[0].ID = late },
		"stores":        func(o *workspacetest.Organization) { o.Stores[0].ID = late },
		"segments":      func(o *workspacetest.Organization) { o.Segments[0].ID = 77 },
	}
	for kind, operation := range reads {
		for _, before := range []int{0, 1} { // number of reads before the change
			for name, test := range map[string]struct {
				fault offboardtest.Fault // without a fault, the resources differ
				want  errors.Code
			}{
				"others":       {want: errors.PlanStale},
				"denied":       {offboardtest.Respond(operation, 403, `{"status":false,"error":{"code":4003}}`), errors.PlanStale},
				"unauthorized": {offboardtest.Respond(operation, 401, `{"status":false,"error":{"code":4001}}`), errors.PlanStale},
				"not found":    {offboardtest.Respond(operation, 404, `{"status":false,"error":{"code":3001}}`), errors.PlanStale},
				"no list":      {offboardtest.Respond(operation, 200, `{"status":true,"data":{"items":{},"organizationId":"`+acme+`","children":{}}}`), errors.UnexpectedResponse},
				"no items":     {offboardtest.Respond(operation, 200, `{"status":true,"data":{}}`), errors.UnexpectedResponse},
				"no ids":       {offboardtest.Respond(operation, 200, `{"status":true,"data":{"items":[{}],"organizationId":"`+acme+`","children":[{"name":"x"}]}}`), errors.UnexpectedResponse},
			} {
				synctest.Test(t, func(t *testing.T) {
					srv := full()
					c := newClient(t, srv.Option())
					p := planned(t, c)
					if test.fault.Operation == "" {
						// Each inspection reads each list once, in a fixed order.
						count := srv.Count(operation)
						c = newClient(t, srv.Option(), workspace.WithHTTPClient(&http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
							if srv.Count(operation) == count+before {
								srv.Change(acme, replace[kind])
								count = -10
							}
							return srv.RoundTrip(req)
						})}))
					} else {
						test.fault.Times = 1000
						if before > 0 {
							srv.Fail(offboardtest.Fault{Operation: operation, Delay: 1})
						}
						srv.Fail(test.fault)
					}
					waited := teardown.WithEvents(func(teardown.Event) {
						if before > 0 {
							time.Sleep(10 * time.Second) // then the driver inspects again
						}
					})
					_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), waited)
					if !errors.Is(err, test.want) || srv.Count("DeleteOrganization") != 0 {
						t.Errorf("%s, %s after %d reads: got %v after %d deletions, want %q and none", kind, name, before, err, srv.Count("DeleteOrganization"), test.want)
					}
				})
			}
		}
	}
}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// The deletion is not sent if the plan's ID is the slug of another organization: a read right
// before the deletion must confirm the ID.
func TestTeardown_IDIsSlugOfAnother(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.Option())
	p := planned(t, c)
	srv.Fail(answer("GetWorkspace", `{"status":true,"data":{"organization":{"id":"`+other+`","name":"Acme","slug":"`+acme+`"}}}`))
	_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	wants(t, err, errors.NotConfirmed)
	if srv.Count("DeleteOrganization") != 0 {
		t.Error("a deletion was sent")
	}
}

// newDriver returns a driver. Every request is answered with a workspace with two subscriptions,
// one active and one ended.
func newDriver(t *testing.T, id string) (teardown.Driver, *offboardtest.Server) {
	t.Helper()
	srv := offboardtest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, fmt.Sprintf(`{"status":true,"data":{"organization":{"id":%q,"slug":"acme","subscriptions":[
			{"id":"runs","status":"active"},{"id":"ended","status":"canceled","endedAt":"2001-01-01T00:00:00Z"}]}}}`, id))
	}), "", func(req *http.Request) string { return req.URL.Path })
	return newClient(t, workspace.WithToken("token"), workspace.WithHTTPClient(srv.Client())).RunDriver(), srv
}

func step(id string) teardown.Step {
	return teardown.Step{ID: "subscription/" + id, Kind: "subscription"}
}

// No API cancels a subscription, even if the plan does not mark the step as manual.
func TestDriver_Act(t *testing.T) {
	t.Parallel()
	d, srv := newDriver(t, acme)
	if _, err := d.Act(t.Context(), teardown.Organization{ID: acme}, step("runs")); !errors.Is(err, errors.InvalidArgument) || len(srv.Requests()) != 0 {
		t.Errorf("got %v after %d requests, want %q after 0", err, len(srv.Requests()), errors.InvalidArgument)
	}
}

// One read decides about all subscriptions.
func TestDriver_Poll(t *testing.T) {
	t.Parallel()
	d, srv := newDriver(t, acme)
	got, err := d.Poll(t.Context(), teardown.Organization{ID: acme}, "", []teardown.Step{step("runs"), step("ended"), step("unknown")})
	want := []teardown.Progress{{State: teardown.ProgressExists}, {State: teardown.ProgressNotFound}, {State: teardown.ProgressNotFound}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || len(srv.Requests()) != 1 {
		t.Errorf("got %v after %d requests (-want +got):\n%s", err, len(srv.Requests()), diff)
	}
	d, _ = newDriver(t, "65f0000000000000000000ad")
	if got, err := d.Poll(t.Context(), teardown.Organization{ID: acme}, "", []teardown.Step{step("ended")}); got != nil || !errors.Is(err, errors.NotConfirmed) {
		t.Errorf("another organization: got %v, %v, want code %q", got, err, errors.NotConfirmed)
	}
}

// An app that is new when the deletion waited for the rate limit, or is sent again, is not deleted:
// another inspection precedes the deletion.
func TestTeardown_NewBeforeLateDeletion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		delay func(*testing.T, *workspacetest.Server, *workspace.Client)
		sent  int
	}{
		"rate limit": {func(t *testing.T, srv *workspacetest.Server, c *workspace.Client) {
			limited := offboardtest.Respond("GetOrganization", 429, `{"status":false,"error":{"code":1429}}`)
			limited.Header.Set("Retry-After", "60")
			srv.Fail(limited)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := c.GetOrganization(ctx, other) // another call of the client
			wants(t, err, errors.RateLimitReached)
		}, 0},
		"never started": {func(_ *testing.T, srv *workspacetest.Server, _ *workspace.Client) {
			srv.Fail(offboardtest.Ignore("DeleteOrganization", 200, `{"status":true,"data":{"delete":"OK"}}`))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := full()
				c := newClient(t, srv.Option())
				p := planned(t, c)
				journal := written(func(entry string) {
					if !strings.Contains(entry, `"deletion_started"`) || srv.Count("DeleteOrganization") > 0 {
						return
					}
					test.delay(t, srv, c)
					time.AfterFunc(3*time.Second, func() {
						srv.Change(acme, func(o *workspacetest.Organization) {
							o.Apps = append(o.Apps, workspacetest.App{ID: "65f0000000000000000000aa", Name: "New"})
						})
					})
				})
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithJournal(journal), teardown.WithRetryFor(0))
				// After an accepted deletion nothing shows that the provider will not start it.
				want, code := teardown.Blocked, errors.PlanStale
				if test.sent > 0 {
					want, code = teardown.Unknown, errors.OutcomeUnknown
				}
				if n := srv.Count("DeleteOrganization"); r == nil || r.Outcome != want || !errors.Is(err, code) || n != test.sent || !srv.Exists(acme) {
					t.Errorf("got %+v, %v after %d deletions, want %q after %d", r, err, n, want, test.sent)
				}
			})
		})
	}
}

// written is a journal that calls a function before each entry is written.
type written func(entry string)

func (w written) Write(entry []byte) (int, error) { w(string(entry)); return len(entry), nil }

// A stop ends an inspection after the request in flight.
func TestTeardown_StopDuringInspection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := full()
		c := newClient(t, srv.Option())
		p := planned(t, c)
		srv.Fail(offboardtest.Fault{Delay: 2 * time.Second, Times: 100})
		start, stop := time.Now(), make(chan struct{})
		time.AfterFunc(time.Second, func() { close(stop) })
		r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithStop(stop))
		if took := time.Since(start); r != nil || !errors.Is(err, errors.Canceled) || took != 2*time.Second {
			t.Errorf("got %+v, %v after %v, want %q after 2 s", r, err, took, errors.Canceled)
		}
	})
}
