package zitadel

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

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
				yield(Organization{}, invalidQuery(operation))
				return
			}
		}
		pages(operation, (*Organization).identity, func(part ListQuery) (*OrganizationPage, error) {
			found, err := c.SearchOrganizationsPage(ctx, OrganizationSearch{
				Query: part, SortingColumn: OrganizationFieldNameName, Queries: queries,
			})
			if err == nil && found.hasOther(queries) {
				return nil, otherFound(operation)
			}
			return found, err
		})(yield)
	}
}

// SearchOrganizationsV2 yields the organizations that match all queries and that
// the credential may read, by name. It is there for those who have no permission
// iam.read, such as an IAM_ORG_MANAGER or an ORG_OWNER. Queries are as those of
// [Client.SearchOrganizations]; one with a DefaultQuery finds the default
// organization.
//
// It needs the permission org.read for what it yields, and a server from v2.59 on;
// with an older one the error is [errors.RouteNotFound]. See
// [Client.SearchOrganizationsV2Page].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1.
func (c *Client) SearchOrganizationsV2(ctx context.Context, queries ...OrganizationQueryV2) iter.Seq2[OrganizationV2, error] {
	const operation = "SearchOrganizationsV2"
	return func(yield func(OrganizationV2, error) bool) {
		for _, query := range queries {
			if !query.valid() {
				yield(OrganizationV2{}, invalidQuery(operation))
				return
			}
		}
		filteredPages(operation, (*OrganizationV2).identity, func(part ListQuery) (*OrganizationPageV2, error) {
			found, err := c.SearchOrganizationsV2Page(ctx, OrganizationSearchV2{
				Query: part, SortingColumn: OrganizationFieldNameV2Name, Queries: queries,
			})
			if err == nil && found.hasOther(queries) {
				return nil, otherFound(operation)
			}
			return found, err
		})(yield)
	}
}

func invalidQuery(operation string) error {
	return rest.Invalid(provider, operation, "", errors.New("a query does not set exactly one field"))
}

func otherFound(operation string) error {
	return &errors.Error{
		Provider: provider, Operation: operation,
		Code: errors.UnexpectedResponse, Err: errors.New("an organization was found that has another id"),
	}
}

// valid reports whether a query sets exactly one field. An empty text would match
// everything by most methods.
func (q OrganizationQuery) valid() bool {
	return one(q.NameQuery.Name, q.DomainQuery.Domain, string(q.StateQuery.State), q.IDQuery.ID)
}

func (q OrganizationQueryV2) valid() bool {
	first := ""
	if q.DefaultQuery {
		first = "default"
	}
	return one(q.NameQuery.Name, q.DomainQuery.Domain, string(q.StateQuery.State), q.IDQuery.ID, first)
}

// one reports whether exactly one of the texts is not empty.
func one(texts ...string) bool {
	set := 0
	for _, text := range texts {
		if text != "" {
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

func (p *OrganizationPageV2) hasOther(queries []OrganizationQueryV2) bool {
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

// DefaultQuery matches the default organization of the instance when it is true.
// The API has an empty object for it.
type DefaultQuery bool

// UnmarshalJSON reads an object, whatever is in it.
func (q *DefaultQuery) UnmarshalJSON(data []byte) error {
	*q = string(data) != "null"
	return nil
}

// MarshalJSON writes the empty object.
func (q DefaultQuery) MarshalJSON() ([]byte, error) {
	if !q {
		return []byte("null"), nil
	}
	return []byte("{}"), nil
}
