package workspace_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

func TestPlan_Cascades(t *testing.T) {
	t.Parallel()
	srv := full()
	srv.Change(acme, func(o *workspacetest.Organization) {
		for i := range 120 {
			o.Apps = append(o.Apps, workspacetest.App{Name: fmt.Sprint("App ", i)})
		}
		o.Stores = append(o.Stores, workspacetest.Store{ID: link})
	})
	p := planned(t, newClient(t, srv.Option()))
	for i := range p.Cascades { // each has all IDs
		if l := &p.Cascades[i]; len(l.IDs) != l.Count || !slices.IsSorted(l.IDs) || l.Digest != "" {
			t.Errorf("got the IDs %v of %d %s", l.IDs, l.Count, l.Kind)
		}
	}
	want := []teardown.Cascade{
		{Kind: "apps", Count: 121, Names: []string{"Acme Bank", "App 0", "App 1", "App 2", "App 3"}},
		{
			Kind: "devices", Count: 3, Note: "not documented whether Applivery disenrolls them",
			Names: []string{"android " + phone + ", ACTIVE", "apple " + tablet + ", ACTIVE", "aosp " + aosp + ", ACTIVE"},
		},
		{Kind: "collaborators", Count: 2, Names: []string{"olive.owner@example.com", "jane.doe@example.com"}},
		{Kind: "stores", Count: 2, Names: []string{"apps.acme.example", link}},
		{Kind: "segments", Count: 2, Names: []string{"Europe", "Spain"}},
	}
	if diff := cmp.Diff(want, p.Cascades, cmpopts.IgnoreFields(teardown.Cascade{}, "IDs")); diff != "" {
		t.Errorf("cascades (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(teardown.Organization{ID: acme, Name: "Acme"}, p.Organization); diff != "" {
		t.Errorf("organization (-want +got):\n%s", diff)
	}
	if p.Err() != nil || len(p.Steps) != 0 || len(p.Overrides()) != 0 {
		t.Errorf("got %v, steps %+v, overrides %v", p.Err(), p.Steps, p.Overrides())
	}
}

func TestPlan_CascadeTotals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first string
		want  int
	}{
		"with a total":            {`"totalDocs":7,"hasNextPage":true`, 8}, // the items count
		"with a total of too few": {`"totalDocs":1,"hasNextPage":true`, 8},
		"without a total":         {`"hasNextPage":true`, 8},
		"without both":            {`"page":1`, 6},
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

func TestPlan_UnreadableList(t *testing.T) {
	t.Parallel()
	fail := func(status, code int) offboardtest.Fault {
		return offboardtest.Respond("ListDevicesPage", status, fmt.Sprintf(`{"status":false,"error":{"code":%d}}`, code))
	}
	for name, test := range map[string]struct {
		fault offboardtest.Fault
		note  string
		want  errors.Code
	}{
		"not permitted":     {fail(401, 4001), "permission_denied", ""},
		"not subscribed to": {fail(400, 5004), "permission_denied", ""},
		"not found":         {fail(404, 3001), "not_found", ""},
		"no token":          {fail(401, 4002), "", errors.MissingAPIToken},
		"no such route":     {fail(404, 1002), "", errors.RouteNotFound},
		"no such user":      {*refused(404, 1002), "", errors.RouteNotFound},
		"a web page":        {offboardtest.HTMLResponse("ListDevicesPage", 404), "", errors.UnexpectedResponse},
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
			want := teardown.Cascade{Kind: "devices", Note: "number unknown: " + test.note}
			if diff := cmp.Diff(want, p.Cascades[1]); diff != "" {
				t.Errorf("cascade (-want +got):\n%s", diff)
			}
			// A list that is not found proves nothing about the organization.
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
			wants(t, err, "")
			outcome(t, r, teardown.Deleted)
			if srv.Exists(acme) {
				t.Error("the organization exists")
			}
		})
	}
}
