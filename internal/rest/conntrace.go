package rest

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/offboard-dev/offboard-go/errors"
)

// connTrace watches whether an exchange was given a connection to the provider. Only this
// proves that nothing was sent. The type of an error never does: a transport may send
// the request, lose the connection, dial again by itself and return the error of that.
type connTrace struct {
	asked     atomic.Bool  // for a connection
	connected atomic.Int32 // how often to the provider, behind a proxy and TLS where there are any
}

// watch returns a context that makes the transport tell of its connections, by the trace
// of one attempt.
func (t *connTrace) watch(ctx context.Context, hooks *httptrace.ClientTrace) context.Context {
	t.asked.Store(false)
	t.connected.Store(0)
	hooks.GetConn = func(string) { t.asked.Store(true) }
	hooks.GotConn = func(httptrace.GotConnInfo) { t.connected.Add(1) }
	return httptrace.WithClientTrace(ctx, hooks)
}

// neverConnected reports whether no connection was made. A transport that does not report its
// connections may have made one.
func (t *connTrace) neverConnected() bool { return t.asked.Load() && t.connected.Load() == 0 }

// reconnected reports whether the transport connected more than once, so that it may have
// sent the request more than once.
func (t *connTrace) reconnected() bool { return t.connected.Load() > 1 }

// resent reports whether the refusal of a write may be the answer to a request that the
// transport sent a second time by itself: the first one may have deleted the resource,
// and the credential with it. net/http's own transport sends a write again only if
// nothing of it was written before.
func (c *Client) resent(call *Call, e *errors.Error) bool {
	if call.Repeat || e == nil || !call.conns.reconnected() {
		return false
	}
	if guard, ok := c.http.Transport.(redirectGuard); ok {
		if _, ok := guard.next.(*http.Transport); ok {
			return false
		}
	}
	// A resource that something blocks exists.
	return !errors.Is(e, errors.Conflict) && !errors.Is(e, errors.DeletionStepsNotSatisfied)
}
