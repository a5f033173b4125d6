package zitadel_test

import (
	"context"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func TestClient_ZeroClientAndNilContext(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	var none context.Context
	for name, test := range map[string]struct {
		ctx    context.Context
		client *zitadel.Client
	}{
		"zero client": {t.Context(), new(zitadel.Client)},
		"nil context": {none, newClient(t, srv)},
	} {
		for call, do := range map[string]func(context.Context, *zitadel.Client) error{
			"Plan":            func(ctx context.Context, c *zitadel.Client) error { _, err := c.Plan(ctx, "acme"); return err },
			"Preview":         func(ctx context.Context, c *zitadel.Client) error { _, err := c.Preview(ctx, "acme"); return err },
			"CheckDeletion":   func(ctx context.Context, c *zitadel.Client) error { return c.CheckDeletion(ctx, "acme") },
			"CheckDeletionV2": func(ctx context.Context, c *zitadel.Client) error { return c.CheckDeletionV2(ctx, "acme") },
			"WaitForDeletion": func(ctx context.Context, c *zitadel.Client) error { return c.WaitForDeletion(ctx, "acme", nil) },
			"DeactivateOrganization": func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeactivateOrganization(ctx, "acme")
				return err
			},
			"ListUsers": func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListUsers(ctx, "acme"))
				return err
			},
			"ListPolicies": func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListPolicies(ctx, "acme"))
				return err
			},
			"DeleteOrganization": func(ctx context.Context, c *zitadel.Client) error {
				return routes["DeleteOrganization"](ctx, c, "acme")
			},
			"DeleteMyOrganization": func(ctx context.Context, c *zitadel.Client) error {
				return routes["DeleteMyOrganization"](ctx, c, "acme")
			},
			"DeleteOrganizationV2": func(ctx context.Context, c *zitadel.Client) error {
				return routes["DeleteOrganizationV2"](ctx, c, "acme")
			},
		} {
			if err := do(test.ctx, test.client); code(err) != errors.InvalidArgument {
				t.Errorf("%s, %s: got %v, want code %q", name, call, err, errors.InvalidArgument)
			}
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
