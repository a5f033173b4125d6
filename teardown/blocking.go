package teardown

import "context"

// BlockingDriver is a driver whose Remove returns only when it has waited for the end of
// a removal. [FromBlocking] makes a [Driver] of it.
type BlockingDriver interface {
	Provider() (name, instance string)
	Inspect(ctx context.Context, organization Organization, before *Plan) (*Plan, error)

	// Remove removes the resource of a step and waits until it does not exist. It may be
	// called again after a failure. progress takes what is being waited for.
	Remove(ctx context.Context, organization Organization, step Step, progress func(text string)) error

	// IsDeleted reads whether the resource of a step does not exist.
	IsDeleted(ctx context.Context, organization Organization, step Step) (bool, error)

	Delete(ctx context.Context, organization Organization) (Deletion, error)
}

// FromBlocking returns a driver that acts by Remove and polls by IsGone. A step whose
// Remove waits occupies one of the slots of [WithConcurrency] meanwhile, unless Remove waits
// by a waiter of this module's clients and Concurrency is more than 1.
func FromBlocking(d BlockingDriver) Driver {
	if isNil(d) {
		return nil
	}
	return blocking{d}
}

type blocking struct{ BlockingDriver }

func (b blocking) Act(ctx context.Context, o Organization, s Step) (Progress, error) {
	ctx, w := withInterruption(ctx)
	defer w.end()
	return Progress{State: ProgressPollFirst, Next: Wait{Now: true}}, b.Remove(ctx, o, s, w.begin)
}

func (b blocking) Poll(ctx context.Context, o Organization, _ string, steps []Step) ([]Progress, error) {
	all := make([]Progress, len(steps))
	for i, s := range steps {
		gone, err := b.IsDeleted(ctx, o, s)
		if err != nil {
			return nil, err
		}
		if gone {
			all[i].State = ProgressNotFound
		}
	}
	return all, nil
}
