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
	uid := object.uid()
	if *f == "" {
		*f = firstUID(uid)
	}
	return uid != "" && uid != string(*f)
}

// waitFor polls an object until no object of this name exists, another object has the name, or
// remaining returns no step. progress may be nil.
func waitFor[T removable, O any](
	c *Client, ctx context.Context, operation, name string, get func(context.Context, string, O) (T, error),
	progress func(T), remaining func(T) []errors.Step,
) error {
	var waited firstUID
	return c.rest().Wait(ctx, operation, name, func(ctx context.Context) ([]errors.Step, error) {
		var options O
		object, err := get(ctx, name, options)
		switch {
		case errors.Is(err, errors.NotFound):
			return nil, nil
		case err != nil:
			return nil, err
		case waited.replacedBy(object):
			return nil, nil
		}
		if progress != nil {
			progress(object)
		}
		return remaining(object), nil
	})
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
	err := waitFor(c, ctx, operation, name, c.GetChildTenant, progress, func(tenant *ChildTenant) []errors.Step {
		state := tenant.Spec.Status
		if state == ChildTenantStateDeleteFailed {
			failed = &errors.Error{
				Provider: provider, Operation: operation, Target: name,
				Code: errors.DeletionFailed, Status: http.StatusOK, ProviderCode: string(state),
			}
			return nil // a final state
		}
		return []errors.Step{{Name: kindChildTenant, Description: name + ": " + string(state)}}
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
	return waitFor(c, ctx, "WaitForNamespaceDeletion", name, c.GetNamespace, progress, func(namespace *Namespace) []errors.Step {
		state := "exists"
		if namespace.deleting() {
			state = "being deleted"
		}
		return []errors.Step{{Name: kindNamespace, Description: name + ": " + state}}
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
	err := waitFor(c, ctx, operation, name, c.GetAddonSubscription, progress, func(subscription *AddonSubscription) []errors.Step {
		if subscription.ended() {
			return nil
		}
		remaining := []errors.Step{{Name: kindAddonSubscription, Description: name + ": " + subscription.describe()}}
		if subscription.ticket() != "" {
			pending = &errors.Error{
				Provider: provider, Operation: operation, Target: name, Code: errors.NotFinished, Status: http.StatusOK,
				ProviderCode: string(subscription.Spec.Status), Steps: remaining, Err: errors.New("F5 must approve the unsubscription"),
			}
			return nil
		}
		return remaining
	})
	if err != nil {
		return err
	}
	return pending
}
