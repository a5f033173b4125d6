package fleet

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/confirmation"
	"github.com/offboard-dev/offboard-go/teardown"
)

// activities are the parts of the workflows that read and write.
type activities struct {
	config  Config
	indexes cached[[]Ref] // of manifests
	pages   cached[Manifest]
	plans   cached[teardown.Plan]
}

// leased returns the form of an activity that Temporal calls. The activity acts under a lease. Its
// context ends when the workflow is canceled. The text of its error is logged, because the history does
// not contain it.
func leased[In, Out any](a *activities, f func(context.Context, *lease, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) {
		return underLease(ctx, a, func(leaseCtx context.Context, l *lease, in In) (Out, error) {
			reading, cancel := endingWith(ctx, leaseCtx)
			defer cancel()
			return f(reading, l, in)
		}, in)
	}
}

// endingWith returns the activity's context, which ends also with the lease.
func endingWith(ctx, leaseCtx context.Context) (context.Context, func()) {
	both, cancel := context.WithCancelCause(ctx)
	unlink := context.AfterFunc(leaseCtx, func() { cancel(context.Cause(leaseCtx)) })
	return both, func() {
		unlink()
		cancel(nil)
	}
}

// stoppable is leased for an activity that deletes. When the workflow is canceled, its context does not
// end: requests in flight finish, nothing more starts, and the report is stored.
func stoppable[In, Out any](a *activities, f func(context.Context, *lease, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) { return underLease(ctx, a, f, in) }
}

func underLease[In, Out any](ctx context.Context, a *activities, f func(context.Context, *lease, In) (Out, error), in In) (Out, error) {
	leaseCtx, l := newLease(ctx, a.config.Heartbeat, a.config.record)
	defer l.end()
	out, err := f(leaseCtx, l, in)
	if err == nil {
		return out, nil
	}
	info := activity.GetInfo(ctx)
	a.config.Logger.WarnContext(ctx, "the activity failed", "activity", info.ActivityType.Name, "workflow", info.WorkflowExecution.ID,
		"attempt", info.Attempt, "code", string(errors.CodeOf(err)), "error", err)
	if context.Cause(leaseCtx) != nil {
		return *new(Out), activityError(leaseCtx, err)
	}
	if errors.Is(err, errors.UnexpectedResponse) && info.Attempt < maxListAttempts {
		// The pages of a list contradict each other if something was removed between two of them.
		err = &errors.Error{Operation: "Teardown", Code: errors.Unavailable, Err: err}
	}
	return *new(Out), activityError(ctx, err)
}

// subject is what an activity acts on.
type subject struct {
	page  *Manifest
	entry Entry // with the ID of the organization, if it is known
	ids   ids
	offboard.Organization
}

// open opens the organization of an entry.
func (a *activities) open(ctx context.Context, ref entryRef) (*subject, error) {
	p, err := a.pages.get(ctx, a.config.Store, ref.Page)
	if err != nil {
		return nil, err
	}
	if ref.Index < 0 || ref.Index >= len(p.Organizations) {
		return nil, invalid("the page has no organization %d", ref.Index)
	}
	e := p.Organizations[ref.Index]
	e.Organization = cmp.Or(ref.IDs.Organization, e.Organization)
	o, err := a.config.Open(ctx, e.Spec())
	if err != nil {
		return nil, err
	}
	return &subject{p, e, ref.IDs, o}, nil
}

// options returns the options of a teardown, for all its parts.
func (a *activities) options(ctx context.Context, s *subject, p *teardown.Plan, l *lease, entries []teardown.Entry) []teardown.Option {
	confirm := s.entry.Confirm
	if confirm == "" && s.page.Policy.Approvals > 0 { // people have approved the plan and its name
		confirm = confirmation.Value(p.Organization.Name, p.Organization.ID)
	}
	// What is in flight finishes if the workflow is canceled, or if the worker ends and another one
	// continues.
	stopping, stop := context.WithCancel(l.activity)
	go func() {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
		case <-ctx.Done():
		}
		stop()
	}()
	allow, deny := s.lists()
	options := []teardown.Option{
		teardown.WithConfirm(confirm), teardown.WithOverrides(s.entry.Override...), teardown.WithDeny(deny...),
		teardown.WithJournalWriter(leasedJournal{a.config.Journal, l}), teardown.WithResume(entries),
		teardown.WithStop(stopping.Done()), teardown.WithLease(l.permit), teardown.WithPlanTTL(math.MaxInt64),
	}
	if len(allow) > 0 {
		options = append(options, teardown.WithAllow(allow...))
	}
	if len(p.Steps) > minChunkSize {
		options = append(options, teardown.WithMaxStarted(maxStarted))
	}
	if a.config.Concurrency > 0 {
		options = append(options, teardown.WithConcurrency(a.config.Concurrency))
	}
	return options
}

// planned is a plan that waits for approvals.
type planned struct {
	Plan        Ref    `json:"plan"`
	Digest      string `json:"digest"`
	Steps       int    `json:"steps"`
	Differences *Ref   `json:"differences,omitempty"` // from the plan that was approved before

	Overrides []teardown.Override `json:"overrides,omitempty"` // that the manifest permits
	Missing   []teardown.Override `json:"missing,omitempty"`   // that the plan requires in addition
}

// ended is the result of a teardown.
type ended struct {
	Outcome teardown.Outcome `json:"outcome"`
	Code    errors.Code      `json:"code,omitempty"`
	Report  Ref              `json:"report"`
	Deleted int              `json:"deleted"` // steps
}

// planResult is the result of the activities that may find out that an organization waits for
// an approval, or is ended.
type planResult struct {
	Planned *planned `json:"planned,omitempty"`
	Ended   *ended   `json:"ended,omitempty"`
}

// plan makes a plan and stores it.
func (a *activities) plan(ctx context.Context, l *lease, ref entryRef) (planResult, error) {
	s, err := a.open(ctx, ref)
	if err != nil {
		return planResult{}, err
	}
	return a.planFor(ctx, s, l, func(*teardown.Plan) []teardown.Difference { return nil })
}

// planFor makes a plan and stores it, with its differences from a plan that was approved before.
func (a *activities) planFor(ctx context.Context, s *subject, l *lease, differences func(now *teardown.Plan) []teardown.Difference) (planResult, error) {
	p, err := s.Plan(ctx)
	if errors.Is(err, errors.OrganizationNotFound) {
		return a.notFound(ctx, s, err)
	}
	if err != nil {
		return planResult{}, err
	}
	if err := s.permitted(p); err != nil {
		return planResult{}, err
	}
	// What was started before has not deleted the organization. The clocks of workers may differ.
	err = leasedJournal{a.config.Journal, l}.Append(ctx, teardown.Entry{
		Time: time.Now().UTC(), Provider: p.Provider, Instance: p.Instance, Organization: p.Organization.ID, Name: p.Organization.Name,
		Plan: p.Fingerprint, Kind: teardown.EntryPlanned, Exists: p.PendingDeletion == nil,
	})
	if err != nil {
		return planResult{}, err
	}
	made, err := a.store(ctx, s, p, differences(p))
	return planResult{Planned: made}, err
}

// notFound returns the result for an organization that no read finds: deleted if the journal
// proves that a deletion was started.
func (a *activities) notFound(ctx context.Context, s *subject, notFound error) (planResult, error) {
	p := &teardown.Plan{Organization: teardown.Organization{ID: s.entry.Organization}}
	d, err := s.Driver(p)
	if err != nil {
		return planResult{}, err
	}
	p.Provider, p.Instance = d.Provider()
	entries, err := a.config.Journal.Entries(ctx, p.Provider, p.Instance, p.Organization.ID)
	if err != nil {
		return planResult{}, err
	}
	r := reportOf(p, teardown.NotFound, "")
	r.Err = notFound
	if teardown.DeletionRecorded(entries, p) {
		r.Outcome, r.Err = teardown.Deleted, nil
	}
	return a.ended(ctx, r)
}

// ended stores a report and returns the result.
func (a *activities) ended(ctx context.Context, r *teardown.Report) (planResult, error) {
	ref, err := put(ctx, a.config.Store, "reports", r)
	if err != nil {
		return planResult{}, err
	}
	if a.config.Observe != nil {
		a.config.Observe(Observation{
			Provider: r.Provider, Outcome: r.Outcome, Code: errors.CodeOf(r.Err), Steps: len(r.Steps), Duration: r.FinishedAt.Sub(r.StartedAt),
		})
	}
	deleted := 0
	for _, s := range r.Steps {
		if isDeleted(s) {
			deleted++
		}
	}
	return planResult{Ended: &ended{r.Outcome, errors.CodeOf(r.Err), ref, deleted}}, nil
}

// reportOf returns the report of a plan whose steps are all in one state.
func reportOf(p *teardown.Plan, outcome teardown.Outcome, state teardown.StepState) *teardown.Report {
	r := &teardown.Report{
		Provider: p.Provider, Instance: p.Instance, Organization: p.Organization, Outcome: outcome,
		StartedAt: time.Now(), FinishedAt: time.Now(),
	}
	for _, s := range p.Steps {
		r.Steps = append(r.Steps, teardown.StepReport{Step: s, State: state})
	}
	return r
}

// store stores a plan, and its differences from the one that was approved.
func (a *activities) store(ctx context.Context, s *subject, p *teardown.Plan, differences []teardown.Difference) (*planned, error) {
	ref, err := put(ctx, a.config.Store, "plans", p)
	if err != nil {
		return nil, err
	}
	made := &planned{Plan: ref, Digest: p.Digest(), Steps: len(p.Steps), Overrides: s.entry.Override}
	made.Missing = slices.DeleteFunc(p.Overrides(), func(o teardown.Override) bool { return slices.Contains(s.entry.Override, o) })
	if len(differences) > 0 {
		d, err := put(ctx, a.config.Store, "differences", differences)
		if err != nil {
			return nil, err
		}
		made.Differences = &d
	}
	return made, nil
}

// planInput is the input of the activities that apply a plan.
type planInput struct {
	Entry entryRef `json:"entry"`
	Plan  Ref      `json:"plan"` // the approved plan, or the prepared one

	Chunk   int   `json:"chunk,omitempty"`   // of steps
	Reports []Ref `json:"reports,omitempty"` // of steps that were applied, for delete
	Blocked bool  `json:"blocked,omitempty"` // for delete: steps failed
	Stopped bool  `json:"stopped,omitempty"` // for delete: the workflow was canceled
}

// part is an organization, a plan, and the options of the activities that apply it.
type part struct {
	*subject
	plan    *teardown.Plan
	driver  teardown.Driver
	entries []teardown.Entry // about the organization
	before  *teardown.Report // of earlier attempts, by the entries; nil for none
	lease   *lease
	options []teardown.Option
}

// part returns what an activity needs to apply a part of a plan.
func (a *activities) part(ctx context.Context, in planInput, l *lease) (*part, error) {
	p, err := a.plans.get(ctx, a.config.Store, in.Plan)
	if err != nil {
		return nil, err
	}
	s, err := a.open(ctx, in.Entry)
	if err != nil {
		return nil, err
	}
	d, err := s.Driver(p)
	if err != nil {
		return nil, err
	}
	entries, err := a.config.Journal.Entries(ctx, p.Provider, p.Instance, p.Organization.ID)
	if err != nil {
		return nil, err
	}
	return &part{s, p, d, entries, teardown.Recorded(entries, p), l, a.options(ctx, s, p, l, entries)}, nil
}

// prepareResult is the result of the activity prepare.
type prepareResult struct {
	planResult
	Prepared Ref     `json:"prepared"`
	Chunks   [][]int `json:"chunks,omitempty"` // for each chunk, the ones that it comes after
	Steps    int     `json:"steps"`
}

// prepare compares the organization with the approved plan. A new resource needs an approval.
func (a *activities) prepare(ctx context.Context, l *lease, in planInput) (prepareResult, error) {
	p, err := a.part(ctx, in, l)
	if err != nil {
		return prepareResult{}, err
	}
	prepared, report, err := teardown.Prepare(ctx, p.driver, p.plan, p.options...)
	switch {
	case report != nil:
		r, err := a.ended(ctx, report)
		return prepareResult{planResult: r}, err
	case errors.Is(err, errors.PlanStale):
		r, err := a.planAgain(ctx, p, err)
		return prepareResult{planResult: r}, err
	case err != nil:
		return prepareResult{}, err
	}
	ref, err := put(ctx, a.config.Store, "plans", prepared)
	if err != nil {
		return prepareResult{}, err
	}
	r := prepareResult{Prepared: ref, Steps: len(prepared.Steps)}
	for _, c := range chunksOf(prepared.Steps, chunkSize(len(prepared.Steps))) {
		r.Chunks = append(r.Chunks, c.after)
	}
	return r, nil
}

// planAgain makes a plan because the organization has something that the approved plan lacks.
func (a *activities) planAgain(ctx context.Context, p *part, stale error) (planResult, error) {
	return a.planFor(ctx, p.subject, p.lease, func(now *teardown.Plan) []teardown.Difference {
		differences := p.plan.Diff(now)
		if len(differences) == 0 {
			// The organization matches the plan again, such as after a resource that was created
			// for a moment, or a removed one exists again. Only an approval may continue.
			for _, step := range stepsOf(stale) {
				differences = append(differences, teardown.Difference{Name: step.Name, Text: step.Description})
			}
		}
		return differences
	})
}

// stepsOf returns the steps of an error.
func stepsOf(err error) []errors.Step {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		return nil
	}
	return e.Steps
}

// stepsResult is the result of the activity steps. If the organization has something that the plan
// lacks, no step was started, and a new plan waits for an approval.
type stepsResult struct {
	planResult
	Deleted int         `json:"deleted"`
	Failed  int         `json:"failed,omitempty"`
	Code    errors.Code `json:"code,omitempty"` // of the first step that failed
	Report  Ref         `json:"report"`
}

// maxListAttempts is the number of attempts of an activity whose lists have contradictory pages: requests
// of a worker that was lost, and other people, may shorten the lists.
const maxListAttempts = 10

// steps removes the resources of a chunk.
func (a *activities) steps(ctx context.Context, l *lease, in planInput) (stepsResult, error) {
	p, err := a.part(ctx, in, l)
	if err != nil {
		return stepsResult{}, err
	}
	chunks := chunksOf(p.plan.Steps, chunkSize(len(p.plan.Steps)))
	if in.Chunk >= len(chunks) {
		return stepsResult{}, invalid("the plan has no chunk %d", in.Chunk)
	}
	report, r, err := executeSteps(ctx, p, chunks[in.Chunk].ids)
	if report == nil && errors.Is(err, errors.PlanStale) {
		r, err := a.planAgain(ctx, p, err)
		return stepsResult{planResult: r}, err
	}
	if err != nil {
		return stepsResult{}, err
	}
	if r.Report, err = put(ctx, a.config.Store, "reports", report); err != nil {
		return stepsResult{}, err
	}
	return r, nil
}

// executeSteps removes the resources of steps. The report is nil if nothing was started. Steps that
// failed are a result; the error is one that another attempt follows.
func executeSteps(ctx context.Context, p *part, ids []string) (*teardown.Report, stepsResult, error) {
	started := time.Now()
	states, err := teardown.ExecuteSteps(ctx, p.driver, p.plan, ids, p.options...)
	if states == nil && err != nil {
		return nil, stepsResult{}, err
	}
	report := &teardown.Report{
		Provider: p.plan.Provider, Instance: p.plan.Instance, Organization: p.plan.Organization, Outcome: teardown.Blocked,
		StartedAt: started, FinishedAt: time.Now(), Steps: states, Err: err,
	}
	r := stepsResult{}
	for _, s := range states {
		switch {
		case isDeleted(s):
			r.Deleted++
		case s.State == teardown.StepInterrupted && !p.lease.isCanceled():
			return report, stepsResult{}, interrupted(ctx, err)
		default:
			if r.Failed++; r.Code == "" {
				r.Code = errors.CodeOf(s.Err)
			}
		}
	}
	if r.Failed > 0 && (ends(ctx) || p.lease.journalErr() != nil) {
		return report, stepsResult{}, interrupted(ctx, err)
	}
	return report, r, nil
}

// isDeleted reports whether the resource of a step is deleted.
func isDeleted(s teardown.StepReport) bool {
	return s.State == teardown.StepDeleted || s.State == teardown.StepAlreadyDeleted
}

// apply applies the approved plan of an organization with few steps: it compares, removes the
// resources, and deletes the organization.
func (a *activities) apply(ctx context.Context, l *lease, in planInput) (planResult, error) {
	p, err := a.part(ctx, in, l)
	if err != nil {
		return planResult{}, err
	}
	steps, deletion := startedBefore(p.entries, p.plan)
	if steps || deletion { // by an attempt that ended early: what it has deleted must not be started again
		return a.resume(ctx, p, deletion)
	}
	report, err := teardown.Execute(ctx, p.driver, p.plan, p.options...)
	if report != nil && report.Outcome == teardown.Blocked && ends(ctx) {
		return planResult{}, interrupted(ctx, err)
	}
	return a.result(ctx, p, report, err)
}

// startedBefore reports whether entries show that steps, or the deletion, of a plan were started.
func startedBefore(entries []teardown.Entry, p *teardown.Plan) (steps, deletion bool) {
	for _, e := range entries {
		if e.Plan == p.Fingerprint {
			steps = steps || e.Kind == teardown.EntryStarted && e.Step != ""
			deletion = deletion || e.Kind == teardown.EntryDeletionStarted
		}
	}
	return steps, deletion
}

// resume continues an application of a plan.
func (a *activities) resume(ctx context.Context, p *part, deletion bool) (planResult, error) {
	if deletion {
		return a.end(ctx, p, nil, false)
	}
	var ids []string
	for _, s := range p.plan.Steps {
		ids = append(ids, s.ID)
	}
	report, r, err := executeSteps(ctx, p, ids)
	switch {
	case errors.Is(err, errors.PlanStale) && report == nil:
		return a.planAgain(ctx, p, err)
	case errors.Is(err, errors.OrganizationNotFound) && report == nil: // the end of a teardown knows what that means
		return a.end(ctx, p, nil, false)
	case err != nil:
		return planResult{}, err
	}
	return a.end(ctx, p, []*teardown.Report{report}, r.Failed > 0)
}

// interrupted returns the error of an activity that another attempt continues, because the worker ends
// or the journal failed, unless the workflow was canceled.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &errors.Error{Operation: "Teardown", Code: errors.Unavailable, RetryAfter: retryAfter(err), Err: fmt.Errorf("interrupted: %w", err)}
}

// delete deletes the organization, and returns the report of the whole teardown.
func (a *activities) delete(ctx context.Context, l *lease, in planInput) (planResult, error) {
	p, err := a.part(ctx, in, l)
	if err != nil {
		return planResult{}, err
	}
	var reports []*teardown.Report
	for _, ref := range in.Reports {
		r, err := get[teardown.Report](ctx, a.config.Store, ref)
		if err != nil {
			return planResult{}, err
		}
		reports = append(reports, r)
	}
	if in.Stopped {
		report := p.before
		if report == nil {
			report = unfinished(p.plan, teardown.Stopped, reports)
		}
		return a.endedOf(ctx, p, report, reports)
	}
	return a.end(ctx, p, reports, in.Blocked)
}

// end deletes the organization, unless steps failed, and returns the result of the whole teardown.
func (a *activities) end(ctx context.Context, p *part, reports []*teardown.Report, blocked bool) (planResult, error) {
	if blocked {
		outcome := teardown.Blocked
		if p.lease.isCanceled() {
			outcome = teardown.Stopped
		}
		return a.endedOf(ctx, p, unfinished(p.plan, outcome, reports), reports)
	}
	if p.before != nil && p.before.Outcome == teardown.Pending {
		// Only the report of an earlier attempt was lost. The credential may have ended since then.
		return a.endedOf(ctx, p, p.before, reports)
	}
	report, err := teardown.ExecuteDelete(ctx, p.driver, p.plan, p.options...)
	return a.result(ctx, p, report, err, reports...)
}

// result returns the result of the last part of a teardown, whose other parts have reports.
func (a *activities) result(ctx context.Context, p *part, report *teardown.Report, err error, reports ...*teardown.Report) (planResult, error) {
	switch {
	case p.lease.journalErr() != nil: // nothing was started after that, and another attempt continues
		return planResult{}, interrupted(ctx, p.lease.journalErr())
	case errors.Is(err, errors.PlanStale) && (report == nil || report.Outcome == teardown.Blocked):
		return a.planAgain(ctx, p, err)
	case report == nil:
		return planResult{}, err
	case report.Outcome == teardown.Stopped && (ends(ctx) || !p.lease.isCanceled()):
		return planResult{}, interrupted(ctx, err)
	}
	return a.endedOf(ctx, p, report, reports)
}

// endedOf stores the report of the whole teardown: what its parts and the journal know about the steps
// is added. The journal has the steps of attempts that ended early.
func (a *activities) endedOf(ctx context.Context, p *part, report *teardown.Report, reports []*teardown.Report) (planResult, error) {
	if p.before != nil {
		reports = append([]*teardown.Report{p.before}, reports...)
	}
	merge(report, reports)
	return a.ended(ctx, report)
}

// unfinished returns the report of a plan whose organization is not deleted, because steps failed
// or the workflow was canceled.
func unfinished(p *teardown.Plan, outcome teardown.Outcome, parts []*teardown.Report) *teardown.Report {
	r := reportOf(p, outcome, teardown.StepNotStarted)
	var errs []error
	for _, part := range parts {
		errs = append(errs, part.Err)
	}
	r.Err = errors.Join(errs...)
	return r
}

// merge adds to a report what the reports of its parts know about the steps.
func merge(report *teardown.Report, parts []*teardown.Report) {
	known := map[string]teardown.StepReport{}
	for _, r := range parts {
		if r.StartedAt.Before(report.StartedAt) {
			report.StartedAt = r.StartedAt
		}
		for _, s := range r.Steps {
			if s.State != teardown.StepNotStarted && !(isDeleted(s) && isDeleted(known[s.ID])) {
				known[s.ID] = s
			}
		}
	}
	for i, s := range report.Steps {
		if k, ok := known[s.ID]; ok && (s.State == teardown.StepAlreadyDeleted || s.State == teardown.StepNotStarted) {
			report.Steps[i] = k
		}
	}
}

// checkResult is the result of the activity check.
type checkResult struct {
	Deleted bool        `json:"deleted"`
	Code    errors.Code `json:"code,omitempty"` // of the read, if it proves nothing
	Report  *Ref        `json:"report,omitempty"`
}

// check reads an organization whose deletion is pending. A refused credential proves nothing: it
// may have ended with the request, before the deletion.
func (a *activities) check(ctx context.Context, l *lease, in planInput) (checkResult, error) {
	p, err := a.part(ctx, in, l)
	if err != nil {
		return checkResult{}, err
	}
	_, err = p.Identify(ctx)
	switch {
	case err == nil:
		return checkResult{}, nil
	case !errors.Is(err, errors.OrganizationNotFound) && errors.Retryable(err):
		return checkResult{}, err
	case !errors.Is(err, errors.OrganizationNotFound):
		return checkResult{Code: errors.CodeOf(err)}, nil
	}
	r, err := a.ended(ctx, reportOf(p.plan, teardown.Deleted, teardown.StepAlreadyDeleted))
	if err != nil {
		return checkResult{}, err
	}
	return checkResult{Deleted: true, Report: &r.Ended.Report}, nil
}

// remind reminds people of an organization that waits for an approval.
func (a *activities) remind(ctx context.Context, w Waiting) error {
	if a.config.Remind == nil {
		return nil
	}
	if !activity.GetInfo(ctx).IsLocalActivity { // the workflow task limits the time of a local one
		leaseCtx, l := newLease(ctx, a.config.Heartbeat, a.config.record)
		defer l.end()
		var cancel func()
		ctx, cancel = endingWith(ctx, leaseCtx)
		defer cancel()
	}
	if err := a.config.Remind(ctx, w); err != nil {
		a.config.Logger.WarnContext(ctx, "the reminder failed", "workflow", w.ID, "error", err)
		return activityError(ctx, &errors.Error{Operation: "Remind", Code: errors.Unavailable, Err: err})
	}
	return nil
}
