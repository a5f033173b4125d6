package simulation

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// network is all that is between a client and a double: it is where things go
// wrong, and it writes down what the client has seen. A run sends one request at a
// time.
type network struct {
	scenario *scenario
	streams  streams
	on       map[string]bool // the new kinds of faults
	weather  weather
	cancel   context.CancelFunc
	began    time.Time

	exchanges []*exchange
	pending   *pending // work of which the client has been told something else
	late      bool
	limited   bool // the client was told of a limit
	open      atomic.Int64

	times   map[string]int            // how often a request was sent
	ignored map[string]int            // how often one was accepted and never started
	answers map[string]*http.Response // the first genuine answer to each read
}

// weather is what a run meets.
type weather struct {
	often              float64 // how often a request is befallen by a fault
	befall             func(*network, kind) bool
	slots              []int                        // the faults to pick from; nil for all
	wall               func(*rand.Rand) fault       // the only fault; nil for none
	out                func(*network) (fault, bool) // the fault of an outage, while it lasts
	silent             bool                         // the transport does not report its connections
	blind              int                          // the exchange from which on the credential sees nothing; -1 for none
	clock              time.Duration                // how far the provider's clock is ahead of the client's
	dropsHeader, stuck bool                         // every header that names an organization; every task
	pages              int                          // the server's largest page; 0 for as large as requested
	skew               time.Duration                // of the provider's clock
	haste              time.Duration                // the longest time that a request takes
	gusts              float64                      // how often the double is disturbed

	cancelAt int // the exchange in which the context is canceled; -1 for none
	moment   moment
}

// moment is a point in the course of an exchange.
type moment int

const (
	before  moment = iota // the provider has not begun
	worked                // it has done its work
	reading               // some of the body has been read
	after                 // some time after the answer: while the client waits
	moments = iota
)

// Values of cancelAt that are no exchange.
const (
	notAtAll = -1
	atOnce   = -2 // before anything is sent
)

// newWeather makes the weather of a run.
func newWeather(r *rand.Rand) weather {
	w := weather{
		often:    one(r, 0.05, 0.2, 0.4, 0.6, 0.95),
		befall:   one(r, everywhere, everywhere, deletions, deletions, deletions, afterTheFirst, tokens),
		haste:    one(r, time.Millisecond, time.Second, time.Minute),
		cancelAt: notAtAll, blind: notAtAll,
		moment: moment(r.IntN(moments)),
		silent: chance(r, 0.2),
	}
	if chance(r, 0.5) { // a few kinds of faults that come again and again
		n := 1 + r.IntN(3)
		for range n {
			w.slots = append(w.slots, r.IntN(slots))
		}
	}
	if chance(r, 0.2) {
		w.skew = one(r, time.Second, time.Minute, 5*time.Hour, 10*365*24*time.Hour)
		w.skew = time.Duration((r.Float64()*2 - 1) * float64(w.skew))
	}
	if chance(r, 0.3) {
		w.gusts = 0.3
	}
	switch {
	case chance(r, 0.02):
		w.cancelAt = atOnce
	case chance(r, 0.2):
		w.cancelAt = min(r.IntN(8), r.IntN(8))
	}
	return w
}

// prolong makes it the weather of a run with many requests.
func (w *weather) prolong(r *rand.Rand, length int) {
	w.often = one(r, 0, 0.02, 0.05, 0.1, 0.2, 0.4)
	w.befall = one(r, everywhere, everywhere, everywhere, writes, writes, deletions, afterTheFirst, tokens)
	w.haste = one(r, time.Millisecond, time.Second)
	if chance(r, 0.3) { // once it has begun, something stands between the client and the provider
		wall := withBody(r, fault{name: "refused by a wall", status: one(r, 401, 403, 403, 404, 503)})
		w.often, w.befall = one(r, 0.4, 0.7, 1), afterTheFirstWrite
		w.wall = func(*rand.Rand) fault { return wall }
	}
	if w.cancelAt >= 0 || chance(r, 0.1) {
		w.cancelAt = r.IntN(length)
	}
}

func everywhere(*network, kind) bool        { return true }
func deletions(_ *network, k kind) bool     { return k == deletion }
func tokens(_ *network, k kind) bool        { return k == token }
func afterTheFirst(n *network, _ kind) bool { return n.asked(deletion) }

// afterTheFirstWrite is on and after it.
func afterTheFirstWrite(n *network, k kind) bool { return k == write || n.asked(write) }

// latency is how long a request takes in one direction.
func (n *network) latency(r *rand.Rand) time.Duration {
	return time.Duration(r.Int64N(int64(n.weather.haste)))
}

// befallen returns what befalls a request.
func (n *network) befallen(r *rand.Rand, o *occasion) fault {
	w := &n.weather
	if w.out != nil {
		if f, out := w.out(n); out {
			return f
		}
	}
	if o.kind == token && bytes.Contains(o.body, []byte("assertion=")) {
		edited, refused := assert(o.req, o.body, w.clock)
		if refused {
			return fault{name: clockOff, status: 500, body: `{"error":"server_error","error_description":"Errors.Internal"}`, header: jsonType}
		}
		o.body = edited
	}
	if w.blind >= 0 && len(n.exchanges) >= w.blind && o.kind != token {
		return fault{name: noAccess, works: true, edit: n.swap, rewrite: n.swapBack, blind: true}
	}
	if f := w.constant(o); f.name != "" {
		return f
	}
	hit, slot := chance(r, w.often), r.IntN(slots)
	if len(w.slots) > 0 {
		slot = w.slots[slot%len(w.slots)]
	}
	switch {
	case !hit || !w.befall(n, o.kind):
		return unharmed
	case w.wall != nil:
		return w.wall(r)
	}
	return pick(slot, r, o)
}

// constant returns what befalls a request of its kind throughout the run.
func (w *weather) constant(o *occasion) fault {
	f := unharmed
	if w.dropsHeader {
		f = drop(o).of(droppedHeader)
	}
	if w.stuck && f.name == "" {
		f = stick(o).of(stuckTask)
	}
	return f
}

// key names a request: the same one has the same key.
func key(req *http.Request, body []byte) string {
	return req.Method + " " + req.URL.RequestURI() + " " + string(body)
}

// did notes that what is asked for was done in the course of an exchange.
func (n *network) did(x *exchange, was bool) { x.did = x.did || !was && n.scenario.done() }

// due reports whether this is the moment at which the context is to end.
func (n *network) due(m moment) bool {
	return len(n.exchanges)-1 == n.weather.cancelAt && m == n.weather.moment
}

// cancels ends the context when it is due, and reports whether it did.
func (n *network) cancels(m moment) bool {
	if !n.due(m) {
		return false
	}
	n.cancel()
	return true
}

// asked reports whether a request of a kind was sent before.
func (n *network) asked(k kind) bool {
	for _, x := range n.exchanges {
		if x.kind == k {
			return true
		}
	}
	return false
}

// pending is a request that a gateway has given up and the provider has not.
type pending struct {
	in   int // exchanges until it is worked on
	work func()
}

// RoundTrip plays a request with what befalls it.
func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	was := n.scenario.done()
	name := req.Method + " " + req.URL.RequestURI()
	n.times[name]++
	name += fmt.Sprintf(" %d", n.times[name])
	way := n.streams.of("way " + name)
	if p := n.pending; p != nil {
		if p.in--; p.in < 0 {
			p.work()
			n.pending = nil
		}
	}
	if others := n.streams.of("others " + name); n.scenario.disturb != nil && chance(others, n.weather.gusts) {
		n.scenario.disturb(others)
	}
	if n.scenario.between != nil {
		n.scenario.between()
	}
	k := n.scenario.kind(req)
	if n.scenario.meanwhile != nil {
		n.scenario.meanwhile(n, k)
	}
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	o := &occasion{n, k, req, body}
	f := n.befallen(n.streams.of("fault "+name), o)
	body = o.body
	x := &exchange{
		at: time.Since(n.began), kind: k, path: req.Method + " " + req.URL.RequestURI(), fault: f.name, reached: n.weather.silent,
		led: req.Response != nil, number: len(n.exchanges), blind: f.blind, redialed: f.redials == redialsAndAsks,
	}
	n.exchanges = append(n.exchanges, x)
	n.did(x, was)

	asks, connects := n.trace(ctx)
	asks()
	if err := pass(ctx, n.latency(way)); err != nil {
		return nil, err
	}
	if f.refused != nil {
		x.harmless = f.harmless
		return nil, f.refused
	}
	connects()
	x.reached = true
	if n.cancels(before) {
		return nil, ctx.Err()
	}
	work := func() *http.Response {
		again := req.Clone(context.Background()) // the connections of the fake are not the client's
		sent := n.cap(again, body)
		if f.edit != nil {
			sent = f.edit(again, sent)
		}
		if again.Body, again.ContentLength = http.NoBody, int64(len(sent)); sent != nil {
			again.Body = io.NopCloser(bytes.NewReader(sent))
		}
		resp, err := n.scenario.server.RoundTrip(again)
		if err != nil {
			panic(err) // no fault is asked of the double
		}
		return resp
	}
	var resp *http.Response
	switch was = n.scenario.done(); {
	case f.stale && n.answers[key(req, body)] != nil:
		resp = copied(n.answers[key(req, body)])
	case f.works:
		resp = work()
		if f.redials == redialsAndAsks {
			asks()
			connects()
			resp = work()
		}
		n.keep(k, key(req, body), f, resp)
	case f.late && (k == deletion || k == write):
		n.pending = &pending{way.IntN(2), func() {
			was := n.scenario.done()
			work()
			n.late = n.late || !was && n.scenario.done()
		}}
	}
	n.did(x, was)
	if n.cancels(worked) {
		return nil, ctx.Err()
	}
	if err := pass(ctx, n.latency(way)); err != nil {
		return nil, err
	}
	if f.redials == redialsInVain {
		asks()
	}
	if f.lost != nil {
		return nil, f.lost
	}
	return n.answer(ctx, x, f, resp, req, way), nil
}

// answer makes what the client sees of the provider's answer.
func (n *network) answer(ctx context.Context, x *exchange, f fault, resp *http.Response, req *http.Request, way *rand.Rand) *http.Response {
	if f.accepts && resp.StatusCode >= 300 {
		f = unharmed // the provider has refused the request
		x.fault = ""
	}
	if f.status != 0 {
		resp = &http.Response{
			StatusCode: f.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: io.NopCloser(strings.NewReader(f.body)), Request: req,
		}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err)
	}
	if f.rewrite != nil && f.status == 0 {
		body = f.rewrite(body)
	}
	resp.ContentLength = int64(len(body))
	resp.Header.Set("Date", time.Now().Add(n.weather.skew).UTC().Format(http.TimeFormat))
	n.limited = n.limited || f.limits || resp.StatusCode == http.StatusTooManyRequests && !f.harmless
	for name, value := range f.header {
		resp.Header.Set(name, value)
	}
	proven := f.status == 0 && !f.unproven || f.documented
	x.status, x.genuine, x.whole, x.body, x.harmless = resp.StatusCode, proven, proven, body, f.harmless
	b := &slow{n: n, x: x, ctx: ctx, way: way, rest: body, each: f.slow, all: len(body)}
	if f.cut && len(body) > 0 {
		b.all = way.IntN(len(body))
		x.genuine, x.whole = false, false
	}
	n.open.Add(1)
	resp.Body = b
	return resp
}

// slow is a body that comes in pieces, and perhaps not to its end.
type slow struct {
	n      *network
	x      *exchange
	ctx    context.Context
	way    *rand.Rand
	rest   []byte
	all    int           // how many bytes come
	read   int           // so far
	each   time.Duration // how long a piece takes
	closed bool
}

func (b *slow) Read(p []byte) (int, error) {
	if b.n.cancels(reading) {
		b.ends()
		return 0, b.ctx.Err()
	}
	piece := len(b.rest)
	if b.each > 0 {
		piece = (piece + 1) / 2
	}
	piece = min(piece, len(p), b.all-b.read)
	if err := pass(b.ctx, b.each); err != nil {
		b.ends()
		return 0, err
	}
	if piece > 0 {
		copy(p, b.rest[:piece])
		b.rest, b.read = b.rest[piece:], b.read+piece
		return piece, nil
	}
	b.settle()
	if len(b.rest) > 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return 0, io.EOF
}

// ends notes that the body has no end that the client could see.
func (b *slow) ends() {
	b.x.genuine, b.x.harmless, b.x.whole = false, false, b.x.whole && len(b.rest) == 0
}

func (b *slow) Close() error {
	if !b.closed {
		b.closed = true
		b.n.open.Add(-1)
	}
	b.settle()
	return nil
}

// settle ends the context some time after the body has been read, if that is when
// it is to end.
func (b *slow) settle() {
	if n := b.n; n.due(after) {
		n.weather.cancelAt = notAtAll
		time.AfterFunc(1+time.Duration(b.way.Int64N(int64(one(b.way, time.Microsecond, time.Second, time.Minute)))), n.cancel)
	}
}

// pass lets time pass, unless the context ends.
func pass(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// trace returns the functions that report a connection, as net/http's transport does.
func (n *network) trace(ctx context.Context) (asks, connects func()) {
	asks, connects = func() {}, func() {}
	if t := httptrace.ContextClientTrace(ctx); t != nil && !n.weather.silent {
		if t.GetConn != nil {
			asks = func() { t.GetConn("provider.invalid:443") }
		}
		if t.GotConn != nil {
			connects = func() { t.GotConn(httptrace.GotConnInfo{}) }
		}
	}
	return asks, connects
}

// keep remembers the first genuine answer to a read.
func (n *network) keep(k kind, key string, f fault, resp *http.Response) {
	if k != read || f.edit != nil || n.answers[key] != nil || !n.on[cached] {
		return
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	n.answers[key] = copied(resp)
	n.answers[key].Body = io.NopCloser(bytes.NewReader(body))
}

// copied returns a copy of an answer whose body can be read again.
func copied(resp *http.Response) *http.Response {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	again := *resp
	again.Header, again.Body = resp.Header.Clone(), io.NopCloser(bytes.NewReader(body))
	return &again
}
