package view

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/golden"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// at returns a time of the view.
func at(seconds float64) time.Time {
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

func TestLiveView_Screens(t *testing.T) {
	t.Parallel()
	login, data := scripted.Hosting(), scripted.Hosting()
	login.Provider, login.Organization.Name = "zitadel", "Acme Login"
	data.Provider, data.Organization.Name = "atlas", "Acme Data"
	b := newLiveView(at(0), []planfile.Planned{scripted.Planned(t, scripted.Hosting()), scripted.Planned(t, scripted.Tenant()), scripted.Planned(t, login), scripted.Planned(t, data)})
	b.setHint(hintRunning)
	show := func(now float64) string {
		var text strings.Builder
		for _, size := range [][2]int{{100, 30}, {80, 24}, {40, 12}} {
			fmt.Fprintf(&text, "--- %v s, %dx%d\n%s\n", now, size[0], size[1], ansi.Strip(b.render(at(now), size[0], size[1])))
		}
		return text.String()
	}
	text := show(0)
	b.Event(0, teardown.Event{Time: at(0), Kind: teardown.EventStarted, Total: 3})
	b.Event(1, teardown.Event{Time: at(0), Kind: teardown.EventStarted})
	b.Event(2, teardown.Event{Time: at(1), Kind: teardown.EventStarted, Total: 3})
	b.Event(0, teardown.Event{Time: at(1), Kind: teardown.EventStarted, Step: "virtual_machine/vm_1", Total: 3})
	b.Event(0, teardown.Event{Time: at(2), Kind: teardown.EventWaiting, Step: "virtual_machine/vm_1", Text: "it is being stopped", Total: 3})
	b.Event(2, teardown.Event{Time: at(2), Kind: teardown.EventStarted, Step: "virtual_machine/vm_1", Total: 3})
	b.Event(2, teardown.Event{
		Time: at(3), Kind: teardown.EventRetrying, Step: "virtual_machine/vm_1", Wait: 10 * time.Second, Total: 3,
		Err: &errors.Error{Code: errors.Conflict, Status: 409},
	})
	b.note(1, at(3), "rate limit reached", 57*time.Second)
	text += show(3)
	b.Event(0, teardown.Event{Time: at(4), Kind: teardown.EventFinished, Step: "virtual_machine/vm_1", Text: "done", Done: 1, Total: 3})
	b.Event(2, teardown.Event{Time: at(14), Kind: teardown.EventFinished, Step: "virtual_machine/vm_1", State: teardown.StepFailed, Total: 3})
	b.Event(2, teardown.Event{Time: at(14), Kind: teardown.EventStarted, Step: "disk/disk_1", Total: 3})
	b.setHint(hintStopping)
	text += show(14)
	b.end(0, at(20), report.Result{Outcome: teardown.Deleted})
	b.end(1, at(21), report.Result{Outcome: teardown.Pending, PendingOn: "F5 decides"})
	b.end(2, at(22), report.ResultOf(planfile.Planned{}, teardown.JobResult{
		Report: &teardown.Report{Outcome: teardown.Blocked, Steps: []teardown.StepReport{{State: teardown.StepFailed}}},
	}))
	b.setHint("")
	text += show(3700)
	golden.Compare(t, "liveview.txt", text)
}

// Running steps with equal names have their IDs, also on a narrow terminal.
func TestLiveView_EqualNames(t *testing.T) {
	t.Parallel()
	s := scripted.Hosting()
	for i := range s.Steps {
		s.Steps[i].Kind, s.Steps[i].Name = "disk", "System Disk"
		s.Steps[i].ID = fmt.Sprintf("disk/org_labs/disk_%d", i)
		s.Steps[i].After = nil
	}
	b := newLiveView(at(0), []planfile.Planned{scripted.Planned(t, s)})
	b.Event(0, teardown.Event{Time: at(0), Kind: teardown.EventStarted, Total: 3})
	for _, step := range s.Steps {
		b.Event(0, teardown.Event{Time: at(0), Kind: teardown.EventStarted, Step: step.ID, Total: 3})
	}
	for _, width := range []int{100, 40} {
		screen := ansi.Strip(b.render(at(2), width, 24))
		for i := range s.Steps {
			if want := fmt.Sprintf("disk_%d) 0:02", i); !strings.Contains(screen, want) {
				t.Errorf("%d columns: %q is missing:\n%s", width, want, screen)
			}
		}
	}
}

func TestLiveView_FitsTerminal(t *testing.T) {
	t.Parallel()
	var plans []planfile.Planned
	for i := range 40 {
		s := scripted.Hosting()
		s.Organization.Name = fmt.Sprintf("Organization %d of a company with a very long name 株式会社", i)
		plans = append(plans, scripted.Planned(t, s))
	}
	b := newLiveView(at(0), plans)
	for i := range 20 {
		b.Event(i, teardown.Event{Time: at(0), Kind: teardown.EventStarted, Total: 3})
		for _, s := range plans[i].Plan.Steps {
			b.Event(i, teardown.Event{Time: at(0), Kind: teardown.EventStarted, Step: s.ID, Total: 3})
		}
	}
	for i := range 5 {
		b.end(i, at(1), report.Result{Outcome: teardown.Deleted})
	}
	for _, size := range [][2]int{{120, 60}, {80, 24}, {40, 10}, {20, 3}, {1, 1}} {
		lines := strings.Split(b.render(at(2), size[0], size[1]), "\n")
		if len(lines) > size[1] {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, line := range lines {
			if w := ansi.StringWidth(line); w > size[0] {
				t.Errorf("%v: a line has the width %d: %q", size, w, line)
			}
		}
	}
	// Each running organization has a line before any step has one.
	screen := ansi.Strip(b.render(at(2), 80, 24))
	for i := 5; i < 20; i++ {
		if !strings.Contains(screen, fmt.Sprintf("Organization %d ", i)) {
			t.Errorf("the running organization %d is missing:\n%s", i, screen)
		}
	}
}

func TestLiveView_HostileNames(t *testing.T) {
	t.Parallel()
	const hostile = "a\x1b[2J\x1b]0;title\x07\r\nb\u202Ec\u200B"
	s := scripted.Hosting()
	s.Steps = s.Steps[:1] // the others wait for its usual ID
	s.Organization.Name, s.Steps[0].Name, s.Steps[0].ID = hostile, hostile, "virtual_machine/"+hostile
	p := scripted.Planned(t, s)
	b := newLiveView(at(0), []planfile.Planned{p})
	b.Event(0, teardown.Event{Time: at(0), Kind: teardown.EventStarted, Total: 3})
	b.Event(0, teardown.Event{Time: at(0), Kind: teardown.EventStarted, Step: s.Steps[0].ID, Total: 3})
	b.Event(0, teardown.Event{Time: at(0), Kind: teardown.EventWaiting, Step: s.Steps[0].ID, Text: hostile, Total: 3})
	b.note(0, at(0), hostile, time.Minute)
	screens := b.render(at(1), 200, 24)
	b.end(0, at(2), report.Result{Outcome: teardown.Pending, PendingOn: hostile})
	screens += b.render(at(3), 200, 24)
	var out strings.Builder
	l := &textView{steps: true, requests: true, out: &out, plans: []planfile.Planned{p}, started: at(0)}
	for _, kind := range []teardown.EventKind{teardown.EventStarted, teardown.EventWaiting, teardown.EventRetrying, teardown.EventFinished} {
		l.Event(0, teardown.Event{Kind: kind, Step: s.Steps[0].ID, Text: hostile, Err: errors.New(hostile)})
		l.Event(0, teardown.Event{Kind: kind, Text: hostile})
	}
	l.Note(0, hostile, time.Minute)
	l.Note(0, hostile, 0)
	l.End(0, report.Result{Outcome: teardown.Pending, PendingOn: hostile})
	screens += out.String()
	for _, bad := range []string{"\x1b[2J", "\x1b]", "\x07", "\r", "\u202E", "\u200B"} {
		if strings.Contains(screens, bad) {
			t.Errorf("%q is in %q", bad, screens)
		}
	}
}

// An organization without a plan is counted by its state, not as blocked.
func TestLiveView_States(t *testing.T) {
	t.Parallel()
	now := time.Now()
	v := newLiveView(now, []planfile.Planned{{Entry: planfile.Entry{Provider: "katapult"}, Denied: true}, {Entry: planfile.Entry{Provider: "katapult"}}})
	v.end(0, now, report.NotStarted(planfile.Planned{Denied: true}))
	if out := ansi.Strip(v.draw(now)); !strings.Contains(out, "1 denied · 1 not planned") || strings.Contains(out, "blocked") {
		t.Errorf("got %s", out)
	}
}
