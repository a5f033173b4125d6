package fleet

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/teardown"
)

// ids are the IDs of what a manifest names by a subdomain at Katapult or a slug at Applivery, as a batch
// has read them: the workflow of an organization, its journal and the comparison with Allow and Deny
// need one ID for an organization. Empty fields are IDs already.
type ids struct {
	Organization string   `json:"organization,omitempty"`
	Allow        []string `json:"allow,omitempty"`
	Deny         []string `json:"deny,omitempty"`
}

var hexID = regexp.MustCompile(`^[0-9a-f]{24}$`)

// isName reports whether a text may name an organization of a provider without being its ID.
func isName(provider, text string) bool {
	switch provider {
	case "katapult":
		return !strings.HasPrefix(text, "org_")
	case "workspace":
		return !hexID.MatchString(text)
	}
	return false
}

// names resolves what the entries of a page name. The organizations of one connection are read once.
type names struct {
	open  func(context.Context, offboard.Spec) (offboard.Organization, error)
	known map[string]string // IDs by connection and text; "" if no organization was found
}

// resolve returns the IDs of what an entry and the lists of its manifest name.
func (n *names) resolve(ctx context.Context, e Entry, m *Manifest) (ids, error) {
	var r ids
	var err error
	if r.Organization, err = n.id(ctx, e, e.Organization); err != nil {
		return r, err
	}
	if r.Allow, err = n.list(ctx, e, m.Allow); err != nil {
		return r, err
	}
	r.Deny, err = n.list(ctx, e, m.Deny)
	return r, err
}

// list returns the IDs of the organizations that a list names at the provider of an entry.
func (n *names) list(ctx context.Context, e Entry, texts []string) ([]string, error) {
	var found []string
	for _, text := range texts {
		id, err := n.id(ctx, e, text)
		if err != nil {
			return nil, err
		}
		if id != "" && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	return found, nil
}

// id returns the ID of the organization that a text names at the provider of an entry; "" for an ID, and
// for an organization that the provider does not find.
func (n *names) id(ctx context.Context, e Entry, text string) (string, error) {
	if !isName(e.Provider, text) {
		return "", nil
	}
	key := fmt.Sprintf("%s %q %q %q", e.Provider, e.BaseURL, e.Credentials, text)
	if id, ok := n.known[key]; ok {
		return id, nil
	}
	spec := e.Spec()
	spec.Organization = text
	var found teardown.Organization
	o, err := n.open(ctx, spec)
	if err == nil {
		found, err = o.Identify(ctx)
	}
	if err != nil && !providers.NamesNothing(err) {
		return "", err
	}
	if n.known == nil {
		n.known = map[string]string{}
	}
	n.known[key] = found.ID
	return found.ID, nil
}

// permitted returns an error if a plan deletes an organization that the lists of the manifest do not
// permit. Applying checks it again; people must not approve such a plan.
func (s *subject) permitted(p *teardown.Plan) error {
	deleted := []string{p.Organization.ID}
	for _, step := range p.Steps {
		if step.Organization != nil {
			deleted = append(deleted, step.Organization.ID)
		}
	}
	allow, deny := s.lists()
	for _, id := range deleted {
		if slices.ContainsFunc(deny, func(denied string) bool { return strings.EqualFold(denied, id) }) || len(allow) > 0 && !slices.Contains(allow, id) {
			return &errors.Error{
				Provider: p.Provider, Operation: "Plan", Target: id, Code: errors.NotConfirmed,
				Err: errors.New("allow or deny of the manifest does not permit to delete the organization"),
			}
		}
	}
	return nil
}

// lists returns the IDs that the manifest allows, empty for all, and those that it denies.
func (s *subject) lists() (allow, deny []string) {
	return slices.Concat(s.page.Allow, s.ids.Allow), slices.Concat(s.page.Deny, s.ids.Deny)
}
