package rest

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// reach watches whether an exchange was given a connection to the provider. Only this
// proves that nothing was sent. The type of an error never does: a transport may send
// the request, lose the connection, dial again by itself and return the error of that.
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

// never reports whether no connection was made. A transport that does not report its
// connections may have made one.
func (r *reach) never() bool { return r.asked.Load() && !r.connected.Load() }
