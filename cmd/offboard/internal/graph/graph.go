// Package graph draws the steps of a plan and their order: as a layered drawing for a page, and
// as text for Graphviz and Mermaid. The order of all output is that of the plan.
package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// MaxSteps is the maximum number of steps of an organization that are drawn one by one. The
// steps of a larger plan are drawn by kind.
const MaxSteps = 30

// Class is how a node differs from others.
type Class string

// Values of [Class]. A step that is manual and requires an override is Manual.
const (
	Plain        Class = "plain"
	Manual       Class = "manual"
	Override     Class = "override"
	Organization Class = "organization" // the deletion of the organization itself
)

// Node is a step, all steps of a kind, or the deletion of the organization. Its texts print.
type Node struct {
	Kind  string
	Label format.Label
	Note  string // "manual", or the required overrides
	Class Class
}

// Edge is an order of two nodes: To starts after From.
type Edge struct{ From, To int }

// Graph contains the steps of an organization, and the deletion of the organization last. An
// edge that follows from others is left out.
type Graph struct {
	Nodes  []Node
	Edges  []Edge
	ByKind bool
	Steps  int

	weights map[Edge]int  // the number of orders of steps that an edge stands for
	back    map[Edge]bool // the edges that close a cycle of kinds
}

// New returns the graph of a plan, by kind if the plan has more than [MaxSteps].
func New(p *teardown.Plan) *Graph {
	g := &Graph{Steps: len(p.Steps), ByKind: len(p.Steps) > MaxSteps}
	at := map[string]int{} // the node of each step
	if g.ByKind {
		g.addKinds(p, at)
	} else {
		g.addSteps(p, at)
	}
	g.weights = map[Edge]int{}
	for _, s := range p.Steps {
		for _, id := range s.After {
			from, ok := at[id]
			e := Edge{from, at[s.ID]}
			if !ok || e.From == e.To {
				continue
			}
			if g.weights[e]++; g.weights[e] == 1 {
				g.Edges = append(g.Edges, e)
			}
		}
	}
	slices.SortFunc(g.Edges, func(a, b Edge) int {
		if a.From != b.From {
			return a.From - b.From
		}
		return a.To - b.To
	})
	g.Edges = reduced(len(g.Nodes), g.Edges)
	g.back = g.closing()
	last := len(g.Nodes)
	for i := range g.Nodes {
		if !slices.ContainsFunc(g.Edges, func(e Edge) bool { return e.From == i && e.To != last && !g.back[e] }) {
			g.Edges = append(g.Edges, Edge{i, last})
		}
	}
	name := p.Organization.Name
	if name == "" {
		name = p.Organization.ID
	}
	g.Nodes = append(g.Nodes, Node{Kind: "organization", Label: format.Label{Name: printable.Text(name)}, Class: Organization})
	return g
}

func nodeOf(s teardown.Step) Node {
	n := Node{Kind: printable.Text(s.Kind), Class: Plain, Note: printable.Text(format.List(s.Requires))}
	switch {
	case s.Manual:
		n.Class, n.Note = Manual, "manual"
	case len(s.Requires) > 0:
		n.Class = Override
	}
	return n
}

// addSteps adds a node for each step.
func (g *Graph) addSteps(p *teardown.Plan, at map[string]int) {
	labels := format.Labels(p.Steps)
	for i, s := range p.Steps {
		at[s.ID] = i
		n := nodeOf(s)
		n.Label = labels[i]
		g.Nodes = append(g.Nodes, n)
	}
}

// addKinds adds a node for each kind.
func (g *Graph) addKinds(p *teardown.Plan, at map[string]int) {
	type kind struct {
		node, steps, manual int
		requires            []teardown.Override
	}
	kinds := map[string]*kind{}
	for _, s := range p.Steps {
		k := kinds[s.Kind]
		if k == nil {
			k = &kind{node: len(g.Nodes)}
			kinds[s.Kind] = k
			g.Nodes = append(g.Nodes, Node{Kind: printable.Text(s.Kind), Class: Plain})
		}
		at[s.ID] = k.node
		k.steps++
		if s.Manual {
			k.manual++
		}
		for _, o := range s.Requires {
			if !slices.Contains(k.requires, o) {
				k.requires = append(k.requires, o)
			}
		}
	}
	for _, k := range kinds {
		n := &g.Nodes[k.node]
		n.Label.Name, n.Note = format.Count(k.steps, "step"), printable.Text(format.List(k.requires))
		switch {
		case k.manual > 0:
			n.Class, n.Note = Manual, fmt.Sprintf("%d manual", k.manual)
		case len(k.requires) > 0:
			n.Class = Override
		}
	}
}

// reduced removes the edges that follow from others. It removes none if edges form a cycle,
// which kinds can do.
func reduced(n int, edges []Edge) []Edge {
	next := make([][]int, n)
	for _, e := range edges {
		next[e.From] = append(next[e.From], e.To)
	}
	order, ok := sorted(n, edges)
	if !ok {
		return edges
	}
	reach := make([]map[int]bool, n) // the nodes after each one
	for _, v := range slices.Backward(order) {
		reach[v] = map[int]bool{}
		for _, w := range next[v] {
			reach[v][w] = true
			for x := range reach[w] {
				reach[v][x] = true
			}
		}
	}
	return slices.DeleteFunc(edges, func(e Edge) bool {
		return slices.ContainsFunc(next[e.From], func(w int) bool { return w != e.To && reach[w][e.To] })
	})
}

// sorted returns the nodes in an order of the edges, and reports whether one exists.
func sorted(n int, edges []Edge) (order []int, ok bool) {
	before := make([]int, n)
	for _, e := range edges {
		before[e.To]++
	}
	done := make([]bool, n)
	for len(order) < n {
		i := -1
		for v := range n {
			if !done[v] && before[v] == 0 {
				i = v
				break
			}
		}
		if i < 0 {
			return nil, false
		}
		done[i], order = true, append(order, i)
		for _, e := range edges {
			if e.From == i {
				before[e.To]--
			}
		}
	}
	return order, true
}

// Description describes the graph as text, for readers who do not see the drawing.
func (g *Graph) Description() string {
	var parts []string
	for i, n := range g.Nodes {
		var after []string
		for _, e := range g.Edges {
			if e.To == i {
				after = append(after, g.Nodes[e.From].title())
			}
		}
		text := n.title()
		if n.Class == Organization && len(after) > 0 {
			text += " after all steps"
		} else if len(after) > 0 {
			text += " after " + strings.Join(after, ", ")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ") + "."
}

// title returns the texts of a node in one line.
func (n Node) title() string {
	text := n.Kind
	if name := n.Label.String(); name != "" {
		text += " " + name
	}
	if n.Note != "" {
		text += " [" + n.Note + "]"
	}
	return text
}
