// Package katapult deletes managed organizations at Katapult, shows and removes what
// stands in the way, and says truly what became of them.
//
// [DeleteOrganization] is one line; a service makes a [Client] once and calls
// [Client.DeleteOrganization]. What stands in the way of a deletion comes as an
// error whose code is [errors.DeletionStepsNotSatisfied], with the open steps in
// the order in which they have to go. [Client.CheckDeletion] asks without
// changing anything.
//
// # What is left
//
// Every deletion step but four has operations that list what keeps it open and
// remove it, such as [Client.ListVirtualMachines], [Client.StopVirtualMachine] and
// [Client.DeleteVirtualMachine]. No API removes images of discs and disk templates,
// settles a balance or pays an invoice; nor does one list buckets.
//
// An [ID] names anything; what has a second name can be given by that, too. An
// iterator goes through numbered pages: collect what it yields before removing any
// of it.
//
// Virtual machines, disks, file storage volumes, disk backup policies and object
// storage go to the trash, and what is in the trash blocks the deletion of an
// organization, too. It is gone once it is purged, by [Client.PurgeTrash] and
// [Client.WaitUntilTrashEmpty] or by itself after 48 hours. What else ends later is
// waited for by [Client.WaitForTask], [Client.WaitUntilStopped] and
// [Client.WaitUntilPurged].
//
// A removal is not repeated when it may have been done: a lost answer is
// [errors.OutcomeUnknown]. List before trying again. One that finds its target in
// the trash is [errors.ObjectInTrash], with what to purge in its
// [ObjectInTrashDetail].
//
// # Teardown
//
// [Client.Plan] reads all that stands in the way, for somebody to review, and
// [Client.Teardown] removes it in order, sees that it is gone, and deletes the
// organization. See package teardown.
//
// # What an error means
//
// Every error is an [*errors.Error]. Its code is Katapult's own wherever
// Katapult documents one. A nil error of [Client.DeleteOrganization] means that Katapult
// accepted the deletion with the answer that it documents for one that is done, or that a
// read found the organization deleted after any other answer. [Client.Teardown] reads
// after every answer.
//
// # Retries
//
// Reads are repeated after failures of the network and of the server. The deletion
// of an organization is repeated only when it is known not to have taken place: it
// was not sent, it was refused by the rate limit, or a read says that the
// organization is still there. When nothing can be read the error is
// [errors.OutcomeUnknown].
//
// # Rate limit
//
// Katapult counts requests by the clock minute and says in every answer how many
// are left. The client follows that, for all its calls together: share one.
package katapult
