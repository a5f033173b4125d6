//go:build unix

package folder_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/folder"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

// A FIFO in place of a file is an error: opening it would wait for another process.
func TestFolder_FIFO(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	f, err := folder.Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	entry := teardown.Entry{Provider: "atlas", Organization: "5f1b"}
	if err := f.Store().Put(t.Context(), "plan", nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Journal().Append(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"blobs/*", "journals/*"} {
		names, err := filepath.Glob(filepath.Join(directory, pattern))
		if err != nil || len(names) != 1 {
			t.Fatalf("%s: got %v, %v", pattern, names, err)
		}
		if err := os.Remove(names[0]); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(names[0], 0o600); err != nil {
			t.Skip(err)
		}
	}
	_, get := f.Store().Get(t.Context(), "plan")
	_, entries := f.Journal().Entries(t.Context(), "atlas", "", "5f1b")
	for operation, err := range map[string]error{"Get": get, "Entries": entries, "Append": f.Journal().Append(t.Context(), entry)} {
		if !errors.Is(err, errors.Internal) || !errors.Is(err, safefile.ErrNotRegular) {
			t.Errorf("%s: got %v", operation, err)
		}
	}
}
