package approvalpage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
)

// drawing is a graph of the kinds of a plan: one column of boxes, which fits a phone, with the edges
// in lanes at their right.
type drawing struct {
	Width, Height int
	Label         string
	Boxes         []box
	Edges         []string // data of paths, each from a kind to one that comes after it
}

// box is a kind, or the organization.
type box struct {
	Y            int
	Class        string
	Title        string
	Line1, Line2 string
}

// Measures of a drawing in pixels.
const (
	boxWidth  = 210
	boxHeight = 46
	boxGap    = 14
	laneWidth = 9
	lineChars = 27 // of the first line of a box
	maxLanes  = 14 // so that the drawing fits a phone; more edges share lanes
)

// draw returns the graph of kinds, whose last box is the organization; nil without kinds.
func draw(kinds []review.Kind, organization string) *drawing {
	if len(kinds) == 0 {
		return nil
	}
	d := &drawing{Label: fmt.Sprintf("Graph of %d kinds of resources in the order of their deletion. The table has its data.", len(kinds))}
	index := map[string]int{}
	for i, k := range kinds {
		index[k.Name] = i
		b := box{Class: "plain", Title: k.Name, Line1: shortened(k.Name), Line2: fmt.Sprintf("%d", k.Steps)}
		if b.Line2 += " steps"; k.Steps == 1 {
			b.Line2 = "1 step"
		}
		switch {
		case k.Manual > 0:
			b.Class, b.Line2 = "manual", b.Line2+fmt.Sprintf(", %d manual", k.Manual)
		case len(k.Requires) > 0:
			b.Class, b.Line2 = "override", b.Line2+", override"
		}
		d.Boxes = append(d.Boxes, b)
	}
	d.Boxes = append(d.Boxes, box{Class: "organization", Title: organization, Line1: shortened(organization), Line2: "organization, deleted last"})
	for i := range d.Boxes {
		d.Boxes[i].Y = i * (boxHeight + boxGap)
	}

	edges := edgesOf(kinds, index)
	lanes := lanesOf(edges)
	used := 0
	for i, e := range edges {
		used = max(used, lanes[i]+1)
		d.Edges = append(d.Edges, d.path(e, lanes[i]))
	}
	d.Width = boxWidth + 18 + used*laneWidth
	d.Height = len(d.Boxes)*(boxHeight+boxGap) - boxGap + 2
	return d
}

// edge goes from a box to one that comes after it.
type edge struct{ from, to int }

// edgesOf returns the edges between kinds without those that follow from others, and an edge to
// the organization from each kind that no other one comes after.
func edgesOf(kinds []review.Kind, index map[string]int) []edge {
	after := make([][]int, len(kinds)+1) // the boxes before each box
	last := make([]bool, len(kinds))
	for i := range last {
		last[i] = true
	}
	for i, k := range kinds {
		for _, name := range k.After {
			after[i] = append(after[i], index[name])
			last[index[name]] = false
		}
	}
	// reaches reports whether a way of at least two edges leads back from a box to another one. The
	// indexes on the way must fall: kinds can form a cycle, whose edges stay.
	memory := map[[2]int]bool{}
	var reaches func(from, to int) bool
	reaches = func(from, to int) bool {
		at := [2]int{from, to}
		if known, ok := memory[at]; ok {
			return known
		}
		found := false
		for _, before := range after[from] {
			if before < from && before > to && (slices.Contains(after[before], to) || reaches(before, to)) {
				found = true
				break
			}
		}
		memory[at] = found
		return found
	}
	var edges []edge
	for i := range kinds {
		for _, before := range after[i] {
			if before > i || !reaches(i, before) {
				edges = append(edges, edge{before, i})
			}
		}
	}
	for i, isLast := range last {
		if isLast {
			edges = append(edges, edge{i, len(kinds)})
		}
	}
	return edges
}

// lanesOf returns a lane for each edge: short edges are near the boxes, and edges that overlap
// have different lanes as long as there are lanes.
func lanesOf(edges []edge) []int {
	order := make([]int, len(edges))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return edges[a].span() - edges[b].span() })
	lanes := make([]int, len(edges))
	var taken [maxLanes][]edge
	for _, i := range order {
		lane := maxLanes - 1
		for n := range taken {
			if !slices.ContainsFunc(taken[n], edges[i].overlaps) {
				lane = n
				break
			}
		}
		lanes[i], taken[lane] = lane, append(taken[lane], edges[i])
	}
	return lanes
}

func (e edge) span() int { return max(e.from-e.to, e.to-e.from) }

func (e edge) overlaps(other edge) bool {
	return min(e.from, e.to) < max(other.from, other.to) && min(other.from, other.to) < max(e.from, e.to)
}

// path returns the path of an edge in a lane: out of a box at its right, and into the other.
func (d *drawing) path(e edge, lane int) string {
	from := d.Boxes[e.from].Y + boxHeight/2 + 8
	to := d.Boxes[e.to].Y + boxHeight/2 - 8
	x := boxWidth + 14 + lane*laneWidth
	bend := 5
	if to < from {
		bend = -bend
	}
	return fmt.Sprintf("M%d %dH%dQ%d %d %d %dV%dQ%d %d %d %dH%d", boxWidth, from, x-5, x, from, x, from+bend, to-bend, x, to, x-5, to, boxWidth+7)
}

// shortened returns a text that fits a box.
func shortened(text string) string {
	if runes := []rune(text); len(runes) > lineChars {
		return strings.TrimSpace(string(runes[:lineChars-1])) + "…"
	}
	return text
}
