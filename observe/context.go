package observe

import (
	"context"

	"github.com/offboard-dev/offboard-go/internal/trace"
)

// Request is one request of an operation.
type Request struct {
	// Call is the operation. A request to a token endpoint has the operation "token request".
	Call Call

	// Attempt is the number of the attempt; see [Attempt.Number].
	Attempt int
}

// FromContext returns the request that a context belongs to, and reports whether it belongs to
// one. The clients of all providers set it in the context of each request, with or without an
// [Observer], so that an [net/http.RoundTripper] can learn the operation of a request:
//
//	request, ok := observe.FromContext(req.Context())
func FromContext(ctx context.Context) (Request, bool) {
	request, ok := ctx.Value(trace.RequestKey{}).(Request)
	return request, ok
}

// NewContext returns a context that belongs to a request, for tests of a transport.
func NewContext(ctx context.Context, request Request) context.Context {
	return context.WithValue(ctx, trace.RequestKey{}, request)
}
