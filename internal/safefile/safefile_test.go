package safefile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
)

func TestUse_NamesThatFoldCase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	upper, lower := Use{As: "--report", Name: dir + "/New", Writes: true}, Use{As: "--journal", Name: dir + "/new", Writes: true}
	if got, want := upper.same(lower), foldsCase(runtime.GOOS); got != want {
		t.Errorf("got %t, want %t", got, want)
	}
	if !foldsCase("windows") || !foldsCase("darwin") || foldsCase("linux") {
		t.Error("the systems are mixed up")
	}
	elsewhere := Use{As: "--journal", Name: dir + "/none/New", Writes: true}
	if upper.same(elsewhere) || elsewhere.same(elsewhere) {
		t.Error("a file that cannot be created counts as a file")
	}
}

func TestLock_ReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "plan.json")
	file, err := Open(name, os.O_CREATE|os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := os.Remove(name); err != nil {
		t.Skip(err)
	}
	if err := Lock(file, name); err == nil || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("got %v", err)
	}
}

func TestError_FileAndCause(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, missing := Open("no plan.json", os.O_RDONLY)
	_, below := Open(file+"/plan.json", os.O_RDONLY)
	const token = "k4tQm7Zt2Wn9Lx5Rb1Vd"
	for _, test := range []struct {
		operation Operation
		name      string
		err       error
		want      string
	}{
		{Reading, "no plan.json", missing, "cannot read no plan.json: the file does not exist"},
		{Reading, "no\x1bplan.json", missing, "cannot read no\uFFFDplan.json: the file does not exist"},
		{Writing, "none/plan.json", Write("none/plan.json", nil), "cannot write none/plan.json: the directory none does not exist"},
		{Reading, file, &fs.PathError{Op: "open", Path: file, Err: fs.ErrPermission}, "cannot read " + file + ": permission denied"},
		{Writing, file, &fs.PathError{Op: "open", Path: file + "-1", Err: fs.ErrPermission}, "cannot write " + file + ": permission denied"},
		{Writing, file, &fs.PathError{Op: "write", Path: file + "-1", Err: syscall.ENOSPC}, "cannot write " + file + ": the disk is full"},
		{Writing, file, &os.LinkError{Op: "rename", Old: file + "-1", New: file, Err: syscall.EISDIR}, "cannot write " + file + ": it is a directory"},
		{Reading, file, &fs.PathError{Op: "read", Path: file, Err: syscall.EIO}, "cannot read " + file + ": " + syscall.EIO.Error()},
		{Reading, token, missing, "cannot read PLAN: the file does not exist; the name is not shown, because it looks like a credential"},
		{Writing, token + "/x", missing, "cannot write PLAN: the directory does not exist; the name is not shown, because it looks like a credential"},
		{Reading, file, ErrNotRegular, "must be a regular file"},
	} {
		err := Error(test.operation, "PLAN", test.name, test.err)
		if err == nil || err.Error() != test.want || !errors.Is(err, test.err) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	if Error(Reading, "PLAN", file, nil) != nil {
		t.Error("got an error for nil")
	}
	if below != nil && runtime.GOOS != "windows" {
		if got, want := Error(Reading, "PLAN", file+"/plan.json", below).Error(), "cannot read "+file+"/plan.json: a part of the path is not a directory"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// The file has no content on the disk: only its size is set.
func TestOpen_TooLarge(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for size, ok := range map[int64]bool{1 << 30: true, 1<<30 + 1: false} {
		if err := os.Truncate(name, size); err != nil {
			t.Skip(err)
		}
		file, err := Open(name, os.O_RDONLY)
		if ok != (err == nil) || !ok && !strings.HasSuffix(err.Error(), "plan.json exceeds 1073741824 bytes") {
			t.Errorf("%d bytes: got %v", size, err)
		}
		if err == nil {
			file.Close()
		}
	}
}
