package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Manifest lists the organizations of a batch, and how each is deleted.
type Manifest struct {
	// Organizations lists the organizations, in any order, each once.
	Organizations []Entry `json:"organizations"`

	// Policy states who must approve.
	Policy Policy `json:"policy"`

	// Allow lists the IDs of the only organizations that may be deleted, as in
	// [teardown.WithAllow]. Empty means all.
	Allow []string `json:"allow,omitempty"`

	// Deny lists the IDs of organizations that must not be deleted, as in
	// [teardown.WithDeny].
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

	// RemindEvery is the time between two reminders, in nanoseconds in JSON; 0 means 24 hours.
	RemindEvery time.Duration `json:"remind_every,omitempty"`
}

// remindEvery returns the time between two reminders.
func (p Policy) remindEvery() time.Duration {
	if p.RemindEvery <= 0 {
		return 24 * time.Hour
	}
	return p.RemindEvery
}

// ManifestRef refers to a manifest in a [Store].
type ManifestRef struct {
	// Pages refers to the pages of the manifest, each with at most [PageSize] organizations.
	Pages []Ref `json:"pages"`

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
}

// PutManifest checks a manifest, stores it, and returns its reference for [Start]. The error is
// [errors.InvalidArgument] for a manifest that cannot be applied, or that of the store. It names the
// number of the organization, such as one that [offboard.Spec.Validate] refuses.
func PutManifest(ctx context.Context, s Store, m Manifest) (ManifestRef, error) {
	if err := m.check(); err != nil {
		return ManifestRef{}, err
	}
	ref := ManifestRef{Organizations: len(m.Organizations)}
	var digests []string
	for organizations := range slices.Chunk(m.Organizations, PageSize) {
		p, err := put(ctx, s, "manifests", Manifest{organizations, m.Policy, m.Allow, m.Deny})
		if err != nil {
			return ManifestRef{}, err
		}
		ref.Pages = append(ref.Pages, p)
		digests = append(digests, p.Digest)
	}
	ref.Digest = digestOf([]byte(strings.Join(digests, "\n")))
	return ref, nil
}

// check returns the first fault of a manifest.
func (m Manifest) check() error {
	if len(m.Organizations) == 0 {
		return invalid("the manifest has no organization")
	}
	if m.Policy.Approvals < 0 || m.Policy.Approvals > 2 {
		return invalid("the policy requires %d approvals: use 0, 1 or 2", m.Policy.Approvals)
	}
	names := offboard.Providers()
	seen := map[string]int{}
	for i, e := range m.Organizations {
		id := fmt.Sprint(e.Provider, "\n", e.BaseURL, "\n", e.Organization)
		first, twice := seen[id]
		switch {
		case !slices.Contains(names, e.Provider):
			return invalid("organization %d: unknown provider: use one of %s", i+1, strings.Join(names, ", "))
		case strings.TrimSpace(e.Organization) == "":
			return invalid("organization %d: the organization is missing", i+1)
		case twice:
			return invalid("organization %d is the same as organization %d", i+1, first)
		case m.Policy.Approvals == 0 && strings.TrimSpace(e.Confirm) == "":
			return invalid("organization %d: without approvals, confirm must have the name of the organization", i+1)
		}
		for _, o := range e.Override {
			if !slices.Contains(teardown.Overrides(), o) {
				return invalid("organization %d: unknown override %q", i+1, string(o))
			}
		}
		if err := e.Spec().Validate(); err != nil {
			return invalid("organization %d: %w", i+1, err)
		}
		seen[id] = i + 1
	}
	return nil
}
