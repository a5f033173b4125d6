package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/internal/wait"
)

// Do carries out a call and repeats it while that is safe and worth it. The
// error is an [*errors.Error].
func (c *Client) Do(ctx context.Context, call *Call) error {
	if err := c.check(ctx); err != nil {
		call.Target = ""
		return c.newError(call, errors.InvalidArgument, err)
	}
	if err := call.prepare(); err != nil {
		call.Target = shown(call.Target)
		return c.newError(call, errors.InvalidArgument, err)
	}
	if c.leaks != nil && c.leaks(call) {
		call.Target = ""
		return c.newError(call, errors.InvalidArgument, errOwnCredential)
	}
	call.conceal()
	ctx, call.started = c.config.Retry.start(ctx)
	for attempt := 1; ; attempt++ {
		e := c.attempt(ctx, call, attempt)
		if e == nil {
			return nil
		}
		e.Attempts = call.sent
		wait, again := c.config.Retry.next(ctx, call, e, attempt)
		if !again || !c.waits(ctx, e, wait) {
			return e
		}
	}
}

// try is one attempt: one exchange, or more if the credential was refused and
// could be renewed.
func (c *Client) try(ctx context.Context, call *Call) *errors.Error {
	for auth := c.auth; ; {
		// The credential comes after the wait: it might not outlast it.
		if e := c.stopped(ctx, call); e != nil {
			return e
		}
		pm, e := c.pace(ctx, call)
		if e != nil {
			return e
		}
		req, e := c.ready(ctx, call, auth)
		if e != nil {
			pm.Lost()
			return e
		}
		if e := c.stopped(ctx, call); e != nil {
			pm.Lost()
			return e
		}
		call.sent++
		last := trace.Of(ctx)
		if !call.Repeat {
			trace.Write(ctx)
			if last != nil {
				last.Write()
			}
		}
		resp, err := c.exchange(req)
		if err != nil {
			pm.Lost()
			if !call.Repeat && last != nil && call.reach.never() {
				last.Unsent()
			}
			return c.broken(ctx, call, resp, err)
		}
		header := resp.Header
		credential := secret(req)
		e = c.receive(call, resp, credential)
		if last != nil {
			last.Note(redact(requestID(header), credential))
		}
		ledAstray(e, resp)
		uncached(e, header)
		c.tell(pm, header, e, call.foreign)
		if c.resent(call, e) {
			return unknown(e)
		}
		if !credentialRefused(e) {
			return e
		}
		if auth = renewed(auth, req, header); auth == nil {
			return e
		}
	}
}

// stopped refuses a call that may change something after a stop. A read is sent then, if it
// need not wait: it may decide what became of a write.
func (c *Client) stopped(ctx context.Context, call *Call) *errors.Error {
	if call.Repeat || !trace.Stopped(ctx) {
		return nil
	}
	return c.newError(call, errors.Canceled, trace.ErrStopped)
}

// exchange sends a request. What must not be redirected goes straight to the
// transport, past the code that could follow a redirect, unless the caller's
// client has cookies or a time-out, which only its Do sees to.
func (c *Client) exchange(req *http.Request) (*http.Response, error) {
	if redirectable(req) || c.http.Jar != nil || c.http.Timeout != 0 {
		return c.http.Do(req)
	}
	resp, err := c.http.Transport.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case resp == nil:
		return nil, errNoResponse
	case resp.Body == nil:
		resp.Body = http.NoBody
	}
	return resp, nil
}

// credentialRefused reports whether an answer is a 401 that another credential may
// cure. One that says that a role is missing is not.
func credentialRefused(e *errors.Error) bool {
	return e != nil && e.Status == http.StatusUnauthorized && !errors.Is(e, errors.PermissionDenied)
}

// ready returns the request with its credential.
func (c *Client) ready(ctx context.Context, call *Call, auth Authorizer) (*http.Request, *errors.Error) {
	req, err := c.build(ctx, call)
	if err != nil {
		return nil, c.newError(call, errors.InvalidArgument, err)
	}
	err = auth.Authorize(ctx, req)
	if err == nil && !sendable(req.Header["Authorization"]) {
		err = errUnsendable
	}
	if err != nil {
		return nil, c.unauthorized(ctx, call, err)
	}
	return req, nil
}

// receive turns a response into nil, which is a success, or an error. Should the
// answer repeat the credential, the error does not.
func (c *Client) receive(call *Call, resp *http.Response, secret string) *errors.Error {
	buffer := c.buffers.Get().(*[]byte)
	a := &call.answer
	a.read(resp, *buffer)
	defer func() {
		if *buffer = a.Body; cap(a.Body) <= keptBuffer {
			c.buffers.Put(buffer)
		}
		a.Body = nil
	}()
	switch {
	case a.Cut && success(a.Status):
		e := c.newError(call, unanswered(call), errCut)
		e.Status = a.Status
		return e
	case call.accepted(a):
		return c.cached(call, a)
	}
	var wrong error
	if a.Status == call.Status {
		wrong = a.decode(call)
		if wrong == nil {
			wrong = a.contradiction(call, c.config.KnownMembersOnly)
		}
		if wrong == nil {
			return c.cached(call, a)
		}
	}
	a.cut(c.patternsOf(secret))
	a.redact(call.concealed)
	e := c.classify(call, a)
	switch {
	case wrong != nil:
		if e.Code == errors.UnexpectedResponse {
			e.Err = wrong
		}
	case a.Cut && refused(a.Status) && e.ProviderCode == "" && !errors.Retryable(e) && a.Status != http.StatusUnauthorized:
		// It was refused, and the status alone does not say why: the whole of it would.
		e.Code, e.Err = errors.Unavailable, errCut
	}
	return e
}

// keptBuffer is the largest buffer that is kept for the next answer.
const keptBuffer = 64 << 10

// pace waits for the provider's limit and the caller's own.
func (c *Client) pace(ctx context.Context, call *Call) (ratelimit.Permit, *errors.Error) {
	pm, err := c.limiter.Wait(ctx, call.Operation, ratelimit.Request{
		Resent: call.sent > 0, MaxWait: c.config.Retry.longestWait(call.started),
		OnWait: func(pause time.Duration) {
			c.logWait(ctx, call.Operation, call.Target, "for the rate limit", pause)
		},
	})
	if err == nil {
		return pm, nil
	}
	if tooLong, ok := errors.AsType[*ratelimit.TooLongError](err); ok {
		e := c.newError(call, errors.RateLimitReached, nil)
		e.RetryAfter = tooLong.Wait
		return pm, e
	}
	// The context or a stop ended a wait before anything was sent, whether the caller's own limit
	// or the provider's was the reason.
	return pm, c.newError(call, errors.Canceled, err)
}

// tell lets the pacer learn from an answer.
func (c *Client) tell(pm ratelimit.Permit, header http.Header, e *errors.Error, foreign bool) {
	var w ratelimit.Window
	told := false
	if c.config.Window != nil {
		w, told = c.config.Window(header)
	}
	if e != nil && e.Code == errors.RateLimitReached {
		after := min(e.RetryAfter, ratelimit.MaxRest)
		if foreign { // a proxy's page must not stop all calls of the client for long
			after = min(after, c.config.Retry.MaxWait)
		}
		pm.Refused(after, w, told)
		return
	}
	pm.Answered(w, told)
}

// waits reports whether the wait after a failure was made to its end. It is not
// begun when the context would end first. When the context or a stop ends it, that
// becomes the cause of an error that has none.
func (c *Client) waits(ctx context.Context, e *errors.Error, pause time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Now().Add(pause).After(deadline) {
		return false
	}
	if pause > 0 {
		c.logWait(ctx, e.Operation, e.Target, "before another attempt", pause)
	}
	err := wait.Sleep(ctx, pause)
	if err != nil && e.Err == nil {
		e.Err = err
	}
	return err == nil
}
