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

// network is the connection between a client and a fake. It injects faults and records the
// exchanges. A run sends one request at a time.
type network struct {
	scenario   *scenario
	streams    streams
	kinds      map[string]bool // the optional kinds of faults that are on
	conditions conditions
	cancel     context.CancelFunc
	started    time.Time

	exchanges     []*exchange
	delayed       *delayedRequest // a request that the provider processes after its answer
	processedLate bool
	limited       bool // the client has seen a rate limit
	open          atomic.Int64

	counts  map[string]int            // how often each request was sent
	ignored map[string]int            // how often each request was accepted and never started
	answers map[string]*http.Response // the first genuine answer to each read
}

// conditions are the faults and delays of a run.
type conditions struct {
	faultRate               float64 // the probability that a request has a fault
	appliesTo               func(*network, kind) bool
	slots                   []int                        // the faults to pick from; nil for all
	gateway                 func(*rand.Rand) fault       // the only fault; nil for none
	outage                  func(*network) (fault, bool) // the fault of an outage, while it lasts
	silent                  bool                         // the transport does not report its connections
	blindFrom               int                          // the exchange from which the credential has no access; -1 for none
	clock                   time.Duration                // the provider's clock minus the client's
	dropsHeader, stuckTasks bool                         // drop every header that names an organization; keep every task running
	maxPage                 int                          // the server's largest page; 0 for no limit
	skew                    time.Duration                // of the provider's Date header
	maxLatency              time.Duration                // the upper bound of a request's latency
	disturbRate             float64                      // the probability of a change at the fake before a request

	cancelAt int // the exchange in which the context is canceled; -1 for none
	moment   moment
}

// moment is a point in the course of an exchange.
type moment int

const (
	before      moment = iota // before the provider processes the request
	processed                 // after the provider processed it
	reading                   // while the client reads the body
	after                     // after the answer, while the client waits
	momentCount = iota
)

// Values of cancelAt that are not exchanges.
const (
	never  = -1
	atOnce = -2 // before the first request
)

// newConditions draws the conditions of a run.
func newConditions(r *rand.Rand) conditions {
	c := conditions{
		faultRate:  one(r, 0.05, 0.2, 0.4, 0.6, 0.95),
		appliesTo:  one(r, everywhere, everywhere, deletions, deletions, deletions, afterTheFirst, tokens),
		maxLatency: one(r, time.Millisecond, time.Second, time.Minute),
		cancelAt:   never, blindFrom: never,
		moment: moment(r.IntN(momentCount)),
		silent: chance(r, 0.2),
	}
	if chance(r, 0.5) { // a few kinds of faults that recur
		n := 1 + r.IntN(3)
		for range n {
			c.slots = append(c.slots, r.IntN(slots))
		}
	}
	if chance(r, 0.2) {
		c.skew = one(r, time.Second, time.Minute, 5*time.Hour, 10*365*24*time.Hour)
		c.skew = time.Duration((r.Float64()*2 - 1) * float64(c.skew))
	}
	if chance(r, 0.3) {
		c.disturbRate = 0.3
	}
	switch {
	case chance(r, 0.02):
		c.cancelAt = atOnce
	case chance(r, 0.2):
		c.cancelAt = min(r.IntN(8), r.IntN(8))
	}
	return c
}

// adapt changes the conditions for a run with many requests.
func (c *conditions) adapt(r *rand.Rand, length int) {
	c.faultRate = one(r, 0, 0.02, 0.05, 0.1, 0.2, 0.4)
	c.appliesTo = one(r, everywhere, everywhere, everywhere, writes, writes, deletions, afterTheFirst, tokens)
	c.maxLatency = one(r, time.Millisecond, time.Second)
	if chance(r, 0.3) { // from the first write on, a gateway refuses requests
		refusal := withBody(r, fault{name: "refused by a gateway", status: one(r, 401, 403, 403, 404, 503)})
		c.faultRate, c.appliesTo = one(r, 0.4, 0.7, 1), afterTheFirstWrite
		c.gateway = func(*rand.Rand) fault { return refusal }
	}
	if c.cancelAt >= 0 || chance(r, 0.1) {
		c.cancelAt = r.IntN(length)
	}
}

func everywhere(*network, kind) bool        { return true }
func deletions(_ *network, k kind) bool     { return k == deletion }
func tokens(_ *network, k kind) bool        { return k == token }
func afterTheFirst(n *network, _ kind) bool { return n.hasSent(deletion) }

// afterTheFirstWrite includes the first write.
func afterTheFirstWrite(n *network, k kind) bool { return k == write || n.hasSent(write) }

// latency returns the delay of a request in one direction.
func (n *network) latency(r *rand.Rand) time.Duration {
	return time.Duration(r.Int64N(int64(n.conditions.maxLatency)))
}

// faultOf returns the fault of a request.
func (n *network) faultOf(r *rand.Rand, o *target) fault {
	c := &n.conditions
	if c.outage != nil {
		if f, out := c.outage(n); out {
			return f
		}
	}
	if o.kind == token && bytes.Contains(o.body, []byte("assertion=")) {
		edited, refused := checkAssertion(o.req, o.body, c.clock)
		if refused {
			return fault{name: clockOff, status: 500, body: `{"error":"server_error","error_description":"Errors.Internal"}`, header: jsonType}
		}
		o.body = edited
	}
	if c.blindFrom >= 0 && len(n.exchanges) >= c.blindFrom && o.kind != token {
		return fault{name: noAccess, processed: true, edit: n.swapIDs, rewrite: n.restoreIDs, blind: true}
	}
	if f := c.constant(o); f.name != "" {
		return f
	}
	hit, slot := chance(r, c.faultRate), r.IntN(slots)
	if len(c.slots) > 0 {
		slot = c.slots[slot%len(c.slots)]
	}
	switch {
	case !hit || !c.appliesTo(n, o.kind):
		return noFault
	case c.gateway != nil:
		return c.gateway(r)
	}
	return pick(slot, r, o)
}

// constant returns the fault that a request of its kind has throughout the run.
func (c *conditions) constant(o *target) fault {
	f := noFault
	if c.dropsHeader {
		f = dropHeader(o).withKind(droppedHeader)
	}
	if c.stuckTasks && f.name == "" {
		f = stickTask(o).withKind(stuckTask)
	}
	return f
}

// key identifies equal requests.
func key(req *http.Request, body []byte) string {
	return req.Method + " " + req.URL.RequestURI() + " " + string(body)
}

// noteDone records whether the requested change happened during an exchange.
func (n *network) noteDone(x *exchange, was bool) { x.done = x.done || !was && n.scenario.done() }

// due reports whether the context ends at this moment.
func (n *network) due(m moment) bool {
	return len(n.exchanges)-1 == n.conditions.cancelAt && m == n.conditions.moment
}

// cancelIfDue cancels the context if this is the moment, and reports whether it did.
func (n *network) cancelIfDue(m moment) bool {
	if !n.due(m) {
		return false
	}
	n.cancel()
	return true
}

// hasSent reports whether a request of a kind was sent before.
func (n *network) hasSent(k kind) bool {
	for _, x := range n.exchanges {
		if x.kind == k {
			return true
		}
	}
	return false
}

// delayedRequest is a request that a gateway has given up and the provider has not.
type delayedRequest struct {
	after   int // the number of exchanges before it is processed
	process func()
}

// RoundTrip sends a request to the fake with its fault.
func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	was := n.scenario.done()
	name := req.Method + " " + req.URL.RequestURI()
	n.counts[name]++
	name += fmt.Sprintf(" %d", n.counts[name])
	random := n.streams.named("way " + name)
	if p := n.delayed; p != nil {
		if p.after--; p.after < 0 {
			p.process()
			n.delayed = nil
		}
	}
	if others := n.streams.named("others " + name); n.scenario.disturb != nil && chance(others, n.conditions.disturbRate) {
		n.scenario.disturb(others)
	}
	if n.scenario.beforeRequest != nil {
		n.scenario.beforeRequest()
	}
	k := n.scenario.kind(req)
	if n.scenario.changeByOthers != nil {
		n.scenario.changeByOthers(n, k)
	}
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	o := &target{n, k, req, body}
	f := n.faultOf(n.streams.named("fault "+name), o)
	body = o.body
	x := &exchange{
		at: time.Since(n.started), kind: k, path: req.Method + " " + req.URL.RequestURI(), fault: f.name, mayHaveArrived: n.conditions.silent,
		redirected: req.Response != nil, number: len(n.exchanges), blind: f.blind, redialed: f.redials == redialsAndResends,
	}
	n.exchanges = append(n.exchanges, x)
	n.noteDone(x, was)

	getConn, gotConn := n.connTrace(ctx)
	getConn()
	if err := elapse(ctx, n.latency(random)); err != nil {
		return nil, err
	}
	if f.dialErr != nil {
		x.harmless = f.harmless
		return nil, f.dialErr
	}
	gotConn()
	x.mayHaveArrived = true
	if n.cancelIfDue(before) {
		return nil, ctx.Err()
	}
	work := func() *http.Response {
		again := req.Clone(context.Background()) // the fake does not see the client's context and connections
		sent := n.capPages(again, body)
		if f.edit != nil {
			sent = f.edit(again, sent)
		}
		if again.Body, again.ContentLength = http.NoBody, int64(len(sent)); sent != nil {
			again.Body = io.NopCloser(bytes.NewReader(sent))
		}
		resp, err := n.scenario.server.RoundTrip(again)
		if err != nil {
			panic(err) // the fake itself has no faults
		}
		return resp
	}
	var resp *http.Response
	switch was = n.scenario.done(); {
	case f.stale && n.answers[key(req, body)] != nil:
		resp = copied(n.answers[key(req, body)])
	case f.processed:
		resp = work()
		if f.redials == redialsAndResends {
			getConn()
			gotConn()
			resp = work()
		}
		n.cacheAnswer(k, key(req, body), f, resp)
	case f.processedLate && (k == deletion || k == write):
		n.delayed = &delayedRequest{random.IntN(2), func() {
			was := n.scenario.done()
			work()
			n.processedLate = n.processedLate || !was && n.scenario.done()
		}}
	}
	n.noteDone(x, was)
	if n.cancelIfDue(processed) {
		return nil, ctx.Err()
	}
	if err := elapse(ctx, n.latency(random)); err != nil {
		return nil, err
	}
	if f.redials == redialsInVain {
		getConn()
	}
	if f.connErr != nil {
		return nil, f.connErr
	}
	return n.answer(ctx, x, f, resp, req, random), nil
}

// answer returns the response that the client sees.
func (n *network) answer(ctx context.Context, x *exchange, f fault, resp *http.Response, req *http.Request, random *rand.Rand) *http.Response {
	if f.accepts && resp.StatusCode >= 300 {
		f = noFault // the provider has refused the request
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
	resp.Header.Set("Date", time.Now().Add(n.conditions.skew).UTC().Format(http.TimeFormat))
	n.limited = n.limited || f.limits || resp.StatusCode == http.StatusTooManyRequests && !f.harmless
	for name, value := range f.header {
		resp.Header.Set(name, value)
	}
	proven := f.status == 0 && !f.unproven || f.documented
	x.status, x.genuine, x.whole, x.body, x.harmless = resp.StatusCode, proven, proven, body, f.harmless
	b := &slowBody{n: n, x: x, ctx: ctx, random: random, rest: body, pieceDelay: f.slow, limit: len(body)}
	if f.cut && len(body) > 0 {
		b.limit = random.IntN(len(body))
		x.genuine, x.whole = false, false
	}
	n.open.Add(1)
	resp.Body = b
	return resp
}

// slowBody is a body that arrives in pieces and may be truncated.
type slowBody struct {
	n          *network
	x          *exchange
	ctx        context.Context
	random     *rand.Rand
	rest       []byte
	limit      int           // number of bytes that arrive
	read       int           // number of bytes read
	pieceDelay time.Duration // delay of a piece
	closed     bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.n.cancelIfDue(reading) {
		b.truncate()
		return 0, b.ctx.Err()
	}
	piece := len(b.rest)
	if b.pieceDelay > 0 {
		piece = (piece + 1) / 2
	}
	piece = min(piece, len(p), b.limit-b.read)
	if err := elapse(b.ctx, b.pieceDelay); err != nil {
		b.truncate()
		return 0, err
	}
	if piece > 0 {
		copy(p, b.rest[:piece])
		b.rest, b.read = b.rest[piece:], b.read+piece
		return piece, nil
	}
	b.cancelLater()
	if len(b.rest) > 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return 0, io.EOF
}

// truncate records that the client saw no end of the body.
func (b *slowBody) truncate() {
	b.x.genuine, b.x.harmless, b.x.whole = false, false, b.x.whole && len(b.rest) == 0
}

func (b *slowBody) Close() error {
	if !b.closed {
		b.closed = true
		b.n.open.Add(-1)
	}
	b.cancelLater()
	return nil
}

// cancelLater cancels the context some time after the body was read, if it is due then.
func (b *slowBody) cancelLater() {
	if n := b.n; n.due(after) {
		n.conditions.cancelAt = never
		time.AfterFunc(1+time.Duration(b.random.Int64N(int64(one(b.random, time.Microsecond, time.Second, time.Minute)))), n.cancel)
	}
}

// elapse waits for the duration or the end of the context.
func elapse(ctx context.Context, d time.Duration) error {
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

// connTrace returns the functions that report a connection, as net/http's transport does.
func (n *network) connTrace(ctx context.Context) (getConn, gotConn func()) {
	getConn, gotConn = func() {}, func() {}
	if t := httptrace.ContextClientTrace(ctx); t != nil && !n.conditions.silent {
		if t.GetConn != nil {
			getConn = func() { t.GetConn("provider.invalid:443") }
		}
		if t.GotConn != nil {
			gotConn = func() { t.GotConn(httptrace.GotConnInfo{}) }
		}
	}
	return getConn, gotConn
}

// cacheAnswer keeps the first genuine answer to a read.
func (n *network) cacheAnswer(k kind, key string, f fault, resp *http.Response) {
	if k != read || f.edit != nil || n.answers[key] != nil || !n.kinds[cached] {
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
