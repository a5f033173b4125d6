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

// DeleteOrganization permanently deletes an organization and all of its resources. The
// credential needs the permission iam.write, which only the role IAM_OWNER includes.
//
// The details are those of the deletion, with the instance's ID as ResourceOwner. If the
// answer was lost and a read showed the deletion, the details are those of the read, with the
// organization's own ID as ResourceOwner, or zero if the read had none. The details are nil
// only if the error is not nil.
//
// Errors, in addition to those of every call:
//
//   - [errors.DefaultOrganization]: another organization must become the default one first
//   - [errors.SystemOrganization]: the organization owns Zitadel's own project and cannot be
//     deleted
//   - [errors.OrganizationNotFound]: the organization did not exist when the call started
//   - [errors.PermissionDenied]: a permission is missing, also if Zitadel answers 404
//   - [errors.OutcomeUnknown]: the answer was lost, and no read could decide
//
// After a lost answer or a 5xx, DeleteOrganization reads the organization, which requires the
// permission iam.read.
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) DeleteOrganization(ctx context.Context, orgID string) (*ObjectDetails, error) {
	details, _, err := c.deleteProved(ctx, orgID)
	return details, err
}

// deleteProved deletes an organization, and reports whether a read has shown that the
// organization does not exist.
func (c *Client) deleteProved(ctx context.Context, orgID string) (*ObjectDetails, bool, error) {
	return c.deleteVerified(ctx, "DeleteOrganization", orgID, c.deleteOrganization, func(ctx context.Context) (rest.Existence, *Organization, error) {
		return readExistence(ctx, orgID, c.GetOrganization)
	})
}

// deleteVerified deletes an organization by an API whose answer has details, and reports
// whether a read has shown that the organization does not exist.
func (c *Client) deleteVerified(ctx context.Context, operation, orgID string,
	send func(context.Context, string) (*ObjectDetails, error),
	verify func(context.Context) (rest.Existence, *Organization, error),
) (details *ObjectDetails, proved bool, err error) {
	details = new(ObjectDetails)
	proved, err = c.rest().DeleteProved(ctx, rest.Deletion{
		Operation: operation,
		Send: func(ctx context.Context) error {
			answered, err := send(ctx, orgID)
			if err == nil {
				details = answered
			}
			return err
		},
		Verify: func(ctx context.Context) (rest.Existence, error) {
			existence, found, err := verify(ctx)
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

// readExistence reads whether an organization exists, and returns the fields of the read, also
// of a deleted organization. QUERY-leq5Q and QUERY-iTTGJ are the IDs of the errors by which
// Zitadel reports that an organization does not exist.
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

// existence reports whether an organization that was read is the requested one and exists.
// Zitadel also returns a deleted organization, with its details and without a state.
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

// CheckDeletion returns the error that [Client.DeleteOrganization] would return now, as far as
// reads show, and changes nothing. Nil means that no blocker is known; the deletion can fail
// all the same. CheckDeletion does not read which organization owns Zitadel's own project.
//
// CheckDeletion needs the permission iam.read.
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

// checkDefault returns the refusal of a deletion if an organization is the default one, and
// nil otherwise. It needs the permission iam.read.
func (c *Client) checkDefault(ctx context.Context, operation, orgID string) (*errors.Error, error) {
	first, err := c.GetDefaultOrganization(ctx)
	switch {
	case err != nil:
		return nil, unexpectedNotFound(operation, orgID, err)
	case first.ID == orgID:
		return defaultOrganizationError(operation, orgID), nil
	}
	return nil, nil
}

// defaultOrganizationError returns the refusal of the deletion of the default organization.
func defaultOrganizationError(operation, orgID string) *errors.Error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: orgID,
		Code: errors.DefaultOrganization, Steps: []errors.Step{steps[errors.DefaultOrganization]},
	}
}

// getExisting returns an organization, or an error if the organization does not exist.
func (c *Client) getExisting(ctx context.Context, operation, orgID string) (*Organization, error) {
	found, err := c.GetOrganization(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return requireExisting(operation, orgID, found, errors.UnexpectedResponse)
}

// requireExisting returns an organization that a read has found, or an error if it is deleted.
// other is the code of the error if the read is about another organization.
func requireExisting(operation, orgID string, found *Organization, other errors.Code) (*Organization, error) {
	e := &errors.Error{Provider: provider, Operation: operation, Target: orgID}
	switch existence(orgID, found) {
	case rest.Exists:
		return found, nil
	case rest.NotFound:
		e.Code = errors.OrganizationNotFound
	default:
		e.Code, e.Err = other, errors.New("the read is about another organization")
	}
	return nil, e
}

// idUnknownOrganization is the ID of the error of a request whose header names an organization
// that Zitadel does not know.
const idUnknownOrganization = "AUTH-Bs7Ds"

// DeleteMyOrganization deletes an organization as [Client.DeleteOrganization] does, by the
// management API v1. It needs the permissions org.delete and org.read, and not iam.write: the
// role IAM_ORG_MANAGER includes them, and so does ORG_OWNER for its own organization. Servers
// of all versions have this API.
//
// The API deletes the organization that a header names, and the caller's own organization
// without the header. Therefore DeleteMyOrganization first reads the organization by the same
// header, and deletes nothing if the answer is about another organization
// ([errors.NotConfirmed]). A header that is dropped from the deletion only cannot be detected
// before; [Client.DeleteOrganizationV2] has no such risk.
//
// The answer does not name the organization, so a read decides. The error is nil only in one
// of these cases:
//
//   - A read shows that the organization was deleted.
//   - The credential belongs to another organization, which still exists; three reads in a row
//     are refused, and the credential has no role in the deleted organization any more.
//   - The credential belongs to the deleted organization, and three reads in a row refuse the
//     credential.
//
// Otherwise the error is [errors.OutcomeUnknown] with the content of the answer: Zitadel may
// have deleted the credential's own organization instead.
//
// For an unknown organization, the error is [errors.PermissionDenied] (AUTH-Bs7Ds), or
// [errors.OrganizationNotFound] if a read shows that the organization was deleted. Other
// errors are those of [Client.DeleteOrganization].
//
// If the credential belongs to the organization, the credential ends with the deletion. If the
// answer is lost as well, the error is [errors.OutcomeUnknown].
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
	deleted := false // shown by a read; a refusal may be about the credential's own organization
	readByHeader := c.headerReader(orgID)
	read := func(ctx context.Context) (rest.Existence, *Organization, error) {
		existence, found, err := readByHeader(ctx)
		deleted = existence == rest.NotFound
		return existence, found, err
	}
	details, _, err := c.deleteVerified(ctx, "DeleteMyOrganization", orgID, c.deleteMyOrganization, read)
	if err != nil || deleted {
		return details, err
	}
	var roleErr error
	v := c.verification(operation, orgID, read, func(ctx context.Context, refusal error) (bool, error) {
		if home == orgID {
			return errors.Is(refusal, errors.Unauthenticated), nil
		}
		if !errors.Is(refusal, errors.PermissionDenied) || !isNextEvent(details, before) {
			return false, nil
		}
		// The role can end with the organization. The credential ends with its own
		// organization only.
		roleErr = c.roleEnded(ctx, orgID, home)
		return roleErr == nil, nil
	})
	existence, err := v.Run(ctx)
	switch existence {
	case rest.NotFound:
		return details, nil
	case rest.Exists:
		err = errStillExists
	default:
		err = cmp.Or(roleErr, err)
	}
	return nil, &errors.Error{
		Provider: provider, Operation: operation, Target: c.rest().Shown(orgID), Code: errors.OutcomeUnknown,
		Err: &unprovedDeletionError{*details, home, err},
	}
}

// errStillExists is the cause of the error if an organization still exists after its deletion
// was answered with success.
var errStillExists = errors.New("the organization still exists")

// isNextEvent reports whether a deletion is the next event of an organization. It returns true
// if a sequence number is missing.
func isNextEvent(details *ObjectDetails, before *Organization) bool {
	return details.Sequence == 0 || before.Details.Sequence == 0 || details.Sequence == before.Details.Sequence+1
}

// unprovedDeletionError has the content of an answer to a deletion, and the reason why the
// answer proves nothing.
type unprovedDeletionError struct {
	details ObjectDetails
	home    string
	err     error
}

func (e *unprovedDeletionError) Error() string {
	text := fmt.Sprintf("Zitadel answered the deletion with the resource owner %q and the sequence %d", e.details.ResourceOwner, e.details.Sequence)
	if errors.Is(e.err, errStillExists) {
		return text + ", and the organization still exists"
	}
	return text + fmt.Sprintf(", and no read shows whether the deleted organization is this one or the credential's own, %q", e.home)
}

func (e *unprovedDeletionError) Unwrap() error { return e.err }

// getHome returns the ID of the organization that the credential's user belongs to. Zitadel
// uses this organization for requests without the header.
func (c *Client) getHome(ctx context.Context, operation, orgID string) (string, error) {
	me, err := c.GetMyUser(ctx)
	if err != nil {
		return "", unexpectedNotFound(operation, orgID, err)
	}
	if me.Details.ResourceOwner == "" {
		return "", &errors.Error{
			Provider: provider, Operation: operation, Target: orgID, Code: errors.UnexpectedResponse,
			Err: errors.New("the answer does not name the organization of the credential's user"),
		}
	}
	return me.Details.ResourceOwner, nil
}

// roleEnded returns an error unless reads show that the credential still belongs to its own
// organization, and has no role in an organization in which it had one.
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

// DeleteOrganizationV2 deletes an organization as [Client.DeleteOrganization] does, by the API
// v2, and returns the time of the deletion. It needs the permission org.delete, which the role
// IAM_ORG_MANAGER includes, and ORG_OWNER for its own organization. It requires a server from
// v4.7.0 on. With an older server the error is [errors.RouteNotFound]; use
// [Client.DeleteMyOrganization] there.
//
// If the organization does not exist, Zitadel answers with success and a date in the year 1.
// The error is [errors.OrganizationNotFound] then. A nil error means that Zitadel deleted the
// organization in this call, or that a read after a lost answer showed the deletion. After a
// lost answer the time is zero, and the read requires the permission org.read. Other errors
// are those of [Client.DeleteOrganization]. An ORG_OWNER gets [errors.PermissionDenied] for
// every other organization, whether it exists or not.
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1.
func (c *Client) DeleteOrganizationV2(ctx context.Context, orgID string) (time.Time, error) {
	deleted, _, err := c.deleteProvedV2(ctx, orgID)
	return deleted, err
}

// deleteProvedV2 deletes an organization by the API v2, and reports whether a read has shown
// that the organization does not exist.
func (c *Client) deleteProvedV2(ctx context.Context, orgID string) (deleted time.Time, proved bool, err error) {
	const operation = "DeleteOrganizationV2"
	proved, err = c.rest().DeleteProved(ctx, rest.Deletion{
		Operation: operation,
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
			case date.Unix() <= 0: // no server of Zitadel has this date
				e.Code, e.Err = errors.UnexpectedResponse, errors.New("deletionDate is before 1970")
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

// CheckDeletionV2 returns the error that [Client.DeleteOrganizationV2] would return now, as
// far as reads without the permission iam.read show, and changes nothing. Nil means that no
// blocker is known; the deletion can fail all the same. CheckDeletionV2 reads neither the
// permissions of roles in other organizations than the user's own, nor which organization owns
// Zitadel's own project.
//
// CheckDeletionV2 needs the permission org.read, and detects the default organization only if
// the credential has org.read there. It requires a server from v2.59 on. With an older server
// the error is [errors.RouteNotFound].
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

// getKnown returns an organization by the management API. Zitadel refuses a request whose
// header names an organization that does not exist (AUTH-Bs7Ds). If the credential can delete
// all organizations of the instance, the refusal becomes [errors.OrganizationNotFound], as in
// [Client.DeleteOrganizationV2]. To other credentials, Zitadel does not show whether the
// organization exists.
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

// getByAccess returns an organization that exists, by the API that the credential may read.
func (c *Client) getByAccess(ctx context.Context, operation, orgID string, a *access) (*Organization, error) {
	if a.adminReads {
		return c.getExisting(ctx, operation, orgID)
	}
	return c.getKnown(ctx, operation, orgID, a)
}

// isUnknownOrganization reports whether Zitadel refused a request because its header names an
// organization that does not exist.
func isUnknownOrganization(e *errors.Error) bool {
	return e.ProviderCode == idUnknownOrganization && e.Status == http.StatusForbidden
}

// checkDefaultV2 returns the refusal of a deletion if an organization is the default one and
// the credential can read it, and nil otherwise.
func (c *Client) checkDefaultV2(ctx context.Context, operation, orgID string) (*errors.Error, error) {
	for first, err := range c.SearchOrganizationsV2(ctx, OrganizationQueryV2{DefaultQuery: true}) {
		if err != nil {
			return nil, unexpectedNotFound(operation, orgID, err)
		}
		if first.ID == orgID {
			return defaultOrganizationError(operation, orgID), nil
		}
	}
	return nil, nil
}

// requireHeaderOrganization reads the organization that requests with the header reach, and
// returns an error unless the requested organization exists. If a proxy drops the header,
// requests reach the caller's own organization.
func (c *Client) requireHeaderOrganization(ctx context.Context, operation, orgID string) error {
	_, err := c.getHeaderOrganization(ctx, operation, orgID)
	return err
}

// getHeaderOrganization returns the organization that requireHeaderOrganization reads.
func (c *Client) getHeaderOrganization(ctx context.Context, operation, orgID string) (*Organization, error) {
	if ctx != nil { // Do returns an error for a nil context
		ctx = withoutCheck(ctx)
	}
	found, err := c.GetMyOrganization(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return requireExisting(operation, orgID, found, errors.NotConfirmed)
}

// access is what a credential may do with an organization.
type access struct {
	permissions  []string // of roles in the user's own organization and in the instance
	home         string   // ID of the user's own organization
	member       bool     // the user has a role in the organization itself
	instanceWide bool     // the permissions apply to the whole instance

	adminReads   bool // may read by the admin API
	adminDeletes bool // may delete by the admin API
	canDelete    bool // may delete by the API v2 and the management API, as far as reads show
}

// has reports whether a credential has all given permissions.
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
	// Only roles in the instance include these permissions.
	a.adminReads, a.adminDeletes = a.has("iam.read"), a.has("iam.write")
	a.instanceWide = a.adminReads || a.adminDeletes
	if a.adminDeletes {
		a.canDelete = true
		return a, nil
	}
	return a, c.readMemberships(ctx, a, orgID)
}

// readMemberships reads whether a credential without the permission iam.write may delete an
// organization. Zitadel lists the permissions of roles in the user's own organization and in
// the instance. A role in another organization can also include org.delete.
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
		// If org.delete comes from a role in the user's own organization, Zitadel refuses
		// the deletion.
		a.canDelete = true
	default:
		a.canDelete = a.member
	}
	return nil
}

// missingPermission returns the refusal of a deletion by a credential without a permission.
func missingPermission(operation, orgID, permission string) *errors.Error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: orgID,
		Code: errors.PermissionDenied, Err: errors.New("the permission " + permission + " is missing"),
	}
}

// checkID refuses an ID that a request body must not contain.
func checkID(operation, orgID string) error {
	if err := rest.Opaque(orgID); err != nil {
		return rest.Invalid(provider, operation, "", fmt.Errorf("orgID %w", err)) // the ID itself may be a token
	}
	return nil
}
