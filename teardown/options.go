package teardown

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/offboard-dev/offboard-go/errors"
)

// Option configures the application of a plan. The functions of this package return options.
// An invalid value, and nil, are [errors.InvalidArgument] before anything is read.
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
	journal     *journalWriter
	concurrency int // requests in flight
	maxStarted  int
	stop        <-chan struct{}
	stepTimeout time.Duration
	retryFor    time.Duration
	planTTL     time.Duration
	resume      []Entry
	err         error // the first option that is invalid
}

func configure(options []Option) *settings {
	s := &settings{concurrency: 8, maxStarted: 100, stepTimeout: time.Hour, retryFor: 15 * time.Minute, planTTL: PlanTTL}
	for _, o := range options {
		if o == nil {
			s.invalid("nil Option")
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

// WithConfirm sets the name of the organization as the caller knows it. Without it, or if
// the organization has another name, applying returns [errors.NotConfirmed]. An organization
// without a name is confirmed by its ID. A name that is empty or white space confirms
// nothing.
func WithConfirm(name string) Option {
	return option(func(s *settings) { s.confirmed, s.name = true, name })
}

// WithAllow permits the deletion of the organizations with these IDs, and of no others. It
// applies to every organization that the plan deletes: its own, and those in
// [Step.Organization]. Without an ID, no organization may be deleted. An ID that is
// empty or has white space at an end is invalid; one that matches no organization of the plan
// is in [Report.UnmatchedAllow].
func WithAllow(ids ...string) Option {
	return option(func(s *settings) {
		s.limited = true
		s.allow = append(s.allow, ids...)
		s.check("WithAllow", ids)
	})
}

// WithDeny forbids the deletion of the organizations with these IDs. It applies to every
// organization that the plan deletes: its own, and those in [Step.Organization]. Upper
// and lower case count as equal. An ID that is empty or has white space at an end is
// invalid; one that matches no organization of the plan is in [Report.UnmatchedDeny].
func WithDeny(ids ...string) Option {
	return option(func(s *settings) {
		s.deny = append(s.deny, ids...)
		s.check("WithDeny", ids)
	})
}

// check refuses IDs that can match no organization.
func (s *settings) check(option string, ids []string) {
	for _, id := range ids {
		if id == "" || strings.TrimSpace(id) != id || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			s.invalid("%s contains an entry that is no ID", option) // it may be a secret
		}
	}
}

// WithOverrides sets overrides: each permits one kind of action that applying refuses by
// default. [Plan.Overrides] lists those that a plan requires. An unknown one is invalid.
func WithOverrides(overrides ...Override) Option {
	return option(func(s *settings) {
		for _, o := range overrides {
			if !slices.Contains(Overrides(), o) {
				s.invalid("unknown override %q", string(o))
			}
		}
		s.overridden = append(s.overridden, overrides...)
	})
}

// WithEvents calls a function with each event, one call at a time. The function should
// return soon, because the teardown waits for it. Several functions are called in the order
// of their options.
func WithEvents(f func(Event)) Option {
	return option(func(s *settings) {
		if f == nil {
			s.invalid("WithEvents has no function")
			return
		}
		s.onEvent = append(s.onEvent, f)
	})
}

// WithJournal writes an [Entry], as a line of JSON, before each start and after each result.
// If the writer has a method Sync, as an [os.File] has, it is called after each result.
// Nothing starts after a write has failed. A nil writer is invalid.
//
// Each entry is one call of Write. Teardowns that run at the same time must share the option,
// not only the writer: then calls of Write do not overlap, and no entry continues a line that
// a failed write has cut. If several options, or several processes, have the same file, open
// it with [os.O_APPEND].
func WithJournal(w io.Writer) Option {
	if isNil(w) {
		return option(func(s *settings) { s.invalid("the writer of the journal is nil") })
	}
	j := &journalWriter{w: w}
	return option(func(s *settings) { s.journal = j })
}

// isNil reports whether a value is nil, or an interface that contains a nil pointer.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice, reflect.Interface:
		return value.IsNil()
	}
	return false
}

// WithConcurrency sets the maximum number of requests of steps that are in flight; the
// default is 8. As many polls may be in flight in addition, except with 1. A step that waits
// for the provider has no request in flight. The number must be positive.
func WithConcurrency(n int) Option {
	return option(func(s *settings) {
		if s.concurrency = n; n <= 0 {
			s.invalid("WithConcurrency must be positive, not %d", n)
		}
	})
}

// WithMaxStarted sets the maximum number of steps that are started and not finished; the
// default is 100. The provider may delete their resources although the teardown is stopped,
// so this limits what a stop cannot prevent. The number must be positive.
func WithMaxStarted(n int) Option {
	return option(func(s *settings) {
		if s.maxStarted = n; n <= 0 {
			s.invalid("WithMaxStarted must be positive, not %d", n)
		}
	})
}

// WithStop stops the teardown gently when the channel is closed: no attempt and no step
// starts after that, and requests in flight are finished. A step that waits, for the
// provider, its rate limit or another attempt, ends at once as [StepInterrupted]. Apply the same
// plan again to resume. Cancel the context to end a teardown at once.
func WithStop(stop <-chan struct{}) Option {
	return option(func(s *settings) { s.stop = stop })
}

// WithStepTimeout sets the maximum time of a step, waits included; the default is one hour.
// It must be positive.
func WithStepTimeout(d time.Duration) Option {
	return option(func(s *settings) {
		if s.stepTimeout = d; d <= 0 {
			s.invalid("WithStepTimeout must be positive, not %v", d)
		}
	})
}

// WithRetryFor sets how long a failing step, and the deletion of the organization, is
// retried: an attempt starts only within this time after the first failed one. The
// default is 15 minutes; 0 disables retries. An attempt that fails because of a step
// that still runs does not count. If the provider asks for a wait that exceeds the
// remaining time, the step fails at once, with the wait in RetryAfter of its error. The
// time must not be negative.
func WithRetryFor(d time.Duration) Option {
	return option(func(s *settings) {
		if s.retryFor = d; d < 0 {
			s.invalid("WithRetryFor must not be negative: %v", d)
		}
	})
}

// WithPlanTTL sets the maximum age of a plan when it is applied. The default is
// [PlanTTL], 24 hours. The age is the time since [Plan.CreatedAt]; [Plan.ExpiresAt]
// only informs. It must be positive.
func WithPlanTTL(d time.Duration) Option {
	return option(func(s *settings) {
		if s.planTTL = d; d <= 0 {
			s.invalid("WithPlanTTL must be positive, not %v", d)
		}
	})
}

// WithResume sets the entries of earlier journals. An entry which shows that the
// deletion of the same organization (provider, instance and ID) was started proves
// that an organization which no longer exists was deleted: the outcome is [Deleted]
// instead of [NotFound]. It does not if a later entry shows that the provider refused
// that deletion. Entries of other organizations are ignored.
func WithResume(entries []Entry) Option {
	return option(func(s *settings) { s.resume = append(s.resume, entries...) })
}

// overrides reports whether an override was given.
func (s *settings) overrides(o Override) bool { return slices.Contains(s.overridden, o) }

// mayDelete returns why an organization must not be deleted; nil if it may.
func (s *settings) mayDelete(id string) error {
	switch {
	case slices.ContainsFunc(s.deny, func(denied string) bool { return strings.EqualFold(denied, id) }):
		return errors.New("the organization is denied")
	case s.limited && !slices.Contains(s.allow, id):
		return errors.New("the organization is not among those that are allowed")
	}
	return nil
}
