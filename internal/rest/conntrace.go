package rest

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/offboard-dev/offboard-go/errors"
)

// connTrace records whether an exchange got a connection to the provider. Only a missing
// connection proves that nothing was sent. The type of an error does not: a transport may send
// the request, lose the connection, dial again and return the error of the second connection.
type connTrace struct {
	requested atomic.Bool  // the transport requested a connection
	connected atomic.Int32 // the number of connections, after the proxy and TLS, if any
}

// watch returns a context in which the transport reports the connections of one exchange.
func (t *connTrace) watch(ctx context.Context, hooks *httptrace.ClientTrace) context.Context {
	t.requested.Store(false)
	t.connected.Store(0)
	hooks.GetConn = func(string) { t.requested.Store(true) }
	hooks.GotConn = func(httptrace.GotConnInfo) { t.connected.Add(1) }
	return httptrace.WithClientTrace(ctx, hooks)
}

// neverConnected reports whether no connection was made. It is false for a transport that does
// not report its connections.
func (t *connTrace) neverConnected() bool { return t.requested.Load() && t.connected.Load() == 0 }

// reconnected reports whether the transport made more than one connection, so that it may have
// sent the request more than once.
func (t *connTrace) reconnected() bool { return t.connected.Load() > 1 }

// resent reports whether the refusal of a write may be the answer to a request that the
// transport sent a second time: the first request may have deleted the resource, and the
// credential with it. The transport of net/http sends a write again only if it wrote nothing
// of it before.
func (c *Client) resent(call *Call, e *errors.Error) bool {
	if call.Repeat || e == nil || !call.conns.reconnected() {
		return false
	}
	if guard, ok := c.http.Transport.(redirectGuard); ok {
		if _, ok := guard.next.(*http.Transport); ok {
			return false
		}
	}
	// A resource whose deletion is blocked exists.
	return !errors.Is(e, errors.Conflict) && !errors.Is(e, errors.DeletionStepsNotSatisfied)
}
