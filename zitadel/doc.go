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
