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

// Call is what a generated method asks for.
type Call struct {
	Operation string // "DeleteOrganization"
	Target    string // the id or name it is about
	Subject   string // the kind of resource that Target names, such as "organization"; "" if unknown
	Method    string
	Path      string // relative to the base URL, parameters in braces
	Accept    string // "" for application/json
	Body      any    // to be sent as JSON; nil for none

	// ContentType is the media type of Body; "" for application/json.
	ContentType string

	// Status is the status that the operation documents for a success, or was recorded
	// to answer with.
	Status int

	// Out is what the body of a success is decoded into; nil when none is due.
	Out any

	// Validate returns the name of a required part that the body of a success lacks; "" if it
	// is complete. It is called after decoding; nil if nothing is required.
	Validate func() string

	// PageSize is how many items were requested for a page of a list; 0 if the call names
	// no number. More of them, beyond some slack, are no success.
	PageSize int

	// List: the body of a success is a list.
	List bool

	// Repeat: the call changes nothing, so it may be sent again after any failure.
	Repeat bool

	// Once: the call names its target by a name that can belong to another resource
	// later, so that it is not sent again, whatever the answer to the first request is.
	Once bool

	// Removal: the call removes a resource. 200, 202 and 204 with an empty body or {}
	// mean that the removal was accepted, whichever of them is documented: recorded
	// answers differ from the documentation. Out is not filled then, and only a read
	// shows when the resource no longer exists. The deletion of an organization is no
	// Removal: an answer that is not the documented one leaves its outcome open.
	Removal bool

	foreign   bool // the last answer was not in the provider's own form
	header    http.Header
	path      string // Path, escaped and filled in
	query     string
	body      []byte
	err       error     // the first argument that was refused
	sent      int       // how often
	started   time.Time // see [Retry.start]
	concealed string    // the target, if it was taken for a credential
	answer    Answer
	conns     connTrace // of the last exchange
	accept    [1]string // here to be allocated with the rest
}

// PathParam checks a value and fills it into the path for the parameter param. An error names
// the argument as the signature of the operation does.
func (c *Call) PathParam(param, argument, value string, check Check) {
	if c.path == "" {
		c.path = c.Path
	}
	if err := verify(value, check); err != nil {
		c.refuse(argument, value, err)
		return
	}
	if !isWord(value) { // a word needs no escape
		value = url.PathEscape(value)
	}
	if before, after, ok := strings.Cut(c.path, "{"+param+"}"); ok {
		c.path = before + value + after
	}
}

// QueryParam adds a parameter to the query in the style that the operation
// documents.
func (c *Call) QueryParam(name, style string, explode bool, value any) {
	if v := reflect.ValueOf(value); v.Kind() == reflect.String && isCredential(v.String()) {
		c.refuse(name, v.String(), errLooksSecret)
		return
	}
	styled, err := runtime.StyleParamWithLocation(style, explode, name, runtime.ParamLocationQuery, value)
	if err != nil { // its text may repeat the value
		c.refuse(name, c.Target, errors.New("cannot be written into a query"))
		return
	}
	if c.query != "" {
		c.query += "&"
	}
	c.query += styled
}

// OptionalParam adds a parameter to the query if it was given.
func (c *Call) OptionalParam(given bool, name, style string, explode bool, value any) {
	if given {
		c.QueryParam(name, style, explode, value)
	}
}

// HeaderParam adds a header that chooses what the call is about, after checking it.
func (c *Call) HeaderParam(name, value string, check Check) {
	err := verify(value, check)
	if err == nil && !survives(value) {
		err = errors.New("contains what a header does not keep")
	}
	if err != nil {
		c.refuse(name, value, err)
		return
	}
	if c.header == nil {
		c.header = make(http.Header, 1)
	}
	c.header.Set(name, value)
}

// Header returns a header that chooses what the call is about; "" if there is none, or
// if its value was refused.
func (c *Call) Header(name string) string { return c.header.Get(name) }

// Location returns the path of a call with its parameters.
func (c *Call) Location() string { return cmp.Or(c.path, c.Path) }

// Clone returns a call that is sent as c, with headers of its own. It is decoded into the
// same Out.
func (c *Call) Clone() *Call {
	return &Call{
		Operation: c.Operation, Target: c.Target, Subject: c.Subject, Method: c.Method, Path: c.Path, Accept: c.Accept, Body: c.Body,
		ContentType: c.ContentType, Status: c.Status, Removal: c.Removal, Out: c.Out, Validate: c.Validate,
		List: c.List, PageSize: c.PageSize, Repeat: c.Repeat, Once: c.Once,
		header: c.header.Clone(), path: c.path, query: c.query, err: c.err,
	}
}

// survives reports whether a header has a value as it is: spaces around it are taken
// off, and what is left of " " would be about something else, or everything.
func survives(value string) bool {
	return strings.TrimSpace(value) == value && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}

// Require refuses the call when an argument is not what it has to be.
func (c *Call) Require(name, value string, check Check) {
	if err := verify(value, check); err != nil {
		c.refuse(name, value, err)
	}
}

// verify refuses a value that its check refuses, or that has the form of a credential.
func verify(value string, check Check) error {
	if err := check(value); err != nil {
		return err
	}
	if isCredential(value) {
		return errLooksSecret
	}
	return nil
}

// refuse refuses the call, and takes the value that was refused out of its target: it
// may be a credential that was passed by mistake.
func (c *Call) refuse(name, value string, err error) {
	if c.err == nil {
		c.err = &argumentError{name, err}
	}
	if strings.Contains(c.Target, value) {
		c.Target = ""
	}
}

// argumentError says which argument was refused.
type argumentError struct {
	name string
	err  error
}

func (e *argumentError) Error() string { return e.name + " " + e.err.Error() }

// Required is a part that the body of a success must have, and whether it is absent.
type Required struct {
	Name   string
	Absent bool
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

// Pointer returns what a call was decoded into, unless it failed.
func Pointer[T any](out *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Value returns what a call was decoded into, unless it failed.
func Value[T any](out *T, err error) (T, error) {
	if err != nil {
		var zero T
		return zero, err
	}
	return *out, nil
}

// Lookup names a thing by one of several keys in a body: {"id":"org_x"}.
type Lookup struct{ Key, ID string }

// MarshalJSON writes the lookup as an object with one key.
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

// plain reports whether a string stands in JSON as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
