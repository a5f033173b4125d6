package volterra

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// DeleteTenant requests the deletion of a tenant with a new client. See [Client.DeleteTenant].
func DeleteTenant(ctx context.Context, request DeleteTenantRequest, options ...Option) error {
	c, err := New(options...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.DeleteTenant(ctx, request)
}

// DeleteTenant requests the deletion of the credential's tenant. Nil means that F5 has added the
// tenant to its deletion queue: users cannot log in anymore, and F5 is expected to refuse the
// credential. F5 removes the tenant later; no API reports when.
//
// The tenant's settings are read first. Name of the request must be the tenant's name. If the
// base URL is a tenant's console, https://LABEL.console.ves.volterra.io, LABEL must be the first
// label of the tenant's domain, or its name. Otherwise, no request for deletion is sent.
//
// DeleteTenant neither reads nor deletes child tenants, and F5 does not document what becomes of
// them: see [Client.ListChildTenants]. [Client.Teardown] deletes them before the tenant.
//
// Errors in addition to those of every call:
//
//   - [errors.NotConfirmed]: the request names another tenant
//   - [errors.AlreadyRequestedDeletion]: the tenant is already in [StateDisabled]
//   - [errors.InvalidArgument]: [DeleteTenantRequest.Validate] refuses the request
//   - [errors.OutcomeUnknown]: the answer was lost, and the settings do not decide
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
		Operation: "RequestTenantDeletion",
		Send:      func(ctx context.Context) error { return c.requestTenantDeletion(ctx, request) },
		Verify:    func(ctx context.Context) (rest.Existence, error) { return c.verify(ctx, request.Name) },
	})
}

// DeactivateTenant requests the deactivation of the credential's tenant, which marks the tenant for
// deletion like [Client.DeleteTenant]. It returns the ID of the started job; no documented
// operation reads the job. name must be the tenant's name. The settings are compared with name and
// with the base URL before the request is sent.
//
// If the answer is lost and the settings show that F5 accepted the request, jobID is empty. The
// errors are those of [Client.DeleteTenant].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeactivateTenant(ctx context.Context, name string, request DeactivateTenantRequest) (jobID string, err error) {
	if err := c.compare(ctx, "DeactivateTenant", name); err != nil {
		return "", err
	}
	err = c.rest().Delete(ctx, rest.Deletion{
		Operation: "DeactivateTenant",
		Send: func(ctx context.Context) error {
			answer, err := c.deactivateTenant(ctx, request)
			if err == nil {
				jobID = answer.JobID
			}
			return err
		},
		Verify: func(ctx context.Context) (rest.Existence, error) { return c.verify(ctx, name) },
	})
	return jobID, err
}

// CheckDeletion returns the error that [Client.DeleteTenant] is expected to return, and changes
// nothing: [errors.NotConfirmed] if the request names another tenant, and
// [errors.AlreadyRequestedDeletion] if the tenant is already in [StateDisabled], the state before a
// deletion.
//
// Nil means that no blocker was found, not that F5 will accept the request: F5 does not document
// its refusals. Child tenants are no blocker and are not read: see [Client.ListChildTenants].
func (c *Client) CheckDeletion(ctx context.Context, request DeleteTenantRequest) error {
	return c.confirm(ctx, "CheckDeletion", request)
}

// verify reads whether F5 accepted a request whose outcome is open. Only [StateDisabled] proves
// that: the tenant had another state when it was confirmed. Another state proves nothing, because
// the request may be queued.
func (c *Client) verify(ctx context.Context, name string) (rest.Existence, error) {
	settings, err := c.GetTenantSettings(ctx)
	if err == nil && settings.Name == name && settings.State == StateDisabled {
		return rest.NotFound, nil
	}
	return rest.Unknown, err
}

// confirm checks the request and compares it with the tenant.
func (c *Client) confirm(ctx context.Context, operation string, request DeleteTenantRequest) error {
	if err := checkRequest(operation, request); err != nil {
		return err
	}
	return c.compare(ctx, operation, request.Name)
}

// Validate returns [errors.InvalidArgument] if Name or Email is empty, or if Reason is not one of
// the values of [DeletionReason]. It sends no request. Operations that take the request validate it
// before they send a request.
//
// Source: vendor OpenAPI 2026-06-26.
func (r DeleteTenantRequest) Validate() error { return checkRequest("DeleteTenant", r) }

// checkRequest validates a request for an operation.
func checkRequest(operation string, r DeleteTenantRequest) error {
	var err error
	switch {
	case r.Name == "":
		err = errors.New("name is empty")
	case r.Email == "":
		err = errors.New("email is empty")
	case r.Reason != "" && !slices.Contains(reasons, r.Reason):
		err = fmt.Errorf("reason must be one of %v", reasons)
	default:
		return nil
	}
	return rest.Invalid(provider, operation, "", err)
}

// compare compares a name with the tenant of the host and the credential. It returns an error if
// they differ, or if the tenant is marked for deletion.
func (c *Client) compare(ctx context.Context, operation, name string) error {
	settings, err := c.identify(ctx, operation, name)
	if err != nil {
		return err
	}
	return marked(operation, settings)
}

// identify returns the settings of the tenant of the host and the credential if the tenant has the
// name. F5 does not document its answer to a request that names another tenant.
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
		e.Err = fmt.Errorf("the host belongs to %q, the tenant's domain is %q", host, settings.Domain)
	default:
		return settings, nil
	}
	return nil, e
}

// marked returns an error if the tenant is marked for deletion.
func marked(operation string, settings *TenantSettings) error {
	if settings.State != StateDisabled {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: settings.Name,
		Code: errors.AlreadyRequestedDeletion, Err: errors.New("the tenant is already marked for deletion"),
	}
}

// label returns LABEL of the host of a console, LABEL.console.ves.volterra.io; "" for another host.
func label(host string) string {
	label, parent, _ := strings.Cut(strings.ToLower(host), ".")
	if !strings.HasPrefix(parent, "console.") {
		return ""
	}
	return label
}

// belongs reports whether the label of a host is the tenant's. The tenant's name is often its
// domain with a suffix.
func belongs(label string, settings *TenantSettings) bool {
	domain, _, _ := strings.Cut(settings.Domain, ".")
	return strings.EqualFold(label, domain) || strings.EqualFold(label, settings.Name)
}

// system is the namespace of the resources of the tenant as a whole.
const system = "system"

// DeleteOptions are the options of a deletion.
type DeleteOptions struct {
	// EvenIfReferred deletes the object even if other objects refer to it, and breaks their
	// references. By default, F5 refuses that with [errors.Conflict].
	EvenIfReferred bool
}

// DeleteChildTenant requests the deletion of a child tenant. Nil means that the deletion has started
// or finished: see [Client.WaitForChildTenantDeletion].
//
// The child tenant is read first. If the answer is lost, it is read again, and the request is sent
// again if the child tenant with the same UID still exists. Another UID proves the deletion: the
// name was used again. Without a UID, the error is [errors.OutcomeUnknown].
//
// Errors in addition to those of every call:
//
//   - [errors.NotFound]: the child tenant did not exist before the call
//   - [errors.Conflict]: another object refers to the child tenant
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteChildTenant(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, "DeleteChildTenant", name, options, c.deleteChildTenant, c.GetChildTenant)
}

// DeleteChildTenantManager deletes a child tenant manager. [errors.Conflict] means that the manager
// has child tenants: see [Client.ListChildTenantsOfManager]. After a lost answer, a read decides
// as in [Client.DeleteChildTenant].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteChildTenantManager(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, "DeleteChildTenantManager", name, options, c.deleteChildTenantManager, c.GetChildTenantManager)
}

// DeleteManagedTenant ends the management of another tenant. The other tenant does not change.
// After a lost answer, a read decides as in [Client.DeleteChildTenant].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteManagedTenant(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, "DeleteManagedTenant", name, options, c.deleteManagedTenant, c.GetManagedTenant)
}

// DeleteAddonSubscription deletes a subscription to an addon service. After a lost answer, a read
// decides as in [Client.DeleteChildTenant]. See also [Client.Unsubscribe].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeleteAddonSubscription(ctx context.Context, name string, options DeleteOptions) error {
	return remove(ctx, c, "DeleteAddonSubscription", name, options, c.deleteAddonSubscription, c.GetAddonSubscription)
}

// removable is an object that can be removed by its name.
type removable interface {
	// deleting reports whether the deletion has started.
	deleting() bool

	// uid returns the UID, which is unique among objects with the same name; "" if the
	// answer has no UID.
	uid() string
}

// uidKey is the context key of the UID of the object to remove.
type uidKey struct{}

// withUID adds the UID of the object that a request removes by its name. Without a UID in the
// context, the removal reads the object first.
func withUID(ctx context.Context, uid string) context.Context {
	return context.WithValue(ctx, uidKey{}, uid)
}

// uidOfTarget returns the UID of the object to remove, from the context or from a read. It returns
// "" if the credential may not read the object, or if the answer is not F5's. The removal itself
// refuses an invalid argument.
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
	return object.uid(), nil
}

// existenceOf returns the existence of the object with a UID after its removal, from a read by its
// name. Another UID proves the removal: the name was used again. Only the same UID proves that the
// object exists and can be removed by its name again.
func existenceOf(object removable, uid string) (rest.Existence, error) {
	switch {
	case object.deleting():
		return rest.NotFound, nil
	case uid == "" || object.uid() == "":
		return rest.Unknown, errNoUID
	case object.uid() != uid:
		return rest.NotFound, nil
	}
	return rest.Exists, nil
}

// existenceByRead returns the existence of the object with a UID after its removal, from the
// result of a read by its name.
func existenceByRead[T removable](object T, err error, uid string) (rest.Existence, error) {
	switch {
	case errors.Is(err, errors.NotFound):
		return rest.NotFound, nil
	case err != nil:
		return rest.Unknown, err
	}
	return existenceOf(object, uid)
}

var errNoUID = errors.New("the answer has no UID to identify the object")

// remove deletes an object of the namespace system. It reads the UID of the object first, so that a
// read can decide after a lost answer.
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
		Operation: operation,
		Send:      func(ctx context.Context) error { return send(ctx, name, request) },
		Verify: func(ctx context.Context) (rest.Existence, error) {
			object, err := read(ctx)
			return existenceByRead(object, err, uid)
		},
	})
}

// delete deletes an object. After the first attempt, "not found" is a success, because the attempt
// may have deleted the object.
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

// CascadeDeleteNamespace deletes a namespace with its objects and returns the result for each
// object. F5 takes 20 to 30 seconds or more; the default timeout of the client is 120 seconds.
//
// If objects of other namespaces refer to some objects, F5 does not delete these and still answers
// with status 200. The error is then [errors.NamespaceNotEmpty], in category
// [errors.DeletionStepsNotSatisfied]: its Steps are the remaining objects with F5's reasons, and its
// Detail is a []CascadeItem. [Client.GetNamespace] with [ResponseFormatReferringObjects] returns
// the referring objects. Delete them, then delete the namespace again.
//
// The namespace is read first. If the answer is lost, the namespace is read for up to a minute,
// because F5 continues without the connection; no results are returned then. If the namespace with
// the same UID still exists, the request is sent again. Another UID proves the deletion. Without a
// UID, the error is [errors.OutcomeUnknown].
//
// For F5's own namespaces system, shared, default and ves-io-*, the error is
// [errors.InvalidArgument], before any request.
//
// Source: vendor OpenAPI 2026-06-26; issues of the vendor's Terraform provider.
func (c *Client) CascadeDeleteNamespace(ctx context.Context, name string) ([]CascadeItem, error) {
	const operation = "CascadeDeleteNamespace"
	if err := checkNamespace(operation, name); err != nil {
		return nil, err
	}
	uid, err := uidOfTarget(ctx, operation, func(ctx context.Context) (*Namespace, error) {
		return c.GetNamespace(ctx, name, GetNamespaceOptions{})
	})
	if err != nil {
		return nil, err
	}
	return c.cascade(ctx, operation, name, func(ctx context.Context) (rest.Existence, error) { return c.awaitNamespace(ctx, name, uid) })
}

// cascade deletes a namespace. verify reads its existence after a lost answer.
func (c *Client) cascade(ctx context.Context, operation, name string, verify func(context.Context) (rest.Existence, error)) ([]CascadeItem, error) {
	if err := checkNamespace(operation, name); err != nil {
		return nil, err
	}
	var items []CascadeItem
	err := c.delete(ctx, rest.Deletion{
		Operation: "CascadeDeleteNamespace",
		Send: func(ctx context.Context) error {
			result, err := c.cascadeDeleteNamespace(ctx, name, cascadeDeleteRequest{Name: name})
			if err == nil {
				items = result.Items
			}
			return err
		},
		Verify: verify,
	})
	if err != nil {
		return nil, err
	}
	return items, notDeleted(operation, name, items)
}

// checkNamespace returns an error for a namespace of F5.
func checkNamespace(operation, name string) error {
	if ownedByF5(name) {
		return rest.Invalid(provider, operation, name, errors.New("name must not be a namespace of F5: system, shared, default or ves-io-*"))
	}
	return nil
}

// ownedByF5 reports whether a namespace is one of F5's own, which the tenant cannot delete.
func ownedByF5(namespace string) bool {
	switch namespace = strings.ToLower(namespace); namespace {
	case system, "shared", "default":
		return true
	}
	return strings.HasPrefix(namespace, "ves-io-")
}

// cascadeTimeout limits the reads after a lost answer to the deletion of a namespace.
const cascadeTimeout = time.Minute

// awaitNamespace waits for the end of a deletion whose answer was lost.
func (c *Client) awaitNamespace(ctx context.Context, namespace, uid string) (rest.Existence, error) {
	waiting, cancel := context.WithTimeout(ctx, cascadeTimeout)
	defer cancel()
	existence, unread := rest.Unknown, error(nil) // of the last read
	err := c.WaitForNamespaceDeletion(waiting, namespace, func(n *Namespace) {
		if n.deleting() && n.uid() == uid {
			existence, unread = rest.Exists, nil // F5 continues
			return
		}
		if existence, unread = existenceOf(n, uid); existence != rest.Exists {
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

// notDeleted returns the error of a namespace with remaining objects.
func notDeleted(operation, namespace string, items []CascadeItem) error {
	var remaining []CascadeItem
	var steps []errors.Step
	for _, item := range items {
		if item.ErrorMessage != "" {
			remaining = append(remaining, item)
			steps = append(steps, errors.Step{Name: item.ObjectType, Description: item.ObjectName + ": " + item.ErrorMessage})
		}
	}
	if remaining == nil {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: namespace,
		Code: errors.NamespaceNotEmpty, Status: http.StatusOK, Steps: steps, Detail: remaining,
	}
}

// Unsubscribe ends the subscription to an addon service. Nil means that F5 has accepted the request.
// Some services end only after an approval by F5: the state is then
// [AddonSubscriptionStateDisablePending]; see [Client.WaitUntilUnsubscribed]. If the answer is lost,
// the error is [errors.OutcomeUnknown]; see [Client.ListAddonSubscriptions].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) Unsubscribe(ctx context.Context, service AddonService) error {
	if service == "" {
		return rest.Invalid(provider, "Unsubscribe", "", errors.New("service is empty"))
	}
	return c.rest().Delete(ctx, rest.Deletion{
		Operation: "Unsubscribe",
		Send:      func(ctx context.Context) error { return c.unsubscribe(ctx, service) },
	})
}
