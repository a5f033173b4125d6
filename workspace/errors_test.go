package workspace_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
)

// Applivery has one code for all resources that do not exist: an app that does not exist must
// not be reported as an organization that does not exist.
func TestNotFound_Resource(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *workspace.Client) error{
		"GetApp": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.GetApp(ctx, acme, link)
			return err
		},
		"DeleteApp": func(ctx context.Context, c *workspace.Client) error { return c.DeleteApp(ctx, acme, link) },
		"ListAppEmployeesPage": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ListAppEmployeesPage(ctx, acme, link, workspace.ListAppEmployeesPageOptions{})
			return err
		},
		"DisenrollAOSPDevice": func(ctx context.Context, c *workspace.Client) error {
			return c.DisenrollAOSPDevice(ctx, acme, link)
		},
		"ChangeOwner": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ChangeOwner(ctx, acme, link)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			c := newClient(t, srv.Option())
			e := wants(t, call(t.Context(), c), errors.NotFound)
			if want := map[bool]string{true: acme, false: link}[name == "ChangeOwner"]; e.Target != want || e.ProviderCode != "3001" {
				t.Errorf("got target %q and code %q", e.Target, e.ProviderCode)
			}
			srv.Fail(offboardtest.Respond(name, http.StatusNotFound, `{"status":false,"error":{"code":3001,"data":{"entity":"Organization"}}}`))
			wants(t, call(t.Context(), c), errors.OrganizationNotFound)
		})
	}
	t.Run("CheckSlug", func(t *testing.T) {
		t.Parallel()
		srv := full()
		srv.Fail(offboardtest.Respond("CheckSlug", http.StatusNotFound, `{"status":false,"error":{"code":3001}}`))
		_, err := newClient(t, srv.Option()).CheckSlug(t.Context(), "acme-labs")
		wants(t, err, errors.NotFound)
	})
	t.Run("ListSegments", func(t *testing.T) {
		t.Parallel()
		_, err := newClient(t, full().Option()).ListSegments(t.Context(), "unknown")
		wants(t, err, errors.NotFound) // a list proves nothing about the organization
	})
}

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/errors.json", read)
}

func FuzzErrorAnswers(f *testing.F) { pipelinesuite.Fuzz(f, "testdata/errors.json", read) }

// read reads an organization with one attempt.
func read(hc *http.Client) error {
	c, err := workspace.New(workspace.WithToken("token"), workspace.WithHTTPClient(hc), workspace.WithRetry(workspace.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if err != nil {
		return err
	}
	_, err = c.GetOrganization(context.Background(), acme)
	return err
}
