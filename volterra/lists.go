package volterra

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// F5 answers an incomplete list with status 200. So each method for an unpaged list returns the
// items together with [errors.PartialResult]; its Detail is a []ListError with the missing parts.

// ListNamespaces returns all namespaces of the tenant, including F5's own. With
// [errors.PartialResult], the list is incomplete.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListNamespaces(ctx context.Context, options ListNamespacesOptions) ([]NamespaceItem, error) {
	list, err := c.listNamespaces(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListNamespaces", "", list.Errors)
}

// ListChildTenants returns all child tenants. The options can request more fields than the summary,
// such as the states. With [errors.PartialResult], the list is incomplete.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListChildTenants(ctx context.Context, options ListChildTenantsOptions) ([]ChildTenantItem, error) {
	list, err := c.listChildTenants(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListChildTenants", "", list.Errors)
}

// ListChildTenantsOfManager returns all child tenants of a manager. With [errors.PartialResult],
// the list is incomplete.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListChildTenantsOfManager(ctx context.Context, manager string) ([]ChildTenantItem, error) {
	list, err := c.listChildTenantsOfManager(ctx, manager)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListChildTenantsOfManager", manager, list.Errors)
}

// ListChildTenantManagers returns all child tenant managers. With [errors.PartialResult], the list
// is incomplete.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListChildTenantManagers(ctx context.Context, options ListChildTenantManagersOptions) ([]ChildTenantManagerItem, error) {
	list, err := c.listChildTenantManagers(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListChildTenantManagers", "", list.Errors)
}

// ListManagedTenants returns the tenants that this tenant manages. With [errors.PartialResult],
// the list is incomplete.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListManagedTenants(ctx context.Context, options ListManagedTenantsOptions) ([]ManagedTenantItem, error) {
	list, err := c.listManagedTenants(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListManagedTenants", "", list.Errors)
}

// ListAddonSubscriptions returns all subscriptions to addon services. The options can request more
// fields than the summary, such as the states. With [errors.PartialResult], the list is
// incomplete.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListAddonSubscriptions(ctx context.Context, options ListAddonSubscriptionsOptions) ([]AddonSubscriptionItem, error) {
	list, err := c.listAddonSubscriptions(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListAddonSubscriptions", "", list.Errors)
}

// partial returns the error of an incomplete list; nil for a complete one.
func partial(operation, target string, missing []ListError) error {
	missing = slices.DeleteFunc(slices.Clone(missing), func(e ListError) bool { return e.Code == ListErrorCodeOK })
	if len(missing) == 0 {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: target,
		Code: errors.PartialResult, Status: http.StatusOK,
		ProviderCode: string(missing[0].Code), Message: missing[0].Message, Detail: missing,
	}
}

// pageSize is the requested number of items per page, which is also the API's default.
const pageSize = 100

// ListChildTenantAccess yields the child tenants that the owner of the credential can access;
// [Client.ListChildTenants] returns all child tenants. PageStart and PageLimit of the options are
// ignored. The list stops at the first error.
//
// F5 identifies a page by an item, so a deletion invalidates later pages: collect all items before
// deleting.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListChildTenantAccess(ctx context.Context, options ListChildTenantAccessPageOptions) iter.Seq2[ChildTenantAccess, error] {
	const operation = "ListChildTenantAccess"
	unexpected := func(why string) (rest.Page[ChildTenantAccess], error) {
		return rest.Page[ChildTenantAccess]{}, &errors.Error{
			Provider: provider, Operation: operation, Code: errors.UnexpectedResponse, Err: errors.New(why),
		}
	}
	return func(yield func(ChildTenantAccess, error) bool) {
		options := options
		options.PageStart, options.PageLimit = "", pageSize
		starts := map[string]bool{}
		seen := 0
		rest.Pages(provider, operation, (*ChildTenantAccess).identity, func(int) (rest.Page[ChildTenantAccess], error) {
			page, err := c.ListChildTenantAccessPage(ctx, options)
			if err != nil {
				return rest.Page[ChildTenantAccess]{}, err
			}
			seen += len(page.Items)
			next, total := page.NextPage, page.TotalFilteredCount
			if total == 0 && options.Name == "" && options.Manager == "" {
				total = page.TotalCount
			}
			switch {
			case next == "" && total > seen:
				return unexpected("the list ends before its total")
			case next != "" && starts[next]:
				return unexpected("the next page is an earlier page")
			}
			starts[next] = true
			options.PageStart = next
			return rest.Page[ChildTenantAccess]{Items: page.Items, More: next != ""}, nil
		})(yield)
	}
}

// GetQuotaUsage returns usage and limits of a namespace by kind. The namespace system has the quotas
// of the tenant. One request counts the objects of all kinds.
//
// F5 answers with the member quota_usage, with the older member objects, or with both. Objects of
// the result contains the kinds of both; for a kind in both, the value of quota_usage with the
// greater usage. For an answer with neither, the error is [errors.UnexpectedResponse].
//
// Source: code generated from the vendor's protos in its Terraform provider; a client
// written from real answers.
func (c *Client) GetQuotaUsage(ctx context.Context, namespace string) (*QuotaUsage, error) {
	usage, err := c.getQuotaUsage(ctx, namespace)
	switch {
	case err != nil:
		return nil, err
	case usage.Objects == nil && usage.Present == nil:
		return nil, &errors.Error{
			Provider: provider, Operation: "GetQuotaUsage", Target: namespace,
			Code: errors.UnexpectedResponse, Status: http.StatusOK, Err: errors.New("the body lacks quota_usage and objects"),
		}
	}
	objects := make(map[string]QuotaItem, len(usage.Objects)+len(usage.Present))
	maps.Copy(objects, usage.Objects)
	for kind, item := range usage.Present {
		item.Usage.Current = max(item.Usage.Current, objects[kind].Usage.Current)
		objects[kind] = item
	}
	usage.Objects = objects
	return usage, nil
}
