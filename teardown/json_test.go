package teardown_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// failures returns errors of the forms that occur in reports and events.
func failures() map[string]error {
	one := &errors.Error{
		Provider: "fake", Operation: "DeleteRoom", Target: "blue", Code: errors.Conflict, Status: 409, ProviderCode: "in_use",
		Message: "the room is in use", RequestID: "r-1", RetryAfter: 90 * time.Second, Attempts: 2,
		Steps: []errors.Step{{Name: "desk", Description: "remove it"}}, Err: errors.New("a cause"),
	}
	two := &errors.Error{Provider: "fake", Operation: "DeleteRoom", Target: "red", Code: errors.PermissionDenied, Status: 403}
	return map[string]error{
		"none":            nil,
		"one":             one,
		"joined":          errors.Join(one, two),
		"wrapped":         fmt.Errorf("cannot write the journal: %w", one),
		"joined, wrapped": fmt.Errorf("two: %w", errors.Join(one, two)),
		"foreign":         errors.New("no space left on device"),
		"foreign, joined": errors.Join(errors.New("no space left on device"), two),
	}
}

// unusualFailures returns errors of forms that the engine does not return, but a program may
// store.
func unusualFailures() map[string]error {
	one := &errors.Error{Provider: "fake", Operation: "DeleteRoom", Target: "blue", Code: errors.PermissionDenied}
	loop := []any{nil}
	loop[0] = loop
	return map[string]error{
		"without a text":         errors.New(""),
		"a code":                 errors.Conflict,
		"a code, wrapped":        fmt.Errorf("cannot remove it: %w", errors.Conflict),
		"codes, joined":          errors.Join(errors.Conflict, errors.NotFound),
		"codes and errors":       fmt.Errorf("two: %w", errors.Join(errors.Conflict, fmt.Errorf("x: %w", one), errors.NotFound)),
		"no code":                errors.Code(""),
		"stand-in":               standIn{errors.Conflict},
		"cause without a text":   &errors.Error{Code: errors.Conflict, Err: errors.New("")},
		"cause that is a code":   &errors.Error{Code: errors.OutcomeUnknown, Err: errors.Conflict},
		"detail that is a func":  &errors.Error{Code: errors.Conflict, Detail: func() {}},
		"detail that is cyclic":  errors.Join(one, &errors.Error{Code: errors.Conflict, Detail: loop}),
		"without anything":       &errors.Error{},
		"nil pointer":            (*errors.Error)(nil),
		"another nil pointer":    (*fs.PathError)(nil),
		"not UTF-8":              errors.New("\ufffd"),
		"joined, without a text": errors.Join(errors.New(""), one),
	}
}

// standIn is an error of another package that is also a code.
type standIn struct{ errors.Code }

func (standIn) Error() string { return "stand-in" }

func (s standIn) As(target any) bool {
	code, ok := target.(*errors.Code)
	if ok {
		*code = s.Code
	}
	return ok
}

// A report, an event and the report of a step keep the text, the codes and the errors of this
// module of every error. A failure never becomes a success.
func TestJSON_UnusualErrors(t *testing.T) {
	t.Parallel()
	for name, err := range unusualFailures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for form, got := range map[string]error{
				"report": same(t, teardown.Report{Err: err}).Err,
				"step":   same(t, teardown.Report{Steps: []teardown.StepReport{{Err: err}}}).Steps[0].Err,
				"event":  same(t, teardown.Event{Err: err}).Err,
				"again":  same(t, same(t, teardown.Event{Err: err})).Err,
			} {
				text := "<nil>" // of a nil pointer, whose method Error may panic
				if !strings.Contains(name, "nil pointer") {
					text = err.Error()
				}
				if got == nil || got.Error() != text || errors.CodeOf(got) != errors.CodeOf(err) {
					t.Errorf("%s: got %#v, want %#v", form, got, err)
				}
				if name == "another nil pointer" {
					continue // errors.Is panics
				}
				for _, code := range errors.Codes() {
					if errors.Is(got, code) != errors.Is(err, code) && name != "stand-in" {
						t.Errorf("%s: Is(%s) is %t", form, code, errors.Is(got, code))
					}
				}
				for e := range errors.All(err) {
					if e != nil && !slices.ContainsFunc(all(got), func(found errors.Error) bool { return found.Error() == e.Error() }) {
						t.Errorf("%s: %v is missing in %v", form, e, all(got))
					}
				}
			}
		})
	}
}

// The journal has the code of an error in any form.
func TestJournal_UnusualErrors(t *testing.T) {
	t.Parallel()
	for name, err := range unusualFailures() {
		if strings.Contains(name, "nil pointer") {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			d := newFakeDriver(t, "a")
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists, Err: err}, nil
			}
			j := new(disk)
			r, _ := d.execute(t.Context(), teardown.WithJournal(j), teardown.WithRetryFor(0))
			if r == nil || r.Err == nil || r.Steps[0].Err == nil {
				t.Fatalf("%s: got %+v", name, r)
			}
			entries := slices.DeleteFunc(read(t, &j.Buffer), func(e teardown.Entry) bool { return e.Kind != teardown.EntryFinished })
			if len(entries) != 2 || entries[0].Error != r.Steps[0].Err.Error() || entries[1].Error != r.Err.Error() {
				t.Fatalf("%s: got %+v", name, entries)
			}
			if want := errors.CodeOf(r.Err); entries[0].Code != want || entries[1].Code != want {
				t.Errorf("%s: got the codes %q and %q, want %q", name, entries[0].Code, entries[1].Code, want)
			}
		})
	}
}

// sameFailure compares errors by their texts and by the errors of this module in them.
func sameFailure(a, b error) bool {
	return fmt.Sprint(a) == fmt.Sprint(b) && cmp.Equal(all(a), all(b), cmp.Comparer(sameText))
}

func all(err error) (found []errors.Error) {
	for e := range errors.All(err) {
		bare := *e
		found = append(found, bare)
	}
	return found
}

// same returns a value after a round trip through JSON.
func same[T any](t *testing.T, v T) T {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got T
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return got
}

func TestReport_JSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, failure := range failures() {
		r := teardown.Report{
			Provider: "fake", Instance: "https://fake.invalid", Organization: acme, Outcome: teardown.Blocked, PendingOn: "a person",
			StartedAt: at, FinishedAt: at.Add(time.Minute), Err: failure, UnmatchedAllow: []string{"a"}, UnmatchedDeny: []string{"d"},
			Steps: []teardown.StepReport{{
				Step: stepsOf("a", "b<a")[1], State: teardown.StepFailed, Attempts: 3, RequestID: "r-2",
				StartedAt: at, FinishedAt: at.Add(time.Second), Err: failure,
			}},
		}
		opts := cmp.Options{cmp.Comparer(sameFailure), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".found" }, cmp.Ignore())}
		if diff := cmp.Diff(r, same(t, r), opts); diff != "" {
			t.Errorf("%s: report (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(&r, same(t, &r), opts); diff != "" {
			t.Errorf("%s: pointer (-want +got):\n%s", name, diff)
		}
	}
}

func TestEvent_JSON(t *testing.T) {
	t.Parallel()
	for name, failure := range failures() {
		e := teardown.Event{
			Time: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), Provider: "fake", Organization: acme, Step: "a", Kind: teardown.EventRetrying,
			State: teardown.StepRunning, Outcome: teardown.Stopped, Text: "the room is cleared", Wait: 1500 * time.Millisecond, Done: 1, Total: 2, Err: failure,
		}
		if diff := cmp.Diff(e, same(t, e), cmp.Comparer(sameFailure)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Wait has a precision of a nanosecond, also for waits that a float64 cannot hold.
func TestEvent_WaitJSON(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{
		0: "", 1: "0.000000001", 1500 * time.Millisecond: "1.5", 10 * time.Minute: "600", -time.Second: "-1",
		1<<53 + 1: "9007199.254740993", math.MaxInt64: "9223372036.854775807", math.MinInt64: "-9223372036.854775808",
		3*time.Second + 333_333_333: "3.333333333",
	} {
		text, err := json.Marshal(teardown.Event{Wait: wait})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Wait json.Number `json:"wait_seconds"`
		}
		if err := json.Unmarshal(text, &got); err != nil || got.Wait.String() != want {
			t.Errorf("%v: got %s, %v, want %s", wait, got.Wait, err, want)
		}
		if again := same(t, teardown.Event{Wait: wait}); again.Wait != wait {
			t.Errorf("got %v, want %v", again.Wait, wait)
		}
	}
	for text, want := range map[string]time.Duration{
		"1.5": 1500 * time.Millisecond, "1.5e0": 1500 * time.Millisecond, "2E3": 2000 * time.Second, "-1e-9": -1, "null": 0,
		"0.0000000019": 1, "1e-999999999": 0,
	} {
		var e teardown.Event
		if err := json.Unmarshal([]byte(`{"wait_seconds":`+text+`}`), &e); err != nil || e.Wait != want {
			t.Errorf("%s: got %v, %v, want %v", text, e.Wait, err, want)
		}
	}
	for _, text := range []string{`"1"`, "1e300", "1e999999999", "9300000000", "{}", "[]", "true"} {
		e := teardown.Event{Wait: 1}
		if err := json.Unmarshal([]byte(`{"wait_seconds":`+text+`}`), &e); err == nil || e.Wait != 1 {
			t.Errorf("%s: got %v, %v", text, e.Wait, err)
		}
	}
}

func TestUnmarshalJSON_Invalid(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`[]`, `{"steps":1}`, `{"errors":{}}`} {
		var r teardown.Report
		if err := json.Unmarshal([]byte(text), &r); err == nil {
			t.Errorf("report %s: got no error", text)
		}
	}
	var s teardown.StepReport
	if err := json.Unmarshal([]byte(`{"state":1}`), &s); err == nil {
		t.Error("an invalid step was read")
	}
	var e teardown.Event
	if err := json.Unmarshal([]byte(`{"wait_seconds":"1"}`), &e); err == nil {
		t.Error("an invalid event was read")
	}
	// Other programs may write null, or no text.
	for text, want := range map[string]string{
		`{"error":null,"errors":[null]}`:                        "<nil>",
		`{"error":"","errors":[null]}`:                          "",
		`{"errors":[{"code":"conflict"}]}`:                      "conflict",
		`{"errors":[{"code":"conflict"},{"code":"not_found"}]}`: "conflict\nnot_found",
	} {
		if err := json.Unmarshal([]byte(text), &e); err != nil || fmt.Sprint(e.Err) != want {
			t.Errorf("%s: got %v, %v", text, e.Err, err)
		}
	}
}

func TestOutcome_IsTerminal(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[teardown.Outcome]bool{
		teardown.Deleted: true, teardown.NotFound: true,
		teardown.Pending: false, teardown.Blocked: false, teardown.Stopped: false, teardown.Unknown: false, "": false,
	} {
		if got := outcome.IsTerminal(); got != want {
			t.Errorf("%q: got %t", outcome, got)
		}
	}
}

func TestPlan_Digest(t *testing.T) {
	t.Parallel()
	first := teardown.Seal(full())
	for name, test := range map[string]struct {
		change func(*teardown.Plan)
		same   bool
	}{
		"made later":          {func(p *teardown.Plan) { p.CreatedAt = p.CreatedAt.Add(time.Hour); p.SealAs() }, true},
		"read elsewhere":      {func(p *teardown.Plan) { p.Steps[0].Ref = json.RawMessage(`{"page":2}`) }, true},
		"by another request":  {func(p *teardown.Plan) { p.DeletionError.RequestID = "r-2" }, true},
		"one step more":       {func(p *teardown.Plan) { p.Steps = append(p.Steps, stepsOf("z")...) }, false},
		"another name":        {func(p *teardown.Plan) { p.Steps[0].Name = "other" }, false},
		"another override":    {func(p *teardown.Plan) { p.Requires = nil }, false},
		"one user more":       {func(p *teardown.Plan) { p.Cascades[0].Count++ }, false},
		"of another instance": {func(p *teardown.Plan) { p.Instance = "https://moon.invalid" }, false},
		"blocked by more":     {func(p *teardown.Plan) { p.DeletionError.Steps = nil }, false},
	} {
		p := teardown.Seal(full())
		e := *p.DeletionError
		p.DeletionError = &e
		test.change(p)
		if got := p.Digest() == first.Digest(); got != test.same {
			t.Errorf("%s: got the same digest: %t", name, got)
		}
	}
	if first.Steps[0].Ref != nil || first.DeletionError.RequestID != "r-1" || len(first.Digest()) != 64 {
		t.Errorf("the plan was changed: %+v", first)
	}
}

// The order in which the provider lists the items of a cascade counts neither for the digest nor for
// the fingerprint, and the plan shows them in that order.
func TestPlan_DigestOfAnyOrder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"zoe", "zo\xeb"} {
		plan := func(reverse bool) *teardown.Plan {
			p := full()
			p.Cascades[0] = teardown.Cascade{Kind: "users", Count: 3, Names: []string{name, "ada", "bob"}, IDs: []string{"3", "1", "2"}}
			if reverse {
				slices.Reverse(p.Cascades[0].Names)
				slices.Reverse(p.Cascades[0].IDs)
			}
			p.SealAs()
			return p
		}
		a, b := plan(false), plan(true)
		if a.Digest() != b.Digest() || a.Fingerprint != b.Fingerprint || len(a.Diff(b)) > 0 {
			t.Errorf("%q: the order changes the plan: %v", name, a.Diff(b))
		}
		if diff := cmp.Diff([]string{"bob", "ada", name}, b.Cascades[0].Names); diff != "" || b.Cascades[0].IDs[0] != "2" {
			t.Errorf("the plan was changed (-want +got):\n%s", diff)
		}
		b.Cascades[0].Names[0] = "eve"
		if a.Digest() == b.Digest() {
			t.Errorf("%q: a plan with other names has the same digest", name)
		}
	}
}

// Further cascades of a kind are compared with their counterparts.
func TestDiff_CascadesOfOneKind(t *testing.T) {
	t.Parallel()
	of := func(counts ...int) *teardown.Plan {
		p := &teardown.Plan{}
		for _, n := range counts {
			p.Cascades = append(p.Cascades, teardown.Cascade{Kind: "apps", Count: n}, teardown.Cascade{Kind: "users", Count: n})
		}
		return p
	}
	for _, test := range []struct {
		before, now []int
		want        int // differences
	}{
		{[]int{9, 1}, []int{9, 1}, 0},
		{[]int{9, 1}, []int{9, 2}, 2},
		{[]int{9, 1}, []int{8, 1}, 0},
		{[]int{1, 9}, []int{2, 9}, 2},
		{[]int{9}, []int{9, 9}, 2},
		{[]int{9, 9}, []int{9}, 0},
	} {
		if diff := of(test.before...).Diff(of(test.now...)); len(diff) != test.want {
			t.Errorf("%v, %v: got %v, want %d", test.before, test.now, diff, test.want)
		}
	}
}

// setTexts changes one string of a value at a time, and calls check with the path of the string.
func setTexts(v reflect.Value, path string, set func(string) string, check func(path string)) {
	switch v.Kind() {
	case reflect.String:
		before := v.String()
		v.SetString(set(before))
		check(path)
		v.SetString(before)
	case reflect.Pointer:
		setTexts(v.Elem(), path, set, check)
	case reflect.Slice:
		for i := range v.Len() {
			if v.Type() != reflect.TypeFor[json.RawMessage]() {
				setTexts(v.Index(i), fmt.Sprintf("%s[%d]", path, i), set, check)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				setTexts(v.Field(i), path+"."+f.Name, set, check)
			}
		}
	}
}

// JSON replaces bytes that are not UTF-8. Two plans that differ in such bytes must differ in
// their digests, and no plan can be stored that has another digest when it is read.
func TestPlan_InvalidUTF8(t *testing.T) {
	t.Parallel()
	p := full()
	p.Steps[1].Organization = &teardown.Organization{ID: "org_2", Name: "Child"}
	p.Cascades = append(p.Cascades, cascadeOf("a", "b"), teardown.Cascade{Kind: "apps", Count: 10_001, Digest: "00"})
	teardown.Seal(p)
	ignored := []string{".Fingerprint", ".DeletionError.RequestID"}
	seen := map[string]string{p.Digest(): "the plan"}
	for _, suffix := range []string{"\xff", "\xfe", "\ufffd", "\ufffd\ufffd", `\xff`} {
		setTexts(reflect.ValueOf(p), "", func(s string) string { return s + suffix }, func(path string) {
			name := fmt.Sprintf("%s with %q", path, suffix)
			valid := utf8.ValidString(suffix)
			if !slices.Contains(ignored, path) {
				if same := seen[p.Digest()]; same != "" {
					t.Errorf("%s has the digest of %s", name, same)
				}
				seen[p.Digest()] = name
			}
			text, err := json.Marshal(p)
			if (err == nil) != valid {
				t.Errorf("%s: got the JSON form %s, %v", name, text, err)
			}
			if err != nil {
				return
			}
			got, err := teardown.ReadPlan(bytes.NewReader(text))
			if err != nil || got.Digest() != p.Digest() {
				t.Errorf("%s has another digest when it is read: %v", name, err)
			}
		})
	}
	// The cause of an error has no field for its text.
	causes := map[string]bool{}
	for _, cause := range []string{"\xff", "\xfe", "\ufffd"} {
		p.DeletionError.Err = errors.New(cause)
		causes[p.Digest()] = true
	}
	if len(causes) != 3 {
		t.Errorf("three causes have %d digests", len(causes))
	}
}

// NewPlan returns only plans that JSON keeps.
func TestNewPlan_InvalidUTF8(t *testing.T) {
	t.Parallel()
	w := &fakeBlocking{steps: stepsOf("a", "b\xff")}
	if p, err := teardown.NewPlan(t.Context(), teardown.FromBlocking(w), acme); p != nil || !errors.Is(err, errors.Internal) || !strings.Contains(err.Error(), `b\xff`) {
		t.Errorf("got %v, %v", p, err)
	}
	// The text of an error may have any bytes; its JSON form replaces them.
	w = &fakeBlocking{steps: stepsOf("a"), deletionError: &errors.Error{
		Code: errors.DeletionStepsNotSatisfied, Message: "\xff", RequestID: "r\xfe", Err: errors.New("\xff"),
	}}
	p, err := teardown.NewPlan(t.Context(), teardown.FromBlocking(w), acme)
	if err != nil {
		t.Fatal(err)
	}
	if e := p.DeletionError; e.Message != "\ufffd" || e.RequestID != "r\ufffd" || e.Err.Error() != "\ufffd" || w.deletionError.Message != "\xff" {
		t.Errorf("got %+v", e)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := teardown.ReadPlan(bytes.NewReader(text))
	if err != nil || got.Digest() != p.Digest() {
		t.Errorf("got %v, and another digest", err)
	}
	if r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), got, teardown.WithConfirm("Acme")); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

// Diff compares the contents of a stored plan and of a new one.
func TestPlan_Diff(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*teardown.Plan)
		want   []string
	}{
		"nothing":              {func(*teardown.Plan) {}, nil},
		"less":                 {func(p *teardown.Plan) { p.Steps, p.Cascades, p.Requires = p.Steps[:1], nil, nil }, nil},
		"a new step":           {func(p *teardown.Plan) { p.Steps = append(p.Steps, stepsOf("z")...) }, []string{"z is new"}},
		"another kind":         {func(p *teardown.Plan) { p.Steps[0].Kind = "disk" }, []string{`vm/1 is now of kind "disk"`}},
		"another name":         {func(p *teardown.Plan) { p.Steps[0].Name = "x" }, []string{`vm/1 is now called "x"`}},
		"an override":          {func(p *teardown.Plan) { p.Steps[0].Requires = []teardown.Override{"x"} }, []string{"vm/1 now requires the override x"}},
		"a second override":    {func(p *teardown.Plan) { p.Steps[1].Requires = append(p.Steps[1].Requires, "x") }, []string{"disk/1 now requires the override x"}},
		"an own override":      {func(p *teardown.Plan) { p.Requires = append(p.Requires, "x") }, []string{"organization now requires the override x"}},
		"another ID":           {func(p *teardown.Plan) { p.Organization.ID = "org_2" }, []string{`organization has the ID "org_2"`}},
		"another organization": {func(p *teardown.Plan) { p.Organization.Name = "x" }, []string{`organization is now called "x"`}},
		"another instance":     {func(p *teardown.Plan) { p.Instance = "x" }, []string{`provider is fake at "x"`}},
		"another child":        {func(p *teardown.Plan) { p.Steps[2].Organization = &teardown.Organization{ID: "org_3"} }, []string{`invoice/7 now deletes the organization "org_3"`}},
		"a child":              {func(p *teardown.Plan) { p.Steps[0].Organization = &teardown.Organization{ID: "org_3"} }, []string{`vm/1 now deletes the organization "org_3"`}},
		"manual before":        {func(p *teardown.Plan) { p.Steps[2].Manual = false }, []string{"invoice/7 was manual, and can be applied now"}},
		"manual now":           {func(p *teardown.Plan) { p.Steps[0].Manual = true }, nil},
		"more users":           {func(p *teardown.Plan) { p.Cascades[0].Count = 4 }, []string{"users are 4 now, and were 3"}},
		"users of a child":     {func(p *teardown.Plan) { p.Cascades = append(p.Cascades, teardown.Cascade{Kind: "users", Count: 1}) }, []string{"users are 1 now, and were 0"}},
	} {
		now := full()
		test.change(now)
		var got []string
		before := full()
		before.Steps[2].Organization = &teardown.Organization{ID: "org_2"}
		for _, d := range before.Diff(now) {
			got = append(got, d.String())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if full().Diff(nil) != nil || len((*teardown.Plan)(nil).Diff(full())) != 7 {
		t.Errorf("got %v and %v", full().Diff(nil), (*teardown.Plan)(nil).Diff(full()))
	}
}

// edited is a driver that changes the plans of another one.
type edited struct {
	*fakeDriver
	edit func(*teardown.Plan)
}

func (d edited) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	p, err := d.fakeDriver.Inspect(ctx, o, before)
	if err == nil {
		d.edit(p)
	}
	return p, err
}

func TestNewPlan_InvalidArguments(t *testing.T) {
	t.Parallel()
	w := &fakeBlocking{steps: stepsOf("a")}
	var typedNil *fakeBlocking
	if _, err := teardown.NewPlan(t.Context(), nil, acme); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("no driver: got %v", err)
	}
	if _, err := teardown.NewPlan(t.Context(), teardown.FromBlocking(typedNil), acme); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("a nil driver: got %v", err)
	}
	if _, err := teardown.NewPlan(none, teardown.FromBlocking(w), acme); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("no context: got %v", err)
	}
	for name, edit := range map[string]func(*teardown.Plan){
		"another provider": func(p *teardown.Plan) { p.Provider = "other" },
		"another instance": func(p *teardown.Plan) { p.Instance = "https://other.invalid" },
		"duplicates":       func(p *teardown.Plan) { p.Steps = stepsOf("a", "a") },
		"no ID":            func(p *teardown.Plan) { p.Steps = stepsOf("") },
		"wrong order":      func(p *teardown.Plan) { p.Steps = stepsOf("a<b", "b") },
	} {
		if p, err := teardown.NewPlan(t.Context(), edited{newFakeDriver(t, "a"), edit}, acme); p != nil || codeOf(err) != errors.DriverFailed {
			t.Errorf("%s: got %v, %v", name, p, err)
		}
	}
	empty := edited{newFakeDriver(t), func(p *teardown.Plan) { *p = teardown.Plan{} }}
	p, err := teardown.NewPlan(t.Context(), empty, acme)
	if name, instance := empty.Provider(); err != nil || p.Provider != name || p.Instance != instance || p.Organization != acme {
		t.Errorf("an empty plan: got %+v, %v", p, err)
	}
	if _, err := teardown.NewPlan(t.Context(), teardown.FromBlocking(planless{w}), acme); !errors.Is(err, errors.Internal) {
		t.Errorf("no plan: got %v", err)
	}
}
