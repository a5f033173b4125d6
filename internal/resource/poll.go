package resource

import (
	"cmp"
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Poll reads the resources of steps: those of a group by one list, others by themselves.
func (d *Driver[R]) Poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	all := make([]*work[R], len(steps))
	for i, s := range steps {
		w, err := d.of(o, s)
		if err != nil {
			return nil, err
		}
		all[i] = w
	}
	if w := all[0]; w.kind.Watch != nil && group == w.watch() && len(steps) >= listWorth {
		return d.pollWatch(ctx, all)
	}
	progress := make([]teardown.Progress, len(steps))
	items := make([]*Item, len(steps))
	at, tasks := time.Now(), tasksPerPoll
	list := all[0].kind.List
	listed := group != "" && list != nil && len(steps) >= cmp.Or(all[0].kind.ListThreshold, listWorth)
	if listed && d.soon(group, all[0].kind.ListInterval) {
		return unchanged(all), nil
	}
	if listed {
		var err error
		items, err = list(ctx, refsOf(all))
		switch again := d.contradicts(group, err); {
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
		case items[i] != nil && items[i].Summary && w.stands():
			progress[i] = w.deleting(w.item.Text)
			continue
		case items[i] != nil && !items[i].Summary:
			w.show(*items[i], at)
			if w.kind.ReusableName {
				w.at = time.Time{}
			}
		case listed && len(steps) > readsPerPoll:
			// A read of its own proves what became of it.
			progress[i] = teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{Now: true}}
			continue
		default:
			if err := w.read(ctx); err != nil {
				if len(steps) == 1 {
					return nil, err
				}
				progress[i] = w.unread(err)
				continue
			}
		}
		progress[i] = d.decide(ctx, w, &tasks)
	}
	return progress, nil
}

// refsOf returns where the resources of steps are.
func refsOf[R any](all []*work[R]) []R {
	refs := make([]R, len(all))
	for i, w := range all {
		refs[i] = w.ref
	}
	return refs
}

// unchanged is the progress of steps of which a poll shows nothing new.
func unchanged[R any](all []*work[R]) []teardown.Progress {
	progress := make([]teardown.Progress, len(all))
	for i, w := range all {
		progress[i] = w.deleting("")
	}
	return progress
}

// soon reports whether the last list of a group was requested so short a time ago that
// another one is not worth its request.
func (d *Driver[R]) soon(group string, pace time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if last := d.listed[group]; !last.IsZero() && now.Sub(last) < pace {
		return true
	}
	d.listed[group] = now
	return false
}

// pollWatch reads a hint for steps that wait. Those whose resource may have changed, and
// those whose resource no read has shown for long, are polled next by a list of their scope.
func (d *Driver[R]) pollWatch(ctx context.Context, all []*work[R]) ([]teardown.Progress, error) {
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

// contradicts reports whether a list contradicts itself, as one does that changes while it
// is read, and is to be read again. One that goes on so is not: then each resource is read
// by itself.
func (d *Driver[R]) contradicts(group string, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !errors.Is(err, errors.UnexpectedResponse) || d.contradicted[group] == maxContradictions {
		delete(d.contradicted, group)
		return false
	}
	d.contradicted[group]++
	return true
}

// unread is the progress of a step whose resource could not be read: what is not read is
// not known.
func (w *work[R]) unread(err error) teardown.Progress {
	w.at = time.Time{}
	if errors.Retryable(err) {
		return w.deleting("")
	}
	return teardown.Progress{State: teardown.ProgressExists, Err: err}
}

// decide decides how far a step is, by the item that was just read. tasks is how many tasks
// may still be read by this poll.
func (d *Driver[R]) decide(ctx context.Context, w *work[R], tasks *int) teardown.Progress {
	item := w.item
	switch {
	case item.Phase != Broken:
		w.broken = false
	case !w.broken && w.stage != nothing:
		item.Phase = Failed
	}
	ready := teardown.Progress{State: teardown.ProgressReady, Text: item.Text, Next: w.wait(false)}
	w.assumed = w.assumed && item.Phase == Exists
	if w.assumed { // it never went to the trash
		w.stage, w.refusal, w.failed = removing, nil, false
	}
	switch {
	case item.Phase == NotFound:
		d.forget(w)
		return teardown.Progress{State: teardown.ProgressNotFound, Text: item.Text}
	case w.failed && item.Phase != Deleting && !(item.Phase == InTrash && w.stage == removing):
		w.failed, w.at = false, time.Time{}                      // the next attempt comes after a pause
		return teardown.Progress{State: teardown.ProgressExists} // why is in the error of the act
	case w.stage == nothing:
		ready.Text = "" // nothing is waited for
		return ready
	case item.Phase == Failed && w.stage != preparing:
		w.stage, w.repeats, w.at = nothing, [purging + 1]int{}, time.Time{}
		return teardown.Progress{State: teardown.ProgressExists, Text: item.Text, Err: item.Err}
	case item.Phase == InTrash && w.stage != purging:
		return ready
	case w.stage == purging && item.Phase != InTrash && item.Phase != Deleting:
		return teardown.Progress{State: teardown.ProgressExists, Err: d.error(w.step, errors.Conflict, errors.New("it was taken out of the trash"))}
	}
	text := item.Text
	if w.done != nil {
		done, what, err := w.done(ctx)
		if err != nil {
			return w.unread(err)
		}
		if done {
			return w.prepared(ready)
		}
		text = what
	} else if w.stage == preparing && item.Phase != Changing && !item.Unprepared {
		return w.prepared(ready)
	}
	going, failure := d.readTask(ctx, w, tasks)
	if failure != nil {
		return teardown.Progress{State: teardown.ProgressExists, Err: failure}
	}
	if w.unchanged++; going || item.Phase == Deleting || text != w.state {
		w.unchanged, w.state, w.changed = 0, text, time.Now()
	}
	patience, settling := cmp.Or(w.kind.RepeatAfterReads, defaultPatience), cmp.Or(w.kind.RepeatAfter, defaultSettling)
	switch {
	case w.stuck < taskPatience && (w.unchanged < patience || time.Since(w.changed) < settling), item.Phase == Changing:
	case w.repeats[w.stage] < maxRepeats:
		w.repeats[w.stage]++
		return ready
	case w.refusal != nil:
		return teardown.Progress{State: teardown.ProgressExists, Err: w.refusal}
	}
	return w.deleting(text)
}

// prepared ends a preparation: what comes next may be another one.
func (w *work[R]) prepared(ready teardown.Progress) teardown.Progress {
	w.repeats[preparing] = 0
	return ready
}

// readTask reads the task of a resource that is unchanged. One that has ended, or that
// cannot be read, is not read again.
func (d *Driver[R]) readTask(ctx context.Context, w *work[R], tasks *int) (going bool, failure error) {
	if w.task == "" {
		return false, nil
	}
	if w.looks++; w.looks < w.readAt || time.Since(w.sentAt) < taskAge || *tasks == 0 {
		return true, nil
	}
	*tasks--
	w.readAt = w.looks + taskEvery
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
	// The resource may be done nevertheless, since it was read.
	err = w.read(ctx)
	switch {
	case errors.Retryable(err):
		return true, nil // what is not read is not known
	case err != nil:
		w.at = time.Time{}
		return false, err // nor does the task tell
	case w.item.Phase == NotFound:
		return false, nil
	}
	e := d.error(w.step, errors.TaskFailed, nil).(*errors.Error)
	e.Steps = []errors.Step{{Name: w.step.Kind, Description: t.Text}}
	return false, e
}

// Find reads the resource of a step, and reports whether it exists. It is for inspections:
// it changes nothing that is known of the step.
func (d *Driver[R]) Find(ctx context.Context, o teardown.Organization, s teardown.Step) (item Item, found bool, err error) {
	kind, ref, err := d.locate(o, s)
	if err != nil {
		return Item{}, false, err
	}
	item, err = kind.Read(ctx, ref)
	return item, err == nil && item.Phase != NotFound, err
}
