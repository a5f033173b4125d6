package zitadel

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// ErrorDetail has the provider-specific fields of an error, as [errors.Error] has them in
// Detail.
type ErrorDetail struct {
	// GRPCCode is the number of the gRPC code, from 1 to 16.
	GRPCCode int `json:"grpcCode"`

	// Unknown are the details of types that this package does not know, unchanged.
	Unknown []json.RawMessage `json:"unknown,omitempty"`
}

// errorBody is the body of an error in the form of gRPC, of Connect, or of OAuth.
type errorBody struct {
	Code    grpcCode          `json:"code"`
	Message string            `json:"message"`
	Details []json.RawMessage `json:"details"`

	// In the form of OAuth, of the token endpoint or of a gateway.
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// errorDetail is one of the details of an error. In the form of Connect, the ID is below
// debug.
type errorDetail struct {
	GRPCType    string `json:"@type"`
	ConnectType string `json:"type"`
	ID          string `json:"id"`
	Debug       struct {
		ID string `json:"id"`
	} `json:"debug"`
}

// classify sets the fields of an error from its body, and reports whether the body is
// Zitadel's own.
func classify(a *rest.Answer, e *errors.Error) (own bool) {
	var body errorBody
	// A field with an undocumented type stays empty. The ID decides.
	_ = json.Unmarshal(a.Body, &body)
	switch {
	case body.Error != "" && isOAuth(a):
		e.ProviderCode, e.Message = body.Error, body.Description
		if a.IsToken() {
			e.Code = grantCodes[body.Error]
		}
		return true
	case body.Code.valid():
		body.apply(a.Status, e)
		return true
	case a.Status == http.StatusTooManyRequests && bytes.Contains(a.Body, []byte(blockedPage)):
		e.Code = errors.InstanceBlocked
		return true
	}
	return false
}

// isOAuth reports whether an error in the form of OAuth comes from the server. OAuth has no
// error with the status 404. The API refuses requests in the form of gRPC; a refusal in the
// form of OAuth comes from a gateway before the API.
func isOAuth(a *rest.Answer) bool {
	switch {
	case a.Status == http.StatusNotFound:
		return false
	case a.IsToken(), a.Status == http.StatusUnauthorized:
		return true
	}
	return a.Status < http.StatusBadRequest || a.Status >= http.StatusInternalServerError
}

// apply sets the fields of an error from a body of the API. The ID decides; without an ID, the
// text or the gRPC code does. An error is OrganizationNotFound only with the status that
// belongs to its ID. An error body with a success status is UnexpectedResponse.
func (b *errorBody) apply(status int, e *errors.Error) {
	id, unknown := b.id()
	e.ProviderCode, e.Message = id, b.Message
	e.Detail = ErrorDetail{GRPCCode: int(b.Code), Unknown: unknown}
	if status < http.StatusBadRequest {
		e.Code = errors.UnexpectedResponse
		return
	}
	e.Code = codes[id]
	if id == "COMMA-wG9p1" && strings.Contains(strings.ToLower(b.Message), "not found") {
		e.Code = errors.Conflict // the same ID if the events of an organization cannot be read (vendor's source)
	}
	if e.Code == errors.OrganizationNotFound && status != notFoundStatus(id) {
		if e.Code = errors.UnexpectedResponse; status >= http.StatusInternalServerError {
			e.Code = errors.Internal
		}
	}
	if e.Code == "" && id == "" {
		e.Code = b.codeOfText()
	}
	if e.Code == "" {
		e.Code = grpcCodes[b.Code]
	}
	if step, ok := steps[e.Code]; ok {
		e.Steps = []errors.Step{step}
	}
}

// notFoundStatus returns the status of the error with an ID that reports that an organization
// does not exist.
func notFoundStatus(id string) int {
	if id == notFoundDefault {
		return http.StatusBadRequest
	}
	return http.StatusNotFound
}

// id returns the ID of an error, and the details of unknown types. If the error has no
// details, the end of the text has the ID.
func (b *errorBody) id() (id string, unknown []json.RawMessage) {
	for _, raw := range b.Details {
		var d errorDetail
		_ = json.Unmarshal(raw, &d)
		switch strings.TrimPrefix(cmp.Or(d.GRPCType, d.ConnectType), "type.googleapis.com/") {
		case "zitadel.v1.ErrorDetail", "zitadel.v1.CredentialsCheckError":
			id = cmp.Or(id, d.ID, d.Debug.ID)
		default:
			unknown = append(unknown, raw)
		}
	}
	if id == "" && strings.Contains(b.Message, instanceNotFound) {
		id = instanceNotFound
	}
	return cmp.Or(id, inParentheses(b.Message)), unknown
}

// inParentheses returns the ID at the end of a text: "Not found (COMMA-aps2n)".
func inParentheses(text string) string {
	open := strings.LastIndexByte(text, '(')
	if open < 0 || !strings.HasSuffix(text, ")") {
		return ""
	}
	id := text[open+1 : len(text)-1]
	prefix, suffix, _ := strings.Cut(id, "-")
	if !alphanumeric(prefix) || !alphanumeric(suffix) || prefix != strings.ToUpper(prefix) {
		return ""
	}
	return id
}

func alphanumeric(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// codeOfText returns the code of an error without an ID by its text.
func (b *errorBody) codeOfText() errors.Code {
	for _, t := range textCodes {
		if t.grpc == b.Code && strings.Contains(b.Message, t.text) {
			return t.code
		}
	}
	return ""
}

// codes maps the IDs of errors to codes. An error with another ID gets the code of its gRPC
// code, or the category of its status.
var codes = map[string]errors.Code{
	"AUTH-3jknH":     errors.PermissionDenied,
	"AUTH-5mWD2":     errors.PermissionDenied,
	"AUTH-7fs1e":     errors.InvalidAPIToken,
	"AUTH-AWfge":     errors.PermissionDenied,
	"AUTH-Bs7Ds":     errors.PermissionDenied, // the header names an unknown organization
	"AUTH-Swrgg2":    errors.PermissionDenied,
	"AUTH-toLo1":     errors.Unauthenticated,
	"AUTHZ-cdgFk":    errors.PermissionDenied, // 404: the credential has no role
	"COMMA-AF3JW":    errors.SystemOrganization,
	"COMMA-aps2n":    errors.OrganizationNotFound,
	"COMMA-wG9p1":    errors.DefaultOrganization,
	"EVENT-Dbs2g":    errors.OrganizationInactive,
	"EVENT-bfnrh":    errors.OrganizationActive,
	"INST-SDfw2":     errors.Conflict,             // the organization is already the default one
	notFoundDefault:  errors.OrganizationNotFound, // 400, of SetDefaultOrganization
	"LIMITS-molsj":   errors.InstanceBlocked,
	"ORG-Dgf3g":      errors.OrganizationNotFound,
	"ORG-laho2n":     errors.OrganizationExists,
	"ORG-oL9nT":      errors.OrganizationNotFound,
	"QUERY-iTTGJ":    errors.OrganizationNotFound,
	"QUERY-leq5Q":    errors.OrganizationNotFound,
	"QUOTA-vjAy8":    errors.QuotaExhausted,
	"V3-DKcYh":       errors.OrganizationExists,
	instanceNotFound: errors.InstanceNotFound,
}

// notFoundDefault is the ID of the error if SetDefaultOrganization names an organization that
// does not exist.
const notFoundDefault = "INSTA-Wfe21"

// instanceNotFound is an ID that only the text contains.
const instanceNotFound = "QUERY-1kIjX"

// steps are the deletion steps of the codes in category DeletionStepsNotSatisfied.
var steps = map[errors.Code]errors.Step{
	errors.DefaultOrganization: {
		Name: "default_organization", Description: "Make another organization the default one.",
	},
	errors.SystemOrganization: {
		Name: "system_organization", Description: "The organization owns Zitadel's own project. It cannot be deleted.",
	},
}

// textCodes are the codes of errors without an ID, by their texts. Such errors come from
// before the operation and are not translated. Errors of code 2 contain another error, at
// servers from v4.11.0 to v4.13.1.
var textCodes = []struct {
	grpc grpcCode
	text string
	code errors.Code
}{
	{2, "code = Unauthenticated desc = auth header missing", errors.MissingAPIToken},
	{2, "code = Unauthenticated", errors.Unauthenticated},
	{2, "code = InvalidArgument", errors.InvalidArgument},
	{5, "Not Found", errors.RouteNotFound},
	{16, "auth header missing", errors.MissingAPIToken},
}

// grpcCodes are the gRPC codes that are more exact than their status.
var grpcCodes = map[grpcCode]errors.Code{
	9:  errors.Conflict,      // 400, as invalid arguments
	12: errors.RouteNotFound, // 501, or 405 for an unknown method of a path
}

// grantCodes are the errors of the token endpoint that differ from RFC 6749, section 5.2.
var grantCodes = map[string]errors.Code{
	"invalid_request": errors.Unauthenticated, // 400: the secret is wrong
	"server_error":    errors.Unauthenticated, // 500: any fault of an assertion
}

// blockedPage is a part of the text that the token endpoint of a blocked instance answers.
const blockedPage = "instance is blocked"

// grpcCode is a gRPC code: a number, or a word in the form of Connect. It is 0 for any other
// value.
type grpcCode int

func (c grpcCode) valid() bool { return c >= 1 && c <= 16 }

// UnmarshalJSON reads a number or a word.
func (c *grpcCode) UnmarshalJSON(data []byte) error {
	var word string
	if json.Unmarshal(data, &word) == nil {
		*c = grpcCode(slices.Index(connectCodes, word))
		return nil
	}
	return json.Unmarshal(data, (*int)(c))
}

// connectCodes are Connect's words for the gRPC codes, each at the index of its number.
var connectCodes = []string{
	1: "canceled", 2: "unknown", 3: "invalid_argument", 4: "deadline_exceeded",
	5: "not_found", 6: "already_exists", 7: "permission_denied", 8: "resource_exhausted",
	9: "failed_precondition", 10: "aborted", 11: "out_of_range", 12: "unimplemented",
	13: "internal", 14: "unavailable", 15: "data_loss", 16: "unauthenticated",
}
