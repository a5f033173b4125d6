package graph

import (
	"fmt"
	"io"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/internal/printable"
)

// group is an organization of a plan file. graph is nil if it could not be planned.
type group struct {
	title, problem string
	graph          *Graph
}

func groupsOf(f *planfile.File) []group {
	var groups []group
	for _, o := range f.Organizations {
		g := group{title: printable.Text(o.Entry.Provider) + ": " + o.Title()}
		if o.Plan != nil {
			if id := printable.Text(o.Plan.Organization.ID); id != o.Title() {
				g.title += " (" + id + ")"
			}
			g.graph = New(o.Plan)
		} else if g.problem = "not planned"; o.Problem != nil {
			g.problem += ": " + printable.Text(o.Problem.Text)
		}
		groups = append(groups, g)
	}
	return groups
}

// lines returns the texts of a node.
func (n Node) lines() []string {
	lines := []string{n.Kind}
	for _, text := range []string{n.Label.String(), n.Note} {
		if text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// dotText escapes a text for a quoted string of DOT. Graphviz also reads entities.
var dotText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;", "<", "&lt;", ">", "&gt;")

// label returns lines, escaped and separated by a line break of the format, in quotation marks.
func label(lines []string, escape func(string) string, lineBreak string) string {
	for i := range lines {
		lines[i] = escape(lines[i])
	}
	return `"` + strings.Join(lines, lineBreak) + `"`
}

// WriteDOT writes the plans of a file in the language of Graphviz, grouped by organization.
func WriteDOT(w io.Writer, f *planfile.File) error {
	var b strings.Builder
	quoted := func(lines ...string) string { return label(lines, dotText.Replace, `\n`) }
	b.WriteString("digraph plan {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n")
	for i, o := range groupsOf(f) {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%s;\n", i+1, quoted(o.title))
		if o.graph == nil {
			fmt.Fprintf(&b, "    o%d [label=%s, style=dotted];\n  }\n", i+1, quoted(o.problem))
			continue
		}
		for j, n := range o.graph.Nodes {
			style := map[Class]string{Manual: ", style=dashed", Override: ", style=bold", Organization: ", shape=octagon"}[n.Class]
			fmt.Fprintf(&b, "    o%d_%d [label=%s%s];\n", i+1, j+1, quoted(n.lines()...), style)
		}
		for _, e := range o.graph.Edges {
			fmt.Fprintf(&b, "    o%d_%d -> o%d_%d;\n", i+1, e.From+1, i+1, e.To+1)
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidText writes each character that Mermaid, Markdown or HTML may interpret as its entity
// code.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\"#<>&`%;{}[]|\\*~$", r) {
			fmt.Fprintf(&b, "#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// WriteMermaid writes the plans of a file as a flowchart of Mermaid, grouped by organization.
func WriteMermaid(w io.Writer, f *planfile.File) error {
	var b strings.Builder
	quoted := func(lines ...string) string { return label(lines, mermaidText, "<br>") }
	b.WriteString("flowchart TB\n")
	used := map[Class][]string{}
	for i, o := range groupsOf(f) {
		fmt.Fprintf(&b, "  subgraph g%d[%s]\n", i+1, quoted(o.title))
		if o.graph == nil {
			fmt.Fprintf(&b, "    o%d[%s]\n  end\n", i+1, quoted(o.problem))
			continue
		}
		for j, n := range o.graph.Nodes {
			id := fmt.Sprintf("o%d_%d", i+1, j+1)
			used[n.Class] = append(used[n.Class], id)
			left, right := "[", "]"
			if n.Class == Organization {
				left, right = "{{", "}}"
			}
			fmt.Fprintf(&b, "    %s%s%s%s\n", id, left, quoted(n.lines()...), right)
		}
		for _, e := range o.graph.Edges {
			fmt.Fprintf(&b, "    o%d_%d --> o%d_%d\n", i+1, e.From+1, i+1, e.To+1)
		}
		b.WriteString("  end\n")
	}
	for _, style := range []struct {
		class Class
		text  string
	}{{Manual, "stroke-dasharray:5"}, {Override, "stroke-width:3px"}} {
		if ids := used[style.class]; len(ids) > 0 {
			fmt.Fprintf(&b, "  classDef %s %s\n  class %s %s\n", style.class, style.text, strings.Join(ids, ","), style.class)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
