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

// F5 answers a list that it could read in part only as a success. So each method
// for one that is not paged returns what is known together with an error of
// [errors.PartialResult], whose Detail is a []ListError that says what is missing.

// ListNamespaces returns all namespaces of the tenant, those of F5 itself
// included. With an error of [errors.PartialResult] they are not all.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListNamespaces(ctx context.Context, options ListNamespacesOptions) ([]NamespaceItem, error) {
	list, err := c.listNamespaces(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListNamespaces", "", list.Errors)
}

// ListChildTenants returns all child tenants. Their states are among what can be
// asked for beside the summary. With an error of [errors.PartialResult] they are
// not all.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListChildTenants(ctx context.Context, options ListChildTenantsOptions) ([]ChildTenantItem, error) {
	list, err := c.listChildTenants(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListChildTenants", "", list.Errors)
}

// ListChildTenantsOfManager returns all child tenants of a manager. With an error
// of [errors.PartialResult] they are not all.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListChildTenantsOfManager(ctx context.Context, manager string) ([]ChildTenantItem, error) {
	list, err := c.listChildTenantsOfManager(ctx, manager)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListChildTenantsOfManager", manager, list.Errors)
}

// ListChildTenantManagers returns all child tenant managers. With an error of
// [errors.PartialResult] they are not all.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListChildTenantManagers(ctx context.Context, options ListChildTenantManagersOptions) ([]ChildTenantManagerItem, error) {
	list, err := c.listChildTenantManagers(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListChildTenantManagers", "", list.Errors)
}

// ListManagedTenants returns the configurations by which this tenant manages
// others. With an error of [errors.PartialResult] they are not all.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListManagedTenants(ctx context.Context, options ListManagedTenantsOptions) ([]ManagedTenantItem, error) {
	list, err := c.listManagedTenants(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListManagedTenants", "", list.Errors)
}

// ListAddonSubscriptions returns all subscriptions to addon services. Their
// states are among what can be asked for beside the summary. With an error of
// [errors.PartialResult] they are not all.
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) ListAddonSubscriptions(ctx context.Context, options ListAddonSubscriptionsOptions) ([]AddonSubscriptionItem, error) {
	list, err := c.listAddonSubscriptions(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, partial("ListAddonSubscriptions", "", list.Errors)
}

// partial returns the error of a list that is not complete.
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

// pageSize is how many are asked for at a time; the API's own choice as well.
const pageSize = 100

// ListChildTenantAccess yields the child tenants that the credential's owner may
// enter. It is a list of access and not of all child tenants: see
// [Client.ListChildTenants]. What chooses a page is left out of the options. An
// error ends the list.
//
// A page begins with an item of the list. Collect the list before deleting what
// is on it.
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
				return unexpected("a page is followed by a page before it")
			}
			starts[next] = true
			options.PageStart = next
			return rest.Page[ChildTenantAccess]{Items: page.Items, More: next != ""}, nil
		})(yield)
	}
}

// GetQuotaUsage returns what a namespace has and what it may have, by kind. The quotas
// of the namespace system are those of the tenant. It is the cheapest inventory: one
// request counts the objects of all kinds.
//
// F5 answers quota_usage, or objects in an older form, or both. Objects has the kinds of
// both, and where both have a kind that of quota_usage, unless objects has a greater usage.
// An answer with neither is
// [errors.UnexpectedResponse], never an empty result.
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
