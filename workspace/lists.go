package workspace

import (
	"context"
	"iter"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// Page is one page of a list. The reference pages print all of its fields as
// optional, so that any but Items may be zero without a meaning.
type Page[T any] struct {
	Items []T `json:"items"`

	// TotalDocs is how many there are on all pages.
	TotalDocs int `json:"totalDocs,omitzero"`

	// Limit is how many a page has at most, whatever was asked for.
	Limit       int  `json:"limit,omitzero"`
	HasPrevPage bool `json:"hasPrevPage,omitzero"`
	HasNextPage bool `json:"hasNextPage,omitzero"`

	// Page is the number of this page; the first is 1.
	Page       int `json:"page,omitzero"`
	TotalPages int `json:"totalPages,omitzero"`

	// PrevPage is 0 on the first page.
	PrevPage int `json:"prevPage,omitzero"`

	// NextPage is 0 on the last page.
	NextPage int `json:"nextPage,omitzero"`
}

// Pages of what the API lists.
type (
	OrganizationsPage    = Page[Organization]
	CollaboratorsPage    = Page[Collaborator]
	AppCollaboratorsPage = Page[AppCollaborator]
	AppsPage             = Page[App]
	AppEmployeesPage     = Page[AppEmployee]
	StoresPage           = Page[Store]
	DevicesPage          = Page[Device]
	AppleDevicesPage     = Page[AppleDevice]
	AndroidDevicesPage   = Page[AndroidDevice]
	WindowsDevicesPage   = Page[WindowsDevice]
)

// isOther reports whether a page says that it is another than was requested. Without a
// number the first was.
func isOther[T any](p *Page[T], requested int) bool {
	return p.Page != 0 && p.Page != max(requested, 1)
}

// all yields the items of all pages of a list, from the given page on, or the first. limit
// is the requested size of a page; 0 leaves it to the API, which states it.
func all[T any](operation string, first, limit int, identity func(*T) string, fetch func(page int) (*Page[T], error)) iter.Seq2[T, error] {
	first = max(first, 1)
	return rest.Pages(provider, operation, identity, func(n int) (rest.Page[T], error) {
		number := first + n - 1
		page, err := fetch(number)
		if err != nil {
			return rest.Page[T]{}, err
		}
		size := rest.FullAt(limit, page.Limit)
		return rest.Page[T]{
			Items: page.Items, Size: size,
			More:  page.HasNextPage || page.NextPage > number || page.TotalPages > number,
			Total: max(page.TotalDocs-(first-1)*size, 0),
		}, nil
	})
}

// ListOrganizations yields all organizations, a page at a time, beginning with
// options.Page, or the first. It ends at the first error. Pages move up when
// something on an earlier one is deleted: gather first, then delete.
//
// It needs the permission base.organization.management.list.
func (c *Client) ListOrganizations(ctx context.Context, options ListOrganizationsPageOptions) iter.Seq2[Organization, error] {
	return all("ListOrganizations", options.Page, options.Limit, (*Organization).identity, func(page int) (*OrganizationsPage, error) {
		options := options
		options.Page = page
		return c.ListOrganizationsPage(ctx, options)
	})
}

// ListCollaborators yields the people and service accounts who have a role in an
// organization, as [Client.ListOrganizations] does organizations. See
// [Client.ListCollaboratorsPage].
func (c *Client) ListCollaborators(ctx context.Context, idOrSlug string, options ListCollaboratorsPageOptions) iter.Seq2[Collaborator, error] {
	return all("ListCollaborators", options.Page, options.Limit, (*Collaborator).identity, func(page int) (*CollaboratorsPage, error) {
		options := options
		options.Page = page
		return c.ListCollaboratorsPage(ctx, idOrSlug, options)
	})
}

// ListAppCollaborators yields the people who have a role in an app, for all apps
// of an organization, as [Client.ListOrganizations] does organizations. See
// [Client.ListAppCollaboratorsPage].
func (c *Client) ListAppCollaborators(ctx context.Context, idOrSlug string, options ListAppCollaboratorsPageOptions) iter.Seq2[AppCollaborator, error] {
	return all("ListAppCollaborators", options.Page, options.Limit, (*AppCollaborator).identity, func(page int) (*AppCollaboratorsPage, error) {
		options := options
		options.Page = page
		return c.ListAppCollaboratorsPage(ctx, idOrSlug, options)
	})
}

// ListApps yields the apps of an organization, as [Client.ListOrganizations] does
// organizations. See [Client.ListAppsPage].
func (c *Client) ListApps(ctx context.Context, idOrSlug string, options ListAppsPageOptions) iter.Seq2[App, error] {
	return all("ListApps", options.Page, options.Limit, (*App).identity, func(page int) (*AppsPage, error) {
		options := options
		options.Page = page
		return c.ListAppsPage(ctx, idOrSlug, options)
	})
}

// ListAppEmployees yields the people who use an app, as [Client.ListOrganizations]
// does organizations. See [Client.ListAppEmployeesPage].
func (c *Client) ListAppEmployees(ctx context.Context, idOrSlug, appIDOrSlug string, options ListAppEmployeesPageOptions) iter.Seq2[AppEmployee, error] {
	return all("ListAppEmployees", options.Page, options.Limit, (*AppEmployee).identity, func(page int) (*AppEmployeesPage, error) {
		options := options
		options.Page = page
		return c.ListAppEmployeesPage(ctx, idOrSlug, appIDOrSlug, options)
	})
}

// ListStores yields the app stores of an organization, as [Client.ListOrganizations]
// does organizations. See [Client.ListStoresPage].
func (c *Client) ListStores(ctx context.Context, idOrSlug string, options ListStoresPageOptions) iter.Seq2[Store, error] {
	return all("ListStores", options.Page, options.Limit, (*Store).identity, func(page int) (*StoresPage, error) {
		options := options
		options.Page = page
		return c.ListStoresPage(ctx, idOrSlug, options)
	})
}

// ListDevices yields the devices of an organization, of all platforms, as
// [Client.ListOrganizations] does organizations. Without a SubType it yields
// enrollments that wait for a device, too. See [Client.ListDevicesPage].
func (c *Client) ListDevices(ctx context.Context, idOrSlug string, options ListDevicesPageOptions) iter.Seq2[Device, error] {
	return all("ListDevices", options.Page, options.Limit, (*Device).identity, func(page int) (*DevicesPage, error) {
		options := options
		options.Page = page
		return c.ListDevicesPage(ctx, idOrSlug, options)
	})
}

// ListAppleDevices yields the Apple devices of an organization, as
// [Client.ListOrganizations] does organizations. See [Client.ListAppleDevicesPage].
func (c *Client) ListAppleDevices(ctx context.Context, idOrSlug string, options ListAppleDevicesPageOptions) iter.Seq2[AppleDevice, error] {
	return all("ListAppleDevices", options.Page, options.Limit, (*AppleDevice).identity, func(page int) (*AppleDevicesPage, error) {
		options := options
		options.Page = page
		return c.ListAppleDevicesPage(ctx, idOrSlug, options)
	})
}

// ListAndroidDevices yields the Android devices of an organization, as
// [Client.ListOrganizations] does organizations. See [Client.ListAndroidDevicesPage].
func (c *Client) ListAndroidDevices(ctx context.Context, idOrSlug string, options ListAndroidDevicesPageOptions) iter.Seq2[AndroidDevice, error] {
	return all("ListAndroidDevices", options.Page, options.Limit, (*AndroidDevice).identity, func(page int) (*AndroidDevicesPage, error) {
		options := options
		options.Page = page
		return c.ListAndroidDevicesPage(ctx, idOrSlug, options)
	})
}

// ListWindowsDevices yields the Windows devices of an organization, as
// [Client.ListOrganizations] does organizations. See [Client.ListWindowsDevicesPage].
func (c *Client) ListWindowsDevices(ctx context.Context, idOrSlug string, options ListWindowsDevicesPageOptions) iter.Seq2[WindowsDevice, error] {
	return all("ListWindowsDevices", options.Page, options.Limit, (*WindowsDevice).identity, func(page int) (*WindowsDevicesPage, error) {
		options := options
		options.Page = page
		return c.ListWindowsDevicesPage(ctx, idOrSlug, options)
	})
}
