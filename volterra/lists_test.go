package volterra_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

func TestGetQuotaUsage_BothForms(t *testing.T) {
	t.Parallel()
	item := func(n float64) volterra.QuotaItem { return volterra.QuotaItem{Usage: volterra.QuotaCount{Current: n}} }
	for body, want := range map[string]map[string]volterra.QuotaItem{
		`{"objects":{"a":{"usage":{"current":1}}}}`:                                                    {"a": item(1)},
		`{"quota_usage":{"a":{"limit":{"maximum":-1},"usage":{"current":2}}}}`:                         {"a": {Limit: volterra.QuotaLimit{Maximum: -1}, Usage: volterra.QuotaCount{Current: 2}}},
		`{"objects":{"a":{"usage":{"current":1}},"b":{}},"quota_usage":{"a":{"usage":{"current":2}}}}`: {"a": item(2), "b": {}},
		`{"quota_usage":{}}`: {},
		`{}`:                 nil, `{"objects":null,"quota_usage":null}`: nil, `{"resources":{"a":{}}}`: nil,
	} {
		srv := volterratest.NewServer()
		srv.Fail(offboardtest.Respond("GetQuotaUsage", 200, body))
		got, err := newClient(t, srv).GetQuotaUsage(t.Context(), "system")
		if want == nil {
			if !errors.Is(err, errors.UnexpectedResponse) {
				t.Errorf("%s: got %+v and %v, want %q", body, got, err, errors.UnexpectedResponse)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if diff := cmp.Diff(want, got.Objects); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestLists_PartialResult(t *testing.T) {
	t.Parallel()
	want := []volterra.ListError{
		{Code: volterra.ListErrorCodePermissionDenied, Message: "No role for it."},
		{Code: volterra.ListErrorCodePartial},
	}
	for name, test := range operations {
		if _, paged := test.want.(*volterra.ChildTenantAccessPage); paged || !strings.HasPrefix(test.name, "List") ||
			test.name == "ListSubscriptions" || test.name == "ListInvoices" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := owner()
			srv.SetListErrors(test.name, append([]volterra.ListError{{Code: volterra.ListErrorCodeOK}}, want...)...)
			got, err := test.call(t.Context(), newClient(t, srv))
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty(), made); diff != "" {
				t.Errorf("what is known (-want +got):\n%s", diff)
			}
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.PartialResult || e.Operation != test.name || e.ProviderCode != "EPERMS" || e.Message != "No role for it." {
				t.Fatalf("got %v, want %q", err, errors.PartialResult)
			}
			if diff := cmp.Diff(any(want), e.Detail); diff != "" {
				t.Errorf("detail (-want +got):\n%s", diff)
			}
			srv.SetListErrors(test.name, volterra.ListError{Code: volterra.ListErrorCodeOK})
			if _, err := test.call(t.Context(), newClient(t, srv)); err != nil {
				t.Errorf("got %v, want nil when nothing is missing", err)
			}
		})
	}
}

// names returns the names that ListChildTenantAccess yields.
func names(t *testing.T, c *volterra.Client, options volterra.ListChildTenantAccessPageOptions) ([]string, error) {
	t.Helper()
	var names []string
	for access, err := range c.ListChildTenantAccess(t.Context(), options) {
		if err != nil {
			return names, err
		}
		names = append(names, access.Name)
	}
	return names, nil
}

func TestListChildTenantAccess_Pages(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.AddChildTenantManager("retail")
	var want []string
	for i := range 250 {
		name := fmt.Sprintf("branch-%03d", i)
		srv.AddChildTenant(volterratest.ChildTenant{Name: name, Manager: []string{"", "retail"}[i%2]})
		if i%2 == 1 {
			want = append(want, name)
		}
	}
	c := newClient(t, srv)
	got, err := names(t, c, volterra.ListChildTenantAccessPageOptions{Manager: "retail", PageStart: "ignored", PageLimit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(srv.Requests()); n != 2 {
		t.Errorf("%d pages were requested, want 2", n)
	}
	for range c.ListChildTenantAccess(t.Context(), volterra.ListChildTenantAccessPageOptions{}) {
		break
	}
	if n := len(srv.Requests()); n != 3 {
		t.Errorf("%d more pages were requested, want 1", n-2)
	}
	if got, err := names(t, c, volterra.ListChildTenantAccessPageOptions{}); err != nil || len(got) != 250 {
		t.Errorf("got %d and %v, want 250: the options of an iterator are its own", len(got), err)
	}
}

func TestListChildTenantAccess_Cycle(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	page := offboardtest.Respond("", 200, `{"access_config":[{"name":"branch"}],"next_page":"1"}`)
	page.Times = 5
	srv.Fail(page)
	got, err := names(t, newClient(t, srv), volterra.ListChildTenantAccessPageOptions{})
	if code(err) != errors.UnexpectedResponse || len(got) != 1 {
		t.Errorf("got %v and %v, want %q", got, err, errors.UnexpectedResponse)
	}
}
