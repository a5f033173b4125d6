package folder_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/folder"
	"github.com/offboard-dev/offboard-go/fleet/internal/storetest"
	"github.com/offboard-dev/offboard-go/teardown"
)

var _ teardown.JournalWriter = (*folder.Journal)(nil)

// appenderVariable has the directory of a process that appends entries.
const appenderVariable = "OFFBOARD_FOLDER_APPENDER"

// appends is the number of entries of each process.
const appends = 100

func TestMain(m *testing.M) {
	if directory := os.Getenv(appenderVariable); directory != "" {
		if err := appendEntries(directory, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// entry returns an entry of a step.
func entry(step string) teardown.Entry {
	return teardown.Entry{
		Provider: "atlas", Instance: "https://cloud.mongodb.com", Organization: "5f1B",
		Step: step, Kind: teardown.EntryStarted, Error: "a\x00b \"ü\"\n",
	}
}

// entries returns the entries of the organization of entry.
func entries(t *testing.T, f *folder.Folder) []teardown.Entry {
	t.Helper()
	got, err := f.Journal().Entries(t.Context(), "atlas", "https://cloud.mongodb.com", "5f1B")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// appendEntries appends entries, and prints the number of each one that is durable.
func appendEntries(directory, name string) error {
	f, err := folder.Open(directory)
	if err != nil {
		return err
	}
	defer f.Close()
	for i := range appends {
		e := entry(fmt.Sprintf("%s/%d", name, i))
		e.RequestID = strings.Repeat("r", 5000) // more than a page
		if err := f.Journal().Append(context.Background(), e); err != nil {
			return err
		}
		fmt.Println(i)
	}
	return nil
}

func open(t *testing.T) (f *folder.Folder, directory string) {
	t.Helper()
	directory = filepath.Join(t.TempDir(), "state", "fleet")
	f, err := folder.Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, directory
}

// files returns the permissions of all files and directories.
func files(t *testing.T, directory string) map[string]fs.FileMode {
	t.Helper()
	all := make(map[string]fs.FileMode)
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(directory, path)
		all[filepath.ToSlash(name)] = info.Mode()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestStore_RoundTrip(t *testing.T) {
	t.Parallel()
	f, _ := open(t)
	storetest.RoundTrip(t, f.Store())
}

// TestStore_Names stores blobs under keys whose files could be the same, also on a file system that
// ignores case.
func TestStore_Names(t *testing.T) {
	t.Parallel()
	f, directory := open(t)
	long := strings.Repeat("a", 1000)
	keys := []string{"a", "A", "a/b", "a%2fb", "a~b", "a/b/c", ".a", "%2ea", "ü", "a b", `a\b`, long, long + "b", "..a", "a.."}
	for _, key := range keys {
		if err := f.Store().Put(t.Context(), key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range keys {
		got, err := f.Store().Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(key, string(got)); diff != "" {
			t.Error(diff)
		}
	}
	names := make(map[string]bool)
	for name := range files(t, filepath.Join(directory, "blobs")) {
		names[strings.ToLower(name)] = true
	}
	if len(names) != len(keys)+1 {
		t.Errorf("got %d files, want %d", len(names)-1, len(keys))
	}
}

func TestStore_InvalidKey(t *testing.T) {
	t.Parallel()
	f, _ := open(t)
	ctx, s := t.Context(), f.Store()
	for _, key := range []string{"", ".", "..", "../a", "a/../../b", "/a", "a//b", "a/", "a\x00", "a\n", "a\xff", strings.Repeat("a", 1025)} {
		_, get := s.Get(ctx, key)
		for _, err := range []error{get, s.Put(ctx, key, nil), s.Delete(ctx, key)} {
			if !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("%q: got %v", key, err)
			}
		}
	}
}

// TestStore_Atomic reads a blob while others replace it.
func TestStore_Atomic(t *testing.T) {
	t.Parallel()
	f, directory := open(t)
	ctx, s := t.Context(), f.Store()
	contents := [2]string{strings.Repeat("0", 1<<16), strings.Repeat("1", 1<<17)}
	if err := s.Put(ctx, "a", []byte(contents[0])); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() {
			for range 30 {
				if err := s.Put(ctx, "a", []byte(contents[i])); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		group.Wait()
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		got, err := s.Get(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != contents[0] && string(got) != contents[1] {
			t.Fatalf("got a part of a blob, %d bytes", len(got))
		}
	}
	if got := files(t, filepath.Join(directory, "blobs")); len(got) != 2 {
		t.Errorf("temporary files remain: %v", got)
	}
}

func TestFolder_Permissions(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permissions of this kind")
	}
	f, directory := open(t)
	if err := f.Store().Put(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Journal().Append(t.Context(), entry("")); err != nil {
		t.Fatal(err)
	}
	want := map[string]fs.FileMode{
		".": fs.ModeDir | 0o700, "blobs": fs.ModeDir | 0o700, "blobs/a": 0o600, "journals": fs.ModeDir | 0o700,
		"journals/atlas~https%3a%2f%2fcloud.mongodb.com~5f1%42.jsonl": 0o600,
	}
	if diff := cmp.Diff(want, files(t, directory)); diff != "" {
		t.Error(diff)
	}
}

// TestFolder_Symlink replaces a file by a link to a file outside of the folder.
func TestFolder_Symlink(t *testing.T) {
	t.Parallel()
	f, directory := open(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(directory, "blobs", "a")); err != nil {
		t.Skip(err)
	}
	if content, err := f.Store().Get(t.Context(), "a"); !errors.Is(err, errors.Internal) {
		t.Errorf("got %q, %v", content, err)
	}
}

func TestFolder_Errors(t *testing.T) {
	t.Parallel()
	f, directory := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := func(ctx context.Context) []error {
		_, get := f.Store().Get(ctx, "a")
		_, read := f.Journal().Entries(ctx, "atlas", "", "o")
		return []error{
			get, read, f.Store().Put(ctx, "a", nil), f.Store().Delete(ctx, "a"), f.Journal().Append(ctx, entry("")),
		}
	}
	for i, err := range calls(ctx) {
		if err != context.Canceled {
			t.Errorf("call %d, canceled: got %v", i, err)
		}
	}
	f.Close()
	for i, err := range calls(t.Context()) {
		if !errors.Is(err, errors.Internal) {
			t.Errorf("call %d, closed: got %v", i, err)
		}
	}
	if _, err := folder.Open(filepath.Join(directory, "blobs", "\x00")); !errors.Is(err, errors.Internal) {
		t.Errorf("Open: got %v", err)
	}
}

func TestJournal_Order(t *testing.T) {
	t.Parallel()
	f, directory := open(t)
	var want []teardown.Entry
	for i := range 10 {
		e := entry(fmt.Sprint("cluster/", i))
		want = append(want, e)
		other := e
		other.Organization = "5f1b"
		for _, e := range []teardown.Entry{e, other} {
			if err := f.Journal().Append(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	again, err := folder.Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if diff := cmp.Diff(want, entries(t, again)); diff != "" {
		t.Error(diff)
	}
	got, err := f.Journal().Entries(t.Context(), "atlas", "", "5f1B")
	if err != nil || len(got) != 0 {
		t.Errorf("other instance: got %v, %v", got, err)
	}
}

// TestJournal_CutLine appends after a crash that cut a line at any byte.
func TestJournal_CutLine(t *testing.T) {
	t.Parallel()
	line, err := json.Marshal(entry("cut"))
	if err != nil {
		t.Fatal(err)
	}
	for length := range line {
		f, directory := open(t)
		want := []teardown.Entry{entry("first"), entry("last")}
		if err := f.Journal().Append(t.Context(), want[0]); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(directory, "journals", "*"))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		file, err := os.OpenFile(names[0], os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(append([]byte{'\n'}, line[:length]...)); err != nil {
			t.Fatal(err)
		}
		file.Close()
		if err := f.Journal().Append(t.Context(), want[1]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, entries(t, f)); diff != "" {
			t.Fatalf("cut after %d bytes: %s", length, diff)
		}
	}
}

// TestJournal_Processes appends to one journal from several processes, and kills one of them.
func TestJournal_Processes(t *testing.T) {
	t.Parallel()
	f, directory := open(t)
	const processes = 4
	durable := make([]int, processes)
	var group sync.WaitGroup
	for p := range processes {
		command := exec.Command(os.Args[0], fmt.Sprint(p))
		command.Env = append(os.Environ(), appenderVariable+"="+directory)
		command.Stderr = os.Stderr
		output, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			for lines := bufio.NewScanner(output); lines.Scan(); durable[p]++ {
				if p == 0 && durable[p] == appends/2 {
					_ = command.Process.Kill()
				}
			}
			_ = command.Wait()
		})
	}
	group.Wait()
	next := make(map[string]int)
	for _, e := range entries(t, f) {
		p, _, _ := strings.Cut(e.Step, "/")
		if want := fmt.Sprintf("%s/%d", p, next[p]); e.Step != want {
			t.Fatalf("got entry %s, want %s", e.Step, want)
		}
		next[p]++
	}
	for p, n := range durable {
		if got := next[fmt.Sprint(p)]; got < n || p > 0 && n != appends {
			t.Errorf("process %d: %d entries of %d durable ones", p, got, n)
		}
	}
}
