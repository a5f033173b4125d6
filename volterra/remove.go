package volterra

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// system is the namespace of what belongs to the tenant as a whole.
const system = "system"

// DeleteOptions say how an object is deleted.
type DeleteOptions struct {
	// EvenIfReferred: the object is deleted although others refer to it, whose
	// references are broken then. Without it F5 is asked to refuse that, which is an
	// error of [errors.Conflict].
	EvenIfReferred bool
}

// DeleteChildTenant asks for the deletion of a child tenant. Nil means that it has
// begun, or is over: see [Client.WaitUntilChildTenantGone]. When the answer is lost
// the child tenant is read, and asked to be deleted again if nothing shows that it
// is.
//
// Errors, among those of every call:
//
//   - [errors.NotFound]: there was none before
//   - [errors.Conflict]: another object refers to it
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteChildTenant(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, name, options, c.deleteChildTenant, c.GetChildTenant)
}

// DeleteChildTenantManager deletes a child tenant manager. [errors.Conflict] means
// that it has child tenants: see [Client.ListChildTenantsOfManager]. When the
// answer is lost a read tells what became of it.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteChildTenantManager(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, name, options, c.deleteChildTenantManager, c.GetChildTenantManager)
}

// DeleteManagedTenant ends the management of another tenant, which stays as it is.
// When the answer is lost a read tells what became of it.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteManagedTenant(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, name, options, c.deleteManagedTenant, c.GetManagedTenant)
}

// DeleteAddonSubscription deletes a subscription to an addon service. When the
// answer is lost a read tells what became of it. See also [Client.Unsubscribe].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteAddonSubscription(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, name, options, c.deleteAddonSubscription, c.GetAddonSubscription)
}

// leaving is an object that can tell that its deletion has begun, or that it is another
// one than the one to remove.
type leaving interface {
	leaving() bool
	replaced(context.Context) bool
}

// uidKey is the context key of the UID of the object to remove.
type uidKey struct{}

// withUID states the UID of the object that a request removes by its name. If a read
// after a lost answer finds another UID, others created another object of this name:
// the request is not sent again.
func withUID(ctx context.Context, uid string) context.Context {
	return context.WithValue(ctx, uidKey{}, uid)
}

func (m SystemMetadata) replaced(ctx context.Context) bool {
	uid, _ := ctx.Value(uidKey{}).(string)
	return uid != "" && m.UID != "" && m.UID != uid
}

func (t *ChildTenant) replaced(ctx context.Context) bool { return t.SystemMetadata.replaced(ctx) }

func (m *ChildTenantManager) replaced(ctx context.Context) bool {
	return m.SystemMetadata.replaced(ctx)
}

func (t *ManagedTenant) replaced(ctx context.Context) bool { return t.SystemMetadata.replaced(ctx) }

func (s *AddonSubscription) replaced(ctx context.Context) bool { return s.SystemMetadata.replaced(ctx) }

func (m SystemMetadata) leaving() bool { return !m.Deleted.IsZero() }

func (t *ChildTenant) leaving() bool {
	return t.Spec.Status == ChildTenantStateDeleteInProgress || t.SystemMetadata.leaving()
}

func (m *ChildTenantManager) leaving() bool { return m.SystemMetadata.leaving() }

func (t *ManagedTenant) leaving() bool { return t.SystemMetadata.leaving() }

func (s *AddonSubscription) leaving() bool { return s.SystemMetadata.leaving() }

// ended reports whether the subscription is over, and only its object is left.
func (s *AddonSubscription) ended() bool { return s.Spec.Status == AddonSubscriptionStateDisabled }

// ending reports whether the end of the subscription was asked for.
func (s *AddonSubscription) ending() bool {
	return s.ended() || s.Spec.Status == AddonSubscriptionStateDisablePending || s.leaving()
}

// ticket is that of a request to end the subscription which somebody at F5 has to
// approve; "" for none.
func (s *AddonSubscription) ticket() string {
	if s.Spec.Status != AddonSubscriptionStateDisablePending {
		return ""
	}
	return s.Spec.Notification.SupportTickets.UnsubscriptionTicketID
}

// describe says how far the subscription has come.
func (s *AddonSubscription) describe() string {
	text := string(s.Spec.Status)
	if ticket := s.ticket(); ticket != "" {
		text += ", ticket " + ticket
	}
	return text
}

// remove deletes an object of the namespace system, and reads it when the answer
// does not say what became of it.
func remove[T leaving, O any](
	ctx context.Context, c *Client, name string, options DeleteOptions,
	send func(context.Context, string, DeleteRequest) error, get func(context.Context, string, O) (T, error),
) error {
	request := DeleteRequest{Name: name, Namespace: system, FailIfReferred: !options.EvenIfReferred}
	return c.delete(ctx, rest.Deletion{
		Send: func(ctx context.Context) error { return send(ctx, name, request) },
		Look: func(ctx context.Context) (rest.Presence, error) {
			var whole O
			object, err := get(ctx, name, whole)
			switch {
			case err == nil && (object.leaving() || object.replaced(ctx)), errors.Is(err, errors.NotFound):
				return rest.Gone, nil
			case err == nil:
				return rest.Present, nil
			}
			return rest.Unknown, err
		},
	})
}

// delete deletes an object. That it is not found is a success once it was sent
// before and may have been deleted by that.
func (c *Client) delete(ctx context.Context, d rest.Deletion) error {
	send, again := d.Send, false
	d.Send = func(ctx context.Context) error {
		err := send(ctx)
		if again && errors.Is(err, errors.NotFound) {
			return nil
		}
		again = true
		return err
	}
	return c.rest().Delete(ctx, d)
}

// CascadeDeleteNamespace deletes a namespace and all that is in it, and returns
// what became of each object. It takes 20 to 30 seconds and more; the client's own
// time-out, 120 seconds, is made for it.
//
// F5 answers with a success also when it could not delete some of the objects,
// for others elsewhere refer to them. That is an error of
// [errors.NamespaceNotEmpty], which is an [errors.DeletionStepsNotSatisfied]: its
// Steps are these objects, by kind, with F5's reasons, and its Detail is a
// []CascadeItem of them. [Client.GetNamespace] with [ResponseFormatReferringObjects]
// shows who refers. Delete that, and then the namespace again.
//
// When the answer is lost the namespace is read until it is gone, for a minute at
// most, since the work goes on without the connection. Then no objects are
// returned. Still there, the request is sent again.
//
// The namespaces of F5 itself, which are system, shared, default and ves-io-*, are
// [errors.InvalidArgument] before anything is sent.
//
// Source: vendor OpenAPI 2026-06-26; issues of the vendor's Terraform provider.
func (c *Client) CascadeDeleteNamespace(ctx context.Context, name string) ([]CascadeItem, error) {
	const operation = "CascadeDeleteNamespace"
	if ownedByF5(name) {
		return nil, rest.Invalid(provider, operation, name, errors.New("name is that of a namespace of F5 itself"))
	}
	var items []CascadeItem
	err := c.delete(ctx, rest.Deletion{
		Send: func(ctx context.Context) error {
			result, err := c.cascadeDeleteNamespace(ctx, name, CascadeDeleteRequest{Name: name})
			if err == nil {
				items = result.Items
			}
			return err
		},
		Look: func(ctx context.Context) (rest.Presence, error) { return c.settle(ctx, name) },
	})
	if err != nil {
		return nil, err
	}
	return items, notDeleted(operation, name, items)
}

// ownedByF5 reports whether a namespace is not the tenant's to delete.
func ownedByF5(namespace string) bool {
	switch namespace = strings.ToLower(namespace); namespace {
	case system, "shared", "default":
		return true
	}
	return strings.HasPrefix(namespace, "ves-io-")
}

// cascadeTime is how long the deletion of a namespace is expected to go on when
// its answer was lost.
const cascadeTime = time.Minute

// settle waits for the end of a deletion whose answer was lost.
func (c *Client) settle(ctx context.Context, namespace string) (rest.Presence, error) {
	settling, cancel := context.WithTimeout(ctx, cascadeTime)
	defer cancel()
	replaced := false
	err := c.WaitUntilNamespaceGone(settling, namespace, func(n *Namespace) {
		if n.SystemMetadata.replaced(ctx) {
			replaced = true
			cancel()
		}
	})
	e, _ := errors.AsType[*errors.Error](err)
	switch {
	case err == nil, replaced:
		return rest.Gone, nil
	case ctx.Err() == nil && e.Code == errors.NotFinished && len(e.Steps) > 0:
		return rest.Present, nil
	}
	return rest.Unknown, err
}

// notDeleted returns the error of a namespace with objects that are still there.
func notDeleted(operation, namespace string, items []CascadeItem) error {
	var left []CascadeItem
	var steps []errors.Step
	for _, item := range items {
		if item.ErrorMessage != "" {
			left = append(left, item)
			steps = append(steps, errors.Step{Name: item.ObjectType, Description: item.ObjectName + ": " + item.ErrorMessage})
		}
	}
	if left == nil {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: namespace,
		Code: errors.NamespaceNotEmpty, Status: http.StatusOK, Steps: steps, Detail: left,
	}
}

// Unsubscribe ends the subscription to an addon service. Nil means that F5 has
// accepted the request: some services end when F5 has approved it, as
// [AddonSubscriptionStateDisablePending] shows; see [Client.WaitUntilUnsubscribed]. A
// request whose answer is lost is [errors.OutcomeUnknown]; see
// [Client.ListAddonSubscriptions].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) Unsubscribe(ctx context.Context, service AddonService) error {
	if service == "" {
		return rest.Invalid(provider, "Unsubscribe", "", errors.New("service is empty"))
	}
	return c.rest().Delete(ctx, rest.Deletion{
		Send: func(ctx context.Context) error { return c.unsubscribe(ctx, service) },
	})
}

// WaitUntilChildTenantGone waits until a child tenant whose deletion was asked for
// is not there any more. progress, which may be nil, is called with what each look
// has found. It waits for as long as the context permits.
//
// Errors, among those of every call:
//
//   - [errors.DeletionFailed]: the child tenant is in [ChildTenantStateDeleteFailed]
//   - [errors.NotFinished]: the context has ended; Steps say what the state was
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) WaitUntilChildTenantGone(ctx context.Context, name string, progress func(*ChildTenant)) error {
	const operation = "WaitUntilChildTenantGone"
	var failed error
	err := c.rest().Wait(ctx, operation, name, func(ctx context.Context) ([]errors.Step, error) {
		tenant, err := c.GetChildTenant(ctx, name, GetChildTenantOptions{})
		switch {
		case errors.Is(err, errors.NotFound):
			return nil, nil
		case err != nil:
			return nil, err
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

// WaitUntilNamespaceGone waits until a namespace is not there any more. progress,
// which may be nil, is called with what each look has found. It waits for as long
// as the context permits, and then returns [errors.NotFinished].
//
// Source: vendor OpenAPI 2026-06-26; issues of the vendor's Terraform provider.
func (c *Client) WaitUntilNamespaceGone(ctx context.Context, name string, progress func(*Namespace)) error {
	return c.rest().Wait(ctx, "WaitUntilNamespaceGone", name, func(ctx context.Context) ([]errors.Step, error) {
		namespace, err := c.GetNamespace(ctx, name, GetNamespaceOptions{})
		switch {
		case errors.Is(err, errors.NotFound):
			return nil, nil
		case err != nil:
			return nil, err
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
	err := c.rest().Wait(ctx, operation, name, func(ctx context.Context) ([]errors.Step, error) {
		subscription, err := c.GetAddonSubscription(ctx, name, GetAddonSubscriptionOptions{})
		switch {
		case errors.Is(err, errors.NotFound):
			return nil, nil
		case err != nil:
			return nil, err
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
