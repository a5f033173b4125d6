package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// How much of a body is read: a wrong answer can be of any size.
const (
	maxErrorBody = 1 << 20
	maxBody      = 64 << 20

	maxReserved = 4 << 20 // before the body comes, by the length that its header states
)

// Answer is a received answer. Its Body is valid until the answer is classified.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	// Cut: the connection failed before the body ended. Where the answer is a
	// success, that makes it a lost one.
	Cut bool

	// Huge: the body goes on beyond what is read.
	Huge bool

	valid   bool  // the body was scanned and is JSON
	suspect bool  // a key of the body may be one of errorMembers
	call    *Call // that it answers; nil for a token
	flaw    error // why its body proves nothing: it is empty then
	list    list  // the longest in the body

	limited io.LimitedReader // here to be allocated with the rest
}

// Subject returns the kind of resource that the call is about; "" if that is unknown, or if
// a token endpoint answered.
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

// decode reads the answer, and decodes a success into call.Out. If it is no success, the
// exchange has not succeeded, and has the reason if the status was that of a success.
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

// keptBuffer is the largest buffer that is kept for the next answer.
const keptBuffer = 64 << 10

// recycle gives the body of an answer up, and keeps its buffer for the next answer.
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

// read takes the body off a response, to its limit, and closes it. The buffer
// is reused for the body where it is large enough.
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

// Flaw returns why a JSON text that no call answers proves nothing: a key is in it twice,
// or it has more values than an error may have.
func Flaw(text []byte) error {
	_, _, err := scan(text, nil, maxErrorValues, maxErrorValues, maxItems)
	if err == errNotJSON {
		return nil
	}
	return err
}

// scan finds a flaw of the body. A body with one is emptied, so that nothing decodes it.
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

// decode fills call.Out from the body of a success and says what is wrong with
// it, if anything is.
func (a *Answer) decode(call *Call) error {
	switch {
	case a.flaw != nil:
		return a.flaw
	case a.Huge:
		return errors.New("the body is too large")
	case call.Out == nil && len(bytes.TrimSpace(a.Body)) > 0 && (a.Status == http.StatusNoContent || !isObject(a.Body) || !a.valid):
		return errors.New("a body where none is due")
	case call.Out == nil:
		return nil
	case !begins(a.Body, "{["):
		// null would decode into anything without an error.
		return errors.New("the body is not a JSON object or array")
	}
	a.list.reserve(call.Out, a.Body)
	if err := json.Unmarshal(a.Body, call.Out); err != nil {
		// The error repeats parts of the body.
		return errors.New("the body is not the documented JSON")
	}
	if call.Validate != nil {
		if name := call.Validate(); name != "" {
			return errors.New("the body lacks " + name)
		}
	}
	return nil
}

// isObject reports whether a body begins as a JSON object does.
func isObject(body []byte) bool { return begins(body, "{") }

// begins reports whether the first character of a body, after white space, is one
// of the given.
func begins(body []byte, chars string) bool {
	body = trimSpace(body)
	return len(body) > 0 && strings.IndexByte(chars, body[0]) >= 0
}
