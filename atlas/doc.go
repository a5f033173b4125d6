// Package atlas deletes MongoDB Atlas organizations through the Atlas Administration API v2
// and reports the actual outcome.
//
// [DeleteOrganization] deletes one organization. A service creates a [Client] once and calls
// [Client.DeleteOrganization]. Projects, live migrations and due payments block a deletion;
// the error is in category [errors.DeletionStepsNotSatisfied]. [Client.CheckDeletion] finds
// projects and failed invoices without changing anything.
//
// # Blockers
//
// An organization can be deleted when it has no projects ([Client.ListProjects]), and a
// project when it has no blockers. [Client.ListBlockers] lists the blockers of a project, of
// all kinds and in the order of their removal, with the arguments of the operation that
// removes each: [Client.DeleteCluster], [Client.DeleteStreamProcessor],
// [Client.DeletePrivateEndpoint] and so on. Most resources still exist when Atlas has accepted
// their deletion; [Client.WaitForDeletion] waits until they are deleted. No operation removes
// the protection of a backup compliance policy, pays an invoice or ends a live migration.
// Flex clusters replace serverless instances.
//
// Each of these operations sends one request. If the answer is lost, the error is
// [errors.OutcomeUnknown], and ListBlockers shows the remaining resources. If the deletion was
// requested before, the error is [errors.AlreadyRequestedDeletion].
//
// # Teardown
//
// [Client.Plan] lists the blockers of all projects as a plan to review. [Client.Teardown]
// applies the plan: it removes each resource after its predecessors are deleted, and then
// deletes the organization. See package teardown.
//
// # Errors
//
// Every error is an [*errors.Error]. ProviderCode is Atlas's errorCode, unchanged. Code has
// the same meaning at all providers and can differ from the category of the HTTP status. A nil
// error of [Client.DeleteOrganization] means that Atlas answered with the documented 204, or
// that a read after any other answer found the organization deleted. [Client.Teardown] reads
// after every answer.
//
// # Retries
//
// Reads are retried after network and server failures. A deletion is sent again only if it was
// not sent, was refused by the rate limit or during an upgrade, or a read shows that the
// organization still exists. If no read can decide, the error is [errors.OutcomeUnknown]. An
// example is a credential of the organization itself: after the deletion Atlas answers 401,
// which proves nothing. A credential of another organization that can access this organization
// can still read.
//
// # Rate limit
//
// Atlas has a token bucket for each set of endpoints. The buckets refill every minute, and
// many answers report the remaining tokens. The client follows these reports per operation, for
// all its calls together, so share one client. The token endpoint permits 10 requests per
// minute; a client sends one request per hour.
package atlas
