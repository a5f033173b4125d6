package volterra

import (
	"context"
	"net/http"

	"github.com/offboard-dev/offboard-go/errors"
)

// firstUID is the UID of the object that a wait is about, from the first read that returns a UID.
// Another UID proves that the object was deleted and its name was used again.
type firstUID string

// replacedBy reports whether an object of the same name has another UID.
func (f *firstUID) replacedBy(object removable) bool {
	uid := object.identity()
	if *f == "" {
		*f = firstUID(uid)
	}
	return uid != "" && uid != string(*f)
}

// WaitForChildTenantDeletion waits until a child tenant no longer exists, after a request for its
// deletion. progress, which may be nil, is called with the result of each read. The wait ends with
// the context. A child tenant of the same name with another UID ends the wait: the first one was
// deleted.
//
// Errors in addition to those of every call:
//
//   - [errors.DeletionFailed]: the child tenant is in [ChildTenantStateDeleteFailed]
//   - [errors.NotFinished]: the context ended; Steps contains the last state
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) WaitForChildTenantDeletion(ctx context.Context, name string, progress func(*ChildTenant)) error {
	const operation = "WaitForChildTenantDeletion"
	var failed error
	var waited firstUID
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
			return nil, nil // a final state
		}
		return []errors.Step{{Name: "child_tenant", Description: name + ": " + string(state)}}, nil
	})
	if err != nil {
		return err
	}
	return failed
}

// WaitForNamespaceDeletion waits until a namespace no longer exists. progress, which may be nil, is
// called with the result of each read. If the context ends first, the error is
// [errors.NotFinished].
//
// Source: vendor OpenAPI 2026-06-26; issues of the vendor's Terraform provider.
func (c *Client) WaitForNamespaceDeletion(ctx context.Context, name string, progress func(*Namespace)) error {
	var waited firstUID
	return c.rest().Wait(ctx, "WaitForNamespaceDeletion", name, func(ctx context.Context) ([]errors.Step, error) {
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
		state := "exists"
		if namespace.SystemMetadata.deleting() {
			state = "being deleted"
		}
		return []errors.Step{{Name: "namespace", Description: name + ": " + state}}, nil
	})
}

// WaitUntilUnsubscribed waits until a subscription to an addon service is in
// [AddonSubscriptionStateDisabled] or no longer exists. progress, which may be nil, is called with
// the result of each read.
//
// If the context ends first, the error is [errors.NotFinished]. The same error ends the wait at once
// if F5 has created a ticket for the request: F5 must approve it, and the duration is unknown.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) WaitUntilUnsubscribed(ctx context.Context, name string, progress func(*AddonSubscription)) error {
	const operation = "WaitUntilUnsubscribed"
	var pending error
	var waited firstUID
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
		remaining := []errors.Step{{Name: "addon_subscription", Description: name + ": " + subscription.describe()}}
		if subscription.ticket() != "" {
			pending = &errors.Error{
				Provider: provider, Operation: operation, Target: name, Code: errors.NotFinished, Status: http.StatusOK,
				ProviderCode: string(subscription.Spec.Status), Steps: remaining, Err: errors.New("F5 must approve the unsubscription"),
			}
			return nil, nil
		}
		return remaining, nil
	})
	if err != nil {
		return err
	}
	return pending
}
