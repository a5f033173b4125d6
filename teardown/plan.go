package teardown

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// PlanTTL is how long a plan may be carried out.
const PlanTTL = 24 * time.Hour

// version is that of the plan's form in JSON.
const version = 1

// Plan is all that has to go before an organization can be deleted, as it was read
// at one time, and what goes along with it.
type Plan struct {
	Version  int    `json:"version"`
	Provider string `json:"provider"`

	// Instance is the address of the provider. What a plan of another instance names
	// would not be found, and be taken for gone.
	Instance string `json:"instance,omitempty"`

	Organization Organization `json:"organization"`

	// CreatedAt is the time of the reads. The executor computes the age of the plan from
	// it; see [WithPlanTTL].
	CreatedAt time.Time `json:"taken_at"`

	// ExpiresAt is the end of the default age. It only informs.
	ExpiresAt time.Time `json:"expires_at"`

	// Refusal is why a deletion would be refused now; nil when nothing is known to
	// stand in its way. See [Plan.Err].
	Refusal *Refusal `json:"refusal,omitempty"`

	// Requires is what has to be permitted for the organization itself, with [WithOverrides].
	Requires []Override `json:"needs,omitempty"`

	// Steps are what has to go, in an order in which it can.
	Steps []Step `json:"steps"`

	// Cascades are what goes along with the organization without standing in its way.
	Cascades []Cascade `json:"losses,omitempty"`

	// PendingDeletion is set by a [Driver] whose provider already carries out a deletion of the
	// organization: the outcome of a run that does not request one. It is never kept.
	PendingDeletion *Deletion `json:"-"`

	// Fingerprint is the SHA-256 of all other fields as JSON, in hex. It detects an
	// accidental edit and a damaged file. It has no key, so that it does not protect from
	// whoever edits the plan and computes it again: a plan only selects steps, and what a
	// step does comes from a fresh read.
	Fingerprint string `json:"fingerprint"`
}

// Organization is what a plan is about.
type Organization struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Step is one thing that has to go.
type Step struct {
	// ID is the step's own: kind and identity, such as "virtual_machine/vm_x". It is
	// the same in every plan that has the thing.
	ID string `json:"id"`

	// Kind is the provider's word for what it is.
	Kind string `json:"kind"`

	// Name is what people call it.
	Name string `json:"name"`

	// Why it has to go.
	Why string `json:"why"`

	// Removal is what removes it, in words.
	Removal string `json:"removal"`

	// After are the ids of the steps that have to be gone before.
	After []string `json:"after,omitempty"`

	// Manual: no API removes it.
	Manual bool `json:"manual,omitempty"`

	// Requires is what has to be permitted for it, with [WithOverrides]; "" for nothing.
	Requires Override `json:"needs,omitempty"`

	// Organization is the organization that the step deletes as a whole, with all that
	// it has; nil if the step deletes none. [WithAllow] and [WithDeny] apply to it.
	Organization *Organization `json:"organization,omitempty"`

	// Ref says where the driver reads the resource. It belongs to the driver, and is always
	// that of a fresh read.
	Ref json.RawMessage `json:"ref,omitempty"`
}

// Cascade is what goes along with an organization.
type Cascade struct {
	Kind string `json:"kind"`

	// Count is how many there are; 0 if that could not be read, as Note says.
	Count int      `json:"count"`
	Names []string `json:"names,omitempty"` // some of them
	Note  string   `json:"note,omitempty"`

	// IDs are the IDs of all of them, where the provider shows them, and Digest is that of
	// the IDs if they are many. Others than these make the plan stale.
	IDs    []string `json:"ids,omitempty"`
	Digest string   `json:"digest,omitempty"`
}

// Refusal is why a deletion would be refused, as an [errors.Error] says it.
type Refusal struct {
	Operation    string        `json:"operation"`
	Code         errors.Code   `json:"code"`
	ProviderCode string        `json:"provider_code,omitempty"`
	Status       int           `json:"status,omitempty"`
	Message      string        `json:"message,omitempty"`
	RequestID    string        `json:"request_id,omitempty"`
	Steps        []errors.Step `json:"steps,omitempty"`

	// Reason is the text of the error's cause, where it has one.
	Reason string `json:"reason,omitempty"`
}

// RefusalOf keeps an error that a deletion would have; nil for one that is no
// [errors.Error].
func RefusalOf(err error) *Refusal {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e == nil {
		return nil
	}
	r := &Refusal{
		Operation: e.Operation, Code: e.Code, ProviderCode: e.ProviderCode, Status: e.Status,
		Message: e.Message, RequestID: e.RequestID, Steps: e.Steps,
	}
	if e.Err != nil {
		r.Reason = e.Err.Error()
	}
	return r
}

// Seal completes a plan that was just taken: version, times and fingerprint. A
// [Driver] does so last.
func (p *Plan) Seal() *Plan {
	if p == nil {
		return nil
	}
	p.Version = version
	p.CreatedAt = time.Now().UTC().Round(0)
	p.ExpiresAt = p.CreatedAt.Add(PlanTTL)
	p.Fingerprint = p.fingerprint()
	return p
}

// Err returns the error that deleting the organization would have returned when the
// plan was taken; nil when nothing was known to stand in the way.
func (p *Plan) Err() error {
	if p == nil || p.Refusal == nil {
		return nil
	}
	r := p.Refusal
	e := &errors.Error{
		Provider: p.Provider, Operation: r.Operation, Target: p.Organization.ID,
		Code: r.Code, ProviderCode: r.ProviderCode, Status: r.Status,
		Message: r.Message, RequestID: r.RequestID, Steps: r.Steps,
	}
	if r.Reason != "" {
		e.Err = errors.New(r.Reason)
	}
	return e
}

// Manual returns the steps that no API can do.
func (p *Plan) Manual() []Step {
	if p == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool { return !s.Manual })
}

// byID returns the steps by their IDs; none of no plan.
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

// Overrides returns all that has to be permitted for the plan to be carried out, once
// each.
func (p *Plan) Overrides() []Override {
	if p == nil {
		return nil
	}
	needed := slices.Clone(p.Requires)
	for _, step := range p.Steps {
		if step.Requires != "" {
			needed = append(needed, step.Requires)
		}
	}
	slices.Sort(needed)
	return slices.Compact(needed)
}

// ReadPlan reads a plan from JSON. What it does not know is refused: a plan of a
// later version may say something that matters.
func ReadPlan(r io.Reader) (*Plan, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	p := new(Plan)
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("teardown: this is no plan: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("teardown: something follows the plan")
	}
	return p, nil
}

func (p *Plan) fingerprint() string {
	bare := *p
	bare.Fingerprint = ""
	text, err := json.Marshal(bare)
	if err != nil {
		return "" // no plan has it
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// check reports what is wrong with a plan by itself, or with its age.
func (p *Plan) check(ttl time.Duration) []errors.Step {
	var wrong []errors.Step
	add := func(name, format string, args ...any) {
		wrong = append(wrong, errors.Step{Name: name, Description: fmt.Sprintf(format, args...)})
	}
	switch now := time.Now(); {
	case p.Version != version:
		add("version", "is %d, and this package carries out %d", p.Version, version)
	case p.Fingerprint == "" || p.Fingerprint != p.fingerprint():
		add("fingerprint", "is not that of the plan: it was changed")
	case now.Sub(p.CreatedAt) > ttl:
		// By the time of the reads: whoever edits the file can set its expiry.
		add("expires_at", "was %s: the plan is older than %v", p.CreatedAt.Add(ttl).Format(time.RFC3339), ttl)
	case now.Before(p.CreatedAt.Add(-time.Minute)): // clocks differ
		add("taken_at", "is %s, which is to come", p.CreatedAt.Format(time.RFC3339))
	}
	seen := map[string]bool{}
	for _, step := range p.Steps {
		for _, before := range step.After {
			if !seen[before] {
				add(step.ID, "comes after %s, which does not come before it", before)
			}
		}
		if step.ID == "" || seen[step.ID] {
			add(step.ID, "is not the only step of this id")
		}
		seen[step.ID] = true
	}
	return wrong
}

// changes says how what is there now differs from the plan, as far as it matters:
// what is gone already does not, nor how many there are of what goes along. What goes along
// and cannot be read now does, unless it could not be read when the plan was made: it may be
// new.
func (p *Plan) changes(now *Plan) []errors.Step {
	var changed []errors.Step
	add := func(name, format string, args ...any) {
		changed = append(changed, errors.Step{Name: name, Description: fmt.Sprintf(format, args...)})
	}
	if p.Organization.ID != now.Organization.ID {
		add("organization", "has the id %q", now.Organization.ID)
	}
	if p.Organization.Name != now.Organization.Name {
		add("organization", "is called %q", now.Organization.Name)
	}
	planned := p.byID()
	for _, step := range now.Steps {
		before := planned[step.ID]
		switch {
		case before == nil:
			add(step.ID, "is new")
		case step.Kind != before.Kind:
			add(step.ID, "is a %s", step.Kind)
		case step.Name != before.Name:
			add(step.ID, "is now called %q", step.Name)
		case step.Requires != before.Requires && step.Requires != "":
			add(step.ID, "now needs to be permitted: %s", step.Requires)
		}
	}
	for _, need := range now.Requires {
		if !slices.Contains(p.Requires, need) {
			add("organization", "now needs to be permitted: %s", need)
		}
	}
	for _, loss := range now.Cascades {
		if loss.Count > 0 && !slices.ContainsFunc(p.Cascades, func(l Cascade) bool { return l.Kind == loss.Kind && l.Count > 0 }) {
			add(loss.Kind, "would be lost as well: %d", loss.Count)
		}
		if loss.Count == 0 && !slices.ContainsFunc(p.Cascades, func(l Cascade) bool { return l.Kind == loss.Kind && l.Count == 0 }) {
			add(loss.Kind, "cannot be read, and could be when the plan was made")
		}
	}
	return changed
}

// Override is something that has to be permitted by its own name before it is done.
type Override string

// Values of [Override].
const (
	// OwnOrganization: the organization is the one that the credential belongs to,
	// and which dies with it.
	OwnOrganization Override = "own_organization"

	// TerminationProtection: a cluster is protected against termination, and the
	// protection is taken off.
	TerminationProtection Override = "termination_protection"

	// ManagedOrganizations: organizations that belong to this one are deleted with
	// all that they have.
	ManagedOrganizations Override = "managed_organizations"

	// Partial: something has to be done by hand, and all else goes before that. The
	// organization stays until the plan is carried out again.
	Partial Override = "partial"
)

func joined(consents []Override) string {
	names := make([]string, len(consents))
	for i, c := range consents {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}
