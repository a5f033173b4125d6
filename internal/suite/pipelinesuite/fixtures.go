package pipelinesuite

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
)

// Fixture is an error answer and the expected error. Fixtures are small, written manually,
// and name their source.
type Fixture struct {
	Name    string            `json:"name"`
	Source  string            `json:"source"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`

	// Body is the answer: JSON, or a string for other text.
	Body json.RawMessage `json:"body"`
	Text string          `json:"text"`

	Want Want `json:"want"`
}

// Want is the expected error of a fixture.
type Want struct {
	Code         errors.Code `json:"code"`
	ProviderCode string      `json:"provider_code"`
	Message      string      `json:"message"`
	RequestID    string      `json:"request_id"`
	RetryAfter   string      `json:"retry_after"`
	Steps        []string    `json:"steps"`
	Detail       string      `json:"detail"` // as %+v prints it, with its type
}

// load reads a file of fixtures.
func load(t testing.TB, file string) []Fixture {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var fixtures []Fixture
	if err := json.Unmarshal(data, &fixtures); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return fixtures
}

// Fixtures answers a client with each fixture of a file and compares the errors.
func Fixtures(t *testing.T, file string, call func(*http.Client) error) {
	t.Helper()
	for _, f := range load(t, file) {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			if f.Source == "" {
				t.Error("the fixture has no source")
			}
			e, ok := errors.AsType[*errors.Error](call(&http.Client{Transport: f}))
			if !ok {
				t.Fatal("got no *errors.Error")
			}
			if e.Status != f.Status {
				t.Errorf("got status %d, want %d", e.Status, f.Status)
			}
			if diff := cmp.Diff(f.Want, wantOf(e)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			roundTrip(t, e)
		})
	}
}

// roundTrip compares an error with the error that its JSON form restores. Its detail must
// be decodable into its own type.
func roundTrip(t *testing.T, e *errors.Error) {
	t.Helper()
	encoded, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var decoded errors.Error
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		t.Fatal(err)
	}
	if e.Error() != decoded.Error() {
		t.Errorf("after JSON the text is %q, want %q", decoded.Error(), e.Error())
	}
	if e.Detail != nil {
		raw, _ := errors.DetailAs[json.RawMessage](&decoded)
		detail := reflect.New(reflect.TypeOf(e.Detail))
		if err := json.Unmarshal(raw, detail.Interface()); err != nil {
			t.Fatalf("cannot decode the detail %s: %v", raw, err)
		}
		decoded.Detail = detail.Elem().Interface()
	}
	want := *e
	want.Err, decoded.Err = nil, nil // compared by the text
	if diff := cmp.Diff(want, decoded); diff != "" {
		t.Errorf("after JSON (-want +got):\n%s", diff)
	}
}

// wantOf returns the compared fields of an error.
func wantOf(e *errors.Error) Want {
	w := Want{Code: e.Code, ProviderCode: e.ProviderCode, Message: e.Message, RequestID: e.RequestID}
	if e.RetryAfter != 0 {
		w.RetryAfter = e.RetryAfter.String()
	}
	for _, step := range e.Steps {
		w.Steps = append(w.Steps, step.Name)
	}
	if e.Detail != nil {
		w.Detail = fmt.Sprintf("%T%+v", e.Detail, e.Detail)
	}
	return w
}

func (f Fixture) body() string {
	if f.Text != "" {
		return f.Text
	}
	return string(f.Body)
}

// RoundTrip answers with the fixture.
func (f Fixture) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	header := http.Header{"Content-Type": {"application/json"}}
	for name, value := range f.Headers {
		header.Set(name, value)
	}
	body := f.body()
	return &http.Response{
		StatusCode: f.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}, nil
}
