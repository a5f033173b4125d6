// Package workspace deletes workspaces at Applivery and reports the actual outcome.
// Applivery's API and this package call a workspace an organization.
//
// [DeleteOrganization] deletes one organization. A service creates a [Client] once and calls
// [Client.DeleteOrganization]. Only active subscriptions block a deletion: the error has the
// code [errors.ActiveSubscriptions]. No API cancels a subscription; cancel it in Applivery's
// dashboard. [Client.CheckDeletion] finds subscriptions without changing anything.
//
// # Errors
//
// Every error is an [*errors.Error]. ProviderCode is Applivery's number in decimal digits. A
// nil error means that Applivery confirmed the deletion, or that a read after a lost answer
// or a 5xx showed it.
//
// # IDs and slugs
//
// An organization is named by its ID of 24 hexadecimal digits, or by its slug. Every write
// reads the organization first and sends the ID that was read. A text of 24 hexadecimal
// digits is taken as an ID: if the organization that answers has another ID, the error is
// [errors.NotConfirmed] and no write is sent.
//
// # Organization contents
//
// Applivery deletes an organization with its collaborators, apps, stores and segments. The
// List methods and [Client.GetWorkspace] read them before. A list reads all pages and trusts
// neither the requested limit nor HasNextPage. Applivery has one code for every resource that
// does not exist. So a call that names an app or a device in addition to its organization
// returns [errors.NotFound]; it returns [errors.OrganizationNotFound] only if the answer names
// the organization.
//
// [Client.DeleteApp] deletes one app. [Client.DisenrollAOSPDevice] requests the disenrollment
// of a device, and [Client.WaitForDevices] waits until the devices are removed. Whether
// Applivery disenrolls the devices of a deleted organization is not documented.
// [Client.ChangeOwner] transfers an organization instead of deleting it.
//
// # Teardown
//
// [Client.Plan] reads all of this and changes nothing: each subscription is a manual step, and
// everything else is counted as a cascade. [Client.Teardown] deletes the organization once
// every subscription has ended, and reads that the organization does not exist.
//
// # Retries
//
// Reads are retried after failures of the network and of the server. A deletion is sent again
// only if it was not sent, was refused by the rate limit, or a read shows that the
// organization still exists. If no read can decide, the error is [errors.OutcomeUnknown]. An
// example is a service account of the workspace: Applivery deletes it with the workspace, and
// refuses its token from then on.
//
// # Rate limit
//
// Applivery documents 10,000 requests an hour, and no answer states the remaining number. After
// a refusal, the rate limiter of the client delays all its calls. Share one client.
package workspace
