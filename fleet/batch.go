package fleet

import (
	"cmp"
	"context"
	"io/fs"
	"slices"
	"sync"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// batchInput is the input of a batch, and of each of its continuations.
type batchInput struct {
	Manifest ManifestRef `json:"manifest"`
	Page     int         `json:"page"`
	Started  BatchState  `json:"started"`
}

// BatchState is the progress of a batch. Each organization of the manifest counts once: as Started,
// Running or Failed.
type BatchState struct {
	// Organizations is the number of organizations of the manifest.
	Organizations int `json:"organizations"`

	// Started is the number of workflows that the batch has started.
	Started int `json:"started"`

	// Running is the number of organizations whose workflow ran already. It continues, with the
	// manifest that started it.
	Running int `json:"running"`

	// Failed is the number of organizations whose workflow the batch could not start.
	Failed int `json:"failed,omitempty"`

	// Failures lists the first of them, at most 20.
	Failures []BatchFailure `json:"failures,omitempty"`

	// Status is that of Temporal, as in [Listed]. [BatchStatus] sets it.
	Status string `json:"status,omitempty"`

	// Code is the code of the error with which the workflow of the batch failed; "" if it did not
	// fail, or the error has no code: the log of the worker has its text. [BatchStatus] sets it.
	Code errors.Code `json:"code,omitempty"`

	// Closed is the time of the batch's end; zero if it runs. [BatchStatus] sets it.
	Closed time.Time `json:"closed,omitzero"`
}

// BatchFailure is an organization whose workflow a batch could not start. The log of the worker has
// the text of the error.
type BatchFailure struct {
	// Entry is the number of the organization in the manifest, from 1 on.
	Entry int `json:"entry"`

	// Organization is [Entry.Organization].
	Organization string `json:"organization"`

	// Code is the code of the error, such as [errors.Unauthenticated] for a credential that the
	// worker does not have, and [errors.Conflict] for an organization that is in the manifest twice.
	Code errors.Code `json:"code"`
}

// add adds the result of a page.
func (s *BatchState) add(p pageResult) {
	s.Started += p.Started
	s.Running += p.Running
	s.Failed += p.Failed
	s.Failures = append(s.Failures, p.Failures...)
	s.Failures = s.Failures[:min(len(s.Failures), maxFailures)]
}

// maxFailures is the number of failures that a batch keeps.
const maxFailures = 20

// batchWorkflow is the workflow of a batch.
type batchWorkflow struct{ heartbeat time.Duration }

// run starts a workflow for each organization of a manifest, page by page, and ends. The
// workflows do not depend on it.
func (w batchWorkflow) run(ctx workflow.Context, in batchInput) (BatchState, error) {
	in.Started.Organizations = in.Manifest.Organizations
	if err := workflow.SetQueryHandler(ctx, queryState, func() (BatchState, error) { return in.Started, nil }); err != nil {
		return in.Started, err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: activityTime, StartToCloseTimeout: time.Hour, HeartbeatTimeout: w.heartbeat,
		WaitForCancellation: true, // nothing starts after the end of the batch
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
	before := in.Started.Started + in.Started.Running + in.Started.Failed
	var p pageResult
	err := workflow.ExecuteActivity(ctx, activityPage, pageInput{in.Manifest.Index, in.Page, before}).Get(ctx, &p)
	in.Started.add(p)
	in.Page++
	switch {
	case p.Canceled || ctx.Err() != nil && (err != nil || in.Page < in.Manifest.Pages):
		return in.Started, temporal.NewCanceledError()
	case err != nil:
		return in.Started, err
	case in.Page < in.Manifest.Pages:
		return in.Started, workflow.NewContinueAsNewError(ctx, workflowBatch, in)
	}
	return in.Started, nil
}

// pageInput is the input of the activity page.
type pageInput struct {
	Index  Ref `json:"index"` // of the manifest
	Page   int `json:"page"`
	Before int `json:"before"` // number of organizations of the pages before
}

// pageResult is the result of the activity page: numbers of organizations.
type pageResult struct {
	Started  int            `json:"started"`
	Running  int            `json:"running"` // by workflows that others have started
	Failed   int            `json:"failed,omitempty"`
	Failures []BatchFailure `json:"failures,omitempty"` // the first ones
	Canceled bool           `json:"canceled,omitempty"` // before all were started
}

// Limits of the activity page. Its attempts follow each other after up to a minute.
const (
	maxStarts       = 8  // workflows that it starts at the same time
	maxBlobAttempts = 5  // from which on a missing blob fails the batch: others may see a new one later
	maxPageAttempts = 60 // from which on an organization fails that another attempt may start
)

// page starts a workflow for each organization of a page of a manifest. An activity starts them, and not
// the workflow of the batch, so that they are no events of its history. An organization that cannot be
// started does not stop the others. If another attempt may start it, the error is returned after the
// others were started. If the batch is canceled, the result has what was started before.
func (a *activities) page(ctx context.Context, l *lease, in pageInput) (pageResult, error) {
	attempt := activity.GetInfo(ctx).Attempt
	ref, p, err := a.pageOf(ctx, in)
	if errors.Is(err, fs.ErrNotExist) && attempt >= maxBlobAttempts {
		err = invalid("the store lacks a part of the manifest: %w", err)
	}
	if err != nil {
		return pageResult{}, err
	}
	s := &pageStart{activities: a, lease: l, before: in.Before, attempt: attempt, starter: a.config.starter, ids: map[string]bool{}}
	if s.starter == nil {
		s.starter = activity.GetClient(ctx)
	}
	return s.run(ctx, ref, p)
}

// pageOf reads a page of a manifest.
func (a *activities) pageOf(ctx context.Context, in pageInput) (Ref, *Manifest, error) {
	index, err := a.indexes.get(ctx, a.config.Store, in.Index)
	switch {
	case err != nil:
		return Ref{}, nil, err
	case in.Page < 0 || in.Page >= len(*index):
		return Ref{}, nil, invalid("the manifest has no page %d", in.Page)
	}
	ref := (*index)[in.Page]
	p, err := a.pages.get(ctx, a.config.Store, ref)
	return ref, p, err
}

// starter is the part of a client that starts workflows.
type starter interface {
	counter
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	DescribeWorkflowExecution(ctx context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
}

// pageStart is one attempt of the activity page.
type pageStart struct {
	*activities
	lease   *lease
	before  int // number of organizations of the pages before
	attempt int32
	starter starter
	ids     map[string]bool // of the workflows that the page starts
	names   names
	beaten  time.Time

	mu     sync.Mutex // of the fields below
	result pageResult
	retry  error // the first error that another attempt may not have
	fatal  error // the first error of all organizations
}

// run starts the workflows of a page, and returns the result of the activity.
func (s *pageStart) run(ctx context.Context, ref Ref, p *Manifest) (pageResult, error) {
	var group sync.WaitGroup
	slots := make(chan struct{}, maxStarts)
	for i, e := range p.Organizations {
		if s.beat(ctx); s.stops(ctx) {
			break
		}
		entry := entryRef{Page: ref, Index: i}
		options, err := s.open(ctx, e, p, &entry.IDs)
		if err != nil {
			s.failed(ctx, i, e, err)
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			s.start(ctx, i, e, options, organizationInput{entry, e.Provider, p.Policy})
		})
	}
	group.Wait()
	return s.end(ctx, len(p.Organizations))
}

// beat asks the server, once in a second, whether the batch was canceled: the heartbeats of the lease are
// seldom. The lease decides about errors.
func (s *pageStart) beat(ctx context.Context) {
	if time.Since(s.beaten) < time.Second {
		return
	}
	record := s.config.record
	if record == nil {
		record = heartbeat
	}
	_ = record(ctx)
	s.beaten = time.Now()
}

// stops reports whether the attempt must start nothing more.
func (s *pageStart) stops(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatal != nil || ends(ctx) || !s.lease.valid()
}

// open resolves what an entry names, and returns the options of the organization's workflow.
func (s *pageStart) open(ctx context.Context, e Entry, p *Manifest, resolved *ids) (client.StartWorkflowOptions, error) {
	var options client.StartWorkflowOptions
	s.names.open = s.config.Open
	var err error
	if *resolved, err = s.names.resolve(ctx, e, p); err != nil {
		return options, err
	}
	e.Organization = cmp.Or(resolved.Organization, e.Organization)
	o, err := s.config.Open(ctx, e.Spec())
	if err != nil {
		return options, err
	}
	d, err := o.Driver(&teardown.Plan{Organization: teardown.Organization{ID: e.Organization}})
	if err != nil {
		return options, err
	}
	info := activity.GetInfo(ctx)
	provider, instance := d.Provider()
	options = client.StartWorkflowOptions{
		ID: WorkflowID(provider, instance, e.Organization), TaskQueue: info.TaskQueue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, WorkflowExecutionErrorWhenAlreadyStarted: true,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // after the workflow before has ended
		TypedSearchAttributes: temporal.NewSearchAttributes(attributeProvider.ValueSet(provider)),
		Memo:                  map[string]any{memoBatch: info.WorkflowExecution.ID, memoRun: info.WorkflowExecution.RunID},
		EnableEagerStart:      true,
	}
	if s.ids[options.ID] {
		return options, &errors.Error{Provider: provider, Operation: "Start", Code: errors.Conflict,
			Err: errors.New("the manifest has the organization twice: " + options.ID)}
	}
	s.ids[options.ID] = true
	return options, nil
}

// start starts the workflow of an organization, unless an attempt before has started it.
func (s *pageStart) start(ctx context.Context, i int, e Entry, options client.StartWorkflowOptions, in organizationInput) {
	started, ran, err := s.startedBefore(ctx, options)
	if err == nil && !started && !ran {
		if s.stops(ctx) {
			return
		}
		call, cancel := unlessCanceled(ctx)
		defer cancel()
		_, err = s.starter.ExecuteWorkflow(call, options, workflowOrganization, in)
		ran = temporal.IsWorkflowExecutionAlreadyStartedError(err)
		started = err == nil
	}
	s.mu.Lock()
	switch {
	case started:
		s.result.Started++
	case ran:
		s.result.Running++
	}
	s.mu.Unlock()
	if !started && !ran {
		s.failed(ctx, i, e, s.refusal(ctx, err))
	}
}

// startedBefore reports whether this run of the batch has started the workflow of an organization, and
// whether others have started it since the first attempt. Another attempt starts no workflow again that
// has ended since then.
func (s *pageStart) startedBefore(ctx context.Context, options client.StartWorkflowOptions) (started, ran bool, err error) {
	if s.attempt == 1 {
		return false, false, nil
	}
	d, err := s.starter.DescribeWorkflowExecution(ctx, options.ID, "")
	if err != nil {
		if is[*serviceerror.NotFound](err) {
			err = nil
		}
		return false, false, err
	}
	e := d.GetWorkflowExecutionInfo()
	if memoText(e, memoRun) == options.Memo[memoRun] {
		return true, false, nil
	}
	return false, !timeOf(e.GetStartTime()).Before(activity.GetInfo(ctx).ScheduledTime), nil
}

// refusal returns the error of a start. The server refuses the options of one organization, such as an ID
// that is too long, and those of all, if the namespace lacks search attributes.
func (s *pageStart) refusal(ctx context.Context, err error) error {
	refused := engineError("Start", err)
	fatal := error(nil)
	switch errors.CodeOf(refused) {
	case errors.InvalidArgument:
		fatal = checkNamespace(ctx, s.starter)
	case errors.PermissionDenied, errors.NotFound: // of the namespace
		fatal = refused
	}
	if fatal != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fatal = cmp.Or(s.fatal, fatal)
	}
	return refused
}

// failed records the error of an organization.
func (s *pageStart) failed(ctx context.Context, i int, e Entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal != nil || ends(ctx) {
		return
	}
	code, entry := errors.CodeOf(err), s.before+i+1
	s.config.Logger.WarnContext(ctx, "the workflow of an organization was not started", "batch", activity.GetInfo(ctx).WorkflowExecution.ID,
		"entry", entry, "organization", e.Organization, "attempt", s.attempt, "code", string(code), "error", err)
	if (code == "" || errors.Retryable(err)) && s.attempt < maxPageAttempts {
		s.retry = cmp.Or(s.retry, err)
		return
	}
	s.result.Failed++
	s.result.Failures = append(s.result.Failures, BatchFailure{entry, e.Organization, cmp.Or(code, errors.Unavailable)})
}

// end returns the result of the activity for a number of organizations.
func (s *pageStart) end(ctx context.Context, organizations int) (pageResult, error) {
	r := s.result
	slices.SortFunc(r.Failures, func(a, b BatchFailure) int { return cmp.Compare(a.Entry, b.Entry) })
	r.Failures = r.Failures[:min(len(r.Failures), maxFailures)]
	switch {
	case s.fatal != nil:
		return pageResult{}, s.fatal
	case canceledByServer(ctx):
		r.Canceled = r.Started+r.Running+r.Failed < organizations
		return r, nil
	case s.retry != nil:
		return pageResult{}, s.retry
	case r.Started+r.Running+r.Failed < organizations: // the lease was lost, or the worker ends
		return pageResult{}, &errors.Error{Operation: "Start", Code: errors.Unavailable, Err: errors.New("the worker ends")}
	}
	return r, nil
}

// ends reports whether an activity must end, because of its context or its worker.
func ends(ctx context.Context) bool {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return true
	default:
		return ctx.Err() != nil
	}
}

// canceledByServer reports whether the context of an activity ended because its workflow was canceled.
func canceledByServer(ctx context.Context) bool {
	return ctx.Err() != nil && temporal.IsCanceledError(context.Cause(ctx))
}

// unlessCanceled returns a context for a request in flight, which finishes if the workflow is canceled.
func unlessCanceled(ctx context.Context) (context.Context, context.CancelFunc) {
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if !canceledByServer(ctx) {
			cancel()
		}
	})
	return call, func() { stop(); cancel() }
}

// Names of the memos of an organization's workflow, which are the batch that started it and its run, and
// of the memo of a batch: the time of its start.
const (
	memoBatch   = "batch"
	memoRun     = "batch_run"
	memoStarted = "started"
)

// memoText returns a text of a workflow's memo; "" for none.
func memoText(e *workflowpb.WorkflowExecutionInfo, name string) string {
	var text string
	payload := e.GetMemo().GetFields()[name]
	if converter.GetDefaultDataConverter().FromPayload(payload, &text) != nil {
		return ""
	}
	return text
}
