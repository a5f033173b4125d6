package simulation

import (
	"flag"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
)

// kindNames are the kinds of faults that can be chosen. Those without a name, in faults,
// are always on.
var kindNames = []string{
	accepted, contradicted, duplicated, unreadable, ignored, otherPage, repeatedPage, shiftedPage, cappedPages, wrongHints,
	droppedHeader, cached, otherNotFound, listNotFound, emptyRefusal, noAccess, created, recreated, renamed, takenOver,
	brokenAfterHandshake, redialedInVain, redialed, longWait, outage, stuckTask, openSuccess, clockOff, innerCode,
	silentTransport,
}

const (
	accepted             = "accepted"               // with another status, or without the documented body
	contradicted         = "contradicted"           // a success with an error next to it
	duplicated           = "duplicated"             // a read with a member twice, in another case
	unreadable           = "unreadable"             // a success that is no JSON, or ends too early
	ignored              = "ignored"                // accepted and never started
	otherPage            = "other-page"             // than the one that was requested
	repeatedPage         = "repeated-page"          // the server ignores the number of the page
	shiftedPage          = "shifted-page"           // an item of an earlier page disappeared
	cappedPages          = "capped-pages"           // the server's largest page is smaller than the requested one
	wrongHints           = "wrong-hints"            // totals, hasNext, next links
	droppedHeader        = "dropped-header"         // which names the organization
	cached               = "cached"                 // an answer with an Age
	otherNotFound        = "other-not-found"        // a 404 about another resource
	listNotFound         = "list-not-found"         // a 404 of one list
	emptyRefusal         = "empty-refusal"          // a 4xx with an empty body, or a firewall's page, on reads
	noAccess             = "no-access"              // a credential that sees nothing, from the start or from some time on
	created              = "created"                // by others, during a step
	recreated            = "recreated"              // by others, under the same name
	renamed              = "renamed"                // by others
	takenOver            = "taken-over"             // a subdomain or slug that another organization registers
	brokenAfterHandshake = "broken-after-handshake" // with an error that looks like "not sent"
	redialedInVain       = "redialed-in-vain"       // the transport connects again by itself, which is refused
	redialed             = "redialed"               // the transport connects and sends again by itself
	longWait             = "long-wait"              // the run takes days
	outage               = "outage"                 // refusals that last minutes
	stuckTask            = "stuck-task"             // a task that stays "running"
	openSuccess          = "open-success"           // an undocumented 2xx or 3xx to the organization's deletion: a read decides
	clockOff             = "clock-off"              // the client's clock
	innerCode            = "inner-code"             // errors.Is matches the code of an OutcomeUnknown's inner error
	silentTransport      = "silent-transport"       // does not report its connections, and refuses some
)

var kindsFlag = flag.String("kinds", "", "the `kinds` of new faults that are on, separated by commas, or none; all without it")

// kindsOn returns the kinds that a flag names.
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
			panic("no such kind of fault: " + name)
		}
		on[name] = true
	}
	return on
}

// streams are the random numbers of a run. Each use has a stream of its own, which is
// named, so that a client that sends one request more, or a kind of fault that is
// off, does not change the rest of the run.
type streams struct {
	provider string
	seed     uint64
}

func (s streams) of(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s.provider+"/"+name)
	return rand.New(rand.NewPCG(s.seed, h.Sum64()))
}
