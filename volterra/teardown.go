package volterra

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/cascade"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan reads what the tenant owns and what goes along with it, and changes nothing.
// The request is that of [Client.DeleteTenant], whose Name is the plan's id and name
// of the organization. The rest of it is not in the plan: give it to
// [Client.Teardown] again.
//
// F5 documents nothing that keeps a tenant from being deleted, and does not say what
// becomes of what it owns. So all that can be removed is a step: child tenants, then
// their managers; the management of other tenants; namespaces, those of F5 itself
// left out; and after all these, addon services. A child tenant needs
// [teardown.ManagedOrganizations], for it is deleted with all that it has. A service
// whose end F5 has to approve is a step by hand once F5 has made a ticket of it.
//
// Losses are what the quota of the tenant counts, by F5's own kinds, plans that are
// active, and invoices that are not paid, which F5 does not document to stand in the
// way. What the credential may not see of them is a loss of none, with a note that
// says so. The quota counts objects and does not name them: that others were created in
// place of some that were removed is not seen. What the sites of a tenant have made at a cloud provider is not F5's to
// delete: destroy it before. Users and credentials go along as well, and are not
// listed.
//
// The plan's Err is the error of [Client.CheckDeletion]. It is nil with steps left,
// or [errors.Conflict] for a tenant that is in [StateDisabled]. That one is marked
// for deletion already: nothing more is read, and nothing has to go before.
//
// The tenant is always the one that the credential belongs to, for no other can be
// deleted. That is not asked for by [teardown.OwnOrganization].
//
// It takes 9 requests, and one for each subscription to an addon service. F5 does not
// say which role they need.
//
// Errors, among those of every call:
//
//   - [errors.NotConfirmed]: the tenant is another one than the request names
//   - [errors.InvalidArgument]: Name or Email is empty
//   - [errors.PartialResult]: F5 has left something out of a list, so that there is
//     no plan of it
//
// Source: vendor OpenAPI 2026-06-26; vendor's page on account deletion.
func (c *Client) Plan(ctx context.Context, request DeleteTenantRequest) (*teardown.Plan, error) {
	return c.inspect(ctx, "Plan", request, nil)
}

// Teardown carries out a plan of [Client.Plan], and then asks for the deletion of the
// tenant with the request, whose Name has to be that of the plan.
//
// The outcome is [teardown.Pending]: F5 has the tenant in its deletion queue, approves
// that and removes it later. The credential is expected to be dead from then on, so
// that nothing can be read, and the answer stands. If reads still show the tenant in use
// after 15 seconds, the request is sent again, at most three times; after that the
// outcome is [teardown.Unknown]. It is Unknown as well when the answer was lost and
// nothing can be read. For a tenant that is in [StateDisabled] before, no request is
// sent: the outcome is Pending, and the report says so.
//
// A namespace with objects that others refer to is tried again as those go. Where an
// object of a namespace of F5 itself refers to them, it stays: the step's error is
// [errors.NamespaceNotEmpty] and says which. A service whose end F5 has to approve is
// asked to end, and its step fails with [errors.NotFinished]. Carry out the plan again
// once it is approved.
//
// It reads what the tenant has before the first step and once more before the deletion,
// each time by 7 requests and one for each subscription to an addon service. It takes 4
// requests for most steps and more for child tenants, and 3 for the deletion.
//
// Errors, among those of [teardown.Execute] and [Client.DeleteTenant], with the report
// being nil where nothing was begun:
//
//   - [errors.NotConfirmed]: the request or the confirmation names another tenant, or
//     something was not permitted
//   - [errors.PlanStale]: the plan is of another provider, too old, or was changed; or
//     the tenant has something that is not in it, or what the quota counts cannot be read
//     any more
//   - [errors.PartialResult]: F5 has left something out of a list
//   - [errors.DeletionFailed]: a child tenant cannot be deleted
//
// Source: vendor OpenAPI 2026-06-26; vendor's page on account deletion; issues of the
// vendor's Terraform provider.
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, request DeleteTenantRequest, options ...teardown.Option) (*teardown.Report, error) {
	if p != nil && request.Name != p.Organization.ID {
		return nil, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: p.Organization.ID,
			Code: errors.NotConfirmed, Err: errors.New("the request names another tenant"),
		}
	}
	return teardown.Execute(ctx, teardown.FromBlocking(driver{c, request}), p, options...)
}

// The kinds of steps, which are F5's own words.
const (
	childKind     = "child_tenant"
	managerKind   = "child_tenant_manager"
	managedKind   = "managed_tenant"
	namespaceKind = "namespace"
	addonKind     = "addon_subscription"
)

// ticketKind is the kind of objects that the end of an addon service can cause.
const ticketKind = "support_ticket"

// inspect takes a plan. With one before it does so for its execution: that the tenant
// is marked is no refusal then.
func (c *Client) inspect(ctx context.Context, operation string, request DeleteTenantRequest, before *teardown.Plan) (*teardown.Plan, error) {
	if err := complete(operation, request); err != nil {
		return nil, err
	}
	settings, err := c.identify(ctx, operation, request.Name)
	if err != nil {
		return nil, err
	}
	p := &teardown.Plan{
		Provider:     provider,
		Instance:     c.rest().BaseURL().String(),
		Organization: teardown.Organization{ID: settings.Name, Name: settings.Name},
		Steps:        []teardown.Step{},
	}
	if before == nil {
		p.Refusal = teardown.RefusalOf(marked("CheckDeletion", settings))
	}
	if settings.State == StateDisabled {
		p.Underway = &teardown.Deletion{
			Outcome: teardown.Pending,
			Decides: "The tenant was marked for deletion already, so that no request was sent. F5 removes it once that is approved. No API tells when.",
		}
	}
	if settings.State == StateDisabled && (before == nil || len(before.Steps) == 0) {
		return p.Seal(), nil
	}
	if p.Steps, err = c.steps(ctx); err != nil {
		return nil, err
	}
	if p.Losses, err = c.losses(ctx, settings.Name, before); err != nil {
		return nil, err
	}
	return p.Seal(), nil
}

// steps returns a step for each thing that the tenant owns.
func (c *Client) steps(ctx context.Context) ([]teardown.Step, error) {
	children, err := c.ListChildTenants(ctx, ListChildTenantsOptions{})
	if err != nil {
		return nil, err
	}
	managers, err := c.ListChildTenantManagers(ctx, ListChildTenantManagersOptions{})
	if err != nil {
		return nil, err
	}
	managed, err := c.ListManagedTenants(ctx, ListManagedTenantsOptions{})
	if err != nil {
		return nil, err
	}
	namespaces, err := c.ListNamespaces(ctx, ListNamespacesOptions{})
	if err != nil {
		return nil, err
	}
	namespaces = slices.DeleteFunc(namespaces, func(n NamespaceItem) bool { return ownedByF5(n.Name) })

	steps := each(children, func(i ChildTenantItem) (string, string) { return i.Name, i.UID }, teardown.Step{
		Kind: childKind, Why: "the tenant owns it",
		Removal: "delete it, with all that it has, and wait until it is gone",
		Needs:   teardown.ManagedOrganizations,
	})
	for i := range steps {
		// The name is what the tenant is known by: its own tenant settings have it, too.
		steps[i].Organization = &teardown.Organization{ID: steps[i].Name, Name: steps[i].Name}
	}
	// Which manager a child tenant has is not on the list.
	steps = append(steps, each(managers, func(i ChildTenantManagerItem) (string, string) { return i.Name, i.UID }, teardown.Step{
		Kind: managerKind, Why: "the tenant makes child tenants by it", Removal: "delete it", After: ids(steps),
	})...)
	steps = append(steps, each(managed, func(i ManagedTenantItem) (string, string) { return i.Name, i.UID }, teardown.Step{
		Kind: managedKind, Why: "the tenant manages another one by it", Removal: "delete it; the other tenant stays",
	})...)
	steps = append(steps, each(namespaces, func(i NamespaceItem) (string, string) { return i.Name, i.UID }, teardown.Step{
		Kind: namespaceKind, Why: "the tenant owns it", Removal: "delete it, with all that is in it",
	})...)
	addons, err := c.addons(ctx, ids(steps))
	return append(steps, addons...), err
}

// addons returns a step for each subscription to an addon service that has not ended.
// What uses the service goes before.
func (c *Client) addons(ctx context.Context, after []string) ([]teardown.Step, error) {
	list, err := c.ListAddonSubscriptions(ctx, ListAddonSubscriptionsOptions{})
	if err != nil {
		return nil, err
	}
	var steps []teardown.Step
	for _, step := range each(list, func(i AddonSubscriptionItem) (string, string) { return i.Name, i.UID }, teardown.Step{Kind: addonKind, After: after}) {
		s, err := c.GetAddonSubscription(ctx, step.Name, GetAddonSubscriptionOptions{})
		switch {
		case errors.Is(err, errors.NotFound):
			continue // since the list was made
		case err != nil:
			return nil, err
		case s.ended():
			continue
		}
		step.Why = "the tenant is subscribed to " + cmp.Or(s.Spec.Service.Name, "it")
		if s.Spec.Status != "" {
			step.Why += ": " + s.describe()
		}
		switch _, known := s.service(); {
		case s.ticket() != "":
			step.Manual, step.After = true, nil
			step.Removal = "have F5 approve its end, by the ticket"
		case s.ending():
			step.Removal = "wait until it has ended"
		case known:
			step.Removal = "unsubscribe from the service, and wait until that is done"
		default:
			step.Removal = "delete it"
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// service returns the service as the request to unsubscribe from it names it, if it
// does: F5 calls f5xc-waap-standard there f5xc_waap_standard.
func (s *AddonSubscription) service() (service AddonService, known bool) {
	service = AddonService(strings.ReplaceAll(s.Spec.Service.Name, "-", "_"))
	return service, service.known()
}

// each returns a step for each item of a list, by name. A name is taken again once
// what had it is gone, so the id has F5's own as well.
func each[T any](items []T, identity func(T) (name, uid string), like teardown.Step) []teardown.Step {
	steps := make([]teardown.Step, len(items))
	for i, item := range items {
		name, uid := identity(item)
		steps[i] = like
		steps[i].Name, steps[i].ID = name, like.Kind+"/"+name
		if uid != "" {
			steps[i].ID += "/" + uid
		}
	}
	slices.SortFunc(steps, func(a, b teardown.Step) int { return cmp.Compare(a.ID, b.ID) })
	return steps
}

func ids(steps []teardown.Step) []string {
	var ids []string
	for _, step := range steps {
		ids = append(ids, step.ID)
	}
	return ids
}

// maxNames is how many a loss names.
const maxNames = 5

// losses returns what is deleted along with the tenant. A kind of which there is more than
// in a plan before makes that plan stale, unless steps cause it, and so does a count that
// cannot be read any more.
func (c *Client) losses(ctx context.Context, tenant string, before *teardown.Plan) ([]teardown.Loss, error) {
	losses, err := c.counted(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if before != nil {
		// A step may have made a ticket: F5 approves the end of a service by one.
		losses = slices.DeleteFunc(losses, func(l teardown.Loss) bool { return l.Kind == ticketKind })
		for _, loss := range losses {
			if err := cascade.Compare(provider, tenant, loss, before); err != nil {
				return nil, err
			}
		}
		return losses, nil // the rest is for who reviews the plan, and no reason to refuse it
	}
	plans, err := c.plans(ctx)
	if err != nil {
		return nil, err
	}
	invoices, err := c.unpaid(ctx)
	return slices.Concat(losses, plans, invoices), err
}

// counted returns the objects of the tenant that are no steps, as its quota counts them.
// Every tenant has namespaces, so that a quota that counts nothing proves nothing.
func (c *Client) counted(ctx context.Context, tenant string) ([]teardown.Loss, error) {
	usage, err := c.GetQuotaUsage(ctx, system)
	switch {
	case unseen(err):
		return []teardown.Loss{unknown("objects", err)}, nil
	case err != nil:
		return nil, err
	case len(usage.Objects) == 0:
		return nil, miscounted(tenant, "the quota counts no kind of object")
	}
	var losses []teardown.Loss
	for _, kind := range slices.Sorted(maps.Keys(usage.Objects)) {
		count := usage.Objects[kind].Usage.Current
		switch {
		case count < 0, count > math.MaxInt32, count != math.Trunc(count):
			return nil, miscounted(tenant, fmt.Sprintf("the quota counts %v of %s", count, kind))
		case count > 0 && !slices.Contains([]string{childKind, managerKind, managedKind, namespaceKind, addonKind}, kind):
			losses = append(losses, teardown.Loss{Kind: kind, Count: int(count)})
		}
	}
	return losses, nil
}

// miscounted is the error of a quota that cannot be one.
func miscounted(tenant, why string) error {
	return &errors.Error{
		Provider: provider, Operation: "GetQuotaUsage", Target: tenant,
		Code: errors.UnexpectedResponse, Status: http.StatusOK, Err: errors.New(why),
	}
}

// plans returns the plans that are active, as a loss.
func (c *Client) plans(ctx context.Context) ([]teardown.Loss, error) {
	subscriptions, err := c.ListSubscriptions(ctx, ListSubscriptionsOptions{Current: true})
	if unseen(err) {
		return []teardown.Loss{unknown("subscription", err)}, nil
	}
	loss := teardown.Loss{Kind: "subscription", Note: "its charges are prorated"}
	for _, s := range subscriptions {
		if s.Current {
			name(&loss, cmp.Or(s.PlanName, s.Name))
		}
	}
	return some(loss), err
}

// unpaid returns the invoices that are not settled, as a loss.
func (c *Client) unpaid(ctx context.Context) ([]teardown.Loss, error) {
	invoices, err := c.ListInvoices(ctx, ListInvoicesOptions{})
	if unseen(err) {
		return []teardown.Loss{unknown("invoice", err)}, nil
	}
	loss := teardown.Loss{Kind: "invoice", Note: "still to be paid; another one comes when the tenant is closed"}
	for _, i := range invoices {
		switch i.Status {
		case InvoiceStatusPaid, InvoiceStatusCancelled, InvoiceStatusRefunded:
		default:
			name(&loss, i.Name)
		}
	}
	return some(loss), err
}

// name adds one to a loss.
func name(loss *teardown.Loss, name string) {
	loss.Count++
	if len(loss.Names) < maxNames && name != "" {
		loss.Names = append(loss.Names, name)
	}
}

// some leaves out a loss of none.
func some(loss teardown.Loss) []teardown.Loss {
	if loss.Count == 0 {
		return nil
	}
	return []teardown.Loss{loss}
}

// unseen reports whether an error is that of a credential, or of a tenant, to which
// F5 does not show something.
func unseen(err error) bool {
	return errors.Is(err, errors.PermissionDenied) || errors.Is(err, errors.NotFound) || errors.Is(err, errors.RouteNotFound)
}

func unknown(kind string, err error) teardown.Loss {
	e, _ := errors.AsType[*errors.Error](err)
	return teardown.Loss{Kind: kind, Note: "how many is not known: " + e.Code.Error()}
}

// driver is what a teardown asks of F5.
type driver struct {
	c       *Client
	request DeleteTenantRequest
}

// Provider says whose plans are carried out.
func (d driver) Provider() (name, instance string) { return provider, d.c.rest().BaseURL().String() }

func (d driver) Inspect(ctx context.Context, _ teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	return d.c.inspect(ctx, "Teardown", d.request, before)
}

// Remove removes the resource of a step and waits until it no longer exists. A removal
// that is under way already is not requested again.
func (d driver) Remove(ctx context.Context, _ teardown.Organization, step teardown.Step, progress func(string)) error {
	found, err := d.read(ctx, step)
	if err != nil || found.over {
		return err
	}
	if !found.going {
		if err := d.send(ctx, step, found); err != nil {
			return err
		}
	}
	return d.wait(ctx, step, progress)
}

// How often a removal that F5 has accepted is requested again when the resource stays
// as it is: after so many reads of an unchanged resource, and so many times at most.
// Vendors' own tools have to do this.
const (
	readsBeforeRepeat = 4
	maxRepeats        = 3
)

// wait waits until the resource of a step no longer exists.
func (d driver) wait(ctx context.Context, step teardown.Step, progress func(string)) error {
	var failed error
	unchanged, repeats := 0, 0
	err := d.c.rest().Wait(ctx, "Teardown", step.Name, func(ctx context.Context) ([]errors.Step, error) {
		found, err := d.read(ctx, step)
		switch {
		case errors.Is(err, errors.NotFound):
			return nil, nil
		case err != nil:
			return nil, err
		}
		progress(found.text)
		switch {
		case found.over:
			return nil, nil
		case found.failed != nil:
			failed = found.failed
			return nil, nil // nothing changes any more
		}
		left := []errors.Step{{Name: step.Kind, Description: step.Name + ": " + found.text}}
		if unchanged++; found.going {
			unchanged = 0
		}
		if unchanged > readsBeforeRepeat && repeats < maxRepeats {
			unchanged, repeats = 0, repeats+1
			if err := d.send(ctx, step, found); err != nil && !errors.Is(err, errors.NotFound) {
				return left, err
			}
		}
		return left, nil
	})
	if err != nil {
		return err
	}
	return failed
}

// found is what a read shows of the resource of a step.
type found struct {
	over   bool   // the step's resource no longer exists, or has ended
	going  bool   // its removal has started
	text   string // its state
	failed error  // why its removal cannot end

	unsubscribes AddonService // what ends an addon subscription; "" for its deletion
}

// read reads the resource of a step. One of the same name with another UID is another
// resource: that of the step no longer exists then. So is one with a UID for a step
// whose ID has none: no plan gives it this ID.
func (d driver) read(ctx context.Context, step teardown.Step) (found, error) {
	var f found
	var meta SystemMetadata
	var err error
	switch step.Kind {
	case childKind:
		var t *ChildTenant
		if t, err = d.c.GetChildTenant(ctx, step.Name, GetChildTenantOptions{}); err == nil {
			meta, f.going, f.text = t.SystemMetadata, t.leaving(), "the child tenant is in "+string(t.Spec.Status)
			if t.Spec.Status == ChildTenantStateDeleteFailed {
				f.failed = &errors.Error{
					Provider: provider, Operation: "Teardown", Target: step.Name,
					Code: errors.DeletionFailed, Status: http.StatusOK, ProviderCode: string(t.Spec.Status),
				}
			}
		}
	case managerKind:
		var m *ChildTenantManager
		if m, err = d.c.GetChildTenantManager(ctx, step.Name, GetChildTenantManagerOptions{}); err == nil {
			meta, f.going, f.text = m.SystemMetadata, m.leaving(), "the manager still exists"
		}
	case managedKind:
		var t *ManagedTenant
		if t, err = d.c.GetManagedTenant(ctx, step.Name, GetManagedTenantOptions{}); err == nil {
			meta, f.going, f.text = t.SystemMetadata, t.leaving(), "the managed tenant still exists"
		}
	case namespaceKind:
		var n *Namespace
		if n, err = d.c.GetNamespace(ctx, step.Name, GetNamespaceOptions{}); err == nil {
			meta, f.going, f.text = n.SystemMetadata, n.SystemMetadata.leaving(), "the namespace is still there"
		}
	case addonKind:
		var s *AddonSubscription
		if s, err = d.c.GetAddonSubscription(ctx, step.Name, GetAddonSubscriptionOptions{}); err == nil {
			meta, f.going, f.text = s.SystemMetadata, s.ending(), "the subscription is in "+s.describe()
			f.over = s.ended()
			if service, known := s.service(); known {
				f.unsubscribes = service
			}
			if s.ticket() != "" {
				f.failed = &errors.Error{
					Provider: provider, Operation: "Teardown", Target: step.Name, Code: errors.NotFinished, Status: http.StatusOK,
					ProviderCode: string(s.Spec.Status), Err: errors.New("F5 has to approve it"),
					Steps: []errors.Step{{Name: addonKind, Description: step.Name + ": " + s.describe()}},
				}
			}
		}
	default:
		return f, noStep(step)
	}
	if err != nil {
		return f, err
	}
	switch uid := uidOf(step); {
	case uid == meta.UID:
	case meta.UID == "":
		return f, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: step.Name,
			Code: errors.UnexpectedResponse, Status: http.StatusOK, Err: errors.New("the answer has no UID to compare with the step's"),
		}
	default:
		f.over = true
	}
	return f, nil
}

// uidOf returns the UID that the ID of a step contains; "" for none.
func uidOf(step teardown.Step) string {
	uid, _ := strings.CutPrefix(step.ID, step.Kind+"/"+step.Name+"/")
	if uid == step.ID {
		return ""
	}
	return uid
}

// send requests the removal of the resource of a step, once.
func (d driver) send(ctx context.Context, step teardown.Step, f found) error {
	ctx = withUID(ctx, uidOf(step))
	switch step.Kind {
	case childKind:
		return d.c.DeleteChildTenant(ctx, step.Name, DeleteOptions{})
	case managerKind:
		return d.c.DeleteChildTenantManager(ctx, step.Name, DeleteOptions{})
	case managedKind:
		return d.c.DeleteManagedTenant(ctx, step.Name, DeleteOptions{})
	case namespaceKind:
		_, err := d.c.CascadeDeleteNamespace(ctx, step.Name)
		return err
	case addonKind:
		if f.unsubscribes != "" {
			return d.c.Unsubscribe(ctx, f.unsubscribes)
		}
		return d.c.DeleteAddonSubscription(ctx, step.Name, DeleteOptions{})
	}
	return noStep(step)
}

func (d driver) IsGone(ctx context.Context, _ teardown.Organization, step teardown.Step) (bool, error) {
	f, err := d.read(ctx, step)
	if errors.Is(err, errors.NotFound) {
		return true, nil
	}
	return err == nil && f.over, err
}

// noStep is the error of a step of a kind that no plan has.
func noStep(step teardown.Step) error {
	return rest.Invalid(provider, "Teardown", step.ID, errors.New("there is no such step"))
}

// How long the tenant may be read to be in use after its deletion was accepted, before the
// deletion is requested again, and how many times at most.
const (
	settled = 15 * time.Second
	repeats = 3
)

// Delete requests the deletion of the tenant, and reads that F5 has marked it. A tenant
// that reads show to be in use is requested to be deleted again: an accepted request does
// not prove that F5 acts on it. If nothing can be read any more, as is expected, the
// answer to the request stands.
func (d driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	if err := d.c.DeleteTenant(ctx, d.request); err != nil {
		return teardown.Deletion{}, err
	}
	for sent := 0; ; sent++ {
		still := d.unmarked(ctx)
		switch {
		case still == nil:
			return teardown.Deletion{
				Outcome: teardown.Pending,
				Decides: "F5 has the tenant in its deletion queue, and removes it once that is approved. No API tells when.",
			}, nil
		case sent == repeats || ctx.Err() != nil:
			return teardown.Deletion{}, &errors.Error{
				Provider: provider, Operation: "Teardown", Target: o.ID, Code: errors.OutcomeUnknown, Err: still,
			}
		}
		// Whatever is answered, the next read decides.
		_ = d.c.DeleteTenant(ctx, d.request)
	}
}

// unmarked reads for a while whether the tenant is still in use after a request for its
// deletion was accepted, and returns an error if it is.
func (d driver) unmarked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settled)
	defer cancel()
	err := d.c.rest().Wait(ctx, "Teardown", d.request.Name, func(ctx context.Context) ([]errors.Step, error) {
		settings, err := d.c.GetTenantSettings(ctx)
		switch {
		case err != nil:
			return nil, err
		case settings.Name == d.request.Name && settings.State == StateDisabled:
			return nil, nil
		}
		return []errors.Step{{Name: "tenant", Description: settings.Name + ": " + string(settings.State)}}, nil
	})
	if e, ok := errors.AsType[*errors.Error](err); ok && len(e.Steps) > 0 {
		return e
	}
	return nil
}
