package workspace

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// errorEnvelope is the body of an error. Older answers have the status true. A body without a
// status is not Applivery's.
type errorEnvelope struct {
	Status any `json:"status"`
	Error  struct {
		Code    code        `json:"code"`
		Message string      `json:"message"`
		Data    ErrorDetail `json:"data"`
		Msg     string      `json:"msg"`   // of 2017
		Field   string      `json:"field"` // of 2017
	} `json:"error"`
}

// code is a code of Applivery, which is documented as a number. A string that contains a number
// is accepted too.
type code string

// UnmarshalJSON never fails: the other members are read even if the code has another type.
func (c *code) UnmarshalJSON(data []byte) error {
	var number json.Number
	if json.Unmarshal(data, &number) == nil {
		*c = code(number)
	}
	return nil
}

// UnmarshalJSON never fails: the framework permits any data in an error.
func (d *ErrorDetail) UnmarshalJSON(data []byte) error {
	type plain ErrorDetail
	if json.Unmarshal(data, &d.Text) != nil {
		_ = json.Unmarshal(data, (*plain)(d))
	}
	return nil
}

// noError is the member error of a success, which must be absent or null.
type noError struct{}

func (*noError) UnmarshalJSON(data []byte) error {
	if string(data) != "null" {
		return errors.New("workspace: a success contains an error")
	}
	return nil
}

// classify reads the body of an error and reports whether the body is Applivery's: it has a
// boolean status, and a code or a message.
func classify(a *rest.Answer, e *errors.Error) (own bool) {
	var envelope errorEnvelope
	// A member of an undocumented type stays empty; only the code decides.
	_ = json.Unmarshal(a.Body, &envelope)
	body := &envelope.Error
	e.ProviderCode, e.Message = string(body.Code), cmp.Or(body.Message, body.Msg)
	if _, own = envelope.Status.(bool); !own {
		return false
	}
	e.Code = cmp.Or(codesByStatus[answered{a.Status, e.ProviderCode}], codes[e.ProviderCode])
	detail := body.Data
	detail.Field = cmp.Or(detail.Field, body.Field)
	if detail != (ErrorDetail{}) {
		e.Detail = detail
	}
	switch {
	case e.Code == errors.ActiveSubscriptions:
		e.Steps = []errors.Step{{
			Name:        "subscriptions",
			Description: "Cancel all subscriptions in the dashboard, at Billing, Plan & Usage. No API can.",
		}}
	case e.Code == errors.OrganizationNotFound && !isOrganization(a, e, detail.Entity):
		e.Code = errors.NotFound
	}
	return e.ProviderCode != "" || e.Message != ""
}

// isOrganization reports whether the resource that does not exist is an organization. If the
// answer does not name the kind, the resource is one only if the call names no other resource.
func isOrganization(a *rest.Answer, e *errors.Error, entity string) bool {
	entity = strings.ToLower(entity)
	if e.Target == "" || entity == "" {
		return e.Target != "" && a.Subject() == "organization"
	}
	return strings.HasPrefix(entity, "organization") || strings.HasPrefix(entity, "workspace")
}

// codes maps the codes of Applivery and of the framework that its API uses. A code that is
// missing here is mapped by its HTTP status.
var codes = map[string]errors.Code{
	"400":  errors.InvalidArgument, // of 2017
	"1000": errors.Internal,
	"1001": errors.Internal,
	"1002": errors.RouteNotFound,
	"2001": errors.InvalidAPIToken, // of older pages
	"3002": errors.Internal,
	"4001": errors.PermissionDenied,
	"4002": errors.MissingAPIToken,
	"4003": errors.PermissionDenied,
	"4004": errors.InvalidAPIToken,
	"4005": errors.ExpiredAPIToken,
	"4014": errors.Unauthenticated, // a login lacks its second factor
	"5001": errors.Conflict,
	"5003": errors.Conflict,         // a limit of the plan; waiting does not help
	"5004": errors.PermissionDenied, // the plan does not include it
	"5111": errors.ActiveSubscriptions,
	"5173": errors.Conflict, // the device is unreachable by push messages
	"5209": errors.ValidationError,
}

// answered is an HTTP status with a code.
type answered struct {
	status int
	code   string
}

// codesByStatus maps codes whose meaning depends on the HTTP status.
var codesByStatus = map[answered]errors.Code{
	{http.StatusBadRequest, "3001"}:          errors.ValidationError,
	{http.StatusNotFound, "3001"}:            errors.OrganizationNotFound,
	{http.StatusUnprocessableEntity, "3000"}: errors.ValidationError,
	{http.StatusUnprocessableEntity, "3001"}: errors.NotFound, // of 2018; does not prove that an organization is deleted
}
