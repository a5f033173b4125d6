package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// texts are the seeds of the fuzz tests: JSON, and texts that resemble JSON.
var texts = []string{
	``, ` `, `{`, `}`, `[`, `]`, `"`, `,`, `:`, `{}`, `[]`, `{} `, " \t\r\n{}", `{}{}`, `{}x`, `null`, `nul`, `nulls`, `true`, `false`, `True`, `tru e`,
	`0`, `-0`, `-`, `+1`, `01`, `-01`, `1.`, `.1`, `1.0`, `1e5`, `1E+5`, `1e-`, `1e`, `1.e1`, `1e1.0`, `0x1`, `1_0`, `NaN`, `12345678901234567890`,
	`""`, `"a`, `"\"`, `"\\"`, `"\\\"`, `"\/\b\f\n\r\t"`, `"\v"`, `"\u0041"`, `"\u004"`, `"\u004g"`, `"\u+041"`, `"\ud800"`, `"\uD83D\uDE00"`, `"\`, `"\u`,
	"\"\x00\"", "\"\x1f\"", "\"\x7f\"", "\"\xff\"", "\"a\nb\"", "\"12345678\x01\"", "\"1234567\x01 \"", "\"ſ\"", "{\x01}", "{\f}", "\ufeff{}", "[1\v]", "\u00a0{}",
	`[1]`, `[1,2]`, `[1,]`, `[,1]`, `[,]`, `[1 2]`, `[1,,2]`, `[1}`, `[1,2`, `[[]]`, `[[],[]]`, `[[][]]`, `[{}{}]`, `[{},{}]`, `["a""b"]`, `["a","b"]`,
	`{"a"}`, `{"a":}`, `{"a":1}`, `{"a":1,}`, `{,"a":1}`, `{"a":1 "b":2}`, `{"a":1,"b":2}`, `{"a":1,,"b":2}`, `{"a" 1}`, `{"a"::1}`, `{a:1}`, `{1:1}`, `{"a":1]`,
	`{"a":1`, `{"a":`, `{"a"`, `{"a":"b"`, `{"a":{}`, `{"a":[}`, `{"a":{]}`, `{"":""}`, `{ "a" : 1 , "b" : [ 1 , 2 ] }`,
	"{\"a\x01\":1}", `{"a\u":1}`, `{"a\u0062":1}`, `{"a\q":1}`, "{\"abcdefg\x01\":1}", "{\"abcdefg\":1,\"h\x01\":2}", `[{"a":1},{"a":2},{"a":3,"b":4},{"a":5,}]`,
	"{\"a\xff\":1}", `{"a":1}` + "\x00", `{"long_enough_for_words":"long enough for words, twice","another_of_these":[12.5e3,true,null,false]}`,
	`{"a":"` + "\t" + `"}`, `{"A":{"b\"":[{"c":"}"},"]"]},"d":"\\"}`, `[tru]`, `[nullx]`, `{"a":-}`, `{"a":1.5.5}`, `{"a":"x"y}`, `/**/{}`, `{"a":1}//`, `'a'`,
}

// FuzzScan_JSON compares the scan with package json, because no text that the scan accepts is
// checked again.
func FuzzScan_JSON(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _, err := scan(text, nil, maxErrorValues, maxErrorValues, maxItems)
		if valid := json.Valid(text); err != nil && err != errNotJSON {
			t.Skip("a flaw decides")
		} else if valid != (err == nil) {
			t.Errorf("%q: got %v, and package json says %t", text, err, valid)
		}
	})
}

// received returns the answer of an error, after it was read.
func received(text []byte) *Answer {
	a := &Answer{Status: http.StatusConflict, Body: text, call: &Call{}}
	a.scan()
	return a
}

// FuzzMembers compares the members of an error with those that package json decodes.
func FuzzMembers(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	for _, text := range []string{
		`{"text":"a\u00e9\ud83d\ude00\ud800","Number":12,"inner":{"TEXT":"x"}}`, `{"number":1.0,"text":5,"inner":[{"text":"x"}]}`,
		`{"number":9223372036854775808,"text":null,"inner":null}`, "{\"te\u017ft\":1,\"te\\u0078t\":\"\xff\",\"inner\":{\"text\":\"\",\"x\":[{}]}}",
		`{"inner" : { "text" : "x" , "number" : -3 } , "text" : "y"}`, `{"number":"5","any":[1,"a",{"b":null}]}`, `{"bool":true,"inner":{"bool":"true"}}`,
	} {
		f.Add([]byte(text))
	}
	type fields struct {
		Text   string
		Number int
		Bool   bool
		Any    []any
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want struct {
			fields
			Inner fields
		}
		a := received(text)
		_ = json.Unmarshal(a.Body, &want)
		got := want
		got.fields, got.Inner = fields{}, fields{}
		read := func(m *Members, f *fields) {
			switch {
			case m.Is("text"):
				f.Text = m.Value.Text()
			case m.Is("number"):
				f.Number = m.Value.Int()
			case m.Is("bool"):
				f.Bool = m.Value.Bool()
			case m.Is("any"):
				m.Value.Decode(&f.Any)
			}
		}
		for m := a.Members(); m.Next(); {
			read(&m, &got.fields)
			if m.Is("inner") {
				for inner := m.Value.Members(); inner.Next(); {
					read(&inner, &got.Inner)
				}
			}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(want), cmp.AllowUnexported(fields{})); diff != "" {
			t.Errorf("%q: package json differs (-want +got):\n%s", text, diff)
		}
	})
}

// A text with a number that was redacted is not JSON.
func TestMembers_Redacted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"code":"a 12345678 b"}`:              "a [redacted] b",
		`{"code":"x","detail":12345678}`:       "",
		`{"code":"x","detail":1234567}`:        "x",
		`{"code":"x","12345678":"12345678"}`:   "x",
		strings.Repeat(" ", 9) + `{"code":"x"`: "",
	} {
		a := received([]byte(text))
		a.redact("12345678")
		got := ""
		for m := a.Members(); m.Next(); {
			if m.Is("code") {
				got = m.Value.Text()
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// The answer of a token endpoint is not scanned.
func TestMembers_Token(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{`{"error":"x"}`: 1, `{"error":"x"`: 0, ``: 0} {
		got := 0
		for m := (&Answer{Body: []byte(text)}).Members(); m.Next(); {
			got++
		}
		if got != want {
			t.Errorf("%s: got %d members, want %d", text, got, want)
		}
	}
}
