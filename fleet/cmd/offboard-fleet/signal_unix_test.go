//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// asProgram is a variable that makes the test binary run the program.
const asProgram = "OFFBOARD_FLEET_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// The second signal ends a program that waits for something which no signal interrupts: here, for the
// writer of a FIFO.
func TestProgram_SecondSignal(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "m.yaml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "start", fifo, "--store", t.TempDir())
	c.Env = append(os.Environ(), asProgram+"=1", "DATABASE_URL=")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	// Opening the FIFO waits for the program, which then waits for the text.
	writer, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	// The program may not have handled a signal when the next one arrives.
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for signals := 0; ; {
		select {
		case err := <-ended:
			if signals < 2 || c.ProcessState.Success() {
				t.Errorf("got %v after %d signals", err, signals)
			}
			return
		case <-again.C:
			_ = c.Process.Signal(syscall.SIGTERM) // which may have ended
			signals++
		case <-limit.C:
			_ = c.Process.Kill()
			t.Fatalf("the program runs after %d signals", signals)
		}
	}
}
