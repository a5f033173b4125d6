package katapult

import (
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// classify reads the body of an error. It returns false for a body without a code, which is
// not Katapult's.
func classify(a *rest.Answer, e *errors.Error) (own bool) {
	body := readError(a)
	if body.code == "" {
		return false
	}
	e.ProviderCode, e.Message = body.code, body.description
	e.Code = codes[body.code]
	if typed := details[body.code]; typed != nil {
		e.Detail = typed(body.detail)
	}
	switch e.Code {
	case errors.DeletionStepsNotSatisfied:
		detail, _ := e.Detail.(DeletionStepsNotSatisfiedDetail)
		e.Steps = detail.Steps.Open()
	case errors.NetworkError:
		if a.IsWrite() { // the request must not be sent again without a read
			e.Code, e.Err = errors.OutcomeUnknown, errors.NetworkError
		}
	case errors.RateLimitReached:
		if e.RetryAfter == 0 {
			e.RetryAfter = untilNextMinute(a.Header)
		}
	}
	return true
}

// errorBody is the content of an error. The API wraps it in "error"; the vendor's OpenAPI
// shows it at the top level, which is accepted, too.
type errorBody struct {
	code, description string
	detail            rest.JSON
}

// readError reads the content of an error.
func readError(a *rest.Answer) errorBody {
	for m := a.Members(); m.Next(); {
		if !m.Is("error") {
			continue
		}
		if wrapped := readBody(m.Value.Members()); wrapped.code != "" {
			return wrapped
		}
	}
	return readBody(a.Members())
}

func readBody(m rest.Members) errorBody {
	var b errorBody
	for m.Next() {
		switch {
		case m.Is("code"):
			b.code = m.Value.Text()
		case m.Is("description"):
			b.description = m.Value.Text()
		case m.Is("detail"):
			b.detail = m.Value
		}
	}
	return b
}

// codes maps the codes of Katapult and of its framework. An unknown code has the category of
// its status.
var codes = map[string]errors.Code{
	"deletion_failed":                        errors.DeletionFailed,
	"deletion_restricted":                    errors.DeletionRestricted,
	"deletion_steps_not_satisfied":           errors.DeletionStepsNotSatisfied,
	"disk_backup_policy_not_found":           errors.DiskBackupPolicyNotFound,
	"disk_not_found":                         errors.DiskNotFound,
	"dns_zone_not_found":                     errors.DNSZoneNotFound,
	"file_storage_volume_not_found":          errors.FileStorageVolumeNotFound,
	"invalid_api_token":                      errors.InvalidAPIToken,
	"invalid_argument":                       errors.InvalidArgument,
	"invalid_capabilities_token":             errors.InvalidCapabilitiesToken,
	"invalid_json_body":                      errors.InvalidJSONBody,
	"ip_address_not_found":                   errors.IPAddressNotFound,
	"load_balancer_not_found":                errors.LoadBalancerNotFound,
	"managed_organization_required":          errors.ManagedOrganizationRequired,
	"missing_api_token":                      errors.MissingAPIToken,
	"missing_required_argument":              errors.MissingRequiredArgument,
	"multiple_object_storage_buckets_found":  errors.MultipleObjectStorageBucketsFound, // 500
	"network_error":                          errors.NetworkError,
	"no_allocation":                          errors.NoAllocation,
	"object_in_trash":                        errors.ObjectInTrash, // 406
	"object_storage_access_key_not_found":    errors.ObjectStorageAccessKeyNotFound,
	"object_storage_account_not_found":       errors.ObjectStorageAccountNotFound,
	"object_storage_account_not_provisioned": errors.ObjectStorageAccountNotProvisioned,
	"object_storage_account_suspended":       errors.ObjectStorageAccountSuspended,
	"object_storage_bucket_deletion_error":   errors.ObjectStorageBucketDeletionError, // 403
	"object_storage_bucket_not_found":        errors.ObjectStorageBucketNotFound,
	"object_storage_cluster_not_found":       errors.ObjectStorageClusterNotFound,
	"organization_limit_reached":             errors.OrganizationLimitReached,
	"organization_not_activated":             errors.OrganizationNotActivated,
	"organization_not_found":                 errors.OrganizationNotFound,
	"organization_suspended":                 errors.OrganizationSuspended,
	"permission_denied":                      errors.PermissionDenied,
	"rate_limit_reached":                     errors.RateLimitReached,
	"resource_does_not_support_unallocation": errors.ResourceDoesNotSupportUnallocation,
	"route_not_found":                        errors.RouteNotFound,
	"scope_not_granted":                      errors.ScopeNotGranted,
	"service_unavailable":                    errors.ServiceUnavailable,
	"task_not_found":                         errors.TaskNotFound,
	"task_queueing_error":                    errors.TaskQueueingError, // 406
	"trash_object_not_found":                 errors.TrashObjectNotFound,
	"unable_to_unassign":                     errors.UnableToUnassign,
	"unassigned_disk":                        errors.UnassignedDisk,
	"unauthorized_network_for_api_token":     errors.UnauthorizedNetworkForAPIToken,
	"unhandled_exception":                    errors.UnhandledException,
	"validation_error":                       errors.ValidationError,
	"virtual_machine_must_be_started":        errors.VirtualMachineMustBeStarted, // 406
	"virtual_machine_not_found":              errors.VirtualMachineNotFound,
	"virtual_network_not_found":              errors.VirtualNetworkNotFound,

	// Codes of other operations, whose status alone has another category.
	"object_storage_provisioning_error": errors.Unavailable, // 422, "try again later"
	"unable_to_assign":                  errors.Conflict,    // 422
}

// details decode the typed detail of a code.
var details = map[string]func(rest.JSON) any{
	"deletion_restricted":                  decode[DeletionRestrictedDetail],
	"deletion_steps_not_satisfied":         readSteps,
	"invalid_api_token":                    decode[InvalidAPITokenDetail],
	"invalid_argument":                     decode[InvalidArgumentDetail],
	"missing_required_argument":            decode[InvalidArgumentDetail],
	"object_in_trash":                      decode[ObjectInTrashDetail],
	"object_storage_bucket_deletion_error": decode[ObjectStorageBucketDeletionErrorDetail],
	"permission_denied":                    decode[PermissionDeniedDetail],
	"rate_limit_reached":                   decode[RateLimitReachedDetail],
	"scope_not_granted":                    decode[ScopeNotGrantedDetail],
	"task_queueing_error":                  decode[TaskQueueingErrorDetail],
	"unable_to_unassign":                   decode[UnableToUnassignDetail],
	"unauthorized_network_for_api_token":   decode[UnauthorizedNetworkDetail],
	"validation_error":                     decode[ValidationErrorDetail],
	"virtual_machine_must_be_started":      decode[VirtualMachineMustBeStartedDetail],
}

// readSteps decodes the most frequent detail of a deletion, without reflection.
func readSteps(detail rest.JSON) any {
	var d DeletionStepsNotSatisfiedDetail
	for m := detail.Members(); m.Next(); {
		if !m.Is("steps") || !m.Value.IsObject() {
			continue
		}
		d.Steps = make(DeletionSteps)
		for step := m.Value.Members(); step.Next(); {
			d.Steps[step.Name()] = readStep(step.Value.Members())
		}
	}
	return d
}

func readStep(m rest.Members) DeletionStep {
	var s DeletionStep
	for m.Next() {
		switch {
		case m.Is("satisfied"):
			s.Satisfied = m.Value.Bool()
		case m.Is("description"):
			s.Description = m.Value.Text()
		}
	}
	return s
}

// decode decodes a detail. A field of an undocumented type stays empty.
func decode[T any](detail rest.JSON) any {
	var typed T
	detail.Decode(&typed)
	return typed
}

// window reads the rate-limit headers of an answer. The window is the minute of the
// server's clock.
func window(h http.Header) (ratelimit.Window, bool) {
	if h["X-Ratelimit-Permitted"] == nil { // the canonical name, without Get's conversion
		return ratelimit.Window{}, false
	}
	permitted, ok := rest.Count(h.Get("X-Ratelimit-Permitted"))
	if !ok || permitted == 0 {
		return ratelimit.Window{}, false
	}
	remaining, ok := rest.Count(h.Get("X-Ratelimit-Remaining"))
	if !ok {
		return ratelimit.Window{}, false
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return ratelimit.Window{}, false
	}
	return ratelimit.Window{
		Permitted: permitted, Remaining: remaining,
		Start: date.Truncate(time.Minute), Length: time.Minute, Date: date,
	}, true
}

// untilNextMinute returns the rest of the current minute of the server's clock. No recorded
// answer has a Retry-After header.
func untilNextMinute(h http.Header) time.Duration {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return date.Truncate(time.Minute).Add(time.Minute).Sub(date)
}

// codeOf returns the code of an error; "" for nil.
func codeOf(err error) errors.Code {
	switch e, ok := errors.AsType[*errors.Error](err); {
	case ok:
		return e.Code
	case err != nil:
		return errors.Internal
	}
	return ""
}

// trashObject returns the object in the trash that an [errors.ObjectInTrash] error has; an
// empty one if the error has none.
func trashObject(err error) TrashObject {
	e, _ := errors.AsType[*errors.Error](err)
	detail, _ := e.Detail.(ObjectInTrashDetail)
	return detail.TrashObject
}
