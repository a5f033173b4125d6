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

// Option says how a plan is carried out.
type Option func(*settings)

type settings struct {
	confirmed   bool
	name        string
	limited     bool // WithAllow was given, with or without an entry
	allow, deny []string
	overridden  []Override
	onEvent     func(Event)
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
	for _, option := range options {
		if option == nil {
			s.invalid("an option is nil")
			continue
		}
		option(s)
	}
	return s
}

// invalid keeps the first fault of the options.
func (s *settings) invalid(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// WithConfirm gives the name of the organization, as the one who wants it gone knows
// it. Without it nothing is carried out, nor when the organization is called
// otherwise. An organization without a name is confirmed by its ID. A name that is
// empty or white space confirms nothing: the error is [errors.NotConfirmed].
func WithConfirm(name string) Option {
	return func(s *settings) { s.confirmed, s.name = true, name }
}

// WithAllow names organizations, by id, that may be deleted: all others may not then. It
// applies to every organization that the plan deletes: its own, and those in
// [Step.Organization]. With no id, no organization may be deleted. An id that is
// empty or has white space at an end is [errors.InvalidArgument]; one that matches no
// organization of the plan is in [Report.UnmatchedAllow].
func WithAllow(ids ...string) Option {
	return func(s *settings) {
		s.limited = true
		s.allow = append(s.allow, ids...)
		s.check("Allow", ids)
	}
}

// WithDeny names organizations, by id, that are never deleted. It applies to every
// organization that the plan deletes: its own, and those in [Step.Organization]. Upper
// and lower case count as equal. An id that is empty or has white space at an end is
// [errors.InvalidArgument]; one that matches no organization of the plan is in
// [Report.UnmatchedDeny].
func WithDeny(ids ...string) Option {
	return func(s *settings) {
		s.deny = append(s.deny, ids...)
		s.check("Deny", ids)
	}
}

// check refuses ids that can match no organization: whoever gave them meant one.
func (s *settings) check(option string, ids []string) {
	for _, id := range ids {
		if id == "" || strings.TrimSpace(id) != id || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			s.invalid("%s contains an entry that is no ID", option) // it may be a secret
		}
	}
}

// WithOverrides permits what is not done without being permitted.
func WithOverrides(consents ...Override) Option {
	return func(s *settings) { s.overridden = append(s.overridden, consents...) }
}

// WithEvents has a function called with everything that happens, one call at a time.
// It should return soon.
func WithEvents(f func(Event)) Option {
	return func(s *settings) { s.onEvent = f }
}

// WithJournal has an [Entry] written for everything that is begun and every verdict, as
// a line of JSON. Where the writer has a method Sync, as an [os.File] has, it is
// called after each verdict. Nothing more is begun once writing fails. A writer may
// be shared: entries of teardowns that run at the same time do not mix. A nil writer
// is [errors.InvalidArgument].
func WithJournal(w io.Writer) Option {
	if isNil(w) {
		return func(s *settings) { s.invalid("the writer of the journal is nil") }
	}
	j := &journalWriter{w: w}
	return func(s *settings) { s.journal = j }
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

// WithConcurrency sets how many requests of steps are in flight at a time; 8 by default. As
// many polls may be in addition, except with 1. A step that waits for the provider has
// none.
func WithConcurrency(n int) Option {
	return func(s *settings) { s.concurrency = max(n, 1) }
}

// WithMaxStarted sets how many steps may be started and not finished; 100 by default.
// What is started may be deleted although the teardown is stopped, so this limits what a
// stop cannot prevent any more. It must be positive.
func WithMaxStarted(n int) Option {
	return func(s *settings) {
		if s.maxStarted = n; n <= 0 {
			s.invalid("the number of steps that may be started must be positive, not %d", n)
		}
	}
}

// WithStop ends a teardown gently when the channel is closed: no attempt and no step
// starts after it, and what runs is finished. A step that only waits, for the
// provider, its rate limit or another attempt, ends at once as [Interrupted]. Carry out the
// same plan again to resume. To end a teardown at once cancel its context.
func WithStop(stop <-chan struct{}) Option {
	return func(s *settings) { s.stop = stop }
}

// WithStepTimeout sets how long a step may take, waits included; one hour by default.
func WithStepTimeout(d time.Duration) Option {
	return func(s *settings) { s.stepTimeout = d }
}

// WithRetryFor sets how long a failing step, and the deletion of the organization, is
// retried: an attempt starts only within this time after the first failed one. The
// default is 15 minutes; 0 disables retries. An attempt that fails because of a step
// that still runs does not count. If the provider asks for a wait that exceeds the
// remaining time, the step fails at once, with the wait in RetryAfter of its error.
func WithRetryFor(d time.Duration) Option {
	return func(s *settings) {
		if s.retryFor = d; d < 0 {
			s.invalid("the time for retries is negative: %v", d)
		}
	}
}

// WithPlanTTL sets the maximum age of a plan when it is applied. The default is
// [PlanTTL], 24 hours. The age is the time since [Plan.CreatedAt]; [Plan.ExpiresAt]
// only informs. It must be positive.
func WithPlanTTL(d time.Duration) Option {
	return func(s *settings) {
		if s.planTTL = d; d <= 0 {
			s.invalid("the maximum age of a plan must be positive, not %v", d)
		}
	}
}

// WithResume sets the entries of earlier journals. An entry which shows that the
// deletion of the same organization (provider, instance and ID) was started proves
// that an organization which no longer exists was deleted: the outcome is [Deleted]
// instead of [NotFound]. It does not if a later entry shows that the provider refused
// that deletion. Entries of other organizations are ignored.
func WithResume(entries []Entry) Option {
	return func(s *settings) { s.resume = append(s.resume, entries...) }
}

func (s *settings) overrides(c Override) bool { return slices.Contains(s.overridden, c) }

// mayDelete returns why an organization must not be deleted; nil if it may.
func (s *settings) mayDelete(id string) error {
	switch {
	case slices.ContainsFunc(s.deny, func(denied string) bool { return strings.EqualFold(denied, id) }):
		return errors.New("the organization must not be deleted")
	case s.limited && !slices.Contains(s.allow, id):
		return errors.New("the organization is not among those that may be deleted")
	}
	return nil
}
