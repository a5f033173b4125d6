package atlas_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
		srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
		srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop", Clusters: 2})
		c := newClient(t, srv)
		organization := atlas.Organization{ID: acme, Name: "Acme"}
		got, err := c.GetOrganization(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&organization, got); diff != "" {
			t.Errorf("organization (-want +got):\n%s", diff)
		}
		all := atlas.Organization{ID: other, Name: "Other"}
		if diff := cmp.Diff([]atlas.Organization{organization, all}, gather(t, c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{}))); diff != "" {
			t.Errorf("organizations (-want +got):\n%s", diff)
		}
		page, err := c.ListOrganizationsPage(t.Context(), atlas.ListOrganizationsPageOptions{Name: "aC"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]atlas.Organization{organization}, page.Results); diff != "" || page.TotalCount != 1 {
			t.Errorf("%d organizations by name (-want +got):\n%s", page.TotalCount, diff)
		}
		project := atlas.Project{
			ID: shop, Name: "shop", OrgID: acme, ClusterCount: 2,
			Created: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), Tags: []atlas.Tag{},
		}
		if diff := cmp.Diff([]atlas.Project{project}, gather(t, c.ListProjects(t.Context(), acme, atlas.ListProjectsPageOptions{}))); diff != "" {
			t.Errorf("projects (-want +got):\n%s", diff)
		}
		projects, err := c.ListProjectsPage(t.Context(), acme, atlas.ListProjectsPageOptions{Name: "blog"})
		if err != nil {
			t.Fatal(err)
		}
		if len(projects.Results) != 0 {
			t.Errorf("got projects %v by name, want none", projects.Results)
		}
		if none := gather(t, c.ListProjects(t.Context(), other, atlas.ListProjectsPageOptions{})); len(none) != 0 {
			t.Errorf("got projects %v, want none", none)
		}
		_, err = c.ListProjectsPage(t.Context(), acme, atlas.ListProjectsPageOptions{ItemsPerPage: 501})
		if got := code(t, err); got != errors.ValidationError {
			t.Errorf("got %v for a page that is too large, want %q", err, errors.ValidationError)
		}
	})
}

func TestACredentialOfAnOrganizationSeesThatOneOnly(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
	srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
	c := as(t, srv, own["service account"](srv))
	want := []atlas.Organization{{ID: acme, Name: "Acme"}}
	if diff := cmp.Diff(want, gather(t, c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{}))); diff != "" {
		t.Errorf("organizations (-want +got):\n%s", diff)
	}
}

// gather takes all of a list that has no error.
func gather[T any](t *testing.T, list func(func(T, error) bool)) []T {
	t.Helper()
	var all []T
	for item, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

func TestAListGoesOnToItsLastPage(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	var want []string
	for i := range 1201 {
		id := fmt.Sprintf("5e2f0000000000000000%04d", i)
		srv.AddProject(acme, atlastest.Project{ID: id})
		want = append(want, id)
	}
	var got []string
	for _, p := range gather(t, newClient(t, srv).ListProjects(t.Context(), acme, atlas.ListProjectsPageOptions{})) {
		got = append(got, p.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("projects (-want +got):\n%s", diff)
	}
	var queries []string
	for _, r := range srv.Requests() {
		queries = append(queries, r.Query)
	}
	pages := []string{"pageNum=1&itemsPerPage=500", "pageNum=2&itemsPerPage=500", "pageNum=3&itemsPerPage=500"}
	if diff := cmp.Diff(pages, queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestList_End(t *testing.T) {
	t.Parallel()
	item := `{"id":"` + shop + `","name":"shop"}`
	answer := func(items int, total int, rel string) offboardtest.Fault {
		return offboardtest.Respond("", 200, fmt.Sprintf(`{"results":[%s],"totalCount":%d,"links":[{"rel":"self"},{"rel":%q}]}`,
			strings.TrimSuffix(strings.Repeat(item+",", items), ","), total, rel))
	}
	for name, test := range map[string]struct {
		pages       []offboardtest.Fault
		items, sent int
		fails       bool
	}{
		"a short page":                            {[]offboardtest.Fault{answer(2, 2, "previous")}, 2, 1, false},
		"a short page whose total says more":      {[]offboardtest.Fault{answer(2, 900, "previous"), answer(0, 900, "previous")}, 2, 2, true},
		"a short page and a smaller total":        {[]offboardtest.Fault{answer(2, 900, "previous"), answer(0, 2, "previous")}, 2, 2, true},
		"an empty page":                           {[]offboardtest.Fault{answer(0, 0, "previous")}, 0, 1, false},
		"an empty page whose total says more":     {[]offboardtest.Fault{answer(0, 900, "previous")}, 0, 1, true},
		"a short page before another one":         {[]offboardtest.Fault{answer(2, 2, "next"), answer(1, 2, "previous")}, 3, 2, false},
		"a full page that says nothing of others": {[]offboardtest.Fault{answer(500, 500, "self"), answer(0, 500, "previous")}, 500, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, list := range map[string]func(*atlas.Client) (int, error){
				"projects": func(c *atlas.Client) (n int, err error) {
					for _, err = range c.ListProjects(t.Context(), acme, atlas.ListProjectsPageOptions{}) {
						if err == nil {
							n++
						}
					}
					return n, err
				},
				"organizations": func(c *atlas.Client) (n int, err error) {
					for _, err = range c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{}) {
						if err == nil {
							n++
						}
					}
					return n, err
				},
			} {
				srv := atlastest.NewServer()
				srv.Fail(test.pages...)
				n, err := list(newClient(t, srv))
				if test.fails != errors.Is(err, errors.UnexpectedResponse) || !test.fails && err != nil || n != test.items || len(srv.Requests()) != test.sent {
					t.Errorf("got %d %s by %d requests and %v, want %d by %d", n, what, len(srv.Requests()), err, test.items, test.sent)
				}
			}
		})
	}
}

func TestAnErrorEndsAList(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]offboardtest.Fault{
		"a refusal":            offboardtest.Respond("", 403, `{"error":403,"errorCode":"ACCESS_FORBIDDEN"}`),
		"a page without items": offboardtest.Respond("", 200, `{"totalCount":0,"links":[]}`),
		"items that are null":  offboardtest.Respond("", 200, `{"results":null}`),
		"a web page":           offboardtest.HTMLResponse("", 200),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			answer.Times = 2
			srv.Fail(answer)
			c := newClient(t, srv)
			n := 0
			for _, err := range c.ListProjects(t.Context(), acme, atlas.ListProjectsPageOptions{}) {
				if n++; err == nil {
					t.Error("got a project")
				}
			}
			for _, err := range c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{}) {
				if n++; err == nil {
					t.Error("got an organization")
				}
			}
			if n != 2 || len(srv.Requests()) != 2 {
				t.Errorf("got %d errors by %d requests, want one for each list", n, len(srv.Requests()))
			}
		})
	}
}
