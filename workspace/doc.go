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
