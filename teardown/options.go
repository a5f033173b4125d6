package teardown

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/nilness"
)

// Option configures applying a plan. The functions of this package return options. A nil
// option or an invalid value returns [errors.InvalidArgument] before the first request.
//
// If an option is given more than once, the last one counts, except that the values of
// [WithAllow], [WithDeny], [WithOverrides], [WithEvents] and [WithResume] add up.
type Option interface{ apply(*settings) }

type option func(*settings)

func (o option) apply(s *settings) { o(s) }

type settings struct {
	confirmed   bool
	name        string
	limited     bool // WithAllow was given, with or without an entry
	allow, deny []string
	overridden  []Override
	onEvent     []func(Event)
	journal     JournalWriter
	concurrency int // maximum number of requests in flight
	maxStarted  int
	stop        <-chan struct{}
	lease       func(context.Context) error
	stepTimeout time.Duration
	retryFor    time.Duration
	planTTL     time.Duration
	resume      []Entry
	err         error // the first option that is invalid
}

func configure(options []Option) *settings {
	s := &settings{concurrency: 8, maxStarted: 100, stepTimeout: time.Hour, retryFor: 15 * time.Minute, planTTL: PlanTTL}
	for _, o := range options {
		if nilness.IsNil(o) {
			s.invalid("the option is nil")
			continue
		}
		o.apply(s)
	}
	return s
}

// invalid keeps the first fault of the options.
func (s *settings) invalid(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// WithConfirm sets the expected name of the organization; its ID if it has no name. If the
// option is missing, the name is empty or white space, or the organization has another name,
// applying returns [errors.NotConfirmed].
func WithConfirm(name string) Option {
	return option(func(s *settings) { s.confirmed, s.name = true, name })
}

// WithAllow permits the deletion of the organizations with these IDs, and of no others. It
// applies to each organization that the plan deletes: its own, and those in
// [Step.Organization]. Without an ID, no organization may be deleted. The default permits all.
// An ID is invalid if it is empty, or contains white space at an end or characters that do not
// print. [Report.UnmatchedAllow] lists the IDs that match no organization of the plan.
func WithAllow(ids ...string) Option {
	ids = slices.Clone(ids)
	return option(func(s *settings) {
		s.limited = true
		s.allow = append(s.allow, ids...)
		s.check("WithAllow", ids)
	})
}

// WithDeny forbids the deletion of the organizations with these IDs. It applies to each
// organization that the plan deletes: its own, and those in [Step.Organization]. It ignores
// case, and takes precedence over [WithAllow]. An ID is invalid as in WithAllow.
// [Report.UnmatchedDeny] lists the IDs that match no organization of the plan.
func WithDeny(ids ...string) Option {
	ids = slices.Clone(ids)
	return option(func(s *settings) {
		s.deny = append(s.deny, ids...)
		s.check("WithDeny", ids)
	})
}

// check refuses IDs that can match no organization.
func (s *settings) check(option string, ids []string) {
	for _, id := range ids {
		if id == "" || strings.TrimSpace(id) != id || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			s.invalid("%s contains an invalid ID", option) // without the ID, which may be a secret
		}
	}
}

// WithOverrides permits actions that applying refuses by default. [Plan.Overrides] lists the
// overrides that a plan requires; if one is missing, applying returns [errors.NotConfirmed].
// An unknown override is invalid.
func WithOverrides(overrides ...Override) Option {
	overrides = slices.Clone(overrides)
	return option(func(s *settings) {
		for _, o := range overrides {
			if !slices.Contains(Overrides(), o) {
				s.invalid("unknown override %q", string(o))
			}
		}
		s.overridden = append(s.overridden, overrides...)
	})
}

// WithEvents calls f with each event, one call at a time. The teardown waits for f to return.
// The functions of several options are called in the order of the options. A nil f is invalid.
func WithEvents(f func(Event)) Option {
	return option(func(s *settings) {
		if f == nil {
			s.invalid("the function of WithEvents is nil")
			return
		}
		s.onEvent = append(s.onEvent, f)
	})
}

// WithJournal writes an [Entry], as a line of JSON, before each start and after each result.
// If the writer has a method Sync, as an [os.File] has, it is called after each result.
// Nothing starts after a write has failed; the error is [errors.Internal]. Apply the plan again
// when the journal can be written. A nil writer is invalid.
//
// Each entry is one call of Write. Teardowns that run at the same time must share the option,
// not only the writer: then calls of Write do not overlap, and no entry continues a line that
// a failed write has cut. If several options, or several processes, have the same file, open
// it with [os.O_APPEND].
func WithJournal(w io.Writer) Option {
	if nilness.IsNil(w) {
		return option(func(s *settings) { s.invalid("the writer of the journal is nil") })
	}
	j := &lineWriter{w: w}
	return option(func(s *settings) { s.journal = j })
}

// WithJournalWriter stores each [Entry] in w, as [WithJournal] writes it to a writer. Of both
// options, the last one counts. Nothing starts after an error of w; the error is
// [errors.Internal]. A nil w is invalid.
func WithJournalWriter(w JournalWriter) Option {
	if nilness.IsNil(w) {
		return option(func(s *settings) { s.invalid("the JournalWriter is nil") })
	}
	return option(func(s *settings) { s.journal = w })
}

// WithConcurrency sets the maximum number of requests in flight; the default is 8. The same
// number of polls may be in flight in addition, unless n is 1. A step that waits for the
// provider has no request in flight. n must be positive.
func WithConcurrency(n int) Option {
	return option(func(s *settings) {
		if s.concurrency = n; n <= 0 {
			s.invalid("WithConcurrency must be positive, not %d", n)
		}
	})
}

// WithMaxStarted sets the maximum number of steps that are started and not finished; the
// default is 100. The provider may delete the resources of these steps after a stop. n must be
// positive.
func WithMaxStarted(n int) Option {
	return option(func(s *settings) {
		if s.maxStarted = n; n <= 0 {
			s.invalid("WithMaxStarted must be positive, not %d", n)
		}
	})
}

// WithStop stops the teardown when the channel is closed: requests in flight finish, and no
// attempt or step starts after that. A step that waits for the provider, the rate limiter or
// the next attempt ends at once as [StepInterrupted]. An inspection ends after the requests in
// flight. After a stop, at most as many steps as [WithConcurrency] permits are polled once, if a
// poll decides whether a removal was accepted. Apply the same plan again to resume. Cancel the
// context to stop at once. A nil channel never stops the teardown.
func WithStop(stop <-chan struct{}) Option {
	return option(func(s *settings) { s.stop = stop })
}

// WithLease calls valid right before each request that may change something, and before each call of
// [Driver.Act] and [Driver.Delete]. If valid returns an error, the request is not sent, and the
// teardown stops as after [WithStop], with this error as the reason. Use WithLease if another process
// may apply the same plan after this one has lost the right to do so. The function is called from
// several goroutines at the same time, possibly more than once for a request. A nil function is
// invalid.
func WithLease(valid func(context.Context) error) Option {
	return option(func(s *settings) {
		if s.lease = valid; valid == nil {
			s.invalid("the function of WithLease is nil")
		}
	})
}

// WithStepTimeout sets the maximum time of a step, waits included; the default is one hour.
// d must be positive.
func WithStepTimeout(d time.Duration) Option {
	return option(func(s *settings) {
		if s.stepTimeout = d; d <= 0 {
			s.invalid("WithStepTimeout must be positive, not %v", d)
		}
	})
}

// WithRetryFor sets how long a failing step, and the deletion of the organization, is retried:
// another attempt starts only within this time after the first failed one. The default is 15
// minutes; 0 disables retries. An attempt that a running step may have blocked does not count.
// If the provider requires a wait that exceeds the remaining time, the step fails at once, and
// RetryAfter of its error is that wait. d must not be negative.
func WithRetryFor(d time.Duration) Option {
	return option(func(s *settings) {
		if s.retryFor = d; d < 0 {
			s.invalid("WithRetryFor must not be negative: %v", d)
		}
	})
}

// WithPlanTTL sets the maximum age of a plan when it is applied. The default is
// [PlanTTL], 24 hours. The age is the time since [Plan.CreatedAt]. d must be positive.
func WithPlanTTL(d time.Duration) Option {
	return option(func(s *settings) {
		if s.planTTL = d; d <= 0 {
			s.invalid("WithPlanTTL must be positive, not %v", d)
		}
	})
}

// WithResume sets the entries of earlier journals; see [ReadJournal]. If an entry shows that
// the deletion of the same organization (provider, instance and ID) was started, and no later
// entry shows that the provider refused it or that a read found the organization, an organization
// that no longer exists has the outcome [Deleted] instead of [NotFound]; see [DeletionRecorded].
// If an entry shows that a read found the organization deleted, a credential that is refused now,
// because it ended with the organization, does not change the outcome [Deleted].
//
// If the last deletion was started less than 10 seconds ago and the organization exists, applying
// waits for the rest of that time and inspects again, because the request may still be in flight.
// [ExecuteSteps] and [ExecuteDelete] also use the entries about steps. Entries of other
// organizations have no effect.
func WithResume(entries []Entry) Option {
	entries = slices.Clone(entries)
	return option(func(s *settings) { s.resume = append(s.resume, entries...) })
}

// overrides reports whether an override is set.
func (s *settings) overrides(o Override) bool { return slices.Contains(s.overridden, o) }

// mayDelete returns the reason why an organization must not be deleted; nil if it may.
func (s *settings) mayDelete(id string) error {
	switch {
	case slices.ContainsFunc(s.deny, func(denied string) bool { return strings.EqualFold(denied, id) }):
		return errors.New("the organization is denied")
	case s.limited && !slices.Contains(s.allow, id):
		return errors.New("the organization is not allowed")
	}
	return nil
}
