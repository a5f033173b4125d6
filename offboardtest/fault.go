package offboardtest

import (
	"io"
	"net/http"
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

	// Work: the provider does its work before the fault.
	Work bool

	// Status, Header and Body replace the answer when Status is not 0.
	Status int
	Header http.Header
	Body   string

	// Break says how the connection fails.
	Break Break
}

// Break is a way in which a connection fails.
type Break int

const (
	// Answered: it does not fail.
	Answered Break = iota
	// Refused: there is no connection; the request was not sent.
	Refused
	// Reset: the connection ends before there is an answer.
	Reset
	// Truncated: the connection ends in the middle of the answer's body.
	Truncated
)

// Refuse refuses connections, so that nothing is sent.
func Refuse(operation string) Fault { return Fault{Operation: operation, Break: Refused} }

// LoseRequest ends the connection before the provider has done anything.
func LoseRequest(operation string) Fault { return Fault{Operation: operation, Break: Reset} }

// LoseAnswer ends the connection after the provider has done its work.
func LoseAnswer(operation string) Fault {
	return Fault{Operation: operation, Work: true, Break: Reset}
}

// TruncateAnswer ends the connection in the middle of the answer, after the
// provider has done its work.
func TruncateAnswer(operation string) Fault {
	return Fault{Operation: operation, Work: true, Break: Truncated}
}

// Page answers with a web page, as a proxy or a load balancer does.
func Page(operation string, status int) Fault {
	return Fault{
		Operation: operation, Status: status,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body:   "<!DOCTYPE html><title>" + strconv.Itoa(status) + "</title><h1>" + http.StatusText(status) + "</h1>",
	}
}

// Answer answers with a status and a JSON body.
func Answer(operation string, status int, body string) Fault {
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
	return !f.Work && (f.Status != 0 || f.Break == Refused || f.Break == Reset)
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
