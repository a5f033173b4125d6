package observe

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/internal/trace"
)

// Request is one request of an operation.
type Request struct {
	// Call is the operation. A request to a token endpoint has the operation "token request".
	Call Call

	// Attempt is the number of the attempt; see [Attempt.Number].
	Attempt int

	// Since is set in the context of a wait for the caller's limiter, by the option WithLimiter:
	// for a write whose reads became too old during its wait, and for the reads that are made
	// again. It is the time of the first wait for the write. Otherwise it is zero.
	Since time.Time
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
