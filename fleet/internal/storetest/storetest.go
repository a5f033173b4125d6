// Package storetest tests the stores of a fleet, with the standard library and the SDK only: the list
// of licenses contains what the packages of the module require.
package storetest

import (
	"context"
	"io/fs"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
)

// Store is the store of a fleet.
type Store interface {
	// Put stores a blob, and replaces a former one.
	Put(ctx context.Context, key string, content []byte) error

	// Get returns a blob. The error of a missing one is [fs.ErrNotExist].
	Get(ctx context.Context, key string) ([]byte, error)

	// Delete deletes a blob, if there is one.
	Delete(ctx context.Context, key string) error
}

// RoundTrip tests that an empty store keeps, replaces and deletes a blob.
func RoundTrip(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	if _, err := s.Get(ctx, "plans/a"); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, errors.NotFound) {
		t.Errorf("missing: got %v", err)
	}
	for _, content := range [][]byte{{0, 1, 255, '\n'}, nil, []byte("replaced"), []byte("replaced")} {
		if err := s.Put(ctx, "plans/a", content); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(ctx, "plans/a")
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(content) {
			t.Errorf("got %q, want %q", got, content)
		}
	}
	for range 2 {
		if err := s.Delete(ctx, "plans/a"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Get(ctx, "plans/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted: got %v", err)
	}
}
