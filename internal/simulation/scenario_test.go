package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/offboardtest"
)

// provider is a provider under test with its scenarios.
type provider struct {
	name     string
	deletion func(*rand.Rand) *scenario
	teardown func(*rand.Rand) *scenario
	reading  func(*rand.Rand) *scenario
}

// providers are all five.
var providers = []provider{
	{"katapult", katapultDeletion, katapultTeardown, katapultReading},
	{"zitadel", zitadelDeletion, zitadelTeardown, zitadelReading},
	{"atlas", atlasDeletion, atlasTeardown, atlasReading},
	{"workspace", workspaceDeletion, workspaceTeardown, workspaceReading},
	{"volterra", volterraDeletion, volterraTeardown, volterraReading},
}

// scenario is a fake in some state, a call of a client, and the oracle that evaluates the
// result.
type scenario struct {
	title  string // describes the state
	server *offboardtest.Server

	// call makes a client with the setting and calls it.
	call func(context.Context, setting) error

	// kind returns the purpose of a request.
	kind func(*http.Request) kind

	// done reports whether the requested change has happened at the fake.
	done func() bool

	// limited is true if the fake has a rate limit that a run may reach.
	limited bool

	// disturb changes the fake between two requests, at random; nil for none.
	disturb func(*rand.Rand)

	// ids are the IDs and names of resources in requests.
	ids []string

	// beforeRequest changes the fake before every request; nil for none.
	beforeRequest func()

	// changeByOthers changes the fake before a request, as others do; nil for none.
	changeByOthers func(*network, kind)

	// evaluate is the oracle: it returns the client's result, as the table names it, and
	// the wrong results.
	evaluate func(*record) (result string, wrongResults []string)

	readOnly bool           // the call only reads, or changes only state that the oracle knows
	length   int            // the usual number of requests of a long run; 0 for a short one
	counts   map[string]int // further columns of the table; nil if the run is not a teardown
}

// setting is the configuration of a run's client.
type setting struct {
	client      *http.Client
	maxAttempts int
	maxWait     time.Duration
	rate        float64 // requests per second; 0 for no limit
}

// kind is the purpose of a request.
type kind string

const (
	deletion kind = "deletion"
	read     kind = "read"
	token    kind = "token"
)

// kindOf returns the kind of a deletion's request.
func kindOf(req *http.Request) kind {
	switch path := req.URL.Path; {
	case strings.Contains(path, "/oauth/"):
		return token
	case req.Method == http.MethodDelete, strings.HasSuffix(path, "/request-delete"):
		return deletion
	}
	return read
}

// record holds the exchanges of a run and its end.
type record struct {
	exchanges     []*exchange
	err           error           // the client's result
	ended         bool            // the context ended before the client returned
	overtime      time.Duration   // the time between the end of the context and the return
	open          int             // bodies that were not closed
	processedLate bool            // the change happened after its request was answered
	limited       bool            // a rate limit delays the client
	delayed       *delayedRequest // a request that the provider has not processed yet
	throttled     bool            // the caller has set a limit, and the provider none
	duration      time.Duration
	kinds         map[string]bool // the optional kinds of faults that are on
}

// lostAccess reports whether the credential had no access from some exchange on.
func (t *record) lostAccess() bool {
	return slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return x.blind })
}

// hasFault reports whether a request had a fault of an optional kind.
func (t *record) hasFault(kind string) bool {
	return slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return strings.HasPrefix(x.fault, kind) })
}

// readDecides reports whether a read must decide after an undocumented success.
func (t *record) readDecides() bool {
	return t.kinds[openSuccess] || t.kinds[unreadable] || t.kinds[accepted]
}

// exchange is one request, and the part of the answer that the client has seen.
type exchange struct {
	at             time.Duration // since the start of the run
	kind           kind
	path           string
	fault          string // the name of its fault; "" for none
	redirected     bool   // a redirect caused the request
	mayHaveArrived bool   // the client cannot exclude that it reached the provider
	status         int    // that the client has seen; 0 for none
	genuine        bool   // the answer is the provider's own, and complete
	whole          bool   // every byte arrived, although the client may not have seen the end
	body           []byte
	done           bool // the requested change happened during the exchange

	number   int  // the number of earlier requests
	blind    bool // the credential has no access
	redialed bool // the transport has sent the request twice
	harmless bool // a teardown succeeds in spite of the fault
}

func (x *exchange) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%12v  %-8s  %s", x.at.Round(time.Microsecond), x.kind, x.path)
	if x.fault != "" {
		fmt.Fprintf(&b, "  [%s]", x.fault)
	}
	switch {
	case x.genuine:
		fmt.Fprintf(&b, "  -> %d %.120q", x.status, x.body)
	case x.status != 0:
		fmt.Fprintf(&b, "  -> %d, not the provider's", x.status)
	default:
		b.WriteString("  -> nothing")
	}
	if x.done {
		b.WriteString("  ** done **")
	}
	return b.String()
}

// conclusive reports whether the answer to a deletion decides whether it happened: it is
// the provider's own and not a failure, or the request was refused or never sent.
func (x *exchange) conclusive() bool {
	refused := x.status >= 400 && x.status < 500 && x.status != http.StatusRequestTimeout && x.status != 499
	return !x.mayHaveArrived || !x.redialed && (refused || x.genuine && x.status < 500)
}

// one returns one of the values.
func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// chance returns true with the given probability.
func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// unlessDeleted returns a change by others that has no effect if the run has deleted its
// resource before: a fake panics then.
func unlessDeleted(change func()) func() {
	return func() {
		defer func() {
			if p := recover(); p != nil && !strings.HasPrefix(fmt.Sprint(p), "fake: ") {
				panic(p)
			}
		}()
		change()
	}
}
