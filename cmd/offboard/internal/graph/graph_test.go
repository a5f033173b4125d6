package graph

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

const hostile = "\"]; } -->|x| <script>alert(1)</script> \\\" `%%{init}%%` #quot; & end\n\x1b[2J\u202E"

// planOf returns a plan with steps "kind/name after after…".
func planOf(steps ...string) *teardown.Plan {
	p := &teardown.Plan{Provider: "katapult", Organization: teardown.Organization{ID: "org_1", Name: "Acme"}}
	for _, text := range steps {
		parts := strings.Fields(text)
		kind, name, _ := strings.Cut(parts[0], "/")
		p.Steps = append(p.Steps, teardown.Step{ID: parts[0], Kind: kind, Name: name, After: parts[1:]})
	}
	return p
}

// many returns a plan with more steps than are drawn one by one.
func many() *teardown.Plan {
	var steps []string
	for i := range MaxSteps {
		steps = append(steps, fmt.Sprintf("machine/m%d", i), fmt.Sprintf("disk/d%d machine/m%d", i, i))
	}
	return planOf(append(steps, "machine/late disk/d0", "zone/z")...)
}

func hostileFile() *planfile.File {
	p := planOf("a/1", "b/2 a/1", "c/3 b/2")
	p.Organization = teardown.Organization{ID: hostile, Name: hostile}
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Kind, s.Name, s.Requires = hostile, hostile, []teardown.Override{hostile}
	}
	p.Steps[2].Manual = true
	return &planfile.File{Organizations: []planfile.Planned{
		{Entry: planfile.Entry{Provider: hostile}, Plan: p},
		{Entry: planfile.Entry{Provider: "atlas"}, Problem: &problem.Problem{Text: hostile}, Line: 7},
		{Entry: planfile.Entry{Provider: "katapult"}, Plan: many()},
	}}
}

func TestNew_OrderWithoutImpliedEdges(t *testing.T) {
	t.Parallel()
	g := New(planOf("a/1", "b/2 a/1", "c/3 a/1 b/2", "d/4", "e/5 absent/6"))
	want := []Edge{{0, 1}, {1, 2}, {2, 5}, {3, 5}, {4, 5}}
	if diff := cmp.Diff(want, g.Edges); diff != "" || g.ByKind || g.Nodes[5].Class != Organization {
		t.Errorf("nodes %+v, edges (-want +got):\n%s", g.Nodes, diff)
	}
	if got := g.Description(); got != "a 1; b 2 after a 1; c 3 after b 2; d 4; e 5; organization Acme after all steps." {
		t.Errorf("got %q", got)
	}
}

// Two projects may have a cluster of the same name.
func TestNew_SameNameInTwoParents(t *testing.T) {
	t.Parallel()
	p := planOf("cluster/p1/main", "cluster/p2/main", "project/p1 cluster/p1/main", "project/p2 cluster/p2/main", "disk/main")
	for i := range 2 {
		p.Steps[i].Name = "main"
	}
	g := New(p)
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Kind+" "+n.Label.String())
	}
	if diff := cmp.Diff([]string{"cluster main (p1/main)", "cluster main (p2/main)", "project p1", "project p2", "disk main", "organization Acme"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := range 2 {
		p.Steps[i].Name = "the main cluster of the shop"
	}
	for _, style := range []Style{Wide, Narrow} {
		for _, b := range New(p).Draw(style).Boxes {
			if b.Lines[0].Text == "cluster" && !strings.HasSuffix(b.Lines[1].Text, "/main)") {
				t.Errorf("the ID is cut: %q", b.Lines[1].Text)
			}
		}
	}
	for i := range 2 {
		p.Steps[i].Name = "main"
	}
	file := &planfile.File{Organizations: []planfile.Planned{{Entry: planfile.Entry{Provider: "atlas"}, Plan: p}}}
	var dot, mermaid strings.Builder
	if err := errors.Join(WriteDOT(&dot, file), WriteMermaid(&mermaid, file)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{dot.String(): `label="cluster\nmain (p2/main)"`, mermaid.String(): `["cluster<br>main (p2/main)"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing:\n%s", want, text)
		}
	}
}

// A cycle of kinds drops the edge that stands for fewer steps, and says so.
func TestNew_LargePlanByKind(t *testing.T) {
	t.Parallel()
	g := New(many())
	if !g.ByKind || len(g.Nodes) != 4 || g.Nodes[0].Label.Name != "31 steps" || g.Nodes[2].Label.Name != "1 step" {
		t.Fatalf("got %+v", g.Nodes)
	}
	if diff := cmp.Diff([]Edge{{0, 1}, {1, 0}, {1, 3}, {2, 3}}, g.Edges); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}
	d := g.Draw(Wide)
	if diff := cmp.Diff([]string{"some steps of the kind machine start after some of the kind disk"}, d.Undrawn); diff != "" {
		t.Error(diff)
	}
	p := many()
	p.Steps[0].Manual, p.Steps[1].Requires = true, []teardown.Override{teardown.Partial}
	if g := New(p); g.Nodes[0].Class != Manual || g.Nodes[0].Note != "1 manual" || g.Nodes[1].Class != Override || g.Nodes[1].Note != "partial" {
		t.Errorf("got %+v", g.Nodes)
	}
}

// No box covers another one or leaves the drawing, and each is below the boxes before it.
func TestDraw_Boxes(t *testing.T) {
	t.Parallel()
	var wide []string
	for i := range MaxSteps - 2 {
		wide = append(wide, fmt.Sprintf("disk/d%d", i))
	}
	for name, p := range map[string]*teardown.Plan{
		"no steps": planOf(), "one step": planOf("a/1"), "a chain": planOf("a/1", "b/2 a/1", "c/3 b/2"), "by kind": many(),
		"a wide layer": planOf(append(wide, "trash/all "+strings.Join(wide, " "))...),
	} {
		for _, s := range []Style{Wide, Narrow} {
			g := New(p)
			d := g.Draw(s)
			if len(d.Boxes) != len(g.Nodes) {
				t.Errorf("%s: got %d boxes for %d nodes", name, len(d.Boxes), len(g.Nodes))
			}
			for i, b := range d.Boxes {
				if b.X < 0 || b.Y < 0 || b.X+b.Width > d.Width || b.Y+b.Height > d.Height {
					t.Errorf("%s: box %+v leaves the drawing of %d × %d", name, b, d.Width, d.Height)
				}
				for _, other := range d.Boxes[:i] {
					if b.X < other.X+other.Width && other.X < b.X+b.Width && b.Y < other.Y+other.Height && other.Y < b.Y+b.Height {
						t.Errorf("%s: box %+v covers %+v", name, b, other)
					}
				}
			}
			box := func(i int) Box {
				return d.Boxes[slices.IndexFunc(d.Boxes, func(b Box) bool { return b.Title == g.Nodes[i].title() })]
			}
			for _, e := range g.Edges {
				if !g.back[e] && box(e.From).Y >= box(e.To).Y {
					t.Errorf("%s: %q is not above %q", name, box(e.From).Title, box(e.To).Title)
				}
			}
		}
	}
}

// dotLine matches the lines of the DOT output by the grammar of the language: a quoted string
// ends at the first quote without a backslash.
var dotLine = regexp.MustCompile(`^(digraph plan \{|\}| *(rankdir=TB;|node \[shape=box, fontname="sans-serif"\];|subgraph cluster_\d+ \{|label="(\\.|[^"\\])*";|o\d+(_\d+)? \[label="(\\.|[^"\\])*"(, (style|shape)=[a-z]+)?\];|o\d+_\d+ -> o\d+_\d+;|\}))$`)

func TestWriteDOT_Syntax(t *testing.T) {
	t.Parallel()
	var first, second strings.Builder
	if err := WriteDOT(&first, hostileFile()); err != nil {
		t.Fatal(err)
	}
	depth := 0
	for line := range strings.Lines(first.String()) {
		line = strings.TrimSuffix(line, "\n")
		if !dotLine.MatchString(line) {
			t.Errorf("not DOT: %q", line)
		}
		if strings.HasSuffix(line, "{") {
			depth++
		} else if strings.TrimSpace(line) == "}" {
			depth--
		}
	}
	if depth != 0 {
		t.Errorf("%d braces are open", depth)
	}
	shown := html.UnescapeString(strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(first.String()))
	if !strings.Contains(shown, `"]; } -->|x| <script>alert(1)</script> \"`) || strings.Contains(first.String(), "<script") {
		t.Errorf("the name is not escaped:\n%s", first.String())
	}
	if _ = WriteDOT(&second, hostileFile()); first.String() != second.String() {
		t.Error("the order is not stable")
	}
}

// mermaidLine matches the lines of the Mermaid output. A quoted text has only entity codes for
// all characters with a meaning.
var mermaidLine = regexp.MustCompile(`^(flowchart TB| *(subgraph g\d+\["TEXT"\]|end|o\d+(_\d+)?(\["TEXT"\]|\{\{"TEXT"\}\})|o\d+_\d+ --> o\d+_\d+|classDef [a-z]+ [a-z-]+:\w+|class [o\d_,]+ [a-z]+))$`)

var mermaidQuoted = regexp.MustCompile("\"(?:<br>|#\\d+;|[^\"#<>&`%;{}\\[\\]|\\\\*~$])*\"")

func TestWriteMermaid_Syntax(t *testing.T) {
	t.Parallel()
	var first, second strings.Builder
	if err := WriteMermaid(&first, hostileFile()); err != nil {
		t.Fatal(err)
	}
	open := 0
	for line := range strings.Lines(first.String()) {
		bare := mermaidQuoted.ReplaceAllString(strings.TrimSuffix(line, "\n"), `"TEXT"`)
		if !mermaidLine.MatchString(bare) {
			t.Errorf("not Mermaid: %q", line)
		}
		switch {
		case strings.HasPrefix(strings.TrimSpace(bare), "subgraph"):
			open++
		case strings.TrimSpace(bare) == "end":
			open--
		}
	}
	if open != 0 {
		t.Errorf("%d groups are open", open)
	}
	if !strings.Contains(first.String(), "#34;#93;#59; #125; --#62;#124;x#124; #60;script#62;") {
		t.Errorf("the name is not escaped:\n%s", first.String())
	}
	if _ = WriteMermaid(&second, hostileFile()); first.String() != second.String() {
		t.Error("the order is not stable")
	}
}
