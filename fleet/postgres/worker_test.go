package postgres_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offboard-dev/offboard-go/fleet/postgres"
)

// workerVariable has the connection string of a process that is a worker.
const workerVariable = "OFFBOARD_LIMITER_WORKER"

// order is the work of a worker.
type order struct {
	Config  postgres.LimiterConfig
	Callers int // concurrent calls of Wait
}

// work calls Wait until the standard input ends, and writes the time of each grant in Unix µs.
func work(dsn string) error {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	db, err := postgres.Open(ctx, pool)
	if err != nil {
		return err
	}
	l, err := db.Limiter(ctx, o.Config)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := input.ReadBytes('\n'); err != nil { // start
		return err
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for range o.Callers {
		group.Go(func() {
			for {
				err := l.Wait(ctx, "GetOrganization")
				now := time.Now().UnixMicro()
				mu.Lock()
				if err == nil {
					fmt.Println(now)
				} else if ctx.Err() == nil {
					fmt.Fprintln(os.Stderr, err)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	_, _ = io.Copy(io.Discard, input)
	cancel()
	group.Wait()
	l.Close()
	return nil
}

// worker is a process that calls Wait.
type worker struct {
	command *exec.Cmd
	input   io.WriteCloser

	mu     sync.Mutex
	grants []time.Time
	first  chan struct{} // closed after the first grant
	ended  chan struct{}
}

// hire starts a worker, and returns when it is ready.
func hire(t *testing.T, dsn string, o order) *worker {
	t.Helper()
	w := &worker{command: exec.Command(os.Args[0]), first: make(chan struct{}), ended: make(chan struct{})}
	w.command.Env = append(os.Environ(), workerVariable+"="+dsn)
	w.command.Stderr = os.Stderr
	var err error
	if w.input, err = w.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := w.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.command.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		defer close(w.ended)
		lines := bufio.NewScanner(output)
		if lines.Scan() && lines.Text() == "ready" {
			close(ready)
		}
		for lines.Scan() {
			micros, err := strconv.ParseInt(lines.Text(), 10, 64)
			if err != nil {
				break
			}
			w.mu.Lock()
			if w.grants = append(w.grants, time.UnixMicro(micros)); len(w.grants) == 1 {
				close(w.first)
			}
			w.mu.Unlock()
		}
		_ = w.command.Wait()
	}()
	t.Cleanup(w.kill)
	line, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.input.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	wait(t, ready)
	return w
}

// wait waits for the end of a channel.
func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("timeout")
	}
}

// start makes the worker call Wait.
func (w *worker) start(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(w.input, "start\n"); err != nil {
		t.Fatal(err)
	}
}

// stop ends the worker and returns the times of its grants.
func (w *worker) stop(t *testing.T) []time.Time {
	t.Helper()
	w.input.Close()
	wait(t, w.ended)
	return w.grants
}

// kill kills the worker.
func (w *worker) kill() {
	_ = w.command.Process.Kill() // SIGKILL
	<-w.ended
}
