package resource

import (
	"context"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Driver acts and polls for a teardown by a table. It keeps what is known of a step
// between its acts and polls, and needs nothing from an inspection.
type Driver[R any] struct {
	table *Table[R]
	kinds map[string]*Kind[R]
	ref   func(teardown.Organization, teardown.Step) (R, error)

	mu   sync.Mutex
	work map[string]*work[R] // by step; each is used by one call at a time

	contradicted map[string]int       // by group: lists in a row that contradicted themselves
	listed       map[string]time.Time // by group: when the last list was requested
}

// New returns a driver. ref returns where the resource of a step is; its error says that
// no plan of the provider has such a step.
func New[R any](t *Table[R], ref func(teardown.Organization, teardown.Step) (R, error)) *Driver[R] {
	d := &Driver[R]{table: t, kinds: map[string]*Kind[R]{}, ref: ref, work: map[string]*work[R]{}, contradicted: map[string]int{}, listed: map[string]time.Time{}}
	for i := range t.Kinds {
		d.kinds[t.Kinds[i].Name] = &t.Kinds[i]
	}
	return d
}

// work is what is known of a step.
type work[R any] struct {
	kind *Kind[R]
	ref  R
	step teardown.Step

	item Item
	at   time.Time // of the read of item; zero if it may not be acted upon
	seen time.Time // of the last read of its state since the last request; zero for none

	broken bool // it was [Broken] when the last request was sent, and is since

	acted   bool // an act has asked for the first poll
	stage   stage
	failed  bool   // the last request was answered by an error
	refusal error  // of the last request, if it may be immaterial
	state   string // of the resource when the last request was sent
	done    func(context.Context) (bool, string, error)
	trash   string

	task     string
	progress string // of the task

	sentAt  time.Time // the last request
	changed time.Time // when the last request was sent, or the resource looked different
	looks   int       // polls since the last request
	readAt  int       // by looks: when the task is read next

	unchanged, stuck int
	repeats          [purging + 1]int // by stage
	assumed          bool             // it is in the trash as an answer says, and no read has shown it
}

// stage is what the last request was for.
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

// of returns what is known of a step.
func (d *Driver[R]) of(o teardown.Organization, s teardown.Step) (*work[R], error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w := d.work[s.ID]; w != nil {
		return w, nil
	}
	kind, ref, err := d.locate(o, s)
	if err != nil {
		return nil, err
	}
	w := &work[R]{kind: kind, ref: ref, step: s}
	d.work[s.ID] = w
	return w, nil
}

// locate returns the kind of a step's resource, and where it is.
func (d *Driver[R]) locate(o teardown.Organization, s teardown.Step) (*Kind[R], R, error) {
	kind := d.kinds[s.Kind]
	if kind == nil {
		var none R
		return nil, none, d.error(s, errors.InvalidArgument, errors.New("there is no such step"))
	}
	ref, err := d.ref(o, s)
	return kind, ref, err
}

// forget ends the work of a step.
func (d *Driver[R]) forget(w *work[R]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.work, w.step.ID)
}

func (d *Driver[R]) error(s teardown.Step, code errors.Code, cause error) error {
	return &errors.Error{Provider: d.table.Provider, Operation: operation, Target: s.ID, Code: code, Err: cause}
}

// Act sends the next request of a step.
func (d *Driver[R]) Act(ctx context.Context, o teardown.Organization, s teardown.Step) (teardown.Progress, error) {
	w, err := d.of(o, s)
	if err != nil {
		return teardown.Progress{}, err
	}
	direct := w.stage == nothing && w.kind.SkipFirstRead != nil && w.kind.SkipFirstRead(w.ref)
	switch {
	case time.Since(w.at) <= w.fresh(), direct:
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
				return Response{}, d.error(s, errors.UnexpectedResponse, errors.New("it is in the trash, and resources of its kind never are"))
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

// request sends a request. Answers that leave open what became of it are no errors: the
// next read of the resource decides.
func (d *Driver[R]) request(w *work[R], item Item, purpose stage, send func() (Response, error)) (teardown.Progress, error) {
	repeated := w.repeats[purpose] > 0
	sent, err := send()
	w.sent(purpose, item, sent)
	switch {
	case err == nil, accepted(err):
	case d.table.NothingToDo != nil && d.table.NothingToDo(err), errors.Is(err, errors.NotFound):
		w.refusal = err
	case repeated && (errors.Is(err, errors.OutcomeUnknown) || errors.Is(err, errors.Conflict) || errors.Retryable(err)):
		w.refusal = err // the request before was accepted
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

// sent notes that a request was sent.
func (w *work[R]) sent(purpose stage, item Item, s Response) {
	if s.Trash != "" {
		w.trash = s.Trash
	}
	w.broken = item.Phase == Broken
	w.stage, w.state, w.task, w.done, w.refusal = purpose, item.Text, s.Task, nil, nil
	w.progress, w.unchanged, w.stuck = "", 0, 0
	w.sentAt, w.seen = time.Now(), time.Time{}
	w.changed, w.looks, w.readAt = w.sentAt, 0, taskFirst
}

// read reads the resource by itself.
func (w *work[R]) read(ctx context.Context) error {
	item, err := w.kind.Read(ctx, w.ref)
	if err != nil {
		return err
	}
	w.show(item, time.Now())
	return nil
}

// show takes what a read has shown of the state.
func (w *work[R]) show(item Item, at time.Time) { w.item, w.at, w.seen = item, at, at }

// stands reports whether the last read of a resource still says how far its removal is,
// although a list shows only that it exists. One whose removal has not started is read
// more often.
func (w *work[R]) stands() bool {
	if w.stage == nothing || w.seen.IsZero() {
		return false
	}
	most := summaryAge
	if w.item.Phase != Deleting {
		most = min(max(time.Since(w.sentAt)/4, defaultSettling/defaultPatience), summaryAge)
	}
	return time.Since(w.seen) < most
}

// wait says when the step is polled next.
func (w *work[R]) wait(now bool) teardown.Wait {
	next := teardown.Wait{Class: w.kind.Name + " " + w.stage.String(), Now: now}
	switch {
	case w.stage != removing && w.stage != purging:
		return next
	case w.kind.Watch != nil && w.item.Phase == Deleting: // and not one whose removal may never start
		next.Group = w.watch()
	case w.kind.List != nil:
		next.Group = w.group()
	}
	if w.stage != removing || !w.kind.PollAtOnce {
		next.Expect = w.kind.Expect
	}
	return next
}

// group is the name of the list that shows the resource.
func (w *work[R]) group() string { return w.kind.Name + " " + w.kind.Scope(w.ref) }

// watch is the name of the hint that covers the resource.
func (w *work[R]) watch() string { return w.kind.Name + " watch " + w.kind.Watch.Scope(w.ref) }

// fresh is how long a read of the resource may be acted upon.
func (w *work[R]) fresh() time.Duration {
	switch {
	case w.kind.MaxAge > 0:
		return w.kind.MaxAge
	case w.kind.ReusableName:
		return freshName
	}
	return freshID
}

// deleting is the progress of a step that is waited for.
func (w *work[R]) deleting(text string) teardown.Progress {
	return teardown.Progress{State: teardown.ProgressDeleting, Next: w.wait(false), Text: text}
}
