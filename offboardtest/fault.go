package offboardtest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault changes the handling of a request: the request, its answer or its connection. The
// zero Fault changes nothing.
//
// Unless Processed is true, a fault that replaces the answer, or ends the connection before
// the answer, applies to the request before the fake processes it. Other faults apply after
// that.
type Fault struct {
	// Operation is the name of the operation that the fault applies to, such as
	// "DeleteOrganization"; "" for any.
	Operation string

	// Times is the number of requests that the fault applies to; 0 for one.
	Times int

	// Delay is the wait before the request is processed, and DelayAfter the wait before the
	// answer is sent.
	Delay, DelayAfter time.Duration

	// Processed is true if the fake processes the request before the fault applies.
	Processed bool

	// Status is the status of the answer that replaces the provider's; 0 for no replacement.
	Status int

	// Header contains the headers of the answer if Status is not 0.
	Header http.Header

	// Body is the body of the answer if Status is not 0.
	Body string

	// Failure is the failure of the connection.
	Failure Failure

	// Err is the error of the connection if Failure is ConnectionReset; nil for ECONNRESET.
	// The listener ignores Err, because its client returns an error of its own.
	Err error

	// EditRequest changes the request before the fake processes it; nil for no change.
	EditRequest func(*http.Request)

	// EditBody returns the body that replaces the body of the answer; nil for no change.
	EditBody func([]byte) []byte

	// AddHeader replaces headers of the answer. A header without values is removed.
	AddHeader http.Header
}

// Failure is the failure of a connection.
type Failure int

// The failures of a connection.
const (
	// NoFailure: the connection does not fail.
	NoFailure Failure = iota
	// ConnectionRefused: the connection is refused, and the request is not sent.
	ConnectionRefused
	// ConnectionReset: the connection ends before the answer.
	ConnectionReset
	// BodyTruncated: the connection ends in the middle of the answer's body.
	BodyTruncated
	// ConnectionRedialed: the connection ends before the answer. The transport connects
	// again by itself, which is refused, and returns the error of the second connection.
	// The listener ends the connection.
	ConnectionRedialed
)

// String returns the name of the failure, such as "ConnectionReset".
func (f Failure) String() string {
	names := [...]string{"NoFailure", "ConnectionRefused", "ConnectionReset", "BodyTruncated", "ConnectionRedialed"}
	if f < 0 || int(f) >= len(names) {
		return "Failure(" + strconv.Itoa(int(f)) + ")"
	}
	return names[f]
}

// RefuseConnection returns a fault that refuses the connection, so that no request is sent.
func RefuseConnection(operation string) Fault {
	return Fault{Operation: operation, Failure: ConnectionRefused}
}

// LoseRequest returns a fault that ends the connection before the request is processed.
func LoseRequest(operation string) Fault {
	return Fault{Operation: operation, Failure: ConnectionReset}
}

// LoseResponse returns a fault that ends the connection after the request is processed and
// before the answer.
func LoseResponse(operation string) Fault {
	return Fault{Operation: operation, Processed: true, Failure: ConnectionReset}
}

// TruncateResponse returns a fault that ends the connection in the middle of the answer's
// body.
func TruncateResponse(operation string) Fault {
	return Fault{Operation: operation, Processed: true, Failure: BodyTruncated}
}

// BreakAfterHandshake returns a fault that ends the connection after the request is processed
// and before the answer, with an error that a transport may also return if it made no
// connection.
func BreakAfterHandshake(operation string, err error) Fault {
	return Fault{Operation: operation, Processed: true, Failure: ConnectionReset, Err: err}
}

// RedialConnection returns a fault that ends the connection after the request is processed and
// before the answer, and refuses the second connection of the transport.
func RedialConnection(operation string) Fault {
	return Fault{Operation: operation, Processed: true, Failure: ConnectionRedialed}
}

// Accept returns a fault that replaces the status and the JSON body of the answer after the
// request is processed.
func Accept(operation string, status int, body string) Fault {
	f := Respond(operation, status, body)
	f.Processed = true
	return f
}

// Ignore returns a fault that answers as if the provider accepted the request. The request is
// not processed.
func Ignore(operation string, status int, body string) Fault {
	return Respond(operation, status, body)
}

// DropHeader returns a fault that removes a header of the request before it is processed.
func DropHeader(operation, name string) Fault {
	return Fault{Operation: operation, EditRequest: func(r *http.Request) { r.Header.Del(name) }}
}

// OtherPage returns a fault that sets a parameter of the query before the request is
// processed, so that the answer is another page than the client requested.
func OtherPage(operation, parameter, value string) Fault {
	return Fault{Operation: operation, EditRequest: func(r *http.Request) {
		query := r.URL.Query()
		query.Set(parameter, value)
		r.URL.RawQuery = query.Encode()
	}}
}

// Cache returns a fault that marks the answer, by the header Age, as one from a cache. The age
// is truncated to seconds.
func Cache(operation string, age time.Duration) Fault {
	return Fault{Operation: operation, AddHeader: http.Header{"Age": {strconv.Itoa(int(age / time.Second))}}}
}

// EditBody returns a fault that changes the body of the answer.
func EditBody(operation string, edit func([]byte) []byte) Fault {
	return Fault{Operation: operation, EditBody: edit}
}

// AddMember returns an edit for [EditBody] that appends a member to a JSON object, even if the
// object has a member of this name: AddMember("error", `{"code":"x"}`). It does not change
// other bodies.
func AddMember(name, value string) func([]byte) []byte {
	return func(body []byte) []byte {
		trimmed := bytes.TrimSpace(body)
		if len(trimmed) < 2 || trimmed[0] != '{' || trimmed[len(trimmed)-1] != '}' {
			return body
		}
		comma := ","
		if len(bytes.TrimSpace(trimmed[1:len(trimmed)-1])) == 0 {
			comma = ""
		}
		return slices.Concat(trimmed[:len(trimmed)-1], []byte(comma+strconv.Quote(name)+":"+value+"}"))
	}
}

// HTMLResponse returns a fault that answers with a web page, like a proxy or a load balancer.
func HTMLResponse(operation string, status int) Fault {
	return Fault{
		Operation: operation, Status: status,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body:   "<!DOCTYPE html><title>" + strconv.Itoa(status) + "</title><h1>" + http.StatusText(status) + "</h1>",
	}
}

// Respond returns a fault that answers with a status and a JSON body.
func Respond(operation string, status int, body string) Fault {
	return Fault{
		Operation: operation, Status: status, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}},
	}
}

// Redirect returns a fault that answers with a redirect to a location.
func Redirect(operation string, status int, location string) Fault {
	return Fault{Operation: operation, Status: status, Header: http.Header{"Location": {location}}}
}

// replaces reports whether the request is not processed because of the fault.
func (f Fault) replaces() bool {
	return !f.Processed && (f.Status != 0 || f.Failure == ConnectionRefused || f.Failure == ConnectionReset || f.Failure == ConnectionRedialed)
}

// answer returns the answer that replaces the provider's.
func (f Fault) answer() *http.Response {
	header := f.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	if header.Get("Date") == "" {
		header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return &http.Response{
		StatusCode: f.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(strings.NewReader(f.Body)),
		ContentLength: int64(len(f.Body)),
	}
}

// edit changes an answer by AddHeader and EditBody.
func (f Fault) edit(resp *http.Response) error {
	for name, values := range f.AddHeader {
		if resp.Header.Del(name); len(values) > 0 {
			resp.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	if f.EditBody == nil {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	body = f.EditBody(body)
	resp.Body, resp.ContentLength = newBody(body), int64(len(body))
	resp.Header.Del("Content-Length")
	return nil
}
