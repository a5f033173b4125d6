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

// classify sets the code and the details of an error from its body. It reports whether the body is in
// one of Atlas's own forms.
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

// errorBody is the body of an error. The body of a 401 for a refused credential can lack errorCode,
// although the vendor's OpenAPI requires it.
type errorBody struct {
	ErrorCode string
	Detail    string
	Message   string // instead of Detail, in the form {errorCode, message, status}
	Error     int    // the status
	ErrorDetail
}

// readError reads the body of an error. It ignores a member whose type is not the documented one,
// because the code decides.
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

// own reports whether the body is in one of Atlas's forms of errors: {error, errorCode, ...};
// {error, reason, detail} without a code, as for a refused credential; and {errorCode, message,
// status}.
func (b *errorBody) own(status int) bool {
	return b.ErrorCode != "" || b.Error == status && b.Detail != ""
}

// text returns the message of the error.
func (b *errorBody) text() string { return cmp.Or(b.Detail, b.Message) }

// code returns the code of an answer; "" if the HTTP status decides.
func (b *errorBody) code(a *rest.Answer, target string) errors.Code {
	status := a.Status
	known := codes[b.ErrorCode]
	switch {
	case status < http.StatusBadRequest:
		return "" // an error in the body of a success proves nothing
	case b.ErrorCode == "ATLAS_GENERAL_ERROR":
		return b.generalCode()
	case a.IsList() && b.isTransientList(known, target, a.Subject()):
		return errors.Unavailable
	case known.Category() == errors.NotFound && status != http.StatusNotFound:
		return "" // the status contradicts the code
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

// isTransientList reports whether the error of a list is about one of its items while the item
// changes: another read may succeed. Recorded are 404 CLUSTER_NOT_FOUND from the list of clusters
// while one cluster is being deleted, and 400 CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API while a flex
// cluster changes. An error about the parent of the list is not transient.
func (b *errorBody) isTransientList(known errors.Code, target, parent string) bool {
	switch {
	case known == errors.WrongClusterType:
		return true
	case known.Category() != errors.NotFound, slices.Contains(projectMissing, b.ErrorCode), known == errors.OrganizationNotFound:
		return false
	case b.ErrorCode == parentMissing[parent]:
		return len(b.Parameters) > 0 && !slices.Contains(b.Parameters, any(target)) // another parent
	}
	return true
}

// projectMissing are the codes that mean that a project does not exist.
var projectMissing = []string{"GROUP_NOT_FOUND", "PROJECT_NOT_FOUND", "RESOURCE_NOT_FOUND"}

// parentMissing is the code that means that the parent of a list in a project does not exist, by the
// kind of the parent. The parent is the target of the call.
var parentMissing = map[string]string{
	"cluster":         "CLUSTER_NOT_FOUND",
	"streamWorkspace": "STREAM_TENANT_NOT_FOUND_FOR_NAME",
}

// generalCode returns the code of an ATLAS_GENERAL_ERROR, whose meaning is only in its text; "" if the
// text is not known.
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

// closeProjectPrefix is the prefix of the codes for resources that block the deletion of a project.
// The rest of the code is the kind of the resource. Atlas has more of these codes than the vendor
// documents.
const closeProjectPrefix = "CANNOT_CLOSE_GROUP_ACTIVE_"

// stepName returns the name of the blocker that a code reports.
func stepName(errorCode string, code errors.Code) string {
	if what, ok := strings.CutPrefix(errorCode, closeProjectPrefix); ok && what != "" {
		return strings.ToLower(what)
	}
	if code == errors.TerminationProtection {
		return "termination_protection"
	}
	return cmp.Or(stepNames[errorCode], "payment")
}

// stepNames are the names of the blockers, by the code that reports them: the kind of the plan's
// steps if there is one.
var stepNames = map[string]string{
	"ACCOUNT_SUSPENDED": "unpaid_invoice",
	"CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK":              string(kindLiveMigrationLink),
	"CANNOT_DELETE_ORG_FAILED_PAYMENTS":                                   string(kindFailedInvoice),
	"CANNOT_DELETE_PRIVATELINK_WITH_ENDPOINTS":                            string(BlockerPrivateEndpoint),
	"CANNOT_DELETE_SNAPSHOT_WITH_BACKUP_COMPLIANCE_POLICY":                string(BlockerBackupCompliancePolicy),
	"CANNOT_TERMINATE_CLUSTER_WITH_UNDERGOING_REGIONAL_OUTAGE_SIMULATION": string(BlockerOutageSimulation),
	"CONTAINERS_IN_USE":                   "clusters_and_peerings",
	"FAILED_TO_DELETE_ORG_CHARGE_FAILED":  "final_charge",
	"NO_PAYMENT_INFORMATION_FOUND":        "payment_method",
	"ORG_NOT_EMPTY":                       string(kindProject),
	"STREAM_PRIVATE_LINK_IN_USE":          "stream_connections",
	"STREAM_TENANT_HAS_STREAM_PROCESSORS": string(BlockerStreamProcessor),
}

// codes maps Atlas's codes to codes of package errors. A code that is not in the map gets the category
// of its HTTP status. UNEXPECTED_ERROR is not in the map, because Atlas answers it with 401, 404 and
// 500.
var codes = map[string]errors.Code{
	// The deletion of an organization.
	"ACCOUNT_SUSPENDED": errors.PaymentRequired,
	"CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK": errors.ActiveLiveMigration,
	"CANNOT_DELETE_ORG_FAILED_PAYMENTS":                      errors.PaymentRequired,
	"FAILED_TO_DELETE_ORG_CHARGE_FAILED":                     errors.PaymentRequired,
	"NO_PAYMENT_INFORMATION_FOUND":                           errors.PaymentRequired,
	"ORG_NOT_EMPTY":                                          errors.OrganizationNotEmpty,

	// Blockers of resources in a project. Codes with closeProjectPrefix are blockers of the project.
	"CANNOT_CLOSE_GROUP_ACTIVE_BACKUP_COMPLIANCE_POLICY":                  errors.BackupCompliancePolicy,
	"CANNOT_DELETE_PRIVATELINK_WITH_ENDPOINTS":                            errors.DeletionStepsNotSatisfied,
	"CANNOT_DELETE_SNAPSHOT_WITH_BACKUP_COMPLIANCE_POLICY":                errors.BackupCompliancePolicy, // 400
	"CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED":        errors.TerminationProtection,
	"CANNOT_TERMINATE_CLUSTER_WITH_UNDERGOING_REGIONAL_OUTAGE_SIMULATION": errors.DeletionStepsNotSatisfied,
	"CONTAINERS_IN_USE":                   errors.DeletionStepsNotSatisfied,
	"STREAM_PRIVATE_LINK_IN_USE":          errors.DeletionStepsNotSatisfied,
	"STREAM_TENANT_HAS_STREAM_PROCESSORS": errors.DeletionStepsNotSatisfied, // 403

	// Deletions that were requested before.
	"CLUSTER_ALREADY_REQUESTED_DELETION": errors.AlreadyRequestedDeletion, // 400
	"PEER_ALREADY_REQUESTED_DELETION":    errors.AlreadyRequestedDeletion,

	// Credentials. Atlas answers 401 for a missing role, too.
	"INVALID_REFRESH_TOKEN": errors.Unauthenticated,
	"NO_CURRENT_USER":       errors.Unauthenticated,
	"UNAUTHORIZED":          errors.Unauthenticated,

	"API_KEY_ACCESS_LIST_ACCESS_DENIED": errors.PermissionDenied,
	"NOT_API_KEY_ADMIN":                 errors.PermissionDenied,
	"NOT_GROUP_USER_ADMIN":              errors.PermissionDenied,
	"NOT_IN_GROUP":                      errors.PermissionDenied, // or the project does not exist
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

	// IP addresses. WHITELIST is the older spelling.
	"GLOBAL_USER_OUTSIDE_SUBNET":    errors.UnauthorizedNetworkForAPIToken,
	"IP_ADDRESS_NOT_ON_ACCESS_LIST": errors.UnauthorizedNetworkForAPIToken,
	"IP_ADDRESS_NOT_ON_WHITELIST":   errors.UnauthorizedNetworkForAPIToken,
	"ORG_REQUIRES_ACCESS_LIST":      errors.UnauthorizedNetworkForAPIToken,
	"ORG_REQUIRES_WHITELIST":        errors.UnauthorizedNetworkForAPIToken,
	"RESOURCE_REQUIRES_ACCESS_LIST": errors.UnauthorizedNetworkForAPIToken,
	"RESOURCE_REQUIRES_WHITELIST":   errors.UnauthorizedNetworkForAPIToken,

	// Missing resources. The meaning of RESOURCE_NOT_FOUND depends on the operation.
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

	// Invalid requests.
	"CANNOT_USE_CLUSTER_IN_SERVERLESS_INSTANCE_API": errors.WrongClusterType,
	"CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API":        errors.WrongClusterType,
	"CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API":       errors.WrongClusterType,
	"CANNOT_USE_SERVERLESS_INSTANCE_IN_CLUSTER_API": errors.WrongClusterType,
	"CONNECTED_ORG_CONFIG_IDP_NOT_IN_FEDERATION":    errors.InvalidArgument,
	"INVALID_GROUP_ID":                              errors.InvalidArgument, // 404
	"INVALID_ORG_ID":                                errors.InvalidArgument, // 404
	"VALIDATION_ERROR":                              errors.ValidationError,

	// The version in the Accept header.
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

	// Conflicts whose HTTP status often has another meaning.
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

// retryAfter returns the wait that the body states, for an answer without a Retry-After header.
func retryAfter(body *errorBody) time.Duration {
	w, ok := waits[body.ErrorCode]
	if !ok || len(body.Parameters) <= w.parameter {
		return 0
	}
	n, _ := body.Parameters[w.parameter].(float64)
	return time.Duration(max(0, min(n*float64(w.unit), float64(longestWait))))
}

// waits has the parameter of a code that is a duration, and its unit.
var waits = map[string]struct {
	parameter int
	unit      time.Duration
}{
	"RATE_LIMITED":              {2, time.Minute},
	"RATE_LIMITED_TOKEN_BUCKET": {1, time.Second},
}

// longestWait is the maximum wait that retryAfter returns.
const longestWait = 24 * time.Hour

// window reads the rate-limit headers, which some answers lack. No header has the time of the next
// refill.
func window(h http.Header) (ratelimit.Window, bool) {
	if h["Ratelimit-Limit"] == nil { // a map access, because Get would canonicalize the name
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

// providerCode returns Atlas's code of an error; "" if the error has none.
func providerCode(err error) string {
	if e, ok := errors.AsType[*errors.Error](err); ok {
		return e.ProviderCode
	}
	return ""
}

// isProjectNotFound reports whether Atlas answers that a project does not exist.
func isProjectNotFound(err error) bool {
	return errors.Is(err, errors.NotFound) && slices.Contains(projectMissing, providerCode(err))
}

// isNotInGroup reports whether Atlas answers that the credential is not in a project. Atlas gives the
// same answer for a deleted project.
func isNotInGroup(err error) bool { return providerCode(err) == "NOT_IN_GROUP" }

// isNotFound reports whether Atlas answers with this code that the resource of this name does not
// exist. Atlas has the name in the parameters of the error (recorded).
func isNotFound(err error, code, name string) bool {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.ProviderCode != code || !errors.Is(err, errors.NotFound) {
		return false
	}
	detail, _ := e.Detail.(ErrorDetail)
	return len(detail.Parameters) == 0 || slices.Contains(detail.Parameters, any(name))
}

// isClusterNotFound reports whether Atlas answers that a cluster does not exist.
func isClusterNotFound(err error, name string) bool {
	return isNotFound(err, "CLUSTER_NOT_FOUND", name)
}

// isSimulationNotFound reports whether an error means that a cluster has no outage simulation. No
// recorded answer shows the code: the code is RESOURCE_NOT_FOUND, as for other resources of a
// cluster, or contains the name of the simulation. Codes of other resources and codes without a
// meaning prove nothing.
func isSimulationNotFound(e *errors.Error) bool {
	return e.ProviderCode == "RESOURCE_NOT_FOUND" || strings.Contains(e.ProviderCode, "OUTAGE_SIMULATION")
}

// isLinkNotFound reports whether an error means that an organization has no live migration link. The
// code that Atlas answers has no meaning (recorded).
func isLinkNotFound(err error) bool {
	e, _ := errors.AsType[*errors.Error](err)
	return e.ProviderCode == "RESOURCE_NOT_FOUND" || strings.Contains(e.Message, "external organization link")
}

// isPolicyNotFound reports whether an error means that the project has no backup compliance policy,
// and not that the project does not exist.
func isPolicyNotFound(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.NotFound && e.ProviderCode == "RESOURCE_NOT_FOUND"
}

// isAboutAnother reports whether the parameters of an error identify other resources than the resource
// with this ID. A parameter can be a path.
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

// wrongResource returns the error of an answer about another resource than requested. Such an answer
// proves nothing.
func wrongResource(operation, id string) error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: id, Code: errors.UnexpectedResponse,
		Err: errors.New("the answer is about another resource"),
	}
}

// errContradicted is the cause of an error of [contradicted].
var errContradicted = errors.New("the parent of the list does not exist according to the list, and exists according to a read")

// contradicted returns the error of a list whose parent exists according to a read. The list proves
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
