package workspace

import (
	"context"
	"iter"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// Page is one page of a list. The reference pages mark every field as optional, so zero may
// mean that the API did not state the value. Only Items is required here.
type Page[T any] struct {
	// Items are the items of this page.
	Items []T `json:"items"`

	// TotalDocs is the number of items on all pages.
	TotalDocs int `json:"totalDocs,omitzero"`

	// Limit is the maximum number of items on a page that the API used. It may differ from
	// the requested one.
	Limit int `json:"limit,omitzero"`

	// HasPrevPage reports whether a previous page exists.
	HasPrevPage bool `json:"hasPrevPage,omitzero"`

	// HasNextPage reports whether a next page exists.
	HasNextPage bool `json:"hasNextPage,omitzero"`

	// Page is the number of this page; the first is 1.
	Page int `json:"page,omitzero"`

	// TotalPages is the number of pages.
	TotalPages int `json:"totalPages,omitzero"`

	// PrevPage is the number of the previous page; 0 on the first page.
	PrevPage int `json:"prevPage,omitzero"`

	// NextPage is the number of the next page; 0 on the last page.
	NextPage int `json:"nextPage,omitzero"`
}

// OrganizationsPage is one page of organizations.
type OrganizationsPage = Page[Organization]

// CollaboratorsPage is one page of collaborators of an organization.
type CollaboratorsPage = Page[Collaborator]

// AppCollaboratorsPage is one page of collaborators of apps.
type AppCollaboratorsPage = Page[AppCollaborator]

// AppsPage is one page of apps.
type AppsPage = Page[App]

// AppEmployeesPage is one page of users of an app.
type AppEmployeesPage = Page[AppEmployee]

// StoresPage is one page of app stores.
type StoresPage = Page[Store]

// DevicesPage is one page of devices of all platforms.
type DevicesPage = Page[Device]

// AppleDevicesPage is one page of Apple devices.
type AppleDevicesPage = Page[AppleDevice]

// AndroidDevicesPage is one page of Android devices.
type AndroidDevicesPage = Page[AndroidDevice]

// WindowsDevicesPage is one page of Windows devices.
type WindowsDevicesPage = Page[WindowsDevice]

// isOther reports whether a page states another number than the requested one. Requests
// without a number mean page 1.
func isOther[T any](p *Page[T], requested int) bool {
	return p.Page != 0 && p.Page != max(requested, 1)
}

// all yields the items of all pages of a list, starting with page first; 0 means 1. limit is
// the requested number of items per page; 0 means the API's default.
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

// ListOrganizations yields the organizations that the token can see, page by page, starting
// with options.Page; 0 means 1. It stops at the first error. A deletion shifts the items of
// later pages: collect all items before deleting.
//
// Required permission: base.organization.management.list.
func (c *Client) ListOrganizations(ctx context.Context, options ListOrganizationsPageOptions) iter.Seq2[Organization, error] {
	return all("ListOrganizations", options.Page, options.Limit, (*Organization).identity, func(page int) (*OrganizationsPage, error) {
		options := options
		options.Page = page
		return c.ListOrganizationsPage(ctx, options)
	})
}

// ListCollaborators yields the users and service accounts with a role in an organization, page
// by page like [Client.ListOrganizations]. See [Client.ListCollaboratorsPage].
func (c *Client) ListCollaborators(ctx context.Context, idOrSlug string, options ListCollaboratorsPageOptions) iter.Seq2[Collaborator, error] {
	return all("ListCollaborators", options.Page, options.Limit, (*Collaborator).identity, func(page int) (*CollaboratorsPage, error) {
		options := options
		options.Page = page
		return c.ListCollaboratorsPage(ctx, idOrSlug, options)
	})
}

// ListAppCollaborators yields the users with a role in any app of an organization, page by page
// like [Client.ListOrganizations]. See [Client.ListAppCollaboratorsPage].
func (c *Client) ListAppCollaborators(ctx context.Context, idOrSlug string, options ListAppCollaboratorsPageOptions) iter.Seq2[AppCollaborator, error] {
	return all("ListAppCollaborators", options.Page, options.Limit, (*AppCollaborator).identity, func(page int) (*AppCollaboratorsPage, error) {
		options := options
		options.Page = page
		return c.ListAppCollaboratorsPage(ctx, idOrSlug, options)
	})
}

// ListApps yields the apps of an organization, page by page like [Client.ListOrganizations].
// See [Client.ListAppsPage].
func (c *Client) ListApps(ctx context.Context, idOrSlug string, options ListAppsPageOptions) iter.Seq2[App, error] {
	return all("ListApps", options.Page, options.Limit, (*App).identity, func(page int) (*AppsPage, error) {
		options := options
		options.Page = page
		return c.ListAppsPage(ctx, idOrSlug, options)
	})
}

// ListAppEmployees yields the users of an app, page by page like [Client.ListOrganizations].
// See [Client.ListAppEmployeesPage].
func (c *Client) ListAppEmployees(ctx context.Context, idOrSlug, appIDOrSlug string, options ListAppEmployeesPageOptions) iter.Seq2[AppEmployee, error] {
	return all("ListAppEmployees", options.Page, options.Limit, (*AppEmployee).identity, func(page int) (*AppEmployeesPage, error) {
		options := options
		options.Page = page
		return c.ListAppEmployeesPage(ctx, idOrSlug, appIDOrSlug, options)
	})
}

// ListStores yields the app stores of an organization, page by page like
// [Client.ListOrganizations]. See [Client.ListStoresPage].
func (c *Client) ListStores(ctx context.Context, idOrSlug string, options ListStoresPageOptions) iter.Seq2[Store, error] {
	return all("ListStores", options.Page, options.Limit, (*Store).identity, func(page int) (*StoresPage, error) {
		options := options
		options.Page = page
		return c.ListStoresPage(ctx, idOrSlug, options)
	})
}

// ListDevices yields the devices of an organization on all platforms, page by page like
// [Client.ListOrganizations]. Without a SubType, it also yields pending enrollments. See
// [Client.ListDevicesPage].
func (c *Client) ListDevices(ctx context.Context, idOrSlug string, options ListDevicesPageOptions) iter.Seq2[Device, error] {
	return all("ListDevices", options.Page, options.Limit, (*Device).identity, func(page int) (*DevicesPage, error) {
		options := options
		options.Page = page
		return c.ListDevicesPage(ctx, idOrSlug, options)
	})
}

// ListAppleDevices yields the Apple devices of an organization, page by page like
// [Client.ListOrganizations]. See [Client.ListAppleDevicesPage].
func (c *Client) ListAppleDevices(ctx context.Context, idOrSlug string, options ListAppleDevicesPageOptions) iter.Seq2[AppleDevice, error] {
	return all("ListAppleDevices", options.Page, options.Limit, (*AppleDevice).identity, func(page int) (*AppleDevicesPage, error) {
		options := options
		options.Page = page
		return c.ListAppleDevicesPage(ctx, idOrSlug, options)
	})
}

// ListAndroidDevices yields the Android devices of an organization, page by page like
// [Client.ListOrganizations]. See [Client.ListAndroidDevicesPage].
func (c *Client) ListAndroidDevices(ctx context.Context, idOrSlug string, options ListAndroidDevicesPageOptions) iter.Seq2[AndroidDevice, error] {
	return all("ListAndroidDevices", options.Page, options.Limit, (*AndroidDevice).identity, func(page int) (*AndroidDevicesPage, error) {
		options := options
		options.Page = page
		return c.ListAndroidDevicesPage(ctx, idOrSlug, options)
	})
}

// ListWindowsDevices yields the Windows devices of an organization, page by page like
// [Client.ListOrganizations]. See [Client.ListWindowsDevicesPage].
func (c *Client) ListWindowsDevices(ctx context.Context, idOrSlug string, options ListWindowsDevicesPageOptions) iter.Seq2[WindowsDevice, error] {
	return all("ListWindowsDevices", options.Page, options.Limit, (*WindowsDevice).identity, func(page int) (*WindowsDevicesPage, error) {
		options := options
		options.Page = page
		return c.ListWindowsDevicesPage(ctx, idOrSlug, options)
	})
}
