package rest

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// reach watches whether an exchange was given a connection to the provider.
// Without one nothing can have been sent, whatever the error is. Most errors of
// that kind have no type: a proxy's refusal to connect is its own words, and one
// that ends a handshake is an io.EOF like that of a lost answer.
type reach struct {
	asked     atomic.Bool // for a connection
	connected atomic.Bool // to the provider, behind a proxy and TLS where there are any
}

// watch returns a context that makes the transport tell of its connections.
func (r *reach) watch(ctx context.Context) context.Context {
	r.asked.Store(false)
	r.connected.Store(false)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { r.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { r.connected.Store(true) },
	})
}

// never reports whether no connection was made. A transport that does not tell
// may have made one.
func (r *reach) never() bool { return r.asked.Load() && !r.connected.Load() }
