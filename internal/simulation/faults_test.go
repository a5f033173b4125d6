package simulation

import (
	"crypto/x509"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// fault is the fault of one request.
type fault struct {
	name string

	dialErr       error // the connection fails
	processed     bool  // the provider processes the request
	processedLate bool  // the provider processes it after the answer
	connErr       error // the connection ends before the headers

	status int // of an answer that replaces the provider's
	body   string
	header map[string]string
	limits bool // the headers describe a rate limit

	cut  bool          // the connection ends in the middle of the body
	slow time.Duration // delay for each half of the remaining body

	edit     func(*http.Request, []byte) []byte // changes the provider's input and returns its body
	rewrite  func([]byte) []byte                // changes the body of the provider's own answer
	unproven bool                               // the answer proves nothing, although the provider sent it
	stale    bool                               // the answer repeats an earlier one to the same request, if there was one
	redials  redial                             // requests that the transport repeats by itself
	harmless bool                               // a teardown succeeds in spite of it
	blind    bool                               // the credential has lost access

	accepts    bool // the fault applies only if the provider answers with a success
	documented bool // the replaced answer is the documented success
}

// redial is the transport's own reaction to a connection that has ended.
type redial int

const (
	redialsNever      redial = iota
	redialsInVain            // the second connection is refused
	redialsAndResends        // it sends the request again
)

// target is a request that a fault may apply to.
type target struct {
	n    *network
	kind kind
	req  *http.Request
	body []byte
}

// faultKind is a kind of fault.
type faultKind struct {
	name string // one of kindNames; "" if the kind is always on
	make func(*rand.Rand, *target) fault
}

// noFault lets the provider answer.
var noFault = fault{processed: true}

// slots is the number of slots that a request picks from. A slot without a kind is no
// fault: it keeps the other slots in place when a kind is added.
const slots = 48

// pick returns the fault of a slot, or of one of the next slots if its kind does not apply
// to the request; noFault if its kind is off.
func pick(slot int, r *rand.Rand, o *target) fault {
	for i := range slots {
		n := (slot + i) % slots
		if n >= len(faultKinds) || faultKinds[n].name != "" && !o.n.kinds[faultKinds[n].name] {
			if i == 0 {
				break
			}
			continue
		}
		if f := faultKinds[n].make(r, o); f.name != "" {
			return f.withKind(faultKinds[n].name)
		}
	}
	return noFault
}

// withKind puts the kind before the name of an optional fault.
func (f fault) withKind(kind string) fault {
	if kind != "" && f.name != "" {
		f.name = kind + ": " + f.name
	}
	return f
}

// faultKinds lists all kinds: those that are always on, then the optional ones. Seeds
// depend on the order.
var faultKinds = slices.Concat(withoutKind(faults), optionalFaults)

func withoutKind(faults []func(*rand.Rand) fault) []faultKind {
	var kinds []faultKind
	for _, f := range faults {
		kinds = append(kinds, faultKind{"", func(r *rand.Rand, _ *target) fault { return f(r) }})
	}
	return kinds
}

// faults are the kinds that are always on.
var faults = []func(*rand.Rand) fault{
	func(r *rand.Rand) fault {
		return fault{name: "connection refused", dialErr: one(r, dialErrors...)}
	},
	func(r *rand.Rand) fault {
		return fault{name: "reset before processing", connErr: one(r, connErrors...)}
	},
	func(r *rand.Rand) fault {
		return fault{name: "reset after processing", processed: true, connErr: one(r, connErrors...)}
	},
	func(*rand.Rand) fault { return fault{name: "reset after the headers", processed: true, cut: true} },
	func(r *rand.Rand) fault {
		return fault{name: "slow", processed: true, slow: time.Duration(r.Int64N(int64(one(r, time.Second, time.Hour))))}
	},
	func(r *rand.Rand) fault {
		return withBody(r, fault{name: "429", status: 429, header: retryAfter(r)})
	},
	func(r *rand.Rand) fault {
		return withBody(r, fault{name: "failure before processing", status: failure(r), header: optional(r, retryAfter(r))})
	},
	func(r *rand.Rand) fault {
		return withBody(r, fault{name: "failure after processing", processed: true, status: failure(r), header: optional(r, retryAfter(r))})
	},
	processedAfterGateway, processedAfterGateway, processedAfterGateway, // three slots, because this fault finds the most wrong results
	func(r *rand.Rand) fault {
		f := withBody(r, fault{name: "truncated failure after processing", processed: true, status: failure(r)})
		f.cut = true
		return f
	},
	func(r *rand.Rand) fault {
		return withBody(r, fault{name: "refused by a gateway", status: one(r, 400, 401, 403, 404, 405, 407, 410, 421, 451)})
	},
	func(r *rand.Rand) fault {
		return fault{name: "redirect", processed: chance(r, 0.5), status: one(r, 301, 302, 303, 307, 308), header: map[string]string{
			"Location": one(r, "", "/", "/login", "https://elsewhere.invalid/", "//elsewhere.invalid", "%zz"),
		}}
	},
	func(r *rand.Rand) fault {
		return fault{
			name: "HTML page as success", processed: chance(r, 0.5), status: one(r, 200, 201, 202, 206),
			body: one(r, htmlPage, "", "null", "[]", `"OK"`, `{"status":`), header: html,
		}
	},
	func(r *rand.Rand) fault {
		return fault{name: "wrong content type", processed: true, header: map[string]string{
			"Content-Type": one(r, "text/html", "", "application/octet-stream", "\xff"),
		}}
	},
	func(r *rand.Rand) fault {
		skewed := time.Now().Add(time.Duration((r.Float64()*2 - 1) * float64(48*time.Hour)))
		return fault{name: "Date of another clock", processed: true, header: map[string]string{
			"Date": one(r, skewed.UTC().Format(http.TimeFormat), "", "today", "Thu, 01 Jan 1970 00:00:00 GMT"),
		}}
	},
	func(r *rand.Rand) fault {
		return fault{name: "strange limits", processed: true, limits: true, header: map[string]string{
			"X-Ratelimit-Permitted": strconv.Itoa(r.IntN(3)), "X-Ratelimit-Remaining": one(r, "0", "-1", "x", "99999999999"),
			"Ratelimit-Limit": strconv.Itoa(r.IntN(3)), "Ratelimit-Remaining": one(r, "0", "1", ""),
		}}
	},
}

// processedAfterGateway is the answer of a gateway that does not wait for the provider.
func processedAfterGateway(r *rand.Rand) fault {
	return withBody(r, fault{name: "gateway failure before processing", processedLate: true, status: one(r, 499, 502, 504)})
}

// dialErrors are errors of a connection that fails.
var dialErrors = []error{
	&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED},
	&net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH},
	&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("502 Bad Gateway")},
	&net.DNSError{Err: "no such host", Name: "provider.invalid", IsNotFound: true},
	x509.UnknownAuthorityError{},
}

// connErrors are errors of a connection that ends.
var connErrors = []error{
	&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET},
	&net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE},
	&net.OpError{Op: "read", Net: "tcp", Err: syscall.ETIMEDOUT},
	io.EOF, io.ErrUnexpectedEOF,
	errors.New("http2: server sent GOAWAY and closed the connection"),
}

// failure returns a status of a server or a gateway that proves nothing.
func failure(r *rand.Rand) int { return one(r, 408, 499, 500, 502, 503, 504, 520, 599) }

// retryAfter returns a Retry-After header in one of its forms.
func retryAfter(r *rand.Rand) map[string]string {
	after := one(r, time.Second, time.Minute, 10*time.Minute)
	return map[string]string{"Retry-After": one(r, "", "", "0", strconv.Itoa(r.IntN(int(after/time.Second))), "-1", "soon",
		time.Now().Add(time.Duration(r.Int64N(int64(after)))).UTC().Format(http.TimeFormat), "99999999999")}
}

func optional(r *rand.Rand, header map[string]string) map[string]string {
	if chance(r, 0.5) {
		return nil
	}
	return header
}

const htmlPage = "<!DOCTYPE html><title>Sorry</title><h1>Sorry</h1>"

var html = map[string]string{"Content-Type": "text/html; charset=utf-8"}

// withBody adds a body that is not the provider's.
func withBody(r *rand.Rand, f fault) fault {
	f.body = one(r, "", htmlPage, `{"message":"upstream connect error"}`, `{"error":{"message":`, "null", "[]", "\x00\xff", strings.Repeat(" ", 5000))
	return f
}
