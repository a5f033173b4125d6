package workspace

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// errorBody is the body of an error. A body without a boolean status is not Applivery's; older
// answers have the status true.
type errorBody struct {
	hasStatus     bool
	code, message string
	detail        ErrorDetail
}

// readError reads the body of an error. A member of an undocumented type stays empty; only the
// code decides.
func readError(a *rest.Answer) errorBody {
	var b errorBody
	for m := a.Members(); m.Next(); {
		switch {
		case m.Is("status"):
			b.hasStatus = string(m.Value) == "true" || string(m.Value) == "false"
		case m.Is("error"):
			b.readMembers(m.Value.Members())
		}
	}
	return b
}

// readMembers reads the member error of a body. The answers of 2017 have msg and field.
func (b *errorBody) readMembers(m rest.Members) {
	var msg, field string
	for m.Next() {
		switch {
		case m.Is("code"):
			b.code = number(m.Value)
		case m.Is("message"):
			b.message = m.Value.Text()
		case m.Is("msg"):
			msg = m.Value.Text()
		case m.Is("field"):
			field = m.Value.Text()
		case m.Is("data"):
			b.detail = readDetail(m.Value)
		}
	}
	b.message, b.detail.Field = cmp.Or(b.message, msg), cmp.Or(b.detail.Field, field)
}

// readDetail reads the data of an error, which may have any type.
func readDetail(v rest.JSON) ErrorDetail {
	d := ErrorDetail{Text: v.Text()}
	for m := v.Members(); m.Next(); {
		switch {
		case m.Is("entity"):
			d.Entity = m.Value.Text()
		case m.Is("id"):
			d.ID = m.Value.Text()
		case m.Is("limit"):
			d.Limit = m.Value.Int()
		case m.Is("field"):
			d.Field = m.Value.Text()
		case m.Is("text"):
			d.Text = m.Value.Text()
		}
	}
	return d
}

// number returns a code of Applivery, which is documented as a number. A string that contains a
// number is accepted too; "" for another value.
func number(v rest.JSON) string {
	text := cmp.Or(v.Text(), string(v))
	if strings.Trim(text, "+-.0123456789Ee") != "" || !json.Valid([]byte(text)) {
		return ""
	}
	return text
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
	body := readError(a)
	e.ProviderCode, e.Message = body.code, body.message
	if !body.hasStatus {
		return false
	}
	e.Code = cmp.Or(codesByStatus[answered{a.Status, body.code}], codes[body.code])
	if body.detail != (ErrorDetail{}) {
		e.Detail = body.detail
	}
	switch {
	case e.Code == errors.ActiveSubscriptions:
		e.Steps = []errors.Step{{
			Name:        kindSubscription,
			Description: "Cancel all subscriptions in the dashboard, at Billing, Plan & Usage. No API can.",
		}}
	case e.Code == errors.OrganizationNotFound && !isOrganization(a, e, body.detail.Entity):
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
