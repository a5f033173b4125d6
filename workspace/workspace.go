// Package workspace deletes workspaces at Applivery, and says truly what became
// of them. Applivery's API calls a workspace an organization, and so does this
// package.
//
// [DeleteOrganization] is one line; a service makes a [Client] once and calls
// [Client.DeleteOrganization]. Active subscriptions stand in the way of a
// deletion; they come as an error whose code is [errors.ActiveSubscriptions] and
// are cancelled in Applivery's dashboard only. [Client.CheckDeletion] asks without
// changing anything.
//
// # What an error means
//
// Every error is an [*errors.Error]. Applivery's own code is a number, which is
// kept in ProviderCode as its digits. A nil error means that Applivery answered
// that the organization is deleted, or that it was read to be gone after the
// answer to a deletion had been lost.
//
// # Names
//
// An organization is named by its id, of 24 hexadecimal digits, or by its slug.
// A deletion reads the organization first and goes to the id that was read. What
// looks like an id is taken for one: when the organization that answers to it has
// another id, the error is [errors.NotConfirmed] and nothing is deleted.
//
// # What is left
//
// Only subscriptions stand in the way of a deletion, and it takes everything else
// along: what is worth a look before it is in [Client.GetWorkspace] and the lists,
// of collaborators, apps, stores, segments and devices. A list goes through all
// pages, and ends by what each page says of itself: neither the limit that is asked
// for nor HasNextPage is to be relied on. One code of Applivery's stands for all that
// is not found: a call that names an app or a device beside its organization ends
// with [errors.NotFound], and never with [errors.OrganizationNotFound] unless
// the answer says so.
//
// [Client.DeleteApp] removes one app, and [Client.DisenrollAOSPDevice] tells a device
// to leave, which [Client.WaitForDevices] waits for. What becomes of devices whose
// organization is deleted is not documented. [Client.ChangeOwner] keeps an
// organization and gives it away.
//
// # Teardown
//
// [Client.Plan] reads all of that at once, and changes nothing: each subscription
// is a step that a person has to do, and everything else is counted, for it goes
// along. [Client.Teardown] deletes the organization once no subscription is left, and
// reads that it is gone.
//
// # Retries
//
// Reads are repeated after failures of the network and of the server. A deletion
// is repeated only when it is known not to have taken place: it was not sent, it
// was refused by the rate limit, or a read says that the organization is still
// there. When nothing can be read the error is [errors.OutcomeUnknown]. So it is
// after a lost answer to a service account of the workspace itself, whose token
// is gone with it.
//
// # Rate limit
//
// Applivery speaks of 10,000 requests an hour, and its answers do not say how many
// are left. The client slows down when one is refused, for all its calls together:
// share one.
package workspace

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// DefaultBaseURL is where the API is.
const DefaultBaseURL = "https://api.applivery.io/v1"

// Client speaks to Applivery. It is safe for concurrent use; make one with [New].
type Client struct {
	api *rest.Client

	// account is whom the token belongs to, once that was read: it does not change.
	account atomic.Pointer[account]
}

// unmade is what a Client that [New] has not made calls: every call fails.
var unmade = rest.Unusable(provider)

// rest returns the pipeline of the client.
func (c *Client) rest() *rest.Client {
	if c == nil || c.api == nil {
		return unmade
	}
	return c.api
}

// New returns a client. It needs a credential: [WithToken] or [FromEnv]. What
// cannot work is refused here, with [errors.InvalidArgument].
func New(options ...Option) (*Client, error) {
	config, err := configure(options)
	if err != nil {
		return nil, err
	}
	api, err := rest.New(config)
	if err != nil {
		return nil, err
	}
	return &Client{api: api}, nil
}

// Close closes the idle connections of the client, unless they are those of a client that
// was given by [WithHTTPClient]. Calls that follow open new ones.
func (c *Client) Close() { c.rest().Close() }

// DeleteOrganization deletes an organization with a client of its own. See
// [Client.DeleteOrganization].
func DeleteOrganization(ctx context.Context, idOrSlug string, options ...Option) error {
	c, err := New(options...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.DeleteOrganization(ctx, idOrSlug)
}

// DeleteOrganization deletes an organization with all that it has, for good: apps,
// device enrollments, user assignments and history. It needs the permissions
// base.organization.management.get and base.organization.management.remove, and
// no subscription may be active.
//
// The organization is read first, and the deletion goes to the id that was read.
// Until then errors are those of [Client.GetOrganization]; after that their Target
// is the id.
//
// Errors, among those of every call:
//
//   - [errors.ActiveSubscriptions]: Applivery refuses because of them
//   - [errors.NotConfirmed]: the organization that answers is not the one that is named
//   - [errors.OrganizationNotFound]: there was none when the call was made, or the
//     token cannot see it
//   - [errors.OutcomeUnknown]: the answer was lost and nothing can be read
//
// Source: seed page; vendor's reference pages.
func (c *Client) DeleteOrganization(ctx context.Context, idOrSlug string) error {
	id, err := c.resolve(ctx, "DeleteOrganization", idOrSlug)
	if err != nil {
		return err
	}
	_, err = c.deleteProved(ctx, id)
	return err
}

// deleteProved deletes an organization by the ID that a read has confirmed, and reports
// whether a read has shown that it does not exist.
func (c *Client) deleteProved(ctx context.Context, id string) (proved bool, err error) {
	return c.rest().DeleteProved(ctx, rest.Deletion{
		Send:   func(ctx context.Context) error { return c.deleteOrganization(ctx, id) },
		Verify: func(ctx context.Context) (rest.Existence, error) { return c.look(ctx, id) },
	})
}

// look reads whether an organization is there.
func (c *Client) look(ctx context.Context, id string) (rest.Existence, error) {
	found, err := c.GetOrganization(ctx, id)
	if errors.Is(err, errors.OrganizationNotFound) {
		return rest.NotFound, nil
	}
	if err == nil {
		_, err = confirm("GetOrganization", id, found.ID, found.Slug)
	}
	if err != nil {
		return rest.Unknown, err
	}
	return rest.Exists, nil
}

// CheckDeletion returns the error that [Client.DeleteOrganization] would return
// now, as far as reads can tell, and changes nothing. Nil means that nothing is
// known to stand in the way, not that the deletion will succeed.
//
// Every subscription that has not ended is a step of [errors.ActiveSubscriptions],
// for Applivery does not document which of them keep a workspace. It needs the
// permission base.organization.management.get.
func (c *Client) CheckDeletion(ctx context.Context, idOrSlug string) error {
	found, err := c.GetWorkspace(ctx, idOrSlug)
	if err != nil {
		return err
	}
	if _, err := confirm("CheckDeletion", idOrSlug, found.Organization.ID, found.Organization.Slug); err != nil {
		return err
	}
	return deletionError(idOrSlug, found.Organization.Subscriptions, time.Now())
}
