package simulation

import (
	"flag"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
)

// kindNames are the kinds of faults that -kinds selects. Kinds without a name, in faults,
// are always on.
var kindNames = []string{
	accepted, contradicted, duplicated, unreadable, ignored, otherPage, repeatedPage, shiftedPage, cappedPages, wrongHints,
	droppedHeader, cached, otherNotFound, listNotFound, emptyRefusal, noAccess, created, recreated, renamed, takenOver,
	brokenAfterHandshake, redialedInVain, redialed, longWait, outage, stuckTask, openSuccess, clockOff, innerCode,
	silentTransport,
}

const (
	accepted             = "accepted"               // another success status, or no documented body
	contradicted         = "contradicted"           // a success with an error member
	duplicated           = "duplicated"             // a read with a duplicate key, in another case
	unreadable           = "unreadable"             // a success that is not JSON, or is truncated
	ignored              = "ignored"                // accepted and never started
	otherPage            = "other-page"             // another page than the requested one
	repeatedPage         = "repeated-page"          // the server ignores the page number
	shiftedPage          = "shifted-page"           // an item of an earlier page disappeared
	cappedPages          = "capped-pages"           // the server's largest page is smaller than the requested one
	wrongHints           = "wrong-hints"            // wrong totals, hasNext or next links
	droppedHeader        = "dropped-header"         // the header that names the organization is dropped
	cached               = "cached"                 // an answer with an Age header
	otherNotFound        = "other-not-found"        // a 404 about another resource
	listNotFound         = "list-not-found"         // a 404 of one list
	emptyRefusal         = "empty-refusal"          // a 4xx with an empty body, or a firewall's page, on reads
	noAccess             = "no-access"              // the credential has no access, from the start or from some request on
	created              = "created"                // others create a resource during a step
	recreated            = "recreated"              // others create a resource again under the same name
	renamed              = "renamed"                // others rename the organization
	takenOver            = "taken-over"             // another organization registers the subdomain or slug
	brokenAfterHandshake = "broken-after-handshake" // the error looks like "not sent"
	redialedInVain       = "redialed-in-vain"       // the transport connects again by itself, and the connection is refused
	redialed             = "redialed"               // the transport connects and sends again by itself
	longWait             = "long-wait"              // the run takes days
	outage               = "outage"                 // refusals for minutes
	stuckTask            = "stuck-task"             // a task that stays "running"
	openSuccess          = "open-success"           // an undocumented 2xx or 3xx to the organization's deletion: a read decides
	clockOff             = "clock-off"              // the client's clock is wrong
	innerCode            = "inner-code"             // errors.Is matches the code of an OutcomeUnknown's inner error
	silentTransport      = "silent-transport"       // the transport does not report its connections, and some are refused
)

var kindsFlag = flag.String("kinds", "", "the optional `kinds` of faults that are on, separated by commas, or none; default all")

// kindsOn returns the set of kinds that a flag names.
func kindsOn(names string) map[string]bool {
	var list []string
	switch names {
	case "", "all":
		list = kindNames
	case "none":
	default:
		list = strings.Split(names, ",")
	}
	on := map[string]bool{}
	for _, name := range list {
		if !slices.Contains(kindNames, name) {
			panic("unknown kind of fault: " + name)
		}
		on[name] = true
	}
	return on
}

// streams are the random numbers of a run. Each use has its own stream, so that one request
// more, or a kind of fault that is off, does not change the rest of the run. The seed of a
// stream includes its name: another name changes all runs.
type streams struct {
	provider string
	seed     uint64
}

func (s streams) named(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s.provider+"/"+name)
	return rand.New(rand.NewPCG(s.seed, h.Sum64()))
}
