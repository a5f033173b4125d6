package backoff_test

import (
	"math"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/internal/backoff"
)

func TestExponential_Bound(t *testing.T) {
	t.Parallel()
	wait := backoff.Exponential{First: time.Second, Max: 10 * time.Second}
	for attempt, want := range map[int]time.Duration{
		-1: 0, 0: 0, 1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 6: 10, 100: 10, math.MaxInt: 10,
	} {
		if got := wait.Bound(attempt); got != want*time.Second {
			t.Errorf("attempt %d: got %v, want %v", attempt, got, want*time.Second)
		}
	}
	longest := backoff.Exponential{First: 1, Max: math.MaxInt64}
	if got := longest.Bound(math.MaxInt); got != math.MaxInt64 {
		t.Errorf("got %v, want the longest", got)
	}
}
