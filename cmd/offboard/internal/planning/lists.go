package planning

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/teardown"
)

// lists contains the resolved entries of allow and deny of a manifest, and those of the flags.
// An organization must be permitted by both allow and allowFlags.
type lists struct{ allow, allowFlags, deny []*listed }

// listed is an entry of allow or deny, with the organizations that it names.
type listed struct {
	list, text string
	index      int

	mu    sync.Mutex
	names []resolvedID
	err   error
}

// resolvedID identifies an organization by its connection and its ID.
type resolvedID struct{ connection, id string }

// connectionOf identifies the provider, the address and the credential of an entry.
func connectionOf(e planfile.Entry) string {
	return fmt.Sprintf("%s %q %q", e.Provider, e.BaseURL, e.Credentials)
}

// listedOf returns the entries of a list. Of equal entries, it returns the first one.
func listedOf(list string, texts []string) []*listed {
	var entries []*listed
	seen := map[string]bool{}
	for i, text := range texts {
		if !seen[text] {
			seen[text] = true
			entries = append(entries, &listed{list: list, text: text, index: i})
		}
	}
	return entries
}

// resolve resolves allow and deny like "organization:", at every provider of the manifest. It
// does not read the ID of a planned organization. It returns an error for an entry that no
// provider finds, and for an entry that cannot be read: the organizations that it allows or
// denies are unknown.
func resolve(ctx context.Context, m *planfile.Manifest, s *planfile.Source, file *planfile.File, open connect.Connector, parallel int) (lists, error) {
	l := lists{
		allow: listedOf("allow", m.Allow), allowFlags: listedOf("--allow", m.AllowFlags),
		deny: slices.Concat(listedOf("deny", m.Deny), listedOf("--deny", m.DenyFlags)),
	}
	all := l.all()
	for _, e := range all {
		if strings.TrimSpace(e.text) == "" {
			return l, e.unresolved(s, errEmpty)
		}
	}
	type lookup struct {
		of *listed
		at planfile.Entry
	}
	var lookups []lookup
	first := map[string]*listed{} // by the text: entries of several lists may be equal
	for _, e := range all {
		if first[e.text] != nil {
			continue
		}
		first[e.text] = e
		if e.planned(file); len(e.names) > 0 {
			continue
		}
		seen := map[string]bool{}
		for _, at := range m.All() { // the lists apply to the whole manifest
			if connection := connectionOf(at); !seen[connection] {
				seen[connection] = true
				at.Organization = e.text
				lookups = append(lookups, lookup{e, at})
			}
		}
	}
	opened := make([]connect.Organization, len(lookups)) // sequentially, because they share clients
	for i, at := range lookups {
		var err error
		if opened[i], err = open(at.at); err != nil {
			return l, at.of.unresolved(s, err)
		}
	}
	Each(len(lookups), parallel, func(i int) {
		found, err := opened[i].Identify(ctx)
		lookups[i].of.add(connectionOf(lookups[i].at), found, err)
	})
	for _, e := range all {
		if same := first[e.text]; same != e {
			e.names, e.err = same.names, same.err
		}
		switch {
		case e.err != nil:
			return l, e.unresolved(s, e.err)
		case len(e.names) == 0:
			return l, e.unresolved(s, errUnmatched)
		}
	}
	return l, nil
}

// Errors of an entry of allow or deny.
var (
	errEmpty     = errors.New("is empty")
	errUnmatched = errors.New("matches no organization at any provider of the manifest; nothing was planned")
)

// unresolved returns the error of an entry that cannot be resolved. It does not repeat the
// entry, which may be a secret.
func (e *listed) unresolved(s *planfile.Source, err error) error {
	flag, subject := strings.HasPrefix(e.list, "--"), fmt.Sprintf("entry %d of %s", e.index+1, e.list)
	if flag {
		subject = fmt.Sprintf("%s number %d", e.list, e.index+1)
	}
	if err == errEmpty || err == errUnmatched {
		err = fmt.Errorf("%s %w", subject, err)
	} else {
		err = fmt.Errorf("cannot resolve %s: %w", subject, err)
	}
	if flag {
		return err
	}
	return s.AtListed(e.list, e.index, subject, err)
}

// planned adds the organizations of plans, and deleted ones, if the entry names them.
func (e *listed) planned(file *planfile.File) {
	for _, o := range file.Organizations {
		if o.Deletion != nil && (o.Organization.ID == e.text || o.Entry.Organization == e.text) {
			e.names = append(e.names, resolvedID{connectionOf(o.Entry), o.Organization.ID}) // no provider finds it
		}
		if o.Plan == nil {
			continue
		}
		for _, d := range planfile.Deleted(o.Plan) {
			if d.ID == e.text {
				e.names = append(e.names, resolvedID{connectionOf(o.Entry), d.ID})
			}
		}
	}
}

// add adds the result of a read.
func (e *listed) add(connection string, found teardown.Organization, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil:
		e.names = append(e.names, resolvedID{connection, found.ID})
	case e.err == nil && !providers.NamesNothing(err):
		e.err = err
	}
}

// denies reports whether the entry names an organization, at any provider.
func (e *listed) denies(o teardown.Organization) bool {
	return slices.ContainsFunc(e.names, func(p resolvedID) bool { return strings.EqualFold(p.id, o.ID) })
}

// allows reports whether the entry names an organization of a connection.
func (e *listed) allows(connection string, o teardown.Organization) bool {
	return slices.Contains(e.names, resolvedID{connection, o.ID})
}

// forbids returns why a plan must not be applied, and the entry or the flag that forbids it; "" if
// it may be applied.
func (l lists) forbids(p planfile.Planned) (why, by string) {
	for i, o := range planfile.Deleted(p.Plan) {
		object := " this organization"
		if i > 0 {
			object = fmt.Sprintf(" %q, which is deleted first", o.ID)
		}
		allows := func(e *listed) bool { return e.allows(connectionOf(p.Entry), o) }
		switch j := slices.IndexFunc(l.deny, func(e *listed) bool { return e.denies(o) }); {
		case j >= 0 && l.deny[j].list == "--deny":
			return "--deny forbids" + object, fmt.Sprintf("number %d of --deny", l.deny[j].index+1)
		case j >= 0:
			return "the manifest denies" + object, fmt.Sprintf("entry %d of deny in the manifest", l.deny[j].index+1)
		case len(l.allow) > 0 && !slices.ContainsFunc(l.allow, allows):
			return "the manifest does not allow" + object, "allow in the manifest"
		case len(l.allowFlags) > 0 && !slices.ContainsFunc(l.allowFlags, allows):
			return "--allow does not permit" + object, "--allow"
		}
	}
	return "", ""
}

// all returns all entries.
func (l lists) all() []*listed { return slices.Concat(l.allow, l.allowFlags, l.deny) }

// allowed returns the IDs of the only organizations that may be deleted; nil if all may.
func (l lists) allowed() []string {
	switch {
	case len(l.allowFlags) == 0:
		return ids(l.allow)
	case len(l.allow) == 0:
		return ids(l.allowFlags)
	}
	both := ids(l.allow)
	return slices.DeleteFunc(ids(l.allowFlags), func(id string) bool { return !slices.Contains(both, id) })
}

// ids returns the IDs of the organizations that entries name.
func ids(entries []*listed) []string {
	var ids []string
	for _, e := range entries {
		for _, p := range e.names {
			if !slices.Contains(ids, p.id) {
				ids = append(ids, p.id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// unmatched lists the entries that name no organization of the file.
func (l lists) unmatched(file *planfile.File) []string {
	var unmatched []string
	for _, e := range l.all() {
		matches := slices.ContainsFunc(file.Organizations, func(o planfile.Planned) bool {
			if o.Plan == nil {
				return o.Organization != nil && e.denies(*o.Organization)
			}
			return slices.ContainsFunc(planfile.Deleted(o.Plan), e.denies)
		})
		if !matches {
			text := fmt.Sprintf("%s: %q", e.list, e.text)
			if id := e.names[0].id; id != e.text {
				text += fmt.Sprintf(" (%s)", printable.Text(id))
			}
			unmatched = append(unmatched, text)
		}
	}
	return unmatched
}

// flags returns the flags that selected, permitted and denied organizations of a manifest; nil if none
// was given.
func (l *lists) flags(m *planfile.Manifest, file *planfile.File) *planfile.Flags {
	f := planfile.Flags{Allow: ids(l.allowFlags)}
	for _, e := range l.deny {
		if e.list == "--deny" {
			f.Deny = append(f.Deny, ids([]*listed{e})...)
		}
	}
	if len(m.Unselected) > 0 {
		for _, o := range file.Organizations {
			f.Only = append(f.Only, o.Entry.Organization)
		}
	}
	if len(f.Only)+len(f.Allow)+len(f.Deny) == 0 {
		return nil
	}
	return &f
}
