package katapult

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// errorEnvelope is the body of an error. The API wraps it; the vendor's OpenAPI
// shows it flat, which is taken as well.
type errorEnvelope struct {
	Error errorBody `json:"error"`
	errorBody
}

type errorBody struct {
	Code        string      `json:"code"`
	Description string      `json:"description"`
	Detail      errorDetail `json:"detail"`
}

// errorDetail has the fields of all details, so that one pass decodes them.
type errorDetail struct {
	DeletionStepsNotSatisfiedDetail
	ScopeNotGrantedDetail
	UnauthorizedNetworkDetail
	RateLimitReachedDetail
	Details          string   `json:"details"`
	Errors           []string `json:"errors"`
	Path             []string `json:"path"`
	Index            int      `json:"index"`
	Issue            string   `json:"issue"`
	IssueDescription string   `json:"issue_description"`
}

// classify reads an error's body.
func classify(a *rest.Answer, e *errors.Error) {
	var envelope errorEnvelope
	// A field of another type than documented is left empty; the code is what counts.
	_ = json.Unmarshal(a.Body, &envelope)
	body := &envelope.Error
	if body.Code == "" {
		body = &envelope.errorBody
	}
	if body.Code == "" {
		return
	}
	e.ProviderCode, e.Message = body.Code, body.Description
	e.Code = codes[body.Code]
	if typed := details[body.Code]; typed != nil {
		e.Detail = typed(&body.Detail)
	}
	switch e.Code {
	case errors.DeletionStepsNotSatisfied:
		e.Steps = body.Detail.Steps.Open()
	case errors.RateLimitReached:
		if e.RetryAfter == 0 {
			e.RetryAfter = untilNextMinute(a.Header)
		}
	}
}

// codes maps Katapult's codes, and those of the framework it runs on. A code that
// is not here gets the umbrella of its status.
var codes = map[string]errors.Code{
	"deletion_failed":                    errors.DeletionFailed,
	"deletion_steps_not_satisfied":       errors.DeletionStepsNotSatisfied,
	"invalid_api_token":                  errors.InvalidAPIToken,
	"invalid_argument":                   errors.InvalidArgument,
	"invalid_capabilities_token":         errors.InvalidCapabilitiesToken,
	"invalid_json_body":                  errors.InvalidJSONBody,
	"managed_organization_required":      errors.ManagedOrganizationRequired,
	"missing_api_token":                  errors.MissingAPIToken,
	"missing_required_argument":          errors.MissingRequiredArgument,
	"organization_not_activated":         errors.OrganizationNotActivated,
	"organization_not_found":             errors.OrganizationNotFound,
	"organization_suspended":             errors.OrganizationSuspended,
	"permission_denied":                  errors.PermissionDenied,
	"rate_limit_reached":                 errors.RateLimitReached,
	"route_not_found":                    errors.RouteNotFound,
	"scope_not_granted":                  errors.ScopeNotGranted,
	"service_unavailable":                errors.ServiceUnavailable,
	"unauthorized_network_for_api_token": errors.UnauthorizedNetworkForAPIToken,
	"unhandled_exception":                errors.UnhandledException,
	"validation_error":                   errors.ValidationError,

	// Of other operations, where the status alone would say something else.
	"deletion_restricted":                   errors.DeletionStepsNotSatisfied, // 409
	"multiple_object_storage_buckets_found": errors.Conflict,                  // 500
	"object_in_trash":                       errors.Conflict,                  // 406
	"object_storage_provisioning_error":     errors.Unavailable,               // 422, "try again later"
	"task_queueing_error":                   errors.Unavailable,               // 406
	"unable_to_assign":                      errors.Conflict,                  // 422
	"unable_to_unassign":                    errors.Conflict,                  // 422
	"unassigned_disk":                       errors.Conflict,                  // 422
	"virtual_machine_must_be_started":       errors.Conflict,                  // 406
}

// details makes the typed detail of the codes that have one.
var details = map[string]func(*errorDetail) any{
	"deletion_steps_not_satisfied": func(d *errorDetail) any { return d.DeletionStepsNotSatisfiedDetail },
	"invalid_api_token":            func(d *errorDetail) any { return InvalidAPITokenDetail{d.Details} },
	"invalid_argument":             invalidArgument,
	"missing_required_argument":    invalidArgument,
	"permission_denied":            func(d *errorDetail) any { return PermissionDeniedDetail{d.Details} },
	"rate_limit_reached":           func(d *errorDetail) any { return d.RateLimitReachedDetail },
	"scope_not_granted":            func(d *errorDetail) any { return d.ScopeNotGrantedDetail },
	"unauthorized_network_for_api_token": func(d *errorDetail) any {
		return d.UnauthorizedNetworkDetail
	},
	"validation_error": func(d *errorDetail) any { return ValidationErrorDetail{d.Errors} },
}

func invalidArgument(d *errorDetail) any {
	return InvalidArgumentDetail{
		Path: d.Path, Index: d.Index, Issue: d.Issue,
		IssueDescription: d.IssueDescription, Errors: d.Errors,
	}
}

// window reads the rate-limit headers, which every answer has. The window is the
// minute of the server's clock.
func window(h http.Header) (rest.Window, bool) {
	permitted, ok := rest.Count(h.Get("X-Ratelimit-Permitted"))
	if !ok || permitted == 0 {
		return rest.Window{}, false
	}
	remaining, ok := rest.Count(h.Get("X-Ratelimit-Remaining"))
	if !ok {
		return rest.Window{}, false
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return rest.Window{}, false
	}
	return rest.Window{
		Permitted: permitted, Remaining: remaining,
		Start: date.Truncate(time.Minute), Length: time.Minute, Date: date,
	}, true
}

// untilNextMinute is how long the server's present minute lasts. No answer of the
// API was ever seen to have a Retry-After.
func untilNextMinute(h http.Header) time.Duration {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return date.Truncate(time.Minute).Add(time.Minute).Sub(date)
}
