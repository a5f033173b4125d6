package zitadel

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

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
	return c.deleteVerified(ctx, orgID, c.deleteOrganization, func(ctx context.Context) (rest.Existence, *Organization, error) {
		return readExistence(ctx, orgID, c.GetOrganization)
	})
}

// deleteVerified deletes an organization by a route that answers with details, and reports whether
// that is proved.
func (c *Client) deleteVerified(ctx context.Context, orgID string,
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

// readExistence reads whether an organization is there, and what is left to be read of it. A
// read of an organization reports with these two IDs that it does not exist.
func readExistence(ctx context.Context, orgID string, read func(context.Context, string) (*Organization, error)) (rest.Existence, *Organization, error) {
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

// CheckDeletion returns the error that [Client.DeleteOrganization] would return
// now, as far as reads can tell, and changes nothing. Nil means that nothing is
// known to stand in the way, not that the deletion will succeed: which
// organization has Zitadel's own project is not read.
//
// It needs the permission iam.read.
func (c *Client) CheckDeletion(ctx context.Context, orgID string) error {
	const operation = "CheckDeletion"
	if err := checkID(operation, orgID); err != nil {
		return err
	}
	permissions, err := c.ListPermissions(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(permissions, "iam.write") {
		return missingPermission(operation, orgID, "iam.write")
	}
	refusal, err := c.checkDefault(ctx, operation, orgID)
	if err != nil {
		return err
	}
	if refusal != nil {
		return refusal
	}
	_, err = c.getExisting(ctx, operation, orgID)
	return err
}

// checkDefault returns the refusal of a deletion if an organization is the default one; nil
// if not. It needs the permission iam.read.
func (c *Client) checkDefault(ctx context.Context, operation, orgID string) (*errors.Error, error) {
	first, err := c.GetDefaultOrganization(ctx)
	switch {
	case err != nil:
		return nil, disproveNotFound(operation, orgID, err)
	case first.ID == orgID:
		return defaultOrganizationError(operation, orgID), nil
	}
	return nil, nil
}

// defaultOrganizationError is the refusal of the deletion of the default organization.
func defaultOrganizationError(operation, orgID string) *errors.Error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: orgID,
		Code: errors.DefaultOrganization, Steps: []errors.Step{steps[errors.DefaultOrganization]},
	}
}

// getExisting returns an organization, or an error when it is not there.
func (c *Client) getExisting(ctx context.Context, operation, orgID string) (*Organization, error) {
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

// idUnknownOrganization is the id of the error of a request that is made in an
// organization that Zitadel does not know.
const idUnknownOrganization = "AUTH-Bs7Ds"

// DeleteMyOrganization deletes an organization as [Client.DeleteOrganization] does,
// by the management API v1: for credentials that have no permission iam.write. It
// needs the permissions org.delete and org.read, which of Zitadel's own roles also
// an IAM_ORG_MANAGER has, and an ORG_OWNER for its own organization. Servers of all
// versions have it.
//
// The API deletes the organization that a request is made in, which is the
// caller's own unless a header says otherwise. Therefore the organization is read
// in the same way right before, and nothing is deleted when it is another one
// ([errors.NotConfirmed]). A header that is lost on the way of the deletion alone cannot be
// noticed before: [Client.DeleteOrganizationV2] has no such risk. The answer does not name
// the organization, so that a read decides. The error is nil only if the organization is
// read to have been deleted; or if three reads in a row are refused, the credential has no
// role in it any more and its own organization is another one, which still exists; or if it
// is the credential's own, and the credential is refused in three reads in a row. Otherwise the error is [errors.OutcomeUnknown], with what was
// answered: the credential's own organization may have been deleted instead.
//
// One that is not known is [errors.PermissionDenied]
// (AUTH-Bs7Ds), or [errors.OrganizationNotFound] where it is still read to have
// been deleted. Other errors are those of [Client.DeleteOrganization].
//
// An owner who deletes the organization that it belongs to loses its credential at
// once. When the answer is lost then, the error is [errors.OutcomeUnknown].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) DeleteMyOrganization(ctx context.Context, orgID string) (*ObjectDetails, error) {
	const operation = "DeleteMyOrganization"
	before, err := c.getHeaderOrganization(ctx, operation, orgID)
	if err != nil {
		return nil, err
	}
	home, err := c.getHome(ctx, operation, orgID)
	if err != nil {
		return nil, err
	}
	ctx = withVerified(ctx, orgID)
	gone := false // by a read: a refusal may be about the credential's own organization
	known := c.headerReader(orgID)
	read := func(ctx context.Context) (rest.Existence, *Organization, error) {
		existence, found, err := known(ctx)
		gone = existence == rest.NotFound
		return existence, found, err
	}
	details, _, err := c.deleteVerified(ctx, orgID, c.deleteMyOrganization, read)
	if err != nil || gone {
		return details, err
	}
	var unended error
	v := c.verification(operation, orgID, read, func(ctx context.Context, refusal error) (bool, error) {
		if home == orgID {
			return errors.Is(refusal, errors.Unauthenticated), nil
		}
		if !errors.Is(refusal, errors.PermissionDenied) || !isNextEvent(details, before) {
			return false, nil
		}
		// The role in the organization may have ended with it. The credential ends with its
		// own organization.
		unended = c.roleEnded(ctx, orgID, home)
		return unended == nil, nil
	})
	existence, err := v.Run(ctx)
	switch existence {
	case rest.NotFound:
		return details, nil
	case rest.Exists:
		err = errStillExists
	default:
		err = cmp.Or(unended, err)
	}
	return nil, &errors.Error{
		Provider: provider, Operation: operation, Target: c.rest().Shown(orgID), Code: errors.OutcomeUnknown,
		Err: &unprovedDeletionError{*details, home, err},
	}
}

// errStillExists is why a deletion that was answered with success proves nothing.
var errStillExists = errors.New("the organization still exists")

// isNextEvent reports whether a deletion was the next event of an organization, as far as both
// are numbered.
func isNextEvent(details *ObjectDetails, before *Organization) bool {
	return details.Sequence == 0 || before.Details.Sequence == 0 || details.Sequence == before.Details.Sequence+1
}

// unprovedDeletionError says what a deletion was answered, and why that proves nothing.
type unprovedDeletionError struct {
	details ObjectDetails
	home    string
	err     error
}

func (e *unprovedDeletionError) Error() string {
	text := fmt.Sprintf("the deletion was answered with the resource owner %q and the sequence %d", e.details.ResourceOwner, e.details.Sequence)
	if errors.Is(e.err, errStillExists) {
		return text + ", and the organization still exists"
	}
	return text + fmt.Sprintf(", and no read shows that the organization was deleted, and not %q, the credential's own", e.home)
}

func (e *unprovedDeletionError) Unwrap() error { return e.err }

// getHome returns the ID of the organization that the credential's user belongs to, which
// requests are made in that name none.
func (c *Client) getHome(ctx context.Context, operation, orgID string) (string, error) {
	me, err := c.GetMyUser(ctx)
	if err != nil {
		return "", disproveNotFound(operation, orgID, err)
	}
	if me.Details.ResourceOwner == "" {
		return "", &errors.Error{
			Provider: provider, Operation: operation, Target: orgID, Code: errors.UnexpectedResponse,
			Err: errors.New("it cannot be told which organization the credential belongs to"),
		}
	}
	return me.Details.ResourceOwner, nil
}

// roleEnded returns an error unless the credential is read to have no role in an organization
// in which it had one, and still to belong to its own organization.
func (c *Client) roleEnded(ctx context.Context, orgID, home string) error {
	me, err := c.GetMyUser(ctx)
	if err != nil {
		return err
	}
	if me.Details.ResourceOwner != home {
		return errors.New("the credential belongs to another organization")
	}
	for m, err := range c.ListMyMemberships(ctx) {
		if err != nil {
			return err
		}
		if m.OrgID == orgID || m.IAM {
			return errors.New("the credential still has a role that covers the organization")
		}
	}
	return nil
}

// DeleteOrganizationV2 deletes an organization as [Client.DeleteOrganization] does,
// by the API v2, and returns when. It needs the permission org.delete, which of
// Zitadel's own roles also an IAM_ORG_MANAGER has, and an ORG_OWNER for its own
// organization; and a server from v4.7.0 on. With an older one the error is
// [errors.RouteNotFound], and [Client.DeleteMyOrganization] does it.
//
// Zitadel answers with success also when there is no such organization, with a date
// in the year 1. That is [errors.OrganizationNotFound] here, as with every other
// deletion: a nil error means that Zitadel deleted the organization in this call, or
// that it was gone after the answer had been lost. The time is zero in the latter
// case, for which the permission org.read is needed. Other errors are those of
// [Client.DeleteOrganization]; an ORG_OWNER gets [errors.PermissionDenied] for
// every organization that is not its own, be it there or not.
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1.
func (c *Client) DeleteOrganizationV2(ctx context.Context, orgID string) (time.Time, error) {
	deleted, _, err := c.deleteProvedV2(ctx, orgID)
	return deleted, err
}

// deleteProvedV2 deletes an organization by the API v2, and reports whether a read has shown
// that it does not exist.
func (c *Client) deleteProvedV2(ctx context.Context, orgID string) (deleted time.Time, proved bool, err error) {
	const operation = "DeleteOrganizationV2"
	proved, err = c.rest().DeleteProved(ctx, rest.Deletion{
		Send: func(ctx context.Context) error {
			date, err := c.deleteOrganizationV2(ctx, orgID)
			if err != nil {
				return err
			}
			e := &errors.Error{Provider: provider, Operation: operation, Target: c.rest().Shown(orgID), Status: http.StatusOK, Attempts: 1}
			switch {
			case date == nil:
				e.Code, e.Err = errors.UnexpectedResponse, errors.New("the answer lacks deletionDate")
			case date.Year() <= 1:
				e.Code = errors.OrganizationNotFound
			case date.Unix() <= 0: // no date that a server means
				e.Code, e.Err = errors.UnexpectedResponse, errors.New("deletionDate is before Zitadel existed")
			default:
				deleted = *date
				return nil
			}
			return e
		},
		Verify: func(ctx context.Context) (rest.Existence, error) {
			existence, _, err := readExistence(ctx, orgID, c.GetMyOrganization)
			return existence, err
		},
	})
	return deleted, proved, err
}

// CheckDeletionV2 returns the error that [Client.DeleteOrganizationV2] would return
// now, as far as reads can tell without the permission iam.read, and changes
// nothing. Nil means that nothing is known to stand in the way, not that the deletion
// will succeed: what a role in another organization than its user's own permits is not
// read, nor is which organization has Zitadel's own project.
//
// It needs the permission org.read, in the default organization to tell that it is
// that, and a server from v2.59 on. With an older one the error is
// [errors.RouteNotFound].
func (c *Client) CheckDeletionV2(ctx context.Context, orgID string) error {
	const operation = "CheckDeletionV2"
	if err := checkID(operation, orgID); err != nil {
		return err
	}
	a, err := c.accessTo(ctx, orgID)
	if err != nil {
		return err
	}
	if _, err := c.getKnown(ctx, operation, orgID, a); err != nil {
		return err
	}
	if !a.canDelete {
		return missingPermission(operation, orgID, "org.delete")
	}
	refusal, err := c.checkDefaultV2(ctx, operation, orgID)
	if err != nil {
		return err
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

// getKnown returns an organization by the management API. Zitadel refuses a request that is
// made in an organization that does not exist (AUTH-Bs7Ds). To a credential that may
// delete all organizations of the instance that is [errors.OrganizationNotFound], as
// [Client.DeleteOrganizationV2] says; others are not told whether it exists.
func (c *Client) getKnown(ctx context.Context, operation, orgID string, a *access) (*Organization, error) {
	found, err := c.getHeaderOrganization(ctx, operation, orgID)
	e, ok := errors.AsType[*errors.Error](err)
	if ok && isUnknownOrganization(e) && a.instanceWide && a.canDelete {
		return nil, &errors.Error{
			Provider: provider, Operation: operation, Target: c.rest().Shown(orgID), Code: errors.OrganizationNotFound, Status: e.Status,
			ProviderCode: e.ProviderCode, Message: e.Message, RequestID: e.RequestID, Attempts: e.Attempts,
		}
	}
	return found, err
}

// isUnknownOrganization reports whether Zitadel says that the organization in the header of a request
// does not exist.
func isUnknownOrganization(e *errors.Error) bool {
	return e.ProviderCode == idUnknownOrganization && e.Status == http.StatusForbidden
}

// checkDefaultV2 returns the refusal of a deletion if an organization is the default one, as
// far as the credential may read that; nil if not.
func (c *Client) checkDefaultV2(ctx context.Context, operation, orgID string) (*errors.Error, error) {
	for first, err := range c.SearchOrganizationsV2(ctx, OrganizationQueryV2{DefaultQuery: true}) {
		if err != nil {
			return nil, disproveNotFound(operation, orgID, err)
		}
		if first.ID == orgID {
			return defaultOrganizationError(operation, orgID), nil
		}
	}
	return nil, nil
}

// verifyHeader reads the organization that requests are made in, and returns an error
// unless it is there and the one that is meant. A proxy that drops the header would
// have them made in the caller's own.
func (c *Client) requireHeaderOrganization(ctx context.Context, operation, orgID string) error {
	_, err := c.getHeaderOrganization(ctx, operation, orgID)
	return err
}

// getHeaderOrganization returns the organization that requests are made in, as confirm reads it.
func (c *Client) getHeaderOrganization(ctx context.Context, operation, orgID string) (*Organization, error) {
	if ctx != nil { // Do refuses a nil context
		ctx = withoutCheck(ctx)
	}
	found, err := c.GetMyOrganization(ctx, orgID)
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
		e.Code, e.Err = errors.NotConfirmed, errors.New("what was read is not about this organization")
	}
	return nil, e
}

// access is what a credential may do with an organization.
type access struct {
	permissions  []string // in its user's own organization
	home         string   // its user's own organization
	member       bool     // its user has a role in the organization itself
	instanceWide bool     // the permissions are for the whole instance

	adminReads   bool // by the admin API
	adminDeletes bool // by the admin API
	canDelete    bool // delete by the API v2 and the management API, as far as is known
}

// has reports whether a credential has all of some permissions.
func (a *access) has(permissions ...string) bool {
	return !slices.ContainsFunc(permissions, func(p string) bool { return !slices.Contains(a.permissions, p) })
}

// accessTo reads what the credential may do with an organization.
func (c *Client) accessTo(ctx context.Context, orgID string) (*access, error) {
	permissions, err := c.ListPermissions(ctx)
	if err != nil {
		return nil, err
	}
	a := &access{permissions: permissions}
	// Only roles in the instance have these.
	a.adminReads, a.adminDeletes = a.has("iam.read"), a.has("iam.write")
	a.instanceWide = a.adminReads || a.adminDeletes
	if a.adminDeletes {
		a.canDelete = true
		return a, nil
	}
	return a, c.readMemberships(ctx, a, orgID)
}

// readMemberships reads whether a credential without the permission iam.write may delete an
// organization. Its permissions are those of roles in its user's own organization and in
// the instance. Roles in another organization may have the permission org.delete, too.
func (c *Client) readMemberships(ctx context.Context, a *access, orgID string) error {
	me, err := c.GetMyUser(ctx)
	if err != nil {
		return err
	}
	a.home = me.Details.ResourceOwner
	for m, err := range c.ListMyMemberships(ctx) {
		if err != nil {
			return err
		}
		a.instanceWide = a.instanceWide || m.IAM
		a.member = a.member || m.OrgID == orgID
	}
	switch {
	case a.home == orgID:
		a.canDelete = a.has("org.delete")
	case a.instanceWide && a.has("org.delete"):
		// It can be of a role in its own organization only: then Zitadel refuses.
		a.canDelete = true
	default:
		a.canDelete = a.member
	}
	return nil
}

// missingPermission is the refusal of a deletion by a credential without the permission.
func missingPermission(operation, orgID, permission string) *errors.Error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: orgID,
		Code: errors.PermissionDenied, Err: errors.New("the permission " + permission + " is missing"),
	}
}

// checkID refuses an ID that cannot be sent in a body.
func checkID(operation, orgID string) error {
	if err := rest.Opaque(orgID); err != nil {
		return rest.Invalid(provider, operation, "", fmt.Errorf("orgId %w", err)) // which may be a token
	}
	return nil
}
