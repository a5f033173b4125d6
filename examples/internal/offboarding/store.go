package offboarding

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/offboard-dev/offboard-go/teardown"
)

// Store keeps jobs and their journals in a directory: ID.json and ID.journal. One process uses
// the directory. It is safe for concurrent use by goroutines that have different jobs.
type Store struct {
	root *os.Root
	mu   sync.Mutex // of the renames
}

// OpenStore opens a directory, which must exist.
func OpenStore(directory string) (*Store, error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, err
	}
	return &Store{root: root}, nil
}

// Close closes the directory.
func (s *Store) Close() error { return s.root.Close() }

// file returns the name of a file of a job.
func file(id, extension string) string { return url.PathEscape(id) + extension }

// Save stores a job. When Save returns without an error, the job survives a crash; a crash
// during Save leaves the earlier job.
func (s *Store) Save(j *Job) error {
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := file(j.ID, ".json")
	if err := s.write(name+".new", data); err != nil {
		return err
	}
	if err := s.root.Rename(name+".new", name); err != nil {
		return err
	}
	return s.sync()
}

// write writes a file to the disk.
func (s *Store) write(name string, data []byte) error {
	f, err := s.root.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// sync writes the directory to the disk: without it, a crash can lose the name of a new file.
func (s *Store) sync() error {
	directory, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer directory.Close()
	return directory.Sync()
}

// Load returns a job. The error is [fs.ErrNotExist] if there was never one.
func (s *Store) Load(id string) (*Job, error) {
	data, err := s.root.ReadFile(file(id, ".json"))
	if err != nil {
		return nil, err
	}
	var j Job
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("%s: %w", file(id, ".json"), err)
	}
	return &j, nil
}

// Jobs returns all jobs, in the order of their time.
func (s *Store) Jobs() ([]*Job, error) {
	names, err := fs.Glob(s.root.FS(), "*.json")
	if err != nil {
		return nil, err
	}
	var all []*Job
	for _, name := range names {
		id, err := url.PathUnescape(strings.TrimSuffix(name, ".json"))
		if err != nil {
			return nil, err
		}
		j, err := s.Load(id)
		if err != nil {
			return nil, err
		}
		all = append(all, j)
	}
	slices.SortStableFunc(all, func(a, b *Job) int { return a.NotBefore.Compare(b.NotBefore) })
	return all, nil
}

// Journal opens the journal of a job for appending and returns its earlier entries.
func (s *Store) Journal(id string) (*os.File, []teardown.Entry, error) {
	f, err := s.root.OpenFile(file(id, ".journal"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := s.sync(); err != nil {
		f.Close()
		return nil, nil, err
	}
	var entries []teardown.Entry
	for e, err := range teardown.ReadJournal(f) {
		if err != nil {
			f.Close()
			return nil, nil, err
		}
		entries = append(entries, e)
	}
	return f, entries, nil
}
