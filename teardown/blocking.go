package teardown

import (
	"context"

	"github.com/offboard-dev/offboard-go/internal/nilness"
)

// BlockingDriver is a driver whose Remove waits until the resource no longer exists.
// [FromBlocking] converts it to a [Driver].
type BlockingDriver interface {
	// Provider is that of [Driver].
	Provider() (name, instance string)

	// Inspect is that of [Driver].
	Inspect(ctx context.Context, organization Organization, before *Plan) (*Plan, error)

	// Remove removes the resource of a step and waits until the resource no longer exists.
	// Remove may be called again after an error. It calls progress with a text when it starts
	// to wait.
	Remove(ctx context.Context, organization Organization, step Step, progress func(text string)) error

	// IsDeleted reports whether a read shows that the resource of a step does not exist.
	IsDeleted(ctx context.Context, organization Organization, step Step) (bool, error)

	// Delete is that of [Driver].
	Delete(ctx context.Context, organization Organization) (Deletion, error)
}

// FromBlocking returns a [Driver] whose Act calls Remove and whose Poll calls IsDeleted; nil
// if d is nil. While Remove waits, it counts as a request in flight for [WithConcurrency],
// unless it waits by a method of a client of this module and the concurrency is more than 1.
func FromBlocking(d BlockingDriver) Driver {
	if nilness.IsNil(d) {
		return nil
	}
	return blocking{d}
}

type blocking struct{ BlockingDriver }

func (b blocking) Act(ctx context.Context, o Organization, s Step) (Progress, error) {
	ctx, w := withInterruption(ctx)
	defer w.end()
	return Progress{State: ProgressPollFirst, Next: Wait{Now: true}}, b.Remove(ctx, o, s, w.startWaiting)
}

func (b blocking) Poll(ctx context.Context, o Organization, _ string, steps []Step) ([]Progress, error) {
	all := make([]Progress, len(steps))
	for i, s := range steps {
		deleted, err := b.IsDeleted(ctx, o, s)
		if err != nil {
			return nil, err
		}
		all[i].State = ProgressExists
		if deleted {
			all[i].State = ProgressNotFound
		}
	}
	return all, nil
}
