package volterratest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/volterra"
)

// Token is the API token that the double accepts. A client certificate that the
// listener in front of it has verified is accepted as well.
const Token = "volterratest-token"

// Tenant is the tenant that the double plays.
type Tenant struct {
	Name        string
	Domain      string // Name, if it is empty
	CompanyName string
	State       volterra.TenantState // StateActive, if it is empty

	// Unprivileged: the credential may read and not delete.
	Unprivileged bool

	// KeepsCredential: the credential outlives an accepted request for deletion. The
	// real one is expected not to.
	KeepsCredential bool

	// RefusesWhileInUse: a request for deletion is refused as long as [Server.Remaining]
	// has anything. F5 documents no such refusal, and no other either.
	RefusesWhileInUse bool

	// KeepsState: the state does not show that a request was accepted.
	KeepsState bool
}

// bucket is the limit of one operation.
type bucket struct {
	tokens float64
	filled time.Time
}

// SetTenant replaces the tenant. The credential lives.
func (s *Server) SetTenant(t Tenant) {
	t.Domain = cmp.Or(t.Domain, t.Name)
	t.State = cmp.Or(t.State, volterra.StateActive)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenant, s.dead = t, false
}

// Accepted returns the requests for deletion that were accepted, in order. One to
// deactivate the tenant has neither a name nor an e-mail address.
func (s *Server) Accepted() []volterra.DeleteTenantRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accepted)
}

// take takes a token from the bucket of an operation, if it has one.
func (s *Server) take(operation string) bool {
	if s.perSecond == 0 {
		return true
	}
	now := time.Now()
	b := s.buckets[operation]
	if b == nil {
		b = &bucket{tokens: float64(s.burst), filled: now}
		s.buckets[operation] = b
	}
	b.tokens = min(float64(s.burst), b.tokens+now.Sub(b.filled).Seconds()*s.perSecond)
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// rawDetail is what a serialized message looks like when it is printed as text.
const rawDetail = "\x12\x1ahandler.go:42 internal trace\x1a\x0c\x08\xf8\xff\xb6\x06"

// reasons are those of the API; none is one as well.
var reasons = []volterra.DeletionReason{
	"", volterra.ReasonUnknown, volterra.ReasonSwitchToFreePlan, volterra.ReasonNoLongerNeeded,
	volterra.ReasonNotJustifyCosts, volterra.ReasonDifficultToUse,
}

// formats are those that an object can be asked for in.
var formats = []volterra.ResponseFormat{
	"", volterra.ResponseFormatDefault, volterra.ResponseFormatForCreate, volterra.ResponseFormatForReplace,
	volterra.ResponseFormatStatus, volterra.ResponseFormatRead, volterra.ResponseFormatReferringObjects,
	volterra.ResponseFormatBrokenReferences,
}

func accessStatus(child *item) volterra.TenantStatus {
	switch child.spec["status"] {
	case volterra.ChildTenantStateActive:
		return volterra.TenantStatusActive
	case volterra.ChildTenantStateDeleteInProgress:
		return volterra.TenantStatusToBeDeleted
	}
	return volterra.TenantStatusInactive
}

// namespaceOf returns the namespace of all objects of a kind that has operations.
func namespaceOf(kind string) string {
	if kind == namespaceKind {
		return ""
	}
	return "system"
}

// hasStatus reports whether F5 documents a status of the kind.
func (i *item) hasStatus() bool { return i.kind != managerKind && i.kind != addonKind }

func (i *item) whole() fake.Object {
	if i.spec == nil {
		return fake.Object{}
	}
	return i.spec
}

func (i *item) metadata() fake.Object {
	return fake.Object{
		"name": i.name, "namespace": i.namespace, "description": "", "disable": false,
		"labels": fake.Object{}, "annotations": fake.Object{},
	}
}

func (s *Server) systemMetadata(i *item) fake.Object {
	metadata := fake.Object{
		"uid": i.uid, "tenant": s.tenant.Name, "creation_timestamp": i.created.Format(time.RFC3339Nano),
		"creator_class": "prism", "creator_id": "owner@" + s.tenant.Name + ".example",
		"finalizers": []string{}, "labels": fake.Object{}, "object_index": 0,
	}
	if !i.deleted.IsZero() {
		metadata["deletion_timestamp"] = i.deleted.Format(time.RFC3339Nano)
	}
	return metadata
}

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
