package timeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/teardown"
)

var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func TestRecorder_Reasons(t *testing.T) {
	t.Parallel()
	r := New()
	event := func(seconds int, kind teardown.EventKind, wait int) {
		r.Event(1, teardown.Event{Step: "disk/a", Kind: kind, Time: at(seconds), Wait: time.Duration(wait) * time.Second})
	}
	event(0, teardown.EventStarted, 0)
	event(1, teardown.EventRetrying, 4)
	event(7, teardown.EventWaiting, 0) // the second attempt started after 5 seconds
	event(9, teardown.EventWaiting, 0)
	event(10, teardown.EventRetrying, 60)
	event(12, teardown.EventFinished, 0) // a stop ended the wait
	r.Event(1, teardown.Event{Step: "disk/b", Kind: teardown.EventFinished, Time: at(1)})
	r.Event(1, teardown.Event{Step: "disk/c", Kind: teardown.EventStarted, Time: at(18)})
	r.Event(1, teardown.Event{Kind: teardown.EventRetrying, Time: at(13), Wait: time.Second})
	r.Wait(1, "", "rate_limit", at(2), 3*time.Second)
	r.Wait(1, "", "retry", at(19), time.Hour)
	r.Wait(1, "", "a new reason", at(3), time.Second)
	r.Request(1)
	r.Request(1)
	want := Run{
		Requests: 2,
		Client:   []Span{{Retry, at(13), at(14)}, {RateLimit, at(2), at(5)}, {Retry, at(19), at(20)}, {Working, at(3), at(4)}},
		Steps: map[string][]Span{
			"disk/a": {{Working, at(0), at(1)}, {Retry, at(1), at(5)}, {Working, at(5), at(7)}, {Provider, at(7), at(9)}, {Provider, at(9), at(10)}, {Retry, at(10), at(12)}},
			"disk/b": nil,
			"disk/c": {{Working, at(18), at(20)}},
		},
	}
	if diff := cmp.Diff(want, r.Of(1, at(20)), cmpopts.IgnoreUnexported(Run{})); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	totals := []Total{{Working, 4, 6 * time.Second}, {Provider, 2, 3 * time.Second}, {Retry, 4, 8 * time.Second}, {RateLimit, 1, 3 * time.Second}}
	if diff := cmp.Diff(totals, want.Totals()); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// The waits of the client divide the spans of their step, but not a wait before another attempt.
func TestRecorder_WaitsOfStep(t *testing.T) {
	t.Parallel()
	r := New()
	for seconds, kind := range []teardown.EventKind{teardown.EventStarted, teardown.EventRetrying} {
		r.Event(0, teardown.Event{Step: "disk/a", Kind: kind, Time: at(10 * seconds), Wait: 10 * time.Second})
	}
	r.Event(0, teardown.Event{Step: "disk/a", Kind: teardown.EventWaiting, Time: at(20)})
	r.Event(0, teardown.Event{Step: "disk/a", Kind: teardown.EventFinished, Time: at(30)})
	r.Wait(0, "disk/a", "rate_limit", at(2), 2*time.Second)
	r.Wait(0, "disk/a", "retry", at(9), 2*time.Second)
	r.Wait(0, "disk/a", "rate_limit", at(28), time.Minute)
	r.Wait(0, "disk/b", "rate_limit", at(0), time.Minute)
	want := []Span{
		{Working, at(0), at(2)}, {RateLimit, at(2), at(4)}, {Working, at(4), at(9)}, {Retry, at(9), at(10)}, {Retry, at(10), at(20)},
		{Provider, at(20), at(28)}, {RateLimit, at(28), at(30)},
	}
	if diff := cmp.Diff(want, r.Of(0, at(40)).Steps["disk/a"]); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

func TestRecorder_Nil(t *testing.T) {
	t.Parallel()
	var r *Recorder
	r.Event(0, teardown.Event{Step: "disk/a"})
	r.Request(0)
	r.Wait(0, "", "retry", start, time.Second)
	if run := r.Of(0, start); run.Requests != 0 || len(run.Client)+len(run.Steps) != 0 {
		t.Errorf("got %+v", run)
	}
	if run := New().Of(7, start); len(run.Steps) != 0 {
		t.Errorf("got %+v", run)
	}
}

// reportOf returns a report of steps that start each second and take a minute.
func reportOf(n int) *teardown.Report {
	r := &teardown.Report{StartedAt: start, FinishedAt: at(n + 70)}
	for i := range n {
		s := teardown.Step{ID: fmt.Sprintf("disk/%d", i), Kind: fmt.Sprintf("kind-%d", i%3), Name: fmt.Sprint(i)}
		r.Steps = append(r.Steps, teardown.StepReport{Step: s, State: teardown.StepDeleted, StartedAt: at(i), FinishedAt: at(i + 60)})
	}
	r.Steps = append(r.Steps, teardown.StepReport{Step: teardown.Step{ID: "later"}, State: teardown.StepNotStarted})
	return r
}

// Without events, each started step is one bar. All bars are in the chart.
func TestDraw_Bars(t *testing.T) {
	t.Parallel()
	for n, rows := range map[int]int{0: 0, 1: 1, MaxSteps: MaxSteps, MaxSteps + 1: 3, 300: 3} {
		for _, width := range []int{Wide, Narrow} {
			c := Run{}.Draw(reportOf(n), width)
			if len(c.Rows) != rows || c.ByKind != (n > MaxSteps) || len(c.Ticks) == 0 || len(c.Ticks) > 6 {
				t.Errorf("%d steps: got %d rows and %d ticks", n, len(c.Rows), len(c.Ticks))
			}
			for _, row := range c.Rows {
				if len(row.Bars) == 0 {
					t.Errorf("%d steps: %q has no bars", n, row.Name)
				}
				for _, b := range row.Bars {
					if b.X < 0 || b.X+b.Width > float64(width) || b.Y < float64(row.Y) || b.Y+b.Height > float64(c.Height) {
						t.Errorf("%d steps: %+v leaves the chart of %d × %d", n, b, c.Width, c.Height)
					}
				}
			}
		}
	}
}

// Steps with equal names have their IDs, also in a narrow chart.
func TestDraw_EqualNames(t *testing.T) {
	t.Parallel()
	r := reportOf(3)
	for i := range 3 {
		r.Steps[i].Kind, r.Steps[i].Name = "disk", "System Disk of the first virtual machine"
	}
	for _, width := range []int{Wide, Narrow} {
		for i, row := range (Run{}).Draw(r, width).Rows {
			if want := fmt.Sprintf("(%d)", i); !strings.Contains(row.Name, want) || !strings.Contains(row.Title, want) {
				t.Errorf("got %q and %q, want %s in both", row.Name, row.Title, want)
			}
		}
	}
}

func TestReason_Text(t *testing.T) {
	t.Parallel()
	for _, r := range Reasons() {
		if r.Text() == "unknown" {
			t.Errorf("%s has no text", r)
		}
	}
	if got := Reason("other").Text(); got != "unknown" {
		t.Errorf("got %q", got)
	}
}
