package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Store stores manifests, plans and reports, which are too large for the history of a workflow.
// All workers and clients of a fleet share it. Packages folder and postgres have implementations.
type Store interface {
	// Put stores a blob durably, and replaces a former blob of the key.
	Put(ctx context.Context, key string, content []byte) error

	// Get returns a blob. The error of a key without a blob is [io/fs.ErrNotExist].
	Get(ctx context.Context, key string) ([]byte, error)

	// Delete deletes a blob, if the key has one.
	Delete(ctx context.Context, key string) error
}

// Journal stores the entries of all teardowns. Packages folder and postgres have implementations.
type Journal interface {
	teardown.JournalWriter

	// Entries returns the entries about an organization, in the order of their appends.
	Entries(ctx context.Context, provider, instance, organization string) ([]teardown.Entry, error)
}

// Ref refers to a blob in a [Store]. The digest makes a blob that was changed unusable.
type Ref struct {
	// Key is the key of the blob.
	Key string `json:"key"`

	// Digest is the SHA-256 of the blob, in hex.
	Digest string `json:"digest"`
}

// put stores a value as JSON, under a key that ends with its digest.
func put(ctx context.Context, s Store, kind string, value any) (Ref, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return Ref{}, err
	}
	digest := digestOf(text)
	ref := Ref{Key: kind + "/" + digest, Digest: digest}
	return ref, s.Put(ctx, ref.Key, text)
}

// load reads a blob and returns its text. A blob with another digest is an error.
func load(ctx context.Context, s Store, ref Ref) ([]byte, error) {
	text, err := s.Get(ctx, ref.Key)
	if err != nil {
		return nil, err
	}
	if digestOf(text) != ref.Digest {
		return nil, invalid("the blob %s was changed: its digest differs", ref.Key)
	}
	return text, nil
}

// digestOf returns the SHA-256 of a text, in hex.
func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// get reads the value of a blob.
func get[T any](ctx context.Context, s Store, ref Ref) (*T, error) {
	text, err := load(ctx, s, ref)
	if err != nil {
		return nil, err
	}
	value := new(T)
	if err := json.Unmarshal(text, value); err != nil {
		return nil, invalid("the blob %s cannot be read: %v", ref.Key, err)
	}
	return value, nil
}

// ReadPlan reads a plan from a store, such as that of [State.Plan].
func ReadPlan(ctx context.Context, s Store, ref Ref) (*teardown.Plan, error) {
	return get[teardown.Plan](ctx, s, ref)
}

// ReadReport reads a report from a store, such as that of [State.Report].
func ReadReport(ctx context.Context, s Store, ref Ref) (*teardown.Report, error) {
	return get[teardown.Report](ctx, s, ref)
}

// ReadDifferences reads what a plan has that the approved one lacks; see [State.Differences].
func ReadDifferences(ctx context.Context, s Store, ref Ref) ([]teardown.Difference, error) {
	all, err := get[[]teardown.Difference](ctx, s, ref)
	if err != nil {
		return nil, err
	}
	return *all, nil
}

// cached reads values, and keeps the last ones: many activities read the same page of a manifest.
type cached[T any] struct {
	mu   sync.Mutex
	keys []string // in the order of their reads
	all  map[string]*T
}

const maxCached = 16

// get returns the value of a blob, which callers must not change.
func (c *cached[T]) get(ctx context.Context, s Store, ref Ref) (*T, error) {
	id := ref.Key + " " + ref.Digest
	c.mu.Lock()
	value := c.all[id]
	c.mu.Unlock()
	if value != nil {
		return value, nil
	}
	value, err := get[T](ctx, s, ref)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]*T{}
	}
	if c.all[id] == nil {
		c.all[id], c.keys = value, append(c.keys, id)
	}
	if len(c.keys) > maxCached {
		delete(c.all, c.keys[0])
		c.keys = c.keys[1:]
	}
	return value, nil
}

// invalid returns an error about the arguments or the stored values of a fleet.
func invalid(format string, args ...any) error {
	return &errors.Error{Operation: "Fleet", Code: errors.InvalidArgument, Err: fmt.Errorf(format, args...)}
}
