package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// The limits of a body in bytes: the size of a wrong answer is not known.
const (
	maxErrorBody = 1 << 20
	maxBody      = 64 << 20

	maxReserved = 4 << 20 // allocated by the Content-Length, before the body is received
)

// Answer is a received answer. Its Body is valid until the answer is classified.
type Answer struct {
	Status int         // Status is the HTTP status.
	Header http.Header // Header contains the headers.
	Body   []byte      // Body is the body, up to a limit.

	// Cut is true if the connection failed before the end of the body. A success is then a
	// lost answer.
	Cut bool

	// Huge is true if the body exceeds the limit.
	Huge bool

	valid   bool  // the body was scanned and is JSON
	suspect bool  // a key of the body may be one of errorMembers
	call    *Call // the call; nil for the answer of a token endpoint
	flaw    error // why the body proves nothing; the body is empty then
	list    list  // the longest list in the body

	limited io.LimitedReader // a field, which saves an allocation
}

// Subject returns the kind of resource that the call concerns; "" if it is unknown, or if a
// token endpoint answered.
func (a *Answer) Subject() string {
	if a.call == nil {
		return ""
	}
	return a.call.Subject
}

// IsList reports whether the call reads a list.
func (a *Answer) IsList() bool { return a.call != nil && a.call.List }

// IsWrite reports whether the call may have changed something.
func (a *Answer) IsWrite() bool { return a.call != nil && !a.call.Repeat }

// IsToken reports whether a token endpoint answered.
func (a *Answer) IsToken() bool { return a.call == nil }

// decode reads the answer, and decodes a success into call.Out. It sets x.succeeded, and x.wrong
// if an answer with the status of a success is none.
func (c *Client) decode(call *Call, x *exchange) *errors.Error {
	a := &call.answer
	x.buffer = c.buffers.Get().(*[]byte)
	a.read(x.response, *x.buffer)
	switch {
	case a.Cut && success(a.Status):
		e := c.newError(call, unanswered(call), errCut)
		e.Status = a.Status
		return e
	case call.accepted(a):
		x.succeeded = true
	case a.Status == call.Status:
		if x.wrong = a.decode(call); x.wrong == nil {
			x.wrong = a.contradiction(call, c.config.KnownMembersOnly)
		}
		x.succeeded = x.wrong == nil
	}
	if x.succeeded {
		return c.cached(call, a)
	}
	return nil
}

// keptBuffer is the size of the largest buffer that is used again, in bytes.
const keptBuffer = 64 << 10

// recycle removes the body of an answer, and keeps its buffer for another answer.
func (c *Client) recycle(call *Call, x *exchange) {
	if x.buffer == nil {
		return
	}
	body := call.answer.Body
	if *x.buffer = body; cap(body) <= keptBuffer {
		c.buffers.Put(x.buffer)
	}
	call.answer.Body, x.buffer = nil, nil
}

// read reads the body of a response, up to the limit, and closes it. The body uses the buffer
// if that is large enough.
func (a *Answer) read(resp *http.Response, buffer []byte) {
	limit := int64(maxErrorBody)
	if success(resp.StatusCode) {
		limit = maxBody
	}
	a.Status, a.Header = resp.StatusCode, resp.Header
	defer resp.Body.Close()

	a.limited = io.LimitedReader{R: resp.Body, N: limit + 1}
	b := bytes.NewBuffer(buffer[:0])
	if n := resp.ContentLength; n > 0 {
		b.Grow(int(min(n, limit, maxReserved)) + bytes.MinRead)
	}
	n, err := b.ReadFrom(&a.limited)
	a.Body = b.Bytes()
	a.Cut = err != nil
	if a.Huge = n > limit; a.Huge {
		a.Body = a.Body[:limit]
	}
	a.scan()
}

// Flaw returns why a JSON text that is no answer to a call proves nothing: an object has the
// same key twice, or the text has more values than an error may have. It returns nil for a text
// that is not JSON.
func Flaw(text []byte) error {
	_, _, err := scan(text, nil, maxErrorValues, maxErrorValues, maxItems)
	if err == errNotJSON {
		return nil
	}
	return err
}

// scan sets the flaw of the body, if it has one, and then empties the body, so that it is not
// decoded.
func (a *Answer) scan() {
	a.flaw, a.valid, a.list, a.suspect = nil, false, list{}, false
	if a.call == nil || len(a.Body) == 0 || a.Huge {
		return
	}
	var out any
	members, elements, items := maxErrorValues, maxErrorValues, maxItems
	if success(a.Status) {
		members, elements = baseMembers+len(a.Body)/bytesPerMember, baseElements+len(a.Body)/bytesPerElement
		items = maxPage(a.call.PageSize)
		if a.call.Repeat {
			out = a.call.Out
		}
	}
	var err error
	switch a.list, a.suspect, err = scan(a.Body, out, members, elements, items); err {
	case nil:
		a.valid = true
	case errNotJSON:
	default:
		a.flaw, a.Body = err, a.Body[:0]
	}
}

// decode decodes the body of a success into call.Out. It returns why the body is not that of
// the documented success.
func (a *Answer) decode(call *Call) error {
	switch {
	case a.flaw != nil:
		return a.flaw
	case a.Huge:
		return errors.New("the body is too large")
	case call.Out == nil && len(bytes.TrimSpace(a.Body)) > 0 && (a.Status == http.StatusNoContent || !isObject(a.Body) || !a.valid):
		return errors.New("the success must have no body")
	case call.Out == nil:
		return nil
	case !startsWith(a.Body, "{["):
		// null can be decoded into any type.
		return errors.New("the body must be a JSON object or array")
	}
	a.list.reserve(call.Out, a.Body)
	if err := json.Unmarshal(a.Body, call.Out); err != nil {
		// The text of err repeats parts of the body.
		return errors.New("the body is not the documented JSON")
	}
	if call.Validate != nil {
		if name := call.Validate(); name != "" {
			return errors.New("the body lacks " + name)
		}
	}
	return nil
}

// isObject reports whether a body starts like a JSON object.
func isObject(body []byte) bool { return startsWith(body, "{") }

// startsWith reports whether the first character of a body after white space is one of the
// given.
func startsWith(body []byte, chars string) bool {
	body = trimSpace(body)
	return len(body) > 0 && strings.IndexByte(chars, body[0]) >= 0
}
