package pipelinesuite

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/offboard-dev/offboard-go/errors"
)

// Fuzz answers a client with random statuses, bodies and headers, seeded by the fixtures of
// a file and hostile texts. An answer that is not a success must become a typed error with
// its status. The header value, which is the same for all headers that a client reads, must
// not cause a wait or a wrong result.
func Fuzz(f *testing.F, file string, call func(*http.Client) error) {
	f.Helper()
	for _, fixture := range load(f, file) {
		f.Add(fixture.Status, fixture.body(), "60")
	}
	for i, body := range seeds() {
		f.Add([]int{200, 404, 409, 429, 500}[i%5], body, hostileHeaders[i%len(hostileHeaders)])
	}
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		if status < 200 || status > 599 {
			t.Skip("not a status")
		}
		start := time.Now()
		err := call(&http.Client{Transport: responder{status, body, header}})
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		e, ok := errors.AsType[*errors.Error](err)
		switch {
		case err == nil && status > 299:
			t.Errorf("status %d: got nil, want an error", status)
		case err != nil && !ok:
			t.Errorf("got %T, want an *errors.Error", err)
		case ok && (e.Code == "" || e.Status != status || e.Error() == ""):
			t.Errorf("got %v with status %d and code %q for %d", err, e.Status, e.Code, status)
		case ok && strings.ContainsFunc(e.Error(), unicode.IsControl):
			t.Errorf("%q has control characters", e.Error())
		case ok && (e.RetryAfter < 0 || e.RetryAfter > 7*24*time.Hour):
			t.Errorf("invalid RetryAfter %v", e.RetryAfter)
		}
	})
}

// FuzzSuccess answers a deletion with the status of the success and random bodies, seeded
// by hostile texts and the success itself. The deletion must succeed if and only if
// documented accepts the body; otherwise the error must be typed.
func FuzzSuccess(f *testing.F, status int, success string, deletion func(*http.Client) error, documented func(body string) bool) {
	f.Helper()
	f.Add(success)
	f.Add(success + "x")
	f.Add(success[:len(success)/2])
	f.Add(strings.ReplaceAll(success, "true", "false"))
	f.Add(strings.ReplaceAll(success, "{", `{"error":{"code":1},"code":5,"message":"",`))
	for _, body := range seeds() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		err := deletion(&http.Client{Transport: responder{status, body, ""}})
		e, ok := errors.AsType[*errors.Error](err)
		switch {
		case err == nil && !documented(body):
			t.Errorf("body %.200q: got nil, want an error", body)
		case err != nil && !ok:
			t.Errorf("got %T, want an *errors.Error", err)
		case ok && strings.ContainsFunc(e.Error(), unicode.IsControl):
			t.Errorf("%q has control characters", e.Error())
		}
	})
}

// seeds are the seeds of a fuzz test. Bombs are not among them: each test sends them one
// time, because mutating them would take most of the time.
func seeds() []string {
	if flag.Lookup("test.fuzz").Value.String() != "" {
		return hostile
	}
	return append(bombs(), hostile...)
}

// bombs are bodies that are small to send and large to decode, or the reverse.
func bombs() []string {
	deep := func(open, inner, end string) string {
		const depth = 20_000 // the limit of package json is 10,000
		return strings.Repeat(open, depth) + inner + strings.Repeat(end, depth)
	}
	nines := strings.Repeat("9", 50_000)
	return []string{
		deep(`[`, ``, `]`),
		deep(`{"error":`, `1`, `}`),
		deep(`{"error":{"detail":`, `{}`, `}}`)[:90_000],
		`{"error":{"code":"` + nines + `"}}`,
		`{"code":` + nines + `,"error":{"code":` + nines + `}}`,
		`{"parameters":[` + strings.Repeat("{},", 100_000) + `{}]}`,
		`{` + strings.Repeat(`"a":1,`, 100_000) + `"success":true,"status":true}`,
		strings.Repeat(" ", 2<<20) + `{"success":true}`,
	}
}

const steering = "\x1b]0;owned\x07\x1b[2J\u202e\r\n\x00\x7f\u0085"

// hostile are bodies that no provider would send.
var hostile = []string{
	`{"code":1e999999,"error":{"code":-1e999999},"errorCode":1E400,"parameters":[1e400,-1,0.1]}`,
	`{"code":-0,"error":{"code":0x10},"errorCode":+1}`,
	`{"code":9223372036854775808,"error":{"code":18446744073709551616}}`,
	`{"errorCode":"RATE_LIMITED","parameters":["x",1,1e300]}`,
	`{"errorCode":"RATE_LIMITED_TOKEN_BUCKET","parameters":["x",-1e300]}`,
	`{"code":5,"code":7,"error":{"code":"a","code":"organization_not_found"},"errorCode":"X","errorCode":"ORG_NOT_FOUND"}`,
	`{"CODE":5,"Error":{"CODE":"organization_not_found"},"ERRORCODE":"ORG_NOT_FOUND"}`,
	`{"success":true,"success":null,"status":true,"status":null,"data":{"delete":"OK","delete":null}}`,
	`{"success":"true","status":"true","data":"OK","details":[]}`,
	`{"success":1,"status":1,"data":{"delete":1},"details":{"resourceOwner":1}}`,
	`{"error":{"code":"\u0000\u001b[2J","message":"\u0000","description":"\ud800"},"message":"\u202e","errorCode":"\u0085"}`,
	`{"error":{"code":"` + steering + `"},"message":"` + steering + `","errorCode":"` + steering + `"}`,
	"{\"error\":{\"code\":\"\xff\xfe\",\"message\":\"\xc3\x28\"},\"message\":\"\xed\xa0\x80\",\"errorCode\":\"\xff\"}",
	"\ufeff{\"error\":{\"code\":\"organization_not_found\"}}",
	"\x00{}", "{}\x00", "{} {}", "{},", "{", `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":"\`, `{"a":"\u12`,
	"null", "true", `"` + steering + `"`, "-", "NaN", steering, "",
}

// hostileHeaders are header values that a client interprets.
var hostileHeaders = []string{
	"0", "-1", "99999999999999999999", "1e9", "soon", " 7 ", "7, 8", "\x1b[2J", "Fri, 31 Dec 9999 23:59:59 GMT",
	"Mon, 01 Jan 0001 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "\xff",
}

// responder answers with a status, a body, and the same value in all headers that a client
// reads.
type responder struct {
	status       int
	body, header string
}

func (a responder) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	header := http.Header{}
	for _, name := range []string{
		"Content-Type", "Date", "Location", "Retry-After", "Www-Authenticate", "X-Request-Id",
		"X-Ratelimit-Permitted", "X-Ratelimit-Remaining", "Ratelimit-Limit", "Ratelimit-Remaining",
	} {
		header.Set(name, a.header)
	}
	return &http.Response{
		StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

// Field returns the value of a JSON object at a path of keys, with keys compared as package
// json does; nil if the text is not an object or has no such value.
func Field(body string, path ...string) any {
	var value any
	if json.Unmarshal([]byte(body), &value) != nil {
		return nil
	}
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = nil
		for key, v := range object {
			if strings.EqualFold(key, name) {
				value = v
			}
		}
	}
	return value
}
