package errors

import "strings"

// Code says what went wrong, in words that all providers share. A Code is a
// constant and an error at once: comparable, printable, usable in a switch, and
// a target for [Is]. The values are stable.
type Code string

// Categories. [Is] matches each of them also for the codes listed below it;
// there is one level only. A provider's code that has no constant of its own
// is mapped to the category that its documentation or its status names, and
// [Error.ProviderCode] keeps it.
const (
	// DeletionStepsNotSatisfied: something is left that has to go first. It is
	// Katapult's own code (409), whose steps are in [Error.Steps], and the category
	// of all that blocks a deletion.
	DeletionStepsNotSatisfied Code = "deletion_steps_not_satisfied"

	// NotFound: there is no such thing, says the provider in its own words.
	NotFound Code = "not_found"

	// Unauthenticated: the provider does not accept the credential.
	Unauthenticated Code = "unauthenticated"

	// PermissionDenied: the credential is known and may not do this.
	PermissionDenied Code = "permission_denied"

	// InvalidArgument: the request is wrong in itself. [Error.Status] is 0 when it
	// was refused before anything was sent.
	InvalidArgument Code = "invalid_argument"

	// Conflict: the target's state does not allow this, and no step of a deletion
	// is named.
	Conflict Code = "conflict"

	// RateLimitReached: too many requests. [Error.RetryAfter] says how long to wait,
	// where the provider does. Katapult calls it so (429).
	RateLimitReached Code = "rate_limit_reached"

	// PartialResult: the provider answered with a part of what there is, and says so
	// in a success (F5 200 with errors). What is known is returned beside the error.
	PartialResult Code = "partial_result"

	// Unavailable: the provider could not be reached or is not serving.
	Unavailable Code = "unavailable"

	// Internal: the provider failed.
	Internal Code = "internal"

	// UnexpectedResponse: an answer that the provider does not document, such as a
	// redirect, a web page, an empty body where one is due, or a 404 that is not
	// the provider's own. It proves nothing about the target.
	UnexpectedResponse Code = "unexpected_response"
)

// Codes of the client itself.
const (
	// OutcomeUnknown: the request may have done its work, and nothing can be read
	// that would tell. [Error.Err] is why. Look before repeating it.
	OutcomeUnknown Code = "outcome_unknown"

	// NotConfirmed: what the caller asks for is not what the provider calls the
	// target. Nothing was changed.
	NotConfirmed Code = "not_confirmed"

	// PlanStale: the plan of a teardown is too old, was changed, or is no longer the
	// truth. [Error.Steps] says what changed. The organization was not deleted. If the plan
	// became stale after its application had started, steps were.
	PlanStale Code = "plan_stale"

	// Canceled: the caller's context ended before the request was sent. Nothing was
	// changed. [Is] also matches context.Canceled or context.DeadlineExceeded.
	Canceled Code = "canceled"

	// NotFinished: the caller's context ended before what had been begun was done.
	// Steps are what was still there. [Is] also matches context.Canceled or
	// context.DeadlineExceeded.
	NotFinished Code = "not_finished"
)

// Codes below [DeletionStepsNotSatisfied].
const (
	// ActiveSubscriptions: the workspace has active subscriptions (Applivery 400/5111).
	// No API cancels them.
	ActiveSubscriptions Code = "active_subscriptions"

	// OrganizationNotEmpty: the organization still has active projects (Atlas 409
	// ORG_NOT_EMPTY).
	OrganizationNotEmpty Code = "organization_not_empty"

	// NamespaceNotEmpty: objects of a namespace could not be deleted, and [Error.Steps]
	// are these (F5 200 with an error_message of each).
	NamespaceNotEmpty Code = "namespace_not_empty"

	// ActiveLiveMigration: a live migration into the organization is running (Atlas
	// 409 CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK).
	ActiveLiveMigration Code = "active_live_migration"

	// PaymentRequired: an invoice, a charge or the payment method stands in the way
	// (Atlas 402). No API settles it.
	PaymentRequired Code = "payment_required"

	// TerminationProtection: the cluster is protected from deletion (Atlas
	// CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED).
	TerminationProtection Code = "termination_protection"

	// BackupCompliancePolicy: a policy protects snapshots (Atlas 400 and 409). Only the
	// provider's support lifts it.
	BackupCompliancePolicy Code = "backup_compliance_policy"

	// DefaultOrganization: the organization is the default one of its instance
	// (Zitadel 400 COMMA-wG9p1). Another one has to become the default first.
	DefaultOrganization Code = "default_organization"

	// DeletionRestricted: something is left in what should be deleted (Katapult 409).
	DeletionRestricted Code = "deletion_restricted"

	// SystemOrganization: the organization owns the project that is the provider
	// itself (Zitadel 400 COMMA-AF3JW). It cannot be deleted.
	SystemOrganization Code = "system_organization"
)

// Codes below [NotFound].
const (
	// OrganizationNotFound: the provider knows no such organization (Katapult 404,
	// Zitadel 404 COMMA-aps2n and others, and 200 with a date in the year 1, Atlas 404
	// ORG_NOT_FOUND, Applivery 404/3001).
	OrganizationNotFound Code = "organization_not_found"

	// Things of an organization at Katapult (404), by its own names.
	DiskBackupPolicyNotFound       Code = "disk_backup_policy_not_found"
	DiskNotFound                   Code = "disk_not_found"
	DNSZoneNotFound                Code = "dns_zone_not_found"
	FileStorageVolumeNotFound      Code = "file_storage_volume_not_found"
	IPAddressNotFound              Code = "ip_address_not_found"
	LoadBalancerNotFound           Code = "load_balancer_not_found"
	ObjectStorageAccessKeyNotFound Code = "object_storage_access_key_not_found"
	ObjectStorageAccountNotFound   Code = "object_storage_account_not_found"
	ObjectStorageBucketNotFound    Code = "object_storage_bucket_not_found"
	ObjectStorageClusterNotFound   Code = "object_storage_cluster_not_found"
	TaskNotFound                   Code = "task_not_found"
	TrashObjectNotFound            Code = "trash_object_not_found"
	VirtualMachineNotFound         Code = "virtual_machine_not_found"
	VirtualNetworkNotFound         Code = "virtual_network_not_found"
)

// Codes below [Unauthenticated].
const (
	// MissingAPIToken: no credential reached the provider (Katapult 400, Applivery
	// 401/4002, Zitadel "auth header missing").
	MissingAPIToken Code = "missing_api_token"

	// InvalidAPIToken: the credential is malformed, unknown or revoked (Katapult 403,
	// Applivery 401/4004, Zitadel 401 AUTH-7fs1e).
	InvalidAPIToken Code = "invalid_api_token"

	// InvalidCapabilitiesToken: the capabilities token is not valid (Katapult 403).
	InvalidCapabilitiesToken Code = "invalid_capabilities_token"

	// ExpiredAPIToken: the credential was valid once (Applivery 401/4005).
	ExpiredAPIToken Code = "expired_api_token"
)

// Codes below [PermissionDenied].
const (
	// UnauthorizedNetworkForAPIToken: the credential may not be used from this
	// address (Katapult 403, Atlas 403 IP_ADDRESS_NOT_ON_ACCESS_LIST).
	UnauthorizedNetworkForAPIToken Code = "unauthorized_network_for_api_token"

	// ScopeNotGranted: the credential lacks a scope (Katapult 403). Any one of the
	// scopes in [Error.Detail] would do.
	ScopeNotGranted Code = "scope_not_granted"

	// OrganizationSuspended: the organization is suspended (Katapult 403).
	OrganizationSuspended Code = "organization_suspended"

	// OrganizationNotActivated: the organization was never activated (Katapult 403).
	OrganizationNotActivated Code = "organization_not_activated"

	// ObjectStorageAccountNotProvisioned: the object storage is not there yet, or
	// could not be made (Katapult 403).
	ObjectStorageAccountNotProvisioned Code = "object_storage_account_not_provisioned"

	// ObjectStorageAccountSuspended: the object storage is suspended (Katapult 403).
	ObjectStorageAccountSuspended Code = "object_storage_account_suspended"
)

// Codes below [InvalidArgument].
const (
	// WrongClusterType: the cluster is one of another type, which has operations of
	// its own (Atlas CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API and its like).
	WrongClusterType Code = "wrong_cluster_type"

	// MissingRequiredArgument: an argument is missing (Katapult 400, of its framework).
	MissingRequiredArgument Code = "missing_required_argument"

	// InvalidJSONBody: the body is not JSON (Katapult 400, of its framework).
	InvalidJSONBody Code = "invalid_json_body"

	// ValidationError: the provider's validation refused a value (Katapult 422, Atlas
	// 400 VALIDATION_ERROR, Applivery 400/5209).
	ValidationError Code = "validation_error"
)

// Codes below [Conflict].
const (
	// AlreadyRequestedDeletion: an earlier request to delete the same thing was
	// accepted, and it is not gone yet (Atlas 400 CLUSTER_ALREADY_REQUESTED_DELETION,
	// 409 PEER_ALREADY_REQUESTED_DELETION).
	AlreadyRequestedDeletion Code = "already_requested_deletion"

	// ManagedOrganizationRequired: the organization is not a managed one and cannot
	// be deleted by this API (Katapult 409).
	ManagedOrganizationRequired Code = "managed_organization_required"

	// OrganizationLimitReached: no more organizations can be created (Katapult 422).
	OrganizationLimitReached Code = "organization_limit_reached"

	// ObjectInTrash: it is in the trash, which is where a deletion brings it (Katapult
	// 406). [Error.Detail] names the object in the trash where Katapult does.
	ObjectInTrash Code = "object_in_trash"

	// UnassignedDisk: the disk is assigned to no virtual machine (Katapult 422).
	UnassignedDisk Code = "unassigned_disk"

	// UnableToUnassign: the disk cannot be taken away from its virtual machine now
	// (Katapult 422).
	UnableToUnassign Code = "unable_to_unassign"

	// VirtualMachineMustBeStarted: the virtual machine does not run (Katapult 406).
	VirtualMachineMustBeStarted Code = "virtual_machine_must_be_started"

	// NoAllocation: nothing holds the IP address (Katapult 422).
	NoAllocation Code = "no_allocation"

	// ResourceDoesNotSupportUnallocation: what holds the IP address does not let go
	// of it (Katapult 409).
	ResourceDoesNotSupportUnallocation Code = "resource_does_not_support_unallocation"

	// MultipleObjectStorageBucketsFound: the name fits several buckets (Katapult 500).
	MultipleObjectStorageBucketsFound Code = "multiple_object_storage_buckets_found"

	// ObjectStorageBucketDeletionError: the bucket could not be deleted (Katapult
	// 403). [Error.Detail] says why where Katapult does.
	ObjectStorageBucketDeletionError Code = "object_storage_bucket_deletion_error"
	// OrganizationExists: the name or the id of a new organization is taken (Zitadel
	// 409 V3-DKcYh and ORG-laho2n).
	OrganizationExists Code = "organization_exists"

	// OrganizationActive: the organization is active already (Zitadel 400 EVENT-bfnrh).
	OrganizationActive Code = "organization_active"

	// OrganizationInactive: the organization is inactive already (Zitadel 400
	// EVENT-Dbs2g).
	OrganizationInactive Code = "organization_inactive"
)

// Codes below [RateLimitReached] that waiting a little does not cure.
const (
	// QuotaExhausted: the instance's quota is used up (Zitadel 429 QUOTA-vjAy8).
	QuotaExhausted Code = "quota_exhausted"

	// InstanceBlocked: the instance is blocked by its operator (Zitadel 429
	// LIMITS-molsj).
	InstanceBlocked Code = "instance_blocked"
)

// Codes below [Unavailable].
const (
	// ServiceUnavailable: the API is not serving for now (Katapult 503).
	ServiceUnavailable Code = "service_unavailable"

	// TaskQueueingError: a task that the request needs could not be queued, and
	// nothing was done (Katapult 406).
	TaskQueueingError Code = "task_queueing_error"

	// NetworkError: the provider did not reach a part of itself; what was asked for may
	// have been done (Katapult 504).
	NetworkError Code = "network_error"
)

// Codes below [Internal].
const (
	// DeletionFailed: the organization could not be deleted although all steps are
	// satisfied (Katapult 500), or a tenant that it owns (F5 StateDeleteFailed).
	DeletionFailed Code = "deletion_failed"

	// UnhandledException: the provider's framework caught a failure (Katapult 500).
	UnhandledException Code = "unhandled_exception"

	// TaskFailed: what had been begun ended in a failure, as was read later. The same
	// call will not end otherwise: [Retryable] is false.
	TaskFailed Code = "task_failed"
)

// Codes below [UnexpectedResponse]: the request did not reach what it was meant for.
const (
	// RouteNotFound: the server does not have this route; the base URL is wrong or
	// the server too old (Katapult 404, Zitadel 404 without details, Applivery
	// 404/1002).
	RouteNotFound Code = "route_not_found"

	// InstanceNotFound: the host name belongs to no instance (Zitadel 404
	// QUERY-1kIjX).
	InstanceNotFound Code = "instance_not_found"

	// VersionNotSupported: the server does not serve this version of the resource
	// (Atlas 406 INVALID_VERSION_DATE and 410 VERSION_GONE).
	VersionNotSupported Code = "version_not_supported"
)

// Category returns the code that [Is] also matches for c; c itself when it is
// a category or not known here.
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
	case DeletionFailed, UnhandledException, TaskFailed:
		return Internal
	case RouteNotFound, InstanceNotFound, VersionNotSupported:
		return UnexpectedResponse
	}
	return c
}

// Error returns the code in plain words: "rate limit reached".
func (c Code) Error() string {
	if c == "" {
		return "unknown error"
	}
	return strings.ReplaceAll(string(c), "_", " ")
}

// Is reports whether target is the category of c.
func (c Code) Is(target error) bool {
	category, ok := target.(Code)
	return ok && c.Category() == category
}

func (c Code) retryable() bool {
	switch c {
	case QuotaExhausted, InstanceBlocked, TaskFailed:
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
