package teardown_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

func full() *teardown.Plan {
	steps := stepsOf("vm/1", "disk/1<vm/1", "invoice/7")
	steps[0].Kind, steps[1].Kind, steps[2].Kind = "vm", "disk", "invoice"
	steps[1].Requires = []teardown.Override{teardown.ManagedOrganizations}
	steps[2].Manual = true
	steps[2].Name = "evil\x1b[2Jname\u202e"
	return &teardown.Plan{
		Provider: "fake", Instance: "https://fake.invalid", Organization: acme, Steps: steps,
		Requires: []teardown.Override{teardown.OwnOrganization},
		DeletionError: (&errors.Error{
			Provider: "fake", Operation: "CheckDeletion", Target: "org_1", Code: errors.DeletionStepsNotSatisfied, ProviderCode: "left",
			Status: 409, Message: "machines exist", RequestID: "r-1", Steps: []errors.Step{{Name: "vms", Description: "delete them"}},
			Err: errors.New("they run"),
		}),
		Cascades: []teardown.Cascade{{Kind: "users", Count: 3, Names: []string{"ann", "bob"}, Note: "of other organizations, too"}},
	}
}

func TestPlan_JSON(t *testing.T) {
	t.Parallel()
	p := teardown.Seal(full())
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got, err := teardown.ReadPlan(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got, cmp.Comparer(sameText)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	e, _ := errors.AsType[*errors.Error](got.Err())
	if e == nil || e.Code != errors.DeletionStepsNotSatisfied || e.Status != 409 || len(e.Steps) != 1 || e.Target != "org_1" || !strings.HasSuffix(e.Error(), ": they run") {
		t.Errorf("got %v", got.Err())
	}
	if (&teardown.Plan{}).Err() != nil {
		t.Error("a plan without a refusal has an error")
	}
	for _, bad := range []string{"", "{", `{"steps":[],"more":1}`, string(text) + "{}", "[]"} {
		if _, err := teardown.ReadPlan(strings.NewReader(bad)); codeOf(err) != errors.InvalidArgument {
			t.Errorf("%.20q: got %v, want %q", bad, err, errors.InvalidArgument)
		}
	}
	if _, err := teardown.ReadPlan(nil); codeOf(err) != errors.InvalidArgument {
		t.Errorf("nil: got %v, want %q", err, errors.InvalidArgument)
	}
	if _, err := teardown.ReadPlan(iotest.ErrReader(io.ErrClosedPipe)); codeOf(err) != errors.InvalidArgument || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("unreadable: got %v, want the cause", err)
	}
}

func TestPlan_WriteTableAndTree(t *testing.T) {
	t.Parallel()
	var table, tree strings.Builder
	p := full()
	if err := p.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteTree(&tree); err != nil {
		t.Fatal(err)
	}
	want := `fake: Acme (org_1): 3 steps, 1 manual; requires: managed_organizations, own_organization
├─ vm
│  └─ VM/1 (vm/1): delete it
├─ disk
│  └─ DISK/1 (disk/1): delete it [managed_organizations]
├─ invoice
│  └─ evil�[2Jname� (invoice/7): manual: delete it
└─ deleted along with it
   └─ 3 users: ann, bob, … (of other organizations, too)
`
	if diff := cmp.Diff(want, tree.String()); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	want = `fake: Acme (org_1): 3 steps, 1 manual; requires: managed_organizations, own_organization
STEP       NAME            WHY          REMOVAL                             AFTER
vm/1       VM/1            it is there  delete it                           
disk/1     DISK/1          it is there  delete it [managed_organizations]   vm/1
invoice/7  evil�[2Jname�  it is there  manual: delete it                  
3 users: ann, bob, … (of other organizations, too)
`
	if diff := cmp.Diff(strings.Fields(want), strings.Fields(table.String())); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if strings.ContainsRune(table.String()+tree.String(), '\x1b') {
		t.Error("a control character is printed")
	}
	tree.Reset()
	if err := (&teardown.Plan{Provider: "fake", Organization: acme}).WriteTree(&tree); err != nil || tree.String() != "fake: Acme (org_1): no blockers\n" {
		t.Errorf("got %q, %v", tree.String(), err)
	}
}

func jobs(fakes []*fakeBlocking) []teardown.Job {
	all := make([]teardown.Job, len(fakes))
	for i, w := range fakes {
		all[i] = teardown.Job{
			Plan: func(ctx context.Context) (*teardown.Plan, error) { return w.Inspect(ctx, acme, nil) },
			Teardown: func(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
				return teardown.Execute(ctx, teardown.FromBlocking(w), p, options...)
			},
			Options: []teardown.Option{teardown.WithConfirm("Acme")},
		}
	}
	return all
}

func TestRunJobs_Parallel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fakes := make([]*fakeBlocking, 10)
		for i := range fakes {
			fakes[i] = &fakeBlocking{steps: stepsOf("a"), takes: time.Minute}
		}
		fakes[3].inspect = refused(errors.PermissionDenied)
		start := time.Now()
		var seen []int
		for result := range teardown.RunJobs(t.Context(), jobs(fakes), 5) {
			seen = append(seen, result.Index)
			if ok := result.Index != 3; ok != (result.Err == nil) || ok && result.Report.Outcome != teardown.Deleted {
				t.Errorf("got %+v", result)
			}
		}
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("took %v, want two rounds of five", took)
		}
		slices.Sort(seen)
		if !slices.Equal(seen, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("got results of %v", seen)
		}
	})
}

func TestRunJobs_NothingRunsAfterLoop(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(context.CancelFunc, chan struct{}) bool{
		"left":     func(context.CancelFunc, chan struct{}) bool { return false },
		"canceled": func(cancel context.CancelFunc, _ chan struct{}) bool { cancel(); return true },
		"stopped":  func(_ context.CancelFunc, stop chan struct{}) bool { close(stop); return true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var running atomic.Int32
				fakes := make([]*fakeBlocking, 20)
				for i := range fakes {
					fakes[i] = &fakeBlocking{steps: stepsOf("a"), takes: time.Duration(i+1) * time.Minute}
				}
				all := jobs(fakes)
				for i := range all {
					whole := all[i].Teardown
					all[i].Teardown = func(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
						running.Add(1)
						defer running.Add(-1)
						return whole(ctx, p, options...)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stop := make(chan struct{})
				results, stopped := 0, false
				for range teardown.RunJobs(ctx, all, 4, teardown.WithStop(stop)) {
					results++
					if !stopped && !limit(cancel, stop) {
						break
					}
					stopped = true
				}
				if n := running.Load(); n != 0 {
					t.Errorf("%d still run", n)
				}
				// One more job may have started at the same moment.
				if want := map[bool]int{true: 1, false: 4}[name == "left"]; results < want || results > want+1 {
					t.Errorf("%d results, want %d", results, want)
				}
			})
		})
	}
}

func TestWriteTable_UncountedCascade(t *testing.T) {
	t.Parallel()
	p := &teardown.Plan{Cascades: []teardown.Cascade{{Kind: "users", Note: "not readable with this credential"}}}
	var b strings.Builder
	if err := p.WriteTable(&b); err != nil || !strings.HasSuffix(b.String(), "\nusers (not readable with this credential)\n") {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

// sameText compares causes, which JSON keeps as their text.
func sameText(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// The plan and everything in it has the members of the schema only, also where a type has a
// method UnmarshalJSON of its own.
func TestReadPlan_UnknownMembers(t *testing.T) {
	t.Parallel()
	p := full()
	p.Steps[0].Organization = &teardown.Organization{ID: "org_2"}
	text, err := json.Marshal(teardown.Seal(p))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Error struct{ Properties map[string]any }
		} `json:"$defs"`
	}
	if known, err := teardown.Schema("plan"); err != nil || json.Unmarshal(known, &schema) != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"status": 409, "retry_after_seconds": 1.5, "attempts": 1, "steps": []any{}, "detail": map[string]any{"a": 1},
	}
	members := map[string]any{}
	for name := range schema.Defs.Error.Properties {
		if members[name] = "x"; values[name] != nil {
			members[name] = values[name]
		}
	}
	for name, test := range map[string]struct {
		path []any
		add  map[string]any
		ok   bool
	}{
		"nothing":                     {nil, nil, true},
		"plan":                        {nil, map[string]any{"more": 1}, false},
		"organization":                {[]any{"organization"}, map[string]any{"more": 1}, false},
		"step":                        {[]any{"steps", 0}, map[string]any{"more": 1}, false},
		"organization of a step":      {[]any{"steps", 0, "organization"}, map[string]any{"more": 1}, false},
		"cascade":                     {[]any{"cascades", 0}, map[string]any{"more": 1}, false},
		"deletion error":              {[]any{"deletion_error"}, map[string]any{"more": 1}, false},
		"deletion error, all members": {[]any{"deletion_error"}, members, true},
		"step of the deletion error":  {[]any{"deletion_error", "steps", 0}, map[string]any{"more": 1}, false},
		"overrides":                   {nil, map[string]any{"requires": []any{map[string]any{"more": 1}}}, false},
		"overrides of a step":         {[]any{"steps", 0}, map[string]any{"requires": map[string]any{"more": 1}}, false},
		"null":                        {nil, map[string]any{"deletion_error": nil}, true},
	} {
		var whole any
		if err := json.Unmarshal(text, &whole); err != nil {
			t.Fatal(err)
		}
		at := whole
		for _, key := range test.path {
			switch key := key.(type) {
			case string:
				at = at.(map[string]any)[key]
			case int:
				at = at.([]any)[key]
			}
		}
		for member, value := range test.add {
			at.(map[string]any)[member] = value
		}
		edited, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		_, err = teardown.ReadPlan(bytes.NewReader(edited))
		if (err == nil) != test.ok || !test.ok && codeOf(err) != errors.InvalidArgument {
			t.Errorf("%s: got %v from ReadPlan", name, err)
		}
		// A program may store a plan in a file of its own.
		var stored struct{ Plan *teardown.Plan }
		if err := json.Unmarshal(fmt.Appendf(nil, `{"Plan":%s,"more":1}`, edited), &stored); (err == nil) != test.ok {
			t.Errorf("%s: got %v from json.Unmarshal", name, err)
		}
	}
}

func TestPlan_UnmarshalNull(t *testing.T) {
	t.Parallel()
	p := full()
	if err := json.Unmarshal([]byte("null"), p); err != nil || p.Provider != "fake" {
		t.Errorf("got %v, %+v", err, p)
	}
	if err := (*teardown.Plan)(nil).UnmarshalJSON([]byte("{}")); err == nil {
		t.Error("a nil plan was read")
	}
}
