package volterra

import (
	"context"
	"net/http"

	"github.com/offboard-dev/offboard-go/errors"
)

// first is the UID of the object that a wait is about: that of the first look that shows one.
// Another UID shows that the object is gone, and that others made another one of its name.
type first string

func (f *first) replacedBy(object removable) bool {
	uid := object.identity()
	if *f == "" {
		*f = first(uid)
	}
	return uid != "" && uid != string(*f)
}

// WaitForChildTenantDeletion waits until a child tenant whose deletion was asked for
// is not there any more. progress, which may be nil, is called with what each look
// has found. It waits for as long as the context permits. Another child tenant of its name,
// by the UID, is not waited for.
//
// Errors, among those of every call:
//
//   - [errors.DeletionFailed]: the child tenant is in [ChildTenantStateDeleteFailed]
//   - [errors.NotFinished]: the context has ended; Steps say what the state was
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) WaitForChildTenantDeletion(ctx context.Context, name string, progress func(*ChildTenant)) error {
	const operation = "WaitUntilChildTenantGone"
	var failed error
	var waited first
	err := c.rest().Wait(ctx, operation, name, func(ctx context.Context) ([]errors.Step, error) {
		tenant, err := c.GetChildTenant(ctx, name, GetChildTenantOptions{})
		switch {
		case errors.Is(err, errors.NotFound):
			return nil, nil
		case err != nil:
			return nil, err
		case waited.replacedBy(tenant):
			return nil, nil
		}
		if progress != nil {
			progress(tenant)
		}
		state := tenant.Spec.Status
		if state == ChildTenantStateDeleteFailed {
			failed = &errors.Error{
				Provider: provider, Operation: operation, Target: name,
				Code: errors.DeletionFailed, Status: http.StatusOK, ProviderCode: string(state),
			}
			return nil, nil // nothing changes any more
		}
		return []errors.Step{{Name: "child_tenant", Description: name + ": " + string(state)}}, nil
	})
	if err != nil {
		return err
	}
	return failed
}

// WaitForNamespaceDeletion waits until a namespace is not there any more. progress,
// which may be nil, is called with what each look has found. It waits for as long
// as the context permits, and then returns [errors.NotFinished].
//
// Source: vendor OpenAPI 2026-06-26; issues of the vendor's Terraform provider.
func (c *Client) WaitForNamespaceDeletion(ctx context.Context, name string, progress func(*Namespace)) error {
	var waited first
	return c.rest().Wait(ctx, "WaitUntilNamespaceGone", name, func(ctx context.Context) ([]errors.Step, error) {
		namespace, err := c.GetNamespace(ctx, name, GetNamespaceOptions{})
		switch {
		case errors.Is(err, errors.NotFound):
			return nil, nil
		case err != nil:
			return nil, err
		case waited.replacedBy(namespace.SystemMetadata):
			return nil, nil
		}
		if progress != nil {
			progress(namespace)
		}
		state := "still there"
		if namespace.SystemMetadata.leaving() {
			state = "being deleted"
		}
		return []errors.Step{{Name: "namespace", Description: name + ": " + state}}, nil
	})
}

// WaitUntilUnsubscribed waits until a subscription to an addon service is in
// [AddonSubscriptionStateDisabled], or is not there any more. progress, which may be
// nil, is called with what each look has found.
//
// It waits for as long as the context permits, and then returns [errors.NotFinished].
// It returns that at once when F5 has made a ticket of the request: somebody there
// has to approve it, and nothing says how long that takes.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) WaitUntilUnsubscribed(ctx context.Context, name string, progress func(*AddonSubscription)) error {
	const operation = "WaitUntilUnsubscribed"
	var stays error
	var waited first
	err := c.rest().Wait(ctx, operation, name, func(ctx context.Context) ([]errors.Step, error) {
		subscription, err := c.GetAddonSubscription(ctx, name, GetAddonSubscriptionOptions{})
		switch {
		case errors.Is(err, errors.NotFound):
			return nil, nil
		case err != nil:
			return nil, err
		case waited.replacedBy(subscription):
			return nil, nil
		}
		if progress != nil {
			progress(subscription)
		}
		if subscription.ended() {
			return nil, nil
		}
		left := []errors.Step{{Name: "addon_subscription", Description: name + ": " + subscription.describe()}}
		if subscription.ticket() != "" {
			stays = &errors.Error{
				Provider: provider, Operation: operation, Target: name, Code: errors.NotFinished, Status: http.StatusOK,
				ProviderCode: string(subscription.Spec.Status), Steps: left, Err: errors.New("F5 has to approve it"),
			}
			return nil, nil
		}
		return left, nil
	})
	if err != nil {
		return err
	}
	return stays
}
