package safefile

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
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
