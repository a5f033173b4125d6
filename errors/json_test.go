// SPDX-License-Identifier: Apache-2.0

package errors_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// detail is a Detail as a provider package has it.
type detail struct {
	Scopes []string `json:"scopes"`
}

// full has all fields.
func full() *errors.Error {
	return &errors.Error{
		Provider: "katapult", Operation: "DeleteOrganization", Target: "org_x",
		Code: errors.RateLimitReached, Status: 429, ProviderCode: "rate_limit_reached", Message: "Too many",
		RequestID: "r-1", RetryAfter: 17*time.Second + 250*time.Millisecond, Attempts: 3,
		Steps:  []errors.Step{{Name: "disks", Description: "Delete them"}, {Name: "networks"}},
		Detail: detail{Scopes: []string{"a", "b"}}, Err: fmt.Errorf("read: %w", context.Canceled),
	}
}

const fullJSON = `{"provider":"katapult","operation":"DeleteOrganization","target":"org_x","code":"rate_limit_reached","status":429,` +
	`"provider_code":"rate_limit_reached","message":"Too many","request_id":"r-1","retry_after_seconds":17.25,"attempts":3,` +
	`"steps":[{"name":"disks","description":"Delete them"},{"name":"networks"}],"detail":{"scopes":["a","b"]},"cause":"read: context canceled"}`

func TestMarshalJSON_ValueAndPointer(t *testing.T) {
	t.Parallel()
	e := full()
	for name, v := range map[string]any{
		"pointer": e, "value": *e, "error": error(e),
		"in a struct": struct{ errors.Error }{*e}.Error,
	} {
		got, err := json.Marshal(v)
		if err != nil || string(got) != fullJSON {
			t.Errorf("%s: got  %s, %v\nwant %s", name, got, err, fullJSON)
		}
	}
	for want, v := range map[string]any{
		`{"E":{"code":"conflict","attempts":0}}`: struct{ E errors.Error }{errors.Error{Code: errors.Conflict}},
		`{"E":null}`:                             struct{ E *errors.Error }{},
		`null`:                                   (*errors.Error)(nil),
		`{"code":"","attempts":0}`:               errors.Error{},
		`"conflict"`:                             errors.Conflict,
	} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

// A Detail without a JSON form is omitted, and the rest of the error is kept.
func TestMarshalJSON_DetailWithoutJSONForm(t *testing.T) {
	t.Parallel()
	type cycle struct{ Next *cycle }
	loop := new(cycle)
	loop.Next = loop
	list := []any{nil}
	list[0] = list
	for name, detail := range map[string]any{
		"function": func() {}, "channel": make(chan int), "cyclic pointer": loop, "cyclic list": list, "not a number": math.NaN(),
		"field of a struct": struct{ F func() }{func() {}}, "invalid JSON": json.RawMessage("{"), "complex number": 1i,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := full()
			e.Detail = nil
			want, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			e.Detail = detail
			got, err := json.Marshal(e)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
			var b bytes.Buffer
			var decoded errors.Error
			if err := gob.NewEncoder(&b).Encode(e); err != nil {
				t.Fatal(err)
			}
			if err := gob.NewDecoder(&b).Decode(&decoded); err != nil || decoded.Detail != nil || decoded.Error() != e.Error() {
				t.Errorf("gob: got %#v, %v", decoded, err)
			}
		})
	}
}

func TestJSON_RoundTrip(t *testing.T) {
	t.Parallel()
	inner := &errors.Error{Provider: "atlas", Operation: "token request", Code: errors.Unauthenticated, Status: 401}
	for name, e := range map[string]*errors.Error{
		"all fields":             full(),
		"zero":                   {},
		"cause of this package":  {Provider: "atlas", Code: errors.OutcomeUnknown, Err: inner},
		"cause of two":           {Code: errors.OutcomeUnknown, Err: errors.Join(inner, context.Canceled)},
		"cause without a text":   {Code: errors.OutcomeUnknown, Err: errors.New("")},
		"cause that is a code":   {Code: errors.OutcomeUnknown, Err: errors.Conflict},
		"cause that is no code":  {Code: errors.OutcomeUnknown, Err: errors.Code("")},
		"cause with a code":      {Code: errors.OutcomeUnknown, Err: errors.Join(errors.Conflict, context.Canceled)},
		"cause not of UTF-8":     {Code: errors.OutcomeUnknown, Err: errors.New("\ufffd")},
		"cause that is nil":      {Code: errors.OutcomeUnknown, Err: (*errors.Error)(nil)},
		"code of a newer server": {Code: "of_the_future", Status: 418},
		"control characters":     {Code: errors.Conflict, Message: "a\x1b[31m\n", Target: "\u202e", Err: errors.New("\x00\"é")},
		"characters of HTML":     {Code: errors.Conflict, Message: "<a href='x'>&</a>", Detail: "<b>"},
		"a long wait":            {Code: errors.RateLimitReached, RetryAfter: math.MaxInt64},
		"a nanosecond":           {Code: errors.RateLimitReached, RetryAfter: 1},
		"a negative wait":        {Code: errors.RateLimitReached, RetryAfter: math.MinInt64},
		"minutes":                {Code: errors.RateLimitReached, RetryAfter: 10 * time.Minute},
		"detail that is nil":     {Code: errors.Conflict, Detail: (*detail)(nil)},
		"detail that is a list":  {Code: errors.PartialResult, Detail: []detail{{}, {Scopes: []string{"x"}}}},
		"detail as it came":      {Code: errors.Conflict, Detail: json.RawMessage(`{"a":1}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encoded, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			// What was there before must not remain.
			decoded := *full()
			if err := json.Unmarshal(encoded, &decoded); err != nil {
				t.Fatal(err)
			}
			if got, want := decoded.Error(), e.Error(); got != want {
				t.Errorf("the text is %q, want %q", got, want)
			}
			again, err := json.Marshal(decoded)
			if err != nil || !bytes.Equal(again, encoded) {
				t.Errorf("again: got %s, %v\nwant %s", again, err, encoded)
			}
			want := *e
			want.Detail, want.Err = decoded.Detail, decoded.Err
			if !reflect.DeepEqual(decoded, want) {
				t.Errorf("got %#v, want %#v", decoded, want)
			}
			if (decoded.Err == nil) != (e.Err == nil) || (decoded.Detail == nil) != (e.Detail == nil) {
				t.Errorf("got the cause %v and the detail %v", decoded.Err, decoded.Detail)
			}
			if !errors.Is(&decoded, e.Code) || errors.CodeOf(&decoded) != e.Code {
				t.Errorf("the code is %q, want %q", errors.CodeOf(&decoded), e.Code)
			}

			var gobbed errors.Error
			var b bytes.Buffer
			if err := gob.NewEncoder(&b).Encode(e); err != nil {
				t.Fatal(err)
			}
			if err := gob.NewDecoder(&b).Decode(&gobbed); err != nil || !reflect.DeepEqual(gobbed, decoded) {
				t.Errorf("gob: got %#v, %v, want %#v", gobbed, err, decoded)
			}
		})
	}
}

func TestUnmarshalJSON_CauseMatchesNothing(t *testing.T) {
	t.Parallel()
	var e errors.Error
	if err := json.Unmarshal([]byte(fullJSON), &e); err != nil {
		t.Fatal(err)
	}
	if errors.Is(&e, context.Canceled) || e.Err.Error() != "read: context canceled" {
		t.Errorf("got the cause %v", e.Err)
	}
}

func TestUnmarshalJSON_OtherForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]errors.Error{
		`{"code":"conflict","of_the_future":{"a":1}}`:             {Code: errors.Conflict},
		`{"code":"conflict","retry_after_seconds":null}`:          {Code: errors.Conflict},
		`{"code":"rate_limit_reached","retry_after_seconds":1e2}`: {Code: errors.RateLimitReached, RetryAfter: 100 * time.Second},
		`{"code":"rate_limit_reached","retry_after_seconds":1E-3}`: {
			Code: errors.RateLimitReached, RetryAfter: time.Millisecond,
		},
		`{"code":"rate_limit_reached","retry_after_seconds":0.00000000012345}`: {Code: errors.RateLimitReached},
		`{}`: {},
	} {
		e := *full()
		if err := json.Unmarshal([]byte(text), &e); err != nil || !reflect.DeepEqual(e, want) {
			t.Errorf("%s: got %#v, %v", text, e, err)
		}
	}
	for _, text := range []string{
		`[]`, `"x"`, `1`, `{"code":1}`, `{"status":"x"}`, `{"steps":{}}`, `{"cause":1}`,
		`{"retry_after_seconds":"1"}`, `{"retry_after_seconds":1e300}`, `{"retry_after_seconds":9300000000}`,
		`{"retry_after_seconds":{}}`, `{"retry_after_seconds":1e99999}`,
	} {
		e := *full()
		if err := json.Unmarshal([]byte(text), &e); err == nil {
			t.Errorf("%s: got no error", text)
		}
		if !reflect.DeepEqual(e, *full()) && strings.HasPrefix(text, "{") {
			t.Errorf("%s: the error was changed to %#v", text, e)
		}
	}
	e := full()
	if err := json.Unmarshal([]byte("null"), e); err != nil || e.Code != errors.RateLimitReached {
		t.Errorf("null: got %v, %v", e, err)
	}
	if err := e.UnmarshalJSON([]byte(" null ")); err != nil || e.Code != errors.RateLimitReached {
		t.Errorf("null: got %v, %v", e, err)
	}
}

func TestDetailAs(t *testing.T) {
	t.Parallel()
	want := detail{Scopes: []string{"a", "b"}}
	e := full()
	var decoded errors.Error
	if err := json.Unmarshal([]byte(fullJSON), &decoded); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*errors.Error{"as it was made": e, "decoded": &decoded} {
		if got, ok := errors.DetailAs[detail](e); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %t", name, got, ok)
		}
		if got, ok := errors.DetailAs[int](e); ok || got != 0 {
			t.Errorf("%s: got the number %v", name, got)
		}
		if got, ok := errors.DetailAs[struct{ Scopes [1]int }](e); ok || got.Scopes != [1]int{} {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if raw, ok := errors.DetailAs[json.RawMessage](&decoded); !ok || string(raw) != `{"scopes":["a","b"]}` {
		t.Errorf("got %s, %t", raw, ok)
	}
	for name, e := range map[string]*errors.Error{"nil": nil, "no detail": {}} {
		if _, ok := errors.DetailAs[detail](e); ok {
			t.Errorf("%s: has a detail", name)
		}
	}
}

func TestError_GobInterface(t *testing.T) {
	t.Parallel()
	gob.Register(&errors.Error{})
	var b bytes.Buffer
	in, out := struct{ Err error }{full()}, struct{ Err error }{}
	if err := gob.NewEncoder(&b).Encode(in); err != nil {
		t.Fatal(err)
	}
	if err := gob.NewDecoder(&b).Decode(&out); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(out.Err, errors.RateLimitReached) || out.Err.Error() != in.Err.Error() {
		t.Errorf("got %v", out.Err)
	}
}

// A code and an error have the same form in text, JSON and logs, also by value.
func TestCode_OneForm(t *testing.T) {
	t.Parallel()
	for _, code := range errors.Codes() {
		e := errors.Error{Code: code}
		var text, encoded bytes.Buffer
		logger := slog.New(slog.NewMultiHandler(slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&encoded, nil)))
		logger.Info("x", "plain", code, "pointer", &e, "value", e)
		for _, want := range []string{" plain=" + string(code) + " ", " pointer.code=" + string(code) + " "} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("the log %s lacks %q", text.String(), want)
			}
		}
		var line struct {
			Plain          string
			Pointer, Value errors.Error
		}
		if err := json.Unmarshal(encoded.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Plain != string(code) || line.Pointer.Code != code || line.Value.Code != code {
			t.Errorf("the log has %s", encoded.String())
		}
		if e.Error() != string(code) {
			t.Errorf("got %q, want %q", e.Error(), code)
		}
	}
}

func FuzzUnmarshalJSON(f *testing.F) {
	f.Add([]byte(fullJSON))
	f.Add([]byte(`{"retry_after_seconds":-1e-9,"detail":null,"cause":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e errors.Error
		if json.Unmarshal(data, &e) != nil {
			return
		}
		encoded, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var again errors.Error
		if err := json.Unmarshal(encoded, &again); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(twice, encoded) || again.Error() != e.Error() {
			t.Errorf("got  %s, %v\nwant %s", twice, err, encoded)
		}
	})
}
