// Package zitadel deletes organizations of a Zitadel instance, and says truly
// what became of them.
//
// [DeleteOrganization] is one line; a service makes a [Client] once and calls
// [Client.DeleteOrganization]. Nothing has to be cleared before: users, projects
// and all else go with their organization, the grants that it gave to others
// included. What stands in the way nevertheless comes as an error that is
// [errors.DeletionStepsNotSatisfied]: the default organization of an instance has
// to stay, and so has the one of Zitadel's own project. [Client.CheckDeletion]
// asks without changing anything.
//
// # Three routes
//
// [Client.DeleteOrganization] speaks the admin API v1, which Zitadel calls
// deprecated since v4.0.0 and still serves: for an IAM_OWNER.
// [Client.DeleteOrganizationV2] speaks its successor, which answers with success
// also for an organization that never existed; here that is
// [errors.OrganizationNotFound]. [Client.DeleteMyOrganization] speaks the management
// API v1, which servers of all versions have. The latter two are open to an
// IAM_ORG_MANAGER, and to an ORG_OWNER for its own organization. All three find out
// what became of a deletion whose answer was lost. [Client.CheckDeletionV2] asks what
// stands in the way of the latter two.
//
// The management API names an organization by the header x-zitadel-orgid only, which
// some proxies drop: then Zitadel takes the caller's own. Every call of this package
// with the header compares the organization that its answer names, and reads the
// organization with the same header before a write: another one is
// [errors.UnexpectedResponse], or [errors.NotConfirmed] before a deletion or a plan. An
// answer that names no organization, such as an empty list, is read again, and a request
// for an organization that does not exist shows, once in five minutes for each path, that
// the header arrives: Zitadel refuses that request (AUTH-Bs7Ds).
//
// # What is deleted along with an organization
//
// [Client.Plan] names all that is deleted along with an organization as data that can be
// reviewed and kept: what it has, the users of other organizations who lose something,
// and what its own users have elsewhere. [Client.Teardown] carries the plan out, by the
// route that the credential may use: it reads all of it again, asks for the
// organization's name and for the caller's own organization to be permitted, and reads in
// the end that the organization no longer exists. See package teardown.
//
// [Client.Preview] counts some of it, and methods such as [Client.ListUsers],
// [Client.ListProjects] and [Client.ListAdministrators] list it. Lists follow changes
// after some time; [Client.WaitForDeletion] waits for them. [Client.GetMyUser] tells the
// organization that the credential ends with.
//
// An organization can be deactivated instead, by [Client.DeactivateOrganization],
// which is undone by [Client.ReactivateOrganization]. Its users cannot log in then,
// but the tokens of its service accounts stay good.
//
// # What an error means
//
// Every error is an [*errors.Error]. Its ProviderCode is the id that Zitadel gives
// to every place that fails, such as "COMMA-wG9p1", and decides: the same status
// stands for many things, and texts are translated. A nil error means that Zitadel
// answered that the organization is deleted, or that it was read to be gone after
// the answer to a deletion had been lost.
//
// # Retries
//
// Reads are repeated after failures of the network and of the server. A deletion
// is repeated only when it is known not to have taken place: it was not sent,
// it was refused by a rate limit, or a read says that the organization is still
// there. When nothing can be read the error is [errors.OutcomeUnknown]. That is so
// where the credential belongs to a user of the organization: it ends with it.
//
// # Rate limit
//
// Zitadel says nothing of limits until they are reached. A quota that is used up
// and an instance that is blocked are no matter of seconds and are not waited for.
package zitadel

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// Client speaks to an instance of Zitadel. It is safe for concurrent use; make one
// with [New].
type Client struct {
	api      api
	instance string // its address
}

// unmade is what a Client that [New] has not made calls: every call fails.
var unmade = rest.Unusable(provider)

// rest returns the pipeline of the client.
func (c *Client) rest() api {
	if c == nil || c.api.Client == nil {
		return api{Client: unmade}
	}
	return c.api
}

// New returns a client. It needs the instance's address and a credential:
// [WithBaseURL] and one of [WithToken], [WithKey], [WithKeyFile] and
// [WithClientCredentials], or [FromEnv]. What cannot work is refused here, with
// [errors.InvalidArgument].
func New(options ...Option) (*Client, error) {
	config, err := configure(options)
	if err != nil {
		return nil, err
	}
	client, err := rest.New(*config)
	if err != nil {
		return nil, err
	}
	return &Client{api: api{client, new(arrivals)}, instance: rest.NormalizeURL(config.BaseURL)}, nil
}

// Close closes the idle connections of the client, unless they are those of a client that
// was given by [WithHTTPClient]. Calls that follow open new ones.
func (c *Client) Close() { c.rest().Close() }

// DeleteOrganization deletes an organization with a client of its own. See
// [Client.DeleteOrganization].
func DeleteOrganization(ctx context.Context, orgID string, options ...Option) (*ObjectDetails, error) {
	c, err := New(options...)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.DeleteOrganization(ctx, orgID)
}

// DeleteOrganization deletes an organization with all that it has, for good. The
// credential needs the permission iam.write, which of Zitadel's own roles only
// IAM_OWNER has.
//
// The details are those of the deletion, and not nil unless there is an error.
// Their ResourceOwner is the id of the instance. When the answer was lost and the
// deletion was found out otherwise, they are what a read told, with the
// organization's own id as ResourceOwner, or zero.
//
// Errors, among those of every call:
//
//   - [errors.DefaultOrganization]: another one has to become the default first
//   - [errors.SystemOrganization]: it has Zitadel's own project and has to stay
//   - [errors.OrganizationNotFound]: there was none when the call was made
//   - [errors.PermissionDenied]: also where Zitadel answers 404
//   - [errors.OutcomeUnknown]: the answer was lost and nothing can be read
//
// After a lost answer or a 5xx the organization is read, which needs the
// permission iam.read.
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) DeleteOrganization(ctx context.Context, orgID string) (*ObjectDetails, error) {
	details, _, err := c.deleteProved(ctx, orgID)
	return details, err
}

// deleteProved deletes an organization, and reports whether a read has shown that it does
// not exist.
func (c *Client) deleteProved(ctx context.Context, orgID string) (*ObjectDetails, bool, error) {
	return c.remove(ctx, orgID, c.deleteOrganization, func(ctx context.Context) (rest.Existence, *Organization, error) {
		return look(ctx, orgID, c.GetOrganization)
	})
}

// remove deletes an organization by a route that answers with details, and reports whether
// that is proved.
func (c *Client) remove(ctx context.Context, orgID string,
	send func(context.Context, string) (*ObjectDetails, error),
	look func(context.Context) (rest.Existence, *Organization, error),
) (details *ObjectDetails, proved bool, err error) {
	details = new(ObjectDetails)
	proved, err = c.rest().DeleteProved(ctx, rest.Deletion{
		Send: func(ctx context.Context) error {
			answered, err := send(ctx, orgID)
			if err == nil {
				details = answered
			}
			return err
		},
		Verify: func(ctx context.Context) (rest.Existence, error) {
			existence, found, err := look(ctx)
			if existence == rest.NotFound && found != nil {
				*details = found.Details
			}
			return existence, err
		},
	})
	if err != nil {
		return nil, false, err
	}
	return details, proved, nil
}

// look reads whether an organization is there, and what is left to be read of it. A
// read of an organization reports with these two IDs that it does not exist.
func look(ctx context.Context, orgID string, read func(context.Context, string) (*Organization, error)) (rest.Existence, *Organization, error) {
	found, err := read(ctx, orgID)
	e, ok := errors.AsType[*errors.Error](err)
	if ok && e.Code == errors.OrganizationNotFound && (e.ProviderCode == "QUERY-leq5Q" || e.ProviderCode == "QUERY-iTTGJ") {
		return rest.NotFound, nil, nil
	}
	if err != nil {
		return rest.Unknown, nil, err
	}
	return existence(orgID, found), found, nil
}

// existence is what an organization that was read says of the one that was asked
// for. One that was deleted is still read, without a state, and with its details.
func existence(orgID string, found *Organization) rest.Existence {
	if found.ID != orgID {
		return rest.Unknown
	}
	switch found.State {
	case OrganizationStateActive, OrganizationStateInactive:
		return rest.Exists
	case "":
		if found.Details.ResourceOwner == orgID {
			return rest.NotFound
		}
	}
	return rest.Unknown
}

// UnmarshalJSON reads a state. One that is null or empty is no state, and not the same as
// none, by which Zitadel shows that an organization was deleted.
func (s *OrganizationState) UnmarshalJSON(data []byte) error {
	if string(data) == "null" || string(data) == `""` {
		return errors.New("zitadel: a state is empty")
	}
	return json.Unmarshal(data, (*string)(s))
}

// CheckDeletion returns the error that [Client.DeleteOrganization] would return
// now, as far as reads can tell, and changes nothing. Nil means that nothing is
// known to stand in the way, not that the deletion will succeed: which
// organization has Zitadel's own project is not read.
//
// It needs the permission iam.read.
func (c *Client) CheckDeletion(ctx context.Context, orgID string) error {
	const operation = "CheckDeletion"
	if err := invalidID(operation, orgID); err != nil {
		return err
	}
	permissions, err := c.ListPermissions(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(permissions, "iam.write") {
		return denied(operation, orgID, "iam.write")
	}
	refusal, err := c.isDefault(ctx, operation, orgID)
	if err != nil {
		return err
	}
	if refusal != nil {
		return refusal
	}
	_, err = c.existing(ctx, operation, orgID)
	return err
}

// isDefault returns the refusal of a deletion if an organization is the default one; nil
// if not. It needs the permission iam.read.
func (c *Client) isDefault(ctx context.Context, operation, orgID string) (*errors.Error, error) {
	first, err := c.GetDefaultOrganization(ctx)
	switch {
	case err != nil:
		return nil, elsewhere(operation, orgID, err)
	case first.ID == orgID:
		return isFirst(operation, orgID), nil
	}
	return nil, nil
}

// isFirst is the refusal of the deletion of the default organization.
func isFirst(operation, orgID string) *errors.Error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: orgID,
		Code: errors.DefaultOrganization, Steps: []errors.Step{steps[errors.DefaultOrganization]},
	}
}

// existing returns an organization, or an error when it is not there.
func (c *Client) existing(ctx context.Context, operation, orgID string) (*Organization, error) {
	found, err := c.GetOrganization(ctx, orgID)
	if err != nil {
		return nil, err
	}
	e := &errors.Error{Provider: provider, Operation: operation, Target: orgID}
	switch existence(orgID, found) {
	case rest.Exists:
		return found, nil
	case rest.NotFound:
		e.Code = errors.OrganizationNotFound
	default:
		e.Code, e.Err = errors.UnexpectedResponse, errors.New("what was read is not about this organization")
	}
	return nil, e
}

// address returns the instance's address; "" for a client that New has not made.
func (c *Client) address() string {
	if c == nil {
		return ""
	}
	return c.instance
}
