package teardown

import (
	"io"
	"slices"
	"time"
)

// Option says how a plan is carried out.
type Option func(*settings)

type settings struct {
	confirmed   bool
	name        string
	allow, deny []string
	permitted   []Consent
	onEvent     func(Event)
	journal     io.Writer
	concurrency int
	stop        <-chan struct{}
	stepTimeout time.Duration
	retryFor    time.Duration
	planTTL     time.Duration
	resume      []Entry
}

func configure(options []Option) *settings {
	s := &settings{concurrency: 8, stepTimeout: time.Hour, retryFor: 15 * time.Minute, planTTL: Validity}
	for _, option := range options {
		option(s)
	}
	return s
}

// Confirm gives the name of the organization, as the one who wants it gone knows
// it. Without it nothing is carried out, nor when the organization is called
// otherwise.
func Confirm(name string) Option {
	return func(s *settings) { s.confirmed, s.name = true, name }
}

// Allow names organizations, by id, that may be deleted: all others may not then.
func Allow(ids ...string) Option {
	return func(s *settings) { s.allow = append(s.allow, ids...) }
}

// Deny names organizations, by id, that are never deleted.
func Deny(ids ...string) Option {
	return func(s *settings) { s.deny = append(s.deny, ids...) }
}

// Permit permits what is not done without being permitted.
func Permit(consents ...Consent) Option {
	return func(s *settings) { s.permitted = append(s.permitted, consents...) }
}

// OnEvent has a function called with everything that happens, one call at a time.
// It should return soon.
func OnEvent(f func(Event)) Option {
	return func(s *settings) { s.onEvent = f }
}

// Journal has an [Entry] written for everything that is begun and every verdict, as
// a line of JSON. Where the writer has a method Sync, as an [os.File] has, it is
// called after each verdict. Nothing more is begun once writing fails.
func Journal(w io.Writer) Option {
	return func(s *settings) { s.journal = w }
}

// Concurrency sets how many steps run at a time; 8 by default.
func Concurrency(n int) Option {
	return func(s *settings) { s.concurrency = max(n, 1) }
}

// Stop ends a teardown gently when the channel is closed: what runs is finished,
// and nothing more is begun. To end it at once cancel its context.
func Stop(stop <-chan struct{}) Option {
	return func(s *settings) { s.stop = stop }
}

// StepTimeout sets how long a step may take, waits included; one hour by default.
func StepTimeout(d time.Duration) Option {
	return func(s *settings) { s.stepTimeout = d }
}

// WithRetryFor sets how long a failing step, and the deletion of the organization, is
// retried: an attempt starts only within this time after the first failed one. The
// default is 15 minutes; 0 disables retries. An attempt that fails because of a step
// that still runs does not count. If the provider asks for a wait that exceeds the
// remaining time, the step fails at once, with the wait in RetryAfter of its error.
func WithRetryFor(d time.Duration) Option {
	return func(s *settings) { s.retryFor = d }
}

// WithPlanTTL sets the maximum age of a plan when it is applied. The default is
// [Validity], 24 hours. The age is the time since [Plan.TakenAt]; [Plan.ExpiresAt]
// only informs.
func WithPlanTTL(d time.Duration) Option {
	return func(s *settings) { s.planTTL = d }
}

// WithResume sets the entries of earlier journals. An entry which shows that the
// deletion of the same organization (provider, instance and ID) was started proves
// that an organization which no longer exists was deleted: the outcome is [Gone]
// instead of [NotFound]. Entries of other organizations are ignored.
func WithResume(entries []Entry) Option {
	return func(s *settings) { s.resume = append(s.resume, entries...) }
}

func (s *settings) permits(c Consent) bool { return slices.Contains(s.permitted, c) }
