package volterra

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// DeleteTenant asks for the deletion of a tenant with a client of its own. See
// [Client.DeleteTenant].
func DeleteTenant(ctx context.Context, request DeleteTenantRequest, options ...Option) error {
	c, err := New(options...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.DeleteTenant(ctx, request)
}

// DeleteTenant asks for the deletion of the tenant that the credential belongs
// to. Nil means that F5 has accepted it into its deletion queue: nobody can log in
// any more, and the credential is expected to be dead. It does not mean that the
// tenant is gone, and no call tells when it will be.
//
// Before that the tenant's settings are read. The request's Name has to be the
// tenant's name, and where the base URL is that of a tenant's console,
// https://LABEL.console.ves.volterra.io, LABEL has to be the first label of the
// tenant's domain, or its name. Else nothing is sent.
//
// Errors, among those of every call:
//
//   - [errors.NotConfirmed]: the tenant is another one than the request names
//   - [errors.Conflict]: the tenant is in [StateDisabled] already
//   - [errors.InvalidArgument]: Name or Email is empty
//   - [errors.OutcomeUnknown]: the answer was lost, and the settings do not tell
//
// Source: vendor OpenAPI 2026-06-26; vendor's page on account deletion.
func (c *Client) DeleteTenant(ctx context.Context, request DeleteTenantRequest) error {
	_, err := c.deleteProved(ctx, request)
	return err
}

// deleteProved requests the deletion of the tenant, and reports whether a read shows that F5
// has marked it.
func (c *Client) deleteProved(ctx context.Context, request DeleteTenantRequest) (marked bool, err error) {
	if err := c.confirm(ctx, "DeleteTenant", request); err != nil {
		return false, err
	}
	return c.rest().DeleteProved(ctx, rest.Deletion{
		Send:   func(ctx context.Context) error { return c.requestTenantDeletion(ctx, request) },
		Verify: func(ctx context.Context) (rest.Existence, error) { return c.look(ctx, request.Name) },
	})
}

// DeactivateTenant asks for the deactivation of the tenant that the credential
// belongs to, which marks it for deletion as [Client.DeleteTenant] does, and
// returns the id of the job that was begun for it. No documented operation reads
// the job. Name has to be the tenant's name, and the tenant's settings are compared
// with it and with the base URL before anything is sent.
//
// When the answer is lost and the settings show that the request was accepted, the
// id is empty. The errors are those of [Client.DeleteTenant].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeactivateTenant(ctx context.Context, name string, request DeactivateTenantRequest) (jobID string, err error) {
	if err := c.compare(ctx, "DeactivateTenant", name); err != nil {
		return "", err
	}
	err = c.rest().Delete(ctx, rest.Deletion{
		Send: func(ctx context.Context) error {
			answer, err := c.deactivateTenant(ctx, request)
			if err == nil {
				jobID = answer.JobID
			}
			return err
		},
		Verify: func(ctx context.Context) (rest.Existence, error) { return c.look(ctx, name) },
	})
	return jobID, err
}

// CheckDeletion returns the error that [Client.DeleteTenant] would return now, as
// far as reads can tell, and changes nothing: [errors.NotConfirmed] when the
// tenant is another one than the request names, and [errors.Conflict] when it is
// in [StateDisabled], which is that of a tenant before its deletion.
//
// Nil means that nothing is known to stand in the way, not that the request will
// be accepted: F5 does not say what it refuses.
func (c *Client) CheckDeletion(ctx context.Context, request DeleteTenantRequest) error {
	return c.confirm(ctx, "CheckDeletion", request)
}

// look reads whether a request whose outcome is open was accepted. That the
// tenant is still in use is no proof that it was not: it may be queued, and its
// state change later. It was not disabled when it was confirmed.
func (c *Client) look(ctx context.Context, name string) (rest.Existence, error) {
	settings, err := c.GetTenantSettings(ctx)
	if err == nil && settings.Name == name && settings.State == StateDisabled {
		return rest.NotFound, nil
	}
	return rest.Unknown, err
}

// confirm checks the request, and compares it with the tenant.
func (c *Client) confirm(ctx context.Context, operation string, request DeleteTenantRequest) error {
	if err := complete(operation, request); err != nil {
		return err
	}
	return c.compare(ctx, operation, request.Name)
}

// complete refuses a request in which something is missing.
func complete(operation string, request DeleteTenantRequest) error {
	if request.Name != "" && request.Email == "" {
		return rest.Invalid(provider, operation, "", errors.New("email is empty"))
	}
	return nil
}

// compare compares a name with the tenant that the host and the credential lead
// to, which must not be marked for deletion yet.
func (c *Client) compare(ctx context.Context, operation, name string) error {
	settings, err := c.identify(ctx, operation, name)
	if err != nil {
		return err
	}
	return marked(operation, settings)
}

// identify returns the settings of the tenant that the host and the credential lead
// to, if it is the one of the name. F5 does not say what becomes of a request that
// names another one.
func (c *Client) identify(ctx context.Context, operation, name string) (*TenantSettings, error) {
	if name == "" {
		return nil, rest.Invalid(provider, operation, "", errors.New("name is empty"))
	}
	settings, err := c.GetTenantSettings(ctx)
	if err != nil {
		return nil, err
	}
	e := &errors.Error{Provider: provider, Operation: operation, Target: c.rest().Shown(name), Code: errors.NotConfirmed}
	host := label(c.rest().BaseURL().Hostname())
	switch {
	case name != settings.Name:
		e.Err = fmt.Errorf("the tenant's name is %q", settings.Name)
	case host != "" && !belongs(host, settings):
		e.Err = fmt.Errorf("the host is that of %q, the tenant's domain is %q", host, settings.Domain)
	default:
		return settings, nil
	}
	return nil, e
}

// marked returns the error of a tenant that is marked for deletion; nil for another.
func marked(operation string, settings *TenantSettings) error {
	if settings.State != StateDisabled {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: settings.Name,
		Code: errors.Conflict, Err: errors.New("the tenant is in the state StateDisabled already"),
	}
}

// label returns what names the tenant in the host of its console,
// LABEL.console.ves.volterra.io; "" for another host.
func label(host string) string {
	label, parent, _ := strings.Cut(strings.ToLower(host), ".")
	if !strings.HasPrefix(parent, "console.") {
		return ""
	}
	return label
}

// belongs reports whether the label of a host is the tenant's. The id that is its
// name often has a suffix that the domain has not.
func belongs(label string, settings *TenantSettings) bool {
	domain, _, _ := strings.Cut(settings.Domain, ".")
	return strings.EqualFold(label, domain) || strings.EqualFold(label, settings.Name)
}

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

// remove deletes an object of the namespace system. It reads the object before, so that a
// read tells what became of it when the answer does not.
func remove[T removable, O any](
	ctx context.Context, c *Client, operation, name string, options DeleteOptions,
	send func(context.Context, string, deleteRequest) error, get func(context.Context, string, O) (T, error),
) error {
	var whole O
	read := func(ctx context.Context) (T, error) { return get(ctx, name, whole) }
	uid, err := uidOfTarget(ctx, operation, read)
	if err != nil {
		return err
	}
	request := deleteRequest{Name: name, Namespace: system, FailIfReferred: !options.EvenIfReferred}
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
			result, err := c.cascadeDeleteNamespace(ctx, name, cascadeDeleteRequest{Name: name})
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
