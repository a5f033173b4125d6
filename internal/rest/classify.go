package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// classify returns the error of an answer that is no success. It removes the credential from
// the parts of the answer that the error contains.
func (c *Client) classify(call *Call, x *exchange) *errors.Error {
	if x.succeeded {
		return nil
	}
	a := &call.answer
	a.cut(c.patternsOf(secret(x.request)))
	a.redact(call.concealed)
	e := c.failure(call, a)
	switch {
	case x.wrong != nil:
		if e.Code == errors.UnexpectedResponse {
			e.Err = x.wrong
		}
	case a.Cut && refused(a.Status) && e.ProviderCode == "" && !errors.Retryable(e) && a.Status != http.StatusUnauthorized:
		// The provider refused the request, and the part of the body that was not received has the reason.
		e.Code, e.Err = errors.Unavailable, errCut
	}
	afterRedirect(e, x.response)
	uncached(e, a.Header)
	return e
}

// failure returns the error of an answer. The provider's code in the body decides; without a
// code, the status does. The Content-Type is not read.
func (c *Client) failure(call *Call, a *Answer) *errors.Error {
	e := c.newError(call, "", nil)
	e.Status = a.Status
	e.RequestID = requestID(a.Header)
	if len(a.Header["Retry-After"]) > 0 {
		e.RetryAfter = RetryAfter(a.Header, time.Now())
	}
	own := false
	if isObject(a.Body) || !success(a.Status) {
		own = c.config.Classify(a, e)
	}
	call.foreign = !own
	switch {
	case !own && a.needsForm():
		e.Code, e.Err = errors.UnexpectedResponse, errForeign
	case e.Code.Category() == errors.NotFound && !c.notFoundStatus(a.Status, e.ProviderCode):
		// The code and the status belong to different answers, so that the answer proves nothing.
		e.Code, e.Err = errors.UnexpectedResponse, errMisplaced
	case e.Code == "":
		e.Code = ofStatus(a.Status, e.ProviderCode != "")
	}
	return e
}

var errMisplaced = errors.New("the body has the code of a missing resource, and the status is another")

var errForeign = errors.New("the body of the refusal is not in the provider's form")

// needsForm reports whether an answer is a refusal that must be in the provider's form. A
// refusal in another form comes from a proxy, a firewall or another server. A 429, and a 401
// with a challenge, need no body.
func (a *Answer) needsForm() bool {
	switch a.Status {
	case http.StatusTooManyRequests:
		return false
	case http.StatusUnauthorized:
		return a.Header.Get("WWW-Authenticate") == ""
	}
	return refused(a.Status)
}

// notFoundStatus reports whether a status can have the code of a missing resource.
func (c *Client) notFoundStatus(status int, providerCode string) bool {
	return status == http.StatusNotFound || status == http.StatusGone || status != 0 && c.config.NotFoundStatus[providerCode] == status
}

// newError returns an error of a call.
func (c *Client) newError(call *Call, code errors.Code, cause error) *errors.Error {
	return &errors.Error{
		Provider: c.config.Provider, Operation: call.Operation, Target: call.Target,
		Code: code, Err: cause,
	}
}

// ofStatus returns the code of an answer without a known code in its body. coded is true if
// the body has a code in the provider's form; a 404 without one may come from a proxy, or from
// a wrong base URL.
func ofStatus(status int, coded bool) errors.Code {
	switch status {
	case http.StatusUnauthorized:
		return errors.Unauthenticated
	case http.StatusPaymentRequired:
		return errors.PaymentRequired
	case http.StatusForbidden:
		return errors.PermissionDenied
	case http.StatusNotFound:
		if coded {
			return errors.NotFound
		}
		return errors.UnexpectedResponse
	case http.StatusConflict, http.StatusLocked:
		return errors.Conflict
	case http.StatusBadRequest, http.StatusNotAcceptable, http.StatusLengthRequired,
		http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge,
		http.StatusRequestURITooLong, http.StatusUnsupportedMediaType,
		http.StatusUnprocessableEntity, http.StatusRequestHeaderFieldsTooLarge:
		return errors.InvalidArgument
	case http.StatusTooManyRequests:
		return errors.RateLimitReached
	case http.StatusRequestTimeout, statusCanceled, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return errors.Unavailable
	}
	if serverFailed(status) {
		return errors.Internal
	}
	return errors.UnexpectedResponse
}

func success(status int) bool { return status >= 200 && status <= 299 }

// refused reports whether a status means that the provider did not apply the request. Gateways
// send 408 and 499 also for a request that the provider applied in part.
func refused(status int) bool {
	return status >= 400 && status <= 499 && status != http.StatusRequestTimeout && status != statusCanceled
}

// statusCanceled is the status that gateways send for gRPC's code 1: a canceled call.
const statusCanceled = 499

func serverFailed(status int) bool { return status >= 500 && status <= 599 }

// maxRetryAfter is the longest wait; a longer Retry-After is reduced to it.
const maxRetryAfter = 7 * 24 * time.Hour

// RetryAfter returns the wait of the header Retry-After, in seconds or as a date; 0 if the
// header is absent or invalid. A date is compared with the header Date, or with now without
// that header.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if isDigits(value) {
		seconds, ok := Count(value)
		if !ok || seconds > int(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// Count parses a number of 1 to 9 digits of a header, and reports whether it is one.
func Count(s string) (int, bool) {
	if !isDigits(s) || len(s) > 9 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
