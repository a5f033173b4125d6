package folder

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/internal/key"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Folder is a directory with blobs and journals. Make it with [Open]. It is safe for concurrent use,
// by several processes of one machine.
type Folder struct {
	root *os.Root

	mu     sync.Mutex
	synced map[string]bool // journals whose directory entries are durable
}

const (
	blobs    = "blobs"
	journals = "journals"
)

// Open returns the folder of a directory, and creates the missing directories with the permissions
// 0700. Close the folder after use. The error is [errors.Internal].
func Open(directory string) (*Folder, error) {
	root, err := open(directory)
	if err != nil {
		return nil, failed("Open", directory, err)
	}
	return &Folder{root: root, synced: make(map[string]bool)}, nil
}

func open(directory string) (*os.Root, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{blobs, journals} {
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			_ = root.Close()
			return nil, err
		}
	}
	if err := syncDirectory(root, "."); err != nil {
		_ = root.Close()
		return nil, err
	}
	return root, nil
}

// Close closes the directory. Later calls of all methods fail.
func (f *Folder) Close() error { return f.root.Close() }

// Store stores each blob in one file, such as plans, reports and manifests. It is safe for concurrent
// use.
//
// A key has 1 to 1024 bytes of valid UTF-8 without control characters, and is a path as
// [fs.ValidPath] requires it, such as "plans/5f1b": it has elements between slashes, and no element
// is empty, "." or "..". A blob with the key "a" and one with "a/b" can both exist.
//
// The errors of all methods are an [*errors.Error]: [errors.InvalidArgument] for an invalid key, and
// [errors.Internal] if the file system fails; or the error of the context.
type Store struct{ folder *Folder }

// Store returns the store of the folder.
func (f *Folder) Store() *Store { return &Store{f} }

// Put stores a blob and replaces the former blob of the key. A reader gets the former or the new
// blob, never a part. The blob is durable when Put returns. A process that is killed in Put can
// leave a file whose name starts with ".tmp-".
func (s *Store) Put(ctx context.Context, name string, content []byte) error {
	if err := prepare(ctx, "Put", name); err != nil {
		return err
	}
	return failed("Put", name, replace(s.folder.root, blobPath(name), content))
}

// replace replaces a file in one step.
func replace(root *os.Root, name string, content []byte) (err error) {
	temporary := path.Join(path.Dir(name), ".tmp-"+rand.Text())
	file, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = root.Remove(temporary)
		}
	}()
	if err := write(file, content); err != nil {
		return err
	}
	if err := root.Rename(temporary, name); err != nil {
		return err
	}
	return syncDirectory(root, path.Dir(name))
}

// write writes, syncs and closes a file.
func write(file *os.File, content []byte) error {
	defer file.Close()
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}

// Get returns a blob. If the key has no blob, the error is [errors.NotFound], and also
// [fs.ErrNotExist].
func (s *Store) Get(ctx context.Context, name string) ([]byte, error) {
	if err := prepare(ctx, "Get", name); err != nil {
		return nil, err
	}
	content, err := s.read(blobPath(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &errors.Error{Operation: "Get", Target: name, Code: errors.NotFound, Err: err}
	case err != nil:
		return nil, failed("Get", name, err)
	}
	return content, nil
}

// read reads a regular file: another one, such as a FIFO, could block forever.
func (s *Store) read(name string) ([]byte, error) {
	file, err := safefile.OpenIn(s.folder.root, name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// Delete deletes a blob. It returns nil if the key has no blob.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := prepare(ctx, "Delete", name); err != nil {
		return err
	}
	err := s.folder.root.Remove(blobPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDirectory(s.folder.root, blobs)
	}
	return failed("Delete", name, err)
}

// Journal has one file for each organization, in the format of [teardown.WithJournal]. It is safe for
// concurrent use. It implements [teardown.JournalWriter].
//
// The error of all methods is an [*errors.Error] with [errors.Internal] if the file system fails; or
// the error of the context.
type Journal struct{ folder *Folder }

// Journal returns the journal of the folder.
func (f *Folder) Journal() *Journal { return &Journal{f} }

// Append appends an entry. The entry is durable when Append returns nil. After an error the entry
// may have been appended.
func (j *Journal) Append(ctx context.Context, e teardown.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return failed("Append", e.Organization, j.append(e))
}

func (j *Journal) append(e teardown.Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	name := journalPath(e.Provider, e.Instance, e.Organization)
	file, err := safefile.OpenIn(j.folder.root, name, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return err
	}
	// One write, so that the lines of several processes do not mix. The line starts with the line
	// break, because a crash or a full disk may have cut the line before.
	if err := write(file, append([]byte{'\n'}, line...)); err != nil {
		return err
	}
	j.folder.mu.Lock()
	defer j.folder.mu.Unlock()
	if j.folder.synced[name] {
		return nil
	}
	// Also if the file existed: the process that created it may have crashed before it synced the
	// directory.
	if err := syncDirectory(j.folder.root, journals); err != nil {
		return err
	}
	j.folder.synced[name] = true
	return nil
}

// Entries returns the entries of an organization in the order of their appends, for
// [teardown.WithResume]. The arguments are those of [teardown.Entry]. If the journal has no entry of
// the organization, the slice is empty. A line that a crash cut is skipped.
func (j *Journal) Entries(ctx context.Context, provider, instance, organization string) ([]teardown.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := safefile.OpenIn(j.folder.root, journalPath(provider, instance, organization), os.O_RDONLY)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, failed("Entries", organization, err)
	}
	defer file.Close()
	var entries []teardown.Entry
	for e, err := range teardown.ReadJournal(file) {
		if err != nil {
			return nil, failed("Entries", organization, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// prepare checks the context and the key.
func prepare(ctx context.Context, operation, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return key.Validate(operation, name)
}

func blobPath(name string) string { return path.Join(blobs, fileName(name)) }

func journalPath(provider, instance, organization string) string {
	return path.Join(journals, fileName(provider, instance, organization)+".jsonl")
}

// fileName returns a name for texts: different texts have different names, also if the file system
// ignores the case of letters. Long names end with a hash, because file systems limit a name to 255
// bytes.
func fileName(texts ...string) string {
	var b strings.Builder
	for i, text := range texts {
		if i > 0 {
			b.WriteByte('~')
		}
		for j := range len(text) {
			c := text[j]
			if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && b.Len() > 0 {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02x", c)
			}
		}
	}
	name := b.String()
	if len(name) > 200 {
		sum := sha256.Sum256([]byte(name))
		name = name[:100] + "~~~" + hex.EncodeToString(sum[:])
	}
	return name
}

// syncDirectory makes the names of a directory durable. Windows does not support it.
func syncDirectory(root *os.Root, name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	directory, err := root.Open(name)
	if err != nil {
		return err
	}
	defer directory.Close()
	return directory.Sync()
}

// failed returns the typed error of the file system; nil for nil.
func failed(operation, target string, err error) error {
	if err == nil {
		return nil
	}
	return &errors.Error{Operation: operation, Target: target, Code: errors.Internal, Err: err}
}
