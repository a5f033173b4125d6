package atlas

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// classify reads an error's body.
func classify(a *rest.Answer, e *errors.Error) (own bool) {
	body := readError(a)
	e.ProviderCode, e.Message = body.ErrorCode, body.text()
	if body.Reason != "" || len(body.Parameters) > 0 || len(body.BadRequestDetail.Fields) > 0 {
		e.Detail = body.ErrorDetail
	}
	e.Code = body.code(a, e.Target)
	switch e.Code.Category() {
	case errors.DeletionStepsNotSatisfied:
		e.Steps = []errors.Step{{Name: stepName(body.ErrorCode, e.Code), Description: e.Message}}
	case errors.RateLimitReached:
		if e.RetryAfter == 0 {
			e.RetryAfter = retryAfter(body)
		}
	}
	return body.own(a.Status)
}

// errorBody is the body of an error. A 401 for a credential that is not accepted
// has no errorCode, although the vendor's OpenAPI requires one.
type errorBody struct {
	ErrorCode string
	Detail    string
	Message   string // instead of Detail, in the form {errorCode, message, status}
	Error     int    // the status
	ErrorDetail
}

// readError reads an error's body. A member of another type than documented is left
// empty; the code is what counts.
func readError(a *rest.Answer) *errorBody {
	var b errorBody
	for m := a.Members(); m.Next(); {
		switch {
		case m.Is("errorCode"):
			b.ErrorCode = m.Value.Text()
		case m.Is("detail"):
			b.Detail = m.Value.Text()
		case m.Is("message"):
			b.Message = m.Value.Text()
		case m.Is("error"):
			b.Error = m.Value.Int()
		case m.Is("reason"):
			b.Reason = m.Value.Text()
		case m.Is("parameters"):
			m.Value.Decode(&b.Parameters)
		case m.Is("badRequestDetail"):
			m.Value.Decode(&b.BadRequestDetail)
		}
	}
	return &b
}

// own reports whether a body is in one of the forms that Atlas gives its errors:
// {error, errorCode, ...}, {error, reason, detail} without a code, as for a credential
// that is refused, and {errorCode, message, status}.
func (b *errorBody) own(status int) bool {
	return b.ErrorCode != "" || b.Error == status && b.Detail != ""
}

// text returns the message of the error.
func (b *errorBody) text() string { return cmp.Or(b.Detail, b.Message) }

// code returns the code of an answer; "" if its status decides.
func (b *errorBody) code(a *rest.Answer, target string) errors.Code {
	status := a.Status
	known := codes[b.ErrorCode]
	switch {
	case status < http.StatusBadRequest:
		return "" // an error in the body of a success: neither proves anything
	case b.ErrorCode == "ATLAS_GENERAL_ERROR":
		return b.generalCode()
	case a.IsList() && b.isTransientList(known, target, a.Subject()):
		return errors.Unavailable
	case known.Category() == errors.NotFound && status != http.StatusNotFound:
		return "" // not the status that belongs to the code
	case known != "":
		return known
	case b.ErrorCode == "RESOURCE_NOT_FOUND" && status == http.StatusNotFound && a.Subject() == "organization":
		return errors.OrganizationNotFound
	case len(b.ErrorCode) > len(closeProjectPrefix) && strings.HasPrefix(b.ErrorCode, closeProjectPrefix):
		return errors.DeletionStepsNotSatisfied
	case status == http.StatusPaymentRequired:
		return errors.PaymentRequired
	}
	return ""
}

// isTransientList reports whether the error of a list is about one of its items, which
// just changes: another read may succeed. Recorded are 404 CLUSTER_NOT_FOUND from the
// list of clusters while one cluster is being deleted, and 400
// CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API while a flex cluster changes. An error about
// the parent of the list is not transient.
func (b *errorBody) isTransientList(known errors.Code, target, parent string) bool {
	switch {
	case known == errors.WrongClusterType:
		return true
	case known.Category() != errors.NotFound, slices.Contains(projectMissing, b.ErrorCode), known == errors.OrganizationNotFound:
		return false
	case b.ErrorCode == parentMissing[parent]:
		named := len(b.Parameters) > 0
		return named && !slices.Contains(b.Parameters, any(target)) // of another parent
	}
	return true
}

// projectMissing are the codes which say that a project does not exist.
var projectMissing = []string{"GROUP_NOT_FOUND", "PROJECT_NOT_FOUND", "RESOURCE_NOT_FOUND"}

// parentMissing is the code which says that the parent of a list in a project does not
// exist, by the kind of the parent. The parent is the target of the call.
var parentMissing = map[string]string{
	"cluster":         "CLUSTER_NOT_FOUND",
	"streamWorkspace": "STREAM_TENANT_NOT_FOUND_FOR_NAME",
}

// generalCode returns the code of ATLAS_GENERAL_ERROR, whose text alone says what it is
// about; "" if the text says nothing that is known.
func (b *errorBody) generalCode() errors.Code {
	text := b.text()
	if len(b.Parameters) > 0 {
		parameter, _ := b.Parameters[0].(string)
		text += "\n" + parameter
	}
	switch text = strings.ToLower(text); {
	case strings.Contains(text, "already requested to be deleted"), strings.Contains(text, "already been requested for deletion"):
		return errors.AlreadyRequestedDeletion
	case strings.Contains(text, "termination protection is enabled"):
		return errors.TerminationProtection
	}
	return ""
}

// closeGroup begins the codes of what keeps a project from being deleted. What it
// is comes after it. There are more of them than the vendor documents.
const closeProjectPrefix = "CANNOT_CLOSE_GROUP_ACTIVE_"

// step names what stands in the way.
func stepName(errorCode string, code errors.Code) string {
	if what, ok := strings.CutPrefix(errorCode, closeProjectPrefix); ok && what != "" {
		return strings.ToLower(what)
	}
	if code == errors.TerminationProtection {
		return "termination_protection"
	}
	return cmp.Or(stepNames[errorCode], "payment")
}

// steps names what stands in the way, by the code that says so.
var stepNames = map[string]string{
	"ACCOUNT_SUSPENDED": "unpaid_invoice",
	"CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK":              "live_migrations",
	"CANNOT_DELETE_ORG_FAILED_PAYMENTS":                                   "failed_payments",
	"CANNOT_DELETE_PRIVATELINK_WITH_ENDPOINTS":                            "private_endpoints",
	"CANNOT_DELETE_SNAPSHOT_WITH_BACKUP_COMPLIANCE_POLICY":                "backup_compliance_policy",
	"CANNOT_TERMINATE_CLUSTER_WITH_UNDERGOING_REGIONAL_OUTAGE_SIMULATION": "outage_simulation",
	"CONTAINERS_IN_USE":                   "clusters_and_peerings",
	"FAILED_TO_DELETE_ORG_CHARGE_FAILED":  "final_charge",
	"NO_PAYMENT_INFORMATION_FOUND":        "payment_method",
	"ORG_NOT_EMPTY":                       "projects",
	"STREAM_PRIVATE_LINK_IN_USE":          "stream_connections",
	"STREAM_TENANT_HAS_STREAM_PROCESSORS": "stream_processors",
}

// codes maps Atlas's codes. A code that is not here gets the category of its
// status: UNEXPECTED_ERROR, too, which Atlas answers with 401, 404 and 500.
var codes = map[string]errors.Code{
	// The deletion of an organization.
	"ACCOUNT_SUSPENDED": errors.PaymentRequired,
	"CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK": errors.ActiveLiveMigration,
	"CANNOT_DELETE_ORG_FAILED_PAYMENTS":                      errors.PaymentRequired,
	"FAILED_TO_DELETE_ORG_CHARGE_FAILED":                     errors.PaymentRequired,
	"NO_PAYMENT_INFORMATION_FOUND":                           errors.PaymentRequired,
	"ORG_NOT_EMPTY":                                          errors.OrganizationNotEmpty,

	// What stands in the way of a thing in a project; closeGroup has the project's own.
	"CANNOT_CLOSE_GROUP_ACTIVE_BACKUP_COMPLIANCE_POLICY":                  errors.BackupCompliancePolicy,
	"CANNOT_DELETE_PRIVATELINK_WITH_ENDPOINTS":                            errors.DeletionStepsNotSatisfied,
	"CANNOT_DELETE_SNAPSHOT_WITH_BACKUP_COMPLIANCE_POLICY":                errors.BackupCompliancePolicy, // 400
	"CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED":        errors.TerminationProtection,
	"CANNOT_TERMINATE_CLUSTER_WITH_UNDERGOING_REGIONAL_OUTAGE_SIMULATION": errors.DeletionStepsNotSatisfied,
	"CONTAINERS_IN_USE":                   errors.DeletionStepsNotSatisfied,
	"STREAM_PRIVATE_LINK_IN_USE":          errors.DeletionStepsNotSatisfied,
	"STREAM_TENANT_HAS_STREAM_PROCESSORS": errors.DeletionStepsNotSatisfied, // 403

	// What was begun before.
	"CLUSTER_ALREADY_REQUESTED_DELETION": errors.AlreadyRequestedDeletion, // 400
	"PEER_ALREADY_REQUESTED_DELETION":    errors.AlreadyRequestedDeletion,

	// Credentials. A missing role is answered with 401 too.
	"INVALID_REFRESH_TOKEN": errors.Unauthenticated,
	"NO_CURRENT_USER":       errors.Unauthenticated,
	"UNAUTHORIZED":          errors.Unauthenticated,

	"API_KEY_ACCESS_LIST_ACCESS_DENIED": errors.PermissionDenied,
	"NOT_API_KEY_ADMIN":                 errors.PermissionDenied,
	"NOT_GROUP_USER_ADMIN":              errors.PermissionDenied,
	"NOT_IN_GROUP":                      errors.PermissionDenied, // or there is no such project
	"NOT_ORG_GROUP_CREATOR":             errors.PermissionDenied,
	"NOT_ORG_OWNER":                     errors.PermissionDenied,
	"NOT_ORG_USER_ADMIN":                errors.PermissionDenied,
	"NOT_SELF":                          errors.PermissionDenied,
	"NOT_USER_ADMIN":                    errors.PermissionDenied,
	"USER_CANNOT_ACCESS_GROUP":          errors.PermissionDenied,
	"USER_CANNOT_ACCESS_ORG":            errors.PermissionDenied,
	"USER_UNAUTHORIZED":                 errors.PermissionDenied,

	"ACCESS_FORBIDDEN":             errors.PermissionDenied,
	"FEATURE_UNSUPPORTED":          errors.PermissionDenied,
	"UNSUPPORTED_FOR_CURRENT_PLAN": errors.PermissionDenied,
	"USER_ORGS_RESTRICTED":         errors.PermissionDenied,

	// The address that a request came from. WHITELIST is the older spelling.
	"GLOBAL_USER_OUTSIDE_SUBNET":    errors.UnauthorizedNetworkForAPIToken,
	"IP_ADDRESS_NOT_ON_ACCESS_LIST": errors.UnauthorizedNetworkForAPIToken,
	"IP_ADDRESS_NOT_ON_WHITELIST":   errors.UnauthorizedNetworkForAPIToken,
	"ORG_REQUIRES_ACCESS_LIST":      errors.UnauthorizedNetworkForAPIToken,
	"ORG_REQUIRES_WHITELIST":        errors.UnauthorizedNetworkForAPIToken,
	"RESOURCE_REQUIRES_ACCESS_LIST": errors.UnauthorizedNetworkForAPIToken,
	"RESOURCE_REQUIRES_WHITELIST":   errors.UnauthorizedNetworkForAPIToken,

	// What is not there. RESOURCE_NOT_FOUND depends on what was asked for.
	"ORG_NAME_NOT_FOUND": errors.OrganizationNotFound,
	"ORG_NOT_FOUND":      errors.OrganizationNotFound,

	"API_KEY_NOT_FOUND":                         errors.NotFound,
	"CLUSTER_NOT_FOUND":                         errors.NotFound,
	"DATA_FEDERATION_TENANT_NOT_FOUND_FOR_ID":   errors.NotFound,
	"DATA_FEDERATION_TENANT_NOT_FOUND_FOR_NAME": errors.NotFound,
	"GROUP_NOT_FOUND":                           errors.NotFound,
	"INVOICE_NOT_FOUND":                         errors.NotFound,
	"PEER_NOT_FOUND":                            errors.NotFound,
	"PENDING_INVOICE_NOT_FOUND":                 errors.NotFound,
	"PRIVATE_ENDPOINT_SERVICE_NOT_FOUND":        errors.NotFound,
	"PROJECT_NOT_FOUND":                         errors.NotFound,
	"SNAPSHOT_NOT_FOUND":                        errors.NotFound,
	"STREAM_TENANT_NOT_FOUND_FOR_NAME":          errors.NotFound,
	"TEAM_NOT_FOUND":                            errors.NotFound,
	"USER_NOT_FOUND":                            errors.NotFound,

	// Requests that are wrong in themselves.
	"CANNOT_USE_CLUSTER_IN_SERVERLESS_INSTANCE_API": errors.WrongClusterType,
	"CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API":        errors.WrongClusterType,
	"CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API":       errors.WrongClusterType,
	"CANNOT_USE_SERVERLESS_INSTANCE_IN_CLUSTER_API": errors.WrongClusterType,
	"CONNECTED_ORG_CONFIG_IDP_NOT_IN_FEDERATION":    errors.InvalidArgument,
	"INVALID_GROUP_ID":                              errors.InvalidArgument, // 404
	"INVALID_ORG_ID":                                errors.InvalidArgument, // 404
	"VALIDATION_ERROR":                              errors.ValidationError,

	// The version that the Accept asks for.
	"INVALID_VERSION_DATE": errors.VersionNotSupported, // 406
	"VERSION_GONE":         errors.VersionNotSupported, // 410

	// The rate limit.
	"INVITATIONS_RATE_LIMITED_IP": errors.RateLimitReached, // 400
	"RATE_LIMITED":                errors.RateLimitReached,
	"RATE_LIMITED_IP":             errors.RateLimitReached, // 400
	"RATE_LIMITED_TOKEN_BUCKET":   errors.RateLimitReached,

	// Failures.
	"SERVICE_UNAVAILABLE":                    errors.ServiceUnavailable,
	"WRITES_NOT_ALLOWED_DURING_APP_UPGRADES": errors.Unavailable, // 405

	// Of other operations. Often the status alone would say something else.
	"ATLAS_BACKUP_CANCEL_SHARD_RESTORE_JOB_NOT_ALLOWED":                   errors.Conflict, // 405
	"ATLAS_CLUSTER_RESTORE_IN_PROGRESS":                                   errors.Conflict,
	"CANNOT_DELETE_IN_PROGRESS_SNAPSHOT":                                  errors.Conflict, // 400
	"CANNOT_DELETE_LAST_ADMIN":                                            errors.Conflict, // 403
	"CANNOT_DELETE_LAST_OWNER":                                            errors.Conflict, // 403
	"CANNOT_DELETE_TEAM_ASSIGNED_TO_PROJECT":                              errors.Conflict, // 404
	"CANNOT_DEMOTE_LAST_ORG_OWNER":                                        errors.Conflict, // 403
	"CANNOT_MODIFY_CLUSTER_WITH_RUNNING_LIVE_IMPORT":                      errors.Conflict,
	"CANNOT_UPDATE_BACKUP_COMPLIANCE_POLICY_SETTINGS_WITH_PENDING_ACTION": errors.Conflict, // 400
	"EXPECTED_NON_ATLAS_ORG":                                              errors.Conflict, // 404
	"GROUP_ALREADY_EXISTS":                                                errors.Conflict,
	"NOT_ATLAS_GROUP":                                                     errors.Conflict, // 404, of Cloud Manager
	"NOT_ATLAS_ORG":                                                       errors.Conflict, // 404, of Cloud Manager
	"ORG_ALREADY_ASSOCIATED_WITH_FEDERATION":                              errors.Conflict, // 400
	"PEER_INVALID_STATE":                                                  errors.Conflict,
	"STREAM_KAFKA_CONNECTION_IS_DEPLOYING":                                errors.Conflict,
	"USER_ALREADY_EXISTS":                                                 errors.Conflict,
}

// retryAfter reads how long to wait where the body says it, for an answer without
// Retry-After.
func retryAfter(body *errorBody) time.Duration {
	w, ok := waits[body.ErrorCode]
	if !ok || len(body.Parameters) <= w.parameter {
		return 0
	}
	n, _ := body.Parameters[w.parameter].(float64)
	return time.Duration(max(0, min(n*float64(w.unit), float64(longestWait))))
}

// waits says which parameter of a code is a time, and its unit.
var waits = map[string]struct {
	parameter int
	unit      time.Duration
}{
	"RATE_LIMITED":              {2, time.Minute},
	"RATE_LIMITED_TOKEN_BUCKET": {1, time.Second},
}

// longestWait is the longest wait that is believed; a longer one is cut to it.
const longestWait = 24 * time.Hour

// window reads the rate-limit headers, which not every answer has. Nothing says
// when the bucket fills again.
func window(h http.Header) (ratelimit.Window, bool) {
	if h["Ratelimit-Limit"] == nil { // a canonical name, which Get would look at
		return ratelimit.Window{}, false
	}
	permitted, ok := rest.Count(h.Get("Ratelimit-Limit"))
	if !ok || permitted == 0 {
		return ratelimit.Window{}, false
	}
	remaining, ok := rest.Count(h.Get("Ratelimit-Remaining"))
	if !ok {
		return ratelimit.Window{}, false
	}
	return ratelimit.Window{Permitted: permitted, Remaining: remaining}, true
}

// providerCode returns Atlas's own code of an error; "" if it has none.
func providerCode(err error) string {
	if e, ok := errors.AsType[*errors.Error](err); ok {
		return e.ProviderCode
	}
	return ""
}

// saysProjectMissing reports whether an error says that a project does not exist.
func isProjectNotFound(err error) bool {
	return errors.Is(err, errors.NotFound) && slices.Contains(projectMissing, providerCode(err))
}

// isNotInGroup reports whether Atlas answers that the credential is not in a project. It
// answers so for a project that was deleted, too.
func isNotInGroup(err error) bool { return providerCode(err) == "NOT_IN_GROUP" }

// says reports whether an error says by a code of Atlas that the resource of this name
// does not exist. Atlas names the resource among the parameters of the error (recorded).
func isNotFound(err error, code, name string) bool {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.ProviderCode != code || !errors.Is(err, errors.NotFound) {
		return false
	}
	detail, _ := e.Detail.(ErrorDetail)
	return len(detail.Parameters) == 0 || slices.Contains(detail.Parameters, any(name))
}

// saysClusterMissing reports whether an error says that a cluster does not exist.
func isClusterNotFound(err error, name string) bool {
	return isNotFound(err, "CLUSTER_NOT_FOUND", name)
}

// saysNoSimulation reports whether an error says that a cluster has no outage
// simulation. No recorded answer shows the code: it is RESOURCE_NOT_FOUND, as with other
// resources of a cluster, or one that names the simulation. A code that names another
// resource, and one without a meaning, says nothing of the simulation.
func isSimulationNotFound(e *errors.Error) bool {
	return e.ProviderCode == "RESOURCE_NOT_FOUND" || strings.Contains(e.ProviderCode, "OUTAGE_SIMULATION")
}

// saysLinkMissing reports whether an error says that an organization has no link for
// live migrations. The code that Atlas gives has no meaning of its own (recorded).
func isLinkNotFound(err error) bool {
	e, _ := errors.AsType[*errors.Error](err)
	return e.ProviderCode == "RESOURCE_NOT_FOUND" || strings.Contains(e.Message, "external organization link")
}

// noPolicy reports whether an error says that there is no policy, and not that
// there is no project.
func isPolicyNotFound(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.NotFound && e.ProviderCode == "RESOURCE_NOT_FOUND"
}

// isAboutAnother reports whether the parameters of an error name other resources than the
// one with this ID. A parameter may be a path.
func isAboutAnother(err error, id string) bool {
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		return false
	}
	detail, _ := e.Detail.(ErrorDetail)
	return len(detail.Parameters) > 0 && !slices.ContainsFunc(detail.Parameters, func(p any) bool {
		text, ok := p.(string)
		return ok && strings.Contains(text, id)
	})
}

// another returns the error of an answer that is not about the resource requested. It
// proves nothing.
func wrongResource(operation, id string) error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: id, Code: errors.UnexpectedResponse,
		Err: errors.New("the answer is about another resource"),
	}
}

var errContradicted = errors.New("a list reports that its parent does not exist, and a read finds it")

// contradicted returns the error of a list whose parent a read finds: the list proves
// nothing, and another read may succeed.
func contradicted(err error) error { return unavailable(err, errContradicted) }

// unavailable returns the error of a read that may succeed later.
func unavailable(err, cause error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		return err
	}
	later := *e
	later.Code, later.Err = errors.Unavailable, cause
	return &later
}
