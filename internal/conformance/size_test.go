package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// size returns the size of a program without symbols, in bytes.
func size(t *testing.T, program string) int64 {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	// Git refuses to describe a checkout that another user owns.
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, "./size/"+program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestSize_MinimalProgram(t *testing.T) {
	t.Parallel()
	baseline, ours := size(t, "baseline"), size(t, "offboard")
	t.Logf("%d bytes, %+.1f %% compared with %d", ours, 100*(float64(ours)/float64(baseline)-1), baseline)
	if ours > baseline+baseline/10 {
		t.Errorf("got %d bytes, want at most 10 %% more than %d", ours, baseline)
	}
}
