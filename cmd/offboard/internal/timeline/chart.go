package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// MaxSteps is the maximum number of steps that have a row each. The steps of a larger run are
// shown by kind.
const MaxSteps = 40

// Chart is the chart of a run. The numbers are pixels at the natural size.
type Chart struct {
	Width, Height int
	Ticks         []Tick
	Rows          []Row
	ByKind        bool
}

// Tick is a time on the axis.
type Tick struct {
	X     int
	Text  string
	Align string // of the text: start, middle or end
}

// Row is a step, all steps of a kind, or the client.
type Row struct {
	Y           int // of the texts
	Name, State string
	Title       string // all of the row as text
	Bars        []Bar
}

// Bar is a part of a row.
type Bar struct {
	X, Y, Width, Height float64
	Reason              Reason
	Title               string
}

// Widths of the charts for a desktop and for a phone.
const (
	Wide   = 860
	Narrow = 330
)

const (
	margin    = 4
	top       = 24 // of the first row, below the axis
	rowHeight = 34
	barHeight = 9
	kindBars  = 34 // height of the bars of a kind
	bins      = 120
)

// scale converts times.
type scale struct {
	start time.Time
	took  time.Duration
	width int
}

func (s scale) x(t time.Time) float64 {
	at := float64(t.Sub(s.start)) / float64(max(s.took, 1))
	return margin + max(0, min(at, 1))*float64(s.width-2*margin-2) // a bar has at least 2 pixels
}

// Draw returns the chart of a run of a report.
func (r Run) Draw(report *teardown.Report, width int) Chart {
	s := scale{report.StartedAt, report.FinishedAt.Sub(report.StartedAt), width}
	c := Chart{Width: width, Ticks: s.ticks()}
	y := top
	if len(r.Client) > 0 {
		row := Row{Y: y + 12, Name: "client", State: format.Count(len(r.Client), "wait")}
		row.Title = "waits of the client, " + row.State
		// The waits of several steps overlap: the last drawn reason is the rarer one.
		spans := slices.Clone(r.Client)
		slices.SortStableFunc(spans, func(a, b Span) int { return cmp.Compare(b.End.Sub(b.Start), a.End.Sub(a.Start)) })
		row.Bars = s.bars(spans, y)
		c.Rows = append(c.Rows, row)
		y += rowHeight
	}
	var started []teardown.StepReport
	for _, step := range report.Steps {
		if !step.StartedAt.IsZero() {
			started = append(started, step)
		}
	}
	slices.SortStableFunc(started, func(a, b teardown.StepReport) int { return a.StartedAt.Compare(b.StartedAt) })
	if c.ByKind = len(started) > MaxSteps; c.ByKind {
		y = r.drawKinds(&c, s, started, y)
	} else {
		steps := make([]teardown.Step, len(report.Steps))
		labels := map[string]format.Label{}
		for i, step := range report.Steps {
			steps[i] = step.Step
		}
		for i, label := range format.Labels(steps) {
			labels[steps[i].ID] = label
		}
		for _, step := range started {
			spans := r.spansOf(step)
			kind, label := printable.Text(step.Kind), labels[step.ID]
			row := Row{Y: y + 12, Name: kind + " " + label.String()}
			row.State = format.Clock(step.FinishedAt.Sub(step.StartedAt)) + ", " + format.State(step.State)
			row.Title = row.Name + ", " + row.State
			most := (width - len(row.State)*7) / 7
			row.Name = ansi.Truncate(kind+" "+label.Fit(max(most-ansi.StringWidth(kind)-1, 0)), most, "…")
			row.Bars = s.bars(spans, y)
			c.Rows = append(c.Rows, row)
			y += rowHeight
		}
	}
	c.Height = y + margin
	return c
}

// spansOf returns the spans of a step that started. Without events it is one span.
func (r Run) spansOf(step teardown.StepReport) []Span {
	if spans := r.Steps[step.ID]; len(spans) > 0 {
		return spans
	}
	return []Span{{Working, step.StartedAt, step.FinishedAt}}
}

func (s scale) bars(spans []Span, y int) []Bar {
	var bars []Bar
	for _, span := range spans {
		x := s.x(span.Start)
		bars = append(bars, Bar{
			X: round(x), Y: float64(y + 17), Width: round(max(s.x(span.End)-x, 2)), Height: barHeight, Reason: span.Reason,
			Title: fmt.Sprintf("%s to %s: %s", format.Clock(span.Start.Sub(s.start)), format.Clock(span.End.Sub(s.start)), span.Reason.Text()),
		})
	}
	return bars
}

func round(f float64) float64 { return float64(int(f*10+0.5)) / 10 }

// drawKinds adds a row for each kind: the number of its steps over time, by reason. It returns
// the end of the rows.
func (r Run) drawKinds(c *Chart, s scale, started []teardown.StepReport, y int) int {
	var kinds []string
	steps := map[string][]teardown.StepReport{}
	for _, step := range started {
		if steps[step.Kind] == nil {
			kinds = append(kinds, step.Kind)
		}
		steps[step.Kind] = append(steps[step.Kind], step)
	}
	for _, kind := range kinds {
		counts, most := make([]map[Reason]int, bins), 0
		for b := range bins {
			at := s.start.Add(s.took * time.Duration(2*b+1) / (2 * bins))
			counts[b] = map[Reason]int{}
			running := 0
			for _, step := range steps[kind] {
				for _, span := range r.spansOf(step) {
					if !at.Before(span.Start) && at.Before(span.End) {
						counts[b][span.Reason]++
						running++
						break
					}
				}
			}
			most = max(most, running)
		}
		first, last, deleted := steps[kind][0].StartedAt, time.Time{}, 0
		for _, step := range steps[kind] {
			if step.FinishedAt.After(last) {
				last = step.FinishedAt
			}
			if step.State == teardown.StepDeleted || step.State == teardown.StepAlreadyDeleted {
				deleted++
			}
		}
		row := Row{Y: y + 12, Name: printable.Text(kind), State: fmt.Sprintf("%d of %d deleted, up to %d at a time", deleted, len(steps[kind]), most)}
		if c.Width < Wide {
			row.State = fmt.Sprintf("%d of %d, up to %d", deleted, len(steps[kind]), most)
		}
		row.Title = fmt.Sprintf("%s, %s, from %s to %s", row.Name, row.State, format.Clock(first.Sub(s.start)), format.Clock(last.Sub(s.start)))
		row.Name = ansi.Truncate(row.Name, max((c.Width-len(row.State)*7)/7, 8), "…")
		width := float64(s.width-2*margin) / bins
		for _, reason := range Reasons() {
			for b := range bins {
				n := counts[b][reason]
				if n == 0 {
					continue
				}
				below := 0 // steps that are drawn below this reason
				for _, other := range Reasons() {
					if other == reason {
						break
					}
					below += counts[b][other]
				}
				unit := float64(kindBars) / float64(most)
				bar := Bar{
					X: round(margin + float64(b)*width), Width: round(width + 0.1), Height: round(float64(n) * unit), Reason: reason,
					Y: round(float64(y+17+kindBars) - float64(below+n)*unit),
				}
				row.Bars = append(row.Bars, bar)
			}
		}
		c.Rows = append(c.Rows, row)
		y += rowHeight - barHeight + kindBars
	}
	return y
}

// ticks returns the times of the axis: at most 5 for a desktop, and 3 for a phone.
func (s scale) ticks() []Tick {
	most := 5
	if s.width < 500 {
		most = 3
	}
	step := time.Second
	for _, next := range []time.Duration{2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 604800} {
		if s.took/step <= time.Duration(most) {
			break
		}
		step = next * time.Second
	}
	var ticks []Tick
	for at := time.Duration(0); at <= s.took && len(ticks) <= most+1; at += step {
		t := Tick{X: int(s.x(s.start.Add(at))), Text: format.Clock(at), Align: "middle"}
		if at == 0 {
			t.Align = "start"
		} else if t.X > s.width-24 {
			t.Align = "end"
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// Total is the time of all spans with a reason.
type Total struct {
	Reason Reason
	Count  int
	Time   time.Duration
}

// Totals returns the waits of the run by reason, without the reasons that have none. Waits that
// overlap are added.
func (r Run) Totals() []Total {
	by := map[Reason]*Total{}
	add := func(s Span) {
		if by[s.Reason] == nil {
			by[s.Reason] = &Total{Reason: s.Reason}
		}
		by[s.Reason].Count++
		by[s.Reason].Time += s.End.Sub(s.Start)
	}
	for _, s := range r.Client {
		add(s)
	}
	for _, spans := range r.Steps {
		for _, s := range spans {
			add(s)
		}
	}
	var totals []Total
	for _, reason := range Reasons() {
		if t := by[reason]; t != nil {
			totals = append(totals, *t)
		}
	}
	return totals
}
