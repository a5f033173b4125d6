package simulation

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// These tests count the goroutines and files of the process, so they are not parallel:
// other tests start when they have finished.

// scaledCalls returns n; a tenth of it with -short, and less with -race.
func scaledCalls(n int) int {
	switch {
	case raceDetector:
		return n / 40
	case testing.Short():
		return n / 10
	}
	return n
}

// connCounter counts the connections of a transport.
type connCounter struct {
	dialed, open atomic.Int64
}

// transport returns an http.Transport whose connections are counted.
func (w *connCounter) transport() *http.Transport {
	dialer := new(net.Dialer)
	return &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		w.dialed.Add(1)
		w.open.Add(1)
		return &countedConn{Conn: conn, close: sync.OnceFunc(func() { w.open.Add(-1) })}, nil
	}}
}

type countedConn struct {
	net.Conn
	close func()
}

func (w *countedConn) Close() error { w.close(); return w.Conn.Close() }

func TestResources_CallsWithFaults(t *testing.T) {
	calls := scaledCalls(10_000)
	for name, make := range envs {
		t.Run(name, func(t *testing.T) {
			before := countProcess()
			r, w := make(), new(connCounter)
			r.server.Start()
			transport := w.transport()
			c := r.use(t, &http.Client{Transport: transport})
			failed := 0
			for i := range calls {
				id := fmt.Sprintf("%024x", i)
				r.add(id)
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				fault := leakFaults[i%len(leakFaults)]
				switch {
				case i%499 == 0: // more than a client reads
					fault = offboardtest.Respond("", 409, huge)
				case i%97 == 0: // the context ends during the call
					fault = offboardtest.Fault{DelayAfter: time.Second}
					ctx, cancel = context.WithTimeout(ctx, time.Millisecond)
				}
				r.server.Fail(fault)
				call := c.read
				if i%2 == 0 {
					call = c.remove
				}
				if call(ctx, id) != nil {
					failed++
				}
				cancel()
			}
			transport.CloseIdleConnections()
			r.server.Close()
			if failed < calls/2 || failed == calls {
				t.Errorf("%d of %d calls failed, want at least half and not all", failed, calls)
			}
			waitUntil(t, func() string {
				if n := w.open.Load(); n > 0 {
					return fmt.Sprintf("%d of %d connections are open", n, w.dialed.Load())
				}
				return countProcess().growth(before)
			})
			t.Logf("%d calls, %d failed, %d connections", calls, failed, w.dialed.Load())
		})
	}
}

var huge = strings.Repeat(" ", 2<<20)

// leakFaults are faults that could leak a resource. None of them delays the next call.
var leakFaults = []offboardtest.Fault{
	{},
	offboardtest.LoseRequest(""),
	offboardtest.LoseResponse(""),
	offboardtest.TruncateResponse(""),
	offboardtest.HTMLResponse("", 503),
	offboardtest.HTMLResponse("", 403),
	offboardtest.HTMLResponse("", 200),
	offboardtest.Respond("", 404, "{}"),
	offboardtest.Redirect("", 302, "/"),
	offboardtest.Redirect("", 307, "https://elsewhere.invalid/"),
}

// processCounts are the resources of the process.
type processCounts struct{ goroutines, files int }

func countProcess() processCounts {
	c := processCounts{goroutines: runtime.NumGoroutine(), files: -1}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil { // Linux
		c.files = len(files)
	}
	return c
}

// growth describes resources that were not there before; "" for none.
func (c processCounts) growth(before processCounts) string {
	if c.goroutines > before.goroutines || c.files > before.files {
		return fmt.Sprintf("there were %+v, and are %+v", before, c)
	}
	return ""
}

// waitUntil waits until the text is empty: real connections take a moment to end.
func waitUntil(t *testing.T, left func() string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		why := left()
		if why == "" {
			return
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%s\n%s", why, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestResources_ConnectionReuse(t *testing.T) {
	for name, make := range envs {
		t.Run(name, func(t *testing.T) {
			// net/http closes a connection whose writer did not report for 50 ms, which
			// happens on an overloaded machine.
			n := int64(0)
			for range 3 {
				if n = connections(t, make()); n <= 1 {
					return
				}
			}
			t.Errorf("%d connections for 1,000 calls, want 1", n)
		})
	}
}

// connections makes 1,000 calls, one after the other, and returns the number of
// connections.
func connections(t *testing.T, r env) int64 {
	t.Helper()
	w := new(connCounter)
	r.server.Start()
	defer r.server.Close()
	transport := w.transport()
	defer transport.CloseIdleConnections()
	c := r.use(t, &http.Client{Transport: transport})
	for i := range 1_000 {
		id := fmt.Sprintf("%024x", i)
		switch r.add(id); i % 4 { // answers of all kinds, each read to its end
		case 1:
			r.server.Fail(offboardtest.HTMLResponse("", 403))
		case 2:
			r.server.Fail(offboardtest.Respond("", 409, strings.Repeat(" ", 1<<10)))
		}
		err := c.read(t.Context(), id)
		if i%4 == 3 {
			err = c.remove(t.Context(), id)
		}
		if failed := i%4 == 1 || i%4 == 2; (err != nil) != failed {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	return w.dialed.Load()
}

func TestResources_FlatMemory(t *testing.T) {
	calls := scaledCalls(100_000)
	for name, make := range envs {
		t.Run(name, func(t *testing.T) {
			const id = "5e2f00000000000000000001"
			r := make()
			r.add(id)
			replay := &replayTransport{body: answerOf(t, r, id)}
			c := r.use(t, &http.Client{Transport: replay})
			ctx, cancel := context.WithCancel(t.Context()) // a long-lived context would keep what is attached to it
			defer cancel()
			run := func(n int) {
				for i := range n {
					replay.fail = i%3 == 0
					if err := c.read(ctx, id); (err != nil) != replay.fail {
						t.Fatal(err)
					}
				}
			}
			run(calls / 10)
			before := heap()
			run(calls)
			const most = 256 << 10 // 3 bytes per call
			if after := heap(); after > before+most {
				t.Errorf("the heap grew from %d to %d bytes", before, after)
			} else {
				t.Logf("%d calls: the heap went from %d to %d bytes", calls, before, after)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // the second one empties every sync.Pool
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestResources_SharedClient(t *testing.T) {
	const callers, each = 64, 20
	for name, make := range envs {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := make()
				c := r.use(t, &http.Client{Transport: r.server})
				fault := func(f offboardtest.Fault) offboardtest.Fault { f.Times = callers; return f }
				r.server.Fail(fault(leakFaults[1]), fault(leakFaults[2]), fault(leakFaults[4]), fault(leakFaults[5]), fault(leakFaults[7]))
				if name == "volterra" { // its fake has one tenant
					r.add(fmt.Sprintf("%024x", 0))
				}
				var deleted, failed atomic.Int64
				var group sync.WaitGroup
				for n := range callers {
					group.Go(func() {
						for i := range each {
							id := fmt.Sprintf("%024x", n*each+i)
							if name == "volterra" {
								id = fmt.Sprintf("%024x", 0)
							} else {
								r.add(id)
							}
							_ = c.read(t.Context(), id)
							err := c.remove(t.Context(), id)
							_, typed := errors.AsType[*errors.Error](err)
							switch {
							case err == nil && r.exists(id):
								t.Errorf("%s: reports deleted, but the organization exists", id)
							case err == nil:
								deleted.Add(1)
							case !typed:
								t.Errorf("%s: got a %T", id, err)
							default:
								failed.Add(1)
							}
						}
					})
				}
				group.Wait()
				if deleted.Load() == 0 || failed.Load() == 0 {
					t.Errorf("%d deleted and %d failed, want both", deleted.Load(), failed.Load())
				}
			})
		})
	}
}

// replayTransport answers reads with a recorded answer: the fake itself would record each
// request.
type replayTransport struct {
	body []byte
	fail bool
}

func (p *replayTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	resp := &http.Response{
		StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"X-Request-Id": {"r"}},
		Body: io.NopCloser(strings.NewReader(string(p.body))), ContentLength: int64(len(p.body)), Request: req,
	}
	if p.fail {
		resp.StatusCode, resp.Body, resp.ContentLength = 503, io.NopCloser(strings.NewReader("{}")), 2
	}
	return resp, nil
}

// answerOf returns the body of a successful read.
func answerOf(t *testing.T, r env, id string) []byte {
	t.Helper()
	var body []byte
	c := r.use(t, &http.Client{Transport: bodyRecorder{r.server, &body}})
	must(t, c.read(t.Context(), id))
	return body
}

// bodyRecorder keeps the last body.
type bodyRecorder struct {
	next http.RoundTripper
	body *[]byte
}

func (r bodyRecorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	*r.body, err = io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(strings.NewReader(string(*r.body)))
	return resp, err
}
