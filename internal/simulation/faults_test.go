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

// fault is what befalls a request.
type fault struct {
	name string

	refused error // there is no connection
	works   bool  // the provider does its work
	late    bool  // it does, but only after the answer
	lost    error // the connection ends before the headers

	status int // another answer than the provider's
	body   string
	header map[string]string
	limits bool // which tell of a limit

	cut  bool          // the connection ends in the middle of the body
	slow time.Duration // for half of what is left of the body

	edit     func(*http.Request, []byte) []byte // changes what the provider reads, and returns its body
	rewrite  func([]byte) []byte                // changes the body of the provider's own answer
	unproven bool                               // the answer proves nothing, although it is the provider's
	stale    bool                               // the answer is an earlier one to the same request, if there is one
	redials  redial                             // what the transport does by itself
	harmless bool                               // a teardown ends well in spite of it
	blind    bool                               // the credential sees nothing

	accepts    bool // the fault applies only if the provider answers with a success
	documented bool // the other answer is the documented success
}

// redial is what a transport does by itself when a connection has ended.
type redial int

const (
	redialsNever   redial = iota
	redialsInVain         // the second connection is refused
	redialsAndAsks        // it sends the request again
)

// occasion is a request that a fault may apply to.
type occasion struct {
	n    *network
	kind kind
	req  *http.Request
	body []byte
}

// faultKind is a kind of fault.
type faultKind struct {
	name string // of kindNames; "" for one that is always on
	make func(*rand.Rand, *occasion) fault
}

// unharmed is no fault.
var unharmed = fault{works: true}

// slots is how many kinds of faults a request picks from. A slot without a kind is no
// fault: it keeps the others where they are when a kind is added.
const slots = 48

// pick returns the fault of a slot, or of one of the next slots if its kind does not
// apply to the request; none if its kind is off.
func pick(slot int, r *rand.Rand, o *occasion) fault {
	for i := range slots {
		n := (slot + i) % slots
		if n >= len(faultKinds) || faultKinds[n].name != "" && !o.n.on[faultKinds[n].name] {
			if i == 0 {
				break
			}
			continue
		}
		if f := faultKinds[n].make(r, o); f.name != "" {
			return f.of(faultKinds[n].name)
		}
	}
	return unharmed
}

// of names the kind of a new fault.
func (f fault) of(kind string) fault {
	if kind != "" && f.name != "" {
		f.name = kind + ": " + f.name
	}
	return f
}

// faultKinds are all of them: those that are always on, and the new ones. The order
// is part of what a seed means.
var faultKinds = slices.Concat(always(faults), newFaults)

func always(faults []func(*rand.Rand) fault) []faultKind {
	var kinds []faultKind
	for _, f := range faults {
		kinds = append(kinds, faultKind{"", func(r *rand.Rand, _ *occasion) fault { return f(r) }})
	}
	return kinds
}

// faults are all kinds of them.
var faults = []func(*rand.Rand) fault{
	func(r *rand.Rand) fault {
		return fault{name: "connection refused", refused: one(r, refusals...)}
	},
	func(r *rand.Rand) fault {
		return fault{name: "reset before the work", lost: one(r, losses...)}
	},
	func(r *rand.Rand) fault {
		return fault{name: "reset after the work", works: true, lost: one(r, losses...)}
	},
	func(*rand.Rand) fault { return fault{name: "reset after the headers", works: true, cut: true} },
	func(r *rand.Rand) fault {
		return fault{name: "slow", works: true, slow: time.Duration(r.Int64N(int64(one(r, time.Second, time.Hour))))}
	},
	func(r *rand.Rand) fault {
		return withBody(r, fault{name: "429", status: 429, header: retryAfter(r)})
	},
	func(r *rand.Rand) fault {
		return withBody(r, fault{name: "failure before the work", status: failure(r), header: sometimes(r, retryAfter(r))})
	},
	func(r *rand.Rand) fault {
		return withBody(r, fault{name: "failure after the work", works: true, status: failure(r), header: sometimes(r, retryAfter(r))})
	},
	goesOn, goesOn, goesOn, // what tells most apart
	func(r *rand.Rand) fault {
		f := withBody(r, fault{name: "cut failure after the work", works: true, status: failure(r)})
		f.cut = true
		return f
	},
	func(r *rand.Rand) fault {
		return withBody(r, fault{name: "refused by a wall", status: one(r, 400, 401, 403, 404, 405, 407, 410, 421, 451)})
	},
	func(r *rand.Rand) fault {
		return fault{name: "redirect", works: chance(r, 0.5), status: one(r, 301, 302, 303, 307, 308), header: map[string]string{
			"Location": one(r, "", "/", "/login", "https://elsewhere.invalid/", "//elsewhere.invalid", "%zz"),
		}}
	},
	func(r *rand.Rand) fault {
		return fault{
			name: "page for an answer", works: chance(r, 0.5), status: one(r, 200, 201, 202, 206),
			body: one(r, page, "", "null", "[]", `"OK"`, `{"status":`), header: html,
		}
	},
	func(r *rand.Rand) fault {
		return fault{name: "wrong content type", works: true, header: map[string]string{
			"Content-Type": one(r, "text/html", "", "application/octet-stream", "\xff"),
		}}
	},
	func(r *rand.Rand) fault {
		skewed := time.Now().Add(time.Duration((r.Float64()*2 - 1) * float64(48*time.Hour)))
		return fault{name: "another clock", works: true, header: map[string]string{
			"Date": one(r, skewed.UTC().Format(http.TimeFormat), "", "today", "Thu, 01 Jan 1970 00:00:00 GMT"),
		}}
	},
	func(r *rand.Rand) fault {
		return fault{name: "strange limits", works: true, limits: true, header: map[string]string{
			"X-Ratelimit-Permitted": strconv.Itoa(r.IntN(3)), "X-Ratelimit-Remaining": one(r, "0", "-1", "x", "99999999999"),
			"Ratelimit-Limit": strconv.Itoa(r.IntN(3)), "Ratelimit-Remaining": one(r, "0", "1", ""),
		}}
	},
}

// goesOn is what a gateway answers that does not wait for the provider.
func goesOn(r *rand.Rand) fault {
	return withBody(r, fault{name: "failure, and the work goes on", late: true, status: one(r, 499, 502, 504)})
}

// refusals are how a connection does not come about.
var refusals = []error{
	&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED},
	&net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH},
	&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("502 Bad Gateway")},
	&net.DNSError{Err: "no such host", Name: "double.invalid", IsNotFound: true},
	x509.UnknownAuthorityError{},
}

// losses are how a connection ends.
var losses = []error{
	&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET},
	&net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE},
	&net.OpError{Op: "read", Net: "tcp", Err: syscall.ETIMEDOUT},
	io.EOF, io.ErrUnexpectedEOF,
	errors.New("http2: server sent GOAWAY and closed the connection"),
}

// failure is a status of a server, or of a gateway before it, that says nothing.
func failure(r *rand.Rand) int { return one(r, 408, 499, 500, 502, 503, 504, 520, 599) }

// retryAfter is that header in all its forms.
func retryAfter(r *rand.Rand) map[string]string {
	after := one(r, time.Second, time.Minute, 10*time.Minute)
	return map[string]string{"Retry-After": one(r, "", "", "0", strconv.Itoa(r.IntN(int(after/time.Second))), "-1", "soon",
		time.Now().Add(time.Duration(r.Int64N(int64(after)))).UTC().Format(http.TimeFormat), "99999999999")}
}

func sometimes(r *rand.Rand, header map[string]string) map[string]string {
	if chance(r, 0.5) {
		return nil
	}
	return header
}

const page = "<!DOCTYPE html><title>Sorry</title><h1>Sorry</h1>"

var html = map[string]string{"Content-Type": "text/html; charset=utf-8"}

// withBody gives an answer that is not the provider's some body.
func withBody(r *rand.Rand, f fault) fault {
	f.body = one(r, "", page, `{"message":"upstream connect error"}`, `{"error":{"message":`, "null", "[]", "\x00\xff", strings.Repeat(" ", 5000))
	return f
}
