package volterra_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// A wait is about the object of its first read, not about another one with its name.
func TestWaits_Recreated(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(context.Context, *volterra.Client, *volterratest.Server) error{
		"child tenant": func(ctx context.Context, c *volterra.Client, srv *volterratest.Server) error {
			add := func() { srv.AddChildTenant(volterratest.ChildTenant{Name: "x", Domain: "x-retail"}) }
			add()
			return c.WaitForChildTenantDeletion(ctx, "x", func(*volterra.ChildTenant) { srv.RemoveObject("system", "x"); add() })
		},
		"namespace": func(ctx context.Context, c *volterra.Client, srv *volterratest.Server) error {
			add := func() { srv.AddNamespace(volterratest.Namespace{Name: "x"}) }
			add()
			return c.WaitForNamespaceDeletion(ctx, "x", func(*volterra.Namespace) { srv.RemoveObject("", "x"); add() })
		},
		"subscription": func(ctx context.Context, c *volterra.Client, srv *volterratest.Server) error {
			add := func() { srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "x"}) }
			add()
			return c.WaitUntilUnsubscribed(ctx, "x", func(*volterra.AddonSubscription) { srv.RemoveObject("system", "x"); add() })
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if err := wait(ctx, newClient(t, srv), srv); err != nil {
				t.Errorf("%s: got %v", name, err)
			}
		})
	}
}

func TestWaitForChildTenantDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := owner() // whose child tenant takes a minute
		c := newClient(t, srv)
		started := time.Now()
		if err := c.DeleteChildTenant(t.Context(), "branch", volterra.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		srv.Fail(offboardtest.HTMLResponse("GetChildTenant", 503))
		var states []volterra.ChildTenantState
		err := c.WaitForChildTenantDeletion(t.Context(), "branch", func(tenant *volterra.ChildTenant) {
			states = append(states, tenant.Spec.Status)
			if !tenant.SystemMetadata.Deleted.Equal(started) {
				t.Errorf("deleted at %v, want %v", tenant.SystemMetadata.Deleted, started)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); took < time.Minute || took > 90*time.Second {
			t.Errorf("took %v, want about a minute", took)
		}
		if diff := cmp.Diff([]volterra.ChildTenantState{volterra.ChildTenantStateDeleteInProgress}, slices.Compact(states)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestWaitForChildTenantDeletion_DeleteFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.AddChildTenant(volterratest.ChildTenant{Name: "branch", Takes: time.Minute, Failures: 1})
		c := newClient(t, srv)
		for _, want := range []errors.Code{errors.DeletionFailed, ""} {
			started := time.Now()
			if err := c.DeleteChildTenant(t.Context(), "branch", volterra.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			err := c.WaitForChildTenantDeletion(ctx, "branch", nil)
			e, _ := errors.AsType[*errors.Error](err)
			switch {
			case want == "" && err != nil:
				t.Errorf("got %v, want nil", err)
			case want != "" && (e == nil || e.Code != want || e.ProviderCode != "StateDeleteFailed" || e.Target != "branch"):
				t.Errorf("got %v, want %q", err, want)
			}
			if took := time.Since(started); took > 90*time.Second {
				t.Errorf("took %v, want about a minute", took)
			}
		}
	})
}

func TestWaits_Deadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.AddChildTenant(volterratest.ChildTenant{Name: "branch", Takes: time.Hour})
		srv.AddNamespace(volterratest.Namespace{Name: "app", Takes: time.Hour})
		srv.AddNamespace(volterratest.Namespace{Name: "kept"})
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap", Takes: time.Hour})
		c := newClient(t, srv)
		if _, err := c.CascadeDeleteNamespace(t.Context(), "app"); err != nil {
			t.Fatal(err)
		}
		seen := 0
		operations := map[string]string{
			"child_tenant": "WaitForChildTenantDeletion", "namespace": "WaitForNamespaceDeletion", "addon_subscription": "WaitUntilUnsubscribed",
		}
		for step, wait := range map[errors.Step]func(context.Context) error{
			{Name: "child_tenant", Description: "branch: StateActive"}: func(ctx context.Context) error {
				return c.WaitForChildTenantDeletion(ctx, "branch", nil)
			},
			{Name: "namespace", Description: "app: being deleted"}: func(ctx context.Context) error {
				return c.WaitForNamespaceDeletion(ctx, "app", func(*volterra.Namespace) { seen++ })
			},
			{Name: "namespace", Description: "kept: exists"}: func(ctx context.Context) error {
				return c.WaitForNamespaceDeletion(ctx, "kept", nil)
			},
			{Name: "addon_subscription", Description: "waap: SUBSCRIPTION_ENABLED"}: func(ctx context.Context) error {
				return c.WaitUntilUnsubscribed(ctx, "waap", nil)
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := wait(ctx)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.NotFinished || !errors.Is(err, context.DeadlineExceeded) || !cmp.Equal(e.Steps, []errors.Step{step}) {
				t.Fatalf("got %v, want %q with %v", err, errors.NotFinished, step)
			}
			if e.Operation != operations[step.Name] {
				t.Errorf("got operation %q, want %q", e.Operation, operations[step.Name])
			}
		}
		if seen < 4 {
			t.Errorf("progress was called %d times", seen)
		}
		if err := c.WaitForNamespaceDeletion(t.Context(), "app", nil); err != nil {
			t.Errorf("got %v, want nil after an hour", err)
		}
	})
}

func TestWaitUntilUnsubscribed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap", Takes: 10 * time.Minute})
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "support", Service: volterra.AddonDelegatedAccessStandard})
		c := newClient(t, srv)
		for _, service := range []volterra.AddonService{volterra.AddonWAAPStandard, volterra.AddonDelegatedAccessStandard} {
			if err := c.Unsubscribe(t.Context(), service); err != nil {
				t.Fatal(err)
			}
		}
		started := time.Now()
		// The duration of an approval is unknown.
		err := c.WaitUntilUnsubscribed(t.Context(), "support", nil)
		want := []errors.Step{{Name: "addon_subscription", Description: "support: SUBSCRIPTION_DISABLE_PENDING, ticket ticket-support"}}
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.NotFinished || !cmp.Equal(want, e.Steps) || time.Since(started) != 0 {
			t.Errorf("got %v after %v, want the ticket at once", err, time.Since(started))
		}
		var states []volterra.AddonSubscriptionState
		if err := c.WaitUntilUnsubscribed(t.Context(), "waap", func(s *volterra.AddonSubscription) { states = append(states, s.Spec.Status) }); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if took := time.Since(started); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("took %v, want about ten minutes", took)
		}
		seen := []volterra.AddonSubscriptionState{volterra.AddonSubscriptionStateDisablePending, volterra.AddonSubscriptionStateDisabled}
		if diff := cmp.Diff(seen, slices.Compact(states)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		srv.ApproveUnsubscription("support")
		for _, name := range []string{"support", "never there"} {
			if err := c.WaitUntilUnsubscribed(t.Context(), name, nil); err != nil {
				t.Errorf("%s: got %v, want nil", name, err)
			}
		}
	})
}

// A 404 of a proxy, and the page of the console, prove nothing about a resource.
func TestWaits_ForeignNotFound(t *testing.T) {
	t.Parallel()
	for _, fault := range []offboardtest.Fault{
		offboardtest.HTMLResponse("", 404), offboardtest.HTMLResponse("", 200), offboardtest.Respond("", 404, `{}`), offboardtest.Respond("", 404, `"Not Found"`),
	} {
		srv := owner()
		srv.Fail(fault, fault, fault)
		c := newClient(t, srv)
		if err := c.WaitForChildTenantDeletion(t.Context(), "branch", nil); code(err) != errors.UnexpectedResponse {
			t.Errorf("%d: got %v, want %q", fault.Status, err, errors.UnexpectedResponse)
		}
		if err := c.WaitForNamespaceDeletion(t.Context(), "app", nil); code(err) != errors.UnexpectedResponse {
			t.Errorf("%d: got %v, want %q", fault.Status, err, errors.UnexpectedResponse)
		}
		if err := c.WaitUntilUnsubscribed(t.Context(), "waap", nil); code(err) != errors.UnexpectedResponse {
			t.Errorf("%d: got %v, want %q", fault.Status, err, errors.UnexpectedResponse)
		}
	}
}
