package approvalpage

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

const (
	pageSize    = 50               // organizations of the list
	maxPage     = 1_000_000        // pages of the list
	maxSteps    = 1000             // rows of the table of steps
	maxNames    = 10_000           // names that are kept
	readers     = 8                // concurrent reads of states
	readTimeout = 10 * time.Second // of all states of the list: a query without a worker waits
)

//go:embed pages.html.tmpl
var pages string

// templates escape all texts: names of organizations and resources come from the provider's users.
var templates = template.Must(template.New("pages").Parse(pages))

// waitingRow is an organization of the list.
type waitingRow struct {
	Link         string
	Name         string // of the organization
	Provider     string
	WaitingFor   string
	Since        string
	Days         int
	Approvals    string
	By           []string // who approved
	Steps        int
	New          bool // the plan has differences
	Missing      bool // the manifest lacks overrides
	Fault        string
	Unread       bool // the state is not known
	waitingState fleet.WaitingFor
}

// listData is the data of the list.
type listData struct {
	Rows       []waitingRow
	Problem    string
	Page       int
	Newer      string
	Older      string
	Decisions  int
	ByOperator string
}

// list shows what waits for whom.
func (p *Page) list(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.Atoi(r.FormValue("page"))
	if err != nil || number < 1 || number > maxPage {
		number = 1
	}
	listed, more, err := p.waiting(r.Context(), number)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	data := listData{Page: number, ByOperator: printable.Text(p.config.By)}
	data.Rows, data.Problem = p.rows(r.Context(), listed)
	if number > 1 {
		data.Newer = "/?page=" + strconv.Itoa(number-1)
	}
	if more {
		data.Older = "/?page=" + strconv.Itoa(number+1)
	}
	for _, row := range data.Rows {
		if row.waitingState == fleet.WaitingForApproval {
			data.Decisions++
		}
	}
	p.render(w, r, http.StatusOK, "list", data)
}

// waiting returns a page of the workflows that wait: first those that wait for an approval.
func (p *Page) waiting(ctx context.Context, number int) (listed []fleet.Listed, more bool, err error) {
	skip := (number - 1) * pageSize
	for _, what := range []fleet.WaitingFor{fleet.WaitingForApproval, fleet.WaitingForProvider} {
		for l, err := range p.config.Engine.List(ctx, fleet.Filter{WaitingFor: what, Running: true}) {
			switch {
			case err != nil:
				return nil, false, err
			case skip > 0:
				skip--
			case len(listed) == pageSize:
				return listed, true, nil
			default:
				listed = append(listed, l)
			}
		}
	}
	return listed, false, nil
}

// rows reads the states of workflows. It omits those that no longer wait, because Temporal's list
// lacks changes of the last seconds. If no worker answers one read, no other read starts: problem is
// the text of it.
func (p *Page) rows(ctx context.Context, listed []fleet.Listed) (rows []waitingRow, problem string) {
	reads, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	all := make([]*waitingRow, len(listed))
	slots := make(chan struct{}, readers)
	var answered, unanswered atomic.Bool
	var group sync.WaitGroup
	for i, l := range listed {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			all[i] = p.unread(l)
			if unanswered.Load() || reads.Err() != nil {
				return
			}
			s, err := p.config.Engine.Status(reads, l.ID)
			switch {
			case err != nil && reads.Err() != nil: // the time has passed
			case review.Unanswered(err):
				unanswered.Store(true)
			case err != nil:
				all[i].Fault = "The state cannot be read: " + review.Message(err)
			default:
				answered.Store(true)
				all[i] = p.row(reads, l, s)
			}
		})
	}
	group.Wait()
	unread := 0
	for _, row := range all {
		if row != nil {
			rows = append(rows, *row)
			if row.Unread && row.Fault == "" {
				unread++
			}
		}
	}
	if unread == 0 || ctx.Err() != nil {
		return rows, ""
	}
	problem = "The states of some organizations could not be read in time."
	noWorker := unanswered.Load() || !answered.Load()
	if noWorker {
		problem = "The states could not be read: " + review.NoWorker + "."
	}
	p.config.Logger.WarnContext(ctx, "states could not be read", "unread", unread, "no_worker_answers", noWorker)
	return rows, problem
}

// unread returns the row of a workflow whose state is not known.
func (p *Page) unread(l fleet.Listed) *waitingRow {
	_, _, organization, _ := fleet.ParseWorkflowID(l.ID)
	return &waitingRow{
		Link: link(l.ID), Name: printable.Text(organization), Provider: printable.Text(l.Provider),
		WaitingFor: waitingText(l.WaitingFor), Unread: true, waitingState: l.WaitingFor,
	}
}

// row returns the row of a workflow; nil if it does not wait.
func (p *Page) row(ctx context.Context, l fleet.Listed, s fleet.State) *waitingRow {
	if s.WaitingFor == fleet.WaitingForNothing {
		return nil
	}
	row := p.unread(l)
	row.Unread, row.WaitingFor, row.waitingState = false, waitingText(s.WaitingFor), s.WaitingFor
	row.Since, row.Days, row.Steps = review.Stamp(s.Since), int(p.now().Sub(s.Since).Hours()/24), s.Steps
	row.New, row.Missing = s.Differences != nil, len(s.Missing) > 0
	if s.WaitingFor == fleet.WaitingForApproval {
		row.Approvals = fmt.Sprintf("%d of %d", len(s.Approvals), s.Required)
		for _, a := range s.Approvals {
			row.By = append(row.By, printable.Text(a.By))
		}
	}
	if name := p.names.get(ctx, p.config.Store, s); name != "" {
		row.Name = name
	}
	return row
}

// names keeps the names of organizations by the digests of their plans.
type names struct {
	mu  sync.Mutex
	all map[string]string
}

// get returns the printable name of the organization of a plan; "" if the plan cannot be read, which the
// page of the plan reports.
func (n *names) get(ctx context.Context, store fleet.Store, s fleet.State) string {
	if s.Plan == nil {
		return ""
	}
	n.mu.Lock()
	name, ok := n.all[s.Plan.Digest]
	n.mu.Unlock()
	if ok {
		return name
	}
	plan, err := fleet.ReadPlan(ctx, store, *s.Plan)
	if err != nil {
		return ""
	}
	name = printable.Text(review.Named(plan.Organization))
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil || len(n.all) >= maxNames {
		n.all = map[string]string{}
	}
	n.all[s.Plan.Digest] = name
	return name
}

// stepRow is a row of the table of steps.
type stepRow struct {
	ID, Name, Why, Removal, After string
	Requires                      string
	Manual                        bool
}

// cascadeRow is what is deleted along with the organization.
type cascadeRow struct {
	Kind, Count, Note string
	Names             []string
	More              int
}

// planData is the data of a plan's page.
type planData struct {
	ID, Link, Name, Named string
	ByID                  bool // Name is the ID of the organization
	Provider, Instance    string
	Digest, Planned       string
	WaitingFor, Since     string
	Required, Given       int
	Approvals             []decisionRow
	Denied                *decisionRow
	Outcome               string
	Ended                 string   // how and when the workflow ended; "" if it runs
	Overrides             []string // that the plan requires
	Permitted, Missing    []string // overrides
	MissingText           string
	Differences           []string
	Kinds                 []review.Kind
	Graph                 *drawing
	Steps                 []stepRow
	Total, MoreSteps      int
	Manual                []stepRow
	Organizations         []string
	Cascades              []cascadeRow

	Decidable             bool
	Approvable            bool // decidable, and no override is missing
	ApproveToken          string
	DenyToken             string
	Operator, By, Reason  string
	Problem, Notice, Hint string
}

// plan shows a plan, and the forms for decisions about it.
func (p *Page) plan(w http.ResponseWriter, r *http.Request) {
	loaded, err := review.Load(r.Context(), p.config.Engine, p.config.Store, r.FormValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	data := p.planData(loaded)
	data.Notice = p.notice(r.FormValue("done"), loaded.State)
	p.render(w, r, http.StatusOK, "plan", data)
}

// The decisions that a notice is about.
const (
	approved = "approved"
	denied   = "denied"
)

// notice returns the notice about the decision that was made before; "" for none. done is the token of
// one decision about one plan, so that the address of another page shows none.
func (p *Page) notice(done string, s fleet.State) string {
	switch {
	case len(s.Approvals) > 0 && equal(done, p.formToken(approved, s.ID, s.Digest)):
		text := "The approval is recorded."
		if missing := s.Required - len(s.Approvals); s.WaitingFor == fleet.WaitingForApproval && missing > 0 {
			text += fmt.Sprintf(" Approvals that are missing: %d.", missing)
		}
		return text
	case s.Denied != nil && equal(done, p.formToken(denied, s.ID, s.Digest)):
		return "The denial is recorded. The workflow ends, and nothing of this plan is deleted."
	}
	return ""
}

// planData returns the data of a review.
func (p *Page) planData(r *review.Review) planData {
	plan, s := r.Plan, r.State
	d := planData{
		ID: s.ID, Link: link(s.ID), Name: printable.Text(r.Name()), ByID: r.ByID(), Named: printable.Text(review.Named(plan.Organization)),
		Provider: printable.Text(plan.Provider), Instance: printable.Text(plan.Instance), Digest: s.Digest, Planned: review.Stamp(plan.CreatedAt),
		Required: s.Required, Given: len(s.Approvals), Kinds: review.Kinds(plan), Total: len(plan.Steps),
		Organizations: review.Organizations(plan), Operator: printable.Text(p.config.By),
		Decidable: s.WaitingFor == fleet.WaitingForApproval && s.Closed.IsZero() && s.Result == nil,
	}
	if s.WaitingFor != fleet.WaitingForNothing {
		d.WaitingFor, d.Since = waitingText(s.WaitingFor), review.Stamp(s.Since)
	}
	for _, a := range s.Approvals {
		d.Approvals = append(d.Approvals, shown(a))
	}
	if s.Denied != nil {
		a := shown(*s.Denied)
		d.Denied = &a
	}
	if s.Result != nil {
		d.Outcome = printable.Text(string(s.Result.Outcome))
	}
	if !s.Closed.IsZero() {
		d.Ended = review.Stamp(s.Closed) + ": " + printable.Text(s.Status)
		if s.Code != "" {
			d.Ended += " (" + printable.Text(string(s.Code)) + ")"
		}
	}
	d.Overrides, d.Permitted, d.Missing = review.Overrides(plan.Overrides()), review.Overrides(s.Overrides), review.Overrides(s.Missing)
	d.MissingText = review.MissingOverrides
	for _, difference := range r.Differences {
		d.Differences = append(d.Differences, printable.Text(difference.String()))
	}
	d.Graph = draw(d.Kinds, d.Named)
	for _, step := range plan.Steps[:min(len(plan.Steps), maxSteps)] {
		d.Steps = append(d.Steps, rowOf(step))
	}
	d.MoreSteps = len(plan.Steps) - len(d.Steps)
	for _, step := range plan.Manual() {
		d.Manual = append(d.Manual, rowOf(step))
	}
	for _, c := range plan.Cascades {
		const shownNames = 100
		row := cascadeRow{Kind: printable.Text(c.Kind), Count: strconv.Itoa(c.Count), Note: printable.Text(c.Note), More: max(len(c.Names)-shownNames, 0)}
		if c.Count == 0 {
			row.Count = "not counted"
		}
		for _, name := range c.Names[:min(len(c.Names), shownNames)] {
			row.Names = append(row.Names, printable.Text(name))
		}
		d.Cascades = append(d.Cascades, row)
	}
	d.Approvable = d.Decidable && r.Approvable() == nil
	if d.Decidable {
		d.ApproveToken, d.DenyToken = p.formToken("approve", s.ID, s.Digest), p.formToken("deny", s.ID, s.Digest)
	}
	return d
}

// decisionRow is a decision on a page, in printable form.
type decisionRow struct {
	By, Reason string
	At         string // "" for a workflow that does not state the time
}

func shown(a fleet.Approval) decisionRow {
	d := decisionRow{By: printable.Text(a.By), Reason: printable.Text(a.Reason)}
	if !a.At.IsZero() {
		d.At = review.Stamp(a.At)
	}
	return d
}

func rowOf(s teardown.Step) stepRow {
	var requires []string
	for _, o := range s.Requires {
		requires = append(requires, string(o))
	}
	return stepRow{
		ID: printable.Text(s.ID), Name: printable.Text(s.Name), Why: printable.Text(s.Why), Removal: printable.Text(s.Removal),
		After: printable.Text(strings.Join(s.After, ", ")), Requires: printable.Text(strings.Join(requires, ", ")), Manual: s.Manual,
	}
}

// decideFunc sends a decision.
type decideFunc func(ctx context.Context, id string, a fleet.Approval) (fleet.State, error)

func (p *Page) approve(w http.ResponseWriter, r *http.Request) {
	p.decide(w, r, "approve", approved, p.config.Engine.Approve)
}

func (p *Page) deny(w http.ResponseWriter, r *http.Request) {
	p.decide(w, r, "deny", denied, p.config.Engine.Deny)
}

// decide checks a form and sends its decision. After an error it shows the plan again.
func (p *Page) decide(w http.ResponseWriter, r *http.Request, decision, done string, send decideFunc) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	form := r.PostForm
	id, digest := form.Get("id"), form.Get("digest")
	if !equal(form.Get("form"), p.formToken(decision, id, digest)) {
		http.Error(w, "The form is not one of this program, or the program was started again. Open the plan again.", http.StatusForbidden)
		return
	}
	loaded, err := review.Load(r.Context(), p.config.Engine, p.config.Store, id)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	by := p.config.By
	if by == "" {
		by = form.Get("by")
	}
	a, err := loaded.Decision(digest, form.Get("name"), by, form.Get("reason"))
	if err == nil && decision == "approve" {
		err = loaded.Approvable()
	}
	if err == nil {
		_, err = send(r.Context(), id, a)
	}
	if err == nil {
		p.config.Logger.InfoContext(r.Context(), "a decision was sent", "workflow", id, "decision", done, "digest", digest, "by", a.By)
		http.Redirect(w, r, link(id)+"&done="+p.formToken(done, id, digest), http.StatusSeeOther)
		return
	}
	if !errors.Is(err, errors.NotConfirmed) {
		p.fail(w, r, err)
		return
	}
	data := p.planData(loaded)
	data.Problem, data.Hint = "Nothing was decided: "+review.Message(err)+".", "Review the plan below."
	if by := form.Get("by"); review.PersonFault(by) == "" { // a credential is not shown
		data.By = by
	}
	if reason := form.Get("reason"); review.ReasonFault(reason) == "" {
		data.Reason = reason
	}
	p.render(w, r, http.StatusConflict, "plan", data)
}

// fail shows an error.
func (p *Page) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, cause := http.StatusBadGateway, err
	storage, ok := errors.AsType[*review.StorageError](err)
	switch {
	case ok:
		status, cause = http.StatusInternalServerError, storage.Cause
	case errors.Is(err, errors.NotFound), errors.Is(err, errors.InvalidArgument):
		status = http.StatusNotFound
	case errors.Is(err, errors.NotConfirmed), errors.Is(err, errors.Conflict):
		status = http.StatusConflict
	}
	p.config.Logger.WarnContext(r.Context(), "a page failed", "path", r.URL.Path, "error", cause)
	p.render(w, r, status, "fault", review.Message(err))
}

// render writes a page. The status is that of a failure if the template fails.
func (p *Page) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		p.config.Logger.ErrorContext(r.Context(), "a template failed", "template", name, "error", err)
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func link(id string) string { return "/plan?id=" + url.QueryEscape(id) }

func waitingText(w fleet.WaitingFor) string {
	switch w {
	case fleet.WaitingForApproval:
		return "an approval"
	case fleet.WaitingForProvider:
		return "the provider"
	}
	return printable.Text(string(w))
}
