// Package volterra asks for the deletion of tenants of F5 Distributed Cloud,
// which was Volterra, shows and removes what they own, and says truly what became
// of each request.
//
// [DeleteTenant] is one line; a service makes a [Client] once and calls
// [Client.DeleteTenant]. The URL is the same for all tenants, and what is deleted
// depends on the host and the credential. So the tenant's own settings are
// compared with the request before it is sent. [Client.CheckDeletion] makes the
// comparison alone.
//
// # What a success means
//
// F5 marks the tenant for deletion and removes it later, after an approval. Nil
// means that the tenant is marked, not that it is gone, and nothing here takes it
// back. The credential is expected to be refused from then on, so there is
// nothing to wait for.
//
// # What is left
//
// F5 documents nothing that keeps a tenant from being deleted. What it owns can be
// listed, and removed before: child tenants ([Client.ListChildTenants]), their managers, the
// management of other tenants, namespaces ([Client.CascadeDeleteNamespace]) and
// addon services ([Client.Unsubscribe]). [Client.GetQuotaUsage] of the namespace
// system counts all objects at once. Subscriptions to plans and invoices can be
// read only.
//
// F5 calls a success what is one in part only, and these methods do not. A list
// with something missing is returned with an error of [errors.PartialResult], and
// a namespace with objects that are still there is [errors.NamespaceNotEmpty].
// What goes later is waited for: [Client.WaitForChildTenantDeletion] and
// [Client.WaitForNamespaceDeletion], [Client.WaitUntilUnsubscribed].
//
// [Client.Plan] lists all of it and what goes along, and [Client.Teardown] removes it
// in order and then asks for the deletion of the tenant.
//
// # What an error means
//
// Every error is an [*errors.Error]. Its ProviderCode is the gRPC code of the
// answer in decimal digits, such as "7"; in an [errors.PartialResult] it is that of
// the first part that is missing, such as "EPERMS". F5 documents no other codes of
// its own, so the other codes are categories. F5 does not say which role an
// operation needs.
//
// # Retries
//
// Reads are repeated after failures of the network and of the server. A request
// for deletion is repeated only when it was not sent, or was refused by the rate
// limit. When its answer is lost the settings are read: the state
// [StateDisabled], where there was another before, says that it was accepted.
// Nothing says that it was not, so all else is [errors.OutcomeUnknown]. The
// deletion of anything else is told by reading it, and is sent again when it is
// still there.
//
// # Rate limit
//
// F5 limits each operation by itself and documents no headers about it. The client
// learns from refusals, for all its calls together: share one.
package volterra
