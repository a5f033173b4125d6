package rest_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// bearer is a credential that is sent unchanged.
type bearer string

func (b bearer) Authorize(_ context.Context, req *http.Request) error {
	req.Header.Set("Authorization", "Bearer "+string(b))
	return nil
}

func (bearer) Refused(*http.Request, http.Header) bool { return false }

// repeating reads a resource with a credential. The answer is a text that repeats the credential.
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
	e, ok := errors.AsType[*errors.Error](c.Do(ctx, get(new(resource))))
	if !ok {
		t.Fatal("got no *errors.Error")
	}
	return e
}

func TestRedaction_Answer(t *testing.T) {
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
	if err := c.Do(trace.With(t.Context(), &last), get(new(resource))); err != nil || last.ID() != "r-[redacted]-2" {
		t.Errorf("the request id of a success: got %q, %v", last.ID(), err)
	}
}

// codes are the encodings in which an answer may repeat a credential.
var codes = map[string]func(string) string{
	"as it is":        func(s string) string { return s },
	"percent":         url.QueryEscape,
	"percent of path": url.PathEscape,
	"percent of all":  func(s string) string { return each(s, "%%%02X") },
	"percent, small":  func(s string) string { return each(s, "%%%02x") },
	"hex":             func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":             func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"HTML":            html.EscapeString,
	"HTML in decimal": func(s string) string { return eachRune(s, "&#%d;") },
	"HTML in hex":     func(s string) string { return eachRune(s, "&#x%X;") },
	"HTML by name": strings.NewReplacer("/", "&sol;", "+", "&plus;", "=", "&equals;", "_", "&lowbar;", ".", "&period;",
		"<", "&lt;", "&", "&amp;", "-", "&hyphen;").Replace,
	"JSON":             func(s string) string { b, _ := json.Marshal(s); return strings.Trim(string(b), `"`) },
	"JSON with \\/":    strings.NewReplacer("/", `\/`).Replace,
	"JSON of all":      func(s string) string { return eachRune(s, `\u%04x`) },
	"base64":           func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 after 1":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s)) },
	"base64 after 2":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("xy" + s)) },
	"base64 within":    func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte("user:" + s + "\n}")) },
	"base64url":        func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"base64url within": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("a:" + s + ".")) },
	"base64 with \\/": func(s string) string {
		return strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(s)), "/", `\/`)
	},
	"base64, percent": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) },
}

func each(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

func eachRune(s, format string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

// remains returns the longest part of a credential that a text contains in any encoding.
func remains(text, token string) int {
	for n := len(token); n > 3; n-- {
		for i := 0; i+n <= len(token); i++ {
			part := token[i : i+n]
			if strings.Contains(text, part) || strings.Contains(strings.ToLower(text), hex.EncodeToString([]byte(part))) {
				return n
			}
		}
	}
	return 0
}

func TestRedaction_Codes(t *testing.T) {
	t.Parallel()
	for name, code := range codes {
		for _, token := range []string{
			"abc/def=+g", "kQ7mXz2Rv9LwT4bN8cYhP3sJfD6gA1eUoVi5xZqB0nMrKtWy", "a?b>c~d&e<f_g.h-i", "abc/def=+\u00e9\u00ff", "???>>>~~~abc", "abcdef",
		} {
			t.Run(name+"/"+token, func(t *testing.T) {
				t.Parallel()
				var body string
				c := newClient(t, playing(answer(403, "before "+code(token)+" after", "X-Request-Id", "r "+code(token)+" r")), func(c *rest.Config) {
					c.Authorizer = func(*http.Client) rest.Authorizer { return bearer(token) }
					c.Classify = func(a *rest.Answer, _ *errors.Error) bool { body = string(a.Body); return true }
				})
				e, _ := errors.AsType[*errors.Error](c.Do(t.Context(), get(new(resource))))
				if len(token) == 6 && strings.HasPrefix(name, "base64") {
					return // too short to differ from other text
				}
				if body != "before [redacted] after" && !strings.HasPrefix(name, "base64") {
					t.Errorf("%q became %q", code(token), body)
				}
				if !strings.HasPrefix(body, "before ") || !strings.HasSuffix(body, " after") || !strings.Contains(body, "[redacted]") {
					t.Errorf("%q became %q", code(token), body)
				}
				// The ends of base64 remain, because they also encode the text around the credential.
				if strings.HasPrefix(name, "base64") && len(body) > len("before [redacted] after")+len("user:\n}")*2 {
					t.Errorf("%q became %q", code(token), body)
				}
				if n := remains(body, token); n > 3 {
					t.Errorf("%q became %q, which has %d characters", code(token), body, n)
				}
				if !strings.Contains(e.RequestID, "[redacted]") {
					t.Errorf("the request id is %q", e.RequestID)
				}
			})
		}
	}
}

// A text that only resembles an escape does not change.
func TestRedaction_OtherText(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"%", "%4", "%zz%", "&", "&;", "&#;", "&#x;", "&#xffffff;", "&unknown;", `\`, `\u`, `\u00`, `ends with \`, "&amp", strings.Repeat("&", 100),
		strings.Repeat("%61", 3), "abcde", "dGVzdA==", "100% of &lt;a&gt;",
	} {
		var got string
		c := newClient(t, playing(answer(403, body)), func(c *rest.Config) {
			c.Authorizer = func(*http.Client) rest.Authorizer { return bearer("abcdefghij") }
			c.Classify = func(a *rest.Answer, _ *errors.Error) bool { got = string(a.Body); return true }
		})
		_ = c.Do(t.Context(), get(new(resource)))
		if got != body {
			t.Errorf("%q became %q", body, got)
		}
	}
}

func FuzzRedaction(f *testing.F) {
	f.Add("abc/def=+", uint64(0b10110))
	f.Add("aaaaaaab", uint64(0b1))
	f.Add("000000", uint64(0b1))      // begins within the escape
	f.Add("00000000%00", uint64(162)) // has what looks like an escape
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
