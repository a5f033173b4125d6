package volterra

import (
	"cmp"
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
// begun, or is over: see [Client.WaitForChildTenantDeletion].
//
// The child tenant is read first. When the answer is lost it is read again, and asked to be
// deleted again if it is still there by its UID. Another UID shows that it was deleted, and
// that others have made another child tenant of its name; without a UID the outcome is
// [errors.OutcomeUnknown].
//
// Errors, among those of every call:
//
//   - [errors.NotFound]: there was none before
//   - [errors.Conflict]: another object refers to it
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteChildTenant(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, "DeleteChildTenant", name, options, c.deleteChildTenant, c.GetChildTenant)
}

// DeleteChildTenantManager deletes a child tenant manager. [errors.Conflict] means
// that it has child tenants: see [Client.ListChildTenantsOfManager]. It is read
// first; when the answer is lost a read tells what became of it, as for
// [Client.DeleteChildTenant].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteChildTenantManager(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, "DeleteChildTenantManager", name, options, c.deleteChildTenantManager, c.GetChildTenantManager)
}

// DeleteManagedTenant ends the management of another tenant, which stays as it is.
// It is read first; when the answer is lost a read tells what became of it, as for
// [Client.DeleteChildTenant].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteManagedTenant(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, "DeleteManagedTenant", name, options, c.deleteManagedTenant, c.GetManagedTenant)
}

// DeleteAddonSubscription deletes a subscription to an addon service. It is read
// first; when the answer is lost a read tells what became of it, as for
// [Client.DeleteChildTenant]. See also [Client.Unsubscribe].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteAddonSubscription(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, "DeleteAddonSubscription", name, options, c.deleteAddonSubscription, c.GetAddonSubscription)
}

// removable is an object that can be removed by its name.
type removable interface {
	// leaving reports whether its deletion has begun.
	leaving() bool

	// identity is its UID, which no other object of its name ever has; "" if the answer
	// has none.
	identity() string
}

// uidKey is the context key of the UID of the object to remove.
type uidKey struct{}

// withUID states the UID of the object that a request removes by its name, as a read has
// just shown it. Without it the object is read before it is removed.
func withUID(ctx context.Context, uid string) context.Context {
	return context.WithValue(ctx, uidKey{}, uid)
}

// uidOfTarget returns the UID of the object to remove: that of the context, or of a read.
// It is not known if the credential may not read the object, or if the answer is not F5's.
// An argument that is invalid is for the removal to refuse.
func uidOfTarget[T removable](ctx context.Context, operation string, get func(context.Context) (T, error)) (string, error) {
	if ctx != nil {
		if uid, ok := ctx.Value(uidKey{}).(string); ok {
			return uid, nil
		}
	}
	object, err := get(ctx)
	switch {
	case errors.Is(err, errors.PermissionDenied), errors.Is(err, errors.UnexpectedResponse), errors.Is(err, errors.InvalidArgument):
		return "", nil
	case err != nil:
		if e, ok := errors.AsType[*errors.Error](err); ok {
			e.Operation = operation
		}
		return "", err
	}
	return object.identity(), nil
}

// presenceOf says what a read of a name shows of the object of a UID, whose removal is open.
// Another UID shows that the object was removed, and that others created another one. That
// it exists, and can be removed by its name once more, only its own UID shows.
func presenceOf(object removable, uid string) (rest.Existence, error) {
	switch {
	case object.leaving():
		return rest.NotFound, nil
	case uid == "" || object.identity() == "":
		return rest.Unknown, errNoUID
	case object.identity() != uid:
		return rest.NotFound, nil
	}
	return rest.Exists, nil
}

var errNoUID = errors.New("without a UID the object is not told from another one of its name")

func (m SystemMetadata) identity() string { return m.UID }

func (t *ChildTenant) identity() string { return t.SystemMetadata.UID }

func (m *ChildTenantManager) identity() string { return m.SystemMetadata.UID }

func (t *ManagedTenant) identity() string { return t.SystemMetadata.UID }

func (s *AddonSubscription) identity() string { return s.SystemMetadata.UID }

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

// remove deletes an object of the namespace system. It reads the object before, so that a
// read tells what became of it when the answer does not.
func remove[T removable, O any](
	ctx context.Context, c *Client, operation, name string, options DeleteOptions,
	send func(context.Context, string, DeleteRequest) error, get func(context.Context, string, O) (T, error),
) error {
	var whole O
	read := func(ctx context.Context) (T, error) { return get(ctx, name, whole) }
	uid, err := uidOfTarget(ctx, operation, read)
	if err != nil {
		return err
	}
	request := DeleteRequest{Name: name, Namespace: system, FailIfReferred: !options.EvenIfReferred}
	return c.delete(ctx, rest.Deletion{
		Send: func(ctx context.Context) error { return send(ctx, name, request) },
		Verify: func(ctx context.Context) (rest.Existence, error) {
			object, err := read(ctx)
			switch {
			case errors.Is(err, errors.NotFound):
				return rest.NotFound, nil
			case err != nil:
				return rest.Unknown, err
			}
			return presenceOf(object, uid)
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
// The namespace is read first. When the answer is lost it is read until it is gone, for a
// minute at most, since the work goes on without the connection. Then no objects are
// returned. Still there by its UID, the request is sent again. Another UID shows that it
// was deleted; without a UID the outcome is [errors.OutcomeUnknown].
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
	uid, err := uidOfTarget(ctx, operation, func(ctx context.Context) (SystemMetadata, error) {
		namespace, err := c.GetNamespace(ctx, name, GetNamespaceOptions{})
		if err != nil {
			return SystemMetadata{}, err
		}
		return namespace.SystemMetadata, nil
	})
	if err != nil {
		return nil, err
	}
	return c.cascade(ctx, operation, name, func(ctx context.Context) (rest.Existence, error) { return c.settle(ctx, name, uid) })
}

// cascade deletes a namespace. look reads what became of it when the answer does not tell.
func (c *Client) cascade(ctx context.Context, operation, name string, look func(context.Context) (rest.Existence, error)) ([]CascadeItem, error) {
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
		Verify: look,
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
func (c *Client) settle(ctx context.Context, namespace, uid string) (rest.Existence, error) {
	settling, cancel := context.WithTimeout(ctx, cascadeTime)
	defer cancel()
	existence, unread := rest.Unknown, error(nil) // as the last look has found it
	err := c.WaitForNamespaceDeletion(settling, namespace, func(n *Namespace) {
		meta := n.SystemMetadata
		if meta.leaving() && meta.identity() == uid {
			existence, unread = rest.Exists, nil // the work goes on
			return
		}
		if existence, unread = presenceOf(meta, uid); existence != rest.Exists {
			cancel()
		}
	})
	e, _ := errors.AsType[*errors.Error](err)
	switch {
	case err == nil:
		return rest.NotFound, nil
	case existence != rest.Exists:
		return existence, cmp.Or(unread, err)
	case ctx.Err() == nil && e.Code == errors.NotFinished && len(e.Steps) > 0:
		return rest.Exists, nil
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
