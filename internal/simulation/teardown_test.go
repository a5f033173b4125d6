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

// teardownCase is the actual state of an organization with blockers that a client tears
// down.
type teardownCase struct {
	organization
	name      string // the confirmed name
	overrides []teardown.Override
	outcome   teardown.Outcome // of a successful run

	// credentialEnds is true if the credential ends with the organization, so that the plan
	// cannot be applied a second time.
	credentialEnds bool

	// disappear removes a resource after the plan was made; nil for none.
	disappear func()

	// isDeletion reports whether a request deletes the organization itself, and
	// aboutOrganization whether a read is about it.
	isDeletion        func(*http.Request) bool
	aboutOrganization func(*exchange) bool

	// resolveManual does the manual steps; nil if the plan has none.
	resolveManual func()

	// remains reports whether the resource of a step exists at the fake. A resource that
	// was deleted along with another one does not remain.
	remains func(teardown.Step) bool

	// unrelated describes all resources of the fake outside of the organization.
	unrelated func() string

	// create creates a resource in the organization, as others do; nil for none. recreation
	// is a resource that others create again after its deletion.
	create     func()
	recreation *recreation

	// rename renames the organization, as others do; nil for none.
	rename func()

	// newClient makes a client.
	newClient func(setting) (teardownClient, error)

	server http.RoundTripper // the fake, without faults
}

// recreation is a resource that others create again under the same name.
type recreation struct {
	step   string // the prefix of its step ID
	path   string // a part of the paths of its requests
	exists func() bool
	create func()
}

// teardownClient has the calls of a client that make and apply plans, for one organization.
type teardownClient struct {
	plan     func(context.Context) (*teardown.Plan, error)
	teardown func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)
}

// The outcomes of a teardown, as the table names them.
const (
	outcomeDeleted    = string(teardown.Deleted)
	outcomePending    = string(teardown.Pending)
	outcomeBlocked    = string(teardown.Blocked)
	outcomeStopped    = string(teardown.Stopped)
	outcomeUnknown    = string(teardown.Unknown)
	outcomeNotFound   = string(teardown.NotFound)
	outcomeNotStarted = "not started"
	outcomeNoPlan     = "no plan"
)

// outcomes lists all outcomes and step states in the order of the table.
var outcomes = []string{
	outcomeDeleted, outcomePending, outcomeBlocked, outcomeStopped, outcomeUnknown, outcomeNotFound, outcomeNotStarted, outcomeNoPlan,
	stepColumn(teardown.StepDeleted), stepColumn(teardown.StepAlreadyDeleted), stepColumn(teardown.StepFailed),
	stepColumn(teardown.StepInterrupted), stepColumn(teardown.StepNotStarted), stepColumn(teardown.StepManual), resumed,
}

// resumed counts the second runs that succeeded.
const resumed = "resumed"

// stepColumn returns the column of a step state.
func stepColumn(s teardown.StepState) string {
	return "steps " + strings.ReplaceAll(string(s), "_", " ")
}

// teardownRun is one run of a teardown.
type teardownRun struct {
	*teardownCase
	plan      *teardown.Plan // made without faults, so it is correct
	planned   *teardown.Plan // made by the client under faults; nil if that failed or was not part of the run
	planErr   error
	report    *teardown.Report
	before    string // the resources outside of the organization before the run
	readsPlan bool   // the client makes a plan of its own
	partial   bool   // the run applies the other steps although manual steps remain
	timeout   time.Duration
	counts    map[string]int
	journal   bytes.Buffer

	others   string // the kind of change that others make during the run
	changeAt int    // the request before which they make it
	changed  int    // the number of requests before the change; -1 for none
}

// scenario returns the scenario of a teardown.
func (d *teardownCase) scenario(r *rand.Rand, s scenario) *scenario {
	c := &teardownRun{
		teardownCase: d, readsPlan: chance(r, 0.2), partial: d.resolveManual != nil && chance(r, 0.5),
		timeout: one(r, time.Hour, time.Hour, 10*time.Minute, time.Minute), counts: map[string]int{}, changed: -1,
	}
	c.others, c.changeAt = one(r, "", "", created, created, recreated, recreated, renamed), r.IntN(12)
	reads := d.reads
	d.reads = func(x *exchange) existence {
		if x.kind != deletion && !d.aboutOrganization(x) {
			return undecided
		}
		return reads(x)
	}
	d.server = s.server
	s.call, s.evaluate, s.counts = c.call, c.evaluate, c.counts
	s.kind, s.length = d.kindOf, 60
	s.done = func() bool { return !d.exists() }
	s.changeByOthers = c.changeByOthers
	return &s
}

// write is a request that changes a resource and does not delete the organization.
const write kind = "write"

// kindOf returns the kind of a teardown's request. A POST to Zitadel is a search.
func (d *teardownCase) kindOf(req *http.Request) kind {
	switch {
	case strings.Contains(req.URL.Path, "/oauth/"):
		return token
	case d.isDeletion(req):
		return deletion
	case req.Method == http.MethodGet, d.provider == "zitadel":
		return read
	}
	return write
}

// writes selects the requests that change something.
func writes(_ *network, k kind) bool { return k == write || k == deletion }

// withoutFaults returns the setting of a client whose requests have no faults.
func (c *teardownRun) withoutFaults(transport http.RoundTripper) setting {
	return setting{client: &http.Client{Transport: transport}}
}

// withoutJitter returns a context with constant jitter.
func withoutJitter(ctx context.Context) context.Context {
	return backoff.WithJitter(ctx, func(bound time.Duration) time.Duration { return bound / 2 })
}

func (c *teardownRun) options(partial bool, timeout time.Duration) []teardown.Option {
	overrides := slices.Clone(c.overrides)
	if partial {
		overrides = append(overrides, teardown.Partial)
	}
	// One step at a time, so that two runs with the same seed are equal.
	return []teardown.Option{
		teardown.WithConfirm(c.name), teardown.WithOverrides(overrides...), teardown.WithConcurrency(1), teardown.WithStepTimeout(timeout),
	}
}

// call makes a plan without faults and applies it under faults.
func (c *teardownRun) call(ctx context.Context, set setting) error {
	faultless, err := c.newClient(c.withoutFaults(c.server))
	if err != nil {
		return err
	}
	if c.plan, err = faultless.plan(withoutJitter(context.WithoutCancel(ctx))); err != nil {
		return fmt.Errorf("plan without faults: %w", err)
	}
	c.before = c.unrelated()
	if c.disappear != nil && !c.readsPlan {
		c.disappear()
	}
	faulty, err := c.newClient(set)
	if err != nil {
		return err
	}
	if c.readsPlan {
		c.planned, c.planErr = faulty.plan(ctx)
		if c.planErr != nil {
			return c.planErr
		}
	}
	c.report, err = faulty.teardown(ctx, c.plan, append(c.options(c.partial, c.timeout), teardown.WithJournal(&c.journal))...)
	return err
}

// changeByOthers makes the change of others before a request.
func (c *teardownRun) changeByOthers(n *network, k kind) {
	if c.changed >= 0 || !n.kinds[c.others] || c.report != nil {
		return
	}
	switch c.others {
	case created: // during a step, so that a read after the step shows it
		if c.create == nil || k != write {
			return
		}
		if c.changeAt -= 4; c.changeAt >= 0 {
			return
		}
		c.create()
	case recreated:
		if b := c.recreation; b == nil || !n.hasSent(write) || b.exists() {
			return
		}
		if k == write { // no read was possible between the two
			c.others = ""
			return
		}
		c.recreation.create()
	case renamed:
		if c.changeAt--; c.rename == nil || c.changeAt >= 0 || !c.exists() {
			return
		}
		c.rename()
	}
	c.changed = len(n.exchanges)
}

// wasChanged reports whether others changed a resource of the plan.
func (c *teardownRun) wasChanged() bool { return c.changed >= 0 }

// wasRecreated reports whether others created the resource of a step again.
func (c *teardownRun) wasRecreated(s teardown.Step) bool {
	return c.wasChanged() && c.others == recreated && strings.HasPrefix(s.ID, c.recreation.step)
}

// evaluateOthers checks the resources that others changed.
func (c *teardownRun) evaluateOthers(t *record, wrong func(string, ...any)) {
	if !c.wasChanged() || c.others == renamed {
		return
	}
	for i, x := range t.exchanges {
		if i > c.changed && x.kind == deletion && c.deleted() {
			wrong("deleted the organization with a resource that others created and the plan does not name")
			return
		}
	}
	if c.others != recreated {
		return
	}
	// Without a later read, no client can distinguish it from the earlier resource.
	known := slices.IndexFunc(t.exchanges, func(x *exchange) bool {
		return x.kind == read && x.genuine && strings.Contains(x.path, c.recreation.path) && x.number > c.changed
	})
	if !c.recreation.exists() && known >= 0 && slices.ContainsFunc(t.exchanges[known:], func(x *exchange) bool {
		return x.kind == write && strings.Contains(x.path, c.recreation.path)
	}) {
		wrong("removed the resource that others created under the same name before request %d", c.changed)
	}
}

// evaluate compares the client's report of a teardown with the actual state.
func (c *teardownRun) evaluate(t *record) (string, []string) {
	var wrongResults []string
	wrong := func(format string, args ...any) { wrongResults = append(wrongResults, fmt.Sprintf(format, args...)) }
	said := outcomeNotStarted
	switch {
	case c.plan == nil:
		wrong("%v", t.err)
		return outcomeNoPlan, wrongResults
	case c.planErr != nil:
		said = outcomeNoPlan
	case c.report != nil:
		said = string(c.report.Outcome)
	}
	for _, err := range joinedErrors(t.err) {
		if why := c.typeFault(err); why != "" {
			wrong("the error %s: %v", why, err)
		}
		c.evaluateError(t, err, wrong)
	}
	if c.planned != nil && !c.wasChanged() && !t.hasFault(shiftedPage) && !sameSteps(c.planned.Steps, c.plan.Steps) {
		wrong("a plan that was made under faults has other steps")
	}
	if c.report == nil {
		if t.err == nil {
			wrong("returned neither a report nor an error")
		}
		if i := slices.IndexFunc(t.exchanges, changes); i >= 0 {
			wrong("returned no report, but sent %s", t.exchanges[i].path)
		}
	} else {
		c.evaluateReport(t, wrong)
		c.evaluateSteps(t, wrong)
	}
	if c.blindRetry(t) {
		wrong("sent a second deletion after an inconclusive one without a read in between")
	}
	c.evaluateOthers(t, wrong)
	if t.kinds[longWait] && t.duration > 48*time.Hour {
		wrong("took %v", t.duration)
	}
	if t.overtime > 0 {
		wrong("continued for %v after its context had ended", t.overtime)
	}
	if t.open > 0 {
		wrong("left %d bodies open", t.open)
	}
	c.resume(t, wrong)
	if now := c.unrelated(); now != c.before {
		wrong("changed other resources from %s to %s", c.before, now)
	}
	return said, wrongResults
}

// evaluateError checks one error.
func (c *teardownRun) evaluateError(t *record, err error, wrong func(string, ...any)) {
	switch said := resultOf(err); {
	case errors.Is(err, errors.PlanStale) && !c.expired() && !c.wasChanged() && !unreadableList(t, err):
		wrong("reports a stale plan, but the plan matches the provider: %v", err)
	case said == resultRefused && !c.refused && !slices.ContainsFunc(t.exchanges, refuses):
		wrong("reports a refused credential, but nothing refused it: %v", err)
	case said == resultCanceled && !t.ended:
		wrong("reports canceled, but the context has not ended: %v", err)
	}
}

// unreadableList reports whether a plan is stale because the provider refused a list that
// the plan was made from, so that new resources cannot be excluded.
func unreadableList(t *record, err error) bool {
	return strings.Contains(err.Error(), "cannot be read now") &&
		slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return x.kind == read && x.status >= 400 })
}

// evaluateReport checks the outcome of a report.
func (c *teardownRun) evaluateReport(t *record, wrong func(string, ...any)) {
	r := c.report
	good := r.Outcome == teardown.Deleted || r.Outcome == teardown.Pending
	if (t.err == nil) != good {
		wrong("the outcome %s does not match the error %v", r.Outcome, t.err)
	}
	sent := slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return x.kind == deletion })
	left := r.Remaining()
	switch r.Outcome {
	case teardown.Deleted, teardown.Pending:
		switch {
		case r.Outcome == teardown.Deleted && c.outcome != teardown.Deleted:
			wrong("reports deleted, but this provider only accepts the request")
		case c.exists() && !(t.lostAccess() && c.hasEvidence(t)):
			wrong("reports %s, but the organization exists", r.Outcome)
		case !c.hasEvidence(t):
			wrong("reports %s without evidence", r.Outcome)
		case len(left) > 0:
			wrong("reports %s, but %s is %s", r.Outcome, left[0].ID, left[0].State)
		}
	case teardown.Unknown:
		if why := c.couldKnow(t, true); why != "" {
			wrong("reports unknown, but %s", why)
		}
	case teardown.NotFound:
		switch {
		case c.deleted():
			wrong("reports not found after it deleted the organization")
		case c.exists() && !c.hidden && !t.lostAccess():
			wrong("reports not found, but the organization exists")
		}
	case teardown.Blocked:
		// An HTML page instead of an answer proves nothing, and the error says so.
		if !c.exists() && !t.processedLate && (resultOf(t.err) != resultUnexpected || t.readDecides()) {
			wrong("reports blocked after it deleted the organization")
		}
		if len(joinedErrors(t.err)) == 0 {
			wrong("reports blocked without a reason")
		}
	case teardown.Stopped:
		if !t.ended {
			wrong("reports stopped, but nothing stopped it")
		}
		if e, _ := errors.AsType[*errors.Error](t.err); e != nil && e.Operation == "Teardown" && e.Target == r.Organization.ID {
			started := slices.ContainsFunc(r.Steps, func(s teardown.StepReport) bool { return !s.StartedAt.IsZero() })
			switch {
			case e.Code == errors.Canceled && started:
				wrong("reports canceled, but a step was started")
			case !errors.Is(t.err, context.Canceled) && !errors.Is(t.err, context.DeadlineExceeded):
				wrong("reports stopped without the error of the context")
			}
		}
		if !c.exists() && !t.processedLate && (resultOf(t.err) != resultUnexpected || t.readDecides()) {
			wrong("reports stopped after it deleted the organization")
		}
	default:
		wrong("reports the unexpected outcome %q", r.Outcome)
	}
	if sent && len(left) > 0 {
		wrong("sent the deletion of the organization, but %s is %s", left[0].ID, left[0].State)
	}
	faultless := !t.ended && !t.limited && c.timeout == time.Hour && !c.wasChanged() && !slices.ContainsFunc(t.exchanges, func(x *exchange) bool {
		// A deletion in an outage that also prevents the reads ends as unknown.
		open := x.fault == outage && x.kind == deletion && !x.conclusive()
		return open || !x.harmless && (x.fault != "" || !x.genuine || refuses(x))
	})
	switch {
	case faultless && c.resolveManual == nil && r.Outcome != c.outcome:
		wrong("reports %s without a fault: %v", r.Outcome, t.err)
	case c.resolveManual != nil && !c.partial && slices.ContainsFunc(t.exchanges, changes):
		wrong("changed a resource although manual steps remain")
	}
}

// evaluateSteps checks the steps of a report.
func (c *teardownRun) evaluateSteps(t *record, wrong func(string, ...any)) {
	deleted := map[string]bool{}
	for _, s := range c.report.Steps {
		deleted[s.ID] = s.State == teardown.StepDeleted || s.State == teardown.StepAlreadyDeleted
		c.counts[stepColumn(s.State)]++
	}
	if len(c.report.Steps) != len(c.plan.Steps) {
		wrong("the report has %d of %d steps", len(c.report.Steps), len(c.plan.Steps))
	}
	if t.lostAccess() { // a resource without access looks like a deleted one
		return
	}
	for _, s := range c.report.Steps {
		if c.wasRecreated(s.Step) {
			continue
		}
		switch s.State {
		case teardown.StepDeleted, teardown.StepAlreadyDeleted:
			if c.remains(s.Step) {
				wrong("%s is %s, but its resource exists", s.ID, s.State)
			}
		case teardown.StepFailed, teardown.StepInterrupted:
			if s.Err == nil {
				wrong("%s is %s without an error", s.ID, s.State)
			}
			if s.State == teardown.StepInterrupted && !t.ended {
				wrong("%s is interrupted, but the context has not ended", s.ID)
			}
		case teardown.StepNotStarted, teardown.StepManual:
			if !c.remains(s.Step) && !c.cascaded(s.Step) {
				wrong("%s is %s, but its resource is deleted", s.ID, s.State)
			}
			continue
		default:
			wrong("%s is %s after the run", s.ID, s.State)
		}
		if s.State == teardown.StepAlreadyDeleted {
			continue
		}
		for _, id := range s.After {
			if !deleted[id] {
				wrong("%s started before %s was deleted", s.ID, id)
			}
		}
	}
}

// cascaded reports whether a resource that the step waits for is deleted, as a disk is
// deleted along with its machine.
func (c *teardownRun) cascaded(step teardown.Step) bool {
	return slices.ContainsFunc(c.plan.Steps, func(s teardown.Step) bool {
		return slices.Contains(step.After, s.ID) && !c.remains(s)
	})
}

// resume applies the same plan without faults: the second run must succeed wherever the
// first one ended.
func (c *teardownRun) resume(t *record, wrong func(string, ...any)) {
	if t.delayed != nil {
		t.delayed.process()
	}
	if c.resolveManual != nil {
		c.resolveManual()
	}
	if c.expired() || c.wasChanged() {
		return
	}
	was := c.exists()
	var entries []teardown.Entry
	for entry, err := range teardown.ReadJournal(&c.journal) {
		if err != nil {
			wrong("the journal: %v", err)
		}
		entries = append(entries, entry)
	}
	faultless, err := c.newClient(c.withoutFaults(c.server))
	if err != nil {
		wrong("%v", err)
		return
	}
	report, err := faultless.teardown(withoutJitter(context.Background()), c.plan, append(c.options(false, time.Hour), teardown.WithResume(entries))...)
	switch {
	case !was && c.credentialEnds:
		// A deletion that the journal shows as started may have ended the credential. Only an
		// entry that states the deletion proves it.
		proved := slices.ContainsFunc(entries, func(e teardown.Entry) bool { return e.Step == "" && e.Outcome == teardown.Deleted })
		switch {
		case proved && (err != nil || report.Outcome != teardown.Deleted):
			wrong("the journal proves the deletion, but the second run returned %v", err)
		case proved:
		case err == nil || report != nil && report.Outcome != teardown.Unknown:
			wrong("the second run had a dead credential, but returned %v", err)
		}
		return
	case err != nil || report == nil || report.Outcome != c.outcome:
		wrong("the second run failed: %v", err)
		return
	case c.exists():
		wrong("the second run reports %s, but the organization exists", report.Outcome)
	case len(report.Remaining()) > 0:
		wrong("the second run reports %s, but %s is %s", report.Outcome, report.Remaining()[0].ID, report.Remaining()[0].State)
	}
	for _, s := range report.Steps {
		if c.remains(s.Step) {
			wrong("in the second run, %s is %s, but its resource exists", s.ID, s.State)
		}
	}
	c.counts[resumed]++
}

// expired reports whether the plan has expired: waits may be long.
func (c *teardownRun) expired() bool { return time.Now().After(c.plan.ExpiresAt) }

// joinedErrors returns the errors that are joined in one.
func joinedErrors(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range joined.Unwrap() {
			all = append(all, joinedErrors(err)...)
		}
		return all
	}
	return []error{err}
}

// changes reports whether a request changes something.
func changes(x *exchange) bool { return x.kind == write || x.kind == deletion }

// sameSteps reports whether two plans have the same steps.
func sameSteps(a, b []teardown.Step) bool {
	return slices.EqualFunc(a, b, func(a, b teardown.Step) bool {
		return a.ID == b.ID && a.Name == b.Name && a.Manual == b.Manual && slices.Equal(a.Requires, b.Requires) && slices.Equal(a.After, b.After)
	})
}
