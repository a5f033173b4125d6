package teardown

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Limits of the interval between two polls of a group. The interval is shorter if more steps
// wait and are due, because one poll serves all of them.
const (
	shortestInterval = time.Second
	longestInterval  = 15 * time.Second
)

// lastPoll is the time before the time limit of a step at which the step is polled, if its
// expected duration is longer.
const lastPoll = 30 * time.Second

// group contains the steps that wait for the same poll. A step that is read by itself is in a
// group with the others of its class: before they are due one of them is polled, and the
// others wait until that one is deleted.
type group struct {
	key    string
	name   string // [Wait.Group]
	single bool   // a poll contains one step, not all
	own    bool   // the group is for one step only

	waiting  []int     // in the order in which they started to wait; if single, by their due time
	inFlight int       // number of polls
	window   int       // maximum number of single polls in flight
	timer    int       // ID of the valid timer
	at       time.Time // of the timer
	ended    time.Time // the end of the last poll
	queued   bool      // a poll is due and waits for a slot
	now      bool      // a step requires a poll at once
	soonest  time.Time // the due time of the first step that waits
}

// wait adds a step to the group that waits for its next poll.
func (s *scheduler) wait(i int, now time.Time) {
	t := &s.tasks[i]
	if !now.Before(t.deadline) {
		s.complete(i, StepFailed, s.timedOut(s.states[i].ID, t.actErr, errStepTimeout))
		return
	}
	t.phase = waiting
	if t.dueAt.IsZero() {
		t.dueAt = now.Add(s.expected(t.wait))
	}
	// The resource may be deleted earlier than expected: one poll precedes the time limit.
	if last := t.deadline.Add(-min(lastPoll, s.settings.stepTimeout/4)); t.dueAt.After(last) && now.Before(last) {
		t.dueAt = last
	}
	g := s.groupOf(i, t.wait)
	if len(g.waiting) == 0 || t.dueAt.Before(g.soonest) {
		g.soonest = t.dueAt
	}
	g.now = g.now || t.wait.Now
	at := len(g.waiting)
	if g.single { // the poll contains the step that is due first
		at, _ = slices.BinarySearchFunc(g.waiting, t.dueAt, func(j int, due time.Time) int {
			return cmp.Or(s.tasks[j].dueAt.Compare(due), -1)
		})
	}
	g.waiting = slices.Insert(g.waiting, at, i)
	t.group = g
	s.schedule(g, now)
}

// groupOf returns the group in which a step waits.
func (s *scheduler) groupOf(i int, w Wait) *group {
	key, own := "group "+w.Group, false
	switch {
	case w.Group != "":
	case w.Class != "" && !w.Now:
		key = "class " + w.Class
	default:
		key, own = "step "+s.states[i].ID, true
	}
	g := s.groups[key]
	if g == nil {
		g = &group{key: key, name: w.Group, single: w.Group == "", own: own, window: 1}
		s.groups[key] = g
	}
	return g
}

// expected returns the expected duration of a wait.
func (s *scheduler) expected(w Wait) time.Duration {
	if learned := s.durations.expected(w.Class); learned > 0 {
		return learned
	}
	if w.Expect > 0 {
		return w.Expect
	}
	return shortestInterval
}

// learn records the result of a poll of a step.
func (s *scheduler) learn(t *task, now time.Time, done bool) {
	if t.wait.Class != "" && !t.wait.Now {
		s.durations.learn(t.wait.Class, now.Sub(t.acted), done)
	}
}

// hurry makes the next poll of a step that waits due at once.
func (s *scheduler) hurry(i int, now time.Time) {
	t := &s.tasks[i]
	t.wait.Now = true
	if g := s.groupOf(i, t.wait); g == t.group {
		g.now = true
		s.schedule(g, now)
		return
	}
	s.wait(i, now)
}

// schedule sets when a group is polled next.
func (s *scheduler) schedule(g *group, now time.Time) {
	for len(g.waiting) > 0 && s.tasks[g.waiting[0]].phase != waiting { // its deadline has passed
		g.waiting = g.waiting[1:]
	}
	if len(g.waiting) == 0 || g.queued || g.inFlight >= g.window {
		return
	}
	at := s.nextPoll(g, now)
	switch {
	case !at.After(now):
		g.queued, g.at, g.timer = true, time.Time{}, 0
		s.due = append(s.due, g)
	case g.at.IsZero() || at.Before(g.at):
		g.at = at
		g.timer = s.timers.add(at, -1, g)
	}
}

// nextPoll returns when the next poll of a group is useful.
func (s *scheduler) nextPoll(g *group, now time.Time) time.Time {
	if g.now {
		return now
	}
	at := g.soonest
	if g.single {
		at = s.tasks[g.waiting[0]].dueAt
	}
	if g.ended.IsZero() {
		return at
	}
	if soonest := g.ended.Add(s.interval(g, now)); at.Before(soonest) {
		return soonest
	}
	return at
}

// interval returns the time between two polls of a group.
func (s *scheduler) interval(g *group, now time.Time) time.Duration {
	first := &s.tasks[g.waiting[0]]
	d := longestInterval / time.Duration(len(g.waiting))
	return max(min(d, again(now.Sub(first.acted))), shortestInterval)
}

// again returns the interval before another poll of a step that has waited for took.
func again(took time.Duration) time.Duration {
	return min(max(took/4, shortestInterval), longestInterval)
}

// poll sends a poll of a group that is due.
func (s *scheduler) poll(g *group) {
	var tasks []int
	for len(g.waiting) > 0 && !(g.single && len(tasks) == 1) {
		i := g.waiting[0]
		g.waiting = g.waiting[1:]
		if s.tasks[i].phase == waiting { // otherwise its deadline has passed
			tasks = append(tasks, i)
		}
	}
	g.now = false
	if len(tasks) == 0 {
		return
	}
	g.inFlight++
	s.polling++
	steps := make([]Step, len(tasks))
	var until time.Time // the last deadline of the steps
	for n, i := range tasks {
		t := &s.tasks[i]
		t.phase, t.group = polling, nil
		steps[n] = s.states[i].Step
		if t.deadline.After(until) {
			until = t.deadline
		}
	}
	go func() {
		ctx, cancel := context.WithDeadlineCause(s.ctx, until, errStepTimeout)
		defer cancel()
		progress, err := s.driver.Poll(ctx, s.plan.Organization, g.name, steps)
		s.results <- result{tasks: tasks, group: g, progress: progress, err: err}
	}()
	s.schedule(g, time.Now()) // for the others of a class
}

// polled processes the result of a poll. It counts for the steps that waited when the poll was
// sent: those whose last act had ended.
func (s *scheduler) polled(r result, now time.Time) {
	g := r.group
	g.inFlight--
	before := g.ended
	g.ended = now // first: steps that wait again schedule the next poll
	finished := false
	for n, i := range r.tasks {
		t := &s.tasks[i]
		switch {
		case r.err != nil:
			s.result(i, Progress{}, r.err, now)
		case len(r.progress) != len(r.tasks):
			s.complete(i, StepFailed, s.refuse(errors.DriverFailed, nil, "the driver returned the progress of %d steps, not of %d", len(r.progress), len(r.tasks)))
		default:
			t.note(r.progress[n].RequestID)
			s.result(i, r.progress[n], nil, now)
		}
		finished = t.phase != waiting // of the only step of a single poll
	}
	switch {
	case !g.single:
	case finished:
		// The others of the class probably take the same time.
		g.window = min(2*g.window, s.settings.concurrency)
		for n := range min(g.window, len(g.waiting)) {
			t := &s.tasks[g.waiting[n]]
			if at := t.acted.Add(s.expected(t.wait)); at.Before(t.dueAt) {
				t.dueAt = at
			}
		}
		g.ended = time.Time{}
	default:
		// One step that takes longer shows little about the others, unless most take longer.
		if g.window /= 2; g.window > 1 {
			g.ended = before
		} else {
			g.window = 1
		}
	}
	if g.own && len(g.waiting) == 0 {
		delete(s.groups, g.key)
		return
	}
	s.schedule(g, now)
}

// fire processes the deadlines and timers that are due.
func (s *scheduler) fire(now time.Time) {
	for len(s.deadlines) > 0 && !s.deadlines[0].at.After(now) {
		i := s.deadlines[0].task
		s.deadlines = s.deadlines[1:]
		t := &s.tasks[i]
		switch t.phase {
		case waiting:
			s.complete(i, StepFailed, s.timedOut(s.states[i].ID, t.actErr, errStepTimeout))
			s.schedule(t.group, now) // the others still wait
		case pausing, queued:
			s.complete(i, StepFailed, s.timedOut(s.states[i].ID, t.pauseErr, errStepTimeout))
		}
		// The result of a request in flight takes precedence.
	}
	for len(s.timers.all) > 0 && !s.timers.all[0].at.After(now) {
		due := heap.Pop(&s.timers).(timer)
		switch {
		case !s.valid(due):
		case due.group != nil:
			g := due.group
			g.at, g.timer = time.Time{}, 0
			g.queued = true
			s.due = append(s.due, g)
		default:
			s.tasks[due.task].timer = 0
			s.states[due.task].Attempts++
			s.tasks[due.task].phase = queued
			s.again = append(s.again, due.task)
		}
	}
}

// timers is a heap.
type timers struct {
	all  []timer
	last int // ID of the last timer
}

// timer is a pause of a step, or the next poll of a group.
type timer struct {
	at    time.Time
	id    int
	task  int
	group *group
}

func (h *timers) add(at time.Time, task int, g *group) int {
	h.last++
	heap.Push(h, timer{at, h.last, task, g})
	return h.last
}

// valid reports whether a timer is the current one of its step or group.
func (s *scheduler) valid(t timer) bool {
	if t.group != nil {
		return t.group.timer == t.id
	}
	return s.tasks[t.task].timer == t.id && s.tasks[t.task].phase == pausing
}

func (h *timers) Len() int { return len(h.all) }
func (h *timers) Less(i, j int) bool {
	a, b := h.all[i], h.all[j]
	return a.at.Before(b.at) || a.at.Equal(b.at) && a.id < b.id
}
func (h *timers) Swap(i, j int) { h.all[i], h.all[j] = h.all[j], h.all[i] }
func (h *timers) Push(x any)    { h.all = append(h.all, x.(timer)) }
func (h *timers) Pop() any {
	last := len(h.all) - 1
	t := h.all[last]
	h.all = h.all[:last]
	return t
}
