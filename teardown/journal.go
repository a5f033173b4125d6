package teardown

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/nilness"
)

// Entry is a line of a journal. [Schema] returns the JSON Schema.
type Entry struct {
	// Time is the time of the entry, in UTC.
	Time time.Time `json:"time"`

	// Provider is the package of the provider, such as "katapult".
	Provider string `json:"provider"`

	// Instance is the provider's base URL, as in [Plan.Instance].
	Instance string `json:"instance,omitempty"`

	// Organization is the ID of the organization.
	Organization string `json:"organization"`

	// Name is the name of the organization. Only entries about the organization have it.
	Name string `json:"name,omitempty"`

	// Plan is the fingerprint of the plan.
	Plan string `json:"plan,omitempty"`

	// Step is the ID of a step; "" for the organization itself.
	Step string `json:"step,omitempty"`

	// Kind is the kind of the entry.
	Kind EntryKind `json:"kind"`

	// Exists is true if a read right before the entry found the organization, and no deletion of
	// it in progress: no deletion that was started before has deleted it.
	Exists bool `json:"exists,omitempty"`

	// State is set for a step that is [EntryFinished].
	State StepState `json:"state,omitempty"`

	// Outcome is set for an organization that is [EntryFinished].
	Outcome Outcome `json:"outcome,omitempty"`

	// Code is the code of the error, as [errors.CodeOf] returns it; "" for none.
	Code errors.Code `json:"code,omitempty"`

	// RequestID is the provider's ID of the last request; "" if unknown.
	RequestID string `json:"request_id,omitempty"`

	// Error is the text of the error; "" for none.
	Error string `json:"error,omitempty"`
}

// EntryKind is the kind of an [Entry].
type EntryKind string

// Values of [EntryKind].
const (
	// EntryPlanned: a plan was made. Applying a plan does not write it; a program may append it,
	// with Exists, when it stores a plan.
	EntryPlanned EntryKind = "planned"

	// EntryStarted is written before a step starts, or before a plan is applied.
	EntryStarted EntryKind = "started"

	// EntryFinished: the step is in State, or the outcome of the organization is Outcome.
	EntryFinished EntryKind = "finished"

	// EntryDeletionStarted is written before the deletion of the organization is sent.
	EntryDeletionStarted EntryKind = "deletion_started"

	// EntryDeletionRefused: the provider refused that deletion and deleted nothing.
	EntryDeletionRefused EntryKind = "deletion_refused"
)

// record is what the entries of journals prove about a plan and its organization.
type record struct {
	deletionOpen int       // number of deletions of the organization that were started and not refused
	deletionAt   time.Time // the time of the last one
	deleted      bool      // a read has shown that the organization was deleted
	started      bool      // a run of this plan inspected the organization and compared it with the plan

	// steps contains the last state of each step since a run of this plan started. Entries of
	// an earlier plan do not count: a resource may exist again under the same identity.
	steps map[string]stepRecord
}

// stepRecord is the state of a step according to a journal.
type stepRecord int

const (
	stepUnknown stepRecord = iota
	stepStarted            // the step was started, and no read has shown that it is deleted
	stepDeleted            // a read has shown that the resource of the step was deleted
)

// DeletionRecorded reports whether the entries of journals record a deletion of the organization of a
// plan: one that was started and that the provider has not refused. If a read does not find the
// organization, it was deleted. Without such a deletion, the read proves nothing: the organization may
// never have existed, or the credential may not see it.
//
// Entries about other organizations do not count. Nor do deletions after which a read found the
// organization: entries with Exists, and the outcome [Blocked], show that. Nor do those of other plans
// from before the plan was made, unless CreatedAt of the plan is zero.
func DeletionRecorded(entries []Entry, p *Plan) bool { return recordOf(entries, p).deletion() }

// deletion reports whether a deletion of the organization is recorded.
func (r record) deletion() bool { return r.deletionOpen > 0 || r.deleted }

// isAbout reports whether an entry is about the organization of a plan, or a step in it.
func (e Entry) isAbout(p *Plan) bool {
	return e.Provider == p.Provider && e.Instance == p.Instance && e.Organization == p.Organization.ID
}

// recordOf returns what entries prove about a plan.
func recordOf(entries []Entry, p *Plan) record {
	r := record{steps: map[string]stepRecord{}}
	ofPlan := false
	for _, e := range entries {
		if !e.isAbout(p) {
			continue
		}
		if e.Exists {
			r.deletionOpen, r.deleted = 0, false
		}
		// An entry of a step without a fingerprint is of the plan that was started last.
		ofStep := e.Plan == p.Fingerprint || e.Plan == "" && ofPlan
		switch {
		case e.Step != "" && !ofStep:
		case e.Step != "" && e.Kind == EntryStarted:
			r.steps[e.Step] = stepStarted
		case e.Step != "" && e.Kind == EntryFinished && e.State.deleted():
			r.steps[e.Step] = stepDeleted
		case e.Step != "", e.Kind == EntryPlanned:
		case e.Kind == EntryStarted:
			ofPlan = e.Plan == p.Fingerprint
			r.started = r.started || ofPlan
		case !ofPlan && !e.Time.IsZero() && e.Time.Before(p.CreatedAt):
			// The plan proves that the organization existed after that.
		case e.Kind == EntryDeletionStarted:
			r.deletionOpen++
			r.deletionAt = e.Time
		case e.Kind == EntryDeletionRefused:
			r.deletionOpen = max(r.deletionOpen-1, 0)
		case e.Kind == EntryFinished && (e.Outcome == NotFound || e.Outcome == Blocked):
			// No deletion before that explains why the organization was not found, or a read found
			// the organization after it.
			r.deletionOpen, r.deleted = 0, false
		case e.Kind == EntryFinished:
			r.deleted = r.deleted || e.Outcome == Deleted && r.deletionOpen > 0
		}
	}
	return r
}

// JournalWriter stores the entries of journals, for example in a database. Its method is called
// by one goroutine of a teardown at a time, and by several teardowns at the same time if they
// share the writer.
type JournalWriter interface {
	// Append stores an entry durably before it returns. Entries about one organization must be
	// read in the order in which they were appended. The context has the values of the context
	// of the teardown, and does not end with it, so that the result of a canceled teardown is
	// stored: Append must limit its time itself. After an error, nothing starts.
	Append(ctx context.Context, e Entry) error
}

// journal writes the entries of one teardown. After a write has failed, it writes none.
type journal struct {
	ctx context.Context
	mu  sync.Mutex
	w   JournalWriter // nil if the teardown has no journal
	err error
}

// lineWriter is the writer of one [WithJournal], which teardowns may share.
type lineWriter struct {
	w io.Writer

	mu    sync.Mutex // of clean, and of calls of Write
	clean bool       // the last write was a whole line
}

// failed reports whether an entry could not be written.
func (j *journal) failed() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err != nil
}

// append appends an entry.
func (j *journal) append(e Entry) error {
	if j.w == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = j.w.Append(j.ctx, e)
	}
	return j.err
}

// sync stores all entries on the disk.
func (j *journal) sync() error {
	w, ok := j.w.(*lineWriter)
	if !ok { // every entry is stored already
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = w.sync()
	}
	return j.err
}

// Append appends an entry, in one write. Only sync stores it on the disk.
func (j *lineWriter) Append(_ context.Context, e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	line = append(line, '\n')
	if !j.clean {
		// A crash or a failed write may have cut the last line.
		line = append([]byte{'\n'}, line...)
	}
	j.clean = false
	n, err := j.w.Write(line)
	switch {
	case err != nil:
		return err
	case n != len(line):
		return io.ErrShortWrite
	}
	j.clean = true
	return nil
}

func (j *lineWriter) sync() error {
	if file, ok := j.w.(interface{ Sync() error }); ok {
		return file.Sync()
	}
	return nil
}

// ReadJournal yields the entries of a journal. It skips lines that are not entries, because a
// crash may cut a line at any byte. An error of r, and a nil r, is the last value.
func ReadJournal(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if nilness.IsNil(r) {
			yield(Entry{}, errors.New("teardown: the reader of the journal is nil"))
			return
		}
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadBytes('\n')
			var e Entry
			if line = bytes.TrimSpace(line); len(line) > 0 && json.Unmarshal(line, &e) == nil && e.Kind != "" {
				if !yield(e, nil) {
					return
				}
			}
			switch {
			case err == io.EOF:
				return
			case err != nil:
				yield(Entry{}, err)
				return
			}
		}
	}
}
