package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// classify makes an error of an answer that is no success. Should the answer repeat the
// credential, the error does not.
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
		// It was refused, and the status alone does not say why: the whole of it would.
		e.Code, e.Err = errors.Unavailable, errCut
	}
	afterRedirect(e, x.response)
	uncached(e, a.Header)
	return e
}

// failure makes an error of an answer by the provider's code in the body first, the status
// second, the Content-Type never.
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
		// The code of one answer with the status of another: nothing it says is proof.
		e.Code, e.Err = errors.UnexpectedResponse, errMisplaced
	case e.Code == "":
		e.Code = ofStatus(a.Status, e.ProviderCode != "")
	}
	return e
}

var errMisplaced = errors.New("the code says that there is none, and the status does not")

var errForeign = errors.New("the body is not in the provider's form of an error")

// needsForm reports whether an answer is a refusal that counts only in the provider's
// form: otherwise a proxy, a firewall or a wrong address has answered, and the status is
// not the provider's. A 429 and a 401 with a challenge need no body.
func (a *Answer) needsForm() bool {
	switch a.Status {
	case http.StatusTooManyRequests:
		return false
	case http.StatusUnauthorized:
		return a.Header.Get("WWW-Authenticate") == ""
	}
	return refused(a.Status)
}

// notFoundStatus reports whether a status belongs to a code that says that something
// does not exist.
func (c *Client) notFoundStatus(status int, providerCode string) bool {
	return status == http.StatusNotFound || status == http.StatusGone || status != 0 && c.config.NotFoundStatus[providerCode] == status
}

// newError starts an error about a call.
func (c *Client) newError(call *Call, code errors.Code, cause error) *errors.Error {
	return &errors.Error{
		Provider: c.config.Provider, Operation: call.Operation, Target: call.Target,
		Code: code, Err: cause,
	}
}

// ofStatus is the code of an answer whose body named none that is known.
// coded: the body had a code of the provider's, so the answer is the provider's
// own; a bare 404 may as well come from a proxy or a wrong base URL.
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

// refused reports whether a status says that the request was not carried out. A 408
// and a 499 do not: gateways send them for a call that ended half way.
func refused(status int) bool {
	return status >= 400 && status <= 499 && status != http.StatusRequestTimeout && status != statusCanceled
}

// statusCanceled is what gateways make of gRPC's code 1: a call that was canceled
// somewhere on its way.
const statusCanceled = 499

func serverFailed(status int) bool { return status >= 500 && status <= 599 }

// maxRetryAfter is the longest wait that is believed; a longer one is cut to it.
const maxRetryAfter = 7 * 24 * time.Hour

// RetryAfter reads the header in both of its forms. A date is compared with the
// server's own clock where the answer shows it.
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

// Count reads a number that cannot be negative, as headers have it.
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
