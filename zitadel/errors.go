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

// ErrorDetail is what else an error of the API says, as [errors.Error] has it in
// Detail.
type ErrorDetail struct {
	// GRPCCode is the number of the gRPC code, from 1 to 16.
	GRPCCode int `json:"grpcCode"`

	// Unknown are details of types that this package does not know, as they came.
	Unknown []json.RawMessage `json:"unknown,omitempty"`
}

// errorBody is the body of an error: in gRPC's JSON, in Connect's, or of the token
// endpoint.
type errorBody struct {
	Code    grpcCode          `json:"code"`
	Message string            `json:"message"`
	Details []json.RawMessage `json:"details"`

	// Of OAuth: from the token endpoint, or from a gateway.
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// errorDetail is one of the details. Connect has the content below debug.
type errorDetail struct {
	GRPCType    string `json:"@type"`
	ConnectType string `json:"type"`
	ID          string `json:"id"`
	Debug       struct {
		ID string `json:"id"`
	} `json:"debug"`
}

// classify reads an error's body.
func classify(a *rest.Answer, e *errors.Error) (own bool) {
	var body errorBody
	// A field of another type than documented is left empty; the id is what counts.
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

// isOAuth reports whether an error in OAuth's form is the server's. No error of OAuth is a
// 404. The API itself refuses in gRPC's form: such a refusal comes from something before it.
func isOAuth(a *rest.Answer) bool {
	switch {
	case a.Status == http.StatusNotFound:
		return false
	case a.IsToken(), a.Status == http.StatusUnauthorized:
		return true
	}
	return a.Status < http.StatusBadRequest || a.Status >= http.StatusInternalServerError
}

// apply makes an error of a body of the API: by the id, which decides, or by what
// little there is without one. An organization is not found only with the status that
// belongs to the id, and an error with the status of a success is neither.
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

// notFoundStatus is the status of an error that says that an organization does not exist.
func notFoundStatus(id string) int {
	if id == notFoundDefault {
		return http.StatusBadRequest
	}
	return http.StatusNotFound
}

// id returns the id of an error, and the details of types that have none. Where
// the details are missing the text has the id.
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

// inParentheses returns the id at the end of a text: "Not found (COMMA-aps2n)".
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

// codeOfText finds what has no id by its text.
func (b *errorBody) codeOfText() errors.Code {
	for _, t := range textCodes {
		if t.grpc == b.Code && strings.Contains(b.Message, t.text) {
			return t.code
		}
	}
	return ""
}

// codes maps the ids of errors that the operations of this package can have.
// One that is not here gets the code of its gRPC code or the category of its status.
var codes = map[string]errors.Code{
	"AUTH-3jknH":     errors.PermissionDenied,
	"AUTH-5mWD2":     errors.PermissionDenied,
	"AUTH-7fs1e":     errors.InvalidAPIToken,
	"AUTH-AWfge":     errors.PermissionDenied,
	"AUTH-Bs7Ds":     errors.PermissionDenied, // the organization in a header is not known
	"AUTH-Swrgg2":    errors.PermissionDenied,
	"AUTH-toLo1":     errors.Unauthenticated,
	"AUTHZ-cdgFk":    errors.PermissionDenied, // 404: no role at all
	"COMMA-AF3JW":    errors.SystemOrganization,
	"COMMA-aps2n":    errors.OrganizationNotFound,
	"COMMA-wG9p1":    errors.DefaultOrganization,
	"EVENT-Dbs2g":    errors.OrganizationInactive,
	"EVENT-bfnrh":    errors.OrganizationActive,
	"INST-SDfw2":     errors.Conflict,             // the default organization is that already
	notFoundDefault:  errors.OrganizationNotFound, // 400: what should be the default one
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

// notFoundDefault is the id of the error of an organization that does not exist and
// should become the default one.
const notFoundDefault = "INSTA-Wfe21"

// instanceNotFound is an id that is in the text only.
const instanceNotFound = "QUERY-1kIjX"

// steps are what stands in the way, for the codes that say so.
var steps = map[errors.Code]errors.Step{
	errors.DefaultOrganization: {
		Name: "default_organization", Description: "Make another organization the default one.",
	},
	errors.SystemOrganization: {
		Name: "system_organization", Description: "The organization has Zitadel's own project. It cannot be deleted.",
	},
}

// textCodes tell errors without an id, which come from before the operation and are
// not translated. Those of code 2 are errors in an error, as servers from v4.11.0
// to v4.13.1 have them.
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

// grpcCodes are the gRPC codes that say more than the status they come with.
var grpcCodes = map[grpcCode]errors.Code{
	9:  errors.Conflict,      // 400, as an invalid argument
	12: errors.RouteNotFound, // 501, or 405 for a method that a path does not have
}

// grantCodes are errors of the token endpoint that mean something else than in
// RFC 6749, section 5.2.
var grantCodes = map[string]errors.Code{
	"invalid_request": errors.Unauthenticated, // 400: the secret is wrong
	"server_error":    errors.Unauthenticated, // 500: anything is wrong with an assertion
}

// blockedPage is in the text that the token endpoint of a blocked instance
// answers with.
const blockedPage = "instance is blocked"

// grpcCode is a gRPC code: a number, or a word where Connect is spoken; 0 for
// anything else.
type grpcCode int

func (c grpcCode) valid() bool { return c >= 1 && c <= 16 }

// UnmarshalJSON reads either form.
func (c *grpcCode) UnmarshalJSON(data []byte) error {
	var word string
	if json.Unmarshal(data, &word) == nil {
		*c = grpcCode(slices.Index(connectCodes, word))
		return nil
	}
	return json.Unmarshal(data, (*int)(c))
}

// connectCodes are Connect's words for the gRPC codes, each at its number.
var connectCodes = []string{
	1: "canceled", 2: "unknown", 3: "invalid_argument", 4: "deadline_exceeded",
	5: "not_found", 6: "already_exists", 7: "permission_denied", 8: "resource_exhausted",
	9: "failed_precondition", 10: "aborted", 11: "out_of_range", 12: "unimplemented",
	13: "internal", 14: "unavailable", 15: "data_loss", 16: "unauthenticated",
}
