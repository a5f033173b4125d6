package volterratest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

func TestServer_Start(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.Start()
	defer srv.Close()
	request := volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example"}
	if err := volterra.DeleteTenant(t.Context(), request, srv.Option()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]volterra.DeleteTenantRequest{request}, srv.Accepted()); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
}

// The client has no operation for objects in F5's own namespaces.
func TestServer_RemoveObject(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.AddNamespace(volterratest.Namespace{Name: "shared", Objects: []volterratest.Object{{Name: "web", RefersTo: []string{"app/pool"}}}})
	srv.AddNamespace(volterratest.Namespace{Name: "app", Objects: []volterratest.Object{{Kind: "origin_pool", Name: "pool"}}})
	c, err := volterra.New(srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CascadeDeleteNamespace(t.Context(), "app"); !errors.Is(err, errors.NamespaceNotEmpty) {
		t.Errorf("got %v, want %q", err, errors.NamespaceNotEmpty)
	}
	srv.RemoveObject("shared", "web")
	if _, err := c.CascadeDeleteNamespace(t.Context(), "app"); err != nil {
		t.Error(err)
	}
	quota, err := c.GetQuotaUsage(t.Context(), "system")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for kind, item := range quota.Objects {
		got[kind] = item.Usage.Current
	}
	if diff := cmp.Diff(map[string]float64{"namespace": 3}, got); diff != "" {
		t.Errorf("quota (-want +got):\n%s", diff)
	}
}
