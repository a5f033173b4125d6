package ruletest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// Credential makes a client whose credential contains a canary.
type Credential func(c Case, canary string, s Settings) (client any, deletion func(context.Context) error, err error)

// canary is what must be seen in headers only, and those of the provider only.
const canary = "canary-5ebe2294ecd0"

// Secrecy lets everything go wrong with each kind of credential and looks for it
// in errors, logs, the printed and the JSON form of everything, and in requests to
// other origins.
func (p Provider) Secrecy(t *testing.T, credentials map[string]Credential) {
	t.Helper()
	echo := fmt.Sprintf(`{"error":{"code":"%[1]s","message":"token %[1]s"},"message":"%[1]s","code":7,"detail":"%[1]s","description":"%[1]s"}`, canary)
	faults := map[string]offboardtest.Fault{
		"none":           {},
		"400":            offboardtest.Answer("", 400, echo),
		"401":            offboardtest.Answer("", 401, echo),
		"403":            offboardtest.Answer("", 403, echo),
		"404":            offboardtest.Answer("", 404, echo),
		"409":            offboardtest.Answer("", 409, echo),
		"429":            offboardtest.Answer("", 429, echo),
		"500":            offboardtest.Answer("", 500, echo),
		"a web page":     offboardtest.Page("", 200),
		"a redirect":     offboardtest.Redirect("", 302, "https://elsewhere.invalid/?t="+canary),
		"a 307":          offboardtest.Redirect("", 307, "https://elsewhere.invalid/"),
		"lost answers":   offboardtest.LoseAnswer(""),
		"lost requests":  offboardtest.LoseRequest(""),
		"no connections": offboardtest.Refuse(""),
	}
	for kind, make := range credentials {
		for name, fault := range faults {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c := p.New(t)
					fault.Times = 100
					if name != "none" {
						c.Server.Fail(fault)
					}
					var log bytes.Buffer
					watch := &watching{next: c.Server, t: t}
					client, deletion, err := make(c, canary, Settings{
						Client: &http.Client{Transport: watch},
						Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
					})
					if err != nil {
						t.Fatal(err)
					}
					err = deletion(t.Context())
					look(t, "the log", log.String())
					show(t, "the client", client)
					for err := range chain(err) {
						show(t, fmt.Sprintf("%T", err), err)
					}
				})
			})
		}
	}
}

// show looks for the canary in all that can be made of a value.
func show(t *testing.T, what string, v any) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		look(t, what+" by "+verb, fmt.Sprintf(verb, v))
	}
	if encoded, err := json.Marshal(v); err == nil {
		look(t, what+" in JSON", string(encoded))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	look(t, what+" in a log", log.String())
}

func look(t *testing.T, where, text string) {
	t.Helper()
	if i := strings.Index(text, canary); i >= 0 {
		t.Errorf("%s shows the credential: …%s…", where, text[max(0, i-60):min(len(text), i+80)])
	}
}

// chain yields an error and all that it wraps.
func chain(err error) func(func(error) bool) {
	return func(yield func(error) bool) {
		for err != nil && yield(err) {
			err = errors.Unwrap(err)
		}
	}
}

// watching looks for the canary in requests.
type watching struct {
	next http.RoundTripper
	t    *testing.T
	mu   sync.Mutex
}

func (w *watching) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.HasPrefix(req.URL.String(), offboardtest.InMemory+"/") {
		w.t.Errorf("a request was sent to %s", req.URL.Host)
	}
	look(w.t, "the URL of a request", req.URL.String())
	for name, values := range req.Header {
		if name != "Authorization" {
			look(w.t, "the header "+name, strings.Join(values, ", "))
		}
	}
	return w.next.RoundTrip(req)
}
