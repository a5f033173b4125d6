package workspace

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// errorEnvelope is the body of an error. Its status is true in older answers, and what is
// not Applivery's has none.
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

// code is a provider's code, which is documented as a number. A number in a text
// is taken as well.
type code string

// UnmarshalJSON never fails, so that a code of another type hides nothing else.
func (c *code) UnmarshalJSON(data []byte) error {
	var number json.Number
	if json.Unmarshal(data, &number) == nil {
		*c = code(number)
	}
	return nil
}

// UnmarshalJSON never fails: the framework lets an error have any data.
func (d *ErrorDetail) UnmarshalJSON(data []byte) error {
	type plain ErrorDetail
	if json.Unmarshal(data, &d.Text) != nil {
		_ = json.Unmarshal(data, (*plain)(d))
	}
	return nil
}

// noError is where a success would have an error. It has none, whatever else the
// body says.
type noError struct{}

func (*noError) UnmarshalJSON(data []byte) error {
	if string(data) != "null" {
		return errors.New("workspace: there is an error")
	}
	return nil
}

// classify reads an error's body, and reports whether it is Applivery's: one without a
// status that is true or false, or without a code and a text, is not.
func classify(a *rest.Answer, e *errors.Error) (own bool) {
	var envelope errorEnvelope
	// A field of another type than documented is left empty; the code is what counts.
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
			Description: "Cancel them in the dashboard, at Billing, Plan & Usage. No API does.",
		}}
	case e.Code == errors.OrganizationNotFound && !isOrganization(a, e, detail.Entity):
		e.Code = errors.NotFound
	}
	return e.ProviderCode != "" || e.Message != ""
}

// isOrganization reports whether the resource that was not found is an organization. If the
// answer does not name it, it is only if the call names nothing else.
func isOrganization(a *rest.Answer, e *errors.Error, entity string) bool {
	entity = strings.ToLower(entity)
	if e.Target == "" || entity == "" {
		return e.Target != "" && a.Subject() == "organization"
	}
	return strings.HasPrefix(entity, "organization") || strings.HasPrefix(entity, "workspace")
}

// codes maps Applivery's codes, and those of the framework it runs on. A code that
// is not here gets the category of its status.
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
	"4014": errors.Unauthenticated, // a log-in lacks its second factor
	"5001": errors.Conflict,
	"5003": errors.Conflict,         // a limit of the plan, which waiting does not lift
	"5004": errors.PermissionDenied, // the plan does not include it
	"5111": errors.ActiveSubscriptions,
	"5173": errors.Conflict, // no message can be pushed to the device
	"5209": errors.ValidationError,
}

// answered is a code below a status.
type answered struct {
	status int
	code   string
}

// codesByStatus maps codes that mean different things below different statuses.
var codesByStatus = map[answered]errors.Code{
	{http.StatusBadRequest, "3001"}:          errors.ValidationError,
	{http.StatusNotFound, "3001"}:            errors.OrganizationNotFound,
	{http.StatusUnprocessableEntity, "3000"}: errors.ValidationError,
	{http.StatusUnprocessableEntity, "3001"}: errors.NotFound, // of 2018, and no proof that an organization is gone
}
