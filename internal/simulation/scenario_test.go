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

// provider is a provider under test, and what can be asked of it.
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

// scenario is a double in some state, something that is asked of a client, and what
// is true of it. A deletion is one kind of scenario; whatever has a judge can be
// another.
type scenario struct {
	title  string // of the state, for people
	server *offboardtest.Server

	// do asks a client that is set as the run wants it.
	do func(context.Context, setting) error

	// kind tells what a request is for.
	kind func(*http.Request) kind

	// done reports whether what is asked for has been done at the double.
	done func() bool

	// limited: the double has a limit that a run may meet.
	limited bool

	// disturb does something at the double between two requests; nil for nothing.
	disturb func(*rand.Rand)

	// ids are what requests name resources by.
	ids []string

	// between does something at the double before every request; nil for nothing.
	between func()

	// meanwhile has others change something before a request; nil for nothing.
	meanwhile func(*network, kind)

	// judge returns what the client said, in a word or two of the table, and what
	// is wrong with that.
	judge func(*trial) (verdict string, lies []string)

	reads  bool           // nothing is to be changed, or only by a call that the judge knows
	length int            // how many requests it takes at most, mostly; 0 for a few
	counts map[string]int // what else the table counts; nil for none of a teardown
}

// setting is what the client of a run is made with.
type setting struct {
	client      *http.Client
	maxAttempts int
	maxWait     time.Duration
	rate        float64 // requests per second; 0 for no limit
}

// kind is what a request is for.
type kind string

const (
	deletion kind = "deletion"
	read     kind = "read"
	token    kind = "token"
)

// kindOf tells the kind of a request that has to do with a deletion.
func kindOf(req *http.Request) kind {
	switch path := req.URL.Path; {
	case strings.Contains(path, "/oauth/"):
		return token
	case req.Method == http.MethodDelete, strings.HasSuffix(path, "/request-delete"):
		return deletion
	}
	return read
}

// trial is what happened in a run.
type trial struct {
	exchanges []*exchange
	err       error         // what the client said
	ended     bool          // the context ended before the client said it
	overtime  time.Duration // how long after that it did
	open      int           // bodies that were not closed
	late      bool          // the work was done behind the client's back, after its request was answered
	limited   bool          // the client may not send as it likes
	pending   *pending      // work that is still to be done behind the client's back
	throttled bool          // the caller has set a limit, and the provider none
	took      time.Duration
	on        map[string]bool // the new kinds of faults
}

// blind reports whether the credential saw nothing from some time on.
func (t *trial) blind() bool {
	return slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return x.blind })
}

// befell reports whether a kind of the new faults befell a request.
func (t *trial) befell(kind string) bool {
	return slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return strings.HasPrefix(x.fault, kind) })
}

// strict reports whether an undocumented success is no excuse: a read decides.
func (t *trial) strict() bool { return t.on[openSuccess] || t.on[unreadable] || t.on[accepted] }

// exchange is one request, and what the client has seen of it.
type exchange struct {
	at      time.Duration // since the run began
	kind    kind
	path    string
	fault   string // what befell it; "" for nothing
	led     bool   // a redirect led to it
	reached bool   // it may have reached the provider, as far as a client can know
	status  int    // that the client has seen; 0 for none
	genuine bool   // the answer is the provider's own, and whole
	whole   bool   // every byte of it came, although perhaps its end did not
	body    []byte
	did     bool // what is asked for was done in its course

	number   int  // of the requests before it
	blind    bool // the credential sees nothing
	redialed bool // the transport has sent the request twice
	harmless bool // the fault does not keep a teardown from ending well
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
	if x.did {
		b.WriteString("  ** done **")
	}
	return b.String()
}

// telling reports whether the answer to a deletion says whether it was done: it is
// the provider's own and no failure, or the request was refused or never sent.
func (x *exchange) telling() bool {
	refused := x.status >= 400 && x.status < 500 && x.status != http.StatusRequestTimeout && x.status != 499
	return !x.reached || !x.redialed && (refused || x.genuine && x.status < 500)
}

// one picks one of several.
func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// chance is true that often.
func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }
