package resource

import (
	"cmp"
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Poll reads the resources of steps: those of a group by one list, others one by one.
func (d *Driver[R]) Poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	var last trace.Last
	all, err := d.poll(trace.With(ctx, &last), o, group, steps)
	for i := range all {
		all[i].RequestID = last.ID()
	}
	return all, err
}

func (d *Driver[R]) poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	all := make([]*trackedStep[R], len(steps))
	for i, s := range steps {
		w, err := d.of(o, s)
		if err != nil {
			return nil, err
		}
		all[i] = w
	}
	if w := all[0]; w.kind.Watch != nil && group == w.watch() && len(steps) >= defaultListThreshold {
		return d.pollWatch(ctx, all)
	}
	progress := make([]teardown.Progress, len(steps))
	items := make([]*Item, len(steps))
	at, tasks := time.Now(), tasksPerPoll
	list := all[0].kind.List
	listed := group != "" && list != nil && len(steps) >= cmp.Or(all[0].kind.ListThreshold, defaultListThreshold)
	if listed && d.listedRecently(group, all[0].kind.ListInterval) {
		return unchanged(all), nil
	}
	if listed {
		var err error
		items, err = list(ctx, refsOf(all))
		switch again := d.mustReadAgain(group, err); {
		case again:
			return unchanged(all), nil
		case errors.Is(err, errors.UnexpectedResponse):
			items = make([]*Item, len(steps))
		case err != nil:
			return nil, err
		}
	}
	for i, w := range all {
		switch {
		case items[i] != nil && items[i].Summary && w.isCurrent():
			progress[i] = w.deleting(w.item.Text)
			continue
		case items[i] != nil && !items[i].Summary:
			w.show(*items[i], at)
			if w.kind.ReusableName {
				w.at = time.Time{}
			}
		case listed && len(steps) > readsPerPoll:
			// A poll of its own decides.
			progress[i] = teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{Now: true}}
			continue
		default:
			if err := w.read(ctx); err != nil {
				if len(steps) == 1 {
					return nil, err
				}
				progress[i] = w.readFailed(err)
				continue
			}
		}
		progress[i] = d.decide(ctx, w, &tasks)
	}
	return progress, nil
}

// refsOf returns the locations of the resources of steps.
func refsOf[R any](all []*trackedStep[R]) []R {
	refs := make([]R, len(all))
	for i, w := range all {
		refs[i] = w.ref
	}
	return refs
}

// unchanged returns the progress of steps for which a poll shows no change.
func unchanged[R any](all []*trackedStep[R]) []teardown.Progress {
	progress := make([]teardown.Progress, len(all))
	for i, w := range all {
		progress[i] = w.deleting("")
	}
	return progress
}

// listedRecently reports whether the last list of a group was requested less than interval ago,
// and otherwise records a request now.
func (d *Driver[R]) listedRecently(group string, interval time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if last := d.listed[group]; !last.IsZero() && now.Sub(last) < interval {
		return true
	}
	d.listed[group] = now
	return false
}

// pollWatch reads a hint for steps that wait. Steps whose resource may have changed, or was not
// read for [summaryAge], are polled next by a list of their scope.
func (d *Driver[R]) pollWatch(ctx context.Context, all []*trackedStep[R]) ([]teardown.Progress, error) {
	changed, err := all[0].kind.Watch.Changed(ctx, refsOf(all))
	if err != nil && (ctx.Err() != nil || errors.Retryable(err)) {
		return nil, err
	}
	progress := unchanged(all)
	for i, w := range all {
		if err != nil || changed[i] || min(time.Since(w.sentAt), time.Since(w.seen)) >= summaryAge {
			progress[i].Next = teardown.Wait{Class: progress[i].Next.Class, Now: true}
			if w.kind.List != nil {
				progress[i].Next.Group = w.group()
			}
		}
	}
	return progress, nil
}

// mustReadAgain reports whether a list must be read again because it contradicts itself, as a
// list does that changes between two pages. After [maxContradictions] lists it returns false,
// and each resource is read by itself.
func (d *Driver[R]) mustReadAgain(group string, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !errors.Is(err, errors.UnexpectedResponse) || d.contradicted[group] == maxContradictions {
		delete(d.contradicted, group)
		return false
	}
	d.contradicted[group]++
	return true
}

// readFailed returns the progress of a step whose resource could not be read. A failed read
// proves nothing.
func (w *trackedStep[R]) readFailed(err error) teardown.Progress {
	w.at = time.Time{}
	if errors.Retryable(err) {
		return w.deleting("")
	}
	return teardown.Progress{State: teardown.ProgressExists, Err: err}
}

// decide returns the progress of a step by the item that was just read. tasks is the number of
// tasks that this poll may still read.
func (d *Driver[R]) decide(ctx context.Context, w *trackedStep[R], tasks *int) teardown.Progress {
	item := w.item
	switch {
	case item.Phase != Broken:
		w.broken = false
	case !w.broken && w.stage != nothing:
		item.Phase = Failed
	}
	ready := teardown.Progress{State: teardown.ProgressReady, Text: item.Text, Next: w.wait(false)}
	w.assumed = w.assumed && item.Phase == Exists
	if w.assumed { // the resource never went to the trash
		w.stage, w.refusal, w.failed = removing, nil, false
	}
	switch {
	case item.Phase == NotFound:
		d.forget(w)
		return teardown.Progress{State: teardown.ProgressNotFound, Text: item.Text}
	case w.failed && item.Phase != Deleting && !(item.Phase == InTrash && w.stage == removing):
		w.failed, w.at = false, time.Time{}                      // the next attempt follows after a pause
		return teardown.Progress{State: teardown.ProgressExists} // the error of the act is the reason
	case w.stage == nothing:
		ready.Text = "" // the step does not wait
		return ready
	case item.Phase == Failed && w.stage != preparing:
		w.stage, w.repeats, w.at = nothing, [purging + 1]int{}, time.Time{}
		return teardown.Progress{State: teardown.ProgressExists, Text: item.Text, Err: item.Err}
	case item.Phase == InTrash && w.stage != purging:
		return ready
	case w.stage == purging && item.Phase != InTrash && item.Phase != Deleting:
		return teardown.Progress{State: teardown.ProgressExists, Err: d.error(w.step, errors.Conflict, errors.New("the resource was taken out of the trash"))}
	}
	text := item.Text
	if w.done != nil {
		done, state, err := w.done(ctx)
		if err != nil {
			return w.readFailed(err)
		}
		if done {
			return w.prepared(ready)
		}
		text = state
	} else if w.stage == preparing && item.Phase != Changing && !item.Unprepared {
		return w.prepared(ready)
	}
	running, failure := d.readTask(ctx, w, tasks)
	if failure != nil {
		return teardown.Progress{State: teardown.ProgressExists, Err: failure}
	}
	if w.unchanged++; running || item.Phase == Deleting || text != w.state {
		w.unchanged, w.state, w.changed = 0, text, time.Now()
	}
	reads, repeatAfter := cmp.Or(w.kind.RepeatAfterReads, defaultRepeatAfterReads), cmp.Or(w.kind.RepeatAfter, defaultRepeatAfter)
	switch {
	case w.stuck < taskStuckAfter && (w.unchanged < reads || time.Since(w.changed) < repeatAfter), item.Phase == Changing:
	case w.repeats[w.stage] < maxRepeats:
		w.repeats[w.stage]++
		return ready
	case w.refusal != nil:
		return teardown.Progress{State: teardown.ProgressExists, Err: w.refusal}
	}
	return w.deleting(text)
}

// prepared ends a preparation. Another one may follow.
func (w *trackedStep[R]) prepared(ready teardown.Progress) teardown.Progress {
	w.repeats[preparing] = 0
	return ready
}

// readTask reads the task of a resource that is unchanged. A task that has ended, or that
// cannot be read, is not read again.
func (d *Driver[R]) readTask(ctx context.Context, w *trackedStep[R], tasks *int) (running bool, failure error) {
	if w.task == "" {
		return false, nil
	}
	if w.polls++; w.polls < w.readAt || time.Since(w.sentAt) < taskAge || *tasks == 0 {
		return true, nil
	}
	*tasks--
	w.readAt = w.polls + taskEvery
	t, err := d.table.Task(ctx, w.task)
	switch {
	case errors.Retryable(err):
		return false, nil
	case err != nil:
		w.task = ""
		return false, nil
	}
	if w.stuck++; t.Text != w.progress {
		w.progress, w.stuck = t.Text, 0
	}
	if !t.Finished {
		return true, nil
	}
	if !t.Failed {
		w.task = ""
		return false, nil
	}
	// The resource may have been deleted since it was read.
	err = w.read(ctx)
	switch {
	case errors.Retryable(err):
		return true, nil // a failed read proves nothing
	case err != nil:
		w.at = time.Time{}
		return false, err // and the task does not prove it either
	case w.item.Phase == NotFound:
		return false, nil
	}
	e := d.error(w.step, errors.TaskFailed, nil).(*errors.Error)
	e.Steps = []errors.Step{{Name: w.step.Kind, Description: t.Text}}
	return false, e
}

// Find reads the resource of a step and reports whether it exists. It is for inspections: it
// does not change the state of the step.
func (d *Driver[R]) Find(ctx context.Context, o teardown.Organization, s teardown.Step) (item Item, found bool, err error) {
	kind, ref, err := d.locate(o, s)
	if err != nil {
		return Item{}, false, err
	}
	item, err = kind.Read(ctx, ref)
	return item, err == nil && item.Phase != NotFound, err
}
