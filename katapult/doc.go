// Package katapult deletes managed organizations through the Katapult Core API
// and reports the actual outcome.
//
// [DeleteOrganization] deletes one organization. A service creates a [Client] once,
// shares it, and calls [Client.DeleteOrganization]. If resources block the deletion,
// the error is [errors.DeletionStepsNotSatisfied], and its Steps are the open deletion
// steps in the order of removal. [Client.CheckDeletion] returns the same error without
// changing anything.
//
// # Resources
//
// Most deletion steps have operations that list and remove the resources that keep
// the step open, such as [Client.ListVirtualMachines], [Client.StopVirtualMachine]
// and [Client.DeleteVirtualMachine]. No API removes ISO images and disk templates,
// settles a balance, pays an invoice, or lists buckets.
//
// An [ID] names any resource. Some resources have a second name: see the Lookup
// types. An iterator reads numbered pages: collect its items before you remove one of
// them.
//
// Virtual machines, disks, file storage volumes, disk backup policies and object
// storage move to the trash, and objects in the trash block the deletion of the
// organization. Purge them with [Client.PurgeTrash] or [Client.PurgeTrashObject], and
// wait with [Client.WaitUntilTrashEmpty] or [Client.WaitUntilPurged]. Katapult purges
// them after 48 hours. [Client.WaitForTask] and [Client.WaitUntilStopped] wait for
// other tasks.
//
// A removal is not sent again if Katapult may have received it: a lost answer is
// [errors.OutcomeUnknown]. List before you try again. If the resource is in the trash,
// the error is [errors.ObjectInTrash], and its [ObjectInTrashDetail] has the object.
//
// # Teardown
//
// [Client.Plan] lists every resource to remove. [Client.Teardown] removes them in
// order, verifies each removal with a read, and deletes the organization. See package
// teardown.
//
// # Errors
//
// Every error is an [*errors.Error]. Its code is Katapult's own if Katapult documents
// one. A nil error of [Client.DeleteOrganization] means that Katapult confirmed the
// deletion, or that a read after any other answer showed it. [Client.Teardown] reads
// after every answer.
//
// # Retries
//
// Reads are retried after failures of the network and of the server. The deletion of
// an organization is sent again only if it was not sent, was refused by the rate
// limit, or a read shows that the organization still exists. If no read can decide,
// the error is [errors.OutcomeUnknown].
//
// # Rate limit
//
// Katapult counts requests per minute of its clock and sends the remaining quota in
// every answer. All calls of a client share one rate limiter that follows this quota:
// share the client.
package katapult
