package graph

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
)

// Drawing is a layered drawing: each node is below the nodes that it starts after. The numbers
// are pixels at the natural size.
type Drawing struct {
	Width, Height int
	Boxes         []Box
	Paths         []Path

	// Undrawn lists the orders that close a cycle of kinds, as text.
	Undrawn []string
}

// Box is a node. The texts are cut to fit; Title has all of them.
type Box struct {
	X, Y, Width, Height int
	Class               Class
	Lines               []Line
	Title               string
}

// Line is a line of text in a box.
type Line struct {
	X, Y  int
	Class string // "kind", "name" or "note"
	Text  string
}

// Path is a part of an edge, as the data of an SVG path.
type Path struct {
	Data  string
	Arrow bool // the path ends at a node
}

// Style is the size of a drawing.
type Style struct {
	PerRow   int // maximum number of nodes next to each other
	BoxWidth int
}

// Wide and Narrow are the styles for a desktop and for a phone.
var (
	Wide   = Style{PerRow: 5, BoxWidth: 168}
	Narrow = Style{PerRow: 2, BoxWidth: 140}
)

const (
	boxHeight  = 56
	noteHeight = 16 // more, for a row with notes
	gap        = 16
	channel    = 10 // the width of an edge between two boxes
	rowGap     = 40
	margin     = 8
)

// cell is a node in a row, or an edge that passes the row on its way to a node.
type cell struct {
	node int // -1 for an edge
	to   int // of an edge
	pos  float64
	x    int
}

// Draw returns the drawing of the graph.
func (g *Graph) Draw(s Style) Drawing {
	rows := g.rows(s.PerRow)
	row := make([]int, len(g.Nodes))
	for r, cells := range rows {
		for _, c := range cells {
			row[c.node] = r
		}
	}
	// An edge that passes rows has a cell in each. Edges to the same node share them.
	type link struct{ row, from, to int } // from a cell of the row to one of the next row
	var links []link
	index := func(r, node, to int) int {
		return slices.IndexFunc(rows[r], func(c *cell) bool { return c.node == node && (node >= 0 || c.to == to) })
	}
	var d Drawing
	for _, e := range g.Edges {
		if g.back[e] {
			d.Undrawn = append(d.Undrawn, fmt.Sprintf("some steps of the kind %s start after some of the kind %s", g.Nodes[e.To].Kind, g.Nodes[e.From].Kind))
			continue
		}
		from := index(row[e.From], e.From, 0)
		for r := row[e.From] + 1; r <= row[e.To]; r++ {
			node := -1
			if r == row[e.To] {
				node = e.To
			}
			to := index(r, node, e.To)
			if to < 0 {
				rows[r] = append(rows[r], &cell{node: -1, to: e.To})
				to = len(rows[r]) - 1
			}
			if l := (link{r - 1, from, to}); !slices.Contains(links, l) {
				links = append(links, l)
			}
			from = to
		}
	}
	// The links hold indexes; the order changes below, so resolve them first.
	type pair struct {
		row      int
		from, to *cell
	}
	var pairs []pair
	for _, l := range links {
		pairs = append(pairs, pair{l.row, rows[l.row][l.from], rows[l.row+1][l.to]})
	}
	place := func(cells []*cell) {
		for i, c := range cells {
			c.pos = (float64(i) + 0.5) / float64(len(cells))
		}
	}
	for _, cells := range rows {
		place(cells)
	}
	order := func(r int, down bool) {
		for _, c := range rows[r] {
			sum, n := 0.0, 0
			for _, p := range pairs {
				switch {
				case down && p.to == c:
					sum, n = sum+p.from.pos, n+1
				case !down && p.from == c:
					sum, n = sum+p.to.pos, n+1
				}
			}
			if n > 0 {
				c.pos = sum / float64(n)
			}
		}
		slices.SortStableFunc(rows[r], func(a, b *cell) int { return cmp.Compare(a.pos, b.pos) })
		place(rows[r])
	}
	for range 4 {
		for r := 1; r < len(rows); r++ {
			order(r, true)
		}
		for r := len(rows) - 2; r >= 0; r-- {
			order(r, false)
		}
	}

	widths := make([]int, len(rows))
	for r, cells := range rows {
		for _, c := range cells {
			widths[r] += g.width(c, s) + gap
		}
		widths[r] -= gap
		d.Width = max(d.Width, widths[r]+2*margin)
	}
	tops, heights := make([]int, len(rows)), make([]int, len(rows))
	y := margin
	for r, cells := range rows {
		heights[r] = boxHeight
		x := (d.Width - widths[r]) / 2
		for _, c := range cells {
			c.x = x + g.width(c, s)/2
			x += g.width(c, s) + gap
			if c.node >= 0 && g.Nodes[c.node].Note != "" {
				heights[r] = boxHeight + noteHeight
			}
		}
		tops[r] = y
		y += heights[r] + rowGap
	}
	d.Height = max(y-rowGap+margin, 2*margin)
	for r, cells := range rows {
		for _, c := range cells {
			if c.node < 0 {
				d.Paths = append(d.Paths, Path{Data: fmt.Sprintf("M%d %dV%d", c.x, tops[r], tops[r]+heights[r])})
				continue
			}
			d.Boxes = append(d.Boxes, box(g.Nodes[c.node], c.x-s.BoxWidth/2, tops[r], heights[r], s))
		}
	}
	for _, p := range pairs {
		top, bottom := tops[p.row]+heights[p.row], tops[p.row+1]
		arrow := p.to.node >= 0
		if arrow {
			bottom -= 5 // the arrow
		}
		middle := (top + bottom) / 2
		d.Paths = append(d.Paths, Path{fmt.Sprintf("M%d %dC%d %d %d %d %d %d", p.from.x, top, p.from.x, middle, p.to.x, middle, p.to.x, bottom), arrow})
	}
	return d
}

func (g *Graph) width(c *cell, s Style) int {
	if c.node < 0 {
		return channel
	}
	return s.BoxWidth
}

// closing returns the edges that close a cycle, which only kinds have. It keeps the edges that
// stand for the most orders of steps.
func (g *Graph) closing() map[Edge]bool {
	edges := slices.Clone(g.Edges)
	slices.SortStableFunc(edges, func(a, b Edge) int { return g.weights[b] - g.weights[a] })
	back, next := map[Edge]bool{}, make([][]int, len(g.Nodes))
	var leads func(from, to int, seen []bool) bool
	leads = func(from, to int, seen []bool) bool {
		if from == to {
			return true
		}
		seen[from] = true
		return slices.ContainsFunc(next[from], func(v int) bool { return !seen[v] && leads(v, to, seen) })
	}
	for _, e := range edges {
		if g.ByKind && leads(e.To, e.From, make([]bool, len(g.Nodes))) {
			back[e] = true
			continue
		}
		next[e.From] = append(next[e.From], e.To)
	}
	return back
}

// rows returns the nodes by layer, the longest path from a first node without the edges that
// close a cycle. A layer with more nodes than fit next to each other has several rows.
func (g *Graph) rows(perRow int) [][]*cell {
	layer := make([]int, len(g.Nodes))
	for changed := true; changed; {
		changed = false
		for _, e := range g.Edges {
			if !g.back[e] && layer[e.To] <= layer[e.From] {
				layer[e.To], changed = layer[e.From]+1, true
			}
		}
	}
	var rows [][]*cell
	for l := range slices.Max(layer) + 1 {
		var cells []*cell
		for i := range g.Nodes {
			if layer[i] != l {
				continue
			}
			if len(cells) == perRow {
				rows, cells = append(rows, cells), nil
			}
			cells = append(cells, &cell{node: i})
		}
		rows = append(rows, cells)
	}
	return rows
}

func box(n Node, x, y, height int, s Style) Box {
	b := Box{X: x, Y: y, Width: s.BoxWidth, Height: height, Class: n.Class, Title: n.title()}
	top := y + 23
	for i, text := range []format.Label{{Name: n.Kind}, n.Label, {Name: n.Note}} {
		if text == (format.Label{}) {
			continue
		}
		size := [3]int{7, 8, 7}[i] // of a character, at most
		b.Lines = append(b.Lines, Line{
			X: x + s.BoxWidth/2, Y: top, Class: [3]string{"kind", "name", "note"}[i],
			Text: text.Fit((s.BoxWidth - 12) / size),
		})
		top += 20
	}
	return b
}
