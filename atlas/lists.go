package atlas

import (
	"context"
	"iter"
	"slices"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// pageSize is the largest page that the API gives.
const pageSize = 500

// ListOrganizations yields all organizations that the credential reaches, which
// is mostly its own only. An error ends the list.
//
// Source: vendor OpenAPI of SDK v20250312023.
func (c *Client) ListOrganizations(ctx context.Context) iter.Seq2[Organization, error] {
	return rest.Pages(provider, "ListOrganizations", func(n int) ([]Organization, bool, error) {
		page, err := c.ListOrganizationsPage(ctx, ListOrganizationsPageOptions{PageNum: n, ItemsPerPage: pageSize})
		if err != nil {
			return nil, false, err
		}
		return page.Results, more(len(page.Results), page.Links), nil
	})
}

// ListProjects yields all projects of an organization, also those that the
// credential is no member of. An error ends the list.
//
// Source: vendor OpenAPI of SDK v20250312023; vendor's Terraform provider.
func (c *Client) ListProjects(ctx context.Context, orgID string) iter.Seq2[Project, error] {
	return rest.Pages(provider, "ListProjects", func(n int) ([]Project, bool, error) {
		page, err := c.ListProjectsPage(ctx, orgID, ListProjectsPageOptions{PageNum: n, ItemsPerPage: pageSize})
		if err != nil {
			return nil, false, err
		}
		return page.Results, more(len(page.Results), page.Links), nil
	})
}

// more reports whether another page may follow. The total that a page shows is
// an estimate and says nothing about that.
func more(results int, links []Link) bool {
	return results >= pageSize || slices.ContainsFunc(links, func(l Link) bool { return l.Rel == "next" })
}
