package offboardtest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// echo answers with the body of the request, and counts the requests.
type echo struct{ processed atomic.Int32 }

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.processed.Add(1)
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Method", r.Method)
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(body)
}

func newServer() (*offboardtest.Server, *echo) {
	e := &echo{}
	return offboardtest.NewServer(e, "", func(r *http.Request) string {
		return strings.TrimPrefix(r.URL.Path, "/")
	}), e
}

// send sends a request, in memory or over loopback.
func send(t *testing.T, s *offboardtest.Server) (status int, body string, err error) {
	t.Helper()
	url, client := s.Endpoint()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url+"/Call?a=b", strings.NewReader("twelve bytes"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestFault_InMemoryAndLoopback(t *testing.T) {
	t.Parallel()
	done := offboardtest.HTMLResponse("Call", 503)
	done.Processed = true
	for name, test := range map[string]struct {
		fault     offboardtest.Fault
		status    int
		body      string
		fails     bool // the answer is missing or truncated
		processed int  // how often the request was processed
		logged    int  // status
	}{
		"no fault":                          {offboardtest.Fault{}, 202, "twelve bytes", false, 1, 202},
		"fault of another operation":        {offboardtest.RefuseConnection("Other"), 202, "twelve bytes", false, 1, 202},
		"refused connection":                {offboardtest.RefuseConnection("Call"), 0, "", true, 0, 0},
		"lost request":                      {offboardtest.LoseRequest("Call"), 0, "", true, 0, 0},
		"lost answer":                       {offboardtest.LoseResponse(""), 0, "", true, 1, 0},
		"truncated answer":                  {offboardtest.TruncateResponse("Call"), 202, "twelve", true, 1, 202},
		"web page":                          {offboardtest.HTMLResponse("Call", 503), 503, "<!DOCTYPE html><title>503</title><h1>Service Unavailable</h1>", false, 0, 503},
		"web page, processed":               {done, 503, "<!DOCTYPE html><title>503</title><h1>Service Unavailable</h1>", false, 1, 503},
		"other answer":                      {offboardtest.Respond("Call", 409, "{}"), 409, "{}", false, 0, 409},
		"redirect without location":         {offboardtest.Redirect("Call", 302, ""), 302, "", false, 0, 302},
		"other status, processed":           {offboardtest.Accept("Call", 204, ""), 204, "", false, 1, 204},
		"accepted and not processed":        {offboardtest.Ignore("Call", 202, "{}"), 202, "{}", false, 0, 202},
		"connection error after processing": {offboardtest.BreakAfterHandshake("Call", tls.RecordHeaderError{Msg: "x"}), 0, "", true, 1, 0},
		"redialed connection":               {offboardtest.RedialConnection("Call"), 0, "", true, 1, 0},
		"edited body":                       {offboardtest.EditBody("Call", bytes.ToUpper), 202, "TWELVE BYTES", false, 1, 202},
		"cached answer":                     {offboardtest.Cache("Call", time.Minute), 202, "twelve bytes", false, 1, 202},
		"dropped header":                    {offboardtest.DropHeader("Call", "X-Other"), 202, "twelve bytes", false, 1, 202},
		"other page":                        {offboardtest.OtherPage("Call", "a", "c"), 202, "twelve bytes", false, 1, 202},
		"truncated other answer":            {offboardtest.Fault{Status: 500, Body: "ab", Failure: offboardtest.BodyTruncated}, 500, "a", true, 0, 500},
	} {
		for _, loopback := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", in memory", true: ", over loopback"}[loopback], func(t *testing.T) {
				t.Parallel()
				s, e := newServer()
				if loopback {
					s.Start()
					defer s.Close()
				}
				s.Fail(test.fault)
				status, body, err := send(t, s)
				if status != test.status || body != test.body || (err != nil) != test.fails {
					t.Errorf("got %d %q %v, want %d %q, failure %t", status, body, err, test.status, test.body, test.fails)
				}
				if n := int(e.processed.Load()); n != test.processed {
					t.Errorf("processed %d times, want %d", n, test.processed)
				}
				r := s.Requests()[0]
				if r.Operation != "Call" || r.Method != "POST" || r.Path != "/Call" || r.Query != "a=b" || string(r.Body) != "twelve bytes" ||
					r.Status != test.logged || r.Processed != (test.processed == 1) {
					t.Errorf("got request %+v", r)
				}
				// A fault applies to one request.
				if status, _, err := send(t, s); err != nil || status != 202 {
					t.Errorf("next request: got %d, %v, want 202", status, err)
				}
			})
		}
	}
}

func TestRefuseConnection_Error(t *testing.T) {
	t.Parallel()
	s, _ := newServer()
	s.Fail(offboardtest.RefuseConnection(""))
	if _, _, err := send(t, s); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
}

func TestServer_FaultOrder(t *testing.T) {
	t.Parallel()
	s, _ := newServer()
	twice := offboardtest.Respond("Call", 500, "")
	twice.Times = 2
	s.Fail(offboardtest.Respond("Other", 501, ""), twice, offboardtest.Respond("", 502, ""))
	var got []int
	for range 4 {
		status, _, err := send(t, s)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, status)
	}
	if diff := cmp.Diff([]int{500, 500, 502, 202}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := s.Count("Call"); n != 4 {
		t.Errorf("got count %d, want 4", n)
	}
}

func TestFault_Delay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, e := newServer()
		s.Fail(offboardtest.Fault{Delay: time.Minute, DelayAfter: time.Hour})
		start := time.Now()
		if _, _, err := send(t, s); err != nil || time.Since(start) != 61*time.Minute {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		for _, fault := range []offboardtest.Fault{{Delay: time.Hour}, {DelayAfter: time.Hour}} {
			s.Fail(fault)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			req, _ := http.NewRequestWithContext(ctx, "GET", offboardtest.InMemory+"/Call", nil)
			if _, err := s.RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			cancel()
		}
		if n := e.processed.Load(); n != 2 {
			t.Errorf("processed %d times, want 2: once, and once before the delay of the answer", n)
		}
	})
}

func TestServer_StartAndCloseRepeated(t *testing.T) {
	t.Parallel()
	s, _ := newServer()
	if a, b := s.Start(), s.Start(); a != b {
		t.Errorf("got two listeners, %s and %s", a, b)
	}
	s.Close()
	s.Close()
	if url, _ := s.Endpoint(); url != offboardtest.InMemory {
		t.Errorf("got endpoint %s, want %s", url, offboardtest.InMemory)
	}
}

// A fault edits the request before the fake processes it, and the answer after that.
func TestFault_Edits(t *testing.T) {
	t.Parallel()
	for _, loopback := range []bool{false, true} {
		t.Run(map[bool]string{false: "in memory", true: "over loopback"}[loopback], func(t *testing.T) {
			t.Parallel()
			s := offboardtest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Query", r.URL.Query().Get("page"))
				w.Header().Set("X-Organization", r.Header.Get("X-Organization"))
				_, _ = io.WriteString(w, `{"items":[1]}`)
			}), "", func(*http.Request) string { return "List" })
			if loopback {
				s.Start()
				defer s.Close()
			}
			s.Fail(
				offboardtest.Fault{},
				offboardtest.OtherPage("List", "page", "7"),
				offboardtest.DropHeader("List", "X-Organization"),
				offboardtest.Cache("List", time.Minute),
				offboardtest.EditBody("List", offboardtest.AddMember("Items", "[]")),
				offboardtest.Fault{AddHeader: http.Header{"X-Query": nil}},
			)
			var got []string
			for range 6 {
				url, client := s.Endpoint()
				req, _ := http.NewRequestWithContext(t.Context(), "GET", url+"/List?page=1", nil)
				req.Header.Set("X-Organization", "acme")
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				got = append(got, strings.Join([]string{resp.Header.Get("X-Query"), resp.Header.Get("X-Organization"), resp.Header.Get("Age"), string(body)}, " "))
			}
			if diff := cmp.Diff([]string{
				`1 acme  {"items":[1]}`, `7 acme  {"items":[1]}`, `1   {"items":[1]}`, `1 acme 60 {"items":[1]}`,
				`1 acme  {"items":[1],"Items":[]}`, ` acme  {"items":[1]}`,
			}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddMember(t *testing.T) {
	t.Parallel()
	add := offboardtest.AddMember("a", "1")
	for body, want := range map[string]string{
		"": "", "[]": "[]", "{}": `{"a":1}`, ` {"b":2} `: `{"b":2,"a":1}`, "{": "{",
	} {
		if got := string(add([]byte(body))); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

// A client decides by the trace whether a request was sent, so that the transport of a fake
// must report its connections like that of net/http.
func TestServer_ConnectionTrace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault offboardtest.Fault
		want  []string
	}{
		"answered": {offboardtest.Fault{}, []string{"GetConn", "GotConn"}},
		"refused":  {offboardtest.RefuseConnection(""), []string{"GetConn"}},
		"reset":    {offboardtest.LoseRequest(""), []string{"GetConn", "GotConn"}},
		"redialed": {offboardtest.RedialConnection(""), []string{"GetConn", "GotConn", "GetConn"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newServer()
			s.Fail(test.fault)
			var got []string
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GetConn: func(string) { got = append(got, "GetConn") },
				GotConn: func(httptrace.GotConnInfo) { got = append(got, "GotConn") },
			})
			req, _ := http.NewRequestWithContext(ctx, "GET", offboardtest.InMemory+"/Call", nil)
			if resp, err := s.RoundTrip(req); err == nil {
				resp.Body.Close()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A test with a misspelled operation would pass without the fault.
func TestServer_UnknownOperation(t *testing.T) {
	t.Parallel()
	s := offboardtest.NewServer(&echo{}, "", func(*http.Request) string { return "Call" }, "Call", "Other")
	s.Fail(offboardtest.LoseRequest("Other"), offboardtest.LoseRequest("")) // known, and any
	for name, call := range map[string]func(){
		"Fail":  func() { s.Fail(offboardtest.LoseRequest("Call"), offboardtest.LoseRequest("Clal")) },
		"Count": func() { s.Count("Clal") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				want := `offboardtest: unknown operation "Clal"; the operations are Call, Other`
				if diff := cmp.Diff(any(want), recover()); diff != "" {
					t.Errorf("panic (-want +got):\n%s", diff)
				}
			}()
			call()
		})
	}
}

// recorder records the errors of a test.
type recorder struct {
	testing.TB
	errs []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errs = append(r.errs, fmt.Sprintf(format, args...))
}

func TestServer_AssertFaultsUsed(t *testing.T) {
	t.Parallel()
	s, _ := newServer()
	often := offboardtest.Respond("Call", 500, "")
	often.Times = 100
	s.Fail(often, offboardtest.Respond("Other", 503, ""), offboardtest.LoseRequest(""))
	if _, _, err := send(t, s); err != nil {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	s.AssertFaultsUsed(r)
	want := []string{
		`fault applied to no request: operation "Other", status 503, failure NoFailure`,
		`fault applied to no request: operation "", status 0, failure ConnectionReset`,
	}
	if diff := cmp.Diff(want, r.errs); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestFailure_String(t *testing.T) {
	t.Parallel()
	var got []string
	for f := offboardtest.NoFailure; f <= offboardtest.ConnectionRedialed+1; f++ {
		got = append(got, f.String())
	}
	want := []string{"NoFailure", "ConnectionRefused", "ConnectionReset", "BodyTruncated", "ConnectionRedialed", "Failure(5)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
