package rest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/oapi-codegen/runtime"

	"github.com/offboard-dev/offboard-go/errors"
)

// Call describes one call of an operation. Generated methods fill it in.
type Call struct {
	Operation string // Operation is the name of the operation, such as "DeleteOrganization".
	Target    string // Target is the ID or name of the resource that the call concerns.
	Subject   string // Subject is the kind of that resource, such as "organization"; "" if unknown.
	Method    string // Method is the HTTP method.
	Path      string // Path is relative to the base URL, with parameters in braces.
	Accept    string // Accept is the media type of the answer; "" for application/json.
	Body      any    // Body is sent as JSON; nil for no body.

	// ContentType is the media type of Body; "" for application/json.
	ContentType string

	// Status is the documented or recorded status of a success.
	Status int

	// Out is the value that the body of a success is decoded into; nil if a success has no
	// body.
	Out any

	// Validate returns the name of a required part that the body of a success lacks; "" if it
	// is complete. It is called after decoding; nil if nothing is required.
	Validate func() string

	// PageSize is the requested number of items for a page of a list; 0 if the call requests
	// no number. An answer with many more items is no success.
	PageSize int

	// List is true if the body of a success is a list.
	List bool

	// Repeat is true if the call changes nothing, so that it may be sent again after any
	// failure.
	Repeat bool

	// Once is true if the name of the target can belong to another resource later, so that
	// the call is never sent again.
	Once bool

	// Removal is true if the call removes a resource that is no organization. 200, 202 and
	// 204 with an empty body or {} mean that the removal was accepted, because recorded
	// answers differ from the documented ones. Out is not filled then, and only a read
	// shows that the resource no longer exists. For the deletion of an organization, an
	// answer other than the documented one leaves the outcome open.
	Removal bool

	foreign   bool // the last answer was not in the provider's form
	header    http.Header
	path      string // Path with its parameters, escaped
	query     string
	body      []byte
	err       error     // why the first refused argument was refused
	sent      int       // the number of requests sent
	attempt   int       // the number of the attempt, for log records and the observer
	started   time.Time // see [Retry.start]
	concealed string    // the target, if it has the form of a credential
	answer    Answer
	conns     connTrace // of the last exchange
	observed  *observation
	accept    [1]string // a field, which saves an allocation
}

// PathParam sets the parameter param of the path. A value that the check refuses, or that has the
// form of a credential, makes the call fail before it is sent. The error has the name argument,
// which is that of the method's parameter.
func (c *Call) PathParam(param, argument, value string, check Check) {
	if c.path == "" {
		c.path = c.Path
	}
	if err := Verify(value, check); err != nil {
		c.refuse(argument, value, err)
		return
	}
	if !isWord(value) { // a word has no character to escape
		value = url.PathEscape(value)
	}
	if before, after, ok := strings.Cut(c.path, "{"+param+"}"); ok {
		c.path = before + value + after
	}
}

// QueryParam adds a parameter to the query in a style of OpenAPI, such as "form".
func (c *Call) QueryParam(name, style string, explode bool, value any) {
	if v := reflect.ValueOf(value); v.Kind() == reflect.String && isCredential(v.String()) {
		c.refuse(name, v.String(), errLooksSecret)
		return
	}
	styled, err := runtime.StyleParamWithLocation(style, explode, name, runtime.ParamLocationQuery, value)
	if err != nil { // the text of err may repeat the value
		c.refuse(name, c.Target, errors.New("has a type that a query cannot represent"))
		return
	}
	if c.query != "" {
		c.query += "&"
	}
	c.query += styled
}

// OptionalParam adds a parameter to the query if given is true.
func (c *Call) OptionalParam(given bool, name, style string, explode bool, value any) {
	if given {
		c.QueryParam(name, style, explode, value)
	}
}

// HeaderParam checks a value and sets a header that selects the target of the call to it. An
// error names the argument as the signature of the operation does.
func (c *Call) HeaderParam(header, argument, value string, check Check) {
	err := Verify(value, check)
	if err == nil && !survives(value) {
		err = errors.New("must contain only printable ASCII characters, without white space at the ends")
	}
	if err != nil {
		c.refuse(argument, value, err)
		return
	}
	if c.header == nil {
		c.header = make(http.Header, 1)
	}
	c.header.Set(header, value)
}

// Header returns the value of a header that HeaderParam set; "" if it was not set, or if its
// value was refused.
func (c *Call) Header(name string) string { return c.header.Get(name) }

// Location returns the path of the call with its parameters.
func (c *Call) Location() string { return cmp.Or(c.path, c.Path) }

// Clone returns a copy of the call with its own headers. The copy has the same Out.
func (c *Call) Clone() *Call {
	return &Call{
		Operation: c.Operation, Target: c.Target, Subject: c.Subject, Method: c.Method, Path: c.Path, Accept: c.Accept, Body: c.Body,
		ContentType: c.ContentType, Status: c.Status, Removal: c.Removal, Out: c.Out, Validate: c.Validate,
		List: c.List, PageSize: c.PageSize, Repeat: c.Repeat, Once: c.Once,
		header: c.header.Clone(), path: c.path, query: c.query, err: c.err,
	}
}

// survives reports whether the transport sends a value of a header unchanged. It removes
// spaces at the ends, and an empty value could select another resource, or all.
func survives(value string) bool {
	return strings.TrimSpace(value) == value && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}

// Require makes the call fail before it is sent if the check refuses an argument.
func (c *Call) Require(name, value string, check Check) {
	if err := Verify(value, check); err != nil {
		c.refuse(name, value, err)
	}
}

// Verify returns why a value is refused: by its check, or because the value has the form of a
// credential.
func Verify(value string, check Check) error {
	if err := check(value); err != nil {
		return err
	}
	if isCredential(value) {
		return errLooksSecret
	}
	return nil
}

// refuse makes the call fail before it is sent. It removes the target that contains the
// refused value, because the value may be a credential that was passed by mistake.
func (c *Call) refuse(name, value string, err error) {
	if c.err == nil {
		c.err = &argumentError{name, err}
	}
	if strings.Contains(c.Target, value) {
		c.Target = ""
	}
}

// argumentError is the error of a refused argument.
type argumentError struct {
	name string
	err  error
}

func (e *argumentError) Error() string { return e.name + " " + e.err.Error() }

// Required is a part that the body of a success must have.
type Required struct {
	Name   string // Name is the name of the part in the API.
	Absent bool   // Absent is true if the body lacks the part.
}

// Validate returns the name of the first part that is absent; "" if none is.
func Validate(parts ...Required) string {
	for _, part := range parts {
		if part.Absent {
			return part.Name
		}
	}
	return ""
}

// Pointer returns the decoded body of a success; nil with the error of a failure.
func Pointer[T any](out *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Value returns the decoded body of a success; the zero value with the error of a failure.
func Value[T any](out *T, err error) (T, error) {
	if err != nil {
		var zero T
		return zero, err
	}
	return *out, nil
}

// Lookup identifies a resource in a body by one of several keys: {"id":"org_x"}.
type Lookup struct {
	Key string // Key is the name of the member.
	ID  string // ID is the value of the member.
}

// MarshalJSON returns the lookup as an object with one member.
func (l Lookup) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, len(l.Key)+len(l.ID)+7)
	b = append(b, '{', '"')
	b = append(b, l.Key...)
	b = append(b, '"', ':')
	if plain(l.ID) {
		b = append(b, '"')
		b = append(b, l.ID...)
		return append(b, '"', '}'), nil
	}
	id, err := json.Marshal(l.ID)
	return append(append(b, id...), '}'), err
}

// plain reports whether a string needs no escape in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
