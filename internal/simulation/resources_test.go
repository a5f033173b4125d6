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

// These tests count what a process has, so they are not parallel: others run when
// they are done.

// scaled is a number of calls; a tenth of it with -short, and less with -race.
func scaled(n int) int {
	switch {
	case raceDetector:
		return n / 40
	case testing.Short():
		return n / 10
	}
	return n
}

// wires counts the connections of a transport.
type wires struct {
	dialed, open atomic.Int64
}

// transport is net/http's, over loopback.
func (w *wires) transport() *http.Transport {
	dialer := new(net.Dialer)
	return &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		w.dialed.Add(1)
		w.open.Add(1)
		return &wire{Conn: conn, close: sync.OnceFunc(func() { w.open.Add(-1) })}, nil
	}}
}

type wire struct {
	net.Conn
	close func()
}

func (w *wire) Close() error { w.close(); return w.Conn.Close() }

func TestNothingIsLeftAfterCallsWithFaults(t *testing.T) {
	calls := scaled(10_000)
	for name, make := range rooms {
		t.Run(name, func(t *testing.T) {
			before := count()
			r, w := make(), new(wires)
			r.server.Start()
			transport := w.transport()
			c := r.use(t, &http.Client{Transport: transport})
			failed := 0
			for i := range calls {
				id := fmt.Sprintf("%024x", i)
				r.add(id)
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				fault := leftovers[i%len(leftovers)]
				switch {
				case i%499 == 0: // more than is read
					fault = offboardtest.Respond("", 409, huge)
				case i%97 == 0: // the context ends in the middle
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
				t.Errorf("%d of %d calls failed, so the faults are not what they should be", failed, calls)
			}
			settle(t, func() string {
				if n := w.open.Load(); n > 0 {
					return fmt.Sprintf("%d of %d connections are open", n, w.dialed.Load())
				}
				return count().beyond(before)
			})
			t.Logf("%d calls, %d failed, %d connections", calls, failed, w.dialed.Load())
		})
	}
}

var huge = strings.Repeat(" ", 2<<20)

// leftovers are faults that could leave something behind. None of them makes the
// next call wait.
var leftovers = []offboardtest.Fault{
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

// counts is what a process has.
type counts struct{ goroutines, files int }

func count() counts {
	c := counts{goroutines: runtime.NumGoroutine(), files: -1}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil { // Linux
		c.files = len(files)
	}
	return c
}

// beyond says what there is that was not there before.
func (c counts) beyond(before counts) string {
	if c.goroutines > before.goroutines || c.files > before.files {
		return fmt.Sprintf("there were %+v, and are %+v", before, c)
	}
	return ""
}

// settle waits until nothing is left: what is real takes a moment to end.
func settle(t *testing.T, left func() string) {
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

func TestConnectionsAreUsedAgain(t *testing.T) {
	for name, make := range rooms {
		t.Run(name, func(t *testing.T) {
			// net/http gives up a connection whose writer was not heard of for 50 ms, which
			// happens on a machine that has too much to do.
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

// connections makes 1,000 calls, one after the other, and returns how many
// connections they took.
func connections(t *testing.T, r room) int64 {
	t.Helper()
	w := new(wires)
	r.server.Start()
	defer r.server.Close()
	transport := w.transport()
	defer transport.CloseIdleConnections()
	c := r.use(t, &http.Client{Transport: transport})
	for i := range 1_000 {
		id := fmt.Sprintf("%024x", i)
		switch r.add(id); i % 4 { // answers of all kinds, each to its end
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

func TestMemoryIsFlat(t *testing.T) {
	calls := scaled(100_000)
	for name, make := range rooms {
		t.Run(name, func(t *testing.T) {
			const id = "5e2f00000000000000000001"
			r := make()
			r.add(id)
			replay := &replaying{body: answerOf(t, r, id)}
			c := r.use(t, &http.Client{Transport: replay})
			ctx, cancel := context.WithCancel(t.Context()) // one that lives: what hangs on it would stay
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
			const most = 256 << 10 // 3 bytes a call
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
	runtime.GC() // what a sync.Pool had is gone after the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestManyShareOneClient(t *testing.T) {
	const callers, each = 64, 20
	for name, make := range rooms {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := make()
				c := r.use(t, &http.Client{Transport: r.server})
				fault := func(f offboardtest.Fault) offboardtest.Fault { f.Times = callers; return f }
				r.server.Fail(fault(leftovers[1]), fault(leftovers[2]), fault(leftovers[4]), fault(leftovers[5]), fault(leftovers[7]))
				if name == "volterra" { // its double has one tenant
					r.add(fmt.Sprintf("%024x", 0))
				}
				var gone, failed atomic.Int64
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
								t.Errorf("%s: it says deleted, and it is there", id)
							case err == nil:
								gone.Add(1)
							case !typed:
								t.Errorf("%s: got a %T", id, err)
							default:
								failed.Add(1)
							}
						}
					})
				}
				group.Wait()
				if gone.Load() == 0 || failed.Load() == 0 {
					t.Errorf("%d deleted and %d failed: there is nothing to compare", gone.Load(), failed.Load())
				}
			})
		})
	}
}

// replaying answers reads as a double did once: the double itself would remember
// each request.
type replaying struct {
	body []byte
	fail bool
}

func (p *replaying) RoundTrip(req *http.Request) (*http.Response, error) {
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
func answerOf(t *testing.T, r room, id string) []byte {
	t.Helper()
	var body []byte
	c := r.use(t, &http.Client{Transport: recording{r.server, &body}})
	must(t, c.read(t.Context(), id))
	return body
}

// recording keeps the last body.
type recording struct {
	next http.RoundTripper
	body *[]byte
}

func (r recording) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	*r.body, err = io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(strings.NewReader(string(*r.body)))
	return resp, err
}
