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

// Fault is something that goes wrong with a request. The zero Fault is none.
//
// Unless Work is set, a fault that replaces or withholds the answer befalls the
// request before the provider has done anything. One that truncates the
// provider's own answer comes after it.
type Fault struct {
	// Operation is the operation that the fault befalls, such as
	// "DeleteOrganization"; "" for any.
	Operation string

	// Times is how many requests it befalls; 0 for one.
	Times int

	// Delay passes before anything else, DelayAfter before the answer.
	Delay, DelayAfter time.Duration

	// Processed: the provider does its work before the fault.
	Processed bool

	// Status, Header and Body replace the answer when Status is not 0.
	Status int
	Header http.Header
	Body   string

	// Failure says how the connection fails.
	Failure Failure

	// Err is the error of the connection if Break is Reset; nil for ECONNRESET. The
	// listener ignores Err, because a client sees its own error there.
	Err error

	// EditRequest changes the request before the provider reads it; nil for no change.
	EditRequest func(*http.Request)

	// EditBody returns the body that replaces the body of the answer; nil for no change.
	EditBody func([]byte) []byte

	// AddHeader replaces headers of the answer. A header without values is removed.
	AddHeader http.Header
}

// Failure is a way in which a connection fails.
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

// RefuseConnection refuses connections, so that nothing is sent.
func RefuseConnection(operation string) Fault {
	return Fault{Operation: operation, Failure: ConnectionRefused}
}

// LoseRequest ends the connection before the provider has done anything.
func LoseRequest(operation string) Fault {
	return Fault{Operation: operation, Failure: ConnectionReset}
}

// LoseResponse ends the connection after the provider has done its work.
func LoseResponse(operation string) Fault {
	return Fault{Operation: operation, Processed: true, Failure: ConnectionReset}
}

// TruncateResponse ends the connection in the middle of the answer, after the
// provider has done its work.
func TruncateResponse(operation string) Fault {
	return Fault{Operation: operation, Processed: true, Failure: BodyTruncated}
}

// BreakAfterHandshake ends the connection after the provider has done its work, with
// an error that a transport also returns for a connection that it could not make.
func BreakAfterHandshake(operation string, err error) Fault {
	return Fault{Operation: operation, Processed: true, Failure: ConnectionReset, Err: err}
}

// RedialConnection ends the connection after the provider has done its work, and refuses the
// connection that the transport makes by itself after that.
func RedialConnection(operation string) Fault {
	return Fault{Operation: operation, Processed: true, Failure: ConnectionRedialed}
}

// Accept lets the provider do its work, and answers with another status and body than
// the provider's.
func Accept(operation string, status int, body string) Fault {
	f := Respond(operation, status, body)
	f.Processed = true
	return f
}

// Ignore answers as if the provider had accepted the request. The provider does
// nothing.
func Ignore(operation string, status int, body string) Fault {
	return Respond(operation, status, body)
}

// DropHeader removes a header from the request before the provider reads it.
func DropHeader(operation, name string) Fault {
	return Fault{Operation: operation, EditRequest: func(r *http.Request) { r.Header.Del(name) }}
}

// OtherPage sets a parameter of the query before the provider reads the request, so
// that the provider answers with another page than the client requested.
func OtherPage(operation, parameter, value string) Fault {
	return Fault{Operation: operation, EditRequest: func(r *http.Request) {
		query := r.URL.Query()
		query.Set(parameter, value)
		r.URL.RawQuery = query.Encode()
	}}
}

// Cache marks the provider's answer as one of a cache, of the given age.
func Cache(operation string, age time.Duration) Fault {
	return Fault{Operation: operation, AddHeader: http.Header{"Age": {strconv.Itoa(int(age / time.Second))}}}
}

// EditBody changes the body of the provider's answer.
func EditBody(operation string, edit func([]byte) []byte) Fault {
	return Fault{Operation: operation, EditBody: edit}
}

// AddMember returns an edit that appends a member to a JSON object, whether the object
// has the member or not: AddMember("error", `{"code":"x"}`). Other bodies are returned
// as they are.
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

// HTMLResponse answers with a web page, as a proxy or a load balancer does.
func HTMLResponse(operation string, status int) Fault {
	return Fault{
		Operation: operation, Status: status,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body:   "<!DOCTYPE html><title>" + strconv.Itoa(status) + "</title><h1>" + http.StatusText(status) + "</h1>",
	}
}

// Respond answers with a status and a JSON body.
func Respond(operation string, status int, body string) Fault {
	return Fault{
		Operation: operation, Status: status, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}},
	}
}

// Redirect answers with a redirect.
func Redirect(operation string, status int, location string) Fault {
	return Fault{Operation: operation, Status: status, Header: http.Header{"Location": {location}}}
}

// replaces reports whether the fault keeps the provider from doing its work.
func (f Fault) replaces() bool {
	return !f.Processed && (f.Status != 0 || f.Failure == ConnectionRefused || f.Failure == ConnectionReset || f.Failure == ConnectionRedialed)
}

// answer is the answer that the fault gives.
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

// edit changes an answer as the fault says.
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
