package volterra

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// The kinds of steps, in F5's own terms.
const (
	kindChildTenant        = "child_tenant"
	kindChildTenantManager = "child_tenant_manager"
	kindManagedTenant      = "managed_tenant"
	kindNamespace          = "namespace"
	kindAddonSubscription  = "addon_subscription"
)

// kind describes the resources of one kind: the texts of their steps, and how they are listed,
// read and removed. Everything else is common to all kinds.
type kind struct {
	name         string
	why, removal string // texts of the step
	requires     []teardown.Override
	after        []string // kinds that are removed before

	// list lists the resources of the tenant in one answer. With states, it requests more than
	// the summary of each.
	list func(ctx context.Context, states bool) ([]object, error)

	// read reads the resource with a name.
	read func(ctx context.Context, name string) (object, error)

	// describe completes a step and reports whether the resource must be removed. It is nil if
	// a step needs no more.
	describe func(ctx context.Context, s *teardown.Step) (bool, error)

	// remove requests the removal of a resource that was just read. The context contains the
	// UID.
	remove func(ctx context.Context, r ref, i resource.Item) error

	soon bool // the removal is usually finished when F5 answers
}

// kinds returns all kinds, in the order of the steps of a plan.
func (c *Client) kinds() []kind {
	return []kind{
		{
			name: kindChildTenant, why: "the tenant owns the child tenant", removal: "delete the child tenant with its resources, and wait until it no longer exists",
			requires: []teardown.Override{teardown.ManagedOrganizations},
			list: listing(c.ListChildTenants, func(i ChildTenantItem) object {
				return childTenant(i.Name, &ChildTenant{SystemMetadata: i.SystemMetadata, Spec: i.Spec}).listedAs(i.UID)
			}),
			read:     reading(c.GetChildTenant, func(t *ChildTenant) object { return childTenant(t.Metadata.Name, t) }),
			describe: asOrganization,
			remove:   removing(c.DeleteChildTenant),
		},
		{
			// The list of child tenants does not name their managers.
			name: kindChildTenantManager, why: "the tenant creates child tenants with the manager", removal: "delete the manager", after: []string{kindChildTenant},
			list: listing(c.ListChildTenantManagers, func(i ChildTenantManagerItem) object {
				return objectOf(i.Name, i.SystemMetadata, "the manager still exists").listedAs(i.UID)
			}),
			read: reading(c.GetChildTenantManager, func(m *ChildTenantManager) object {
				return objectOf(m.Metadata.Name, m.SystemMetadata, "the manager still exists")
			}),
			remove: removing(c.DeleteChildTenantManager), soon: true,
		},
		{
			name: kindManagedTenant, why: "the tenant manages another tenant", removal: "delete the managed tenant; the other tenant stays",
			list: listing(c.ListManagedTenants, func(i ManagedTenantItem) object {
				return objectOf(i.Name, i.SystemMetadata, "the managed tenant still exists").listedAs(i.UID)
			}),
			read: reading(c.GetManagedTenant, func(t *ManagedTenant) object {
				return objectOf(t.Metadata.Name, t.SystemMetadata, "the managed tenant still exists")
			}),
			remove: removing(c.DeleteManagedTenant), soon: true,
		},
		{
			name: kindNamespace, why: "the tenant owns the namespace", removal: "delete the namespace with its objects",
			list: listing(c.listOwnNamespaces, func(i NamespaceItem) object {
				return objectOf(i.Name, i.SystemMetadata, "the namespace still exists").listedAs(i.UID)
			}),
			read: reading(c.GetNamespace, func(n *Namespace) object {
				return objectOf(n.Metadata.Name, n.SystemMetadata, "the namespace still exists")
			}),
			remove: c.removeNamespace, soon: true,
		},
		{
			name: kindAddonSubscription, after: []string{kindChildTenant, kindChildTenantManager, kindManagedTenant, kindNamespace}, // they use the service
			list: listing(c.ListAddonSubscriptions, func(i AddonSubscriptionItem) object {
				return addonSubscription(i.Name, &AddonSubscription{SystemMetadata: i.SystemMetadata, Spec: i.Spec}).listedAs(i.UID)
			}),
			read:     reading(c.GetAddonSubscription, func(s *AddonSubscription) object { return addonSubscription(s.Metadata.Name, s) }),
			describe: c.describeAddon,
			remove:   c.removeAddon, soon: true,
		},
	}
}

// object is a resource in an answer.
type object struct {
	name, uid string
	item      resource.Item
}

// objectOf returns an object without a state of its own: it exists, or is being deleted.
func objectOf(name string, meta SystemMetadata, text string) object {
	o := object{name, meta.UID, resource.Item{Text: text}}
	if meta.deleting() {
		o.item.Phase = resource.Deleting
	}
	return o
}

// listedAs completes an object of a list. F5 does not document the names of fields that a request
// for states must list, so the states may be missing. An item with two different UIDs has none.
func (o object) listedAs(uid string) object {
	switch o.uid {
	case "":
		o.uid, o.item.Summary = uid, true
	case uid:
	default:
		o.uid = ""
	}
	return o
}

// childTenant returns the object of a child tenant.
func childTenant(name string, t *ChildTenant) object {
	o := objectOf(name, t.SystemMetadata, "the child tenant is in state "+string(t.Spec.Status))
	switch {
	case t.Spec.Status == ChildTenantStateDeleteFailed:
		o.item.Phase = resource.Failed
		o.item.Err = &errors.Error{
			Provider: provider, Operation: "Teardown", Target: name,
			Code: errors.DeletionFailed, Status: http.StatusOK, ProviderCode: string(t.Spec.Status),
		}
	case t.deleting():
		o.item.Phase = resource.Deleting
	}
	o.item.Summary = t.Spec.Status == ""
	return o
}

// addonSubscription returns the object of a subscription to an addon service.
func addonSubscription(name string, s *AddonSubscription) object {
	o := object{name, s.SystemMetadata.UID, resource.Item{Text: "the subscription is in state " + s.describe(), Value: s}}
	switch {
	case s.ended():
		o.item.Phase = resource.NotFound
	case s.ticket() != "":
		o.item.Phase = resource.Failed
		o.item.Err = &errors.Error{
			Provider: provider, Operation: "Teardown", Target: name, Code: errors.NotFinished, Status: http.StatusOK,
			ProviderCode: string(s.Spec.Status), Err: errors.New("F5 must approve the unsubscription"),
			Steps: []errors.Step{{Name: kindAddonSubscription, Description: name + ": " + s.describe()}},
		}
	case s.endRequested():
		o.item.Phase = resource.Deleting
	}
	o.item.Summary = s.Spec.Status == ""
	return o
}

// listOptions are the options of each unpaged list.
type listOptions = struct {
	LabelFilter        string
	ReportFields       []string
	ReportStatusFields []string
}

// listing returns the list of a kind. F5 does not document the names of an item's fields; a request
// for a field without a name is answered with all fields.
func listing[T any, O ~listOptions](list func(context.Context, O) ([]T, error), as func(T) object) func(context.Context, bool) ([]object, error) {
	return func(ctx context.Context, states bool) ([]object, error) {
		var options listOptions
		if states {
			options.ReportFields = []string{""}
		}
		items, err := list(ctx, O(options))
		objects := make([]object, len(items))
		for i, item := range items {
			objects[i] = as(item)
		}
		return objects, err
	}
}

// reading returns the read of a kind.
func reading[T, O any](get func(context.Context, string, O) (T, error), as func(T) object) func(context.Context, string) (object, error) {
	return func(ctx context.Context, name string) (object, error) {
		var defaults O
		found, err := get(ctx, name, defaults)
		if err != nil {
			return object{}, err
		}
		o := as(found)
		o.item.Summary = false // no other read returns more
		return o, nil
	}
}

// removing returns the removal of a kind whose answer has no content.
func removing(remove func(context.Context, string, DeleteOptions) error) func(context.Context, ref, resource.Item) error {
	return func(ctx context.Context, r ref, _ resource.Item) error { return remove(ctx, r.name, DeleteOptions{}) }
}

// listOwnNamespaces lists the namespaces without F5's own.
func (c *Client) listOwnNamespaces(ctx context.Context, options ListNamespacesOptions) ([]NamespaceItem, error) {
	all, err := c.ListNamespaces(ctx, options)
	return slices.DeleteFunc(all, func(n NamespaceItem) bool { return ownedByF5(n.Name) }), err
}

// asOrganization sets the organization of a step that deletes a tenant. The name identifies a tenant,
// also in its settings.
func asOrganization(_ context.Context, s *teardown.Step) (bool, error) {
	s.Organization = &teardown.Organization{ID: s.Name, Name: s.Name}
	return true, nil
}

// removeNamespace deletes a namespace. After a lost answer, F5 may continue; later polls wait for
// that.
func (c *Client) removeNamespace(ctx context.Context, r ref, _ resource.Item) error {
	_, err := c.cascade(ctx, "CascadeDeleteNamespace", r.name, func(ctx context.Context) (rest.Existence, error) {
		namespace, err := c.GetNamespace(ctx, r.name, GetNamespaceOptions{})
		return existenceByRead(namespace, err, r.uid)
	})
	return err
}

// describeAddon reads how a subscription to an addon service ends, which the list does not contain.
// It reports false for a subscription that has ended.
func (c *Client) describeAddon(ctx context.Context, step *teardown.Step) (bool, error) {
	s, err := c.GetAddonSubscription(ctx, step.Name, GetAddonSubscriptionOptions{})
	switch {
	case errors.Is(err, errors.NotFound):
		return false, nil // deleted after the list was read
	case err != nil:
		return false, err
	case s.ended():
		return false, nil
	}
	step.Why = "the tenant is subscribed to " + cmp.Or(s.Spec.Service.Name, "the service")
	if s.Spec.Status != "" {
		step.Why += ": " + s.describe()
	}
	switch _, known := s.service(); {
	case s.ticket() != "":
		step.Manual = true
		step.Removal = "ask F5 in the ticket to approve the unsubscription"
	case s.endRequested():
		step.Removal = "wait until the subscription has ended"
	case known:
		step.Removal = "unsubscribe from the service, and wait until the subscription has ended"
	default:
		step.Removal = "delete the subscription"
	}
	return true, nil
}

// removeAddon ends a subscription: it unsubscribes from the service if F5 documents a request for
// the service, and deletes the subscription otherwise. It sends no request while F5 must approve an
// earlier one.
func (c *Client) removeAddon(ctx context.Context, r ref, i resource.Item) error {
	s := i.Value.(*AddonSubscription)
	if s.ticket() != "" {
		return i.Err
	}
	if service, known := s.service(); known {
		return c.Unsubscribe(ctx, service)
	}
	return c.DeleteAddonSubscription(ctx, r.name, DeleteOptions{})
}

// service returns the name of the service in a request to unsubscribe, and whether F5 documents such
// a request. The request has f5xc_waap_standard for the service f5xc-waap-standard.
func (s *AddonSubscription) service() (service AddonService, known bool) {
	service = AddonService(strings.ReplaceAll(s.Spec.Service.Name, "-", "_"))
	return service, service.known()
}

// ref identifies the resource of a step. A name can be used again after a deletion, so the UID is
// required too.
type ref struct{ name, uid string }

// refOf returns the reference in the ID of a step.
func refOf(_ teardown.Organization, step teardown.Step) (ref, error) {
	uid, _ := strings.CutPrefix(step.ID, step.Kind+"/"+step.Name+"/")
	if uid == step.ID {
		uid = ""
	}
	return ref{step.Name, uid}, nil
}

// table returns the kinds of resources that a teardown removes.
func (c *Client) table() *resource.Table[ref] {
	t := &resource.Table[ref]{Provider: provider}
	for _, k := range c.kinds() {
		t.Kinds = append(t.Kinds, resource.Kind[ref]{
			Name: k.name, ReusableName: true, PollAtOnce: k.soon,
			Read:  k.readOne,
			Scope: func(ref) string { return "" }, List: k.readAll,
			ListInterval: listInterval,
			Remove: func(ctx context.Context, r ref, i resource.Item) (resource.Response, error) {
				return resource.Response{}, k.remove(withUID(ctx, r.uid), r, i)
			},
		})
	}
	return t
}

// listInterval is the time between two lists of one kind. F5 limits each operation, in its own
// examples to one request a second.
const listInterval = 3 * time.Second

// readOne reads the resource of a step. A resource of its name with another UID proves that it does
// not exist. An answer without a UID, or with another name, proves nothing.
func (k kind) readOne(ctx context.Context, r ref) (resource.Item, error) {
	o, err := k.read(ctx, r.name)
	switch {
	case errors.Is(err, errors.NotFound):
		return resource.Item{Phase: resource.NotFound}, nil
	case err != nil:
		return resource.Item{}, err
	case o.uid == "":
		return resource.Item{}, unidentified("Teardown", r.name, "the answer has no UID to compare with the step")
	case o.name != r.name:
		return resource.Item{}, unidentified("Teardown", r.name, "the answer is about another resource: "+o.name)
	case o.uid != r.uid:
		return resource.Item{Phase: resource.NotFound}, nil
	}
	return o.item, nil
}

// readAll reads resources of steps with one list. A resource that the list does not contain, or that
// the list failed to return, is nil and is read separately.
func (k kind) readAll(ctx context.Context, rs []ref) ([]*resource.Item, error) {
	objects, err := k.list(ctx, true)
	switch {
	case errors.Is(err, errors.PartialResult), errors.Is(err, errors.PermissionDenied), errors.Is(err, errors.NotFound), errors.Is(err, errors.InvalidArgument):
	case err != nil:
		return nil, err
	}
	listed := make(map[ref]*resource.Item, len(objects))
	for _, o := range objects {
		listed[ref{o.name, o.uid}] = &o.item
	}
	items := make([]*resource.Item, len(rs))
	for i, r := range rs {
		if r.uid != "" {
			items[i] = listed[r]
		}
	}
	return items, nil
}

// unidentified returns the error of an answer that does not identify its resource.
func unidentified(operation, target, why string) error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: target,
		Code: errors.UnexpectedResponse, Status: http.StatusOK, Err: errors.New(why),
	}
}

// steps returns a step for each resource of a kind, sorted by ID. A name can be used again, so the
// ID contains the UID.
func (k kind) steps(ctx context.Context) ([]teardown.Step, error) {
	objects, err := k.list(ctx, false)
	if err != nil {
		return nil, err
	}
	steps := make([]teardown.Step, len(objects))
	required := make([]bool, len(objects))
	for i, o := range objects {
		if o.uid == "" {
			return nil, unidentified("Plan", o.name, "the "+k.name+" is listed without a UID")
		}
		steps[i] = teardown.Step{
			ID: k.name + "/" + o.name + "/" + o.uid, Kind: k.name, Name: o.name, Why: k.why, Removal: k.removal, Requires: k.requires,
		}
		required[i] = true
	}
	if k.describe != nil {
		err := trace.Parallel(ctx, len(steps), func(i int) (err error) {
			required[i], err = k.describe(ctx, &steps[i])
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var all []teardown.Step
	for i, step := range steps {
		if required[i] {
			all = append(all, step)
		}
	}
	slices.SortFunc(all, func(a, b teardown.Step) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// ordered returns the steps of all kinds, each after the steps of the kinds that are removed before.
// A manual step waits for no other step.
func ordered(kinds []kind, steps [][]teardown.Step) []teardown.Step {
	all := []teardown.Step{}
	ids := map[string][]string{} // by kind
	for i, k := range kinds {
		var after []string
		for _, before := range k.after {
			after = append(after, ids[before]...)
		}
		for _, step := range steps[i] {
			if !step.Manual {
				step.After = after
			}
			ids[k.name] = append(ids[k.name], step.ID)
			all = append(all, step)
		}
	}
	return all
}
