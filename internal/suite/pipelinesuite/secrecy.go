package pipelinesuite

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// Credential makes a client whose credential contains a canary.
type Credential func(c Case, canary string, s Settings) (client any, deletion func(context.Context) error, err error)

// canary may appear only in headers of requests to the provider.
const canary = "canary-5ebe2294ecd0"

// Secrecy injects all faults with each kind of credential and searches for the canary in
// errors, logs, the printed and JSON forms of all values, and requests. A credential
// belongs in one place: the Authorization header of a request to the provider, or the form
// of a token request.
func (p Provider) Secrecy(t *testing.T, credentials map[string]Credential) {
	t.Helper()
	for kind, make := range credentials {
		for name, fault := range secrecyFaults() {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c := p.New(t)
					fault.Times = 100
					if name != "none" {
						c.fail(t, fault)
					}
					var log bytes.Buffer
					watch := &credentialWatcher{next: c.Server, seen: map[string]int{}}
					client, deletion, err := make(c, canary, Settings{
						Client: &http.Client{Transport: watch},
						Logger: slog.New(slog.NewMultiHandler(
							slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 4}),
							slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: true}),
						)),
					})
					if err != nil {
						t.Fatal(err)
					}
					err = deletion(t.Context())
					for place := range watch.seen {
						if !slices.Contains(places, place) {
							t.Errorf("the credential appears in %s", place)
						}
					}
					checkHidden(t, "the log", log.String())
					show(t, "the client", client)
					for err := range chain(err) {
						show(t, fmt.Sprintf("%T", err), err)
					}
				})
			})
		}
	}
}

// Places where a credential may appear.
const (
	placeAuthorization = "the Authorization of a request to the provider"
	placeForm          = "the form of a request for a token to the provider"
)

var places = []string{placeAuthorization, placeForm}

// secrecyFaults are all faults, by name.
func secrecyFaults() map[string]offboardtest.Fault {
	// Answers that describe a credential, or that repeat a part of the request: see
	// [credentialWatcher.repeat].
	said := func(what string) string {
		return fmt.Sprintf(`{"error":{"code":"%[1]s","message":"token %[1]s","description":"%[1]s","detail":{"details":"%[1]s"}},`+
			`"errorCode":"%[1]s","message":"%[1]s","code":7,"detail":"%[1]s","description":"%[1]s","parameters":["%[1]s"]}`, what)
	}
	host := strings.TrimPrefix(offboardtest.InMemory, "https://")
	faults := map[string]offboardtest.Fault{
		"none":              {},
		"HTML":              offboardtest.HTMLResponse("", 200),
		"a redirect":        offboardtest.Redirect("", 302, "https://elsewhere.invalid/?t="+canary),
		"a 307":             offboardtest.Redirect("", 307, "https://elsewhere.invalid/"),
		"another port":      offboardtest.Redirect("", 302, offboardtest.InMemory+":8443/"),
		"without TLS":       offboardtest.Redirect("", 301, "http://"+host+"/"),
		"a subdomain":       offboardtest.Redirect("", 308, "https://a."+host+"/"),
		"redirect loop":     offboardtest.Redirect("", 302, "/"),
		"lost answers":      offboardtest.LoseResponse(""),
		"truncated answers": offboardtest.TruncateResponse(""),
		"lost requests":     offboardtest.LoseRequest(""),
		"no connections":    offboardtest.RefuseConnection(""),
		"a token that repeats": offboardtest.Respond("", 400,
			`{"error":"@sent@","error_description":"@sent@","error_uri":"@escaped@"}`),
		"a page that repeats": offboardtest.Respond("", 502, "<html>Authorization: Bearer @sent@</html>"),
		"a text that repeats": offboardtest.Respond("", 401, `"Bearer @escaped@"`),
	}
	for _, status := range []int{200, 400, 401, 403, 404, 407, 409, 429, 500, 503} {
		faults[strconv.Itoa(status)] = offboardtest.Respond("", status, said(canary))
		for _, form := range []string{sent, escaped} {
			f := offboardtest.Respond("", status, said(form))
			for _, name := range []string{"X-Request-Id", "Www-Authenticate", "Set-Cookie", "Proxy-Authenticate", "Retry-After"} {
				f.Header.Set(name, form)
			}
			faults[strconv.Itoa(status)+" with "+form] = f
		}
	}
	return faults
}

// show searches for the canary in all forms of a value.
func show(t *testing.T, what string, v any) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%T"} {
		checkHidden(t, what+" by "+verb, fmt.Sprintf(verb, v))
	}
	if encoded, err := json.Marshal(v); err == nil {
		checkHidden(t, what+" in JSON", string(encoded))
	}
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		var log bytes.Buffer
		at := &slog.HandlerOptions{Level: level}
		slog.New(slog.NewMultiHandler(slog.NewTextHandler(&log, at), slog.NewJSONHandler(&log, at))).Log(t.Context(), level, "x", "v", v)
		checkHidden(t, what+" in a log", log.String())
	}
	checkHidden(t, what+" in a panic", panicText(v))
}

// panicText returns the message and the stack of a panic with a value.
func panicText(v any) (text string) {
	defer func() { text = fmt.Sprint(recover()) + string(debug.Stack()) }()
	panic(v)
}

// forms are the canary as it is and encoded. Its base64 form depends on the offset; the
// first and last characters depend on the surrounding bytes and are left out.
var forms = func() []string {
	all := []string{canary, hex.EncodeToString([]byte(canary)), strings.ToUpper(hex.EncodeToString([]byte(canary)))}
	for before := range 3 {
		code := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + canary))
		all = append(all, code[4:len(code)-4])
	}
	return all
}()

func checkHidden(t *testing.T, where, text string) {
	t.Helper()
	if i := find(text); i >= 0 {
		t.Errorf("%s contains the credential: …%s…", where, text[max(0, i-60):min(len(text), i+80)])
	}
}

// find returns the position of the canary in a text, in any form; -1 for none.
func find(text string) int {
	for _, form := range forms {
		if i := strings.Index(text, form); i >= 0 {
			return i
		}
	}
	return -1
}

// chain yields an error and all errors that it wraps.
func chain(err error) func(func(error) bool) {
	return func(yield func(error) bool) {
		for err != nil && yield(err) {
			err = errors.Unwrap(err)
		}
	}
}

// credentialWatcher records the places of the canary in requests, and repeats parts of the
// request in answers.
type credentialWatcher struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen map[string]int // by place
}

func (w *credentialWatcher) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	to, target := "the provider", req.URL.String()
	if !strings.HasPrefix(target, offboardtest.InMemory+"/") {
		to = req.URL.Host
		w.seen["a request to "+to]++ // no request to another host, with or without the canary
	}
	note := func(place, text string) {
		if find(text) >= 0 {
			w.seen[place+" to "+to]++
		}
	}
	note("the URL of a request", target)
	for name, values := range req.Header {
		place := "the header " + name + " of a request"
		if name == "Authorization" {
			place = "the Authorization of a request"
		}
		note(place, strings.Join(values, ", "))
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
		again := req.Clone(req.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		req = again
	}
	place := "the body of a request"
	form, _ := url.ParseQuery(string(body))
	if form.Has("grant_type") {
		place = "the form of a request for a token"
	}
	note(place, string(body))
	resp, err := w.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return repeat(resp, req, form)
}

// Placeholders of the credential in an answer: as it was sent, and escaped as in JSON.
const (
	sent    = "@sent@"
	escaped = "@escaped@"
)

// repeat replaces the placeholders in an answer by the credential of the request.
func repeat(resp *http.Response, req *http.Request, form url.Values) (*http.Response, error) {
	_, secret, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	secret = cmp.Or(form.Get("client_secret"), form.Get("assertion"), secret)
	secret = strings.ReplaceAll(secret, `"`, "") // of a digest, not secret
	var code strings.Builder
	for i, r := range secret {
		if i%3 == 0 {
			fmt.Fprintf(&code, `\u%04x`, r)
			continue
		}
		code.WriteRune(r)
	}
	repeated := strings.NewReplacer(sent, secret, escaped, code.String())
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), truncatedBody{}))
		return resp, nil
	}
	text := repeated.Replace(string(body))
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	for _, values := range resp.Header {
		for i := range values {
			values[i] = repeated.Replace(values[i])
		}
	}
	return resp, nil
}

// truncatedBody ends with an unexpected EOF.
type truncatedBody struct{}

func (truncatedBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
