package zitadeltest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// search answers with a page of the organizations. What it does not know of a
// request it leaves out, as Zitadel does.
func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	var search zitadel.OrganizationSearch
	if err := json.NewDecoder(r.Body).Decode(&search); err != nil && err != io.EOF {
		bare(w, http.StatusBadRequest, 3, "the body is not valid")
		return
	}
	for _, query := range search.Queries {
		if query == (zitadel.OrganizationQuery{}) {
			s.plain(w, 3, "InvalidArgument", "a query has no value")
			return
		}
	}
	found := s.matching(search)
	details := fake.Object{"viewTimestamp": date(time.Now().UTC())}
	answer := fake.Object{"details": details}
	if offset := min(int(search.Query.Offset), len(found)); offset < len(found) {
		details["totalResult"] = strconv.Itoa(len(found))
		page := found[offset:]
		if limit := int(search.Query.Limit); limit > 0 {
			page = page[:min(limit, len(page))]
		}
		answer["result"] = page
	}
	if search.SortingColumn == zitadel.OrganizationFieldNameName {
		answer["sortingColumn"] = search.SortingColumn
	}
	fake.JSON(w, http.StatusOK, answer)
}

// matching returns all organizations that match, in the order that is asked for.
func (s *Server) matching(search zitadel.OrganizationSearch) []fake.Object {
	listed := slices.DeleteFunc(slices.Clone(s.organizations), func(o *organization) bool {
		return o.removed && time.Since(o.changed) >= s.lag ||
			slices.ContainsFunc(search.Queries, func(q zitadel.OrganizationQuery) bool { return !o.matches(q) })
	})
	if search.SortingColumn == zitadel.OrganizationFieldNameName {
		slices.SortStableFunc(listed, func(a, b *organization) int {
			return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		})
	}
	if !search.Query.Asc {
		slices.Reverse(listed)
	}
	objects := make([]fake.Object, 0, len(listed))
	for _, o := range listed {
		objects = append(objects, o.object(true))
	}
	return objects
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
