package estimate

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/teardown"
)

// plan returns a plan with steps of kinds, each after the one before if chained.
func plan(provider string, chained bool, kinds ...string) *teardown.Plan {
	p := &teardown.Plan{Provider: provider}
	for i, kind := range kinds {
		s := teardown.Step{ID: fmt.Sprint(i), Kind: kind}
		if chained && i > 0 {
			s.After = []string{fmt.Sprint(i - 1)}
		}
		p.Steps = append(p.Steps, s)
	}
	return p
}

func repeated(n int, kinds ...string) (all []string) {
	for range n {
		all = append(all, kinds...)
	}
	return all
}

// BENCHMARKS.md has the measured numbers.
func TestOf_Benchmarks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plan     *teardown.Plan
		measured int
	}{
		"Katapult, 256 machines, each with a disk": {plan("katapult", false, repeated(256, "virtual_machine", "disk")...), 2103},
		"Atlas, 256 clusters in one project":       {plan("atlas", false, append(repeated(256, "cluster"), "project")...), 813},
		"Atlas, 256 projects of one cluster":       {plan("atlas", false, repeated(256, "cluster", "project")...), 3363},
		"F5, 64 namespaces":                        {plan("volterra", false, repeated(64, "namespace")...), 227},
		"F5, 64 child tenants":                     {plan("volterra", false, repeated(64, "child_tenant")...), 272},
		"Zitadel, one user":                        {plan("zitadel", false), 38},
		"Applivery":                                {plan("workspace", false), 8},
	} {
		got := Of(test.plan).Requests
		if ratio := float64(test.measured) / float64(got); ratio > Factor || ratio < 1/Factor {
			t.Errorf("%s: estimate of %d requests, %d were measured", name, got, test.measured)
		}
	}
}

func TestOf_Duration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plan              *teardown.Plan
		limited, removals time.Duration
		unknown           []string
	}{
		"within a clock minute":  {plan("katapult", false, "load_balancer"), 0, 0, nil},
		"three clock minutes":    {plan("katapult", false, repeated(512, "load_balancer")...), 2 * time.Minute, 0, nil},
		"a chain":                {plan("volterra", true, "namespace", "child_tenant"), 0, 80 * time.Second, nil},
		"at the same time":       {plan("volterra", false, "namespace", "child_tenant"), 0, time.Minute, nil},
		"deletions of clusters":  {plan("atlas", false, repeated(20, "cluster")...), 2 * time.Minute, time.Minute, nil},
		"a kind without a time":  {plan("katapult", false, "virtual_machine", "disk"), 0, 0, []string{"disk", "virtual_machine"}},
		"an unknown provider":    {plan("other", false, "disk"), 0, 0, []string{"disk"}},
		"an operation's own one": {plan("volterra", false, repeated(120, "namespace")...), time.Minute, 20 * time.Second, nil},
	} {
		e := Of(test.plan)
		if e.Limited != test.limited || e.Removals != test.removals || !cmp.Equal(e.Unknown, test.unknown) || e.Duration != max(e.Limited, e.Removals) {
			t.Errorf("%s: got %+v", name, e)
		}
	}
}

// Organizations of a provider share its rate limit, except at F5.
func TestTotals_SharedLimit(t *testing.T) {
	t.Parallel()
	f := &planfile.File{Organizations: []planfile.Planned{
		{Plan: plan("katapult", false, repeated(200, "load_balancer")...)}, {Plan: plan("volterra", false, repeated(60, "namespace")...)},
		{}, {Plan: plan("katapult", false, repeated(200, "load_balancer")...)}, {Plan: plan("volterra", false, repeated(60, "namespace")...)},
	}}
	totals := Totals(f)
	if len(totals) != 2 || totals[0].Limited != time.Minute || totals[0].Steps != 400 || totals[0].Organizations != 2 ||
		totals[1].Limited != 0 || totals[1].Requests != 2*Of(f.Organizations[1].Plan).Requests {
		t.Errorf("got %+v", totals)
	}
}

// All providers are in the table, with sources that exist.
func TestTable_Sources(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All {
		c, ok := table[p.Name]
		if !ok || c.limit == "" || len(c.sources) == 0 {
			t.Errorf("%s: facts or sources are missing", p.Name)
		}
		for _, source := range c.sources {
			file, _, _ := strings.Cut(strings.ReplaceAll(source, ":", ","), ",")
			if _, err := os.Stat("../../../../" + file); err != nil {
				t.Error(err)
			}
		}
	}
	if len(table) != len(providers.All) {
		t.Errorf("got %d providers, want %d", len(table), len(providers.All))
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "seconds or more", 20 * time.Second: "at least 20 seconds", 2 * time.Minute: "at least 2 minutes",
		89*time.Minute + 30*time.Second: "at least 90 minutes", 3 * time.Hour: "at least 3.0 hours",
	} {
		if got := Text(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}
