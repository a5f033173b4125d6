package teardown

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/nilness"
)

// PlanTTL is the default maximum age of a plan that is applied; see [WithPlanTTL].
const PlanTTL = 24 * time.Hour

// version is the version of the plan's JSON form.
const version = 2

// Plan lists the resources that must be removed before an organization can be deleted, and
// what the provider deletes along with the organization, as they were read at one time. It can
// be stored as JSON and read again unchanged, errors included; see [ReadPlan]. [Schema]
// returns the JSON Schema. All texts must be valid UTF-8: JSON cannot keep others, so that
// [NewPlan] and [Plan.MarshalJSON] refuse them.
type Plan struct {
	// Version is the version of the plan's JSON form, 2. Applying refuses other versions.
	Version int `json:"version"`

	// Provider is the package of the provider, such as "katapult".
	Provider string `json:"provider"`

	// Instance is the provider's base URL. Applying a plan to another instance is refused,
	// because its resources would look deleted.
	Instance string `json:"instance,omitempty"`

	// Organization is the organization to delete.
	Organization Organization `json:"organization"`

	// CreatedAt is the time of the reads. [WithPlanTTL] limits the age of the plan, which is
	// the time since then.
	CreatedAt time.Time `json:"created_at"`

	// PreparedAt is the time at which [Prepare] returned the plan; zero if it did not.
	PreparedAt time.Time `json:"prepared_at,omitzero"`

	// ExpiresAt is CreatedAt plus [PlanTTL]. It is for people and has no effect.
	ExpiresAt time.Time `json:"expires_at"`

	// DeletionError is the error that a deletion would have returned, without its Detail;
	// nil if the reads found no blocker. [Plan.Err] returns it as an error. If its text is not
	// valid UTF-8, NewPlan replaces it as [errors.Error.MarshalJSON] does.
	DeletionError *errors.Error `json:"deletion_error,omitempty"`

	// Requires lists the overrides that the deletion of the organization itself requires.
	// [Plan.Overrides] includes those of the steps.
	Requires []Override `json:"requires,omitempty"`

	// Steps lists the removals in an order that satisfies [Step.After].
	Steps []Step `json:"steps"`

	// Cascades lists what the provider deletes along with the organization; it blocks
	// nothing.
	Cascades []Cascade `json:"cascades,omitempty"`

	// PendingDeletion is set by a [Driver] if a deletion of the organization is in progress
	// already. Applying returns it and requests no deletion. It is not stored.
	PendingDeletion *Deletion `json:"-"`

	// Fingerprint is the SHA-256 of all other fields as JSON, in hex. It detects accidental
	// edits and damaged files. It has no key, so that it does not detect an edit whose author
	// computed it again.
	Fingerprint string `json:"fingerprint"`
}

// Organization is the organization of a plan.
type Organization struct {
	// ID is the provider's ID of the organization.
	ID string `json:"id"`

	// Name is the name of the organization, for people and for [WithConfirm]; "" if it has
	// none.
	Name string `json:"name"`
}

// Step is the removal of one resource.
type Step struct {
	// ID consists of the kind and the identity of the resource, such as
	// "virtual_machine/vm_x". It is the same in every plan that contains the resource.
	ID string `json:"id"`

	// Kind is the kind of the resource, such as "virtual_machine".
	Kind string `json:"kind"`

	// Name is the name of the resource, for people.
	Name string `json:"name"`

	// Why is the reason why the resource must be removed, for people.
	Why string `json:"why"`

	// Removal is the action that removes the resource, for people.
	Removal string `json:"removal"`

	// After lists the IDs of the steps that must be deleted before this one starts.
	After []string `json:"after,omitempty"`

	// Manual is true if no API can remove the resource.
	Manual bool `json:"manual,omitempty"`

	// Requires lists the overrides that the step requires; see [WithOverrides].
	Requires []Override `json:"requires,omitempty"`

	// Organization is the organization that the step deletes with all its resources; nil if
	// the step deletes none. [WithAllow] and [WithDeny] apply to it.
	Organization *Organization `json:"organization,omitempty"`

	// Ref locates the resource for the driver, which owns its form. A step that is applied has
	// the Ref of a fresh read.
	Ref json.RawMessage `json:"ref,omitempty"`
}

// Cascade lists the items of one kind that the provider deletes along with an organization.
type Cascade struct {
	// Kind is the kind of the items, such as "users".
	Kind string `json:"kind"`

	// Count is the number of items; 0 if it could not be read. Note then states the reason.
	Count int `json:"count"`

	// Names lists the names of some or all items, for people.
	Names []string `json:"names,omitempty"`

	// Note states the effect of the deletion, or the reason why the items were not counted.
	Note string `json:"note,omitempty"`

	// IDs lists the IDs of all items, sorted, if the provider shows them and they are at most
	// 10,000. An item with another ID makes the plan stale.
	IDs []string `json:"ids,omitempty"`

	// Digest is the SHA-256, in hex, of the IDs of all items, if they are more than 10,000.
	// Another digest makes the plan stale.
	Digest string `json:"digest,omitempty"`
}

// NewPlan inspects an organization with a driver and returns the plan of its deletion. The
// clients of this module call it from their method Plan. NewPlan sets Version, CreatedAt,
// ExpiresAt and Fingerprint, and if the driver leaves them empty, Provider, Instance and
// Organization. The error is that of [Driver.Inspect], or
//
//   - [errors.InvalidArgument]: the context or the driver is nil
//   - [errors.DriverFailed]: the error of the driver contains no code; or its plan is nil, is of
//     another provider or instance, has two steps with the same ID, lists a step before one of
//     its After, or has text that is not valid UTF-8
func NewPlan(ctx context.Context, d Driver, organization Organization) (*Plan, error) {
	e := &errors.Error{Operation: "Plan", Target: organization.ID, Code: errors.InvalidArgument}
	if nilness.IsNil(d) {
		e.Err = errors.New("the driver is nil")
		return nil, e
	}
	name, instance := d.Provider()
	e.Provider = name
	if ctx == nil {
		e.Err = errors.New("the context is nil")
		return nil, e
	}
	p, err := d.Inspect(ctx, organization, nil)
	switch {
	case err != nil:
		return nil, typed(ctx, e.Provider, methodInspect, organization.ID, err)
	case p == nil:
		e.Code, e.Err = errors.DriverFailed, errors.New("the driver returned no plan")
		return nil, e
	}
	if p.Provider == "" && p.Instance == "" {
		p.Provider, p.Instance = name, instance
	}
	if p.Organization == (Organization{}) {
		p.Organization = organization
	}
	switch e.Code, e.Steps = errors.DriverFailed, p.checkSteps(); {
	case p.Provider != name || p.Instance != instance:
		e.Err = fmt.Errorf("the driver of %s at %q returned a plan of %s at %q", name, instance, p.Provider, p.Instance)
	case len(e.Steps) > 0:
		e.Err = errors.New("the driver returned a plan that cannot be applied")
	case p.seal().invalidText() != "":
		e.Err = fmt.Errorf("the driver returned text that is not valid UTF-8: %q", p.invalidText())
	default:
		return p, nil
	}
	return nil, e
}

// seal completes a plan that was just made: version, times and fingerprint.
func (p *Plan) seal() *Plan {
	p.Version = version
	p.CreatedAt = time.Now().UTC().Round(0)
	p.ExpiresAt = p.CreatedAt.Add(PlanTTL)
	if p.Steps == nil {
		p.Steps = []Step{}
	}
	if p.DeletionError != nil {
		// JSON does not keep its type, and Steps contains the same information.
		e := *p.DeletionError
		e.Detail = nil
		p.DeletionError = &e
		if p.invalidText() != "" {
			p.DeletionError = asStored(e)
		}
	}
	p.Fingerprint = p.fingerprint()
	return p
}

// asStored returns an error as JSON keeps it, without bytes that are not UTF-8.
func asStored(e errors.Error) *errors.Error {
	stored := new(errors.Error)
	text, _ := json.Marshal(e) // always has a JSON form, which UnmarshalJSON reads
	_ = json.Unmarshal(text, stored)
	return stored
}

// clone returns a copy of the plan that shares no slice and no pointer with it, except the
// Detail and the cause of DeletionError, which decide nothing.
func (p *Plan) clone() *Plan {
	c := *p
	c.Requires, c.Steps, c.Cascades = slices.Clone(p.Requires), slices.Clone(p.Steps), slices.Clone(p.Cascades)
	for i := range c.Steps {
		s := &c.Steps[i]
		s.After, s.Requires, s.Ref = slices.Clone(s.After), slices.Clone(s.Requires), slices.Clone(s.Ref)
		s.Organization = cloneOf(s.Organization)
	}
	for i := range c.Cascades {
		l := &c.Cascades[i]
		l.Names, l.IDs = slices.Clone(l.Names), slices.Clone(l.IDs)
	}
	if c.DeletionError = cloneOf(p.DeletionError); c.DeletionError != nil {
		c.DeletionError.Steps = slices.Clone(c.DeletionError.Steps)
	}
	c.PendingDeletion = cloneOf(p.PendingDeletion)
	return &c
}

// cloneOf returns a pointer to a copy of a value; nil for nil.
func cloneOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Err returns [Plan.DeletionError] as an error; nil for none.
func (p *Plan) Err() error {
	if p == nil || p.DeletionError == nil {
		return nil
	}
	return p.DeletionError
}

// Manual returns the steps that no API can perform.
func (p *Plan) Manual() []Step {
	if p == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool { return !s.Manual })
}

// byID returns the steps by their IDs; none if p is nil.
func (p *Plan) byID() map[string]*Step {
	if p == nil {
		return nil
	}
	steps := make(map[string]*Step, len(p.Steps))
	for i := range p.Steps {
		steps[p.Steps[i].ID] = &p.Steps[i]
	}
	return steps
}

// Overrides returns all overrides that the plan and its steps require, sorted, each once. Set
// them by [WithOverrides].
func (p *Plan) Overrides() []Override {
	if p == nil {
		return nil
	}
	required := slices.Clone(p.Requires)
	for _, step := range p.Steps {
		required = append(required, step.Requires...)
	}
	slices.Sort(required)
	return slices.Compact(required)
}

// ReadPlan reads a plan from JSON. An unknown member anywhere in the plan, or data after the
// plan, is an error: a member of a later version may change the meaning of the plan. ReadPlan
// does not check the fingerprint; applying does. The code of an error is
// [errors.InvalidArgument].
func ReadPlan(r io.Reader) (*Plan, error) {
	if nilness.IsNil(r) {
		return nil, unreadable(errors.New("the reader of the plan is nil"))
	}
	decoder := json.NewDecoder(r)
	p := new(Plan) // whose method UnmarshalJSON refuses unknown members
	if err := decoder.Decode(p); err != nil {
		return nil, unreadable(fmt.Errorf("invalid plan: %w", err))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, unreadable(errors.New("the plan is followed by other data"))
	}
	return p, nil
}

// unreadable returns the error of [ReadPlan].
func unreadable(err error) error {
	return &errors.Error{Operation: "ReadPlan", Code: errors.InvalidArgument, Err: err}
}

func (p *Plan) fingerprint() string {
	bare := *p
	bare.Fingerprint = ""
	return bare.sum()
}

// sum returns the SHA-256 of the plan as JSON, in hex; "" if the plan has no JSON form. The names
// and IDs of a cascade count in sorted order, because a provider may list them in any order.
// Package json replaces bytes that are not UTF-8. A plan with such bytes cannot be stored, and its
// sum includes its texts as they are, so that no other plan has the same sum.
func (p *Plan) sum() string {
	sorted := *p
	p = &sorted
	p.Cascades = slices.Clone(p.Cascades)
	for i := range p.Cascades {
		c := &p.Cascades[i]
		c.Names, c.IDs = slices.Clone(c.Names), slices.Clone(c.IDs)
		slices.Sort(c.Names)
		slices.Sort(c.IDs)
	}
	form, err := json.Marshal((*plainPlan)(p))
	if err != nil {
		return ""
	}
	sum := sha256.New()
	_, _ = sum.Write(form)
	if p.invalidText() != "" {
		for text := range p.texts() {
			fmt.Fprintf(sum, "\x00%d %s", len(text), text) // JSON has no byte 0
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Digest returns the SHA-256, in hex, of the content that a person approves: the plan without
// its times, its fingerprint, [Step.Ref], and the request ID, attempts and RetryAfter of
// DeletionError. The order of [Cascade.Names] and [Cascade.IDs] does not count. Plans with the
// same content have the same digest, whenever they were made, and no other plan has it. A plan
// that was stored and read has the digest that it had before. A nil plan has the digest "". See
// also [Plan.Diff].
func (p *Plan) Digest() string {
	if p == nil {
		return ""
	}
	content := *p
	content.CreatedAt, content.PreparedAt, content.ExpiresAt, content.Fingerprint = time.Time{}, time.Time{}, time.Time{}, ""
	content.Steps = slices.Clone(p.Steps)
	for i := range content.Steps {
		content.Steps[i].Ref = nil
	}
	if p.DeletionError != nil {
		e := *p.DeletionError
		e.RequestID, e.Attempts, e.RetryAfter = "", 0, 0
		content.DeletionError = &e
	}
	return content.sum()
}

// check returns the faults of the plan and of its age.
func (p *Plan) check(ttl time.Duration) []errors.Step {
	var wrong []errors.Step
	add := func(name, format string, args ...any) {
		wrong = append(wrong, errors.Step{Name: name, Description: fmt.Sprintf(format, args...)})
	}
	switch now := time.Now(); {
	case p.Version != version:
		add("version", "is %d; this package applies %d", p.Version, version)
	case p.Fingerprint == "" || p.Fingerprint != p.fingerprint():
		add("fingerprint", "does not match: the plan was edited")
	case now.Sub(p.CreatedAt) > ttl:
		// By the time of the reads: a person who edits the file can set its expiry.
		add("expires_at", "was %s: the plan is older than %v", p.CreatedAt.Add(ttl).Format(time.RFC3339), ttl)
	case ttl < math.MaxInt64 && now.Before(p.CreatedAt.Add(-time.Minute)): // clocks differ
		add("created_at", "is %s, which is in the future", p.CreatedAt.Format(time.RFC3339))
	}
	return append(wrong, p.checkSteps()...)
}

// checkSteps returns what is wrong with the IDs and the order of the steps; empty for nothing.
func (p *Plan) checkSteps() []errors.Step {
	var wrong []errors.Step
	add := func(name, format string, args ...any) {
		wrong = append(wrong, errors.Step{Name: name, Description: fmt.Sprintf(format, args...)})
	}
	seen := map[string]bool{}
	for _, step := range p.Steps {
		for _, before := range step.After {
			if !seen[before] {
				add(step.ID, "comes after %s, which is not listed before it", before)
			}
		}
		if step.ID == "" || seen[step.ID] {
			add(step.ID, "is not the only step with this ID")
		}
		seen[step.ID] = true
	}
	return wrong
}

// Difference is a part of a later plan that an earlier plan of the organization lacks.
type Difference struct {
	// Name is the ID of a step, the kind of a cascade, "organization" or "provider".
	Name string `json:"name"`

	// Text states the difference, for people, such as "is new".
	Text string `json:"text"`
}

// String returns the difference as a sentence without a period.
func (d Difference) String() string { return d.Name + " " + d.Text }

// Diff returns the resources, cascades and overrides of a later plan that this plan lacks.
// Applying a plan whose difference from a fresh read is not empty returns [errors.PlanStale].
// A resource that was deleted since is not a difference. A cascade that this plan counts and
// the later plan could not read is one, because its items may be new.
func (p *Plan) Diff(now *Plan) []Difference {
	var all []Difference
	add := func(name, format string, args ...any) {
		all = append(all, Difference{name, fmt.Sprintf(format, args...)})
	}
	switch {
	case now == nil:
		return nil
	case p == nil:
		p = &Plan{Provider: now.Provider, Instance: now.Instance}
	}
	if p.Provider != now.Provider || p.Instance != now.Instance {
		add("provider", "is %s at %q", now.Provider, now.Instance)
	}
	if p.Organization.ID != now.Organization.ID {
		add("organization", "has the ID %q", now.Organization.ID)
	}
	if p.Organization.Name != now.Organization.Name {
		add("organization", "is now called %q", now.Organization.Name)
	}
	planned := p.byID()
	for _, step := range now.Steps {
		before := planned[step.ID]
		switch {
		case before == nil:
			add(step.ID, "is new")
			continue
		case step.Kind != before.Kind:
			add(step.ID, "is now of kind %q", step.Kind)
		case step.Name != before.Name:
			add(step.ID, "is now called %q", step.Name)
		}
		if o := step.Organization; o != nil && (before.Organization == nil || before.Organization.ID != o.ID) {
			add(step.ID, "now deletes the organization %q", o.ID)
		}
		if before.Manual && !step.Manual {
			add(step.ID, "was manual, and can be applied now")
		}
		for _, o := range step.Requires {
			if !slices.Contains(before.Requires, o) {
				add(step.ID, "now requires the override %s", o)
			}
		}
	}
	for _, o := range now.Requires {
		if !slices.Contains(p.Requires, o) {
			add("organization", "now requires the override %s", o)
		}
	}
	compared := map[string]int{} // number of cascades, by kind
	for _, cascade := range now.Cascades {
		var before *Cascade
		n := compared[cascade.Kind]
		for i := range p.Cascades {
			if p.Cascades[i].Kind != cascade.Kind {
				continue
			}
			if n == 0 {
				before = &p.Cascades[i]
				break
			}
			n--
		}
		compared[cascade.Kind]++
		if text := cascade.difference(before); text != "" {
			add(cascade.Kind, "%s", text)
		}
	}
	return all
}

// maxIDs is the maximum number of IDs in a cascade. A cascade with more has a digest.
const maxIDs = 10_000

// Identify sets IDs, or Digest if there are more than 10,000 IDs. The IDs may be in any order.
func (c *Cascade) Identify(ids []string) {
	if c == nil {
		return
	}
	ids = slices.Sorted(slices.Values(ids))
	if len(ids) > maxIDs {
		c.Digest = digestOf(ids)
		return
	}
	c.IDs = ids
}

// digestOf returns the SHA-256 of sorted IDs, in hex.
func digestOf(ids []string) string {
	sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	return hex.EncodeToString(sum[:])
}

// difference states what an earlier cascade lacks, nil if there was none: more items, other
// items, or items that could not be read. It is empty if the earlier one lacks nothing.
func (c *Cascade) difference(before *Cascade) string {
	planned := Cascade{}
	if before != nil {
		planned = *before
	}
	switch {
	case c.Count == 0 && before != nil && planned.Count == 0:
		return ""
	case c.Count == 0:
		return "cannot be read now: " + c.Note
	case c.Count > planned.Count:
		return fmt.Sprintf("are %d now, and were %d", c.Count, planned.Count)
	case planned.Digest != "" && planned.Digest != c.Digest && planned.Digest != digestOf(c.IDs):
		return "are others now"
	case planned.IDs != nil && len(c.IDs) != c.Count:
		return "cannot be compared: their IDs cannot be read now"
	case planned.IDs != nil:
		known := slices.Sorted(slices.Values(planned.IDs)) // an edited plan may not be sorted
		at := slices.IndexFunc(c.IDs, func(id string) bool { _, found := slices.BinarySearch(known, id); return !found })
		if at >= 0 {
			return fmt.Sprintf("have a new item, %q", c.IDs[at])
		}
	}
	return ""
}

// Override permits one kind of action that applying a plan refuses by default.
type Override string

// Values of [Override].
const (
	// OwnOrganization permits the deletion of the organization that the credential belongs
	// to. The credential ends with it, so that later reads may prove nothing.
	OwnOrganization Override = "own_organization"

	// TerminationProtection permits disabling the termination protection of a cluster.
	TerminationProtection Override = "termination_protection"

	// ManagedOrganizations permits the deletion of organizations that belong to the one of
	// the plan, with all their resources.
	ManagedOrganizations Override = "managed_organizations"

	// Partial permits all other steps although manual steps remain. The organization is not
	// deleted until the plan is applied again after them.
	Partial Override = "partial"
)

// Overrides returns all values of [Override].
func Overrides() []Override {
	return []Override{OwnOrganization, TerminationProtection, ManagedOrganizations, Partial}
}

func joined(overrides []Override) string {
	names := make([]string, len(overrides))
	for i, o := range overrides {
		names[i] = string(o)
	}
	return strings.Join(names, ", ")
}
