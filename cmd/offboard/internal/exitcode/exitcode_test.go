package exitcode

import (
	"slices"
	"testing"
)

func TestWorst_MostSevere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		codes []int
		want  int
	}{
		{nil, OK}, {[]int{OK, OK}, OK}, {[]int{Stopped, Blocked}, Blocked},
		{[]int{Blocked, Unknown, Failed}, Unknown}, {[]int{Failed, Stale, OK}, Failed},
		{[]int{NotConfirmed, Blocked}, NotConfirmed},
	} {
		if got := Worst(test.codes); got != test.want {
			t.Errorf("%v: got %d, want %d", test.codes, got, test.want)
		}
	}
	for code := OK; code <= NotFound; code++ {
		if !slices.Contains(severity, code) {
			t.Errorf("severity does not contain %d", code)
		}
	}
}
