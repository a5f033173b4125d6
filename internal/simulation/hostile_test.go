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

// FuzzChangedAnswers lets a client meet the double's own answers, which are as the
// descriptions have them, with one value of one of them changed: to something of
// another type, out of range, or hostile. What a client makes of it is typed, can be
// printed, and never is a success of a deletion that did not take place.
func FuzzChangedAnswers(f *testing.F) {
	for provider := range uint8(5) {
		for call := range uint8(4) {
			for i, value := range changes {
				for node := uint16(i % 3); node < 24; node += 3 {
					f.Add(provider, call, uint8(node%2), node, value)
				}
			}
		}
	}
	names := slices.Sorted(maps.Keys(rooms))
	f.Fuzz(func(t *testing.T, provider, call, answer uint8, node uint16, value string) {
		const id = "5e2f00000000000000000001"
		name := names[int(provider)%len(names)]
		r := rooms[name]()
		r.add(id)
		c := r.use(t, &http.Client{Transport: &changing{next: r.server, answer: int(answer % 4), node: int(node), value: value}})
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
			t.Errorf("%s: it says deleted, and it is there", name)
		case err == nil:
		case !ok || e.Code == "":
			t.Errorf("%s: got a %T without a code: %v", name, err, err)
		case strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }):
			t.Errorf("%s: %q cannot be printed as a line", name, err)
		}
	})
}

// changes are what a value becomes: JSON, or not.
var changes = []string{
	"null", "true", "0", "-1", "1e400", "99999999999999999999999999", "1.5", `""`, `"0"`, "[]", "{}", "[null]",
	`{"a":1,"a":2}`, `"\u0000"`, `"\u001b[2J"`, `"\u202e"`, `"\ud800"`, "\"\x1b[2J\"", "\"\xff\"", "nul", "]", "",
	`"5e2f00000000000000000002"`, `"StateDisabled"`, `"2026-13-45T99:99:99Z"`, `[{"rel":"next","href":"https://elsewhere.invalid/"}]`,
	strings.Repeat("[", 11_000) + strings.Repeat("]", 11_000),
}

// changing changes one value of one answer.
type changing struct {
	next   http.RoundTripper
	answer int // which one
	node   int // which value of it
	value  string
	seen   int
}

func (c *changing) RoundTrip(req *http.Request) (*http.Response, error) {
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
	body = change(body, c.node, c.value)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// change replaces the value of a number in a JSON text, counted from its beginning.
func change(body []byte, number int, value string) []byte {
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
			spans = append(spans, [2]int64{start, end}) // keys among them
		}
	}
	if len(spans) == 0 {
		return []byte(value)
	}
	span := spans[number%len(spans)]
	return slices.Concat(body[:span[0]], []byte(value), body[span[1]:])
}
