package offboardtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// Recorder is an [http.RoundTripper] that sends requests by another transport, and writes each
// exchange as a line of JSON; see [Exchange]. [ReadRecording] and [NewReplay] replay it.
//
//	file, err := os.OpenFile("traffic.jsonl", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
//	recorder := offboardtest.NewRecorder(file, http.DefaultTransport, os.Getenv("MY_SECRET"))
//	client, err := atlas.New(atlas.FromEnv(), atlas.WithHTTPClient(recorder.Client()))
//
// The recording contains REDACTED instead of: the values of all headers but a few that are known
// to contain no secret; user information and secret parameters of URLs, also in bodies; the body of a request
// for a token; JSON strings below a member with a name such as "password" or "access_token", except
// those of a member "id", where 0 replaces a number; form fields with such a name; private keys; and,
// wherever they occur, credentials and tokens of at least 8 bytes that an exchange has shown, and
// the values given to NewRecorder. A recording still contains the IDs, names and addresses in paths and
// bodies: give them to NewRecorder, or review the file, before you publish it.
//
// A Recorder reads the whole body of each response before it returns the response. It is safe
// for concurrent use.
type Recorder struct {
	transport http.RoundTripper

	mu        sync.Mutex
	w         io.Writer
	redaction *redaction
	err       error
}

// NewRecorder returns a Recorder that writes to w. A nil transport means
// [http.DefaultTransport]. The secrets are replaced wherever they occur.
func NewRecorder(w io.Writer, transport http.RoundTripper, secrets ...string) *Recorder {
	if transport == nil {
		transport = http.DefaultTransport
	}
	return &Recorder{transport: transport, w: w, redaction: newRedaction(secrets)}
}

// Client returns an HTTP client that records.
func (r *Recorder) Client() *http.Client { return &http.Client{Transport: r} }

// Err returns the first error of the writer. After an error, the Recorder sends requests and
// writes nothing.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// RoundTrip sends a request and records it with its response or error.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	x := Exchange{Time: time.Now().UTC(), Method: req.Method, URL: req.URL.String(), RequestHeader: canonical(req.Header)}
	if x.Method == "" {
		x.Method = http.MethodGet
	}
	var connected atomic.Bool
	out := req.Clone(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}))
	if req.Body != nil && req.Body != http.NoBody {
		body, err := io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
		x.RequestBody = body
		out.Body = newBody(body)
		out.GetBody = func() (io.ReadCloser, error) { return newBody(body), nil }
	}
	resp, err := r.transport.RoundTrip(out)
	if err != nil {
		x.Error, x.NotSent = err.Error(), !connected.Load()
		r.write(x)
		return nil, err
	}
	resp.Request = req
	body, failed := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = newBody(body)
	x.Status, x.Header, x.Body = resp.StatusCode, canonical(resp.Header), body
	if failed != nil {
		x.Error = failed.Error()
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failedReader{failed}))
	}
	r.write(x)
	return resp, nil
}

// write writes an exchange as one line.
func (r *Recorder) write(x Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	r.redaction.learn(&x)
	r.redaction.apply(&x)
	line, err := json.Marshal(x)
	if err == nil {
		_, err = r.w.Write(append(line, '\n'))
	}
	r.err = err
}

// failedReader returns an error.
type failedReader struct{ err error }

func (r failedReader) Read([]byte) (int, error) { return 0, r.err }
