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

// The kinds of steps, which are F5's own words.
const (
	childKind     = "child_tenant"
	managerKind   = "child_tenant_manager"
	managedKind   = "managed_tenant"
	namespaceKind = "namespace"
	addonKind     = "addon_subscription"
)

// kind describes the resources of one kind: what a plan says of them, how they are found
// and read, and how they are removed. All else is the same for all kinds.
type kind struct {
	name         string
	why, removal string // words of the step
	requires     []teardown.Override
	after        []string // kinds of which nothing may be left before

	// list lists those of the tenant: the whole list is one answer. With states it asks for
	// more than the summary of each.
	list func(ctx context.Context, states bool) ([]object, error)

	// read reads the one of a name.
	read func(ctx context.Context, name string) (object, error)

	// describe completes a step, and reports whether there is anything to remove; nil for
	// nothing to add.
	describe func(ctx context.Context, s *teardown.Step) (bool, error)

	// remove requests the removal of one that was just read. The context states its UID.
	remove func(ctx context.Context, r ref, i resource.Item) error

	soon bool // the removal is mostly done when it is answered
}

// kinds returns all kinds, in the order of the steps of a plan.
func (c *Client) kinds() []kind {
	return []kind{
		{
			name: childKind, why: "the tenant owns it", removal: "delete it, with all that it has, and wait until it is gone",
			requires: []teardown.Override{teardown.ManagedOrganizations},
			list: listing(c.ListChildTenants, func(i ChildTenantItem) object {
				return childTenant(i.Name, &ChildTenant{SystemMetadata: i.SystemMetadata, Spec: i.Spec}).listedAs(i.UID)
			}),
			read:     reading(c.GetChildTenant, func(t *ChildTenant) object { return childTenant(t.Metadata.Name, t) }),
			describe: asOrganization,
			remove:   removing(c.DeleteChildTenant),
		},
		{
			// Which manager a child tenant has is not on the list.
			name: managerKind, why: "the tenant makes child tenants by it", removal: "delete it", after: []string{childKind},
			list: listing(c.ListChildTenantManagers, func(i ChildTenantManagerItem) object {
				return objectOf(i.Name, i.SystemMetadata, "the manager still exists").listedAs(i.UID)
			}),
			read: reading(c.GetChildTenantManager, func(m *ChildTenantManager) object {
				return objectOf(m.Metadata.Name, m.SystemMetadata, "the manager still exists")
			}),
			remove: removing(c.DeleteChildTenantManager), soon: true,
		},
		{
			name: managedKind, why: "the tenant manages another one by it", removal: "delete it; the other tenant stays",
			list: listing(c.ListManagedTenants, func(i ManagedTenantItem) object {
				return objectOf(i.Name, i.SystemMetadata, "the managed tenant still exists").listedAs(i.UID)
			}),
			read: reading(c.GetManagedTenant, func(t *ManagedTenant) object {
				return objectOf(t.Metadata.Name, t.SystemMetadata, "the managed tenant still exists")
			}),
			remove: removing(c.DeleteManagedTenant), soon: true,
		},
		{
			name: namespaceKind, why: "the tenant owns it", removal: "delete it, with all that is in it",
			list: listing(c.listOwnNamespaces, func(i NamespaceItem) object {
				return objectOf(i.Name, i.SystemMetadata, "the namespace is still there").listedAs(i.UID)
			}),
			read: reading(c.GetNamespace, func(n *Namespace) object {
				return objectOf(n.Metadata.Name, n.SystemMetadata, "the namespace is still there")
			}),
			remove: c.removeNamespace, soon: true,
		},
		{
			name: addonKind, after: []string{childKind, managerKind, managedKind, namespaceKind}, // what uses the service
			list: listing(c.ListAddonSubscriptions, func(i AddonSubscriptionItem) object {
				return addonSubscription(i.Name, &AddonSubscription{SystemMetadata: i.SystemMetadata, Spec: i.Spec}).listedAs(i.UID)
			}),
			read:     reading(c.GetAddonSubscription, func(s *AddonSubscription) object { return addonSubscription(s.Metadata.Name, s) }),
			describe: c.describeAddon,
			remove:   c.removeAddon, soon: true,
		},
	}
}

// object is a resource as an answer shows it.
type object struct {
	name, uid string
	item      resource.Item
}

// objectOf returns an object whose state is only whether it is being deleted.
func objectOf(name string, meta SystemMetadata, text string) object {
	o := object{name, meta.UID, resource.Item{Text: text}}
	if meta.leaving() {
		o.item.Phase = resource.Deleting
	}
	return o
}

// listedAs completes an object of a list. F5 documents no name of the states that a list is
// asked for, so that there may be none. An item with two UIDs is not told apart from others.
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
	o := objectOf(name, t.SystemMetadata, "the child tenant is in "+string(t.Spec.Status))
	switch {
	case t.Spec.Status == ChildTenantStateDeleteFailed:
		o.item.Phase = resource.Failed
		o.item.Err = &errors.Error{
			Provider: provider, Operation: "Teardown", Target: name,
			Code: errors.DeletionFailed, Status: http.StatusOK, ProviderCode: string(t.Spec.Status),
		}
	case t.leaving():
		o.item.Phase = resource.Deleting
	}
	o.item.Summary = t.Spec.Status == ""
	return o
}

// addonSubscription returns the object of a subscription to an addon service.
func addonSubscription(name string, s *AddonSubscription) object {
	o := object{name, s.SystemMetadata.UID, resource.Item{Text: "the subscription is in " + s.describe(), Value: s}}
	switch {
	case s.ended():
		o.item.Phase = resource.NotFound
	case s.ticket() != "":
		o.item.Phase = resource.Failed
		o.item.Err = &errors.Error{
			Provider: provider, Operation: "Teardown", Target: name, Code: errors.NotFinished, Status: http.StatusOK,
			ProviderCode: string(s.Spec.Status), Err: errors.New("F5 has to approve it"),
			Steps: []errors.Step{{Name: addonKind, Description: name + ": " + s.describe()}},
		}
	case s.ending():
		o.item.Phase = resource.Deleting
	}
	o.item.Summary = s.Spec.Status == ""
	return o
}

// listOptions are those of each list that is not paged.
type listOptions = struct {
	LabelFilter        string
	ReportFields       []string
	ReportStatusFields []string
}

// listing returns the list of a kind. F5 does not document which names the fields of an item
// have; a request for one without a name is answered with all of them.
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
		var whole O
		found, err := get(ctx, name, whole)
		if err != nil {
			return object{}, err
		}
		o := as(found)
		o.item.Summary = false // nothing shows more than this read
		return o, nil
	}
}

// removing returns the removal of a kind whose answer says nothing.
func removing(remove func(context.Context, string, DeleteOptions) error) func(context.Context, ref, resource.Item) error {
	return func(ctx context.Context, r ref, _ resource.Item) error { return remove(ctx, r.name, DeleteOptions{}) }
}

// listOwnNamespaces lists the namespaces that are not F5's own.
func (c *Client) listOwnNamespaces(ctx context.Context, options ListNamespacesOptions) ([]NamespaceItem, error) {
	all, err := c.ListNamespaces(ctx, options)
	return slices.DeleteFunc(all, func(n NamespaceItem) bool { return ownedByF5(n.Name) }), err
}

// asOrganization has a step say that it deletes an organization. The name is what a tenant is
// known by: its own settings have it, too.
func asOrganization(_ context.Context, s *teardown.Step) (bool, error) {
	s.Organization = &teardown.Organization{ID: s.Name, Name: s.Name}
	return true, nil
}

// removeNamespace deletes a namespace. It does not wait for work that goes on after its
// answer was lost: polls do.
func (c *Client) removeNamespace(ctx context.Context, r ref, _ resource.Item) error {
	_, err := c.cascade(ctx, "CascadeDeleteNamespace", r.name, func(ctx context.Context) (rest.Existence, error) {
		namespace, err := c.GetNamespace(ctx, r.name, GetNamespaceOptions{})
		switch {
		case errors.Is(err, errors.NotFound):
			return rest.NotFound, nil
		case err != nil:
			return rest.Unknown, err
		}
		return presenceOf(namespace.SystemMetadata, r.uid)
	})
	return err
}

// describeAddon says how a subscription to an addon service ends, which its list does not
// tell. There is nothing to remove of one that has ended.
func (c *Client) describeAddon(ctx context.Context, step *teardown.Step) (bool, error) {
	s, err := c.GetAddonSubscription(ctx, step.Name, GetAddonSubscriptionOptions{})
	switch {
	case errors.Is(err, errors.NotFound):
		return false, nil // since the list was made
	case err != nil:
		return false, err
	case s.ended():
		return false, nil
	}
	step.Why = "the tenant is subscribed to " + cmp.Or(s.Spec.Service.Name, "it")
	if s.Spec.Status != "" {
		step.Why += ": " + s.describe()
	}
	switch _, known := s.service(); {
	case s.ticket() != "":
		step.Manual = true
		step.Removal = "have F5 approve its end, by the ticket"
	case s.ending():
		step.Removal = "wait until it has ended"
	case known:
		step.Removal = "unsubscribe from the service, and wait until that is done"
	default:
		step.Removal = "delete it"
	}
	return true, nil
}

// removeAddon ends a subscription: by its service if F5 has a request for that, and by its
// deletion otherwise. One that F5 has to approve the end of is not asked to end again.
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

// service returns the service as the request to unsubscribe from it names it, if it
// does: F5 calls f5xc-waap-standard there f5xc_waap_standard.
func (s *AddonSubscription) service() (service AddonService, known bool) {
	service = AddonService(strings.ReplaceAll(s.Spec.Service.Name, "-", "_"))
	return service, service.known()
}

// ref says where the resource of a step is. A name is taken again once what had it is gone,
// so that F5's own ID tells which resource it is.
type ref struct{ name, uid string }

// refOf returns where the resource of a step is, which its ID says.
func refOf(_ teardown.Organization, step teardown.Step) (ref, error) {
	uid, _ := strings.CutPrefix(step.ID, step.Kind+"/"+step.Name+"/")
	if uid == step.ID {
		uid = ""
	}
	return ref{step.Name, uid}, nil
}

// table describes the resources that a teardown removes.
func (c *Client) table() *resource.Table[ref] {
	t := &resource.Table[ref]{Provider: provider}
	for _, k := range c.kinds() {
		t.Kinds = append(t.Kinds, resource.Kind[ref]{
			Name: k.name, ReusableName: true, PollAtOnce: k.soon,
			Read:  k.readOne,
			Scope: func(ref) string { return "" }, List: k.readAll,
			ListInterval: listPace,
			Remove: func(ctx context.Context, r ref, i resource.Item) (resource.Response, error) {
				return resource.Response{}, k.remove(withUID(ctx, r.uid), r, i)
			},
		})
	}
	return t
}

// listPace is the time between two lists of one kind. F5 limits each operation, in its own
// examples to one request a second.
const listPace = 3 * time.Second

// readOne reads the resource of a step. Another one of its name shows that it does not exist.
// An answer without a UID, or about another name, shows nothing.
func (k kind) readOne(ctx context.Context, r ref) (resource.Item, error) {
	o, err := k.read(ctx, r.name)
	switch {
	case errors.Is(err, errors.NotFound):
		return resource.Item{Phase: resource.NotFound}, nil
	case err != nil:
		return resource.Item{}, err
	case o.uid == "":
		return resource.Item{}, unidentified("Teardown", r.name, "the answer has no UID to compare with the step's")
	case o.name != r.name:
		return resource.Item{}, unidentified("Teardown", r.name, "the answer is about another resource: "+o.name)
	case o.uid != r.uid:
		return resource.Item{Phase: resource.NotFound}, nil
	}
	return o.item, nil
}

// readAll reads resources of steps by one list. It shows what is on it; what it lacks is read
// by itself, whatever the list has failed to show.
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

// unidentified is the error of an answer that does not show what it is about.
func unidentified(operation, target, why string) error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: target,
		Code: errors.UnexpectedResponse, Status: http.StatusOK, Err: errors.New(why),
	}
}

// steps returns a step for each resource of a kind, in the order of their IDs. A name can be
// taken again, so the ID has F5's own as well.
func (k kind) steps(ctx context.Context) ([]teardown.Step, error) {
	objects, err := k.list(ctx, false)
	if err != nil {
		return nil, err
	}
	steps := make([]teardown.Step, len(objects))
	needed := make([]bool, len(objects))
	for i, o := range objects {
		if o.uid == "" {
			return nil, unidentified("Plan", o.name, "the "+k.name+" is listed without a UID")
		}
		steps[i] = teardown.Step{
			ID: k.name + "/" + o.name + "/" + o.uid, Kind: k.name, Name: o.name, Why: k.why, Removal: k.removal, Requires: k.requires,
		}
		needed[i] = true
	}
	if k.describe != nil {
		err := trace.Parallel(ctx, len(steps), func(i int) (err error) {
			needed[i], err = k.describe(ctx, &steps[i])
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var all []teardown.Step
	for i, step := range steps {
		if needed[i] {
			all = append(all, step)
		}
	}
	slices.SortFunc(all, func(a, b teardown.Step) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// ordered returns the steps of all kinds, each after those of the kinds that are removed
// before its own. What is done by hand comes after nothing.
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
