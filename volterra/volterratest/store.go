package volterratest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/volterra"
)

// Namespace is a namespace of the tenant.
type Namespace struct {
	Name    string
	Objects []Object

	// Takes is how long it is still there after its deletion was answered.
	Takes time.Duration
}

// Object is an object of a namespace's configuration. It cannot be deleted with
// its namespace as long as an object of another one refers to it.
type Object struct {
	Kind string // http_loadbalancer, if it is empty
	Name string

	// RefersTo are the objects that it refers to, as NAMESPACE/NAME.
	RefersTo []string
}

// ChildTenant is a tenant that the tenant owns.
type ChildTenant struct {
	Name        string
	Domain      string // Name, if it is empty
	CompanyName string
	Manager     string                    // name of a child tenant manager
	State       volterra.ChildTenantState // StateActive, if it is empty

	// Takes is how long its deletion takes, and Failures how many deletions end in
	// StateDeleteFailed.
	Takes    time.Duration
	Failures int
}

// ManagedTenant is the management of another tenant.
type ManagedTenant struct {
	Name     string
	TenantID string // Name, if it is empty
}

// AddonSubscription is a subscription to an addon service.
type AddonSubscription struct {
	Name    string
	Service volterra.AddonService // AddonWAAPStandard, if it is empty

	// State is SUBSCRIPTION_ENABLED, if it is empty. In SUBSCRIPTION_DISABLE_PENDING
	// F5 has made a ticket of it: see [Server.ApproveUnsubscription].
	State volterra.AddonSubscriptionState

	// Takes is how long it is in SUBSCRIPTION_DISABLE_PENDING without a ticket.
	Takes time.Duration
}

// Kinds of objects that have operations of their own.
const (
	namespaceKind = "namespace"
	childKind     = "child_tenant"
	managerKind   = "child_tenant_manager"
	managedKind   = "managed_tenant"
	addonKind     = "addon_subscription"
)

// item is an object of any kind.
type item struct {
	kind, namespace, name string

	uid     string
	created time.Time
	refers  []string // KIND:NAMESPACE/NAME, or NAMESPACE/NAME for any kind
	spec    fake.Object

	takes    time.Duration
	failures int
	deleted  time.Time // when its deletion was asked for; zero if it was not
	ends     time.Time // when the subscription that it is ends by itself; zero if it does not
}

func (i *item) path() string { return i.namespace + "/" + i.name }

// refersTo reports whether an object's reference is one to another.
func (i *item) refersTo(other *item) bool {
	return slices.Contains(i.refers, other.path()) || slices.Contains(i.refers, other.kind+":"+other.path())
}

// AddNamespace adds a namespace, or objects to one that is there. A tenant comes
// with the namespaces system, shared and default.
func (s *Server) AddNamespace(n Namespace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.find(namespaceKind, "", n.Name)
	if found == nil {
		found = s.add(&item{kind: namespaceKind, name: n.Name})
	}
	found.takes = n.Takes
	for _, o := range n.Objects {
		if o.Kind == "" {
			o.Kind = "http_loadbalancer"
		}
		s.add(&item{kind: o.Kind, namespace: n.Name, name: o.Name, refers: o.RefersTo})
	}
}

// AddChildTenant adds a tenant that the tenant owns.
func (s *Server) AddChildTenant(t ChildTenant) {
	if t.Domain == "" {
		t.Domain = t.Name
	}
	if t.State == "" {
		t.State = volterra.ChildTenantStateActive
	}
	child := &item{
		kind: childKind, namespace: "system", name: t.Name, takes: t.Takes, failures: t.Failures,
		spec: fake.Object{
			"company_name": t.CompanyName, "domain": t.Domain, "status": t.State,
			"customer_info": fake.Object{"first_name": "Ada", "last_name": "Doe", "email": "owner@" + t.Name + ".example", "additional_info": ""},
		},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Manager != "" {
		child.refers = []string{managerKind + ":system/" + t.Manager}
		child.spec["child_tenant_manager"] = s.reference("system", t.Manager)
	}
	s.add(child)
}

// AddChildTenantManager adds a child tenant manager.
func (s *Server) AddChildTenantManager(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&item{kind: managerKind, namespace: "system", name: name, spec: fake.Object{
		"group_assignments": []any{}, "tenant_owner_group": s.reference("system", "owners"),
	}})
}

// AddManagedTenant adds the management of another tenant.
func (s *Server) AddManagedTenant(t ManagedTenant) {
	if t.TenantID == "" {
		t.TenantID = t.Name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&item{kind: managedKind, namespace: "system", name: t.Name, spec: fake.Object{
		"groups": []any{}, "status": volterra.ManagedTenantStatusActive, "tenant_id": t.TenantID,
	}})
}

// AddAddonSubscription adds a subscription to an addon service.
func (s *Server) AddAddonSubscription(a AddonSubscription) {
	if a.Service == "" {
		a.Service = volterra.AddonWAAPStandard
	}
	if a.State == "" {
		a.State = volterra.AddonSubscriptionStateEnabled
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	addon := s.add(&item{kind: addonKind, namespace: "system", name: a.Name, takes: a.Takes, spec: fake.Object{
		"addon_service": s.reference("shared", strings.ReplaceAll(string(a.Service), "_", "-")), "status": a.State,
		"notification_preference": ticket(""),
	}})
	if a.State == volterra.AddonSubscriptionStateDisablePending {
		addon.spec["notification_preference"] = ticket("ticket-" + a.Name)
	}
}

// ticket is where the end of a subscription is followed.
func ticket(id string) fake.Object {
	return fake.Object{"support_ticket_id": fake.Object{"subscription_ticket_id": "", "unsubscription_ticket_id": id}}
}

// ApproveUnsubscription does what F5 does by hand: it ends a subscription in
// SUBSCRIPTION_DISABLE_PENDING.
func (s *Server) ApproveUnsubscription(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addon := s.find(addonKind, "system", name); addon != nil {
		addon.spec["status"] = volterra.AddonSubscriptionStateDisabled
	}
}

// AddSubscription adds a subscription to a plan.
func (s *Server) AddSubscription(subscription volterra.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions = append(s.subscriptions, subscription)
}

// CancelSubscription does what no API does: it ends a subscription to a plan.
func (s *Server) CancelSubscription(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.subscriptions {
		if one := &s.subscriptions[i]; one.Name == name {
			one.Current, one.Cancelled, one.CancelledAt = false, true, time.Now().UTC()
		}
	}
}

// AddInvoice adds an invoice, of the status STATUS_ISSUED if it has none.
func (s *Server) AddInvoice(invoice volterra.Invoice) {
	if invoice.Status == "" {
		invoice.Status = volterra.InvoiceStatusIssued
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invoices = append(s.invoices, invoice)
}

// PayInvoice does what no API does: it settles an invoice.
func (s *Server) PayInvoice(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.invoices {
		if one := &s.invoices[i]; one.Name == name {
			one.Status, one.Active = volterra.InvoiceStatusPaid, false
		}
	}
}

// RemoveObject removes an object of a namespace's configuration, for which the
// client has no operation.
func (s *Server) RemoveObject(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = slices.DeleteFunc(s.items, func(i *item) bool { return i.namespace == namespace && i.name == name })
}

// SetListErrors lets the answers of a list, such as "ListNamespaces", say that a
// part is missing. Without errors the answers are complete again.
func (s *Server) SetListErrors(operation string, missing ...volterra.ListError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing[operation] = missing
}

// Objects returns all that the tenant has, with its state where it has one.
func (s *Server) Objects() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var objects []string
	for _, i := range s.items {
		text := i.kind + " " + i.path()
		if state, ok := i.spec["status"]; ok {
			text += fmt.Sprint(": ", state)
		}
		objects = append(objects, text)
	}
	for _, one := range s.subscriptions {
		objects = append(objects, fmt.Sprintf("subscription %s: current %t", one.Name, one.Current))
	}
	for _, one := range s.invoices {
		objects = append(objects, fmt.Sprintf("invoice %s: %s", one.Name, one.Status))
	}
	return objects
}

// Remaining returns what of the tenant is still in use, by kind and name: its own
// namespaces, child tenants and their managers, managed tenants, addon services,
// plans that are active, and invoices that are due.
func (s *Server) Remaining() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remaining()
}

func (s *Server) remaining() []string {
	s.settle()
	var left []string
	for _, i := range s.items {
		switch i.kind {
		case namespaceKind:
			if comesWithTenant(i.name) {
				continue
			}
		case addonKind:
			if i.spec["status"] == volterra.AddonSubscriptionStateDisabled {
				continue
			}
		case childKind, managerKind, managedKind:
		default: // goes with its namespace
			continue
		}
		left = append(left, i.kind+" "+i.name)
	}
	for _, one := range s.subscriptions {
		if one.Current {
			left = append(left, "subscription "+one.Name)
		}
	}
	for _, one := range s.invoices {
		if one.Status == volterra.InvoiceStatusIssued || one.Status == volterra.InvoiceStatusOverdue {
			left = append(left, "invoice "+one.Name)
		}
	}
	return left
}

func comesWithTenant(namespace string) bool {
	return namespace == "system" || namespace == "shared" || namespace == "default" || strings.HasPrefix(namespace, "ves-io-")
}

// add puts an object into the store.
func (s *Server) add(i *item) *item {
	s.serial++
	i.uid = fmt.Sprintf("00000000-0000-4000-8000-%012d", s.serial)
	i.created = time.Now().UTC()
	s.items = append(s.items, i)
	return i
}

func (s *Server) find(kind, namespace, name string) *item {
	for _, i := range s.items {
		if i.kind == kind && i.namespace == namespace && i.name == name {
			return i
		}
	}
	return nil
}

// of returns all objects of a kind, in the order in which they were added.
func (s *Server) of(kind string) []*item {
	s.settle()
	var found []*item
	for _, i := range s.items {
		if i.kind == kind {
			found = append(found, i)
		}
	}
	return found
}

// drop lets go of an object, at once or after the time that it takes.
func (s *Server) drop(i *item) {
	if i.deleted.IsZero() {
		i.deleted = time.Now().UTC()
	}
	if i.kind == childKind {
		i.spec["status"] = volterra.ChildTenantStateDeleteInProgress
	}
	s.settle()
}

// settle ends the deletions whose time has come.
func (s *Server) settle() {
	now := time.Now()
	s.items = slices.DeleteFunc(s.items, func(i *item) bool {
		if !i.ends.IsZero() && !now.Before(i.ends) {
			i.spec["status"], i.ends = volterra.AddonSubscriptionStateDisabled, time.Time{}
		}
		switch {
		case i.deleted.IsZero() || now.Sub(i.deleted) < i.takes:
			return false
		case i.failures > 0:
			i.failures--
			i.deleted = time.Time{}
			i.spec["status"] = volterra.ChildTenantStateDeleteFailed
			return false
		}
		return true
	})
}

// referrers returns what refers to an object, or to what is in a namespace from
// outside of it.
func (s *Server) referrers(to *item) []*item {
	var found []*item
	for _, i := range s.items {
		for _, target := range s.items {
			of := target == to || to.kind == namespaceKind && target.namespace == to.name
			if of && i.refersTo(target) && i.namespace != to.name && !slices.Contains(found, i) {
				found = append(found, i)
			}
		}
	}
	return found
}

func (s *Server) reference(namespace, name string) fake.Object {
	return fake.Object{"tenant": s.tenant.Name, "namespace": namespace, "name": name}
}
