package rest

import (
	"bytes"
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// accepted reports whether an answer says that a removal was accepted, in a form that
// providers give whatever they document.
func (c *Call) accepted(a *Answer) bool {
	switch a.Status {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return c.Removal && !a.Cut && !a.Huge && a.flaw == nil && isEmpty(a.Body)
	}
	return false
}

// isEmpty reports whether a body is empty, or an object without members.
func isEmpty(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) == 0 || body[0] == '{' && body[len(body)-1] == '}' && len(bytes.TrimSpace(body[1:len(body)-1])) == 0
}

var errCached = errors.New("the answer comes from a cache")

// cached returns the error of a success that proves nothing, because its Age shows that
// the provider did not generate it for this request (RFC 9111, section 5.1).
func (c *Client) cached(call *Call, a *Answer) *errors.Error {
	if !aged(a.Header) {
		return nil
	}
	e := c.newError(call, errors.UnexpectedResponse, errCached)
	e.Status, e.RequestID = a.Status, requestID(a.Header)
	return e
}

// aged reports whether an answer has an Age. The name of the header is canonical, which
// spares looking at it in each answer.
func aged(header http.Header) bool {
	age := header["Age"]
	return len(age) > 0 && age[0] != ""
}

// uncached makes a "not found" that comes from a cache an answer that proves nothing.
func uncached(e *errors.Error, header http.Header) {
	if e != nil && aged(header) && errors.Is(e, errors.NotFound) {
		e.Code, e.Err = errors.UnexpectedResponse, errCached
	}
}

// errorMembers are the names of members by which an answer says that something failed.
var errorMembers = []string{
	"error", "errors", "errorCode", "error_code", "errorMessage", "error_message", "errorMsg", "error_msg",
	"errorDescription", "error_description", "err", "fault", "code", "exception", "failed", "failure", "failures",
}

var (
	errContradiction = errors.New("there is an error next to the success")
	errUnknownMember = errors.New("the body has a member that is not described")
)

// scrutiny is how much of the body of a success must not speak against it.
type scrutiny int

const (
	errorInEnvelope scrutiny = iota // no error in the envelope: items of a read may have errors of their own
	errorAnywhere                   // no error in any object
	knownOutermost                  // also, the outermost object has no member that is not described
	knownAnywhere                   // also, no object has one
)

// scrutiny returns how much of a body is looked at. An error next to the success of a
// deletion of an organization may be there in any words, and a read decides.
func (c *Call) scrutiny(knownOnly bool) scrutiny {
	switch {
	case c.deletes():
		return knownAnywhere
	case c.Repeat:
		return errorInEnvelope
	case knownOnly:
		return knownOutermost
	}
	return errorAnywhere
}

// deletes reports whether a call deletes an organization by the method for that.
func (c *Call) deletes() bool {
	return c.Method == http.MethodDelete && !c.Removal && !c.Repeat
}

// within returns the scrutiny of the objects in an object.
func (s scrutiny) within() scrutiny {
	if s == knownOutermost {
		return errorAnywhere
	}
	return s
}

// contradiction returns what in the body of a success speaks against it: an error that its
// operation does not describe, or a member that is not described. The body is valid JSON.
func (a *Answer) contradiction(call *Call, knownOnly bool) error {
	s := call.scrutiny(knownOnly)
	if s < knownOutermost && !a.suspect {
		return nil
	}
	return s.contradiction(a.Body, reflect.TypeOf(call.Out))
}

// contradiction looks at an object and the objects in it.
func (s scrutiny) contradiction(body []byte, out reflect.Type) error {
	for m := JSON(body).Members(); m.Next(); {
		name, value := m.Name(), m.Value
		member := memberType(out, name) // nil if the member is not described
		switch {
		case s >= knownOutermost && member == nil:
			return errUnknownMember
		case member == nil && isErrorMember(name) && !isNothing(value):
			return errContradiction
		case s > errorInEnvelope && member != nil, strings.EqualFold(name, "data"): // the envelope of some providers
			if err := s.within().contradiction(value, member); err != nil {
				return err
			}
		}
	}
	return nil
}

func isErrorMember(name string) bool {
	return slices.ContainsFunc(errorMembers, func(m string) bool { return strings.EqualFold(m, name) })
}

// isNothing reports whether a JSON value is one that says that there is no error.
func isNothing(value []byte) bool {
	switch string(bytes.Join(bytes.Fields(value), nil)) {
	case "null", "false", `""`, "0", "{}", "[]":
		return true
	}
	return false
}

var anyType = reflect.TypeFor[any]()

// memberType returns the type of a member, as encoding/json reads it; nil if the type has
// no member of this name. A map or an interface has any.
func memberType(out reflect.Type, name string) reflect.Type {
	for out != nil && out.Kind() == reflect.Pointer {
		out = out.Elem()
	}
	if out == nil {
		return nil
	}
	switch out.Kind() {
	case reflect.Map:
		return out.Elem()
	case reflect.Interface:
		return anyType
	case reflect.Struct:
		// Not by reflect.VisibleFields, which allocates for all fields of the type.
		for i := range out.NumField() {
			field := out.Field(i)
			tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case tag == "-":
			case field.Anonymous && tag == "" && embedsStruct(field.Type):
				if member := memberType(field.Type, name); member != nil {
					return member
				}
			case field.IsExported() && strings.EqualFold(cmp.Or(tag, field.Name), name):
				return field.Type
			}
		}
	}
	return nil
}

// embedsStruct reports whether encoding/json promotes the fields of an embedded type.
func embedsStruct(t reflect.Type) bool {
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}
