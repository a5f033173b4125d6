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

// loss returns a loss of the items of these IDs.
func loss(ids ...string) teardown.Loss {
	l := teardown.Loss{Kind: "apps", Count: len(ids)}
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
	unread := teardown.Loss{Kind: "apps", Note: "how many is not known: permission_denied"}
	counted := func(n int) teardown.Loss { return teardown.Loss{Kind: "apps", Count: n} }
	for name, test := range map[string]struct {
		planned []teardown.Loss
		now     teardown.Loss
		stale   bool
	}{
		"the same":                        {[]teardown.Loss{loss("a", "b")}, loss("b", "a"), false},
		"fewer":                           {[]teardown.Loss{loss("a", "b")}, loss("b"), false},
		"more":                            {[]teardown.Loss{loss("a")}, loss("a", "b"), true},
		"as many others":                  {[]teardown.Loss{loss("a", "b")}, loss("a", "c"), true},
		"fewer others":                    {[]teardown.Loss{loss("a", "b")}, loss("c"), true},
		"of a plan that is not sorted":    {[]teardown.Loss{{Kind: "apps", Count: 2, IDs: []string{"b", "a"}}}, loss("a", "b"), false},
		"new":                             {nil, loss("a"), true},
		"of another kind":                 {[]teardown.Loss{{Kind: "users", Count: 9}}, loss("a"), true},
		"readable now":                    {[]teardown.Loss{unread}, loss("a"), true},
		"unreadable now":                  {[]teardown.Loss{loss("a")}, unread, true},
		"unreadable now, none before":     {nil, unread, true},
		"never readable":                  {[]teardown.Loss{unread}, unread, false},
		"many":                            {[]teardown.Loss{loss(many...)}, loss(backwards...), false},
		"many, and one less":              {[]teardown.Loss{loss(many...)}, loss(many[1:]...), true},
		"many, and one is another":        {[]teardown.Loss{loss(many...)}, loss(append(many[1:], "x")...), true},
		"counted by a plan without IDs":   {[]teardown.Loss{counted(2)}, loss("a", "b"), false},
		"counted, and more":               {[]teardown.Loss{counted(2)}, counted(3), true},
		"counted, and fewer":              {[]teardown.Loss{counted(2)}, counted(1), false},
		"identified before, and not now":  {[]teardown.Loss{loss("a")}, counted(1), true},
		"many before, and not identified": {[]teardown.Loss{loss(many...)}, counted(1), true},
	} {
		err := cascade.Compare("world", "org_1", test.now, &teardown.Plan{Losses: test.planned})
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
	for _, l := range []teardown.Loss{loss("a", "b"), {Kind: "apps", Count: 2}} {
		text, err := json.Marshal((&teardown.Plan{Provider: "world", Losses: []teardown.Loss{l}}).Seal())
		if err != nil {
			t.Fatal(err)
		}
		p, err := teardown.ReadPlan(bytes.NewReader(text))
		if err != nil || !slices.Equal(p.Losses[0].IDs, l.IDs) {
			t.Errorf("got %+v and %v", p, err)
		}
	}
}
