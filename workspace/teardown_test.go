package workspace_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// subscribed returns a double that has an organization with everything twice, and
// with subscriptions: one that runs, one that ends by itself, and one that has ended.
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

// outcome checks what became of acme.
func outcome(t *testing.T, r *teardown.Report, want teardown.Outcome) {
	t.Helper()
	if r == nil || r.Outcome != want {
		t.Fatalf("got %+v, want outcome %q", r, want)
	}
}

func TestAPlanCountsWhatGoesAlong(t *testing.T) {
	t.Parallel()
	srv := full()
	srv.Change(acme, func(o *workspacetest.Organization) {
		for i := range 120 {
			o.Apps = append(o.Apps, workspacetest.App{Name: fmt.Sprint("App ", i)})
		}
		o.Stores = append(o.Stores, workspacetest.Store{ID: link})
	})
	p := planned(t, newClient(t, srv.Option()))
	for i := range p.Cascades { // all are identified
		if l := &p.Cascades[i]; len(l.IDs) != l.Count || !slices.IsSorted(l.IDs) || l.Digest != "" {
			t.Errorf("got the ids %v of %d %s", l.IDs, l.Count, l.Kind)
		}
	}
	want := []teardown.Cascade{
		{Kind: "apps", Count: 121, Names: []string{"Acme Bank", "App 0", "App 1", "App 2", "App 3"}},
		{
			Kind: "devices", Count: 3, Note: "it is not documented what becomes of them",
			Names: []string{"android " + phone + ", ACTIVE", "apple " + tablet + ", ACTIVE", "aosp " + aosp + ", ACTIVE"},
		},
		{Kind: "collaborators", Count: 2, Names: []string{"olive.owner@example.com", "jane.doe@example.com"}},
		{Kind: "stores", Count: 2, Names: []string{"apps.acme.example", link}},
		{Kind: "segments", Count: 2, Names: []string{"Europe", "Spain"}},
	}
	if diff := cmp.Diff(want, p.Cascades, cmpopts.IgnoreFields(teardown.Cascade{}, "IDs")); diff != "" {
		t.Errorf("losses (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(teardown.Organization{ID: acme, Name: "Acme"}, p.Organization); diff != "" {
		t.Errorf("organization (-want +got):\n%s", diff)
	}
	if p.Err() != nil || len(p.Steps) != 0 || len(p.Overrides()) != 0 {
		t.Errorf("got %v, steps %+v, consents %v", p.Err(), p.Steps, p.Overrides())
	}
}

func TestAPlanReadsOnWhereAPageDoesNotSayHowManyThereAre(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first string
		want  int
	}{
		"with a total":            {`"totalDocs":7,"hasNextPage":true`, 8}, // the items count
		"with a total of too few": {`"totalDocs":1,"hasNextPage":true`, 8},
		"without a total":         {`"hasNextPage":true`, 8},
		"without anything":        {`"page":1`, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			app := `{"id":"` + app + `","name":"Bank"}`
			srv.Fail(
				answer("ListAppsPage", `{"status":true,"data":{"items":[`+strings.Repeat(app+",", 5)+app+`],`+test.first+`}}`),
				answer("ListAppsPage", `{"status":true,"data":{"items":[`+app+","+app+`]}}`),
			)
			if got := planned(t, newClient(t, srv.Option())).Cascades[0]; got.Kind != "apps" || got.Count != test.want || len(got.Names) != 5 {
				t.Errorf("got %+v, want %d", got, test.want)
			}
		})
	}
}

func TestAPlanNamesEachSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // whose clock starts with the year 2000
		srv := full()
		c := newClient(t, srv.Option())
		plan := func(subscriptions string) *teardown.Plan {
			srv.Fail(answer("GetWorkspace", `{"status":true,"data":{"organization":{"id":"`+acme+`","slug":"acme","subscriptions":[`+subscriptions+`]}}}`))
			return planned(t, c)
		}
		const hand = "cancel it in the dashboard, at Billing, Plan & Usage"
		step := func(id, name, why, removal string) teardown.Step {
			return teardown.Step{
				ID: "subscription/" + id, Kind: "subscription", Name: name, Manual: true,
				Why: "it is not known to have ended: " + why, Removal: removal,
			}
		}
		p := plan(`
			{"id":"sub_1","plan":"Enterprise","status":"active"},
			{"id":"sub_2","planCode":"mdm-20","endedAt":"2000-03-01T00:00:00Z"},
			{"plan":"Odd","planCode":"odd","iniDate":"1999-06-01T00:00:00Z"},
			{"plan":"Odd","planCode":"odd","iniDate":"1999-06-01T00:00:00Z"},
			{"id":"sub_3","plan":"Past","endedAt":"1999-12-31T23:59:59Z"},
			{}`)
		want := []teardown.Step{
			step("sub_1", "Enterprise", "Enterprise, active", hand),
			step("sub_2", "mdm-20", "mdm-20, ends 2000-03-01", "wait until it ends"),
			step("odd,1999-06-01", "Odd", "Odd, from 1999-06-01", hand),
			step("odd,1999-06-01#2", "Odd", "Odd, from 1999-06-01", hand),
			step("unnamed", "without a name", "without a name", hand),
		}
		if diff := cmp.Diff(want, p.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if p.Organization.Name != "acme" {
			t.Errorf("an organization without a name is called %q, want its slug", p.Organization.Name)
		}
		// While somebody cancels them they are what they were.
		later := plan(`
			{"id":"sub_1","plan":"Enterprise","status":"canceled","endedAt":"2000-02-01T00:00:00Z"},
			{"plan":"Odd","planCode":"odd","iniDate":"1999-06-01T00:00:00Z","endedAt":"1999-12-31T00:00:00Z"},
			{"plan":"Odd","planCode":"odd","iniDate":"1999-06-01T00:00:00Z"}`)
		var left []string
		for _, s := range later.Steps {
			left = append(left, s.ID+" "+s.Name)
		}
		if diff := cmp.Diff([]string{"subscription/sub_1 Enterprise", "subscription/odd,1999-06-01#2 Odd"}, left); diff != "" {
			t.Errorf("steps later (-want +got):\n%s", diff)
		}
	})
}

func TestWhatCannotBeListedIsSaidToBe(t *testing.T) {
	t.Parallel()
	fail := func(status, code int) offboardtest.Fault {
		return offboardtest.Respond("ListDevicesPage", status, fmt.Sprintf(`{"status":false,"error":{"code":%d}}`, code))
	}
	for name, test := range map[string]struct {
		fault offboardtest.Fault
		note  string
		want  errors.Code
	}{
		"not permitted":         {fail(401, 4001), "permission_denied", ""},
		"not subscribed to":     {fail(400, 5004), "permission_denied", ""},
		"not found":             {fail(404, 3001), "not_found", ""},
		"no token":              {fail(401, 4002), "", errors.MissingAPIToken},
		"no such route":         {fail(404, 1002), "", errors.RouteNotFound},
		"no such user":          {*refused(404, 1002), "", errors.RouteNotFound},
		"a page that is no API": {offboardtest.HTMLResponse("ListDevicesPage", 404), "", errors.UnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			srv.Fail(test.fault, test.fault, test.fault) // of the plan, of the teardown, and right before the deletion
			c := newClient(t, srv.Option())
			p, err := c.Plan(t.Context(), acme)
			wants(t, err, test.want)
			if test.want != "" {
				return
			}
			want := teardown.Cascade{Kind: "devices", Note: "how many is not known: " + test.note}
			if diff := cmp.Diff(want, p.Cascades[1]); diff != "" {
				t.Errorf("loss (-want +got):\n%s", diff)
			}
			// That something is not found is no word on the organization.
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
			wants(t, err, "")
			outcome(t, r, teardown.Deleted)
			if srv.Exists(acme) {
				t.Error("it is there")
			}
		})
	}
}

func TestWhatCanBeListedByNowMakesAPlanStale(t *testing.T) {
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
		t.Error("it is gone")
	}
}

func TestATeardownAsksForNoMoreThanItHasTo(t *testing.T) {
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
			t.Errorf("%s asks for %q", r.Operation, r.Query)
		}
	}
}

func TestAServiceAccountOfTheWorkspaceHasToBePermitted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		profile *offboardtest.Fault
		user    bool
		want    bool
	}{
		"a user":                           {user: true},
		"a service account":                {want: true},
		"one that is known by its address": {profile: profile(`{"id":"` + jane + `","email":"X@` + strings.ToUpper(acme) + `.iam.applivery.io"}`), user: true, want: true},
		"one of another workspace":         {profile: profile(`{"id":"` + jane + `","email":"x@` + other + `.iam.applivery.io"}`), user: true},
		"one that has no profile":          {profile: refused(404, 3001), user: true, want: true},
		"one that may not read it":         {profile: refused(401, 4001), user: true, want: true},
		"one that users' routes refuse":    {profile: refused(401, 4004), user: true, want: true},
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
				t.Fatalf("got needs %v, want own %t", p.Requires, test.want)
			}
			if test.want {
				_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				wants(t, err, errors.NotConfirmed)
				if !srv.Exists(acme) {
					t.Fatal("it is gone")
				}
			}
			// The service account is gone with it, and Applivery has said so: no read can.
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
			wants(t, err, "")
			outcome(t, r, teardown.Deleted)
			if srv.Exists(acme) {
				t.Error("it is there")
			}
		})
	}
}

// profile answers the next question who somebody is.
func profile(data string) *offboardtest.Fault {
	fault := answer("GetProfile", `{"status":true,"data":`+data+`}`)
	return &fault
}

// refused refuses it.
func refused(status, code int) *offboardtest.Fault {
	fault := offboardtest.Respond("GetProfile", status, fmt.Sprintf(`{"status":false,"error":{"code":%d}}`, code))
	return &fault
}

func TestALostAnswerToAServiceAccountIsUnknown(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.OptionWithToken(srv.AddServiceAccount(acme)))
	p := planned(t, c)
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
	wants(t, err, errors.OutcomeUnknown)
	outcome(t, r, teardown.Unknown)
	// Nor does the account find out later.
	_, err = c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
	wants(t, err, errors.InvalidAPIToken)
}

func TestWhatAServiceAccountDoesNotSeeIsNotGone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		profile *offboardtest.Fault
		want    errors.Code
	}{
		"of another workspace": {nil, errors.NotConfirmed},
		"without a profile":    {refused(401, 4001), errors.NotConfirmed},
		"when nobody can tell": {refused(404, 1002), errors.RouteNotFound},
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

func TestAPlanOfAnotherProviderIsRefusedUnread(t *testing.T) {
	t.Parallel()
	srv := full()
	p := teardownsuite.Seal(&teardown.Plan{Provider: "zitadel", Organization: teardown.Organization{ID: "280000000000000001", Name: "Acme"}})
	r, err := newClient(t, srv.Option()).Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	if e := wants(t, err, errors.PlanStale); r != nil || len(e.Steps) != 1 || len(srv.Requests()) != 0 {
		t.Errorf("got %+v, %v after %v", r, e.Steps, asked(srv))
	}
}

func TestAPlanIsOfTheOrganizationThatIsNamed(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: other, Slug: acme})
	c := newClient(t, srv.Option())
	_, err := c.Plan(t.Context(), acme)
	wants(t, err, errors.NotConfirmed)
	_, err = c.Plan(t.Context(), "nobody")
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
		"for a while":                  {slices.Repeat([]offboardtest.Fault{shown}, 3), teardown.Deleted, time.Second},
		"for long":                     {slices.Repeat([]offboardtest.Fault{shown}, 100), teardown.Unknown, time.Minute},
		"and then nothing":             {append(slices.Repeat([]offboardtest.Fault{shown}, 3), slices.Repeat([]offboardtest.Fault{lost}, 100)...), teardown.Unknown, time.Minute},
		"and then denied":              {append([]offboardtest.Fault{shown}, slices.Repeat([]offboardtest.Fault{hidden}, 100)...), teardown.Unknown, time.Minute},
		"and then denied for a while":  {[]offboardtest.Fault{shown, hidden}, teardown.Deleted, 0},
		"or cannot be read":            {slices.Repeat([]offboardtest.Fault{lost}, 100), teardown.Unknown, time.Minute},
		"or may not be read":           {slices.Repeat([]offboardtest.Fault{hidden}, 100), teardown.Unknown, time.Minute},
		"or may not be read for a bit": {[]offboardtest.Fault{hidden, hidden}, teardown.Deleted, 0},
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
					t.Errorf("%d deletions were sent, want 1, and 3 more at most", n)
				}
				if took := time.Since(start); took < test.least || took > test.least+time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// The context ends before a read decides what became of the organization.
func TestTeardown_EndAfterTheDeletion(t *testing.T) {
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

func TestARefusalThatNoReadForetellsLeavesTheOrganization(t *testing.T) {
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
			t.Error("it is gone")
		}
	})
}

// A plan in which a step was made one of the API's selects the step, and no more: that it
// has to be done by hand comes from a fresh read.
func TestTeardown_StepEditedToBeDoneByTheAPI(t *testing.T) {
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

func ExampleClient_Teardown() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{
		ID: "65f0000000000000000000ac", Slug: "acme", Name: "Acme Ltd",
		Subscriptions: []workspacetest.Subscription{{ID: "65f0000000000000000000d1", Plan: "Enterprise", Status: "active"}},
		Apps:          []workspacetest.App{{Name: "Acme Bank"}, {Name: "Acme Shop"}},
		Stores:        []workspacetest.Store{{CustomDomain: "apps.acme.example"}},
	})
	ctx := context.Background()
	c, err := workspace.New(srv.Option()) // workspace.New(workspace.WithToken(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := c.Plan(ctx, "acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := plan.WriteTree(os.Stdout); err != nil {
		fmt.Println(err)
		return
	}
	report, err := c.Teardown(ctx, plan, teardown.WithConfirm("Acme Ltd"))
	fmt.Println(report.Outcome, err)

	srv.CancelSubscriptions("65f0000000000000000000ac") // somebody does, in the dashboard

	report, err = c.Teardown(ctx, plan, teardown.WithConfirm("Acme Ltd"))
	fmt.Println(report.Outcome, err)
	// Output:
	// workspace: Acme Ltd (65f0000000000000000000ac): 1 step, 1 manual
	// ├─ subscription
	// │  └─ Enterprise (subscription/65f0000000000000000000d1): manual: cancel it in the dashboard, at Billing, Plan & Usage
	// └─ deleted along with it
	//    ├─ 2 apps: Acme Bank, Acme Shop
	//    ├─ 1 collaborator: olive.owner@example.com
	//    └─ 1 store: apps.acme.example
	// blocked workspace: CheckDeletion "65f0000000000000000000ac": active_subscriptions
	// deleted <nil>
}
