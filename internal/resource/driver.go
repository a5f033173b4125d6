package resource

import (
	"context"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Driver acts and polls for a teardown by a table. It keeps the state of a step between the
// acts and polls of the step, and needs no data of an inspection.
type Driver[R any] struct {
	table *Table[R]
	kinds map[string]*Kind[R]
	ref   func(teardown.Organization, teardown.Step) (R, error)

	mu    sync.Mutex
	steps map[string]*trackedStep[R] // by the ID of the step; only one call at a time uses each

	contradicted map[string]int       // by group: number of consecutive contradictory lists
	listed       map[string]time.Time // by group: when the last list was requested
}

// New returns a driver. ref locates the resource of a step; it returns an error if no plan of
// the provider contains such a step.
func New[R any](t *Table[R], ref func(teardown.Organization, teardown.Step) (R, error)) *Driver[R] {
	d := &Driver[R]{table: t, kinds: map[string]*Kind[R]{}, ref: ref, steps: map[string]*trackedStep[R]{}, contradicted: map[string]int{}, listed: map[string]time.Time{}}
	for i := range t.Kinds {
		d.kinds[t.Kinds[i].Name] = &t.Kinds[i]
	}
	return d
}

// trackedStep is the state of a step between its acts and polls.
type trackedStep[R any] struct {
	kind *Kind[R]
	ref  R
	step teardown.Step

	item Item
	at   time.Time // the time of the read of item; zero if no request may be sent by item
	seen time.Time // the time of the last read of the state since the last request; zero for none

	broken bool // the resource has been [Broken] since before the last request

	acted   bool // the first act has requested a poll of the shared list
	stage   stage
	failed  bool   // the answer to the last request was an error
	refusal error  // the error of the last request, if a read decides about it
	state   string // the state of the resource when the last request was sent
	done    func(context.Context) (bool, string, error)
	trash   string

	task     string
	progress string // the text of the task

	sentAt  time.Time // the time of the last request
	changed time.Time // the time of the last request or of the last change of the resource
	polls   int       // number of polls since the last request
	readAt  int       // number of polls at which the task is read next

	unchanged, stuck int              // numbers of reads of the resource, and of the task, without a change
	repeats          [purging + 1]int // by stage
	assumed          bool             // only an answer, and no read, shows that the resource is in the trash
}

// stage is the purpose of the last request.
type stage int

const (
	nothing stage = iota
	preparing
	removing
	purging
)

func (s stage) String() string {
	return [...]string{"", "preparation", "removal", "purge"}[s]
}

// of returns the state of a step.
func (d *Driver[R]) of(o teardown.Organization, s teardown.Step) (*trackedStep[R], error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w := d.steps[s.ID]; w != nil {
		return w, nil
	}
	kind, ref, err := d.locate(o, s)
	if err != nil {
		return nil, err
	}
	w := &trackedStep[R]{kind: kind, ref: ref, step: s}
	d.steps[s.ID] = w
	return w, nil
}

// locate returns the kind and the location of a step's resource.
func (d *Driver[R]) locate(o teardown.Organization, s teardown.Step) (*Kind[R], R, error) {
	kind := d.kinds[s.Kind]
	if kind == nil {
		var none R
		return nil, none, d.error(s, errors.InvalidArgument, errors.New("unknown step kind"))
	}
	ref, err := d.ref(o, s)
	return kind, ref, err
}

// forget discards the state of a step.
func (d *Driver[R]) forget(w *trackedStep[R]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.steps, w.step.ID)
}

func (d *Driver[R]) error(s teardown.Step, code errors.Code, cause error) error {
	return &errors.Error{Provider: d.table.Provider, Operation: operation, Target: s.ID, Code: code, Err: cause}
}

// Act sends the next request of a step.
func (d *Driver[R]) Act(ctx context.Context, o teardown.Organization, s teardown.Step) (teardown.Progress, error) {
	var last trace.Last
	p, err := d.act(trace.With(ctx, &last), o, s)
	p.RequestID = last.ID()
	return p, err
}

func (d *Driver[R]) act(ctx context.Context, o teardown.Organization, s teardown.Step) (teardown.Progress, error) {
	w, err := d.of(o, s)
	if err != nil {
		return teardown.Progress{}, err
	}
	direct := w.stage == nothing && w.kind.SkipFirstRead != nil && w.kind.SkipFirstRead(w.ref)
	switch {
	case time.Since(w.at) <= w.maxAge(), direct:
	case w.kind.ListFirst && w.stage == nothing && !w.acted:
		w.acted = true
		next := w.wait(false)
		next.Group, next.Expect = w.group(), 0
		return teardown.Progress{State: teardown.ProgressDeleting, Next: next}, nil
	default:
		if err := w.read(ctx); err != nil {
			return teardown.Progress{State: teardown.ProgressExists, Err: err}, nil
		}
	}
	item := w.item
	if !direct {
		// A read permits a request for a moment although each request needs a read of its own.
		age := max(w.maxAge(), maxAgeName)
		ctx = trace.WithFreshness(ctx, w.at.Add(age), func(ctx context.Context) (time.Time, error) {
			now, err := w.kind.Read(ctx, w.ref)
			if err == nil && now.Phase != item.Phase {
				err = d.error(s, errors.NotFound, errors.New("the resource has changed since the read before"))
			}
			return time.Now().Add(age), err
		})
	}
	w.at, w.failed = time.Time{}, false
	switch item.Phase {
	case NotFound:
		d.forget(w)
		return teardown.Progress{State: teardown.ProgressNotFound}, nil
	case Deleting:
		w.sent(removing, item, Response{})
		return w.deleting(item.Text), nil
	case InTrash:
		return d.request(w, item, purging, func() (Response, error) {
			if w.kind.Purge == nil {
				return Response{}, d.error(s, errors.UnexpectedResponse, errors.New("the resource is in the trash, but its kind has no trash"))
			}
			return w.kind.Purge(ctx, w.ref, item, w.trash)
		})
	}
	if w.kind.Prepare != nil {
		p, err := w.kind.Prepare(ctx, w.ref, item)
		if err != nil || !p.Ready {
			progress, err := d.request(w, item, preparing, func() (Response, error) { return Response{Task: p.Task}, err })
			if err == nil {
				w.done, progress.Text = p.Done, p.Text
			}
			return progress, err
		}
	}
	return d.request(w, item, removing, func() (Response, error) { return w.kind.Remove(ctx, w.ref, item) })
}

// request sends a request. It returns no error if the answer leaves the outcome open: the next
// read of the resource decides.
func (d *Driver[R]) request(w *trackedStep[R], item Item, purpose stage, send func() (Response, error)) (teardown.Progress, error) {
	repeated := w.repeats[purpose] > 0
	sent, err := send()
	w.sent(purpose, item, sent)
	switch {
	case err == nil, accepted(err):
	case d.table.NothingToDo != nil && d.table.NothingToDo(err), errors.Is(err, errors.NotFound):
		w.refusal = err
	case repeated && (errors.Is(err, errors.OutcomeUnknown) || errors.Is(err, errors.Conflict) || errors.Retryable(err)):
		w.refusal = err // the previous request was accepted
	default:
		w.failed = true
		return teardown.Progress{}, err
	}
	if err == nil && sent.InTrash != nil && w.kind.Purge != nil {
		w.item, w.at, w.assumed = *sent.InTrash, w.sentAt, true
		return teardown.Progress{State: teardown.ProgressReady, Text: w.item.Text}, nil
	}
	p := w.deleting("")
	p.Next.Now = w.refusal != nil || purpose == removing && w.kind.PollAtOnce && !repeated
	return p, nil
}

// sent records a request.
func (w *trackedStep[R]) sent(purpose stage, item Item, s Response) {
	if s.Trash != "" {
		w.trash = s.Trash
	}
	w.broken = item.Phase == Broken
	w.stage, w.state, w.task, w.done, w.refusal = purpose, item.Text, s.Task, nil, nil
	w.progress, w.unchanged, w.stuck = "", 0, 0
	w.sentAt, w.seen = time.Now(), time.Time{}
	w.changed, w.polls, w.readAt = w.sentAt, 0, taskFirst
}

// read reads the resource by itself.
func (w *trackedStep[R]) read(ctx context.Context) error {
	item, err := w.kind.Read(ctx, w.ref)
	if err != nil {
		return err
	}
	w.show(item, time.Now())
	return nil
}

// show records the result of a read.
func (w *trackedStep[R]) show(item Item, at time.Time) { w.item, w.at, w.seen = item, at, at }

// isCurrent reports whether the last read of a resource is recent enough, while a list shows
// only that the resource exists. A resource whose removal has not started is read more often.
func (w *trackedStep[R]) isCurrent() bool {
	if w.stage == nothing || w.seen.IsZero() {
		return false
	}
	most := summaryAge
	if w.item.Phase != Deleting {
		most = min(max(time.Since(w.sentAt)/4, defaultRepeatAfter/defaultRepeatAfterReads), summaryAge)
	}
	return time.Since(w.seen) < most
}

// wait returns when the step is polled next.
func (w *trackedStep[R]) wait(now bool) teardown.Wait {
	next := teardown.Wait{Class: w.kind.Name + " " + w.stage.String(), Now: now}
	switch {
	case w.stage != removing && w.stage != purging:
		return next
	case w.kind.Watch != nil && w.item.Phase == Deleting: // a removal that has not started may never start
		next.Group = w.watch()
	case w.kind.List != nil:
		next.Group = w.group()
	}
	if w.stage != removing || !w.kind.PollAtOnce {
		next.Expect = w.kind.Expect
	}
	return next
}

// group returns the name of the list that contains the resource.
func (w *trackedStep[R]) group() string { return w.kind.Name + " " + w.kind.Scope(w.ref) }

// watch returns the name of the hint that covers the resource.
func (w *trackedStep[R]) watch() string { return w.kind.Name + " watch " + w.kind.Watch.Scope(w.ref) }

// maxAge returns the maximum age of a read by which a request is sent.
func (w *trackedStep[R]) maxAge() time.Duration {
	switch {
	case w.kind.MaxAge > 0:
		return w.kind.MaxAge
	case w.kind.ReusableName:
		return maxAgeName
	}
	return maxAgeID
}

// deleting returns the progress of a step that waits.
func (w *trackedStep[R]) deleting(text string) teardown.Progress {
	return teardown.Progress{State: teardown.ProgressDeleting, Next: w.wait(false), Text: text}
}
