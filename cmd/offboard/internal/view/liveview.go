package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// liveView is the state of the live view. Events update it, and draw renders it for a time.
type liveView struct {
	mu      sync.Mutex
	started time.Time
	rows    []*row
	hint    string // describes the keys

	width, height int // of the terminal
	names         int // the width of the longest name
}

// row is one organization.
type row struct {
	provider, name string
	plan           *teardown.Plan
	labels         []format.Label // of the steps of the plan
	done, total    int
	started, ended time.Time
	outcome        teardown.Outcome // "" until the teardown has ended
	state          planfile.State   // of an organization without a plan, which counts instead of its outcome
	text           string           // the result
	failed         int              // number of failed steps
	running        []*activity
	note           string // the reason of a wait, or an error
	waits          bool   // the client waits until the time in until
	until          time.Time
}

// activity is a running step.
type activity struct {
	id, kind string
	label    format.Label
	since    time.Time
	text     string    // the reason of a wait
	until    time.Time // the end of the wait; zero if unknown
}

func newLiveView(now time.Time, organizations []planfile.Planned) *liveView {
	v := &liveView{started: now, width: 80, height: 24}
	for _, p := range organizations {
		r := &row{provider: p.Entry.Provider, name: p.Title(), plan: p.Plan}
		switch r.total = p.Total(); {
		case p.Deletion != nil:
			r.outcome, r.text = p.Deletion.Outcome, printable.Text(string(p.Deletion.Outcome))
		case p.Plan == nil:
			r.outcome, r.state, r.text = teardown.Blocked, p.State(), p.State().Text()
		}
		v.rows = append(v.rows, r)
		v.names = max(v.names, ansi.StringWidth(r.name))
	}
	return v
}

// Event updates the row of an organization.
func (v *liveView) Event(i int, e teardown.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.rows[i]
	r.done, r.total = e.Done, e.Total
	if e.Step == "" {
		switch e.Kind {
		case teardown.EventStarted:
			r.started = e.Time
		case teardown.EventRetrying:
			r.note, r.waits, r.until = reasonOf(e), true, e.Time.Add(e.Wait)
		case teardown.EventWaiting:
			r.note, r.waits, r.until = printable.Text(e.Text), false, e.Time.Add(readable)
		}
		return
	}
	at := slices.IndexFunc(r.running, func(a *activity) bool { return a.id == e.Step })
	if e.Kind == teardown.EventFinished {
		if at >= 0 {
			r.running = slices.Delete(r.running, at, at+1)
		}
		if e.State == teardown.StepFailed {
			r.failed++
		}
		return
	}
	if at < 0 {
		r.running = append(r.running, r.activity(e))
		at = len(r.running) - 1
	}
	a := r.running[at]
	switch e.Kind {
	case teardown.EventWaiting:
		a.text, a.until = printable.Text(e.Text), time.Time{}
		if e.Wait > 0 {
			a.until = e.Time.Add(e.Wait)
		}
	case teardown.EventRetrying:
		a.text, a.until = reasonOf(e), e.Time.Add(e.Wait)
	}
}

// note sets the reason of a wait of an organization's client, or its last error.
func (v *liveView) note(i int, now time.Time, text string, wait time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.rows[i]
	if wait == 0 && r.waits && r.until.After(now) {
		return // the wait of another call is more informative
	}
	r.note, r.waits, r.until = printable.Text(text), wait > 0, now.Add(max(wait, readable))
}

// readable is how long a note without a wait is shown.
const readable = 1500 * time.Millisecond

// end sets the result of an organization.
func (v *liveView) end(i int, now time.Time, end report.Result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.rows[i]
	if end.Outcome == "" { // not started, and shown from the start
		return
	}
	r.running, r.ended, r.outcome, r.text, r.note = nil, now, end.Outcome, end.Text(), ""
}

func (v *liveView) resize(width, height int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if width > 0 && height > 0 { // 0 is unknown
		v.width, v.height = width, height
	}
}

// draw renders the view for the terminal. The cursor takes the last line.
func (v *liveView) draw(now time.Time) string {
	v.mu.Lock()
	width, height := v.width, v.height
	v.mu.Unlock()
	return v.render(now, width, max(height-1, 1))
}

func (v *liveView) setHint(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hint = text
}

// activity returns the activity of a step that has started. A step that the plan does not have is
// named by its ID.
func (r *row) activity(e teardown.Event) *activity {
	a := &activity{id: e.Step, kind: printable.Text(e.Step), since: e.Time}
	if r.plan == nil {
		return a
	}
	if r.labels == nil {
		r.labels = format.Labels(r.plan.Steps)
	}
	if i := slices.IndexFunc(r.plan.Steps, func(s teardown.Step) bool { return s.ID == e.Step }); i >= 0 {
		a.kind, a.label = printable.Text(r.plan.Steps[i].Kind), r.labels[i]
	}
	return a
}

// reasonOf returns the reason of a retry.
func reasonOf(e teardown.Event) string {
	if typed, ok := errors.AsType[*errors.Error](e.Err); ok {
		return printable.Text(problem.Reason(typed))
	}
	return printable.Text(e.Text)
}

// Styles of the live view. Drawing removes those that the terminal does not support.
var (
	dim    = lipgloss.NewStyle().Foreground(lipgloss.BrightBlack)
	strong = lipgloss.NewStyle().Bold(true)
	good   = lipgloss.NewStyle().Foreground(lipgloss.Green)
	fair   = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	bad    = lipgloss.NewStyle().Foreground(lipgloss.Red)
	accent = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
)

// outcomeStyle returns the color of an outcome.
func outcomeStyle(o teardown.Outcome) lipgloss.Style {
	switch o {
	case teardown.Deleted:
		return good
	case teardown.Pending, teardown.Stopped:
		return fair
	}
	return bad
}

var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// columns are the widths of the columns of organizations. A narrow terminal has fewer: first
// the bars become shorter and disappear, then the providers and the times do.
type columns struct {
	provider, name, bar, steps, time int // 0: not shown
}

// narrow is the width of a terminal below which the providers and the times are not shown.
const narrow = 60

func (v *liveView) columns(width int) columns {
	c := columns{provider: 9, steps: 3, time: 6}
	for _, r := range v.rows {
		c.steps = max(c.steps, 2*len(strconv.Itoa(r.total))+1)
	}
	if width < narrow {
		c.provider, c.time = 0, 0
		c.name = min(v.names, max(width*2/5, 8))
		return c
	}
	c.name = min(v.names, max(width/4, 8))
	const text = 32 // "waiting 0:57: rate limit reached"
	if c.bar = min(width-text-2-c.provider-2-c.name-2-1-c.steps-2-c.time-2, barLength); c.bar < 4 {
		c.bar = 0
	}
	return c
}

// render renders the view for a time, in at most height lines of at most width cells. A text
// that does not fit ends with an ellipsis; the summary shows it in full.
func (v *liveView) render(now time.Time, width, height int) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.columns(width)
	foot := v.totals(now, width)
	var lines []string
	steps, shown := v.layout(max(height-len(foot), 1))
	for i, r := range v.rows {
		if !shown[i] {
			continue
		}
		lines = append(lines, r.line(now, c))
		for j, a := range r.running {
			if j == steps[i] {
				break
			}
			lines = append(lines, a.line(now, width))
		}
	}
	lines = append(lines, foot...)
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, width, "…")
	}
	return strings.Join(lines[max(len(lines)-height, 0):], "\n")
}

// layout selects the organizations that fit: the running ones, then those with a bad
// outcome, then other finished ones, then those that are not started. Remaining lines show
// running steps.
func (v *liveView) layout(height int) (steps []int, shown []bool) {
	steps, shown = make([]int, len(v.rows)), make([]bool, len(v.rows))
	left := height
	for _, class := range []func(*row) bool{
		func(r *row) bool { return !r.started.IsZero() && r.outcome == "" },
		func(r *row) bool {
			return r.outcome != "" && r.outcome != teardown.Deleted && r.outcome != teardown.Pending
		},
		func(r *row) bool { return r.outcome != "" },
		func(*row) bool { return true },
	} {
		for i, r := range v.rows {
			if left > 0 && !shown[i] && class(r) {
				shown[i] = true
				left--
			}
		}
	}
	// Each organization gets one line for a step per round.
	for more := true; more && left > 0; {
		more = false
		for i, r := range v.rows {
			if shown[i] && left > 0 && steps[i] < len(r.running) {
				steps[i]++
				left--
				more = true
			}
		}
	}
	return steps, shown
}

// line returns the line of an organization.
func (r *row) line(now time.Time, c columns) string {
	mark, text, took := dim.Render("·"), dim.Render("not started"), ""
	switch {
	case r.outcome != "":
		sign := "✗"
		switch r.outcome {
		case teardown.Deleted:
			sign = "✓"
		case teardown.Pending:
			sign = "◷"
		case teardown.Stopped:
			sign = "■"
		}
		mark, text = outcomeStyle(r.outcome).Render(sign), outcomeStyle(r.outcome).Render(r.text)
	case !r.started.IsZero():
		mark, text = accent.Render(spin(now)), r.status(now)
	}
	if !r.started.IsZero() {
		end := now
		if !r.ended.IsZero() {
			end = r.ended
		}
		took = format.Clock(end.Sub(r.started))
	}
	line := mark + " "
	if c.provider > 0 {
		line += fmt.Sprintf("%-*s  ", c.provider, r.provider)
	}
	line += strong.Render(fit(r.name, c.name)) + "  "
	if c.bar > 0 {
		line += r.bar(c.bar) + " "
	}
	line += fmt.Sprintf("%*s  ", c.steps, fmt.Sprintf("%d/%d", r.done, r.total))
	if c.time > 0 {
		line += fmt.Sprintf("%*s  ", c.time, took)
	}
	return line + text
}

// bar returns the bar of an organization. It is full for one that was deleted without steps.
func (r *row) bar(length int) string {
	if r.total == 0 && (r.outcome == teardown.Deleted || r.outcome == teardown.Pending) {
		return bar(length, 1, 1, 0)
	}
	return bar(length, r.done, r.total, r.failed)
}

// status returns the current activity of a running organization.
func (r *row) status(now time.Time) string {
	switch {
	case r.until.After(now) && r.waits:
		return fair.Render(fmt.Sprintf("waiting %s: %s", format.Clock(r.until.Sub(now)), r.note))
	case r.until.After(now):
		return fair.Render(r.note)
	case r.done == r.total:
		return "organization"
	case len(r.running) == 0:
		return ""
	case r.failed > 0:
		return bad.Render(fmt.Sprintf("%d failed", r.failed))
	}
	return dim.Render(fmt.Sprintf("%d running", len(r.running)))
}

// line returns the line of a step. The kind stays whole if the width permits.
func (a *activity) line(now time.Time, width int) string {
	took := format.Clock(now.Sub(a.since))
	title := strings.TrimSpace(a.kind + " " + a.label.Fit(max(width-ansi.StringWidth("   ⠋ ")-ansi.StringWidth(a.kind)-1-1-len(took), 0)))
	line := fmt.Sprintf("   %s %s %s", accent.Render(spin(now)), title, dim.Render(took))
	switch {
	case a.text == "":
	case a.until.After(now):
		line += fair.Render(fmt.Sprintf("  %s, retry in %s", a.text, format.Clock(a.until.Sub(now))))
	default:
		line += dim.Render("  " + a.text)
	}
	return line
}

// totals returns the last lines.
func (v *liveView) totals(now time.Time, width int) []string {
	outcomes := map[teardown.Outcome]int{}
	states := map[planfile.State]int{}
	done, total, ended := 0, 0, 0
	for _, r := range v.rows {
		done, total = done+r.done, total+r.total
		if r.outcome == "" {
			continue
		}
		ended++
		if r.state != "" {
			states[r.state]++
			continue
		}
		outcomes[r.outcome]++
	}
	parts := []string{strong.Render(fmt.Sprintf("%d of %s", ended, format.Count(len(v.rows), "organization")))}
	for _, o := range []teardown.Outcome{teardown.Deleted, teardown.Pending, teardown.Stopped, teardown.Blocked, teardown.Unknown, teardown.NotFound} {
		if n := outcomes[o]; n > 0 {
			parts = append(parts, outcomeStyle(o).Render(fmt.Sprintf("%d %s", n, o)))
		}
	}
	for _, s := range []planfile.State{planfile.Denied, planfile.NotPlanned} {
		if n := states[s]; n > 0 {
			parts = append(parts, bad.Render(fmt.Sprintf("%d %s", n, s.Text())))
		}
	}
	parts = append(parts, fmt.Sprintf("%d of %s", done, format.Count(total, "step")), format.Clock(now.Sub(v.started)))
	lines := []string{""}
	separator := dim.Render(" · ")
	for _, part := range parts {
		last := len(lines) - 1
		if last > 0 && ansi.StringWidth(lines[last])+ansi.StringWidth(separator+part) <= width {
			lines[last] += separator + part
			continue
		}
		lines = append(lines, part)
	}
	if v.hint != "" {
		for line := range strings.SplitSeq(layout.Reflow(v.hint, width), "\n") {
			lines = append(lines, dim.Render(line))
		}
	}
	return lines
}

const barLength = 14 // on a wide terminal

// bar returns a progress bar.
func bar(length, done, total, failed int) string {
	if total == 0 {
		return dim.Render(strings.Repeat("─", length))
	}
	n := done * length / total
	wrong := min((failed*length+total-1)/total, length-n)
	return good.Render(strings.Repeat("━", n)) + bad.Render(strings.Repeat("━", wrong)) + dim.Render(strings.Repeat("─", length-n-wrong))
}

func spin(now time.Time) string {
	return string(spinner[now.UnixMilli()/100%int64(len(spinner))])
}

// fit returns a text truncated or padded to the width of a column.
func fit(text string, width int) string {
	text = ansi.Truncate(text, width, "…")
	return text + strings.Repeat(" ", max(width-ansi.StringWidth(text), 0))
}
