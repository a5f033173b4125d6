package teardown

import (
	"context"
	"fmt"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/internal/wait"
)

// end deletes the organization, once every step is gone.
func (r *run) end(ctx context.Context) (*Report, error) {
	var failed, interrupted []error
	left := false
	for _, s := range r.states {
		left = left || !s.State.deleted()
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
		return r.finish(Deletion{Outcome: Stopped}, r.refuse(errors.Canceled, remaining(r.states), ""))
	case left:
		return r.finish(Deletion{Outcome: Blocked}, r.refuse(errors.DeletionStepsNotSatisfied, remaining(r.states), ""))
	}
	var last trace.Last
	ctx = trace.With(ctx, &last)
	tries := retries{within: r.settings.retryFor}
	for attempt := 1; ; attempt++ {
		deletion, err := r.delete(ctx, &last)
		pause := r.backoff("", attempt, err)
		switch {
		case err == nil:
			return r.finish(deletion, nil, last.ID())
		// What is not known comes first: its cause says nothing of what became of it.
		case errors.Is(err, errors.OutcomeUnknown):
			return r.finish(Deletion{Outcome: Unknown}, err, last.ID())
		case r.absent(err) && r.deletionStarted:
			return r.finish(Deletion{Outcome: Deleted}, nil, last.ID())
		case r.absent(err):
			// A read found it a moment ago, and no request of ours has deleted it.
			return r.finish(Deletion{Outcome: NotFound}, err, last.ID())
		case r.deletionStarted && denied(err):
			return r.finish(Deletion{Outcome: Unknown}, r.unknown(err), last.ID())
		case !r.journal.failed() && r.stopped(ctx) && (canceled(err) || retryable(err)):
			return r.finish(Deletion{Outcome: Stopped}, err, last.ID())
		case r.journal.failed() || !retryable(err) || !tries.again(pause):
			return r.finish(Deletion{Outcome: Blocked}, err, last.ID())
		}
		r.event(Event{Kind: EventRetrying, Text: text(err), Wait: pause, Err: err})
		if wait.Sleep(ctx, pause) != nil {
			return r.finish(Deletion{Outcome: Stopped}, err, last.ID())
		}
	}
}

// delete reads the organization once more, and deletes it. A deletion that is under way
// already is not requested, and the journal has no entry of one.
func (r *run) delete(ctx context.Context, last *trace.Last) (Deletion, error) {
	if err := r.verify(ctx); err != nil {
		return Deletion{}, err
	}
	if r.underway != nil {
		return *r.underway, nil
	}
	if err := r.write(Entry{Kind: EntryDeletionStarted}, nil); err != nil {
		return Deletion{}, err
	}
	triedBefore, sentBefore := last.Writes()
	deletion, err := r.driver.Delete(ctx, r.plan.Organization)
	tried, sent := last.Writes()
	unsent := tried > triedBefore && sent == sentBefore
	if err == nil && deletion.Outcome != Deleted && deletion.Outcome != Pending {
		err = r.unknown(fmt.Errorf("the driver returned the outcome %q without an error", deletion.Outcome))
	}
	if err == nil || !unsent && !definite(err) {
		r.deletionStarted = true
		return deletion, err
	}
	if failed := r.write(Entry{Kind: EntryDeletionRefused, RequestID: last.ID()}, err); failed != nil {
		return Deletion{}, failed
	}
	return Deletion{}, err
}

// verify reads, right before the deletion, that the organization has nothing that is
// not in the plan, and that what was removed is still gone. F5, Zitadel and Applivery
// delete an organization with all that it has, so that what was created while the
// steps ran would be deleted unseen. Katapult and Atlas refuse an organization that is
// not empty; what they delete along with it, such as credentials, and the name that was
// confirmed may have changed there, too. An organization without steps left takes few
// requests to read. The first inspection stands if it was made right before the deletion:
// see [run.isRightBefore].
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
	r.underway = now.PendingDeletion
	for _, step := range now.Steps {
		// A list may still show what one read has shown to be gone.
		gone, err := r.isDeleted(ctx, step)
		switch {
		case err != nil:
			return err
		case !gone:
			steps := []errors.Step{{Name: step.ID, Description: "exists again"}}
			return r.refuse(errors.PlanStale, steps, "%s exists again", step.ID)
		}
	}
	return nil
}

// maxInspectionAge is how long ago the first inspection may have ended at the deletion of
// the organization, to make another one redundant.
const maxInspectionAge = 10 * time.Second

// isRightBefore reports whether another inspection would show nothing that the first one
// did not: the plan has no step that is started or polled, so that nothing happened since,
// and the first inspection has just ended. A journal or a function for events that takes
// long makes another inspection necessary.
func (r *run) isRightBefore() bool {
	return r.inspected != nil && time.Since(r.inspectedAt) < maxInspectionAge &&
		len(r.plan.Manual()) == len(r.plan.Steps)
}

// definite reports whether an error of a deletion shows that the provider refused it.
// After any other error it may still be carried out, unless no connection was made for
// it: an error cannot tell that.
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

// absent reports whether an error says that the organization of the plan does not
// exist. That something else is not found, a list or another organization, does not
// say so.
func (r *run) absent(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.OrganizationNotFound && (e.Target == "" || e.Target == r.plan.Organization.ID)
}

// notFound is the end of a teardown whose first read does not find the organization.
// That is the end of a deletion only if one was started: the provider says the same to
// a credential that may not see the organization.
func (r *run) notFound(err error) (*Report, error) {
	missing, d := StepNotStarted, Deletion{Outcome: NotFound}
	if r.deletionStarted {
		missing, d, err = StepAlreadyDeleted, Deletion{Outcome: Deleted}, nil
	}
	r.start(nil, missing, nil)
	if failed := r.write(Entry{Kind: EntryStarted}, nil); failed != nil {
		return nil, failed
	}
	if failed := r.writeDeleted(); failed != nil {
		return nil, failed
	}
	return r.finish(d, err)
}
