package zitadel

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// pageSize is how many organizations are asked for at a time.
const pageSize = 100

// SearchOrganizations yields the organizations that match all queries, by name;
// all organizations of the instance without a query. Each query sets exactly one
// of its fields, to what is not empty; others are [errors.InvalidArgument]. It
// needs the permission iam.read.
//
// The list is read by page and follows changes after some time: what was just
// deleted may be there. Collect it before deleting what is on it, or else pages
// move and organizations are passed over.
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1.
func (c *Client) SearchOrganizations(ctx context.Context, queries ...OrganizationQuery) iter.Seq2[Organization, error] {
	const operation = "SearchOrganizations"
	return func(yield func(Organization, error) bool) {
		for _, query := range queries {
			if !query.valid() {
				yield(Organization{}, rest.Invalid(provider, operation, "", errors.New("a query does not set exactly one field")))
				return
			}
		}
		var total Uint64 // as the first page says: those beyond the end do not
		rest.Pages(provider, operation, func(page int) ([]Organization, bool, error) {
			offset := Uint64(page-1) * pageSize
			found, err := c.SearchOrganizationsPage(ctx, OrganizationSearch{
				Query:         ListQuery{Offset: offset, Limit: pageSize, Asc: true},
				SortingColumn: OrganizationFieldNameName,
				Queries:       queries,
			})
			if err != nil {
				return nil, false, err
			}
			if page == 1 {
				total = found.Details.TotalResult
			}
			if found.hasOther(queries) {
				return nil, false, &errors.Error{
					Provider: provider, Operation: operation,
					Code: errors.UnexpectedResponse, Err: errors.New("an organization was found that has another id"),
				}
			}
			// A page may be empty and others follow.
			return found.Result, offset+pageSize < total, nil
		})(yield)
	}
}

// valid reports whether a query sets exactly one field. An empty text would match
// everything by most methods.
func (q OrganizationQuery) valid() bool {
	set := 0
	for _, value := range []string{q.NameQuery.Name, q.DomainQuery.Domain, string(q.StateQuery.State), q.IDQuery.ID} {
		if value != "" {
			set++
		}
	}
	return set == 1
}

// hasOther reports whether a page has an organization with another id than was
// asked for: a server leaves out without a word what it does not know of a request.
func (p *OrganizationPage) hasOther(queries []OrganizationQuery) bool {
	for _, query := range queries {
		for _, found := range p.Result {
			if id := query.IDQuery.ID; id != "" && id != found.ID {
				return true
			}
		}
	}
	return false
}

// Uint64 is a number without a sign, which the API writes as a JSON string.
type Uint64 uint64

// UnmarshalJSON reads a number, in quotes or not; null is zero.
func (n *Uint64) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	value, err := strconv.ParseUint(strings.Trim(text, `"`), 10, 64)
	if err != nil {
		return errors.New("zitadel: a number is not one without a sign")
	}
	*n = Uint64(value)
	return nil
}

// MarshalJSON writes the number in quotes.
func (n Uint64) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatUint(uint64(n), 10)), nil
}
