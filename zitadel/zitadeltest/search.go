package zitadeltest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// search answers with a page of the organizations. What it does not know of a
// request it leaves out, as Zitadel does.
func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	var search zitadel.OrganizationSearch
	if !decode(w, r, &search) {
		return
	}
	for _, query := range search.Queries {
		if s.legacy {
			query.IDQuery = zitadel.IDQuery{} // is not known to it
		}
		if query == (zitadel.OrganizationQuery{}) {
			s.plain(w, 3, "InvalidArgument", "a query has no value")
			return
		}
	}
	var objects []fake.Object
	for _, o := range s.matching(search) {
		objects = append(objects, o.object(true))
	}
	fake.JSON(w, http.StatusOK, part(objects, search.Query, "viewTimestamp"))
}

// lists reports whether an organization is on lists, which follow changes by
// requests after some time.
func (s *Server) lists(o *organization) bool {
	if o.removed {
		return time.Since(o.changed) < s.lag
	}
	return time.Since(o.created) >= o.hidden
}

// matching returns all organizations that match, in the order that is asked for.
func (s *Server) matching(search zitadel.OrganizationSearch) []*organization {
	listed := slices.DeleteFunc(slices.Clone(s.organizations), func(o *organization) bool {
		return !s.lists(o) || slices.ContainsFunc(search.Queries, func(q zitadel.OrganizationQuery) bool { return !o.matches(q) })
	})
	if search.SortingColumn == zitadel.OrganizationFieldNameName {
		slices.SortStableFunc(listed, func(a, b *organization) int {
			return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		})
	}
	if !search.Query.Asc {
		slices.Reverse(listed)
	}
	return listed
}

func (o *organization) matches(q zitadel.OrganizationQuery) bool {
	switch {
	case q.NameQuery != zitadel.NameQuery{}:
		return matches(o.Name, q.NameQuery.Name, q.NameQuery.Method)
	case q.DomainQuery != zitadel.DomainQuery{}:
		return matches(o.PrimaryDomain, q.DomainQuery.Domain, q.DomainQuery.Method)
	case q.StateQuery != zitadel.StateQuery{}:
		return o.state() == q.StateQuery.State
	}
	return o.ID == q.IDQuery.ID
}

// matches compares by a method; exactly by one that is not known.
func matches(text, query string, method zitadel.TextQueryMethod) bool {
	if exact, ok := strings.CutSuffix(string(method), "_IGNORE_CASE"); ok {
		text, query, method = strings.ToLower(text), strings.ToLower(query), zitadel.TextQueryMethod(exact)
	}
	switch method {
	case zitadel.TextQueryMethodStartsWith:
		return strings.HasPrefix(text, query)
	case zitadel.TextQueryMethodContains:
		return strings.Contains(text, query)
	case zitadel.TextQueryMethodEndsWith:
		return strings.HasSuffix(text, query)
	}
	return text == query
}
