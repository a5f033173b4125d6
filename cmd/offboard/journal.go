package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// journalFile is an open and locked journal.
type journalFile struct {
	*os.File
	entries []teardown.Entry // of earlier runs
	created bool             // the file did not exist before
}

// openJournal opens a journal for appending, locks it, and reads the entries of earlier runs.
func openJournal(name string) (*journalFile, error) {
	_, missing := os.Stat(name)
	file, err := openRegular(name, os.O_APPEND|os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, fileError("the journal", name, err)
	}
	j := &journalFile{File: file, created: missing != nil}
	if err = lockFile(file, name); err == nil {
		j.entries, _, err = entriesOf(file, name)
	}
	if err != nil {
		release(file)
		return nil, err
	}
	return j, nil
}

// discard closes a journal without a new entry, and removes it if it did not exist before.
// The lock is held until the file is removed, so that no other process can use the file.
func (j *journalFile) discard() {
	if info, err := j.Stat(); err == nil && info.Size() == 0 && j.created {
		_ = os.Remove(j.Name()) // an empty journal is harmless
	}
	release(j.File)
}

// entriesOf reads a journal. unreadable counts the lines that are not entries; a crash
// causes at most one. It returns an error for a file without entries that is neither empty
// nor the start of a first entry.
func entriesOf(r io.Reader, name string) (entries []teardown.Entry, unreadable int, err error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, 0, err
	}
	for e, err := range teardown.ReadJournal(bytes.NewReader(text)) {
		if err != nil {
			return nil, 0, err
		}
		if e.Provider != "" && e.Organization != "" {
			entries = append(entries, e)
		}
	}
	lines := 0
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) > 0 {
			lines++
		}
	}
	unreadable = lines - len(entries)
	if len(entries) == 0 && unreadable > 0 && !cutEntry(text) {
		return nil, 0, fmt.Errorf("%s is not a journal of this program", name)
	}
	return entries, unreadable, nil
}

// cutEntry reports whether a text is the start of a journal's first entry, as a crash
// leaves it.
func cutEntry(text []byte) bool {
	const start = `{"time":"`
	line := strings.TrimPrefix(string(text), "\n")
	if strings.Contains(line, "\n") {
		return false
	}
	return strings.HasPrefix(line, start) || strings.HasPrefix(start, line)
}

// subject identifies the organization of a journal's entry.
type subject struct{ provider, instance, organization string }

// subjectOf returns the subject of a plan.
func subjectOf(p *teardown.Plan) subject {
	return subject{p.Provider, p.Instance, p.Organization.ID}
}

// byOrganization groups the entries of a journal by organization.
func byOrganization(entries []teardown.Entry) map[subject][]teardown.Entry {
	of := map[subject][]teardown.Entry{}
	for _, e := range entries {
		s := subject{e.Provider, e.Instance, e.Organization}
		of[s] = append(of[s], e)
	}
	return of
}

// journalIndex is the content of a journal by organization and plan.
type journalIndex map[journalKey]*record

// journalKey identifies an organization and a plan of a journal.
type journalKey struct {
	subject
	plan string // the fingerprint
}

// record is the content of a journal for one organization and plan: the last entry about
// the organization itself, and the last entry about each step.
type record struct {
	last  *teardown.Entry
	steps map[string]teardown.Entry

	// deletionStarted is true if the deletion of the organization itself was sent, and the
	// provider has not refused it since.
	deletionStarted bool
}

// isDeleted reports whether a read showed that the resource of a step does not exist.
func (r *record) isDeleted(step string) bool {
	state := r.steps[step].State
	return state == teardown.StepDeleted || state == teardown.StepAlreadyDeleted
}

// complete reports whether the last entry shows that the organization is deleted, or that
// the provider accepted its deletion.
func (r *record) complete() bool {
	return r.last != nil && (r.last.Outcome == teardown.Deleted || r.last.Outcome == teardown.Pending)
}

// record returns the record of a plan. It is empty, not nil, if the journal has none.
func (c journalIndex) record(p *teardown.Plan) *record {
	if r := c[journalKey{subjectOf(p), p.Fingerprint}]; r != nil {
		return r
	}
	return &record{}
}

// newJournalIndex groups the entries of a journal. Only entries about organizations name
// their plan. An entry about a step belongs to the plan that was started last for its
// organization.
func newJournalIndex(entries []teardown.Entry) journalIndex {
	c, plans := journalIndex{}, map[subject]string{}
	for _, e := range entries {
		s := subject{e.Provider, e.Instance, e.Organization}
		if e.Step == "" {
			plans[s] = e.Plan
		}
		key := journalKey{s, plans[s]}
		if c[key] == nil {
			c[key] = &record{steps: map[string]teardown.Entry{}}
		}
		c[key].add(e)
	}
	return c
}

func (r *record) add(e teardown.Entry) {
	if e.Step != "" {
		if r.steps[e.Step].State == teardown.StepDeleted && e.State == teardown.StepAlreadyDeleted {
			return // keep the entry of the run that deleted the resource
		}
		r.steps[e.Step] = e
		return
	}
	r.last = &e
	switch {
	case e.Kind == teardown.EntryDeletionStarted, e.Outcome == teardown.Deleted, e.Outcome == teardown.Pending, e.Outcome == teardown.Unknown:
		r.deletionStarted = true
	case e.Kind == teardown.EntryDeletionRefused:
		r.deletionStarted = false
	}
}

// readJournal reads a journal. A journal that does not exist is empty.
func readJournal(name string) (c journalIndex, unreadable int, err error) {
	file, err := openRegular(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return journalIndex{}, 0, nil
	}
	if err != nil {
		return nil, 0, fileError("the journal", name, err)
	}
	defer file.Close()
	entries, unreadable, err := entriesOf(file, name)
	return newJournalIndex(entries), unreadable, err
}
