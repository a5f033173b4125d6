package cascade_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/cascade"
	"github.com/offboard-dev/offboard-go/teardown"
)

// cascadeOf returns a loss of the items of these IDs.
func cascadeOf(ids ...string) teardown.Cascade {
	l := teardown.Cascade{Kind: "apps", Count: len(ids)}
	cascade.Identify(&l, ids)
	return l
}

func TestCompare(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 10_001 {
		many = append(many, fmt.Sprint("id-", i))
	}
	backwards := slices.Clone(many)
	slices.Reverse(backwards)
	unread := teardown.Cascade{Kind: "apps", Note: "how many is not known: permission_denied"}
	counted := func(n int) teardown.Cascade { return teardown.Cascade{Kind: "apps", Count: n} }
	for name, test := range map[string]struct {
		planned []teardown.Cascade
		now     teardown.Cascade
		stale   bool
	}{
		"the same":                        {[]teardown.Cascade{cascadeOf("a", "b")}, cascadeOf("b", "a"), false},
		"fewer":                           {[]teardown.Cascade{cascadeOf("a", "b")}, cascadeOf("b"), false},
		"more":                            {[]teardown.Cascade{cascadeOf("a")}, cascadeOf("a", "b"), true},
		"as many others":                  {[]teardown.Cascade{cascadeOf("a", "b")}, cascadeOf("a", "c"), true},
		"fewer others":                    {[]teardown.Cascade{cascadeOf("a", "b")}, cascadeOf("c"), true},
		"of a plan that is not sorted":    {[]teardown.Cascade{{Kind: "apps", Count: 2, IDs: []string{"b", "a"}}}, cascadeOf("a", "b"), false},
		"new":                             {nil, cascadeOf("a"), true},
		"of another kind":                 {[]teardown.Cascade{{Kind: "users", Count: 9}}, cascadeOf("a"), true},
		"readable now":                    {[]teardown.Cascade{unread}, cascadeOf("a"), true},
		"unreadable now":                  {[]teardown.Cascade{cascadeOf("a")}, unread, true},
		"unreadable now, none before":     {nil, unread, true},
		"never readable":                  {[]teardown.Cascade{unread}, unread, false},
		"many":                            {[]teardown.Cascade{cascadeOf(many...)}, cascadeOf(backwards...), false},
		"many, and one less":              {[]teardown.Cascade{cascadeOf(many...)}, cascadeOf(many[1:]...), true},
		"many, and one is another":        {[]teardown.Cascade{cascadeOf(many...)}, cascadeOf(append(many[1:], "x")...), true},
		"counted by a plan without IDs":   {[]teardown.Cascade{counted(2)}, cascadeOf("a", "b"), false},
		"counted, and more":               {[]teardown.Cascade{counted(2)}, counted(3), true},
		"counted, and fewer":              {[]teardown.Cascade{counted(2)}, counted(1), false},
		"identified before, and not now":  {[]teardown.Cascade{cascadeOf("a")}, counted(1), true},
		"many before, and not identified": {[]teardown.Cascade{cascadeOf(many...)}, counted(1), true},
	} {
		err := cascade.Compare("world", "org_1", test.now, &teardown.Plan{Cascades: test.planned})
		if errors.Is(err, errors.PlanStale) != test.stale || !test.stale && err != nil {
			t.Errorf("%s: got %v, want stale %t", name, err, test.stale)
		}
		if err := cascade.Compare("world", "org_1", test.now, nil); err != nil {
			t.Errorf("%s, without a plan: got %v", name, err)
		}
	}
}

// A plan with IDs, and one without, can be read.
func TestIdentify_PlanFile(t *testing.T) {
	t.Parallel()
	for _, l := range []teardown.Cascade{cascadeOf("a", "b"), {Kind: "apps", Count: 2}} {
		text, err := json.Marshal((&teardown.Plan{Provider: "world", Cascades: []teardown.Cascade{l}}).Seal())
		if err != nil {
			t.Fatal(err)
		}
		p, err := teardown.ReadPlan(bytes.NewReader(text))
		if err != nil || !slices.Equal(p.Cascades[0].IDs, l.IDs) {
			t.Errorf("got %+v and %v", p, err)
		}
	}
}
