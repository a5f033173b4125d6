package teardown

import "context"

type stepKey struct{}

// withStep returns the context of the acts of a step.
func withStep(ctx context.Context, step *Step) context.Context {
	return context.WithValue(ctx, stepKey{}, step)
}

// StepFromContext returns the step that a context belongs to, and reports whether it belongs to
// one. The contexts of [Driver.Act] and of its requests belong to a step. A poll may read the
// resources of several steps, so that its context belongs to none.
func StepFromContext(ctx context.Context) (Step, bool) {
	step, ok := ctx.Value(stepKey{}).(*Step)
	if !ok {
		return Step{}, false
	}
	return *step, true
}
