package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Manifest lists the organizations of a batch, and how each is deleted.
type Manifest struct {
	// Organizations lists the organizations, in any order, each once. Two organizations with the
	// same ID must both have a base URL.
	Organizations []Entry `json:"organizations"`

	// Policy states who must approve.
	Policy Policy `json:"policy"`

	// Allow lists the IDs of the only organizations that may be deleted, as in
	// [teardown.WithAllow]: those of Organizations, and the organizations that are deleted along
	// with them. Empty means all. A batch looks up subdomains at Katapult and slugs at Applivery;
	// a text that it does not find has no effect.
	Allow []string `json:"allow,omitempty"`

	// Deny lists the IDs of organizations that must not be deleted, as in
	// [teardown.WithDeny]. Case does not count. Subdomains and slugs are as in Allow.
	Deny []string `json:"deny,omitempty"`
}

// Entry is an organization of a [Manifest]. It contains no credential, only names of them.
type Entry struct {
	// Provider is the name of the provider's package, as in [offboard.Providers].
	Provider string `json:"provider"`

	// Organization is the organization, as in [offboard.Spec].
	Organization string `json:"organization"`

	// BaseURL is the address of the API; "" means the one that the credentials name, or the
	// provider's default.
	BaseURL string `json:"base_url,omitempty"`

	// Credentials maps names of credentials to other names, as in [offboard.Spec].
	Credentials map[string]string `json:"credentials,omitempty"`

	// Email is the account that requests the deletion of an F5 tenant.
	Email string `json:"email,omitempty"`

	// Reason is the reason of that request.
	Reason string `json:"reason,omitempty"`

	// Feedback is a text of that request.
	Feedback string `json:"feedback,omitempty"`

	// Confirm is the expected name of the organization, as in [teardown.WithConfirm]. If it is
	// empty, the approvals confirm the name that the plan shows; without approvals, the
	// organization is not deleted.
	Confirm string `json:"confirm,omitempty"`

	// Override lists the overrides that are permitted, as in [teardown.WithOverrides].
	Override []teardown.Override `json:"override,omitempty"`
}

// Spec returns the entry as [offboard.Open] takes it.
func (e Entry) Spec() offboard.Spec {
	return offboard.Spec{
		Provider: e.Provider, Organization: e.Organization, BaseURL: e.BaseURL, Credentials: maps.Clone(e.Credentials),
		Email: e.Email, Reason: e.Reason, Feedback: e.Feedback,
	}
}

// Policy states who must approve a plan before it is applied.
type Policy struct {
	// Approvals is the number of different people who must approve: 0, 1 or 2. A plan with
	// something that a former plan of the workflow lacks needs at least one approval.
	Approvals int `json:"approvals"`

	// RemindEvery is the time between two reminders, in nanoseconds in JSON: at least
	// [MinRemindEvery]; 0 means 24 hours.
	RemindEvery time.Duration `json:"remind_every,omitempty"`
}

// MinRemindEvery is the shortest time between two reminders. Each reminder adds 11 events to the history
// of a workflow, which Temporal ends at 51,200 events: with a reminder in each hour after 190 days.
const MinRemindEvery = time.Hour

// remindEvery returns the time between two reminders.
func (p Policy) remindEvery() time.Duration {
	if p.RemindEvery <= 0 {
		return 24 * time.Hour
	}
	return p.RemindEvery
}

// ManifestRef refers to a manifest in a [Store]. Its size does not depend on that of the manifest.
type ManifestRef struct {
	// Index refers to the list of the manifest's pages.
	Index Ref `json:"index"`

	// Pages is the number of pages, each with at most [PageSize] organizations.
	Pages int `json:"pages"`

	// Digest identifies the content of the manifest.
	Digest string `json:"digest"`

	// Organizations is the number of organizations.
	Organizations int `json:"organizations"`

	// Queue is the task queue of the workers; "" means [DefaultQueue].
	Queue string `json:"queue,omitempty"`
}

// PageSize is the number of organizations in a page of a manifest, which the batch starts at once.
const PageSize = 250

// entryRef refers to an entry of a page.
type entryRef struct {
	Page  Ref `json:"page"`
	Index int `json:"index"`
	IDs   ids `json:"ids,omitzero"`
}

// PutManifest checks a manifest, stores it, and returns its reference for [Start]. The error is
// [errors.InvalidArgument] for a manifest that cannot be applied, or that of the store. It names the
// number of the organization, such as one that [offboard.Spec.Validate] refuses, whose [WorkflowID] is
// longer than Temporal permits, or that Allow and Deny do not permit.
func PutManifest(ctx context.Context, s Store, m Manifest) (ManifestRef, error) {
	if err := m.check(); err != nil {
		return ManifestRef{}, err
	}
	var index []Ref
	for organizations := range slices.Chunk(m.Organizations, PageSize) {
		p, err := put(ctx, s, "manifests", Manifest{organizations, m.Policy, m.Allow, m.Deny})
		if err != nil {
			return ManifestRef{}, err
		}
		index = append(index, p)
	}
	ref, err := put(ctx, s, "manifests", index)
	return ManifestRef{Index: ref, Pages: len(index), Digest: ref.Digest, Organizations: len(m.Organizations)}, err
}

// check returns the first fault of a manifest.
func (m Manifest) check() error {
	switch {
	case len(m.Organizations) == 0:
		return invalid("the manifest has no organization")
	case m.Policy.Approvals < 0 || m.Policy.Approvals > 2:
		return invalid("the policy requires %d approvals: use 0, 1 or 2", m.Policy.Approvals)
	case m.Policy.RemindEvery != 0 && m.Policy.RemindEvery < MinRemindEvery:
		return invalid("the policy reminds every %v: use at least %v, or 0 for the default", m.Policy.RemindEvery, MinRemindEvery)
	case slices.ContainsFunc(m.Allow, notListable) || slices.ContainsFunc(m.Deny, notListable):
		return invalid("allow or deny contains an invalid ID") // without the ID, which may be a secret
	}
	allow, deny := map[string]bool{}, map[string]bool{}
	for _, id := range m.Allow {
		allow[id] = true
	}
	for _, id := range m.Deny {
		deny[strings.ToLower(id)] = true
	}
	first := map[string]int{} // the number of an organization, by the ID of its workflow
	named := map[string]int{} // by the ID without the instance, of those that have a base URL
	for i, e := range m.Organizations {
		if err := e.check(m.Policy); err != nil {
			return invalid("organization %d: %w", i+1, err)
		}
		any, id := WorkflowID(e.Provider, "", e.Organization), WorkflowID(e.Provider, e.instance(), e.Organization)
		other := first[any]
		if id == any {
			other = named[any]
		}
		switch {
		case deny[strings.ToLower(e.Organization)]:
			return invalid("organization %d: deny contains the organization", i+1)
		case len(allow) > 0 && !allow[e.Organization] && !isName(e.Provider, e.Organization):
			return invalid("organization %d: allow does not contain the organization", i+1)
		case len(id) > maxID:
			return invalid("organization %d: the ID of its workflow has %d bytes: at most %d are permitted", i+1, len(id), maxID)
		case first[id] > 0:
			return invalid("organization %d is the same as organization %d", i+1, first[id])
		case other > 0:
			return invalid("organization %d may be the same as organization %d: both must have a base URL", i+1, other)
		}
		first[id] = i + 1
		if id != any && named[any] == 0 {
			named[any] = i + 1
		}
	}
	return nil
}

// maxID is the maximum size of a workflow's ID in bytes, by the default of Temporal.
const maxID = 1000

// check returns the first fault of an entry.
func (e Entry) check(p Policy) error {
	switch {
	case !slices.Contains(offboard.Providers(), e.Provider):
		return fmt.Errorf("unknown provider: use one of %s", strings.Join(offboard.Providers(), ", "))
	case strings.TrimSpace(e.Organization) == "":
		return errors.New("the organization is missing")
	case p.Approvals == 0 && strings.TrimSpace(e.Confirm) == "":
		return errors.New("without approvals, confirm must have the name of the organization")
	}
	for _, o := range e.Override {
		if !slices.Contains(teardown.Overrides(), o) {
			return fmt.Errorf("unknown override %q", string(o))
		}
	}
	return e.Spec().Validate()
}

// instance returns the instance that the base URL names, in the form of [teardown.Plan.Instance]; "" if
// the credentials name it.
func (e Entry) instance() string {
	u, err := rest.ParseBase(e.BaseURL, true)
	if err != nil { // Validate accepts no other base URL than ""
		return ""
	}
	return u.String()
}

// notListable reports whether a text cannot be the ID of an organization, as in [teardown.WithAllow].
func notListable(id string) bool {
	return id == "" || strings.TrimSpace(id) != id || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsGraphic(r) })
}
