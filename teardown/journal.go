package teardown

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Entry is a line of a journal.
type Entry struct {
	Time         time.Time `json:"time"`
	Provider     string    `json:"provider"`
	Instance     string    `json:"instance,omitempty"` // the address of the provider, as in [Plan.Instance]
	Organization string    `json:"organization"`       // its ID
	Name         string    `json:"name,omitempty"`     // of the organization; only in entries about it
	Plan         string    `json:"plan,omitempty"`     // the plan's fingerprint; only in entries about the organization

	// Step is the ID of a step; "" for the organization itself.
	Step string `json:"step,omitempty"`

	Kind EntryKind `json:"kind"`

	// State is set for a step that is [EntryFinished].
	State StepState `json:"state,omitempty"`

	// Outcome is set for an organization that is [EntryFinished].
	Outcome Outcome `json:"outcome,omitempty"`

	Code      errors.Code `json:"code,omitempty"`       // of the error; "" for none
	RequestID string      `json:"request_id,omitempty"` // the provider's ID of the last request
	Error     string      `json:"error,omitempty"`      // the text of the error
}

// EntryKind is the kind of an [Entry].
type EntryKind string

// Values of [EntryKind].
const (
	EntryStarted         EntryKind = "started"          // the step, or the application of the plan, is about to start
	EntryFinished        EntryKind = "finished"         // State or Outcome says how
	EntryDeletionStarted EntryKind = "deletion_started" // the deletion of the organization is about to be sent
	EntryDeletionRefused EntryKind = "deletion_refused" // the provider refused that deletion, and deleted nothing
)

// started reports whether entries show that a deletion of an organization was
// started, and not that the provider refused it.
func started(entries []Entry, p *Plan) bool {
	open := 0
	for _, e := range entries {
		if e.Step != "" || e.Provider != p.Provider || e.Instance != p.Instance || e.Organization != p.Organization.ID {
			continue
		}
		switch e.Kind {
		case EntryDeletionStarted:
			open++
		case EntryDeletionRefused:
			open = max(open-1, 0)
		}
	}
	return open > 0
}

// journal writes the entries of one teardown. After a failure it writes none.
type journal struct {
	mu  sync.Mutex
	w   *journalWriter // nil for none
	err error
}

// journalWriter is the writer of one [WithJournal], which teardowns may share.
type journalWriter struct {
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
		j.err = j.w.append(e)
	}
	return j.err
}

// sync has the disk keep all entries.
func (j *journal) sync() error {
	if j.w == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = j.w.sync()
	}
	return j.err
}

// append appends an entry, in one write.
func (j *journalWriter) append(e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	line = append(line, '\n')
	if !j.clean {
		// The last line of an earlier run, or of a write that failed, may have been cut.
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

func (j *journalWriter) sync() error {
	if file, ok := j.w.(interface{ Sync() error }); ok {
		return file.Sync()
	}
	return nil
}

// ReadJournal yields the entries of a journal. Lines that are no entries are passed
// over: a crash may have cut one at any byte. An error of reading ends it.
func ReadJournal(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if isNil(r) {
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
