// SPDX-License-Identifier: Apache-2.0

package errors

// Code is the cause of an error in terms that all providers share. A Code is a constant and
// an error: it is comparable, printable, a case of a switch, and a target of [Is]. The
// values are stable, and a code is printed and encoded as its value everywhere.
//
// The comment of each code names its origin: the providers whose answers become the code,
// with their statuses and own codes if they are few, and the client if it makes the code by
// itself. [CodesJSON] lists all of the providers' codes.
type Code string

// Categories. [Is] matches a category also for the codes in it. There is one level:
// a category is in no other category. If a provider's code has no constant of its own, the
// error has the category that the provider's documentation or the status names, and
// [Error.ProviderCode] has the provider's code.
const (
	// DeletionStepsNotSatisfied: other resources or settings block the deletion.
	// [Error.Steps] lists them.
	//
	// Origin: Katapult (409), Atlas, and the client.
	DeletionStepsNotSatisfied Code = "deletion_steps_not_satisfied"

	// NotFound: the provider's own error code reports that the resource does not exist.
	//
	// Origin: every provider.
	NotFound Code = "not_found"

	// Unauthenticated: the provider does not accept the credential.
	//
	// Origin: every provider, and the client.
	Unauthenticated Code = "unauthenticated"

	// PermissionDenied: the credential is valid and lacks a permission.
	//
	// Origin: every provider.
	PermissionDenied Code = "permission_denied"

	// InvalidArgument: the request is invalid. Without [Error.Status], the client refused
	// it and sent nothing.
	//
	// Origin: every provider, and the client.
	InvalidArgument Code = "invalid_argument"

	// Conflict: the state of the resource does not allow the request, and no step of a
	// deletion is named.
	//
	// Origin: every provider, and the client.
	Conflict Code = "conflict"

	// RateLimitReached: too many requests. [Error.RetryAfter] is the time to wait, if the
	// provider states it.
	//
	// Origin: every provider, and the client.
	RateLimitReached Code = "rate_limit_reached"

	// PartialResult: the provider returned a part of a list and reports that the rest is
	// missing. The part is returned in addition to the error.
	//
	// Origin: F5 (200).
	PartialResult Code = "partial_result"

	// Unavailable: the provider cannot be reached or is not serving.
	//
	// Origin: every provider, and the client.
	Unavailable Code = "unavailable"

	// Internal: the provider failed, or the journal of a teardown could not be written.
	//
	// Origin: every provider, and the client.
	Internal Code = "internal"

	// UnexpectedResponse: the answer is not one that the provider documents, such as a
	// redirect, a web page, an empty body, or a 404 without the provider's own code. It
	// proves nothing about the resource.
	//
	// Origin: the client.
	UnexpectedResponse Code = "unexpected_response"
)

// Categories of the client, which have no other codes in them.
const (
	// OutcomeUnknown: the request may have had its effect, and no read could decide.
	// [Error.Err] is the reason. Look at the provider before you repeat the request.
	//
	// Origin: the client.
	OutcomeUnknown Code = "outcome_unknown"

	// NotConfirmed: the name that the caller expects differs from the provider's, or an
	// override is missing. Nothing was changed.
	//
	// Origin: the client.
	NotConfirmed Code = "not_confirmed"

	// PlanStale: the plan of a teardown expired, was edited, or no longer matches the
	// provider. [Error.Steps] lists the differences. The organization was not deleted.
	// Steps may have been applied before the difference appeared.
	//
	// Origin: the client.
	PlanStale Code = "plan_stale"

	// Canceled: the caller's context, or a stop of a teardown, ended the call before the
	// request was sent. Nothing was changed. [Is] matches the error of the context only if
	// the context ended.
	//
	// Origin: the client.
	Canceled Code = "canceled"

	// NotFinished: a wait ended before the resource was deleted: by the context, a stop, a
	// step timeout, or because a person must act. [Error.Steps] lists the remaining
	// resources, if there are several. [Is] matches the error of the context only if the
	// context ended.
	//
	// Origin: the client.
	NotFinished Code = "not_finished"
)

// Codes in category [DeletionStepsNotSatisfied].
const (
	// ActiveSubscriptions: the workspace has active subscriptions. No API can cancel them.
	//
	// Origin: Applivery (400 5111).
	ActiveSubscriptions Code = "active_subscriptions"

	// OrganizationNotEmpty: the organization has active projects.
	//
	// Origin: Atlas (409 ORG_NOT_EMPTY).
	OrganizationNotEmpty Code = "organization_not_empty"

	// NamespaceNotEmpty: objects of a namespace could not be deleted. [Error.Steps] lists
	// them.
	//
	// Origin: F5 (200).
	NamespaceNotEmpty Code = "namespace_not_empty"

	// ActiveLiveMigration: a live migration into the organization is running.
	//
	// Origin: Atlas (409 CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK).
	ActiveLiveMigration Code = "active_live_migration"

	// PaymentRequired: an invoice, a charge or the payment method blocks the deletion. No
	// API can settle it.
	//
	// Origin: Atlas (402).
	PaymentRequired Code = "payment_required"

	// TerminationProtection: the cluster is protected from deletion.
	//
	// Origin: Atlas (CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED).
	TerminationProtection Code = "termination_protection"

	// BackupCompliancePolicy: a policy protects snapshots. Only the provider's support can
	// remove it.
	//
	// Origin: Atlas (400, 409).
	BackupCompliancePolicy Code = "backup_compliance_policy"

	// DefaultOrganization: the organization is the default one of its instance. Another
	// organization must become the default first.
	//
	// Origin: Zitadel (400 COMMA-wG9p1).
	DefaultOrganization Code = "default_organization"

	// DeletionRestricted: other resources block the deletion of this resource.
	//
	// Origin: Katapult (409).
	DeletionRestricted Code = "deletion_restricted"

	// SystemOrganization: the organization has the project of the provider itself. It
	// cannot be deleted.
	//
	// Origin: Zitadel (400 COMMA-AF3JW).
	SystemOrganization Code = "system_organization"
)

// Codes in category [NotFound].
const (
	// OrganizationNotFound: the organization does not exist, or the credential cannot see
	// it.
	//
	// Origin: Katapult (404), Zitadel (404 COMMA-aps2n QUERY-leq5Q), Atlas (404
	// ORG_NOT_FOUND), Applivery (404 3001).
	OrganizationNotFound Code = "organization_not_found"

	// DiskBackupPolicyNotFound: the backup policy of a disk does not exist.
	//
	// Origin: Katapult (404).
	DiskBackupPolicyNotFound Code = "disk_backup_policy_not_found"

	// DiskNotFound: the disk does not exist.
	//
	// Origin: Katapult (404).
	DiskNotFound Code = "disk_not_found"

	// DNSZoneNotFound: the DNS zone does not exist.
	//
	// Origin: Katapult (404).
	DNSZoneNotFound Code = "dns_zone_not_found"

	// FileStorageVolumeNotFound: the file storage volume does not exist.
	//
	// Origin: Katapult (404).
	FileStorageVolumeNotFound Code = "file_storage_volume_not_found"

	// IPAddressNotFound: the IP address does not exist.
	//
	// Origin: Katapult (404).
	IPAddressNotFound Code = "ip_address_not_found"

	// LoadBalancerNotFound: the load balancer does not exist.
	//
	// Origin: Katapult (404).
	LoadBalancerNotFound Code = "load_balancer_not_found"

	// ObjectStorageAccessKeyNotFound: the access key does not exist.
	//
	// Origin: Katapult (404).
	ObjectStorageAccessKeyNotFound Code = "object_storage_access_key_not_found"

	// ObjectStorageAccountNotFound: the object storage account does not exist.
	//
	// Origin: Katapult (404).
	ObjectStorageAccountNotFound Code = "object_storage_account_not_found"

	// ObjectStorageBucketNotFound: the bucket does not exist.
	//
	// Origin: Katapult (404).
	ObjectStorageBucketNotFound Code = "object_storage_bucket_not_found"

	// ObjectStorageClusterNotFound: the object storage cluster does not exist.
	//
	// Origin: Katapult (404).
	ObjectStorageClusterNotFound Code = "object_storage_cluster_not_found"

	// TaskNotFound: the task does not exist.
	//
	// Origin: Katapult (404).
	TaskNotFound Code = "task_not_found"

	// TrashObjectNotFound: the object is not in the trash.
	//
	// Origin: Katapult (404).
	TrashObjectNotFound Code = "trash_object_not_found"

	// VirtualMachineNotFound: the virtual machine does not exist.
	//
	// Origin: Katapult (404).
	VirtualMachineNotFound Code = "virtual_machine_not_found"

	// VirtualNetworkNotFound: the virtual network does not exist.
	//
	// Origin: Katapult (404).
	VirtualNetworkNotFound Code = "virtual_network_not_found"
)

// Codes in category [Unauthenticated].
const (
	// MissingAPIToken: no credential reached the provider.
	//
	// Origin: Katapult (400), Zitadel, Applivery (401 4002).
	MissingAPIToken Code = "missing_api_token"

	// InvalidAPIToken: the credential is malformed, unknown or revoked.
	//
	// Origin: Katapult (403), Zitadel (401 AUTH-7fs1e), Applivery (401 4004).
	InvalidAPIToken Code = "invalid_api_token"

	// InvalidCapabilitiesToken: the capabilities token is not valid.
	//
	// Origin: Katapult (403).
	InvalidCapabilitiesToken Code = "invalid_capabilities_token"

	// ExpiredAPIToken: the credential has expired.
	//
	// Origin: Applivery (401 4005).
	ExpiredAPIToken Code = "expired_api_token"
)

// Codes in category [PermissionDenied].
const (
	// UnauthorizedNetworkForAPIToken: the credential must not be used from this IP address.
	//
	// Origin: Katapult (403), Atlas (403 IP_ADDRESS_NOT_ON_ACCESS_LIST).
	UnauthorizedNetworkForAPIToken Code = "unauthorized_network_for_api_token"

	// ScopeNotGranted: the credential lacks a scope. Any one of the scopes in
	// [Error.Detail] suffices.
	//
	// Origin: Katapult (403).
	ScopeNotGranted Code = "scope_not_granted"

	// OrganizationSuspended: the organization is suspended.
	//
	// Origin: Katapult (403).
	OrganizationSuspended Code = "organization_suspended"

	// OrganizationNotActivated: the organization was never activated.
	//
	// Origin: Katapult (403).
	OrganizationNotActivated Code = "organization_not_activated"

	// ObjectStorageAccountNotProvisioned: the object storage is not ready yet, or could not
	// be created.
	//
	// Origin: Katapult (403).
	ObjectStorageAccountNotProvisioned Code = "object_storage_account_not_provisioned"

	// ObjectStorageAccountSuspended: the object storage is suspended.
	//
	// Origin: Katapult (403).
	ObjectStorageAccountSuspended Code = "object_storage_account_suspended"
)

// Codes in category [InvalidArgument].
const (
	// WrongClusterType: the cluster has another type, which has its own operations.
	//
	// Origin: Atlas (CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API).
	WrongClusterType Code = "wrong_cluster_type"

	// MissingRequiredArgument: an argument is missing.
	//
	// Origin: Katapult (400).
	MissingRequiredArgument Code = "missing_required_argument"

	// InvalidJSONBody: the body of the request is not JSON.
	//
	// Origin: Katapult (400).
	InvalidJSONBody Code = "invalid_json_body"

	// ValidationError: the provider's validation refused a value.
	//
	// Origin: Katapult (422), Atlas (400 VALIDATION_ERROR), Applivery (400 5209).
	ValidationError Code = "validation_error"
)

// Codes in category [Conflict].
const (
	// AlreadyRequestedDeletion: an earlier request to delete the resource was accepted, and
	// the resource still exists.
	//
	// Origin: Atlas (400 CLUSTER_ALREADY_REQUESTED_DELETION), F5.
	AlreadyRequestedDeletion Code = "already_requested_deletion"

	// ManagedOrganizationRequired: the organization is not a managed one. This API cannot
	// delete it.
	//
	// Origin: Katapult (409).
	ManagedOrganizationRequired Code = "managed_organization_required"

	// OrganizationLimitReached: no more organizations can be created.
	//
	// Origin: Katapult (422).
	OrganizationLimitReached Code = "organization_limit_reached"

	// ObjectInTrash: the object is in the trash, into which a deletion moves it.
	// [Error.Detail] has the object in the trash, if the provider names it.
	//
	// Origin: Katapult (406).
	ObjectInTrash Code = "object_in_trash"

	// UnassignedDisk: the disk is not assigned to a virtual machine.
	//
	// Origin: Katapult (422).
	UnassignedDisk Code = "unassigned_disk"

	// UnableToUnassign: the disk cannot be unassigned from its virtual machine now.
	//
	// Origin: Katapult (422).
	UnableToUnassign Code = "unable_to_unassign"

	// VirtualMachineMustBeStarted: the virtual machine is not running.
	//
	// Origin: Katapult (406).
	VirtualMachineMustBeStarted Code = "virtual_machine_must_be_started"

	// NoAllocation: no resource uses the IP address.
	//
	// Origin: Katapult (422).
	NoAllocation Code = "no_allocation"

	// ResourceDoesNotSupportUnallocation: the resource that uses the IP address does not
	// support unallocation.
	//
	// Origin: Katapult (409).
	ResourceDoesNotSupportUnallocation Code = "resource_does_not_support_unallocation"

	// MultipleObjectStorageBucketsFound: several buckets have the name.
	//
	// Origin: Katapult (500).
	MultipleObjectStorageBucketsFound Code = "multiple_object_storage_buckets_found"

	// ObjectStorageBucketDeletionError: the bucket could not be deleted. [Error.Detail] has
	// the reason, if the provider states it.
	//
	// Origin: Katapult (403).
	ObjectStorageBucketDeletionError Code = "object_storage_bucket_deletion_error"

	// OrganizationExists: an organization with the name or ID exists already.
	//
	// Origin: Zitadel (409 V3-DKcYh ORG-laho2n).
	OrganizationExists Code = "organization_exists"

	// OrganizationActive: the organization is active already.
	//
	// Origin: Zitadel (400 EVENT-bfnrh).
	OrganizationActive Code = "organization_active"

	// OrganizationInactive: the organization is inactive already.
	//
	// Origin: Zitadel (400 EVENT-Dbs2g).
	OrganizationInactive Code = "organization_inactive"
)

// Codes in category [RateLimitReached] that a short wait does not resolve.
const (
	// QuotaExhausted: the quota of the instance is used up.
	//
	// Origin: Zitadel (429 QUOTA-vjAy8).
	QuotaExhausted Code = "quota_exhausted"

	// InstanceBlocked: the operator of the instance has blocked it.
	//
	// Origin: Zitadel (429 LIMITS-molsj).
	InstanceBlocked Code = "instance_blocked"
)

// Codes in category [Unavailable].
const (
	// ServiceUnavailable: the API is not serving at present.
	//
	// Origin: Katapult (503), Atlas (503 SERVICE_UNAVAILABLE).
	ServiceUnavailable Code = "service_unavailable"

	// TaskQueueingError: a task that the request needs could not be queued. Nothing was
	// changed.
	//
	// Origin: Katapult (406).
	TaskQueueingError Code = "task_queueing_error"

	// NetworkError: the provider could not reach a part of itself. A read returns this code.
	// For a removal, which may have had its effect, the code is outcome_unknown, and this code
	// is the cause.
	//
	// Origin: Katapult (504).
	NetworkError Code = "network_error"
)

// Codes in category [Internal].
const (
	// DeletionFailed: the organization, or a tenant of it, could not be deleted although
	// nothing blocks the deletion.
	//
	// Origin: Katapult (500), F5.
	DeletionFailed Code = "deletion_failed"

	// UnhandledException: the provider's framework caught a failure.
	//
	// Origin: Katapult (500).
	UnhandledException Code = "unhandled_exception"

	// TaskFailed: an accepted operation failed later, as a read of its task or resource
	// showed. The same call would fail again.
	//
	// Origin: the client.
	TaskFailed Code = "task_failed"

	// DriverFailed: a driver of a teardown returned an error without a code, or a result that
	// the interface of drivers does not permit. The same call would fail again.
	//
	// Origin: the client.
	DriverFailed Code = "driver_failed"
)

// Codes in category [UnexpectedResponse]: the request did not reach its resource.
const (
	// RouteNotFound: the server does not have this route: the base URL is wrong, or the
	// server has another version.
	//
	// Origin: Katapult (404), Zitadel, Applivery (404 1002), F5 (501 12).
	RouteNotFound Code = "route_not_found"

	// InstanceNotFound: the host name belongs to no instance.
	//
	// Origin: Zitadel (404 QUERY-1kIjX).
	InstanceNotFound Code = "instance_not_found"

	// VersionNotSupported: the server does not support the requested version of the
	// resource.
	//
	// Origin: Atlas (406 INVALID_VERSION_DATE, 410 VERSION_GONE).
	VersionNotSupported Code = "version_not_supported"
)

// Category returns the category of c; c itself if it is a category or not a code of this
// package.
func (c Code) Category() Code {
	switch c {
	case ActiveSubscriptions, OrganizationNotEmpty, ActiveLiveMigration, PaymentRequired,
		DefaultOrganization, DeletionRestricted, SystemOrganization, NamespaceNotEmpty,
		TerminationProtection, BackupCompliancePolicy:
		return DeletionStepsNotSatisfied
	case OrganizationNotFound, DiskBackupPolicyNotFound, DiskNotFound, DNSZoneNotFound,
		FileStorageVolumeNotFound, IPAddressNotFound, LoadBalancerNotFound,
		ObjectStorageAccessKeyNotFound, ObjectStorageAccountNotFound,
		ObjectStorageBucketNotFound, ObjectStorageClusterNotFound, TaskNotFound,
		TrashObjectNotFound, VirtualMachineNotFound, VirtualNetworkNotFound:
		return NotFound
	case MissingAPIToken, InvalidAPIToken, InvalidCapabilitiesToken, ExpiredAPIToken:
		return Unauthenticated
	case UnauthorizedNetworkForAPIToken, ScopeNotGranted, OrganizationSuspended,
		OrganizationNotActivated, ObjectStorageAccountNotProvisioned,
		ObjectStorageAccountSuspended:
		return PermissionDenied
	case MissingRequiredArgument, InvalidJSONBody, ValidationError, WrongClusterType:
		return InvalidArgument
	case ManagedOrganizationRequired, OrganizationLimitReached, ObjectInTrash, UnassignedDisk,
		UnableToUnassign, VirtualMachineMustBeStarted, NoAllocation,
		ResourceDoesNotSupportUnallocation, MultipleObjectStorageBucketsFound,
		ObjectStorageBucketDeletionError, OrganizationExists, OrganizationActive,
		OrganizationInactive, AlreadyRequestedDeletion:
		return Conflict
	case QuotaExhausted, InstanceBlocked:
		return RateLimitReached
	case ServiceUnavailable, TaskQueueingError, NetworkError:
		return Unavailable
	case DeletionFailed, UnhandledException, TaskFailed, DriverFailed:
		return Internal
	case RouteNotFound, InstanceNotFound, VersionNotSupported:
		return UnexpectedResponse
	}
	return c
}

// Error returns the value of c, such as "rate_limit_reached".
func (c Code) Error() string { return string(c) }

// Is reports whether target is the category of c.
func (c Code) Is(target error) bool {
	category, ok := target.(Code)
	return ok && c.Category() == category
}

// Retryable reports whether the same call may succeed later although only time has passed.
// It is true for [Canceled], [NotFinished], and the categories [RateLimitReached],
// [Unavailable] and [Internal], except [QuotaExhausted], [InstanceBlocked], [TaskFailed] and
// [DriverFailed]. It is false for [OutcomeUnknown]: look at the provider before you repeat the
// call.
func (c Code) Retryable() bool {
	switch c {
	case QuotaExhausted, InstanceBlocked, TaskFailed, DriverFailed:
		return false
	case Canceled, NotFinished:
		return true
	}
	switch c.Category() {
	case RateLimitReached, Unavailable, Internal:
		return true
	}
	return false
}

// Categories returns the categories, in the order of their declaration. Changing the slice
// changes nothing else.
func Categories() []Code {
	return []Code{
		DeletionStepsNotSatisfied, NotFound, Unauthenticated, PermissionDenied, InvalidArgument,
		Conflict, RateLimitReached, PartialResult, Unavailable, Internal, UnexpectedResponse,
		OutcomeUnknown, NotConfirmed, PlanStale, Canceled, NotFinished,
	}
}

// Codes returns all codes: the categories, and then the other codes in the order of their
// declaration. Changing the slice changes nothing else.
func Codes() []Code {
	return append(Categories(),
		ActiveSubscriptions, OrganizationNotEmpty, NamespaceNotEmpty, ActiveLiveMigration,
		PaymentRequired, TerminationProtection, BackupCompliancePolicy, DefaultOrganization,
		DeletionRestricted, SystemOrganization, OrganizationNotFound, DiskBackupPolicyNotFound,
		DiskNotFound, DNSZoneNotFound, FileStorageVolumeNotFound, IPAddressNotFound,
		LoadBalancerNotFound, ObjectStorageAccessKeyNotFound, ObjectStorageAccountNotFound,
		ObjectStorageBucketNotFound, ObjectStorageClusterNotFound, TaskNotFound,
		TrashObjectNotFound, VirtualMachineNotFound, VirtualNetworkNotFound, MissingAPIToken,
		InvalidAPIToken, InvalidCapabilitiesToken, ExpiredAPIToken,
		UnauthorizedNetworkForAPIToken, ScopeNotGranted, OrganizationSuspended,
		OrganizationNotActivated, ObjectStorageAccountNotProvisioned,
		ObjectStorageAccountSuspended, WrongClusterType, MissingRequiredArgument,
		InvalidJSONBody, ValidationError, AlreadyRequestedDeletion,
		ManagedOrganizationRequired, OrganizationLimitReached, ObjectInTrash, UnassignedDisk,
		UnableToUnassign, VirtualMachineMustBeStarted, NoAllocation,
		ResourceDoesNotSupportUnallocation, MultipleObjectStorageBucketsFound,
		ObjectStorageBucketDeletionError, OrganizationExists, OrganizationActive,
		OrganizationInactive, QuotaExhausted, InstanceBlocked, ServiceUnavailable,
		TaskQueueingError, NetworkError, DeletionFailed, UnhandledException, TaskFailed,
		DriverFailed, RouteNotFound, InstanceNotFound, VersionNotSupported,
	)
}
