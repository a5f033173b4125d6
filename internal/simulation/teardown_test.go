package simulation

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/backoff"
	"github.com/offboard-dev/offboard-go/teardown"
)

// demolition is what is true of an organization that is to be torn down, with what
// stands in its way.
type demolition struct {
	organization
	name    string // that is confirmed
	permits []teardown.Override
	outcome teardown.Outcome // of an end that is good

	// ends: the credential is dead with the organization, so that the plan cannot be
	// carried out a second time.
	ends bool

	// vanish has something go by itself after the plan was taken; nil for nothing.
	vanish func()

	// deletes reports whether a request is for the deletion of the organization itself,
	// and about whether a read is about it.
	deletes func(*http.Request) bool
	about   func(*exchange) bool

	// hands does what no API can; nil for nothing, and then no step of the plan is by
	// hand.
	hands func()

	// stands reports whether what a step is about is at the double. One that has gone
	// along with something else does not stand.
	stands func(teardown.Step) bool

	// rest is all that the double has beside the organization.
	rest func() string

	// create has others create something in the organization; nil for nothing. comesBack
	// is what they create again once it is gone: whether it stands, and what creates it.
	create    func()
	comesBack *comesBack

	// rename has others rename the organization; nil for nothing.
	rename func()

	// use makes a client.
	use func(setting) (crew, error)

	server http.RoundTripper // the double, with nothing in between
}

// comesBack is something that others create again under the same name.
type comesBack struct {
	step   string // its id begins so
	path   string // is in the paths of requests about it
	stands func() bool
	create func()
}

// crew is what of a client has to do with plans, for one organization.
type crew struct {
	plan     func(context.Context) (*teardown.Plan, error)
	teardown func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)
}

// What a client can say of a teardown, in the words of the table.
const (
	saysGone     = string(teardown.Deleted)
	saysPending  = string(teardown.Pending)
	saysHalted   = string(teardown.Blocked)
	saysUnclear  = string(teardown.Unknown)
	saysAbsent   = string(teardown.NotFound)
	saysNotBegun = "not begun"
	saysNoPlan   = "no plan"
)

// endings are all of them, and what became of the steps, in the order of the table.
var endings = []string{
	saysGone, saysPending, saysHalted, saysUnclear, saysAbsent, saysNotBegun, saysNoPlan,
	stepWord(teardown.StepDeleted), stepWord(teardown.StepAlreadyDeleted), stepWord(teardown.StepFailed),
	stepWord(teardown.StepInterrupted), stepWord(teardown.StepNotStarted), stepWord(teardown.StepManual), saysAgain,
}

// saysAgain counts the second executions that ended well.
const saysAgain = "well again"

// stepWord is how the table calls a state of steps.
func stepWord(s teardown.StepState) string {
	return "steps " + strings.ReplaceAll(string(s), "_", " ")
}

// carrying is a teardown that is carried out.
type carrying struct {
	*demolition
	plan    *teardown.Plan // the truth: it was taken when nothing went wrong
	planned *teardown.Plan // by the client; nil when that failed, or it was not asked for
	planErr error
	report  *teardown.Report
	before  string // what there was beside the organization
	asked   bool   // the client was asked for a plan of its own
	partial bool   // what can be done is to be done, although hands are needed
	timeout time.Duration
	counts  map[string]int
	journal bytes.Buffer

	others  string // the kind of change that others make during the run
	turn    int    // the request before which they do
	changed int    // the number of requests before the change; -1 for none
}

// scenario makes a teardown of it.
func (d *demolition) scenario(r *rand.Rand, s scenario) *scenario {
	c := &carrying{
		demolition: d, asked: chance(r, 0.2), partial: d.hands != nil && chance(r, 0.5),
		timeout: one(r, time.Hour, time.Hour, 10*time.Minute, time.Minute), counts: map[string]int{}, changed: -1,
	}
	c.others, c.turn = one(r, "", "", created, created, recreated, recreated, renamed), r.IntN(12)
	reads := d.reads
	d.reads = func(x *exchange) existence {
		if x.kind != deletion && !d.about(x) {
			return nothing
		}
		return reads(x)
	}
	d.server = s.server
	s.do, s.judge, s.counts = c.do, c.judge, c.counts
	s.kind, s.length = d.kindOf, 60
	s.done = func() bool { return !d.exists() }
	s.meanwhile = c.meanwhile
	return &s
}

// write is a request that changes something and is no deletion of the organization.
const write kind = "write"

// kindOf tells the kind of a request that has to do with a teardown. What Zitadel is
// asked by POST are searches.
func (d *demolition) kindOf(req *http.Request) kind {
	switch {
	case strings.Contains(req.URL.Path, "/oauth/"):
		return token
	case d.deletes(req):
		return deletion
	case req.Method == http.MethodGet, d.provider == "zitadel":
		return read
	}
	return write
}

// writes are befallen, or what changes something in general.
func writes(_ *network, k kind) bool { return k == write || k == deletion }

// calm is the setting of a client without faults.
func (c *carrying) calm(transport http.RoundTripper) setting {
	return setting{client: &http.Client{Transport: transport}}
}

// steady has no random jitter.
func steady(ctx context.Context) context.Context {
	return backoff.WithJitter(ctx, func(bound time.Duration) time.Duration { return bound / 2 })
}

func (c *carrying) options(partial bool, timeout time.Duration) []teardown.Option {
	permits := slices.Clone(c.permits)
	if partial {
		permits = append(permits, teardown.Partial)
	}
	// One after the other, for a run has to be the same whenever it is made.
	return []teardown.Option{
		teardown.WithConfirm(c.name), teardown.WithOverrides(permits...), teardown.WithConcurrency(1), teardown.WithStepTimeout(timeout),
	}
}

// do takes a plan when nothing goes wrong, and carries it out when everything may.
func (c *carrying) do(ctx context.Context, set setting) error {
	calm, err := c.use(c.calm(c.server))
	if err != nil {
		return err
	}
	if c.plan, err = calm.plan(steady(context.WithoutCancel(ctx))); err != nil {
		return fmt.Errorf("no plan when nothing goes wrong: %w", err)
	}
	c.before = c.rest()
	if c.vanish != nil && !c.asked {
		c.vanish()
	}
	troubled, err := c.use(set)
	if err != nil {
		return err
	}
	if c.asked {
		c.planned, c.planErr = troubled.plan(ctx)
		if c.planErr != nil {
			return c.planErr
		}
	}
	c.report, err = troubled.teardown(ctx, c.plan, append(c.options(c.partial, c.timeout), teardown.WithJournal(&c.journal))...)
	return err
}

// meanwhile makes the change of others, before a request.
func (c *carrying) meanwhile(n *network, k kind) {
	if c.changed >= 0 || !n.on[c.others] || c.report != nil {
		return
	}
	switch c.others {
	case created: // during a step, so that a read after the step shows it
		if c.create == nil || k != write {
			return
		}
		if c.turn -= 4; c.turn >= 0 {
			return
		}
		c.create()
	case recreated:
		if b := c.comesBack; b == nil || !n.asked(write) || b.stands() {
			return
		}
		if k == write { // nothing could be read in between
			c.others = ""
			return
		}
		c.comesBack.create()
	case renamed:
		if c.turn--; c.rename == nil || c.turn >= 0 || !c.exists() {
			return
		}
		c.rename()
	}
	c.changed = len(n.exchanges)
}

// wasChanged reports whether others changed what the plan is about.
func (c *carrying) wasChanged() bool { return c.changed >= 0 }

// backAgain reports whether a step is about what others created again.
func (c *carrying) backAgain(s teardown.Step) bool {
	return c.wasChanged() && c.others == recreated && strings.HasPrefix(s.ID, c.comesBack.step)
}

// judgeOthers judges what became of the changes of others.
func (c *carrying) judgeOthers(t *trial, lie func(string, ...any)) {
	if !c.wasChanged() || c.others == renamed {
		return
	}
	for i, x := range t.exchanges {
		if i > c.changed && x.kind == deletion && c.deleted() {
			lie("the organization was deleted with something that others created and the plan does not name")
			return
		}
	}
	if c.others != recreated {
		return
	}
	// Without a read since then, nothing tells it from what was there before.
	known := slices.IndexFunc(t.exchanges, func(x *exchange) bool {
		return x.kind == read && x.genuine && strings.Contains(x.path, c.comesBack.path) && x.number > c.changed
	})
	if !c.comesBack.stands() && known >= 0 && slices.ContainsFunc(t.exchanges[known:], func(x *exchange) bool {
		return x.kind == write && strings.Contains(x.path, c.comesBack.path)
	}) {
		lie("what others created under the same name before request %d was removed", c.changed)
	}
}

// judge compares what a client says of a teardown with what is true.
func (c *carrying) judge(t *trial) (string, []string) {
	var lies []string
	lie := func(format string, args ...any) { lies = append(lies, fmt.Sprintf(format, args...)) }
	said := saysNotBegun
	switch {
	case c.plan == nil:
		lie("%v", t.err)
		return saysNoPlan, lies
	case c.planErr != nil:
		said = saysNoPlan
	case c.report != nil:
		said = string(c.report.Outcome)
	}
	for _, err := range leaves(t.err) {
		if why := c.untyped(err); why != "" {
			lie("the failure %s: %v", why, err)
		}
		c.judgeError(t, err, lie)
	}
	if c.planned != nil && !c.wasChanged() && !t.befell(shiftedPage) && !sameSteps(c.planned.Steps, c.plan.Steps) {
		lie("a plan that was read through faults has other steps")
	}
	if c.report == nil {
		if t.err == nil {
			lie("there is neither a report nor an error")
		}
		if i := slices.IndexFunc(t.exchanges, alters); i >= 0 {
			lie("it says that nothing was begun, and sent %s", t.exchanges[i].path)
		}
	} else {
		c.judgeReport(t, lie)
		c.judgeSteps(t, lie)
	}
	if c.blind(t) {
		lie("a second deletion was sent after one whose answer told nothing, and nothing was read in between")
	}
	c.judgeOthers(t, lie)
	if t.on[longWait] && t.took > 48*time.Hour {
		lie("it took %v", t.took)
	}
	if t.overtime > 0 {
		lie("it went on for %v after its context had ended", t.overtime)
	}
	if t.open > 0 {
		lie("%d bodies were left open", t.open)
	}
	c.again(t, lie)
	if now := c.rest(); now != c.before {
		lie("something else was changed: there was %s, and is %s", c.before, now)
	}
	return said, lies
}

// judgeError judges one failure by itself.
func (c *carrying) judgeError(t *trial, err error, lie func(string, ...any)) {
	switch said := verdict(err); {
	case errors.Is(err, errors.PlanStale) && !c.expired() && !c.wasChanged() && !unread(t, err):
		lie("it says that the plan is stale, and it is the truth: %v", err)
	case said == saysRefused && !c.refused && !slices.ContainsFunc(t.exchanges, refuses):
		lie("it says that it was refused, and nobody refused it: %v", err)
	case said == saysCanceled && !t.ended:
		lie("it says canceled, and the context has not ended: %v", err)
	}
}

// unread reports whether a plan is stale because a list that it was made by was refused,
// which hides what may be new.
func unread(t *trial, err error) bool {
	return strings.Contains(err.Error(), "cannot be read now") &&
		slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return x.kind == read && x.status >= 400 })
}

// judgeReport judges what is said of the organization.
func (c *carrying) judgeReport(t *trial, lie func(string, ...any)) {
	r := c.report
	good := r.Outcome == teardown.Deleted || r.Outcome == teardown.Pending
	if (t.err == nil) != good {
		lie("the outcome is %s, and the error %v", r.Outcome, t.err)
	}
	sent := slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return x.kind == deletion })
	left := r.Remaining()
	switch r.Outcome {
	case teardown.Deleted, teardown.Pending:
		switch {
		case r.Outcome == teardown.Deleted && c.outcome != teardown.Deleted:
			lie("it says gone, which this provider never does at once")
		case c.exists() && !(t.blind() && c.evident(t)):
			lie("it says %s, and it is not", r.Outcome)
		case !c.evident(t):
			lie("it says %s, and has seen nothing that says so", r.Outcome)
		case len(left) > 0:
			lie("it says %s, and that %s is %s", r.Outcome, left[0].ID, left[0].State)
		}
	case teardown.Unknown:
		if why := c.knowable(t, true); why != "" {
			lie("it says unknown, and %s", why)
		}
	case teardown.NotFound:
		switch {
		case c.deleted():
			lie("it says not found of what it deleted itself")
		case c.exists() && !c.hidden && !t.blind():
			lie("it says not found, and it is there")
		}
	case teardown.Blocked:
		// A page for an answer tells nothing, and says so.
		if !c.exists() && !t.late && (verdict(t.err) != saysUnexpected || t.strict()) {
			lie("it says blocked of what it deleted")
		}
		if len(leaves(t.err)) == 0 {
			lie("it says blocked, and not by what")
		}
	case teardown.Stopped:
		if !t.ended {
			lie("it says stopped, and nothing stopped it")
		}
		if !c.exists() && !t.late && (verdict(t.err) != saysUnexpected || t.strict()) {
			lie("it says stopped of what it deleted")
		}
	default:
		lie("it says %q", r.Outcome)
	}
	if sent && len(left) > 0 {
		lie("the organization was to be deleted although %s is %s", left[0].ID, left[0].State)
	}
	calm := !t.ended && !t.limited && c.timeout == time.Hour && !c.wasChanged() && !slices.ContainsFunc(t.exchanges, func(x *exchange) bool {
		// A deletion in an outage that also keeps the reads from deciding ends as unknown.
		open := x.fault == outage && x.kind == deletion && !x.telling()
		return open || !x.harmless && (x.fault != "" || !x.genuine || refuses(x))
	})
	switch {
	case calm && c.hands == nil && r.Outcome != c.outcome:
		lie("nothing went wrong, and the outcome is %s: %v", r.Outcome, t.err)
	case c.hands != nil && !c.partial && slices.ContainsFunc(t.exchanges, alters):
		lie("something was touched although hands are needed")
	}
}

// judgeSteps judges what is said of what stands in the way.
func (c *carrying) judgeSteps(t *trial, lie func(string, ...any)) {
	gone := map[string]bool{}
	for _, s := range c.report.Steps {
		gone[s.ID] = s.State == teardown.StepDeleted || s.State == teardown.StepAlreadyDeleted
		c.counts[stepWord(s.State)]++
	}
	if len(c.report.Steps) != len(c.plan.Steps) {
		lie("%d steps of %d are in the report", len(c.report.Steps), len(c.plan.Steps))
	}
	if t.blind() { // what a credential does not see is not to be told from what is gone
		return
	}
	for _, s := range c.report.Steps {
		if c.backAgain(s.Step) {
			continue
		}
		switch s.State {
		case teardown.StepDeleted, teardown.StepAlreadyDeleted:
			if c.stands(s.Step) {
				lie("%s is %s, and it is there", s.ID, s.State)
			}
		case teardown.StepFailed, teardown.StepInterrupted:
			if s.Err == nil {
				lie("%s is %s, and not by what", s.ID, s.State)
			}
			if s.State == teardown.StepInterrupted && !t.ended {
				lie("%s is interrupted, and the context has not ended", s.ID)
			}
		case teardown.StepNotStarted, teardown.StepManual:
			if !c.stands(s.Step) && !c.wentAlong(s.Step) {
				lie("%s is %s, and it is gone", s.ID, s.State)
			}
			continue
		default:
			lie("%s is %s when all is over", s.ID, s.State)
		}
		if s.State == teardown.StepAlreadyDeleted {
			continue
		}
		for _, id := range s.After {
			if !gone[id] {
				lie("%s was begun before %s was gone", s.ID, id)
			}
		}
	}
}

// wentAlong reports whether something that a step goes after is gone, as a disk is
// with its machine although nobody has touched it.
func (c *carrying) wentAlong(step teardown.Step) bool {
	return slices.ContainsFunc(c.plan.Steps, func(s teardown.Step) bool {
		return slices.Contains(step.After, s.ID) && !c.stands(s)
	})
}

// again carries the same plan out when nothing goes wrong any more: it has to end
// well, wherever the first time has ended, and nothing may be half-known.
func (c *carrying) again(t *trial, lie func(string, ...any)) {
	if t.pending != nil {
		t.pending.work()
	}
	if c.hands != nil {
		c.hands()
	}
	if c.expired() || c.wasChanged() {
		return
	}
	was := c.exists()
	var entries []teardown.Entry
	for entry, err := range teardown.ReadJournal(&c.journal) {
		if err != nil {
			lie("the journal: %v", err)
		}
		entries = append(entries, entry)
	}
	calm, err := c.use(c.calm(c.server))
	if err != nil {
		lie("%v", err)
		return
	}
	report, err := calm.teardown(steady(context.Background()), c.plan, append(c.options(false, time.Hour), teardown.WithResume(entries))...)
	switch {
	case !was && c.ends:
		// What the journal shows to be started may have ended the credential.
		if err == nil || report != nil && report.Outcome != teardown.Unknown {
			lie("carried out again with a dead credential: %v", err)
		}
		return
	case err != nil || report == nil || report.Outcome != c.outcome:
		lie("carried out again: %v", err)
		return
	case c.exists():
		lie("carried out again it says %s, and it is not", report.Outcome)
	case len(report.Remaining()) > 0:
		lie("carried out again it says %s, and that %s is %s", report.Outcome, report.Remaining()[0].ID, report.Remaining()[0].State)
	}
	for _, s := range report.Steps {
		if c.stands(s.Step) {
			lie("carried out again %s is %s, and it is there", s.ID, s.State)
		}
	}
	c.counts[saysAgain]++
}

// expired reports whether the plan is too old by now: waits may be long.
func (c *carrying) expired() bool { return time.Now().After(c.plan.ExpiresAt) }

// leaves are the failures that are joined in one.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range joined.Unwrap() {
			all = append(all, leaves(err)...)
		}
		return all
	}
	return []error{err}
}

// alters reports whether a request is to change something.
func alters(x *exchange) bool { return x.kind == write || x.kind == deletion }

// sameSteps reports whether two plans have the same steps.
func sameSteps(a, b []teardown.Step) bool {
	return slices.EqualFunc(a, b, func(a, b teardown.Step) bool {
		return a.ID == b.ID && a.Name == b.Name && a.Manual == b.Manual && slices.Equal(a.Requires, b.Requires) && slices.Equal(a.After, b.After)
	})
}
