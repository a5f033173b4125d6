package katapulttest

import (
	"net/http"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/katapult"
)

// keptInTrash is how long something stays in the trash by itself.
const keptInTrash = 48 * time.Hour

// trash is something's place in the trash.
type trash struct {
	id        string
	keepUntil time.Time
}

// task is work that goes on after the answer.
type task struct {
	id, name string
	created  time.Time
	lasts    time.Duration
	fails    bool
	over     bool
	done     func(ok bool)
}

// SetTaskTime sets how long the coming tasks take; 6 seconds without it. A task is
// pending for the first third of it and running for the rest.
func (s *Server) SetTaskTime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taskTime = d
}

// FailTasks lets the coming tasks fail, as many as given.
func (s *Server) FailTasks(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = n
}

// begin queues a task, whose end is told to done.
func (s *Server) begin(name string, done func(ok bool)) *task {
	t := &task{id: s.newID("task"), name: name, created: time.Now(), lasts: s.taskTime, done: done}
	if t.fails = s.failing > 0; t.fails {
		s.failing--
	}
	s.tasks = append(s.tasks, t)
	return t
}

func (t *task) ends() time.Time { return t.created.Add(t.lasts) }

func (t *task) status() katapult.TaskStatus {
	switch now := time.Now(); {
	case t.over && t.fails:
		return katapult.TaskStatusFailed
	case t.over:
		return katapult.TaskStatusCompleted
	case now.Sub(t.created) < t.lasts/3:
		return katapult.TaskStatusPending
	}
	return katapult.TaskStatusRunning
}

// short is a task as the power operations show it.
func (t *task) short() fake.Object {
	return fake.Object{"id": t.id, "name": t.name, "status": t.status()}
}

func (t *task) object() fake.Object {
	o := t.short()
	o["created_at"], o["started_at"], o["finished_at"], o["progress"] = t.created.Unix(), nil, nil, 0
	status := t.status()
	if status != katapult.TaskStatusPending {
		o["started_at"], o["progress"] = t.created.Add(t.lasts/3).Unix(), 50
	}
	if t.over {
		o["finished_at"] = t.ends().Unix()
	}
	if status == katapult.TaskStatusCompleted {
		o["progress"] = 100
	}
	return o
}

// settle does what has become due: the ends of tasks, and of what was in the trash
// for long enough.
func (s *Server) settle() {
	now := time.Now()
	for _, t := range s.tasks {
		if !t.over && !t.ends().After(now) {
			t.over = true
			t.done(!t.fails)
		}
	}
	for _, t := range s.all(func(t *thing) bool { return t.trash != nil && !t.trash.keepUntil.After(now) }) {
		s.drop(t)
	}
}

// discard moves something to the trash.
func (s *Server) discard(t *thing) {
	t.trash = &trash{s.newID("trsh"), time.Now().Add(keptInTrash)}
	for _, other := range s.things {
		if t.machine != nil && other.disk != nil && other.disk.VirtualMachine == t.id && other.present() {
			other.inside = t
		}
	}
}

// Discard moves things to the trash as somebody does by the console. What never goes
// there stays as it is.
func (s *Server) Discard(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if t := s.byID(id); t != nil && t.kind.trash != "" && t.present() {
			s.discard(t)
		}
	}
}

// trashObject shows something that is in the trash. Object storage has no id there.
func (t *thing) trashObject() fake.Object {
	o := fake.Object{"id": t.trash.id, "keep_until": t.trash.keepUntil.Unix(), "object_type": t.kind.trash}
	if t.region == "" {
		o["object_id"] = t.id
	}
	return o
}

// inTrash refuses what cannot be done in the trash. What went there inside of
// something else has no object there.
func (t *thing) inTrash() *refusal {
	detail := fake.Object{"trash_object": nil}
	if t.trash != nil {
		detail["trash_object"] = t.trashObject()
	}
	return &refusal{http.StatusNotAcceptable, "object_in_trash", detail}
}

func inTrashOf(o *Organization) func(*thing) bool {
	return func(t *thing) bool { return t.owner == o && t.trash != nil }
}

func (s *Server) listTrash(q *request, o *Organization) {
	objects := []fake.Object{}
	for _, t := range s.all(inTrashOf(o)) {
		objects = append(objects, t.trashObject())
	}
	s.page(q, "trash_objects", objects)
}

// aboutTrash finds the object in the trash that a request is about.
func (s *Server) aboutTrash(next func(*request, *thing)) http.HandlerFunc {
	return s.handle(func(q *request) {
		key, value, ok := q.lookup("trash_object", "id", "object_id")
		if !ok {
			return
		}
		t := s.first(func(t *thing) bool {
			return t.trash != nil && (key == "id" && t.trash.id == value || key == "object_id" && t.region == "" && t.id == value)
		})
		if t == nil {
			q.notFound("trash_object")
			return
		}
		next(q, t)
	})
}

func (s *Server) getTrash(q *request, t *thing) {
	q.answer(http.StatusOK, fake.Object{"trash_object": t.trashObject()})
}

func (s *Server) purge(q *request, t *thing) { s.beginPurge(q, []*thing{t}) }

func (s *Server) purgeAll(q *request, o *Organization) { s.beginPurge(q, s.all(inTrashOf(o))) }

func (s *Server) beginPurge(q *request, things []*thing) {
	t := s.begin("Purge items from trash", func(ok bool) {
		for _, t := range things {
			if ok && slices.Contains(s.things, t) {
				s.drop(t)
			}
		}
	})
	q.answer(http.StatusOK, fake.Object{"task": t.object()})
}

func (s *Server) getTask(q *request) {
	_, value, ok := q.lookup("task", "id")
	if !ok {
		return
	}
	i := slices.IndexFunc(s.tasks, func(t *task) bool { return t.id == value })
	if i < 0 {
		q.notFound("task")
		return
	}
	q.answer(http.StatusOK, fake.Object{"task": s.tasks[i].object()})
}
