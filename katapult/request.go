package katapult

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
)

// request is a request whose work Katapult does after the answer, or not at all.
type request struct {
	kind, id string // of the resource
	missing  errors.Code

	// send sends it; the task is nil or empty if the answer has none. A nil send only
	// waits.
	send func(context.Context) (*Task, error)

	// read reads the resource, and returns its state in words; "" when all is done.
	read func(context.Context) (state string, err error)
}

// How often a request that Katapult has accepted is sent again when the resource stays
// as it is. The vendor's own tools have to do this.
const (
	readsBeforeRepeat = 4  // of a resource that no task changes
	readsOfTask       = 20 // of a task that makes no progress
	maxRepeats        = 3
)

// readEvery is how often the resource is read while a task goes on: with each third read
// of the task.
const readEvery = 3

// carryOut sends a request and waits until a read of the resource shows that its work is
// done. A task is a record and proves nothing: the resource is read while the task goes
// on, when it ends or is no longer found, and before its failure is reported. If neither
// the resource nor the task changes, the request is sent again, at most three times.
func (d driver) carryOut(ctx context.Context, r request, progress func(string)) error {
	w := &wait{driver: d, request: r, progress: progress}
	if r.send != nil {
		if err := w.send(ctx); err != nil {
			return err
		}
	}
	return d.c.rest().Wait(ctx, "Teardown", r.id, w.look)
}

// wait is what is known of a request that was sent.
type wait struct {
	driver
	request
	progress func(string)

	refusal error  // of the request that was sent last, which a read may prove to be immaterial
	task    ID     // "" for none, or for one that has ended
	status  string // of the task, in words
	state   string // of the resource, in words, when the request was sent

	looks, unchanged, stuck, repeats int
}

// send sends the request. Answers that leave open what became of it are no errors: the
// next read of the resource decides.
func (w *wait) send(ctx context.Context) error {
	task, err := w.request.send(ctx)
	w.task, w.status, w.unchanged, w.stuck, w.refusal = "", "", 0, 0, nil
	switch {
	case err == nil && task != nil:
		w.task = ID(task.ID)
	case err == nil, accepted(err):
	case w.immaterial(err):
		w.refusal = err
	case w.repeats > 0 && errors.Is(err, errors.OutcomeUnknown):
		w.refusal = err
	default:
		return err
	}
	return nil
}

// accepted reports whether an error is that of a 2xx or 3xx other than the documented
// success, such as one without the documented body.
func accepted(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.UnexpectedResponse && e.Status >= 200 && e.Status <= 399 && e.Operation != "Teardown"
}

// immaterial reports whether a refusal says that there is nothing to do. A read shows
// whether that is so.
func (w *wait) immaterial(err error) bool {
	switch code := codeOf(err); code {
	case errors.ObjectInTrash, errors.TrashObjectNotFound, errors.DiskNotFound, errors.UnassignedDisk, errors.NoAllocation:
		return true
	default:
		return code != "" && code == w.missing
	}
}

// look reads how far the work of the request is.
func (w *wait) look(ctx context.Context) ([]errors.Step, error) {
	w.looks++
	going, failed := false, false
	if w.task != "" {
		going, failed = w.readTask(ctx)
		if going && w.looks%readEvery != 0 {
			return w.left(w.status), nil
		}
	}
	state, err := w.read(ctx)
	switch {
	case err != nil:
		return w.left(w.state), err
	case state == "":
		return nil, nil
	case failed:
		return nil, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: w.id, Code: errors.TaskFailed, Steps: w.left(w.status),
		}
	}
	w.progress(state)
	if w.unchanged++; going || state != w.state {
		w.unchanged, w.state = 0, state
	}
	switch {
	case w.request.send == nil || w.unchanged < readsBeforeRepeat && w.stuck < readsOfTask:
	case w.repeats < maxRepeats:
		w.repeats++
		if err := w.send(ctx); err != nil {
			return w.left(state), err
		}
	case w.refusal != nil:
		return nil, w.refusal
	}
	return w.left(state), nil
}

// readTask reads the task. One that ended, or that cannot be read, is not read again.
func (w *wait) readTask(ctx context.Context) (going, failed bool) {
	t, err := w.c.GetTask(ctx, w.task)
	switch {
	case errors.Retryable(err):
		return false, false
	case err != nil || t.ID != string(w.task):
		w.task = ""
		return false, false
	}
	status := fmt.Sprintf("%s: %s, %d %%", t.Name, t.Status, t.Progress)
	w.progress(status)
	if w.stuck++; status != w.status {
		w.status, w.stuck = status, 0
	}
	switch t.Status {
	case TaskStatusCompleted:
		w.task = ""
		return false, false
	case TaskStatusFailed:
		w.task = ""
		return false, true
	}
	return true, false
}

// left describes the work that is not done.
func (w *wait) left(text string) []errors.Step {
	return []errors.Step{{Name: w.kind, Description: text}}
}
