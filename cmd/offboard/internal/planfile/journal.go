package planfile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Journal is an open and locked journal.
type Journal struct {
	*os.File
	Entries []teardown.Entry // of earlier runs
	created bool             // the file did not exist before
}

// OpenJournal opens a journal for appending, locks it, and reads the entries of earlier runs.
func OpenJournal(name string) (*Journal, error) {
	_, missing := os.Stat(name)
	file, err := safefile.Open(name, os.O_APPEND|os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, safefile.Error(safefile.Writing, "the journal", name, err)
	}
	j := &Journal{File: file, created: missing != nil}
	if err = safefile.Lock(file, name); err == nil {
		j.Entries, _, err = entriesOf(file, name)
	}
	if err != nil {
		safefile.Release(file)
		return nil, err
	}
	return j, nil
}

// Discard closes a journal without a new entry, and removes it if it did not exist before.
// The lock is held until the file is removed, so that no other process can use the file.
func (j *Journal) Discard() {
	if info, err := j.Stat(); err == nil && info.Size() == 0 && j.created {
		_ = os.Remove(j.Name()) // an empty journal is harmless
	}
	safefile.Release(j.File)
}

// Unwritten is the error of an entry that could not be written to a journal.
type Unwritten struct{ err error }

func (u *Unwritten) Error() string { return u.err.Error() }

func (u *Unwritten) Unwrap() error { return u.err }

// unwritten returns an error as an [Unwritten]; nil for nil.
func unwritten(err error) error {
	if err == nil {
		return nil
	}
	return &Unwritten{err}
}

// Recording returns a writer to a journal whose errors are [Unwritten].
func Recording(journal io.Writer) io.Writer { return recording{journal} }

type recording struct{ io.Writer }

func (r recording) Write(text []byte) (int, error) {
	n, err := r.Writer.Write(text)
	return n, unwritten(err)
}

// Sync stores the journal on the disk.
func (r recording) Sync() error {
	if file, ok := r.Writer.(interface{ Sync() error }); ok {
		return unwritten(file.Sync())
	}
	return nil
}

// entriesOf reads a journal. unreadable counts the lines that are not entries; a crash
// causes at most one. It returns an error for a file without entries that is neither empty
// nor the start of a first entry.
func entriesOf(r io.Reader, name string) (entries []teardown.Entry, unreadable int, err error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, 0, safefile.Error(safefile.Reading, "the journal", name, err)
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

// Subject identifies the organization of a journal's entry.
type Subject struct{ provider, instance, organization string }

// SubjectOf returns the subject of a plan.
func SubjectOf(p *teardown.Plan) Subject {
	return Subject{p.Provider, p.Instance, p.Organization.ID}
}

// ByOrganization groups the entries of a journal by organization.
func ByOrganization(entries []teardown.Entry) map[Subject][]teardown.Entry {
	of := map[Subject][]teardown.Entry{}
	for _, e := range entries {
		s := Subject{e.Provider, e.Instance, e.Organization}
		of[s] = append(of[s], e)
	}
	return of
}

// Index is the content of a journal by organization and plan.
type Index map[indexKey]*Record

// indexKey identifies an organization and a plan of a journal.
type indexKey struct {
	Subject
	plan string // the fingerprint
}

// Record is the content of a journal for one organization and plan: the last entry about
// the organization itself, and the last entry about each step.
type Record struct {
	Last  *teardown.Entry
	Steps map[string]teardown.Entry

	// DeletionStarted is that of [teardown.DeletionRecorded]. Only [Index.Of] and [Index.Proof] set it.
	DeletionStarted bool

	entries []teardown.Entry // about the organization, if the record is that of all plans
}

// IsDeleted reports whether a read showed that the resource of a step does not exist.
func (r *Record) IsDeleted(step string) bool {
	state := r.Steps[step].State
	return state == teardown.StepDeleted || state == teardown.StepAlreadyDeleted
}

// Complete reports whether the last entry shows that the organization is deleted, or that
// the provider accepted its deletion.
func (r *Record) Complete() bool {
	return r.Last != nil && (r.Last.Outcome == teardown.Deleted || r.Last.Outcome == teardown.Pending)
}

// Record returns the record of a plan. It is empty, not nil, if the journal has none.
func (c Index) Record(p *teardown.Plan) *Record {
	if r := c[indexKey{SubjectOf(p), p.Fingerprint}]; r != nil {
		return r
	}
	return &Record{}
}

// Of returns the record of an organization, whatever plan its entries belong to. It has no steps. It
// is empty, not nil, if the journal has none.
func (c Index) Of(s Subject) *Record {
	if r := c[indexKey{s, anyPlan}]; r != nil {
		return r
	}
	return &Record{}
}

// Proof returns the record of a plan. If it does not show the end of the organization, but an entry of
// another plan does, the last entry is that one: from after the plan was made, or of a deletion that the
// plan shows as pending. Another plan proves that the organization existed again after the entry.
func (c Index) Proof(p *teardown.Plan) *Record {
	r, all := *c.Record(p), c.Of(SubjectOf(p))
	r.DeletionStarted = teardown.DeletionRecorded(all.entries, p)
	pending := p.DeletionError != nil && p.DeletionError.Code == errors.AlreadyRequestedDeletion
	if !r.Complete() && all.Complete() && (all.Last.Time.After(p.CreatedAt) || pending && all.Last.Outcome == teardown.Pending) {
		r.Last = all.Last
	}
	return &r
}

// anyPlan is the fingerprint in the key of the record of all plans of an organization.
const anyPlan = "*"

// NewIndex groups the entries of a journal. Only entries about organizations name
// their plan. An entry about a step belongs to the plan that was started last for its
// organization.
func NewIndex(entries []teardown.Entry) Index {
	c, plans := Index{}, map[Subject]string{}
	for _, e := range entries {
		s := Subject{e.Provider, e.Instance, e.Organization}
		keys := []indexKey{{s, plans[s]}}
		if e.Step == "" {
			plans[s] = e.Plan
			keys = []indexKey{{s, e.Plan}, {s, anyPlan}}
		}
		for _, key := range keys {
			if c[key] == nil {
				c[key] = &Record{Steps: map[string]teardown.Entry{}}
			}
			c[key].add(e)
		}
	}
	for s, of := range ByOrganization(entries) {
		all := c.Of(s)
		all.entries = of
		all.DeletionStarted = teardown.DeletionRecorded(of, &teardown.Plan{Provider: s.provider, Instance: s.instance, Organization: teardown.Organization{ID: s.organization}})
	}
	return c
}

func (r *Record) add(e teardown.Entry) {
	if e.Step != "" {
		if r.Steps[e.Step].State == teardown.StepDeleted && e.State == teardown.StepAlreadyDeleted {
			return // keep the entry of the run that deleted the resource
		}
		r.Steps[e.Step] = e
		return
	}
	r.Last = &e
}

// ReadJournal reads a journal. A journal that does not exist is empty.
func ReadJournal(name string) (c Index, unreadable int, err error) {
	file, err := safefile.Open(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return Index{}, 0, nil
	}
	if err != nil {
		return nil, 0, safefile.Error(safefile.Reading, "the journal", name, err)
	}
	defer file.Close()
	entries, unreadable, err := entriesOf(file, name)
	return NewIndex(entries), unreadable, err
}
