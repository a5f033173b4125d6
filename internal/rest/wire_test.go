package rest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// wire records the bytes that net/http writes for a request.
type wire struct{ bytes.Buffer }

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Write(w); err != nil {
		return nil, err
	}
	return answer(204, "")(req)
}

// FuzzRequests varies all values of a caller that become part of a request: the ID in a path, in a
// header and in a body, a value of the query, the product in the User-Agent, and the token. Either
// the value is refused before the request is sent, or the bytes are one request with the value in
// its place.
func FuzzRequests(f *testing.F) {
	for _, id := range []string{
		"org_x", "a b", " a", "a ", "é", "%2f", "%2e%2e", "..;", "a?b", "a#b", "a&b=c", "a%00", "a:b", "http:", "//x", "a\r\nX-Evil: 1",
		"\u2028", "\u0085", "\u202e", "a\tb", "a+b", "{id}", "a;b",
	} {
		f.Add(id, "a&b=c\r\n#?", "shop/1.0 (x; y)", "token")
		f.Add("x", id, id, "token")
		f.Add("x", "", "", id)
	}
	f.Fuzz(func(t *testing.T, id, value, product, token string) {
		config := rest.Config{}
		sent := &wire{}
		refused := config.UseUserAgent(product) != nil
		c := newClient(t, sent, func(c *rest.Config) {
			c.UserAgent = config.UserAgent
			c.Authorizer = func(*http.Client) rest.Authorizer { return bearer(token) }
		})
		call := rest.Call{Operation: "DeleteResource", Target: id, Method: http.MethodDelete, Path: "/resources/{id}", Status: 204}
		call.Body = struct {
			Item rest.Lookup `json:"item"`
		}{rest.Lookup{Key: "id", ID: id}}
		call.PathParam("id", "id", id, rest.Opaque)
		call.HeaderParam("X-Org", "id", id, rest.Opaque)
		call.QueryParam("name", "form", true, value)
		err := c.Do(t.Context(), &call)
		if e, ok := errors.AsType[*errors.Error](err); ok {
			if e.Code != errors.InvalidArgument && e.Code != errors.Unauthenticated || sent.Len() > 0 {
				t.Errorf("got %v, and %q was sent", err, sent)
			}
			return
		}
		if refused {
			product = "" // New would have failed
		}
		reader := bufio.NewReader(sent)
		req, err := http.ReadRequest(reader)
		if err != nil {
			t.Fatalf("what was sent is no request: %v", err)
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Fatal(err)
		}
		if reader.Buffered() > 0 {
			t.Error("something comes behind the request")
		}
		path, _, _ := strings.Cut(req.RequestURI, "?")
		segments := strings.Split(path, "/")
		last, err := url.PathUnescape(segments[len(segments)-1])
		if len(segments) != 4 || err != nil || last != id || req.Host != "test.invalid" || req.Method != http.MethodDelete {
			t.Errorf("%s %s at %s is not about %q", req.Method, req.RequestURI, req.Host, id)
		}
		if diff := cmp.Diff(url.Values{"name": {value}}, req.URL.Query()); diff != "" {
			t.Errorf("query (-want +got):\n%s", diff)
		}
		if got := req.Header.Get("X-Org"); got != id {
			t.Errorf("the header is about %q, not %q", got, id)
		}
		if got := req.Header.Get("Authorization"); got != strings.Trim("Bearer "+token, " ") {
			t.Errorf("the Authorization is %q", got)
		}
		if got := req.Header.Get("User-Agent"); !strings.HasPrefix(got, strings.Trim(product, " ")) || !strings.Contains(got, "offboard-go/") {
			t.Errorf("the User-Agent is %q", got)
		}
		want := []string{"Accept", "Authorization", "Cache-Control", "Content-Length", "Content-Type", "User-Agent", "X-Org"}
		if got := slices.Sorted(maps.Keys(req.Header)); !slices.Equal(got, want) {
			t.Errorf("the headers are %v, want %v", got, want)
		}
		var in struct{ Item struct{ ID string } }
		if err := json.Unmarshal(body, &in); err != nil || in.Item.ID != id {
			t.Errorf("the body is about %q, not %q", in.Item.ID, id)
		}
	})
}
