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

// Token is the API token that the fake accepts. The fake also accepts a client certificate that its
// listener has verified.
const Token = "volterratest-token"

// Tenant is the tenant of the fake.
type Tenant struct {
	Name        string               // name in the settings
	Domain      string               // default: Name
	CompanyName string               // company name in the settings
	State       volterra.TenantState // default: StateActive

	// Unprivileged limits the credential to reads.
	Unprivileged bool

	// KeepsCredential keeps the credential valid after an accepted request for deletion. F5 is
	// expected to refuse it.
	KeepsCredential bool

	// RefusesWhileInUse makes the fake refuse a request for deletion while [Server.Remaining]
	// returns resources. F5 documents no refusal.
	RefusesWhileInUse bool

	// KeepsState keeps the state after an accepted request.
	KeepsState bool
}

// bucket is the token bucket of one operation.
type bucket struct {
	tokens float64
	filled time.Time
}

// SetTenant replaces the tenant. The credential is valid again.
func (s *Server) SetTenant(t Tenant) {
	t.Domain = cmp.Or(t.Domain, t.Name)
	t.State = cmp.Or(t.State, volterra.StateActive)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenant, s.revoked = t, false
}

// Accepted returns the accepted requests for deletion in their order. A request to deactivate the
// tenant has neither a name nor an email address.
func (s *Server) Accepted() []volterra.DeleteTenantRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accepted)
}

// take takes a token from the bucket of an operation and reports whether the bucket had one.
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

// rawDetail is a serialized message that is printed as text.
const rawDetail = "\x12\x1ahandler.go:42 internal trace\x1a\x0c\x08\xf8\xff\xb6\x06"

// reasons are the accepted reasons.
var reasons = []volterra.DeletionReason{
	"", volterra.ReasonUnknown, volterra.ReasonSwitchToFreePlan, volterra.ReasonNoLongerNeeded,
	volterra.ReasonNotJustifyCosts, volterra.ReasonDifficultToUse,
}

// formats are the accepted response formats.
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

// namespaceOf returns the namespace of the objects of a kind.
func namespaceOf(kind string) string {
	if kind == kindNamespace {
		return ""
	}
	return "system"
}

// hasStatus reports whether F5 documents a status for the kind.
func (i *item) hasStatus() bool {
	return i.kind != kindChildTenantManager && i.kind != kindAddonSubscription
}

// fullSpec returns the spec; empty instead of nil.
func (i *item) fullSpec() fake.Object {
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
	Name    string   // name of the namespace
	Objects []Object // configuration objects

	// Takes is the time between the answer to a deletion and the deletion.
	Takes time.Duration
}

// Object is a configuration object of a namespace. An object of another namespace that refers to it
// blocks its deletion.
type Object struct {
	Kind string // default: http_loadbalancer
	Name string // name of the object

	// RefersTo lists the objects that the object refers to, as NAMESPACE/NAME.
	RefersTo []string
}

// ChildTenant is a child tenant of the tenant.
type ChildTenant struct {
	Name        string                    // name of the child tenant
	Domain      string                    // default: Name
	CompanyName string                    // name of the company
	Manager     string                    // name of a child tenant manager
	State       volterra.ChildTenantState // default: StateActive

	Takes    time.Duration // duration of a deletion
	Failures int           // number of deletions that end in StateDeleteFailed
}

// ManagedTenant is the management of another tenant.
type ManagedTenant struct {
	Name     string // name of the managed tenant
	TenantID string // default: Name
}

// AddonSubscription is a subscription to an addon service.
type AddonSubscription struct {
	Name    string                // name of the subscription
	Service volterra.AddonService // default: AddonWAAPStandard

	// State is the state; the default is SUBSCRIPTION_ENABLED. A subscription that is added in
	// SUBSCRIPTION_DISABLE_PENDING has a ticket: see [Server.ApproveUnsubscription].
	State volterra.AddonSubscriptionState

	// Takes is the time in SUBSCRIPTION_DISABLE_PENDING without a ticket.
	Takes time.Duration
}

// Kinds of objects with their own operations.
const (
	kindNamespace          = "namespace"
	kindChildTenant        = "child_tenant"
	kindChildTenantManager = "child_tenant_manager"
	kindManagedTenant      = "managed_tenant"
	kindAddonSubscription  = "addon_subscription"
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
	deleted  time.Time // time of the request for deletion; zero before
	ends     time.Time // end of an addon subscription; zero if it has no end
}

func (i *item) path() string { return i.namespace + "/" + i.name }

// refersTo reports whether an object refers to another one.
func (i *item) refersTo(other *item) bool {
	return slices.Contains(i.refers, other.path()) || slices.Contains(i.refers, other.kind+":"+other.path())
}

// AddNamespace adds a namespace, or adds objects to an existing one. A new fake has the namespaces
// system, shared and default.
func (s *Server) AddNamespace(n Namespace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.find(kindNamespace, "", n.Name)
	if found == nil {
		found = s.add(&item{kind: kindNamespace, name: n.Name})
	}
	found.takes = n.Takes
	for _, o := range n.Objects {
		if o.Kind == "" {
			o.Kind = "http_loadbalancer"
		}
		s.add(&item{kind: o.Kind, namespace: n.Name, name: o.Name, refers: o.RefersTo})
	}
}

// AddChildTenant adds a child tenant. It panics if the manager does not exist.
func (s *Server) AddChildTenant(t ChildTenant) {
	if t.Domain == "" {
		t.Domain = t.Name
	}
	if t.State == "" {
		t.State = volterra.ChildTenantStateActive
	}
	child := &item{
		kind: kindChildTenant, namespace: "system", name: t.Name, takes: t.Takes, failures: t.Failures,
		spec: fake.Object{
			"company_name": t.CompanyName, "domain": t.Domain, "status": t.State,
			"customer_info": fake.Object{"first_name": "Ada", "last_name": "Doe", "email": "owner@" + t.Name + ".example", "additional_info": ""},
		},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Manager != "" {
		fake.Known("child tenant manager", t.Manager, s.find(kindChildTenantManager, "system", t.Manager))
		child.refers = []string{kindChildTenantManager + ":system/" + t.Manager}
		child.spec["child_tenant_manager"] = s.reference("system", t.Manager)
	}
	s.add(child)
}

// AddChildTenantManager adds a child tenant manager.
func (s *Server) AddChildTenantManager(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&item{kind: kindChildTenantManager, namespace: "system", name: name, spec: fake.Object{
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
	s.add(&item{kind: kindManagedTenant, namespace: "system", name: t.Name, spec: fake.Object{
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
	addon := s.add(&item{kind: kindAddonSubscription, namespace: "system", name: a.Name, takes: a.Takes, spec: fake.Object{
		"addon_service": s.reference("shared", strings.ReplaceAll(string(a.Service), "_", "-")), "status": a.State,
		"notification_preference": ticket(""),
	}})
	if a.State == volterra.AddonSubscriptionStateDisablePending {
		addon.spec["notification_preference"] = ticket("ticket-" + a.Name)
	}
}

// ticket returns the notification preference with the ticket of an unsubscription.
func ticket(id string) fake.Object {
	return fake.Object{"support_ticket_id": fake.Object{"subscription_ticket_id": "", "unsubscription_ticket_id": id}}
}

// ApproveUnsubscription ends a subscription in SUBSCRIPTION_DISABLE_PENDING, like an approval by F5.
func (s *Server) ApproveUnsubscription(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	addon := fake.Known("addon subscription", name, s.find(kindAddonSubscription, "system", name))
	addon.spec["status"] = volterra.AddonSubscriptionStateDisabled
}

// AddSubscription adds a subscription to a plan.
func (s *Server) AddSubscription(subscription volterra.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions = append(s.subscriptions, subscription)
}

// CancelSubscription ends a subscription to a plan. No API can.
func (s *Server) CancelSubscription(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.subscriptions, func(one volterra.Subscription) bool { return one.Name == name })
	if i < 0 {
		fake.Unknown("subscription", name)
	}
	one := &s.subscriptions[i]
	one.Current, one.Cancelled, one.CancelledAt = false, true, time.Now().UTC()
}

// AddInvoice adds an invoice. The default status is STATUS_ISSUED.
func (s *Server) AddInvoice(invoice volterra.Invoice) {
	if invoice.Status == "" {
		invoice.Status = volterra.InvoiceStatusIssued
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invoices = append(s.invoices, invoice)
}

// PayInvoice settles an invoice. No API can.
func (s *Server) PayInvoice(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.invoices, func(one volterra.Invoice) bool { return one.Name == name })
	if i < 0 {
		fake.Unknown("invoice", name)
	}
	s.invoices[i].Status, s.invoices[i].Active = volterra.InvoiceStatusPaid, false
}

// RemoveObject removes a configuration object of a namespace. The client has no operation for that.
func (s *Server) RemoveObject(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.items)
	s.items = slices.DeleteFunc(s.items, func(i *item) bool { return i.namespace == namespace && i.name == name })
	if len(s.items) == n {
		fake.Unknown("object", namespace+"/"+name)
	}
}

// Objects returns all resources of the tenant with their states.
func (s *Server) Objects() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish()
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

// Remaining returns the resources in use by kind and name: namespaces except F5's own, child tenants
// and their managers, managed tenants, addon services, active plans and unpaid invoices.
func (s *Server) Remaining() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remaining()
}

func (s *Server) remaining() []string {
	s.finish()
	var remaining []string
	for _, i := range s.items {
		switch i.kind {
		case kindNamespace:
			if comesWithTenant(i.name) {
				continue
			}
		case kindAddonSubscription:
			if i.spec["status"] == volterra.AddonSubscriptionStateDisabled {
				continue
			}
		case kindChildTenant, kindChildTenantManager, kindManagedTenant:
		default: // deleted with its namespace
			continue
		}
		remaining = append(remaining, i.kind+" "+i.name)
	}
	for _, one := range s.subscriptions {
		if one.Current {
			remaining = append(remaining, "subscription "+one.Name)
		}
	}
	for _, one := range s.invoices {
		if one.Status == volterra.InvoiceStatusIssued || one.Status == volterra.InvoiceStatusOverdue {
			remaining = append(remaining, "invoice "+one.Name)
		}
	}
	return remaining
}

func comesWithTenant(namespace string) bool {
	return namespace == "system" || namespace == "shared" || namespace == "default" || strings.HasPrefix(namespace, "ves-io-")
}

// add adds an object.
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

// of returns all objects of a kind in the order of their addition.
func (s *Server) of(kind string) []*item {
	s.finish()
	var found []*item
	for _, i := range s.items {
		if i.kind == kind {
			found = append(found, i)
		}
	}
	return found
}

// drop deletes an object, at once or after its duration.
func (s *Server) drop(i *item) {
	if i.deleted.IsZero() {
		i.deleted = time.Now().UTC()
	}
	if i.kind == kindChildTenant {
		i.spec["status"] = volterra.ChildTenantStateDeleteInProgress
	}
	s.finish()
}

// finish ends the deletions and subscriptions whose time has come.
func (s *Server) finish() {
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

// referrers returns the objects that refer to an object, or from outside to an object of a
// namespace.
func (s *Server) referrers(to *item) []*item {
	var found []*item
	for _, i := range s.items {
		for _, target := range s.items {
			of := target == to || to.kind == kindNamespace && target.namespace == to.name
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
