package offboardtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Replay is an [http.RoundTripper] that answers requests from a recording; see [ReadRecording].
//
// A request matches an exchange with the same method, path and query, an equal body, and the
// same X-Zitadel-Orgid. The host does not count, nor does the order of query parameters and of
// JSON members. REDACTED in the recording matches any text. Each exchange answers one request:
// requests that match several exchanges get their responses in the order of the recording.
//
// Any other request fails with an error that shows the difference from the nearest exchange, and
// [Replay.AssertUsed] reports it. A Replay is safe for concurrent use.
type Replay struct {
	mu        sync.Mutex
	exchanges []Exchange
	used      []bool
	repeats   bool
	unmatched []string
}

// NewReplay returns a Replay of exchanges.
func NewReplay(exchanges []Exchange) *Replay {
	return &Replay{exchanges: slices.Clone(exchanges), used: make([]bool, len(exchanges))}
}

// RepeatReads lets the last response to a GET answer further requests that match it. A program
// that polls may read more often in a replay than in the recording.
func (p *Replay) RepeatReads() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.repeats = true
}

// Client returns an HTTP client whose requests the replay answers.
func (p *Replay) Client() *http.Client { return &http.Client{Transport: p} }

// Unused returns the exchanges that answered no request.
func (p *Replay) Unused() []Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Exchange
	for i, x := range p.exchanges {
		if !p.used[i] {
			all = append(all, x)
		}
	}
	return all
}

// AssertUsed reports an error of the test for each request that matched no exchange, and for
// each exchange that answered no request.
func (p *Replay) AssertUsed(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	unmatched := slices.Clone(p.unmatched)
	p.mu.Unlock()
	for _, text := range unmatched {
		t.Errorf("%s", text)
	}
	for _, x := range p.Unused() {
		t.Errorf("recorded exchange answered no request: %s %s, status %d", x.Method, x.URL, x.Status)
	}
}

// RoundTrip answers a request. Like the transport of net/http, it reports its connections to an
// httptrace.ClientTrace of the request's context.
func (p *Replay) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	getConn, gotConn := connections(req)
	getConn()
	x, err := p.take(req, body)
	if err != nil {
		return nil, err
	}
	if x.NotSent {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New(x.Error)}
	}
	gotConn()
	if x.Status == 0 {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: errors.New(x.Error)}
	}
	resp := &http.Response{
		Status: strconv.Itoa(x.Status) + " " + http.StatusText(x.Status), StatusCode: x.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.Header.Clone(), Body: newBody(x.Body), ContentLength: int64(len(x.Body)), Request: req,
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if x.Error != "" {
		resp.ContentLength = -1
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(x.Body), brokenReader{}))
	}
	return resp, nil
}

// take returns the next exchange that a request matches, and counts it as used.
func (p *Replay) take(req *http.Request, body []byte) (Exchange, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, nearest, least := -1, -1, 0
	var difference []string
	for i := range p.exchanges {
		differs := differences(&p.exchanges[i], req, body)
		switch {
		case len(differs) == 0 && !p.used[i]:
			p.used[i] = true
			return p.exchanges[i], nil
		case len(differs) == 0:
			last = i
		default:
			// A difference of the path counts most.
			if weight := 10*len(differs) + distance(&p.exchanges[i], req); nearest < 0 || weight < least {
				nearest, least, difference = i, weight, differs
			}
		}
	}
	if last >= 0 && p.repeats && req.Method == http.MethodGet {
		return p.exchanges[last], nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "offboardtest: request is not in the recording: %s %s", req.Method, req.URL.RequestURI())
	switch {
	case last >= 0:
		text.WriteString("\n  all recorded responses to it are used")
	case nearest >= 0:
		fmt.Fprintf(&text, "\n  nearest is exchange %d: %s %s", nearest+1, p.exchanges[nearest].Method, p.exchanges[nearest].URL)
		for _, d := range difference {
			text.WriteString("\n  " + d)
		}
	default:
		text.WriteString("\n  the recording is empty")
	}
	p.unmatched = append(p.unmatched, text.String())
	return Exchange{}, errors.New(text.String())
}

// selecting are the headers that select the resource of a request.
var selecting = []string{"X-Zitadel-Orgid"}

// differences returns the differences of a request from an exchange, for people; none if the
// request matches.
func differences(x *Exchange, req *http.Request, body []byte) []string {
	var all []string
	add := func(what, recorded, sent string) {
		all = append(all, fmt.Sprintf("%s: recorded %s, sent %s", what, short(recorded), short(sent)))
	}
	recorded, err := url.Parse(x.URL)
	if err != nil {
		return []string{"the recorded URL is invalid"}
	}
	if x.Method != cmp.Or(req.Method, http.MethodGet) {
		add("method", x.Method, req.Method)
	}
	if !matches(recorded.EscapedPath(), req.URL.EscapedPath()) {
		add("path", recorded.EscapedPath(), req.URL.EscapedPath())
	}
	mine, theirs := recorded.Query(), req.URL.Query()
	names := slices.Collect(maps.Keys(mine))
	for name := range theirs {
		if !mine.Has(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.EqualFunc(mine[name], theirs[name], matches) {
			add("query "+name, strings.Join(mine[name], ","), strings.Join(theirs[name], ","))
		}
	}
	for _, name := range selecting {
		if a, b := x.RequestHeader.Get(name), req.Header.Get(name); !matches(a, b) {
			add("header "+name, a, b)
		}
	}
	if !sameBody(x.RequestBody, body) {
		add("body", string(x.RequestBody), string(body))
	}
	return all
}

// distance is the number of segments of the path that differ, at most 9, and 10 if the methods
// differ.
func distance(x *Exchange, req *http.Request) int {
	u, err := url.Parse(x.URL)
	if err != nil || x.Method != req.Method {
		return 10
	}
	a, b := strings.Split(u.EscapedPath(), "/"), strings.Split(req.URL.EscapedPath(), "/")
	n := max(len(a), len(b)) - min(len(a), len(b))
	for i := range min(len(a), len(b)) {
		if !matches(a[i], b[i]) {
			n++
		}
	}
	return min(n, 9)
}

// short returns a text for one line.
func short(text string) string {
	if text == "" {
		return "nothing"
	}
	const most = 200
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(text)
}

// matches reports whether a text equals a recorded one, in which REDACTED matches any text.
func matches(recorded, sent string) bool {
	parts := strings.Split(recorded, redacted)
	if len(parts) == 1 {
		return recorded == sent
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(sent) < len(first)+len(last) || !strings.HasPrefix(sent, first) || !strings.HasSuffix(sent, last) {
		return false
	}
	sent = sent[len(first) : len(sent)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(sent, part)
		if i < 0 {
			return false
		}
		sent = sent[i+len(part):]
	}
	return true
}

// sameBody compares bodies: as JSON if both are, otherwise as text.
func sameBody(recorded, sent []byte) bool {
	a, okA := decoded(recorded)
	b, okB := decoded(sent)
	if okA && okB {
		return sameValue(a, b)
	}
	return matches(string(recorded), string(sent))
}

func decoded(body []byte) (any, bool) {
	if !json.Valid(body) {
		return nil, false
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	err := decoder.Decode(&value)
	return value, err == nil
}

// sameValue compares JSON values.
func sameValue(recorded, sent any) bool {
	switch a := recorded.(type) {
	case map[string]any:
		b, ok := sent.(map[string]any)
		return ok && maps.EqualFunc(a, b, sameValue)
	case []any:
		b, ok := sent.([]any)
		return ok && slices.EqualFunc(a, b, sameValue)
	case string:
		b, ok := sent.(string)
		return ok && matches(a, b)
	}
	return recorded == sent
}

var _ http.RoundTripper = (*Replay)(nil)
