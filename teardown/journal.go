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
	Organization string    `json:"organization"`       // its id
	Name         string    `json:"name,omitempty"`
	Plan         string    `json:"plan,omitempty"` // its fingerprint

	// Step is the id of a step; "" for the organization itself.
	Step string `json:"step,omitempty"`

	// Verdict is "begun"; or a [State] for a step, or an [Outcome] for the organization.
	// For the organization it is "deleting" before its own deletion is sent.
	Verdict string `json:"verdict"`

	Code      errors.Code `json:"code,omitempty"`
	RequestID string      `json:"request_id,omitempty"`
	Error     string      `json:"error,omitempty"`
}

// begun is the verdict of what is about to be done.
const begun = "begun"

// journal writes entries. After a failure it writes none.
type journal struct {
	mu   sync.Mutex
	w    io.Writer
	sync func() error
	new  bool // nothing was written yet
	err  error
}

func newJournal(w io.Writer) *journal {
	j := &journal{w: w, new: true, sync: func() error { return nil }}
	if file, ok := w.(interface{ Sync() error }); ok {
		j.sync = file.Sync
	}
	return j
}

// write appends an entry, in one write; what decides is synced.
func (j *journal) write(e Entry) error {
	if j.w == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	line, err := json.Marshal(e)
	if err == nil {
		line = append(line, '\n')
		if j.new {
			// The last line of an earlier run may have been cut.
			line = append([]byte{'\n'}, line...)
		}
		_, err = j.w.Write(line)
	}
	if err == nil && e.Verdict != begun {
		err = j.sync()
	}
	j.err, j.new = err, false
	return err
}

// ReadJournal yields the entries of a journal. Lines that are no entries are passed
// over: a crash may have cut one at any byte. An error of reading ends it.
func ReadJournal(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadBytes('\n')
			var e Entry
			if line = bytes.TrimSpace(line); len(line) > 0 && json.Unmarshal(line, &e) == nil && e.Verdict != "" {
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
