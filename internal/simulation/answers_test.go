package simulation

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/offboard-dev/offboard-go/errors"
)

// FuzzAnswers sends a client the fake's own answers, which follow the descriptions, with
// one value of one answer replaced: by another type, a number out of range, or hostile
// text. The client returns a typed, printable error, and never reports a deletion that did
// not take place.
func FuzzAnswers(f *testing.F) {
	for provider := range uint8(5) {
		for call := range uint8(4) {
			for i, value := range replacements {
				for node := uint16(i % 3); node < 24; node += 3 {
					f.Add(provider, call, uint8(node%2), node, value)
				}
			}
		}
	}
	names := slices.Sorted(maps.Keys(envs))
	f.Fuzz(func(t *testing.T, provider, call, answer uint8, node uint16, value string) {
		const id = "5e2f00000000000000000001"
		name := names[int(provider)%len(names)]
		r := envs[name]()
		r.add(id)
		c := r.use(t, &http.Client{Transport: &changedValue{next: r.server, answer: int(answer % 4), node: int(node), value: value}})
		do := []func() error{
			func() error { return c.read(t.Context(), id) },
			func() error { return c.remove(t.Context(), id) },
			func() error { return c.check(t.Context(), id) },
			func() error {
				if c.list == nil {
					return nil
				}
				return c.list(t.Context(), id)
			},
		}[call%4]
		err := do()
		e, ok := errors.AsType[*errors.Error](err)
		switch {
		case err == nil && call%4 == 1 && r.exists(id):
			t.Errorf("%s: reports deleted, but the organization exists", name)
		case err == nil:
		case !ok || e.Code == "":
			t.Errorf("%s: got a %T without a code: %v", name, err, err)
		case strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }):
			t.Errorf("%s: %q is not printable", name, err)
		}
	})
}

// replacements are the values that the fuzz test inserts. Some are not JSON.
var replacements = []string{
	"null", "true", "0", "-1", "1e400", "99999999999999999999999999", "1.5", `""`, `"0"`, "[]", "{}", "[null]",
	`{"a":1,"a":2}`, `"\u0000"`, `"\u001b[2J"`, `"\u202e"`, `"\ud800"`, "\"\x1b[2J\"", "\"\xff\"", "nul", "]", "",
	`"5e2f00000000000000000002"`, `"StateDisabled"`, `"2026-13-45T99:99:99Z"`, `[{"rel":"next","href":"https://elsewhere.invalid/"}]`,
	strings.Repeat("[", 11_000) + strings.Repeat("]", 11_000),
}

// changedValue is a transport that replaces one value of one answer.
type changedValue struct {
	next   http.RoundTripper
	answer int // index of the answer
	node   int // index of the value in the answer
	value  string
	seen   int
}

func (c *changedValue) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if c.seen++; c.seen-1 != c.answer {
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = replaceValue(body, c.node, c.value)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// replaceValue replaces the value with the given index in a JSON text.
func replaceValue(body []byte, number int, value string) []byte {
	var spans [][2]int64
	var open []int
	d := json.NewDecoder(bytes.NewReader(body))
	for {
		before := d.InputOffset()
		token, err := d.Token()
		if err != nil {
			break
		}
		end := d.InputOffset()
		start := before + int64(len(body[before:end])-len(bytes.TrimLeft(body[before:end], " \t\r\n,:")))
		switch token {
		case json.Delim('{'), json.Delim('['):
			open = append(open, len(spans))
			spans = append(spans, [2]int64{start, 0})
		case json.Delim('}'), json.Delim(']'):
			spans[open[len(open)-1]][1] = end
			open = open[:len(open)-1]
		default:
			spans = append(spans, [2]int64{start, end}) // keys included
		}
	}
	if len(spans) == 0 {
		return []byte(value)
	}
	span := spans[number%len(spans)]
	return slices.Concat(body[:span[0]], []byte(value), body[span[1]:])
}
