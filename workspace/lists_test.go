package workspace_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

func TestListOrganizations_NotFound(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.Fail(offboardtest.Respond("", 404, `{"status":false,"error":{"code":3001}}`))
	_, err := newClient(t, srv.Option()).ListOrganizationsPage(t.Context(), workspace.ListOrganizationsPageOptions{})
	wants(t, err, errors.NotFound)
}

func TestListOrganizations_AllPages(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	for i := range 7 {
		srv.AddOrganization(workspacetest.Organization{ID: fmt.Sprintf("65f00000000000000000000%d", i), Name: "n", Slug: fmt.Sprintf("slug-%d", i)})
	}
	srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "another name"})
	options := workspace.ListOrganizationsPageOptions{Limit: 3, Sort: "slug:desc", Name: "n"}
	c := newClient(t, srv.Option())
	if diff := cmp.Diff([]string{"slug-6", "slug-5", "slug-4", "slug-3", "slug-2", "slug-1", "slug-0"}, slugs(t, c, options)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var queries []string
	for _, r := range srv.Requests() {
		queries = append(queries, r.Query)
	}
	want := []string{
		"page=1&limit=3&sort=slug%3Adesc&name=n",
		"page=2&limit=3&sort=slug%3Adesc&name=n",
		"page=3&limit=3&sort=slug%3Adesc&name=n",
	}
	if diff := cmp.Diff(want, queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
	options.Page = 3
	if diff := cmp.Diff([]string{"slug-0"}, slugs(t, c, options)); diff != "" {
		t.Errorf("from page 3 on (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"slug-2"}, slugs(t, c, workspace.ListOrganizationsPageOptions{Slug: "slug-2"})); diff != "" {
		t.Errorf("by slug (-want +got):\n%s", diff)
	}
}

func slugs(t *testing.T, c *workspace.Client, options workspace.ListOrganizationsPageOptions) []string {
	t.Helper()
	var all []string
	for organization, err := range c.ListOrganizations(t.Context(), options) {
		wants(t, err, "")
		all = append(all, organization.Slug)
	}
	return all
}

func TestListOrganizations_End(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pages []string
		want  string
		code  errors.Code
	}{
		"no next page":         {[]string{`{"items":[{"id":"a"}],"hasNextPage":false,"page":1,"totalPages":1}`}, "a", ""},
		"more pages only":      {[]string{`{"items":[{"id":"a"}],"hasNextPage":false,"page":1,"totalPages":9}`, `{"items":[],"page":2}`}, "a", ""},
		"no paging members":    {[]string{`{"items":[{"id":"a"}]}`}, "a", ""},
		"no items":             {[]string{`{"items":[{"id":"a"}],"hasNextPage":true}`, `{"items":[],"hasNextPage":true}`}, "a", errors.UnexpectedResponse},
		"the last of all":      {[]string{`{"items":[{"id":"a"}],"hasNextPage":true,"totalPages":2}`, `{"items":[{"id":"b"}],"hasNextPage":true,"totalPages":2}`, `{"items":[]}`}, "ab", ""},
		"the same page again":  {[]string{`{"items":[{"id":"a"}],"hasNextPage":true,"page":1}`, `{"items":[{"id":"a"}],"hasNextPage":true,"page":1}`}, "a", errors.UnexpectedResponse},
		"no list":              {[]string{`{"hasNextPage":true}`}, "", errors.UnexpectedResponse},
		"null items":           {[]string{`{"items":null}`}, "", errors.UnexpectedResponse},
		"an underscored id":    {[]string{`{"items":[{"_id":"a"},{"id":"b"}]}`}, "ab", ""},
		"a failure in between": {[]string{`{"items":[{"id":"a"}],"hasNextPage":true}`, `7`}, "a", errors.UnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := workspacetest.NewServer()
			for _, page := range test.pages {
				srv.Fail(answer("ListOrganizationsPage", `{"status":true,"data":`+page+`}`))
			}
			var got string
			var last error
			for organization, err := range newClient(t, srv.Option()).ListOrganizations(t.Context(), workspace.ListOrganizationsPageOptions{}) {
				got, last = got+organization.ID, err
			}
			wants(t, last, test.code)
			if got != test.want || len(srv.Requests()) != len(test.pages) {
				t.Errorf("got %q in %d pages, want %q in %d", got, len(srv.Requests()), test.want, len(test.pages))
			}
		})
	}
}

// A list that answers "not found" does not prove that the organization does not exist.
func TestLists_NotFound(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
	for operation, read := range lists {
		if operation == "ListOrganizations" {
			continue
		}
		request := operation + "Page"
		if operation == "ListSegments" { // the only list without pages
			request = operation
		}
		srv.Fail(offboardtest.Respond(request, 404, `{"status":false,"error":{"code":3001}}`))
		_, err := read(t.Context(), newClient(t, srv.Option()))
		if errors.Is(err, errors.OrganizationNotFound) || !errors.Is(err, errors.NotFound) {
			t.Errorf("%s: got %v, want %q", operation, err, errors.NotFound)
		}
	}
}

// gather returns the items that a list yields.
func gather[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, item)
	}
	return all, nil
}

// ids returns the IDs of the items that a list yields.
func ids[T any](list iter.Seq2[T, error], id func(T) string) ([]string, error) {
	var all []string
	for item, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, id(item))
	}
	return all, nil
}

// lists reads each paged list of the organization acme.
var lists = map[string]func(context.Context, *workspace.Client) ([]string, error){
	"ListOrganizations": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListOrganizations(ctx, workspace.ListOrganizationsPageOptions{}), func(o workspace.Organization) string { return o.ID })
	},
	"ListCollaborators": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListCollaborators(ctx, acme, workspace.ListCollaboratorsPageOptions{}), func(o workspace.Collaborator) string { return o.ID })
	},
	"ListAppCollaborators": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListAppCollaborators(ctx, acme, workspace.ListAppCollaboratorsPageOptions{}), func(o workspace.AppCollaborator) string { return o.ID })
	},
	"ListApps": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListApps(ctx, acme, workspace.ListAppsPageOptions{}), func(o workspace.App) string { return o.ID })
	},
	"ListAppEmployees": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListAppEmployees(ctx, acme, app, workspace.ListAppEmployeesPageOptions{}), func(o workspace.AppEmployee) string { return o.ID })
	},
	"ListStores": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListStores(ctx, acme, workspace.ListStoresPageOptions{}), func(o workspace.Store) string { return o.ID })
	},
	"ListDevices": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListDevices(ctx, acme, workspace.ListDevicesPageOptions{}), func(o workspace.Device) string { return o.ID })
	},
	"ListAppleDevices": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListAppleDevices(ctx, acme, workspace.ListAppleDevicesPageOptions{}), func(o workspace.AppleDevice) string { return o.ID })
	},
	"ListAndroidDevices": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListAndroidDevices(ctx, acme, workspace.ListAndroidDevicesPageOptions{}), func(o workspace.AndroidDevice) string { return o.ID })
	},
	"ListWindowsDevices": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListWindowsDevices(ctx, acme, workspace.ListWindowsDevicesPageOptions{}), func(o workspace.WindowsDevice) string { return o.ID })
	},
}

func TestLists_SmallerPages(t *testing.T) {
	t.Parallel()
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			for number := 1; number <= 3; number++ {
				srv.Fail(answer(name+"Page", fmt.Sprintf(
					`{"status":true,"data":{"items":[{"id":"%d"}],"limit":1,"page":%[1]d,"totalPages":3,"totalDocs":3,"hasNextPage":true,"nextPage":null}}`, number)))
			}
			// The third page is full.
			srv.Fail(answer(name+"Page", `{"status":true,"data":{"items":[],"limit":1,"page":4,"totalPages":3,"totalDocs":3,"hasNextPage":false,"nextPage":null}}`))
			got, err := list(t.Context(), newClient(t, srv.Option()))
			wants(t, err, "")
			if diff := cmp.Diff([]string{"1", "2", "3"}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(srv.Requests()); n != 4 {
				t.Errorf("%d requests were sent, want 4", n)
			}
		})
	}
}

func TestLists_RepeatedPage(t *testing.T) {
	t.Parallel()
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			fault := answer(name+"Page", `{"status":true,"data":{"items":[{"id":"a"}],"page":1,"hasNextPage":true}}`)
			fault.Times = 100
			srv.Fail(fault)
			got, err := list(t.Context(), newClient(t, srv.Option()))
			e := wants(t, err, errors.UnexpectedResponse)
			if len(got) != 1 || e.Operation != name+"Page" {
				t.Errorf("got %v and %v", got, err)
			}
		})
	}
}

func TestLists_NoItems(t *testing.T) {
	t.Parallel()
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			srv.Fail(answer(name+"Page", `{"status":true,"data":{"totalDocs":0,"hasNextPage":false}}`))
			_, err := list(t.Context(), newClient(t, srv.Option()))
			wants(t, err, errors.UnexpectedResponse)
		})
	}
}

func TestListApps_FirstPage(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Apps: make([]workspacetest.App, 250)})
	options := workspace.ListAppsPageOptions{Page: 2}
	list := newClient(t, srv.Option()).ListApps(t.Context(), acme, options)
	for range 2 { // a list can be read more than once
		apps, err := gather(list)
		wants(t, err, "")
		if len(apps) != 150 {
			t.Errorf("got %d apps, want 150", len(apps))
		}
	}
	if n := len(srv.Requests()); n != 4 || srv.Requests()[2].Query != "page=2" {
		t.Errorf("got %d requests, the third with the query %q", n, srv.Requests()[2].Query)
	}
}

func TestListCollaborators_ServiceAccount(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.OptionWithToken(srv.AddServiceAccount(acme)))
	profile, err := c.GetProfile(t.Context())
	wants(t, err, "")
	if profile.Role != workspace.UserRoleServiceAccount || !strings.HasSuffix(profile.Email, "@"+acme+".iam.applivery.io") {
		t.Errorf("got %+v", profile)
	}
	for onlyUsers, want := range map[bool]int{false: 3, true: 2} {
		all, err := gather(c.ListCollaborators(t.Context(), acme, workspace.ListCollaboratorsPageOptions{OnlyUsers: onlyUsers}))
		wants(t, err, "")
		if len(all) != want {
			t.Errorf("got %d collaborators, want %d", len(all), want)
		}
	}
}

func TestListDevices_SubType(t *testing.T) {
	t.Parallel()
	c := newClient(t, full().Option())
	for subType, want := range map[workspace.DeviceSubType]int{"": 4, workspace.DeviceSubTypeDevice: 3, workspace.DeviceSubTypeEnrollment: 1} {
		all, err := gather(c.ListDevices(t.Context(), acme, workspace.ListDevicesPageOptions{SubType: subType}))
		wants(t, err, "")
		if len(all) != want {
			t.Errorf("%q: got %d, want %d", subType, len(all), want)
		}
	}
}

func TestListDevices_UnknownValues(t *testing.T) {
	t.Parallel()
	srv := full()
	srv.Fail(answer("ListDevicesPage", `{"status":true,"data":{"items":[{"id":"x","type":"visionos","subType":"twin"}]}}`))
	all, err := gather(newClient(t, srv.Option()).ListDevices(t.Context(), acme, workspace.ListDevicesPageOptions{}))
	wants(t, err, "")
	if diff := cmp.Diff([]workspace.Device{{ID: "x", Type: "visionos", SubType: "twin"}}, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestListWindowsDevices_SegmentExpansion(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{
		ID: acme,
		Segments: []workspacetest.Segment{
			{ID: 1, Name: "Europe", Children: []workspacetest.Segment{{ID: 2, Name: "Spain"}, {ID: 3, Name: "France"}}},
			{ID: 4, Name: "Asia"},
		},
		Devices: []workspacetest.Device{
			{Type: "windows", Name: "1", Segment: 1}, {Type: "windows", Name: "2", Segment: 2}, {Type: "windows", Name: "3", Segment: 3},
			{Type: "windows", Name: "4", Segment: 4}, {Type: "windows", Name: "5", Segment: 2, Deleted: true},
		},
	})
	c := newClient(t, srv.Option())
	for want, options := range map[string]workspace.ListWindowsDevicesPageOptions{
		"1 2 3 4": {},
		"2":       {SegmentID: 2},
		"2 5":     {SegmentID: 2, ShowDeleted: true},
		"1 2":     {SegmentID: 2, ExpandTo: workspace.SegmentExpansionAncestors},
		"1 2 3":   {SegmentID: 1, ExpandTo: workspace.SegmentExpansionChildren},
		"":        {SegmentID: 5, ExpandTo: workspace.SegmentExpansionChildren},
	} {
		names, err := ids(c.ListWindowsDevices(t.Context(), acme, options), func(d workspace.WindowsDevice) string { return d.DisplayName })
		wants(t, err, "")
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%+v: got %q, want %q", options, got, want)
		}
	}
}
