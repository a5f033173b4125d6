package volterra_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// deletions are those of objects, and how each of them is read.
var deletions = map[string]struct {
	read   string
	delete func(context.Context, *volterra.Client, volterra.DeleteOptions) error
}{
	"DeleteChildTenant": {"GetChildTenant", func(ctx context.Context, c *volterra.Client, o volterra.DeleteOptions) error {
		return c.DeleteChildTenant(ctx, "branch", o)
	}},
	"DeleteChildTenantManager": {"GetChildTenantManager", func(ctx context.Context, c *volterra.Client, o volterra.DeleteOptions) error {
		return c.DeleteChildTenantManager(ctx, "retail", o)
	}},
	"DeleteManagedTenant": {"GetManagedTenant", func(ctx context.Context, c *volterra.Client, o volterra.DeleteOptions) error {
		return c.DeleteManagedTenant(ctx, "partner", o)
	}},
	"DeleteAddonSubscription": {"GetAddonSubscription", func(ctx context.Context, c *volterra.Client, o volterra.DeleteOptions) error {
		return c.DeleteAddonSubscription(ctx, "waap", o)
	}},
	"CascadeDeleteNamespace": {"GetNamespace", func(ctx context.Context, c *volterra.Client, _ volterra.DeleteOptions) error {
		_, err := c.CascadeDeleteNamespace(ctx, "app")
		return err
	}},
}

func TestALostDeletionIsToldByARead(t *testing.T) {
	t.Parallel()
	there := `{"metadata":{"name":"x"},"system_metadata":{"uid":"u-1"},"referring_objects":[]}`
	leaving := `{"metadata":{"name":"x"},"system_metadata":{"deletion_timestamp":"2026-05-01T00:00:00Z"},"referring_objects":[]}`
	after := func(operation string, status int, body string) offboardtest.Fault {
		return offboardtest.Fault{Operation: operation, Processed: true, Status: status, Body: body}
	}
	for operation, deletion := range deletions {
		for name, test := range map[string]struct {
			faults []offboardtest.Fault
			sent   int
			want   errors.Code
		}{
			"the answer is lost":              {[]offboardtest.Fault{offboardtest.LoseResponse(operation)}, 1, ""},
			"the answer is cut":               {[]offboardtest.Fault{offboardtest.TruncateResponse(operation)}, 1, ""},
			"the request is lost":             {[]offboardtest.Fault{offboardtest.LoseRequest(operation)}, 2, ""},
			"no connection":                   {[]offboardtest.Fault{offboardtest.RefuseConnection(operation)}, 2, ""},
			"503 after the work":              {[]offboardtest.Fault{after(operation, 503, "")}, 1, ""},
			"503 before the work":             {[]offboardtest.Fault{offboardtest.HTMLResponse(operation, 503)}, 2, ""},
			"a late 504 after the work":       {[]offboardtest.Fault{after(operation, 504, `{"code":4}`)}, 1, ""},
			"a failure with a status of ours": {[]offboardtest.Fault{after(operation, 400, `{"code":13}`)}, 1, ""},
			"429":                             {[]offboardtest.Fault{offboardtest.Respond(operation, 429, `{"code":8}`)}, 2, ""},
			"it is not to be deleted":         {[]offboardtest.Fault{offboardtest.Respond(operation, 403, `{"code":7}`)}, 1, errors.PermissionDenied},
			"it was not there":                {[]offboardtest.Fault{offboardtest.Respond(operation, 404, `{"code":5}`)}, 1, errors.NotFound},
			"nobody knows it":                 {[]offboardtest.Fault{offboardtest.HTMLResponse(operation, 404)}, 1, errors.UnexpectedResponse},
			"the read has a page":             {[]offboardtest.Fault{offboardtest.LoseResponse(operation), offboardtest.HTMLResponse(deletion.read, 200)}, 1, errors.OutcomeUnknown},
			"the read is not to be done":      {[]offboardtest.Fault{offboardtest.LoseResponse(operation), offboardtest.Respond(deletion.read, 403, `{"code":7}`)}, 1, errors.OutcomeUnknown},
			"the read has a page of a 404":    {[]offboardtest.Fault{offboardtest.LoseResponse(operation), offboardtest.HTMLResponse(deletion.read, 404)}, 1, errors.OutcomeUnknown},
		} {
			t.Run(operation+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := owner()
					srv.Fail(offboardtest.Fault{Operation: deletion.read, Delay: 1}) // the read before it succeeds
					srv.Fail(test.faults...)
					err := deletion.delete(t.Context(), newClient(t, srv), volterra.DeleteOptions{EvenIfReferred: true})
					if code(err) != test.want {
						t.Errorf("got %v, want code %q", err, test.want)
					}
					if n := srv.Count(operation); n != test.sent {
						t.Errorf("%d requests were sent, want %d", n, test.sent)
					}
				})
			})
		}
		if operation == "CascadeDeleteNamespace" {
			continue // which is told by waiting: see below
		}
		t.Run(operation+"/there, and then not found", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := owner()
				srv.Fail(offboardtest.LoseResponse(operation), offboardtest.Respond(deletion.read, 200, there), offboardtest.Respond(deletion.read, 200, there), offboardtest.Respond(operation, 404, `{"code":5}`))
				if err := deletion.delete(t.Context(), newClient(t, srv), volterra.DeleteOptions{EvenIfReferred: true}); err != nil {
					t.Errorf("got %v, want nil", err)
				}
			})
		})
		t.Run(operation+"/being deleted", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := owner()
				srv.Fail(offboardtest.LoseRequest(operation), offboardtest.Respond(deletion.read, 200, there), offboardtest.Respond(deletion.read, 200, leaving))
				err := deletion.delete(t.Context(), newClient(t, srv), volterra.DeleteOptions{EvenIfReferred: true})
				if err != nil || srv.Count(operation) != 1 {
					t.Errorf("got %v after %d requests, want nil after one", err, srv.Count(operation))
				}
			})
		})
	}
}

func TestWhatIsReferredToIsKeptUnlessTheCallerSaysSo(t *testing.T) {
	t.Parallel()
	srv := owner()
	c := newClient(t, srv)
	err := c.DeleteChildTenantManager(t.Context(), "retail", volterra.DeleteOptions{})
	if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.Conflict || e.Status != 409 || e.Target != "retail" {
		t.Fatalf("got %v, want %q", err, errors.Conflict)
	}
	if err := c.DeleteChildTenantManager(t.Context(), "retail", volterra.DeleteOptions{EvenIfReferred: true}); err != nil {
		t.Fatal(err)
	}
	if left := srv.Remaining(); slices.Contains(left, "child_tenant_manager retail") || !slices.Contains(left, "child_tenant branch") {
		t.Errorf("left are %q", left)
	}
}

func TestRefusalsOfF5AreTypedErrors(t *testing.T) {
	t.Parallel()
	for name, test := range operations {
		for _, refusal := range []struct {
			answer offboardtest.Fault
			want   errors.Code
		}{
			{offboardtest.Respond(test.name, 401, `{"code":16,"details":[],"message":"x"}`), errors.Unauthenticated},
			{offboardtest.Respond(test.name, 403, `{"code":7,"details":[],"message":"x"}`), errors.PermissionDenied},
			{offboardtest.Respond(test.name, 404, `{"code":5,"details":[],"message":"x"}`), errors.NotFound},
			{offboardtest.Respond(test.name, 409, `{"code":10,"details":[],"message":"x"}`), errors.Conflict},
			{offboardtest.Respond(test.name, 400, `{"code":3,"details":[],"message":"x"}`), errors.InvalidArgument},
		} {
			srv := owner()
			srv.Fail(refusal.answer)
			_, err := test.call(t.Context(), newClient(t, srv))
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != refusal.want || e.Status != refusal.answer.Status || e.Operation != test.name || e.Message != "x" || e.Attempts != 1 {
				t.Errorf("%s: got %v, want %q", name, err, refusal.want)
			}
		}
	}
}

func TestWithoutTheRoleNothingIsDeleted(t *testing.T) {
	t.Parallel()
	for operation, deletion := range deletions {
		srv := owner()
		left := srv.Remaining()
		srv.SetTenant(volterratest.Tenant{Name: "acme", Unprivileged: true})
		err := deletion.delete(t.Context(), newClient(t, srv), volterra.DeleteOptions{EvenIfReferred: true})
		if code(err) != errors.PermissionDenied || !cmp.Equal(left, srv.Remaining()) {
			t.Errorf("%s: got %v, want %q; left are %q", operation, err, errors.PermissionDenied, srv.Remaining())
		}
	}
}

func TestTheNamespacesOfF5AreNotDeleted(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	for _, name := range []string{"system", "shared", "default", "System", "ves-io-shared", "VES-IO-x"} {
		_, err := newClient(t, srv).CascadeDeleteNamespace(t.Context(), name)
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.InvalidArgument || e.Status != 0 || e.Target != name {
			t.Errorf("%s: got %v, want %q", name, err, errors.InvalidArgument)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	for _, name := range []string{"systems", "ves-iox", "default-2"} {
		srv.AddNamespace(volterratest.Namespace{Name: name})
		if _, err := newClient(t, srv).CascadeDeleteNamespace(t.Context(), name); err != nil {
			t.Errorf("%s: got %v, want nil", name, err)
		}
	}
}

func TestASuccessWithObjectsThatAreLeftIsAnError(t *testing.T) {
	t.Parallel()
	srv := owner()
	srv.AddNamespace(volterratest.Namespace{Name: "pools", Objects: []volterratest.Object{{Kind: "healthcheck", Name: "check"}}})
	c := newClient(t, srv)
	items, err := c.CascadeDeleteNamespace(t.Context(), "pools")
	left := volterra.CascadeItem{
		ObjectType: "ves.io.schema.origin_pool.Object", ObjectName: "pool",
		ErrorMessage: "The object is referred to by http_loadbalancer app/web.",
	}
	gone := volterra.CascadeItem{ObjectType: "ves.io.schema.healthcheck.Object", ObjectName: "check"}
	if diff := cmp.Diff([]volterra.CascadeItem{left, gone}, items, made); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		t.Fatal("got no *errors.Error")
	}
	want := &errors.Error{
		Provider: "volterra", Operation: "CascadeDeleteNamespace", Target: "pools", Code: errors.NamespaceNotEmpty, Status: http.StatusOK,
		Steps: []errors.Step{{
			Name: "ves.io.schema.origin_pool.Object", Description: "pool: The object is referred to by http_loadbalancer app/web.",
		}},
		Detail: []volterra.CascadeItem{left},
	}
	if diff := cmp.Diff(want, e, made); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if !errors.Is(err, errors.DeletionStepsNotSatisfied) || errors.Retryable(err) {
		t.Error("the error does not say that something has to go first")
	}
	for _, namespace := range []string{"app", "pools"} {
		if _, err := c.CascadeDeleteNamespace(t.Context(), namespace); err != nil {
			t.Errorf("%s: got %v, want nil", namespace, err)
		}
	}
	if _, err := c.GetNamespace(t.Context(), "pools", volterra.GetNamespaceOptions{}); !errors.Is(err, errors.NotFound) {
		t.Errorf("got %v, want %q", err, errors.NotFound)
	}
}

// The work takes longer than the caller's client waits, and goes on without it.
func TestANamespaceThatGoesAfterTheTimeOutIsGone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		takes time.Duration
		fault offboardtest.Fault
		sent  int
	}{
		"while it is waited for": {30 * time.Second, offboardtest.Fault{Processed: true, DelayAfter: time.Hour}, 1},
		"at once":                {0, offboardtest.Fault{Processed: true, DelayAfter: time.Hour}, 1},
		"only when sent again":   {0, offboardtest.Fault{Delay: time.Hour}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.AddNamespace(volterratest.Namespace{Name: "app", Takes: test.takes, Objects: []volterratest.Object{{Name: "web"}}})
				test.fault.Operation = "CascadeDeleteNamespace"
				srv.Fail(test.fault)
				hc := srv.Client()
				hc.Timeout = 20 * time.Second
				items, err := newClient(t, srv, volterra.WithHTTPClient(hc)).CascadeDeleteNamespace(t.Context(), "app")
				if err != nil || (items == nil) != (test.sent == 1) {
					t.Errorf("got %v and %v, want no error", items, err)
				}
				if n := srv.Count("CascadeDeleteNamespace"); n != test.sent {
					t.Errorf("%d requests were sent, want %d", n, test.sent)
				}
				if left := srv.Remaining(); len(left) != 0 {
					t.Errorf("left are %q", left)
				}
			})
		})
	}
}

// Nothing was learned of a namespace, or what was learned is no longer true.
func TestADeletionThatCannotBeReadIsOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	const operation = "CascadeDeleteNamespace"
	failing := offboardtest.HTMLResponse("GetNamespace", 503)
	failing.Times = 1000
	for name, test := range map[string]struct {
		within time.Duration // of the context
		faults []offboardtest.Fault
	}{
		"the context ends before the answer": {10 * time.Second, []offboardtest.Fault{{Operation: operation, Processed: true, DelayAfter: time.Hour}}},
		"the context ends before it is gone": {10 * time.Second, []offboardtest.Fault{offboardtest.LoseResponse(operation)}},
		"no read is answered":                {time.Hour, []offboardtest.Fault{offboardtest.LoseResponse(operation), failing}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.AddNamespace(volterratest.Namespace{Name: "app", Takes: 30 * time.Second})
				srv.Fail(offboardtest.Fault{Operation: "GetNamespace", Delay: 1}) // the read before it succeeds
				srv.Fail(test.faults...)
				ctx, cancel := context.WithTimeout(t.Context(), test.within)
				defer cancel()
				_, err := newClient(t, srv).CascadeDeleteNamespace(ctx, "app")
				if code(err) != errors.OutcomeUnknown || srv.Count(operation) != 1 {
					t.Errorf("got %v after %d requests, want %q after one", err, srv.Count(operation), errors.OutcomeUnknown)
				}
			})
		})
	}
}

func TestAChildTenantThatIsBeingDeletedIsNotDeletedAgain(t *testing.T) {
	t.Parallel()
	srv := owner()
	srv.Fail(offboardtest.LoseRequest("DeleteChildTenant"), offboardtest.Fault{Operation: "GetChildTenant", Delay: 1},
		offboardtest.Respond("GetChildTenant", 200, `{"spec":{"status":"StateDeleteInProgress"},"referring_objects":[]}`))
	err := newClient(t, srv).DeleteChildTenant(t.Context(), "branch", volterra.DeleteOptions{})
	if err != nil || srv.Count("DeleteChildTenant") != 1 {
		t.Errorf("got %v after %d requests, want nil after one", err, srv.Count("DeleteChildTenant"))
	}
}

func TestAServiceIsEndedByItsOwnKey(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "mesh", Service: volterra.AddonSecureMeshStandard})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "support", Service: volterra.AddonDelegatedAccessStandard})
	c := newClient(t, srv)
	for _, service := range []volterra.AddonService{volterra.AddonWAAPStandard, volterra.AddonDelegatedAccessStandard, "f5xc_of_the_future"} {
		if err := c.Unsubscribe(t.Context(), service); err != nil {
			t.Errorf("%s: got %v, want nil", string(service), err)
		}
	}
	states := func() map[string]volterra.AddonSubscriptionState {
		list, err := c.ListAddonSubscriptions(t.Context(), volterra.ListAddonSubscriptionsOptions{ReportFields: []string{"spec"}})
		if err != nil {
			t.Fatal(err)
		}
		states := map[string]volterra.AddonSubscriptionState{}
		for _, item := range list {
			states[item.Name] = item.Spec.Status
		}
		return states
	}
	want := map[string]volterra.AddonSubscriptionState{
		"waap": volterra.AddonSubscriptionStateDisabled, "mesh": volterra.AddonSubscriptionStateEnabled,
		"support": volterra.AddonSubscriptionStateDisablePending,
	}
	if diff := cmp.Diff(want, states()); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	one, err := c.GetAddonSubscription(t.Context(), "support", volterra.GetAddonSubscriptionOptions{})
	if err != nil || one.Spec.Notification.SupportTickets.UnsubscriptionTicketID != "ticket-support" {
		t.Errorf("got %+v and %v, want the ticket of the request", one, err)
	}
	srv.ApproveUnsubscription("support")
	if want["support"] = volterra.AddonSubscriptionStateDisabled; !cmp.Equal(want, states()) {
		t.Errorf("got %v, want %v", states(), want)
	}
}

// Nothing that is read tells whether a request was accepted that F5 handles by hand.
func TestALostUnsubscriptionIsOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, fault := range []offboardtest.Fault{
		offboardtest.LoseResponse("Unsubscribe"), offboardtest.LoseRequest("Unsubscribe"), offboardtest.HTMLResponse("Unsubscribe", 503),
		offboardtest.Respond("Unsubscribe", 400, `{"code":13}`),
	} {
		srv := owner()
		srv.Fail(fault)
		err := newClient(t, srv).Unsubscribe(t.Context(), volterra.AddonWAAPAdvanced)
		if code(err) != errors.OutcomeUnknown || srv.Count("Unsubscribe") != 1 {
			t.Errorf("got %v after %d requests, want %q after one", err, srv.Count("Unsubscribe"), errors.OutcomeUnknown)
		}
	}
}

func TestAChildTenantIsWaitedForUntilItIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := owner() // whose child tenant takes a minute
		c := newClient(t, srv)
		begun := time.Now()
		if err := c.DeleteChildTenant(t.Context(), "branch", volterra.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		srv.Fail(offboardtest.HTMLResponse("GetChildTenant", 503))
		var states []volterra.ChildTenantState
		err := c.WaitForChildTenantDeletion(t.Context(), "branch", func(tenant *volterra.ChildTenant) {
			states = append(states, tenant.Spec.Status)
			if !tenant.SystemMetadata.Deleted.Equal(begun) {
				t.Errorf("it was deleted at %v, want %v", tenant.SystemMetadata.Deleted, begun)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < time.Minute || took > 90*time.Second {
			t.Errorf("took %v, want about a minute", took)
		}
		if diff := cmp.Diff([]volterra.ChildTenantState{volterra.ChildTenantStateDeleteInProgress}, slices.Compact(states)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestAFailedDeletionOfAChildTenantEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.AddChildTenant(volterratest.ChildTenant{Name: "branch", Takes: time.Minute, Failures: 1})
		c := newClient(t, srv)
		for _, want := range []errors.Code{errors.DeletionFailed, ""} {
			begun := time.Now()
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
			if took := time.Since(begun); took > 90*time.Second {
				t.Errorf("took %v, want about a minute", took)
			}
		}
	})
}

func TestAWaitThatEndsSaysWhatIsLeft(t *testing.T) {
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
		for step, wait := range map[errors.Step]func(context.Context) error{
			{Name: "child_tenant", Description: "branch: StateActive"}: func(ctx context.Context) error {
				return c.WaitForChildTenantDeletion(ctx, "branch", nil)
			},
			{Name: "namespace", Description: "app: being deleted"}: func(ctx context.Context) error {
				return c.WaitForNamespaceDeletion(ctx, "app", func(*volterra.Namespace) { seen++ })
			},
			{Name: "namespace", Description: "kept: still there"}: func(ctx context.Context) error {
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
				t.Errorf("got %v, want %q with %v", err, errors.NotFinished, step)
			}
		}
		if seen < 4 {
			t.Errorf("progress was made known %d times", seen)
		}
		if err := c.WaitForNamespaceDeletion(t.Context(), "app", nil); err != nil {
			t.Errorf("got %v, want nil after an hour", err)
		}
	})
}

func TestTheEndOfASubscriptionIsWaitedFor(t *testing.T) {
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
		begun := time.Now()
		// Nobody knows how long it takes until somebody approves.
		err := c.WaitUntilUnsubscribed(t.Context(), "support", nil)
		want := []errors.Step{{Name: "addon_subscription", Description: "support: SUBSCRIPTION_DISABLE_PENDING, ticket ticket-support"}}
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.NotFinished || !cmp.Equal(want, e.Steps) || time.Since(begun) != 0 {
			t.Errorf("got %v after %v, want the ticket at once", err, time.Since(begun))
		}
		var states []volterra.AddonSubscriptionState
		if err := c.WaitUntilUnsubscribed(t.Context(), "waap", func(s *volterra.AddonSubscription) { states = append(states, s.Spec.Status) }); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if took := time.Since(begun); took < 10*time.Minute || took > 11*time.Minute {
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

// A 404 of a proxy, and the page of the console, say nothing about a thing.
func TestOnlyF5SaysThatAThingIsGone(t *testing.T) {
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

func TestADeactivationIsComparedWithTheTenantFirst(t *testing.T) {
	t.Parallel()
	const operation = "DeactivateTenant"
	request := volterra.DeactivateTenantRequest{Reason: volterra.ReasonNoLongerNeeded, Feedback: "Thanks."}
	lives := volterratest.Tenant{Name: "acme", KeepsCredential: true}
	for name, test := range map[string]struct {
		tenant volterratest.Tenant
		name   string
		fault  offboardtest.Fault
		job    string
		want   errors.Code
		sent   int
	}{
		"the same":                {lives, "acme", offboardtest.Fault{}, "job-1", "", 1},
		"another name":            {lives, "acme-trial", offboardtest.Fault{}, "", errors.NotConfirmed, 0},
		"no name":                 {lives, "", offboardtest.Fault{}, "", errors.InvalidArgument, 0},
		"disabled already":        {volterratest.Tenant{Name: "acme", State: volterra.StateDisabled}, "acme", offboardtest.Fault{}, "", errors.Conflict, 0},
		"no role":                 {volterratest.Tenant{Name: "acme", Unprivileged: true}, "acme", offboardtest.Fault{}, "", errors.PermissionDenied, 1},
		"a lost answer":           {lives, "acme", offboardtest.LoseResponse(operation), "", "", 1},
		"a lost request":          {lives, "acme", offboardtest.LoseRequest(operation), "", errors.OutcomeUnknown, 1},
		"a dead credential":       {volterratest.Tenant{Name: "acme"}, "acme", offboardtest.LoseResponse(operation), "", errors.OutcomeUnknown, 1},
		"a failure with a 4xx":    {lives, "acme", offboardtest.Respond(operation, 408, `{"code":4}`), "", errors.OutcomeUnknown, 1},
		"no job":                  {lives, "acme", offboardtest.Respond(operation, 200, `{}`), "", errors.OutcomeUnknown, 1},
		"the page of the console": {lives, "acme", offboardtest.HTMLResponse(operation, 200), "", errors.OutcomeUnknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.SetTenant(test.tenant)
				if test.fault.Operation != "" {
					srv.Fail(test.fault)
				}
				job, err := newClient(t, srv).DeactivateTenant(t.Context(), test.name, request)
				if code(err) != test.want || job != test.job {
					t.Errorf("got %q and %v, want %q and code %q", job, err, test.job, test.want)
				}
				if n := srv.Count(operation); n != test.sent {
					t.Fatalf("%d requests were sent, want %d", n, test.sent)
				}
				if test.sent == 0 {
					return
				}
				r := srv.Requests()[1]
				got := r.Method + " " + r.Path + " " + string(r.Body)
				want := `PUT /api/saas/namespaces/system/v2/tenant/deactivate {"reason":"REASON_NO_LONGER_NEEDED","feedback":"Thanks."}`
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("request (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The double with something of every kind, from the first refusal to the end.
func TestATenantIsTakenApartByTheAPI(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := owner()
		srv.SetTenant(volterratest.Tenant{Name: "acme", RefusesWhileInUse: true})
		c := newClient(t, srv)
		ctx := t.Context()
		remove := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		want := []string{
			"namespace app", "namespace pools", "child_tenant_manager retail", "child_tenant branch", "managed_tenant partner",
			"addon_subscription waap", "subscription sub-1", "invoice inv-1",
		}
		if diff := cmp.Diff(want, srv.Remaining()); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		if err := c.DeleteTenant(ctx, acme); code(err) != errors.Conflict {
			t.Fatalf("got %v, want %q", err, errors.Conflict)
		}
		remove(c.DeleteChildTenant(ctx, "branch", volterra.DeleteOptions{}))
		remove(c.WaitForChildTenantDeletion(ctx, "branch", nil))
		remove(c.DeleteChildTenantManager(ctx, "retail", volterra.DeleteOptions{}))
		remove(c.DeleteManagedTenant(ctx, "partner", volterra.DeleteOptions{}))
		for _, namespace := range []string{"app", "pools"} {
			_, err := c.CascadeDeleteNamespace(ctx, namespace)
			remove(err)
		}
		remove(c.Unsubscribe(ctx, volterra.AddonWAAPAdvanced))
		remove(c.DeleteAddonSubscription(ctx, "waap", volterra.DeleteOptions{}))
		if err := c.DeleteTenant(ctx, acme); code(err) != errors.Conflict {
			t.Errorf("got %v, want %q", err, errors.Conflict)
		}
		if diff := cmp.Diff(want[len(want)-2:], srv.Remaining()); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		srv.CancelSubscription("sub-1")
		srv.PayInvoice("inv-1")
		if left := srv.Remaining(); len(left) != 0 {
			t.Errorf("left are %q", left)
		}
		paid, err := c.ListInvoices(ctx, volterra.ListInvoicesOptions{})
		if err != nil || len(paid) != 1 || paid[0].Status != volterra.InvoiceStatusPaid {
			t.Errorf("got %v and %v", paid, err)
		}
		current, err := c.ListSubscriptions(ctx, volterra.ListSubscriptionsOptions{Current: true})
		if err != nil || len(current) != 0 {
			t.Errorf("got %v and %v", current, err)
		}
		remove(c.DeleteTenant(ctx, acme))
	})
}

// What is in a namespace of F5 itself goes by operations that the client does not have.
func TestWhatNoAPIRemovesIsRemovedAtTheDouble(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.AddNamespace(volterratest.Namespace{Name: "shared", Objects: []volterratest.Object{{Name: "web", RefersTo: []string{"app/pool"}}}})
	srv.AddNamespace(volterratest.Namespace{Name: "app", Objects: []volterratest.Object{{Kind: "origin_pool", Name: "pool"}}})
	c := newClient(t, srv)
	if _, err := c.CascadeDeleteNamespace(t.Context(), "app"); code(err) != errors.NamespaceNotEmpty {
		t.Errorf("got %v, want %q", err, errors.NamespaceNotEmpty)
	}
	srv.RemoveObject("shared", "web")
	if _, err := c.CascadeDeleteNamespace(t.Context(), "app"); err != nil {
		t.Error(err)
	}
	quota, err := c.GetQuotaUsage(t.Context(), "system")
	want := map[string]float64{"namespace": 3}
	got := map[string]float64{}
	for kind, item := range quota.Objects {
		got[kind] = item.Usage.Current
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%v: quota (-want +got):\n%s", err, diff)
	}
}
