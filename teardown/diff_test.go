package teardown_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/offboard-dev/offboard-go/teardown"
)

// cascadeOf returns a cascade of the items of these IDs.
func cascadeOf(ids ...string) teardown.Cascade {
	l := teardown.Cascade{Kind: "apps", Count: len(ids)}
	l.Identify(ids)
	return l
}

func TestDiff_Cascades(t *testing.T) {
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
		diff := (&teardown.Plan{Cascades: test.planned}).Diff(&teardown.Plan{Cascades: []teardown.Cascade{test.now}})
		if (len(diff) > 0) != test.stale {
			t.Errorf("%s: got %v, want stale %t", name, diff, test.stale)
		}
	}
}
