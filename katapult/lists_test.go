package katapult_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestLists_AllPages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		zones, pages int
		large        bool
	}{
		{0, 1, false},
		{1, 1, false},
		{100, 2, false}, // a full page, regardless of the total
		{101, 2, false},
		{250, 3, false},

		// The number of pages of a large set is not known.
		{0, 1, true},
		{99, 1, true},
		{100, 2, true},
		{250, 3, true},
	} {
		t.Run(fmt.Sprintf("%d zones, large %t", test.zones, test.large), func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
			srv.SetLargeSets(test.large)
			var want, got []string
			for i := range test.zones {
				name := fmt.Sprintf("%d.acme.com", i)
				srv.Add("org_acme", katapulttest.DNSZone{Name: name})
				want = append(want, name)
			}
			for zone, err := range newClient(t, srv).ListDNSZones(t.Context(), katapult.ID("org_acme")) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, zone.Name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("zones (-want +got):\n%s", diff)
			}
			if n := srv.Count("ListDNSZonesPage"); n != test.pages {
				t.Errorf("%d pages were requested, want %d", n, test.pages)
			}
		})
	}
}

// A server may return smaller pages than requested.
func TestLists_PageSizeOfServer(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	page := `{"pagination":{"current_page":%d,"per_page":2,"total":null,"total_pages":null,"large_set":true},"dns_zones":[%s]}`
	zone := `{"id":"z","name":"acme.com"}`
	srv.Fail(answer(200, fmt.Sprintf(page, 1, zone+","+zone)), answer(200, fmt.Sprintf(page, 2, zone)))
	zones, err := all(newClient(t, srv).ListDNSZones(t.Context(), katapult.ID("org_acme")))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(zones.([]katapult.DNSZone)); n != 3 {
		t.Errorf("got %d zones, want 3", n)
	}
}

func TestLists_InvalidPage(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no number":                  `{"pagination":{"total_pages":1,"per_page":100},"dns_zones":[]}`,
		"another page":               `{"pagination":{"current_page":2,"total_pages":2,"total":101,"per_page":100},"dns_zones":[]}`,
		"empty with pages to follow": `{"pagination":{"current_page":1,"total_pages":2,"per_page":100},"dns_zones":[]}`,
		"empty with a total":         `{"pagination":{"current_page":1,"total_pages":1,"total":2,"per_page":100},"dns_zones":[]}`,
		"an item without an id":      `{"pagination":{"current_page":1,"total_pages":1,"total":1,"per_page":100},"dns_zones":[{"name":"acme.com"}]}`,
		"an item that is null":       `{"pagination":{"current_page":1,"total_pages":1,"total":1,"per_page":100},"dns_zones":[null]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			srv.Fail(answer(200, body))
			zones, err := all(newClient(t, srv).ListDNSZones(t.Context(), katapult.ID("org_acme")))
			if !errors.Is(err, errors.UnexpectedResponse) || zones != nil || srv.Count("ListDNSZonesPage") != 1 {
				t.Errorf("got %v, %v after %d pages", zones, err, srv.Count("ListDNSZonesPage"))
			}
		})
	}
}

// An answer without a list is not an empty list.
func TestLists_PageWithoutItems(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no list":       `{"pagination":{"current_page":1,"total_pages":1,"total":0,"per_page":30,"large_set":false}}`,
		"null":          `{"pagination":{"current_page":1,"total_pages":1,"total":0,"per_page":30,"large_set":false},"disk":null}`,
		"another list":  `{"pagination":{"current_page":1,"total_pages":1,"total":0,"per_page":30,"large_set":false},"disks":[]}`,
		"no pagination": `{"disk":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			srv.Fail(answer(200, body))
			_, err := all(newClient(t, srv, katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: 1})).ListDisks(t.Context(), katapult.ID("org_acme")))
			if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.UnexpectedResponse {
				t.Errorf("got %v, want %q", err, errors.UnexpectedResponse)
			}
		})
	}
}

func TestLists_ErrorEndsIteration(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	steps := 0
	for _, err := range newClient(t, srv).ListTrashObjects(t.Context(), katapult.ID("org_acme")) {
		steps++
		if !errors.Is(err, errors.OrganizationNotFound) {
			t.Errorf("got %v, want %q", err, errors.OrganizationNotFound)
		}
	}
	if steps != 1 {
		t.Errorf("the list had %d steps, want 1", steps)
	}
}

func TestListDiskTemplates_IncludeUniversal(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
	c := newClient(t, srv)
	for _, universal := range []bool{false, true} {
		templates, err := all(c.ListDiskTemplates(t.Context(), katapult.ID("org_acme"), katapult.ListDiskTemplatesPageOptions{IncludeUniversal: universal}))
		if err != nil {
			t.Fatal(err)
		}
		if list := templates.([]katapult.DiskTemplate); (len(list) == 1) != universal || universal && !list[0].Universal {
			t.Errorf("with universal %t: got %+v", universal, list)
		}
	}
}

// The largest total of all pages counts, including that of a large set: a later page with a
// smaller total does not end the list.
func TestLists_SmallerTotalLater(t *testing.T) {
	t.Parallel()
	page := func(number, total int, large bool, ids ...string) offboardtest.Fault {
		var zones []string
		for _, id := range ids {
			zones = append(zones, fmt.Sprintf(`{"id":%q,"name":"%s.example"}`, id, id))
		}
		return answer(200, fmt.Sprintf(`{"pagination":{"current_page":%d,"per_page":100,"total":%d,"total_pages":1,"large_set":%t},"dns_zones":[%s]}`,
			number, total, large, strings.Join(zones, ",")))
	}
	for name, test := range map[string]struct {
		pages []offboardtest.Fault
		want  int
		fails bool
	}{
		"a smaller total":      {[]offboardtest.Fault{page(1, 3, false, "a"), page(2, 2, false, "b"), page(3, 3, false, "c")}, 3, false},
		"a smaller total, end": {[]offboardtest.Fault{page(1, 3, false, "a"), page(2, 2, false, "b"), page(3, 2, false)}, 2, true},
		"a large set":          {[]offboardtest.Fault{page(1, 3, true, "a"), page(2, 3, true, "b", "c")}, 3, false},
		"a large set, empty":   {[]offboardtest.Fault{page(1, 3, true)}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			srv.Fail(test.pages...)
			n := 0
			var err error
			for _, e := range newClient(t, srv).ListDNSZones(t.Context(), katapult.ID("org_acme")) {
				if err = e; e == nil {
					n++
				}
			}
			if n != test.want || test.fails != errors.Is(err, errors.UnexpectedResponse) || !test.fails && err != nil {
				t.Errorf("got %d zones and %v, want %d", n, err, test.want)
			}
		})
	}
}
