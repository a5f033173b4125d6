package rest

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/offboard-dev/offboard-go/errors"
)

// reach watches whether an exchange was given a connection to the provider. Only this
// proves that nothing was sent. The type of an error never does: a transport may send
// the request, lose the connection, dial again by itself and return the error of that.
type reach struct {
	asked     atomic.Bool  // for a connection
	connected atomic.Int32 // how often to the provider, behind a proxy and TLS where there are any
}

// watch returns a context that makes the transport tell of its connections, by the trace
// of one attempt.
func (r *reach) watch(ctx context.Context, trace *httptrace.ClientTrace) context.Context {
	r.asked.Store(false)
	r.connected.Store(0)
	trace.GetConn = func(string) { r.asked.Store(true) }
	trace.GotConn = func(httptrace.GotConnInfo) { r.connected.Add(1) }
	return httptrace.WithClientTrace(ctx, trace)
}

// never reports whether no connection was made. A transport that does not report its
// connections may have made one.
func (r *reach) never() bool { return r.asked.Load() && r.connected.Load() == 0 }

// again reports whether the transport connected more than once, so that it may have
// sent the request more than once.
func (r *reach) again() bool { return r.connected.Load() > 1 }

// resent reports whether the refusal of a write may be the answer to a request that the
// transport sent a second time by itself: the first one may have deleted the resource,
// and the credential with it. net/http's own transport sends a write again only if
// nothing of it was written before.
func (c *Client) resent(call *Call, e *errors.Error) bool {
	if call.Repeat || e == nil || !call.reach.again() {
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
