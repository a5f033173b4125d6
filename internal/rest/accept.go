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

// accepted reports whether an answer accepts a removal by one of the statuses that providers
// send, documented or not.
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

var errCached = errors.New("the answer comes from a cache; it must be generated for this request")

// cached returns the error of a success that proves nothing, because its header Age shows
// that the provider did not generate it for this request (RFC 9111, section 5.1).
func (c *Client) cached(call *Call, a *Answer) *errors.Error {
	if !aged(a.Header) {
		return nil
	}
	e := c.newError(call, errors.UnexpectedResponse, errCached)
	e.Status, e.RequestID = a.Status, requestID(a.Header)
	return e
}

// aged reports whether an answer has an Age. It reads the canonical name directly, which
// saves time for each answer.
func aged(header http.Header) bool {
	age := header["Age"]
	return len(age) > 0 && age[0] != ""
}

// uncached replaces the code of a "not found" that comes from a cache, because it proves
// nothing.
func uncached(e *errors.Error, header http.Header) {
	if e != nil && aged(header) && errors.Is(e, errors.NotFound) {
		e.Code, e.Err = errors.UnexpectedResponse, errCached
	}
}

// errorMembers are the names of members that report a failure.
var errorMembers = []string{
	"error", "errors", "errorCode", "error_code", "errorMessage", "error_message", "errorMsg", "error_msg",
	"errorDescription", "error_description", "err", "fault", "code", "exception", "failed", "failure", "failures",
}

var (
	errContradiction = errors.New("the body of the success has an error member")
	errUnknownMember = errors.New("the body has a member that the API description lacks")
)

// scrutiny is the part of the body of a success that must not contradict the success.
type scrutiny int

const (
	errorInEnvelope scrutiny = iota // the envelope has no error; items of a read may have errors of their own
	errorAnywhere                   // no object has an error
	knownOutermost                  // in addition, the API description has all members of the outermost object
	knownAnywhere                   // in addition, the API description has all members of all objects
)

// scrutiny returns the part of a body that is checked. The deletion of an organization has
// the strictest check, because an error may have any name, and a read can decide.
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

// deletes reports whether a call deletes an organization by the method DELETE.
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

// contradiction returns the reason why the body of a success contradicts the success: an error
// member, or another member, that the API description lacks. The body is valid JSON.
func (a *Answer) contradiction(call *Call, knownOnly bool) error {
	s := call.scrutiny(knownOnly)
	if s < knownOutermost && !a.suspect {
		return nil
	}
	return s.contradiction(a.Body, reflect.TypeOf(call.Out))
}

// contradiction checks an object and the objects in it.
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

// isNothing reports whether the JSON value of an error member reports no error.
func isNothing(value []byte) bool {
	switch string(bytes.Join(bytes.Fields(value), nil)) {
	case "null", "false", `""`, "0", "{}", "[]":
		return true
	}
	return false
}

var anyType = reflect.TypeFor[any]()

// memberType returns the type that encoding/json decodes a member into; nil if the type has no
// member of this name. A map and an interface have members of all names.
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
