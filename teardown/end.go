package teardown

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/internal/wait"
)

// end deletes the organization if all steps are deleted.
func (r *run) end(ctx context.Context) (*Report, error) {
	var failed, interrupted []error
	incomplete := false
	for _, s := range r.states {
		incomplete = incomplete || !s.State.deleted()
		switch {
		case s.Err == nil:
		case s.State == StepInterrupted:
			interrupted = append(interrupted, s.Err)
		default:
			failed = append(failed, s.Err)
		}
	}
	switch {
	case len(failed) > 0:
		return r.finish(Deletion{Outcome: Blocked}, errors.Join(append(failed, interrupted...)...))
	case ctx.Err() != nil && len(interrupted) > 0:
		return r.finish(Deletion{Outcome: Stopped}, errors.Join(interrupted...))
	case r.stopped(ctx):
		return r.finish(Deletion{Outcome: Stopped}, r.ended(ctx))
	case incomplete:
		return r.finish(Deletion{Outcome: Blocked}, r.refuse(errors.DeletionStepsNotSatisfied, remaining(r.states), ""))
	}
	var last trace.Last
	ctx = trace.WithAttempts(trace.With(ctx, &last), new(trace.Attempts))
	tries := retries{within: r.settings.retryFor}
	for attempt := 1; ; attempt++ {
		r.proved = nil // the resource of a step may exist again since the attempt before
		deletion, err := r.delete(ctx, &last)
		pause := r.backoff("", attempt, err)
		shown := r.typed(ctx, err)
		again := retryable(shown)
		switch {
		case err == nil:
			return r.finish(deletion, nil)
		case err == errNotStarted:
			return r.finish(Deletion{Outcome: Stopped}, r.ended(ctx))
		// OutcomeUnknown comes first: the code of its cause does not describe the outcome.
		case errors.Is(err, errors.OutcomeUnknown):
			return r.finish(Deletion{Outcome: Unknown}, err)
		case r.absent(err) && r.deletionStarted:
			return r.finish(Deletion{Outcome: Deleted, RequestID: requestIDOf(err)}, nil)
		case r.absent(err):
			// A read found the organization a moment ago, and no request of this run deleted it.
			return r.finish(Deletion{Outcome: NotFound}, err)
		case r.deletionStarted && denied(err):
			return r.finish(Deletion{Outcome: Unknown}, r.unknown(err))
		case !r.journal.failed() && r.stopped(ctx) && (canceled(err) || again):
			if e, ok := errors.AsType[*errors.Error](err); !ok || e.Code == errors.Canceled {
				err = r.ended(ctx) // the error is about one request, not about the teardown
			}
			return r.finish(Deletion{Outcome: Stopped}, err)
		case r.journal.failed() || !again || !tries.again(pause):
			outcome, err := r.decide(ctx, err)
			return r.finish(Deletion{Outcome: outcome}, err)
		}
		r.event(Event{Kind: EventRetrying, Text: text(shown), Wait: pause, Err: shown})
		if wait.Sleep(ctx, pause) != nil {
			return r.finish(Deletion{Outcome: Stopped}, shown)
		}
	}
}

// decide returns the outcome after an error of the last attempt, and its error. If the deletion
// may have had its effect, an inspection decides: the error of a driver shows only that the
// answer was not a success. An inspection also follows a credential that is refused: it may have
// ended with the organization, which others may have deleted.
func (r *run) decide(ctx context.Context, err error) (Outcome, error) {
	sent := r.undecided
	if !sent && !(r.method == methodDelete && denied(err)) {
		return Blocked, err
	}
	err = r.typed(ctx, err) // before another method is called
	switch _, failure := r.inspect(ctx); {
	case r.absent(failure) && sent:
		return Deleted, nil
	case r.absent(failure):
		return NotFound, failure
	case r.undecided, denied(failure): // the inspection failed
		return Unknown, r.unknown(err)
	}
	return Blocked, err
}

// ended returns the error of a teardown that the context or a stop ended. Its code is
// [errors.Canceled] if neither a step nor a deletion was started.
func (r *run) ended(ctx context.Context) error {
	code := errors.Canceled
	if r.deletionStarted || slices.ContainsFunc(r.states, func(s StepReport) bool { return !s.StartedAt.IsZero() }) {
		code = errors.NotFinished
	}
	return r.refuse(code, remaining(r.states), "%w", r.stopCause(ctx.Err(), trace.ErrStopped))
}

// errNotStarted is the error of a deletion that did not start, because of a stop or because the
// context ended.
var errNotStarted = errors.New("the deletion was not started")

// delete reads the organization once more, and deletes it. If a deletion is in progress
// already, delete sends no request and writes no entry.
func (r *run) delete(ctx context.Context, last *trace.Last) (Deletion, error) {
	if err := r.verify(trace.WithReadsStopped(ctx)); err != nil {
		return Deletion{}, err
	}
	switch {
	case r.pending != nil && r.pending.Outcome != Pending:
		return Deletion{}, r.refuse(errors.DriverFailed, nil, "the driver returned a pending deletion with the outcome %q", r.pending.Outcome)
	case r.pending != nil:
		return *r.pending, nil
	case r.stopped(ctx):
		return Deletion{}, errNotStarted
	}
	if err := r.write(Entry{Kind: EntryDeletionStarted}, nil); err != nil {
		return Deletion{}, err
	}
	// The journal and the polls after the inspection may be slow.
	if late := time.Since(r.inspectedAt) >= maxInspectionAge; late || r.stopped(ctx) || r.checkLease(ctx) != nil {
		if err := r.write(Entry{Kind: EntryDeletionRefused}, nil); err != nil {
			return Deletion{}, err
		}
		switch r.late++; {
		case !late:
			return Deletion{}, errNotStarted
		case r.late < maxLate:
			return r.delete(ctx, last) // with another inspection
		}
		return Deletion{}, r.refuse(errors.Unavailable, nil, "more than %v pass between the inspection and the deletion", maxInspectionAge)
	}
	r.method = methodDelete
	before, requestsBefore := last.Sent(), last.Requests()
	fresh := trace.WithFreshness(ctx, r.inspectedAt.Add(maxInspectionAge), func(ctx context.Context) (time.Time, error) {
		r.proved = nil // after a wait
		err := r.verify(trace.WithReadsStopped(ctx))
		return r.inspectedAt.Add(maxInspectionAge), err
	})
	deletion, err := r.driver.Delete(fresh, r.plan.Organization)
	// The requests of a driver of another module are not recorded.
	unsent := last.Sent() == before && last.Requests() > requestsBefore
	if err == nil && deletion.Outcome != Deleted && deletion.Outcome != Pending {
		err = r.unknown(fmt.Errorf("the driver returned the outcome %q without an error", deletion.Outcome))
	}
	if err == nil || !unsent && !definite(err) {
		r.deletionStarted, r.undecided = true, true
		if _, ok := errors.AsType[*errors.Error](err); err != nil && !ok {
			err = r.unknown(err) // nothing shows that a read has decided
		}
		return deletion, err
	}
	if failed := r.write(Entry{Kind: EntryDeletionRefused, RequestID: requestIDOf(err)}, r.typed(ctx, err)); failed != nil {
		return Deletion{}, failed
	}
	return Deletion{}, err
}

// verify reads, right before the deletion, that the organization has no resource that the
// plan lacks, and that no removed resource exists again. F5, Zitadel and Applivery delete an
// organization with all its resources, including those that were created while the steps ran.
// Katapult and Atlas refuse to delete an organization that is not empty; but its cascades,
// such as credentials, and the confirmed name may have changed there, too. Reading an
// organization without steps takes few requests. The first inspection is used if it was made
// right before the deletion: see [run.isRightBefore].
func (r *run) verify(ctx context.Context) error {
	now, first := r.inspected, r.isRightBefore()
	r.inspected = nil // another attempt inspects
	if !first {
		var err error
		if now, err = r.inspect(ctx); err != nil {
			return err
		}
	}
	if err := now.Err(); err != nil && permanent(err) {
		return err
	}
	r.pending = now.PendingDeletion
	// A list may still contain a resource that a read has shown not to exist.
	var listed []Step
	for _, step := range now.Steps {
		switch {
		case step.Manual: // the driver cannot poll a manual step
			return r.existsAgain(step)
		case !r.proved[step.ID]:
			listed = append(listed, step)
		}
	}
	r.method = methodPoll
	deleted, errs := r.areDeleted(ctx, listed)
	for i, step := range listed {
		switch {
		case errs[i] != nil:
			return errs[i]
		case !deleted[i]:
			return r.existsAgain(step)
		}
		if r.proved == nil {
			r.proved = map[string]bool{}
		}
		r.proved[step.ID] = true
	}
	return nil
}

func (r *run) existsAgain(step Step) error {
	return r.refuse(errors.PlanStale, []errors.Step{{Name: step.ID, Description: "exists again"}}, "%s exists again", step.ID)
}

// maxInspectionAge is the maximum age of an inspection when the deletion of the organization is
// sent.
const maxInspectionAge = 10 * time.Second

// maxLate is the number of deletions that are not sent because the inspection is too old, from
// which on another attempt must be permitted by [WithRetryFor].
const maxLate = 3

// isRightBefore reports whether the first inspection was made right before the deletion: the
// run starts and polls no step, and the inspection has just ended. A slow
// journal or event function makes a second inspection necessary.
func (r *run) isRightBefore() bool {
	return r.inspected != nil && time.Since(r.inspectedAt) < maxInspectionAge && r.noSteps
}

// definite reports whether an error of a deletion shows that the provider refused the
// deletion. After any other error the provider may execute it, unless no connection was made,
// which the trace shows and not the error.
func definite(err error) bool {
	for _, code := range []errors.Code{
		errors.DeletionStepsNotSatisfied, errors.NotFound, errors.Unauthenticated, errors.PermissionDenied,
		errors.InvalidArgument, errors.Conflict, errors.RateLimitReached, errors.NotConfirmed, errors.PlanStale,
		errors.Canceled,
	} {
		if errors.Is(err, code) {
			return !errors.Is(err, errors.OutcomeUnknown)
		}
	}
	// A 4xx of a proxy or of a route that does not exist: the request did not reach the
	// organization.
	e, ok := errors.AsType[*errors.Error](err)
	return ok && errors.Is(err, errors.UnexpectedResponse) && e.Status >= 400 && e.Status <= 499
}

// absent reports whether an error states that the organization of the plan does not exist. An
// error about a list or another organization does not.
func (r *run) absent(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.OrganizationNotFound && (e.Target == "" || e.Target == r.plan.Organization.ID)
}

// notFound ends a teardown whose first read does not find the organization. The outcome is
// [Deleted] only if a deletion was started: the provider answers in the same way to a
// credential that may not see the organization.
func (r *run) notFound(err error) (*Report, error) {
	missing, d := StepNotStarted, Deletion{Outcome: NotFound}
	if r.deletionStarted || r.recorded.deletion() {
		missing, d, err = StepAlreadyDeleted, Deletion{Outcome: Deleted}, nil
	}
	r.start(nil, missing, nil)
	failed := r.write(Entry{Kind: EntryStarted}, nil)
	if failed == nil {
		failed = r.writeDeleted()
	}
	if failed != nil && d.Outcome != Deleted { // a deletion that earlier runs prove stays certain
		return nil, failed
	}
	return r.finish(d, err)
}
