package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// bearer is a credential that is sent as it is.
type bearer string

func (b bearer) Authorize(_ context.Context, req *http.Request) error {
	req.Header.Set("Authorization", "Bearer "+string(b))
	return nil
}

func (bearer) Refused(*http.Request, http.Header) bool { return false }

// repeating reads a thing with a credential and answers with a text.
func repeating(t *testing.T, ctx context.Context, token, message, id string) *errors.Error {
	t.Helper()
	c := newClient(t, playing(answer(403, `{"message":`+message+`}`, "X-Request-Id", id)), func(c *rest.Config) {
		c.Authorizer = func(*http.Client) rest.Authorizer { return bearer(token) }
		c.Classify = func(a *rest.Answer, e *errors.Error) bool {
			var body struct{ Message string }
			_ = json.Unmarshal(a.Body, &body)
			e.Message = body.Message
			return true
		}
	})
	e, ok := errors.AsType[*errors.Error](c.Do(ctx, get(new(thing))))
	if !ok {
		t.Fatal("got no *errors.Error")
	}
	return e
}

func TestAnAnswerThatRepeatsTheCredentialIsNotRepeated(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`"no abc/def=+é here"`:                  "no [redacted] here",
		`"no abc\/def=+é here"`:                 "no [redacted] here",
		`"no abc/def\u003d\u002B\u00e9 here"`:   "no [redacted] here",
		`"\u0061bc/def=+é,abc\/def=+é"`:         "[redacted],[redacted]",
		`"abc/def=+"`:                           "abc/def=+",
		`"line\n \u12 abc/def"`:                 "",
		`"ends with \\"`:                        `ends with \`,
		`"\ud83d\ude00 \ud83d abc/def=+\u00e9"`: "\U0001F600 \uFFFD [redacted]",
	} {
		if e := repeating(t, t.Context(), "abc/def=+é", message, ""); e.Message != want {
			t.Errorf("%s became %q, want %q", message, e.Message, want)
		}
	}
	if e := repeating(t, t.Context(), "a\U0001F600bcdef", `"no a\ud83d\ude00bcdef here"`, ""); e.Message != "no [redacted] here" {
		t.Errorf("beyond the basic plane: got %q", e.Message)
	}
	var last trace.Last
	e := repeating(t, trace.With(t.Context(), &last), "abc/def", `""`, "r-abc/def-1")
	if e.RequestID != "r-[redacted]-1" || last.ID() != e.RequestID {
		t.Errorf("request ids: got %q and %q", e.RequestID, last.ID())
	}
	c := newClient(t, playing(answer(200, `{"id":"x"}`, "X-Request-Id", "r-abc/def-2")), func(c *rest.Config) {
		c.Authorizer = func(*http.Client) rest.Authorizer { return bearer("abc/def") }
	})
	if err := c.Do(trace.With(t.Context(), &last), get(new(thing))); err != nil || last.ID() != "r-[redacted]-2" {
		t.Errorf("the request id of a success: got %q, %v", last.ID(), err)
	}
}

func FuzzRedaction(f *testing.F) {
	f.Add("abc/def=+", uint64(0b10110))
	f.Add("aaaaaaab", uint64(0b1))
	f.Add("\\u0061\"<&>", uint64(0xffff))
	f.Fuzz(func(t *testing.T, token string, escapes uint64) {
		if len(token) < 6 || len(token) > 100 || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) ||
			strings.Contains("[redacted]", token) {
			t.Skip("no credential")
		}
		var b strings.Builder // the token in JSON, with some of it as escapes
		for i, r := range token {
			switch {
			case escapes>>(i%64)&1 == 1:
				fmt.Fprintf(&b, "\\u%04x", r)
			case r == '"' || r == '\\':
				fmt.Fprintf(&b, "\\%c", r)
			default:
				b.WriteRune(r)
			}
		}
		e := repeating(t, t.Context(), token, `"before `+b.String()+` after"`, "")
		if strings.Contains(e.Message, token) || !strings.HasPrefix(e.Message, "before") || !strings.HasSuffix(e.Message, "after") {
			t.Errorf("%q became %q", b.String(), e.Message)
		}
	})
}
