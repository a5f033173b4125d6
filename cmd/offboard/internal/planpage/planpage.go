// Package planpage writes plans as an HTML page for review.
package planpage

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/estimate"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/graph"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/webpage"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

//go:embed plan.html.tmpl
var text string

var pageTemplate = webpage.Parse("plan", text)

// title is the start of the title of the page.
const title = "Deletion plan"

// IsPage reports whether a text is a plan as a page of this program.
func IsPage(text []byte) bool { return webpage.HasTitle(text, title) }

// Write writes the page. planned is the name of the plan file; "" if none was written.
func Write(name string, file *planfile.File, planned string, now time.Time) error {
	page, err := render(file, planned, now)
	if err != nil {
		return err
	}
	return safefile.Error(safefile.Writing, "--html", name, safefile.Write(name, page))
}

// page is the content of the page.
type page struct {
	Title, Now, Program string
	Apply               string // the command; "" if no plan file was written, or apply refuses the file
	Fingerprint         string // of the plan file
	Planned, Unplanned  int
	Ended               int // deleted or pending, by the journal
	Steps, Manual       int
	Missing             int // number of missing overrides
	Requests            int
	Duration            string
	Unmatched           []string
	Allow, Deny         []string
	Totals              []total
	Factor              string
	Organizations       []section
}

// total is the estimate for a provider.
type total struct {
	Provider             string
	Organizations, Steps int
	Requests             int
	Duration             string
	Basis                string
	Limit                string
	Sources              []string
}

// section is one organization.
type section struct {
	Anchor             string
	Provider, Instance string
	Name, ID           string
	State, Class       string // of an organization without a plan
	Problem, Advice    string // of an organization that could not be planned
	Created, Expires   string
	Fingerprint        string
	DeletionError      string
	Message            string // of the provider, about the deletion
	DeletionAdvice     string // if no step removes the cause of the error
	Overrides          []override
	Missing            int
	Add                string // the line of the manifest that permits the missing overrides
	Line               int    // of the entry in the manifest; 0 if unknown
	Manual             []step
	Steps              []step
	Cascades           []cascade
	Requests           int
	Duration           string
	Basis              string
	Graph              *figure
}

type override struct {
	Name  string
	Given bool
	Steps int // that require it
}

// step is one step. After lists the numbers of the steps before it.
type step struct {
	Number         int
	Kind, Name, ID string
	Why, Removal   string
	After          string
	Requires       string
	Organization   string // that it deletes
	Manual         bool
}

type cascade struct {
	Kind, Names, Note string
	Count             string
}

// figure is the drawing of a graph.
type figure struct {
	Caption      string
	Description  string
	Wide, Narrow drawing
	Undrawn      []string
}

// drawing is the input of the template "drawing".
type drawing struct {
	Class, ID, Label string
	Drawing          graph.Drawing
}

func render(file *planfile.File, planned string, now time.Time) ([]byte, error) {
	p := page{Title: title, Now: webpage.Stamp(now), Program: webpage.Program(), Fingerprint: file.Fingerprint, Factor: fmt.Sprint(estimate.Factor)}
	for _, texts := range []struct {
		from []string
		to   *[]string
	}{{file.Unmatched, &p.Unmatched}, {file.Allow, &p.Allow}, {file.Deny, &p.Deny}} {
		for _, t := range texts.from {
			*texts.to = append(*texts.to, printable.Text(t))
		}
	}
	for i, o := range file.Organizations {
		s := sectionOf(o, i+1)
		p.Organizations = append(p.Organizations, s)
		p.Steps += len(s.Steps)
		p.Manual += len(s.Manual)
		p.Missing += s.Missing
		p.Requests += s.Requests
		if o.Deletion != nil {
			p.Ended++
		} else if o.Plan == nil {
			p.Unplanned++
		} else {
			p.Planned++
		}
	}
	var longest time.Duration
	for _, t := range estimate.Totals(file) {
		longest = max(longest, t.Duration)
		p.Totals = append(p.Totals, total{
			Provider: printable.Text(t.Provider), Organizations: t.Organizations, Steps: t.Steps, Requests: t.Requests,
			Duration: estimate.Text(t.Duration), Basis: printable.Text(t.Basis()), Limit: t.Limit, Sources: t.Sources,
		})
	}
	p.Duration = estimate.Text(longest)
	if planned != "" && slices.ContainsFunc(file.Organizations, planfile.Planned.Applicable) && !slices.ContainsFunc(file.Organizations, planfile.Planned.Misnamed) {
		p.Apply = "offboard apply " + printable.Text(format.ShellQuote(planned))
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func sectionOf(o planfile.Planned, number int) section {
	s := section{Anchor: fmt.Sprintf("organization-%d", number), Provider: printable.Text(o.Entry.Provider), Name: o.Title(), ID: printable.Text(o.Subject().ID)}
	if o.Plan == nil {
		if o.Deletion != nil {
			s.State, s.Class = printable.Text(string(o.Deletion.Outcome)), "deleted"
			s.Problem, s.Instance = o.Deletion.Text(), printable.Text(o.Deletion.Instance)
			return s
		}
		s.State, s.Class, s.Problem = o.State().Text(), "not_planned", "unknown"
		if o.Problem != nil {
			s.Problem, s.Advice = printable.Text(o.Problem.Text), printable.Text(o.Problem.Advice)
		}
		return s
	}
	p := o.Plan
	s.Instance, s.Fingerprint = printable.Text(p.Instance), p.Fingerprint
	s.Created, s.Expires = webpage.Stamp(p.CreatedAt), webpage.Stamp(p.ExpiresAt)
	if err := p.DeletionError; err != nil {
		s.DeletionError, s.Message = printable.Text(err.Error()), printable.Text(err.Message)
		if len(p.Steps) == 0 {
			s.DeletionAdvice = problem.Of(err).Advice
		}
	}
	missing := o.Entry.MissingOverrides(p)
	for _, name := range p.Overrides() {
		v := override{Name: printable.Text(string(name)), Given: !slices.Contains(missing, name)}
		for _, step := range p.Steps {
			if slices.Contains(step.Requires, name) {
				v.Steps++
			}
		}
		s.Overrides = append(s.Overrides, v)
	}
	s.Missing = len(missing)
	if o.Overrides != nil {
		s.Add, s.Line = printable.Text(o.Overrides.Add), o.Overrides.Line
	}
	numbers := map[string]int{}
	for i, of := range p.Steps {
		numbers[of.ID] = i + 1
		t := stepOf(of, i+1, numbers)
		s.Steps = append(s.Steps, t)
		if t.Manual {
			s.Manual = append(s.Manual, t)
		}
	}
	for _, c := range p.Cascades {
		s.Cascades = append(s.Cascades, cascadeOf(c))
	}
	e := estimate.Of(p)
	s.Requests, s.Duration, s.Basis = e.Requests, estimate.Text(e.Duration), printable.Text(e.Basis())
	if len(p.Steps) > 0 {
		s.Graph = figureOf(p, s.Anchor)
	}
	return s
}

func stepOf(of teardown.Step, number int, numbers map[string]int) step {
	s := step{
		Number: number, Kind: printable.Text(of.Kind), Name: printable.Text(of.Name), ID: printable.Text(of.ID),
		Why: printable.Text(of.Why), Removal: printable.Text(of.Removal), Manual: of.Manual, Requires: printable.Text(format.List(of.Requires)),
	}
	var after []int
	for _, id := range of.After {
		if n := numbers[id]; n > 0 {
			after = append(after, n)
		}
	}
	s.After = ranges(after)
	if of.Organization != nil {
		s.Organization = printable.Text(of.Organization.Name)
		if s.Organization == "" {
			s.Organization = printable.Text(of.Organization.ID)
		}
	}
	return s
}

// ranges lists numbers, such as "1–3, 7".
func ranges(numbers []int) string {
	slices.Sort(numbers)
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] <= numbers[j]+1 {
			j++
		}
		switch {
		case numbers[j] == numbers[i]:
			parts = append(parts, fmt.Sprint(numbers[i]))
		case numbers[j] == numbers[i]+1:
			parts = append(parts, fmt.Sprint(numbers[i]), fmt.Sprint(numbers[j]))
		default:
			parts = append(parts, fmt.Sprintf("%d–%d", numbers[i], numbers[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

func cascadeOf(of teardown.Cascade) cascade {
	c := cascade{Kind: printable.Text(of.Kind), Note: printable.Text(of.Note), Count: fmt.Sprint(of.Count)}
	if of.Count == 0 {
		c.Count = "unknown"
	}
	names := make([]string, 0, len(of.Names)+1)
	for _, name := range of.Names {
		names = append(names, printable.Text(name))
	}
	if len(names) > 0 && len(names) < of.Count {
		names = append(names, "…")
	}
	c.Names = strings.Join(names, ", ")
	return c
}

func figureOf(p *teardown.Plan, anchor string) *figure {
	g := graph.New(p)
	f := &figure{Caption: "A step starts when all steps above it that lead to it are deleted.", Description: g.Description()}
	label := fmt.Sprintf("Order of %s", format.Count(g.Steps, "step"))
	if g.ByKind {
		label += ", by kind"
		f.Caption = "Each box stands for all steps of a kind. A step starts when the steps that it depends on are deleted; the table shows which."
	}
	f.Wide = drawing{"wide", anchor + "-wide", label, g.Draw(graph.Wide)}
	f.Narrow = drawing{"narrow", anchor + "-narrow", label, g.Draw(graph.Narrow)}
	f.Undrawn = f.Wide.Drawing.Undrawn
	return f
}
