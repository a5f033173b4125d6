package offboard_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/zitadel"
)

const maxGrowth = 32 << 20

// impatient are clients without retries. The heap is measured for one answer.
var impatient = map[string]func(*http.Client) (any, error){
	"katapult": func(hc *http.Client) (any, error) {
		return katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(hc), katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: time.Second}))
	},
	"atlas": func(hc *http.Client) (any, error) {
		return atlas.New(atlas.WithServiceAccount("id", "secret"), atlas.WithHTTPClient(hc), atlas.WithRetry(atlas.Retry{MaxAttempts: 1, MaxWait: time.Second}))
	},
	"zitadel": func(hc *http.Client) (any, error) {
		return zitadel.New(zitadel.WithBaseURL("https://zitadel.invalid"), zitadel.WithToken("token"), zitadel.WithHTTPClient(hc), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second}))
	},
	"workspace": func(hc *http.Client) (any, error) {
		return workspace.New(workspace.WithToken("token"), workspace.WithHTTPClient(hc), workspace.WithRetry(workspace.Retry{MaxAttempts: 1, MaxWait: time.Second}))
	},
	"volterra": func(hc *http.Client) (any, error) {
		return volterra.New(volterra.WithBaseURL("https://acme.console.ves.volterra.io"), volterra.WithAPIToken("token"), volterra.WithHTTPClient(hc), volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Second}))
	},
}

// repeat returns a text with at least the size of a hostile body: a start, as many parts as
// fit, and an end.
func repeat(start, part, end string) string {
	n := (hostileSize - len(start) - len(end)) / len(part)
	return start + strings.TrimSuffix(strings.Repeat(part, n), ",") + end
}

// numbered returns n members with different keys and the same value.
func numbered(n int, value string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%x":%s,`, i, value)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// shapes are hostile bodies. Most of them are decoded into every list and every error.
var shapes = map[string]func() string{
	"an array of objects":        func() string { return repeat(`[`, `{},`, `]`) },
	"an array of arrays":         func() string { return repeat(`[`, `[],`, `]`) },
	"an array of null":           func() string { return repeat(`[`, `null,`, `]`) },
	"results":                    func() string { return repeat(`{"results":[`, `{},`, `]}`) },
	"items":                      func() string { return repeat(`{"items":[`, `{},`, `]}`) },
	"data.items":                 func() string { return repeat(`{"status":true,"data":{"items":[`, `{},`, `]}}`) },
	"organizations":              func() string { return repeat(`{"organizations":[`, `{},`, `]}`) },
	"an array in an item":        func() string { return repeat(`{"results":[{"links":[`, `{},`, `]}]}`) },
	"small maps":                 func() string { return repeat(`{"parameters":[`, `{"a":1},`, `]}`) },
	"arrays in arrays":           func() string { return repeat(`{"parameters":[`, `[[]],`, `]}`) },
	"details":                    func() string { return repeat(`{"code":5,"message":"","details":[`, `{},`, `]}`) },
	"numbers":                    func() string { return repeat(`{"errorCode":"X","parameters":[`, `0,`, `]}`) },
	"texts":                      func() string { return repeat(`{"error":{"code":"x","detail":{"errors":[`, `"",`, `]}}}`) },
	"fields":                     func() string { return repeat(`{"badRequestDetail":{"fields":[`, `{},`, `]}}`) },
	"a map with many keys":       func() string { return `{"labels":{` + numbered(hostileSize/9, `""`) + `}}` },
	"steps":                      func() string { return `{"error":{"detail":{"steps":{` + numbered(hostileSize/9, `{}`) + `}}}}` },
	"an object with many keys":   func() string { return `{` + numbered(hostileSize/8, `0`) + `}` },
	"the same key":               func() string { return repeat(`{`, `"a":{},`, `}`) },
	"deep arrays":                func() string { return strings.Repeat(`[`, hostileSize) },
	"deep arrays that end":       func() string { return strings.Repeat(`[`, hostileSize/2) + strings.Repeat(`]`, hostileSize/2) },
	"deep objects":               func() string { return strings.Repeat(`{"a":`, hostileSize/5) },
	"a long text":                func() string { return repeat(`{"id":"`, `x`, `"}`) },
	"a long text of an error":    func() string { return repeat(`{"errorCode":"X","detail":"`, `x`, `","message":"x"}`) },
	"a long text with escapes":   func() string { return repeat(`{"message":"`, `\u0041`, `"}`) },
	"a long number":              func() string { return repeat(`{"code":`, `9`, `}`) },
	"white space":                func() string { return repeat(`{`, ` `, `}`) },
	"a page":                     func() string { return repeat(`<html>`, `<p>`, `</html>`) },
	"keys that differ in case":   func() string { return repeat(`{"a":1,`, `"A":{},`, `}`) },
	"keys with escapes":          func() string { return repeat(`{`, `"\u0061":{},`, `}`) },
	"an array that does not end": func() string { return repeat(`{"results":[`, `{},`, ``) },
}

// fitting are texts for a type: in each of them one array or map of the type, at any depth,
// has as many values as the limits permit. times is the number of values of the type.
func fitting(t reflect.Type, depth, times int) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var all []string
	switch {
	case depth == 0:
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
				for _, value := range fitting(t.Field(i).Type, depth-1, times) {
					all = append(all, `{"`+name+`":`+value+`}`)
				}
			}
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		element := map[bool]string{true: `"",`, false: `{},`}[t.Elem().Kind() == reflect.String]
		all = append(all, "["+strings.TrimSuffix(strings.Repeat(element, hostileElements/times), ",")+"]")
		for _, value := range fitting(t.Elem(), depth-1, 100*times) {
			all = append(all, "["+strings.TrimSuffix(strings.Repeat(value+",", 100), ",")+"]")
		}
	case t.Kind() == reflect.Map:
		value := map[bool]string{true: `""`, false: `{}`}[t.Elem().Kind() == reflect.String]
		all = append(all, "{"+numbered(min(hostileMembers/times, 1000), value)+"}")
	}
	return all
}

// unsized answers without a Content-Length, so that the body takes more memory.
type unsized struct {
	*canned
	answers *uint64 // number of answers
}

func (u unsized) RoundTrip(req *http.Request) (*http.Response, error) {
	*u.answers++
	resp, err := u.canned.RoundTrip(req)
	resp.ContentLength = -1
	return resp, err
}

// operations are the methods of a client that send one request, or read a list.
func operations(client reflect.Type) []reflect.Method {
	var all []reflect.Method
	for i := range client.NumMethod() {
		m := client.Method(i)
		t := m.Type
		several := strings.HasPrefix(m.Name, "Wait") || m.Name == "Teardown" || m.Name == "Plan" || strings.HasPrefix(m.Name, "Create") || composed[m.Name]
		if !several && t.NumIn() > 1 && t.In(1) == reflect.TypeFor[context.Context]() {
			all = append(all, m)
		}
	}
	return all
}

// growth returns the bytes that a call allocates, which is more than the growth of the
// heap.
func growth(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// perform calls a method, and reads an iterator to its first item or error.
func perform(client reflect.Value, method string) {
	for _, out := range call(client, method) {
		if out.Type().CanSeq2() {
			for range out.Seq2() {
				break
			}
		}
	}
}

// TestHostileBody_HeapGrowth is not parallel: the heap is that of the whole process, and
// parallel tests wait until it has ended.
//
// Its file sorts after scale_test.go, because tests run in the order of their files:
// TestScale_ThousandOrganizations compares heaps that include caches of encoding/json,
// which this test fills.
func TestHostileBody_HeapGrowth(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector changes the memory")
	}
	bodies := map[string]string{}
	for name, shape := range shapes {
		bodies[name] = shape()
	}
	names := slices.Sorted(maps.Keys(bodies))
	for name, newClient := range impatient {
		answer, answers := new(canned), new(uint64)
		c, err := newClient(&http.Client{Transport: unsized{answer, answers}})
		if err != nil {
			t.Fatal(err)
		}
		client := reflect.ValueOf(c)
		methods := operations(client.Type())
		if len(methods) < 10 {
			t.Fatalf("%s has %d operations", name, len(methods))
		}
		var most uint64
		var what string
		try := func(method, shape string, status int, body string) {
			*answer, *answers = canned{status, body}, 0
			n := growth(func() { perform(client, method) })
			// A removal that reads first has two answers, one after the other.
			n /= max(*answers, 1)
			if n > most {
				most, what = n, fmt.Sprintf("%s of %d: %s", method, status, shape)
			}
			if n > maxGrowth {
				t.Errorf("%s: %s of %d: %s allocates %d MiB", name, method, status, shape, n>>20)
			}
		}
		seen := map[reflect.Type]bool{}
		defer func() { t.Logf("%s: at most %.1f MiB: %s", name, float64(most)/(1<<20), what) }()
		for i, m := range methods {
			for k, shape := range names {
				switch { // the limits are the same for all operations of a client
				case i < 2:
					try(m.Name, shape, http.StatusOK, bodies[shape])
					try(m.Name, shape, http.StatusBadRequest, bodies[shape])
				case (i+k)%len(names) < 3:
					try(m.Name, shape, http.StatusOK, bodies[shape])
				}
			}
			out := m.Type.Out(0)
			if seen[out] {
				continue
			}
			seen[out] = true
			for _, body := range fitting(out, 6, 1) {
				if name == "workspace" {
					body = `{"status":true,"data":` + body + `}`
				}
				try(m.Name, "within the limits", http.StatusOK, body+strings.Repeat(" ", max(0, hostileSize-len(body))))
			}
		}
	}
}

// BenchmarkHostileBody reads bodies of 3 MiB that are refused.
func BenchmarkHostileBody(b *testing.B) {
	for _, shape := range []string{"an array of objects", "organizations", "an array in an item", "deep arrays", "a map with many keys", "a long text"} {
		b.Run(strings.ReplaceAll(shape, " ", "-"), func(b *testing.B) {
			c := newKatapult(b, &http.Client{Transport: canned{http.StatusOK, shapes[shape]()}})
			b.SetBytes(hostileSize)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.ListOrganizations(b.Context()); err == nil {
					b.Fatal("got nil, want an error")
				}
			}
		})
	}
}
