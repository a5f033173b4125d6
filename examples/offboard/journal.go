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

// journalFile is a journal that is open and locked to be appended to.
type journalFile struct {
	*os.File
	entries []teardown.Entry // of earlier runs
	created bool
}

// openJournal opens a journal and reads what earlier runs have written.
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

// discard closes a journal that nothing is written to, and removes it if it did not exist
// before. It is locked until it is removed, so that no other process has it then.
func (j *journalFile) discard() {
	if info, err := j.Stat(); err == nil && info.Size() == 0 && j.created {
		_ = os.Remove(j.Name()) // an empty journal says nothing
	}
	release(j.File)
}

// entriesOf reads a journal. Lines that are no entries are counted: a crash leaves one.
// A file that has something else than entries is not a journal.
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

// cutEntry reports whether a text is the beginning of a journal's first entry, after
// which a crash came.
func cutEntry(text []byte) bool {
	const start = `{"time":"`
	line := strings.TrimPrefix(string(text), "\n")
	if strings.Contains(line, "\n") {
		return false
	}
	return strings.HasPrefix(line, start) || strings.HasPrefix(start, line)
}

// subject is an organization that a journal is about.
type subject struct{ provider, instance, organization string }

// byOrganization sorts the entries of a journal by what they are about.
func byOrganization(entries []teardown.Entry) map[subject][]teardown.Entry {
	of := map[subject][]teardown.Entry{}
	for _, e := range entries {
		s := subject{e.Provider, e.Instance, e.Organization}
		of[s] = append(of[s], e)
	}
	return of
}

// journalIndex is a journal by organization and plan.
type journalIndex map[journalKey]*record

type journalKey struct {
	subject
	plan string // its fingerprint
}

// record is what a journal has of an organization and a plan: the last entry about the
// organization itself, and about each step.
type record struct {
	last  *teardown.Entry
	steps map[string]teardown.Entry

	// deletionStarted: the organization's own deletion was sent, and not refused since.
	deletionStarted bool
}

// isDeleted reports whether a step was read to be gone.
func (r *record) isDeleted(step string) bool {
	state := r.steps[step].State
	return state == teardown.StepDeleted || state == teardown.StepAlreadyDeleted
}

// complete reports whether the last entry is that the organization is gone, or that the
// provider has accepted its deletion.
func (r *record) complete() bool {
	return r.last != nil && (r.last.Outcome == teardown.Deleted || r.last.Outcome == teardown.Pending)
}

// record is never nil.
func (c journalIndex) record(p *teardown.Plan) *record {
	if r := c[journalKey{subject{p.Provider, p.Instance, p.Organization.ID}, p.Fingerprint}]; r != nil {
		return r
	}
	return &record{}
}

// newJournalIndex sorts the entries of a journal. Only those about organizations name the
// plan: those about steps belong to the plan that was begun last for their organization.
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
			return // by an earlier run
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

// readJournal reads a journal; one that does not exist is empty.
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
