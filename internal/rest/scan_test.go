package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// ended reports whether the answer to a write is a success.
func ended(t *testing.T, body string) bool {
	t.Helper()
	call := remove()
	call.Method, call.Status, call.Out = http.MethodPost, 200, new(struct {
		Done bool
		Data map[string]any
	})
	err := newClient(t, playing(answer(200, body))).Do(t.Context(), call)
	if got, _ := code(t, err); err != nil && got != errors.UnexpectedResponse {
		t.Errorf("%s: got code %q", body, got)
	}
	return err == nil
}

func TestAnswer_DuplicateKeys(t *testing.T) {
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
}

// read reports whether the answer to a read is a success. The answer is decoded into out.
func read(t *testing.T, body string, out any, settings ...func(*rest.Call)) bool {
	t.Helper()
	call := get(nil)
	call.Out, call.Validate = out, nil
	for _, set := range settings {
		set(call)
	}
	err := newClient(t, playing(answer(200, body))).Do(t.Context(), call)
	if got, _ := code(t, err); err != nil && got != errors.UnexpectedResponse {
		t.Errorf("%.80s: got code %q", body, got)
	}
	return err == nil
}

func TestRead_DuplicateKeys(t *testing.T) {
	t.Parallel()
	type item struct {
		ID     string            `json:"id"`
		Labels map[string]string `json:"labels"`
		Any    any               `json:"any"`
	}
	for body, want := range map[string]bool{
		`{"items":[{"id":"x"},{"id":"x"}]}`:                                              true,
		`{"items":[{"id":"x","id":"x"}]}`:                                                false,
		`{"items":[{"id":"x"},{"id":"y","Id":"z"}]}`:                                     false,
		`{"items":[{"id":"x"},{"id":"y","\u0049d":"z"}]}`:                                false,
		`{"items":[],"Items":[{"id":"x"}]}`:                                              false,
		`{"items":[],"ITEM\u017f":[]}`:                                                   false, // a long s is an s
		"{\"items\":[],\"item\u017f\":[]}":                                               false,
		"{\"k\":1,\"\u212a\":2}":                                                         false, // the sign of the Kelvin is a K
		`{"items":[{"id":"x","other":{"a":1,"a":2}}]}`:                                   false,
		`{"items":[{"id":"x","other":{"a":1,"A":2}}]}`:                                   false,
		`{"items":[{"id":"x","any":{"a":1,"A":2}}]}`:                                     false,
		`{"items":[{"id":"x","labels":{"app":"1","App":"2"}}]}`:                          true, // two keys of a map
		`{"items":[{"id":"x","labels":{"app":"1","app":"2"}}]}`:                          false,
		`{"items":[{"labels":{"a":"","b":""}},{"labels":{"b":""}}]}`:                     true,
		`{"items":[{"id":"x","any":1},{"any":1,"id":"x"},{"any":1,"id":"y","any":2}]}`:   false,
		`{"items":[{"id":"x","any":1},{"any":1,"id":"x","ID":"y"}]}`:                     false,
		`{"items":[{"any":[[{"id":1},{"id":2}],{"id":3}],"id":"x"},{"any":0,"id":"y"}]}`: true,
		`{"items":[{"any":[[{"id":1},{"id":2,"iD":3}]]}]}`:                               false,
	} {
		var out struct {
			Items []item `json:"items"`
		}
		if got := read(t, body, &out); got != want {
			t.Errorf("%s: is a success: %t, want %t", body, got, want)
		}
	}
}

func TestAnswer_Limits(t *testing.T) {
	t.Parallel()
	list := func(n int, item string) string {
		return `{"items":[` + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + `]}`
	}
	page := func(size int) func(*rest.Call) {
		return func(call *rest.Call) { call.PageSize = size }
	}
	deep := func(n int) string {
		return `{"any":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	long := strings.Repeat(" ", 200)
	for name, test := range map[string]struct {
		body string
		size int
		want bool
	}{
		"a full page":                     {list(100, `{}`), 100, true},
		"a page with a few items more":    {list(110, `{}`), 100, true},
		"a page with too many items":      {list(111, `{}`), 100, false},
		"a small page with more items":    {list(11, `{}`), 1, true},
		"a small page with too many":      {list(12, `{}`), 1, false},
		"too many items that are null":    {list(111, `null`), 100, false},
		"a list without pages":            {list(10_000, `{"id":"`+long+`"}`), 0, true},
		"a list without pages, too long":  {list(10_001, `{"id":"`+long+`"}`), 0, false},
		"many elements for its length":    {list(1, `{"any":`+list(8_000, `{}`)+`}`), 100, true},
		"too many elements of an item":    {list(1, `{"any":`+list(10_000, `{}`)+`}`), 100, false},
		"too many elements in one array":  {list(1, `{"any":[`+strings.Repeat("0,", 12_000)+`0]}`), 100, false},
		"too many members":                {list(100, `{"any":{`+members(900)+`}}`), 100, false},
		"too many members of one object":  {list(1, `{"any":{`+members(1_001)+`}}`), 100, false},
		"a long number":                   {`{"any":` + strings.Repeat("9", 300) + `}`, 0, true},
		"a number that is too long":       {`{"any":` + strings.Repeat("9", 1001) + `}`, 0, false},
		"nested deeply":                   {deep(99), 0, true},
		"nested too deeply":               {deep(100), 0, false},
		"objects that are nested too far": {strings.Repeat(`{"any":`, 101) + "1" + strings.Repeat("}", 101), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out struct {
				Items []struct {
					ID  string `json:"id"`
					Any any    `json:"any"`
				} `json:"items"`
				Any any `json:"any"`
			}
			if got := read(t, test.body, &out, page(test.size)); got != test.want {
				t.Errorf("is a success: %t, want %t", got, test.want)
			}
		})
	}
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":0,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// A list is decoded into memory of the right size, for every path.
func TestRead_ListAllocatedOnce(t *testing.T) {
	t.Parallel()
	type items []struct {
		ID string `json:"id"`
	}
	const five = `[{"id":"a"},{"id":"b"},{"id":"c"},{"id":"d"},{"id":"e"}]`
	var top items
	var member struct{ Items items }
	var tagged struct {
		List items `json:"items,omitzero"`
	}
	var data struct {
		Data struct {
			Items items `json:"items"`
		} `json:"data"`
	}
	for body, test := range map[string]struct {
		out any
		got *items
	}{
		five:                               {&top, &top},
		`{"Items":` + five + `}`:           {&member, &member.Items},
		`{"ITEMS":` + five + `}`:           {&tagged, &tagged.List},
		`{"data":{"items":` + five + `}}`:  {&data, &data.Data.Items},
		`{"links":` + five + `,"data":{}}`: {new(struct{ Links string }), nil},
	} {
		ok := read(t, body, test.out)
		switch {
		case test.got == nil:
			if ok {
				t.Errorf("%s: is a success", body)
			}
		case !ok || len(*test.got) != 5 || (*test.got)[4].ID != "e":
			t.Errorf("%s: got %v", body, *test.got)
		}
	}
}

// The answers of refusals and failures are bounded, too, before the provider's Classify reads them.
func TestError_Limits(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"duplicate keys":    `{"code":"x","code":"y"}`,
		"folded keys":       `{"code":"x","Code":"y"}`,
		"too many elements": `{"code":"x","parameters":[` + strings.Repeat("{},", 10_000) + `{}]}`,
		"too many members":  `{"code":"x","parameters":[` + strings.Repeat(`{"a":{}},`, 9_000) + `{"b":{` + members(999) + `}},{"b":{` + members(999) + `}}]}`,
		"nested too deeply": `{"code":"x","parameters":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, status := range []int{202, 404, 500} {
				seen := 0
				client := newClient(t, playing(answer(status, body)), func(c *rest.Config) {
					classify := c.Classify
					c.Classify = func(a *rest.Answer, e *errors.Error) bool {
						seen = max(seen, len(a.Body))
						return classify(a, e)
					}
					c.Retry.MaxAttempts = 1
				})
				if err := client.Do(t.Context(), get(new(resource))); err == nil || seen > 0 {
					t.Errorf("%d: got %v, and %d bytes were classified", status, err, seen)
				}
			}
		})
	}
}

// The oracle is the tokenizer of package json.
func FuzzDuplicateKeys(f *testing.F) {
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

// A removal with a body that exceeds a limit was not accepted with an empty body.
func TestRemoval_FlawedBody(t *testing.T) {
	t.Parallel()
	call := remove()
	call.Removal = true
	err := newClient(t, playing(answer(202, `{"a":1,"a":2}`))).Do(t.Context(), call)
	if got, _ := code(t, err); got != errors.UnexpectedResponse {
		t.Errorf("got code %q, want %q", got, errors.UnexpectedResponse)
	}
}
