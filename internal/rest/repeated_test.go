package rest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
)

// ended reports whether the answer to a write is a success.
func ended(t *testing.T, body string) bool {
	t.Helper()
	call := remove()
	call.Status, call.Out = 200, new(struct {
		Done bool
		Data map[string]any
	})
	err := newClient(t, playing(answer(200, body))).Do(t.Context(), call)
	if got, _ := code(t, err); err != nil && got != errors.UnexpectedResponse {
		t.Errorf("%s: got code %q", body, got)
	}
	return err == nil
}

func TestAnAnswerThatSaysSomethingTwiceIsNoSuccess(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 2_000 {
		fmt.Fprintf(&many, `"k%d":0,`, i)
	}
	for body, want := range map[string]bool{
		`{}`:                              true,
		`{"done":true}`:                   true,
		`{"done":false,"done":true}`:      false,
		`{"done":false,"Done":true}`:      false,
		`{"done":false,"d\u006fne":true}`: false,
		`{"done" : false , "x" : [ {"done":1} , {"done":2} , "done" ] , "y" : "done" }`: true,
		`{"done":true,"data":{"done":1,"x":{"done":2}},"x":{"x":"x"}}`:                  true,
		`{"done":true,"data":{"x":{},"y":[{"a":1,"b":{"a":1}},{"a":1}],"x":2}}`:         false,
		`{"done":true,"data":{"\"":1,"\\":2,"\\\"":3,"}":4,"{":5}}`:                     true,
		`{"x":"\"done\":","done":true}`:                                                 true,
		`{` + many.String() + `"done":true}`:                                            false,
	} {
		if got := ended(t, body); got != want {
			t.Errorf("%.80s: is a success: %t, want %t", body, got, want)
		}
	}
	// A read is taken as package json takes it: it may be large, and changes nothing.
	var out thing
	if err := newClient(t, playing(answer(200, `{"id":"y","id":"x"}`))).Do(t.Context(), get(&out)); err != nil {
		t.Error(err)
	}
}

// The judge is package json's own scanner of tokens.
func FuzzRepeated(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":{"a":2}}`, `{"a":[{"a":1},{"a":2}],"A":0}`, `{"\u0061":1,"a":"\\"}`, `{"a":"}\"{","b":[[]]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		call := remove()
		call.Status, call.Out = 200, new(map[string]any)
		if err := json.Unmarshal([]byte(body), call.Out); err != nil || !strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "{") {
			t.Skip("no object")
		}
		err := newClient(t, playing(answer(200, body))).Do(t.Context(), call)
		if want := !twice(t, body); (err == nil) != want {
			t.Errorf("%q: got %v, want a success: %t", body, err, want)
		}
	})
}

func twice(t *testing.T, body string) bool {
	t.Helper()
	type object struct {
		keys  []string
		array bool
		value bool // a value comes next
	}
	var stack []object
	for d := json.NewDecoder(strings.NewReader(body)); ; {
		token, err := d.Token()
		if err != nil {
			return false
		}
		top := len(stack) - 1
		if name, ok := token.(string); ok && top >= 0 && !stack[top].array && !stack[top].value {
			for _, key := range stack[top].keys {
				if strings.EqualFold(key, name) {
					return true
				}
			}
			stack[top].keys, stack[top].value = append(stack[top].keys, name), true
			continue
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, object{})
			continue
		case json.Delim('['):
			stack = append(stack, object{array: true})
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
			top--
		}
		if top >= 0 {
			stack[top].value = false
		}
	}
}
