// Package zitadel deletes organizations of a Zitadel instance through Zitadel's APIs v1 and
// v2, and reports the actual outcome.
//
// [DeleteOrganization] deletes one organization. A service creates a [Client] once and calls
// [Client.DeleteOrganization]. Zitadel deletes the users, projects and all other resources of
// an organization along with it, including the grants that it gave to other organizations.
// Two organizations cannot be deleted: the default organization of the instance, and the one
// that owns Zitadel's own project. Their errors are in category
// [errors.DeletionStepsNotSatisfied]. [Client.CheckDeletion] reads which organization is the
// default one, and changes nothing; no read shows the owner of Zitadel's own project.
//
// # APIs
//
//   - [Client.DeleteOrganization] uses the admin API v1, for an IAM_OWNER. Zitadel deprecates
//     this API since v4.0.0 and still serves it.
//   - [Client.DeleteOrganizationV2] uses the API v2, from v4.7.0 on. Zitadel answers with
//     success even if the organization never existed; the error is
//     [errors.OrganizationNotFound] then.
//   - [Client.DeleteMyOrganization] uses the management API v1, which servers of all versions
//     have.
//
// The latter two also accept an IAM_ORG_MANAGER, and an ORG_OWNER for its own organization;
// [Client.CheckDeletionV2] is the check for them. After a lost answer, all three read whether
// the organization still exists.
//
// The management API names an organization by the header x-zitadel-orgid only. If a proxy
// drops the header, Zitadel uses the caller's own organization. Therefore every call with the
// header compares it with the organization that the answer names, and reads the organization
// with the same header before a write. If they differ, the error is
// [errors.UnexpectedResponse], or [errors.NotConfirmed] before a deletion or a plan. If an
// answer names no organization, such as an empty list, the client reads again. Once in five
// minutes for each path, it also sends a request for an organization that does not exist:
// Zitadel refuses that request (AUTH-Bs7Ds) unless the header was dropped.
//
// # Cascades
//
// [Client.Plan] lists what Zitadel deletes along with an organization: its resources, the
// users of other organizations who lose roles, and the roles of its own users in other
// organizations. [Client.Teardown] applies the plan by the API that the credential may use. It
// reads everything again, requires the organization's name and an override for the caller's
// own organization, and reads that the organization no longer exists. See package teardown.
//
// [Client.Preview] counts some of these resources, and methods such as [Client.ListUsers],
// [Client.ListProjects] and [Client.ListAdministrators] list them. Lists show changes with a
// delay; [Client.WaitForDeletion] waits for them. [Client.GetMyUser] returns the organization
// of the credential's user. The credential ends with that organization.
//
// [Client.DeactivateOrganization] deactivates an organization instead, and
// [Client.ReactivateOrganization] undoes that. Users of an inactive organization cannot log
// in, but the tokens of its service accounts stay valid.
//
// # Errors
//
// Every error is an [*errors.Error]. Its ProviderCode is the ID that Zitadel gives to each
// place in its source that fails, such as "COMMA-wG9p1". The ID decides the code of the error,
// because one status has several meanings and texts are translated. A nil error of a deletion
// means that Zitadel answered with success, or that a read after a lost answer showed the
// deletion.
//
// # Retries
//
// Reads are retried after failures of the network and of the server. A deletion is sent again
// only if it was not sent, was refused by a rate limit, or a read shows that the organization
// still exists. If no read can decide, the error is [errors.OutcomeUnknown]. An example is a
// credential of a user of the organization itself, which ends with the organization.
//
// # Rate limit
//
// Zitadel announces no limits. The client does not wait for a quota that is used up or for an
// instance that is blocked, because neither ends within seconds.
package zitadel
