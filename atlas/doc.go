// Package atlas deletes organizations at MongoDB Atlas, by version 2 of its
// Administration API, and says truly what became of them.
//
// [DeleteOrganization] is one line; a service makes a [Client] once and calls
// [Client.DeleteOrganization]. What stands in the way of a deletion comes as an
// error below [errors.DeletionStepsNotSatisfied]: projects, a live migration, or
// a payment. [Client.CheckDeletion] asks without changing anything, and names
// each project.
//
// # What is left
//
// An organization can be deleted once it has no projects ([Client.ListProjects]), and
// a project once nothing is left in it that Atlas runs or keeps.
// [Client.ListBlockers] finds that, of all kinds and in the order in which it has to go,
// and says what the operation that removes it takes: [Client.DeleteCluster],
// [Client.DeleteStreamProcessor], [Client.DeletePrivateEndpoint] and so on. Most of it
// is still there when its deletion was accepted; [Client.WaitForDeletion] waits until it
// is not. A backup compliance policy, an unpaid invoice and a running live migration
// are not for this API to end. Serverless instances are flex clusters by now.
//
// These operations do one request each, and do not find out what became of one whose
// answer was lost: that is [errors.OutcomeUnknown], and what is left tells. A deletion
// that was begun before is [errors.AlreadyRequestedDeletion].
//
// # Teardown
//
// [Client.Plan] names all of that, in every project, as a plan to be reviewed, and
// [Client.Teardown] carries it out: it removes each thing once what it goes after is
// gone, waits, and deletes the organization. See package teardown.
//
// # What an error means
//
// Every error is an [*errors.Error]. Its ProviderCode is Atlas's own errorCode,
// verbatim; its code says the same in the words that all providers share, also
// where Atlas's status says something else. A nil error of
// [Client.DeleteOrganization] means that Atlas accepted the deletion with the answer that
// it documents for one that is done, or that a read found the organization deleted after
// any other answer. [Client.Teardown] reads after every answer.
//
// # Retries
//
// Reads are repeated after failures of the network and of the server. A deletion
// is repeated only when it is known not to have taken place: it was not sent,
// it was refused by the rate limit or during an upgrade, or a read says that the
// organization is still there. When nothing can be read the error is
// [errors.OutcomeUnknown]. That is so for a credential of the organization
// itself, which ends with it: from then on Atlas answers 401, and that proves
// nothing. A credential of another organization that reaches this one can read.
//
// # Rate limit
//
// Atlas has a bucket for each set of endpoints, which fills by the minute, and
// says in many answers how much of it is left. The client follows that for each
// operation, for all its calls together: share one. The endpoint for tokens
// permits 10 requests a minute, of which a client that is shared needs one an
// hour.
package atlas
