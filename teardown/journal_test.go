package teardown_test

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// disk is a writer that records its contents, and how much of them was synced.
type disk struct {
	bytes.Buffer
	synced int // bytes
	fails  int // writes until none succeeds; 0: all do
	writes int
}

func (d *disk) Write(p []byte) (int, error) {
	d.writes++
	if d.fails > 0 && d.writes >= d.fails {
		return 0, io.ErrShortWrite
	}
	return d.Buffer.Write(p)
}

func (d *disk) Sync() error {
	d.synced = d.Len()
	return nil
}

func read(t *testing.T, r io.Reader) []teardown.Entry {
	t.Helper()
	var all []teardown.Entry
	for e, err := range teardown.ReadJournal(r) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// resultOf returns the state or the outcome of an entry, or its kind.
func resultOf(e teardown.Entry) string {
	if e.Kind == teardown.EntryFinished {
		return string(e.State) + string(e.Outcome)
	}
	return string(e.Kind)
}

func resultsOf(entries []teardown.Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, strings.TrimSpace(e.Step+" "+resultOf(e)))
	}
	return all
}

func TestJournal_Entries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := new(disk)
		w := &fakeBlocking{steps: stepsOf("a", "b<a"), remove: func(id string, _ int) error {
			if id == "b" {
				return refused(errors.PermissionDenied)
			}
			return nil
		}}
		p := w.plan(t)
		_, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithJournal(d), teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventFinished && d.synced != d.Len() {
				t.Errorf("%s %s was reported before it was synced", e.Step, e.State)
			}
		}))
		if err == nil {
			t.Fatal("no error")
		}
		entries := read(t, &d.Buffer)
		if diff := cmp.Diff([]string{"started", "a started", "a deleted", "b started", "b failed", "blocked"}, resultsOf(entries)); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		for _, e := range entries {
			if e.Provider != "fake" || e.Organization != "org_1" || e.Time.IsZero() {
				t.Errorf("got %+v", e)
			}
		}
		if first, failed := entries[0], entries[4]; first.Plan != p.Fingerprint || first.Name != "Acme" || failed.Code != errors.PermissionDenied || failed.RequestID != "r-1" || failed.Error == "" {
			t.Errorf("got %+v and %+v", first, failed)
		}
	})
}

func TestDeletionRecorded(t *testing.T) {
	t.Parallel()
	const started, refused = teardown.EntryDeletionStarted, teardown.EntryDeletionRefused
	entry := func(kind teardown.EntryKind, outcome teardown.Outcome) teardown.Entry {
		return teardown.Entry{Provider: "atlas", Instance: "https://a.example", Organization: "1", Kind: kind, Outcome: outcome}
	}
	kinds := func(all ...teardown.EntryKind) (entries []teardown.Entry) {
		for _, kind := range all {
			entries = append(entries, entry(kind, ""))
		}
		return entries
	}
	pending := entry(teardown.EntryFinished, teardown.Pending) // of a deletion that another program requested
	step := entry(started, "")
	step.Step = "project/1"
	exists := func(kind teardown.EntryKind) teardown.Entry {
		e := entry(kind, "")
		e.Exists = true
		return e
	}
	for name, test := range map[string]struct {
		entries []teardown.Entry
		want    bool
	}{
		"none":                    {nil, false},
		"plan started":            {kinds(teardown.EntryStarted), false},
		"step":                    {[]teardown.Entry{step}, false},
		"started":                 {kinds(started), true},
		"started, then resumed":   {kinds(started, teardown.EntryStarted), true},
		"refused":                 {kinds(started, refused), false},
		"refused and repeated":    {kinds(started, refused, started), true},
		"second one refused":      {kinds(started, started, refused), true},
		"pending":                 {[]teardown.Entry{pending}, false},
		"started and pending":     {append(kinds(started), pending), true},
		"blocked":                 {[]teardown.Entry{entry(teardown.EntryFinished, teardown.Blocked)}, false},
		"deleted":                 {append(kinds(started), entry(teardown.EntryFinished, teardown.Deleted)), true},
		"not found after it":      {append(kinds(started), entry(teardown.EntryFinished, teardown.NotFound)), false},
		"not found before it":     {append([]teardown.Entry{entry(teardown.EntryFinished, teardown.NotFound)}, kinds(started)...), true},
		"deleted without a start": {[]teardown.Entry{entry(teardown.EntryFinished, teardown.Deleted)}, false},
		"blocked after it":        {append(kinds(started), entry(teardown.EntryFinished, teardown.Blocked)), false},
		"read after it":           {append(kinds(started), exists(teardown.EntryStarted)), false},
		"planned after it":        {append(kinds(started), exists(teardown.EntryPlanned)), false},
		"deleted and planned":     {append(kinds(started), entry(teardown.EntryFinished, teardown.Deleted), exists(teardown.EntryPlanned)), false},
		"planned while pending":   {append(kinds(started), pending, entry(teardown.EntryPlanned, "")), true},
		"repeated after the read": {append(kinds(started), exists(teardown.EntryStarted), entry(started, "")), true},
	} {
		plan := func(provider, instance, organization string) *teardown.Plan {
			return &teardown.Plan{Provider: provider, Instance: instance, Organization: teardown.Organization{ID: organization}}
		}
		if got := teardown.DeletionRecorded(test.entries, plan("atlas", "https://a.example", "1")); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
		for _, other := range [][3]string{{"zitadel", "https://a.example", "1"}, {"atlas", "https://b.example", "1"}, {"atlas", "https://a.example", "2"}} {
			if teardown.DeletionRecorded(test.entries, plan(other[0], other[1], other[2])) {
				t.Errorf("%s: counts for %v", name, other)
			}
		}
	}
}

// A plan that was made after a deletion of another plan proves that the organization existed again.
func TestDeletionRecorded_PlanMadeLater(t *testing.T) {
	t.Parallel()
	p := &teardown.Plan{Provider: "atlas", Organization: teardown.Organization{ID: "1"}, CreatedAt: time.Unix(1000, 0), Fingerprint: "of this plan"}
	for name, test := range map[string]struct {
		plan    string
		started time.Time
		want    bool
	}{
		"another plan, before": {"of another plan", time.Unix(999, 0), false},
		"another plan, after":  {"of another plan", time.Unix(1001, 0), true},
		"this plan":            {"of this plan", time.Unix(1001, 0), true},
		// The clock of another machine may be late.
		"this plan, before": {"of this plan", time.Unix(999, 0), true},
	} {
		entries := []teardown.Entry{
			{Kind: teardown.EntryStarted, Plan: test.plan}, {Kind: teardown.EntryDeletionStarted},
			{Kind: teardown.EntryFinished, Outcome: teardown.Deleted},
		}
		for i := range entries {
			entries[i].Provider, entries[i].Organization, entries[i].Time = "atlas", "1", test.started
		}
		for n := 2; n <= len(entries); n++ { // also without the result
			if got := teardown.DeletionRecorded(entries[:n], p); got != test.want {
				t.Errorf("%s, %d entries: got %t", name, n, got)
			}
		}
	}
}

// The report of a run without a result has what the entries prove.
func TestRecorded(t *testing.T) {
	t.Parallel()
	p := (&fakeBlocking{steps: stepsOf("a", "b", "c", "d")}).plan(t)
	at := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	entries := func(all ...teardown.Entry) []teardown.Entry {
		for i := range all {
			e := &all[i]
			e.Time, e.Provider, e.Instance, e.Organization = at.Add(time.Duration(i)*time.Second), p.Provider, p.Instance, p.Organization.ID
			if e.Plan == "" {
				e.Plan = p.Fingerprint
			}
		}
		return all
	}
	begin := []teardown.Entry{
		{Kind: teardown.EntryPlanned, Exists: true},
		{Kind: teardown.EntryStarted, Exists: true},
		{Step: "a", Kind: teardown.EntryFinished, State: teardown.StepAlreadyDeleted},
		{Step: "b", Kind: teardown.EntryStarted},
		{Step: "b", Kind: teardown.EntryFinished, State: teardown.StepDeleted, RequestID: "r-1"},
		{Step: "b", Kind: teardown.EntryFinished, State: teardown.StepAlreadyDeleted}, // by a later attempt
		{Step: "c", Kind: teardown.EntryStarted},
	}
	for name, test := range map[string]struct {
		then    []teardown.Entry
		outcome teardown.Outcome
		code    errors.Code
		states  []teardown.StepState
	}{
		"no result":            {nil, teardown.Stopped, errors.NotFinished, []teardown.StepState{"already_deleted", "deleted", "interrupted", "not_started"}},
		"a step failed":        {[]teardown.Entry{{Step: "c", Kind: teardown.EntryFinished, State: teardown.StepFailed, Code: errors.Internal}}, teardown.Stopped, errors.NotFinished, []teardown.StepState{"already_deleted", "deleted", "failed", "not_started"}},
		"deletion started":     {[]teardown.Entry{{Kind: teardown.EntryDeletionStarted}}, teardown.Unknown, errors.OutcomeUnknown, []teardown.StepState{"already_deleted", "deleted", "interrupted", "not_started"}},
		"deletion refused":     {[]teardown.Entry{{Kind: teardown.EntryDeletionStarted}, {Kind: teardown.EntryDeletionRefused}}, teardown.Stopped, errors.NotFinished, []teardown.StepState{"already_deleted", "deleted", "interrupted", "not_started"}},
		"deleted":              {[]teardown.Entry{{Kind: teardown.EntryDeletionStarted}, {Kind: teardown.EntryFinished, Outcome: teardown.Deleted}}, teardown.Deleted, "", []teardown.StepState{"already_deleted", "deleted", "interrupted", "not_started"}},
		"pending, then again":  {[]teardown.Entry{{Kind: teardown.EntryDeletionStarted}, {Kind: teardown.EntryFinished, Outcome: teardown.Pending}, {Kind: teardown.EntryStarted, Exists: true}}, teardown.Stopped, errors.NotFinished, []teardown.StepState{"already_deleted", "deleted", "interrupted", "not_started"}},
		"entry of another run": {[]teardown.Entry{{Kind: teardown.EntryStarted, Plan: "other"}, {Step: "c", Kind: teardown.EntryFinished, State: teardown.StepDeleted}, {Step: "d", Kind: teardown.EntryStarted, Plan: "other"}}, teardown.Stopped, errors.NotFinished, []teardown.StepState{"already_deleted", "deleted", "deleted", "not_started"}},
	} {
		r := teardown.Recorded(entries(slices.Concat(begin, test.then)...), p)
		var states []teardown.StepState
		for _, s := range r.Steps {
			states = append(states, s.State)
		}
		if diff := cmp.Diff(test.states, states); diff != "" || r.Outcome != test.outcome || errors.CodeOf(r.Err) != test.code {
			t.Errorf("%s: got %s, %v; states (-want +got):\n%s", name, r.Outcome, r.Err, diff)
		}
		if b := r.Steps[1]; b.RequestID != "r-1" || b.Attempts != 1 || !b.StartedAt.Equal(at.Add(3*time.Second)) || !b.FinishedAt.Equal(at.Add(4*time.Second)) || !r.StartedAt.Equal(at.Add(time.Second)) {
			t.Errorf("%s: got %+v of a report that started at %v", name, b, r.StartedAt)
		}
	}
	if r := teardown.Recorded(entries(begin[0]), p); r != nil {
		t.Errorf("a plan that was not applied: got %+v", r)
	}
}

func TestReadJournal_CutAtAnyByte(t *testing.T) {
	t.Parallel()
	d := new(disk)
	w := &fakeBlocking{steps: stepsOf("a", "b<a")}
	if _, err := w.execute(t, teardown.WithJournal(d)); err != nil {
		t.Fatal(err)
	}
	whole := d.String()
	entries := len(read(t, strings.NewReader(whole)))
	for cut := range len(whole) + 1 {
		again := bytes.NewBufferString(whole[:cut])
		before := len(read(t, strings.NewReader(whole[:cut])))
		if _, err := (&fakeBlocking{steps: stepsOf("a", "b<a")}).execute(t, teardown.WithJournal(again)); err != nil {
			t.Fatal(err)
		}
		// A line that lacks only its end is read.
		if got := len(read(t, again)); got != before+entries {
			t.Fatalf("cut at %d: got %d entries, want %d and %d", cut, got, before, entries)
		}
	}
}

func TestJournal_WriteFails(t *testing.T) {
	t.Parallel()
	for fails := 1; fails <= 7; fails++ {
		d := &disk{fails: fails}
		w := &fakeBlocking{steps: stepsOf("a", "b<a")}
		r, err := w.execute(t, teardown.WithJournal(d))
		// 1: started, 2: a started, 3: a deleted, 4: b started, 5: b deleted, 6: deletion started, 7: deleted
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%d: got %+v, %v", fails, r, err)
		}
		if removed := []int{0, 0, 0, 1, 1, 2, 2, 2}[fails]; len(w.removed) != removed {
			t.Errorf("%d: %v were removed, want %d", fails, w.removed, removed)
		}
		if deleted := fails >= 7; (w.deleted == 1) != deleted {
			t.Errorf("%d: %d deletions", fails, w.deleted)
		}
	}
}

func TestReadJournal_ReaderError(t *testing.T) {
	t.Parallel()
	var got error
	for _, err := range teardown.ReadJournal(iotest.ErrReader(io.ErrClosedPipe)) {
		got = err
	}
	if got != io.ErrClosedPipe {
		t.Errorf("got %v", got)
	}
}

func FuzzReadJournal(f *testing.F) {
	f.Add([]byte(`{"kind":"started"}` + "\n" + `{"kind":"fin`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for e, err := range teardown.ReadJournal(bytes.NewReader(data)) {
			if err != nil || e.Kind == "" {
				t.Errorf("got %+v, %v", e, err)
			}
		}
	})
}

func FuzzReadPlan(f *testing.F) {
	text, err := json.Marshal(teardown.Seal(&teardown.Plan{Provider: "fake", Organization: acme, Steps: stepsOf("a", "b<a")}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := teardown.ReadPlan(bytes.NewReader(data))
		if err != nil {
			return
		}
		w := &fakeBlocking{}
		if _, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm(p.Organization.Name)); err == nil && p.Organization != acme {
			t.Errorf("a plan of %+v was applied", p.Organization)
		}
		if err := p.WriteTree(io.Discard); err != nil {
			t.Error(err)
		}
	})
}
