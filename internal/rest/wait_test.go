package rest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
)

func TestWait_End(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		looks := 0
		var gaps []time.Duration
		last := start
		err := newClient(t, nil).Wait(t.Context(), "WaitForResources", "x", func(context.Context) ([]errors.Step, error) {
			looks++
			gaps = append(gaps, time.Since(last))
			last = time.Now()
			switch {
			case looks == 3: // passes
				return nil, errors.ServiceUnavailable
			case time.Since(start) < time.Minute:
				return []errors.Step{{Name: "resource"}}, nil
			}
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, gap := range gaps {
			if i > 0 && gap < 750*time.Millisecond || gap > 15*time.Second {
				t.Errorf("looked after %v", gap)
			}
		}
		if took := time.Since(start); took > 75*time.Second || looks > 15 || looks < 8 {
			t.Errorf("%d looks in %v", looks, took)
		}
	})
}

func TestWait_NotFinished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err := newClient(t, nil).Wait(ctx, "WaitForResources", "x", func(ctx context.Context) ([]errors.Step, error) {
			if time.Since(start) > 5*time.Second {
				return nil, errors.ServiceUnavailable
			}
			return []errors.Step{{Name: "resource", Description: "is going"}}, nil
		})
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.NotFinished || !errors.Is(err, context.DeadlineExceeded) || !errors.Retryable(err) {
			t.Fatalf("got %v, want %q", err, errors.NotFinished)
		}
		if diff := cmp.Diff([]errors.Step{{Name: "resource", Description: "is going"}}, e.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v, want the context's 10 s", took)
		}
	})
}

func TestWait_PermanentFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := newClient(t, nil).Wait(t.Context(), "WaitForResources", "x", func(context.Context) ([]errors.Step, error) {
			return nil, errors.PermissionDenied
		})
		if !errors.Is(err, errors.PermissionDenied) || time.Since(start) != 0 {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}
