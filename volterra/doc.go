// Package volterra requests the deletion of tenants of F5 Distributed Cloud, formerly Volterra,
// and reports the actual outcome. It also lists and removes the resources of a tenant.
//
// [DeleteTenant] requests the deletion of one tenant. A service creates a [Client] once and calls
// [Client.DeleteTenant]. The path of the request is the same for all tenants: the host and the
// credential decide which tenant is deleted. So the client compares the request with the
// tenant's settings before it sends the request. [Client.CheckDeletion] only compares.
//
// # Success
//
// F5 marks the tenant for deletion and removes it after an approval. A nil error means that the
// tenant is marked, not that it is deleted. No API revokes the mark. F5 is expected to refuse the
// credential from then on, so no method waits for the removal.
//
// # Resources of a tenant
//
// F5 documents no blocker of a deletion. A tenant's resources can be listed and removed before:
// child tenants ([Client.ListChildTenants]), their managers, managed tenants, namespaces
// ([Client.CascadeDeleteNamespace]) and addon services ([Client.Unsubscribe]).
// [Client.GetQuotaUsage] of the namespace system counts all objects. Subscriptions to plans and
// invoices are read-only.
//
// F5 answers a partial success with status 200; the methods of this package return an error. An
// incomplete list is returned with [errors.PartialResult], and a namespace with remaining objects
// with [errors.NamespaceNotEmpty]. Some removals take time: see
// [Client.WaitForChildTenantDeletion], [Client.WaitForNamespaceDeletion] and
// [Client.WaitUntilUnsubscribed].
//
// [Client.Plan] lists all of this with the cascades. [Client.Teardown] removes the resources in
// order and then requests the deletion of the tenant.
//
// # Errors
//
// Every error is an [*errors.Error]. ProviderCode is the gRPC code of the answer in decimal
// digits, such as "7"; of an [errors.PartialResult], it is the code of the first missing part,
// such as "EPERMS". F5 documents no further codes, so most codes are categories. F5 does not
// document the roles that operations require.
//
// # Retries
//
// Reads are retried after failures of the network and of the server. A request for deletion is
// sent again only if it was not sent, or was refused by the rate limit. If the answer is lost, the
// settings are read: a change to [StateDisabled] proves that F5 accepted the request. No read can
// prove that F5 did not accept it, so every other result is [errors.OutcomeUnknown]. After a lost
// answer to the deletion of another resource, a read decides, and the deletion is sent again if
// the resource still exists.
//
// # Rate limit
//
// F5 limits each operation separately and documents no headers. After a refusal, the rate limiter
// of the client delays the calls of the operation. Share one client.
package volterra
