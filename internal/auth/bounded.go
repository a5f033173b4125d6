package auth

import (
	"bytes"
	"io"
	"net/http"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// maxToken is the maximum size of an answer of a token endpoint, in bytes. The tokens of the
// providers have less than 4 KiB.
const maxToken = 64 << 10

// bounded returns a client that empties the answer of a token endpoint if the answer is too long,
// has too many values, or has the same key twice. The OAuth library decodes answers into maps.
func bounded(client *http.Client) *http.Client {
	c := *client
	c.Transport = boundedTransport{client.Transport}
	return &c
}

type boundedTransport struct{ next http.RoundTripper }

func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(req)
	if err != nil || resp == nil || resp.Body == nil {
		return resp, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken+1))
	if len(body) > maxToken || rest.Flaw(body) != nil {
		body = nil
	}
	resp.Body = &readBody{io.MultiReader(bytes.NewReader(body), failing{err}), resp.Body}
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// readBody is a body that was read before.
type readBody struct {
	io.Reader
	io.Closer
}

// failing ends a body with the error of the connection.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}
