package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/client_golang/prometheus"

	offboard "github.com/offboard-dev/offboard-go/errors"
)

// The example serves and prints the metrics, and ends.
func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out, ""); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"atlas: deleted\n", "katapult: deleted\n", "not applied: ",
		`offboard_teardowns_total{offboard_outcome="deleted",offboard_provider="atlas"} 1`,
		`offboard_teardowns_total{offboard_code="not_confirmed",offboard_outcome="not_applied",offboard_provider="atlas"} 1`,
		`offboard_client_wait_duration_seconds_count{offboard_operation="DeleteFlexCluster",offboard_provider="atlas",offboard_reason="retry"} 1`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	for _, id := range []string{atlasID, projectID, katapultID, "shop"} {
		if i := strings.Index(out.String(), "offboard_"); strings.Contains(out.String()[i:], id) {
			t.Errorf("the metrics contain %q", id)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// With an address, the example stays until it is interrupted.
func TestRun_Serve(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- run(ctx, new(bytes.Buffer), address) }()
	deadline := time.Now().Add(time.Minute)
	for {
		resp, err := http.Get("http://" + address + "/metrics")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the metrics are not served: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// series are the exported series: their names, each with its labels.
type series map[string]map[string]bool

// exported returns the series after the teardowns.
func exported(t *testing.T) series {
	t.Helper()
	registry, telemetry, err := export()
	if err != nil {
		t.Fatal(err)
	}
	if err := teardowns(t.Context(), new(bytes.Buffer), telemetry); err != nil {
		t.Fatal(err)
	}
	families, err := prometheus.Gatherer(registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := series{}
	for _, f := range families {
		labels := map[string]bool{}
		names := []string{f.GetName()}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = true
			}
			if m.GetHistogram() != nil {
				labels["le"] = true
				names = []string{f.GetName() + "_bucket", f.GetName() + "_sum", f.GetName() + "_count"}
			}
		}
		for _, name := range names {
			all[name] = labels
		}
	}
	return all
}

// check returns an error if a query uses a series or a label that is not exported.
func (s series) check(query string) error {
	query = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$provider", ".*").Replace(query)
	parsed, err := metricsql.Parse(query)
	if err != nil {
		return err
	}
	var wrong []string
	labels := map[string]bool{}
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		m, ok := e.(*metricsql.MetricExpr)
		if !ok {
			return
		}
		for _, filters := range m.LabelFilterss {
			name := filters[0].Value
			if filters[0].Label != "__name__" || s[name] == nil {
				wrong = append(wrong, "unknown series "+name)
			}
			for label := range s[name] {
				labels[label] = true
			}
			for _, f := range filters[1:] {
				if !s[name][f.Label] {
					wrong = append(wrong, name+" lacks the label "+f.Label)
				}
			}
		}
	})
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		if a, ok := e.(*metricsql.AggrFuncExpr); ok {
			for _, label := range a.Modifier.Args {
				if !labels[label] {
					wrong = append(wrong, "unknown label "+label)
				}
			}
		}
	})
	if len(wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(wrong, "; "))
	}
	return nil
}

// dashboard is the part of a dashboard of Grafana with its queries.
type dashboard struct {
	Panels []struct {
		ID      int
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct {
			Name  string
			Query any
		}
	}
}

// Each query of the dashboard and of the documentation uses exported series and labels, and each
// metric is in the dashboard.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	all := exported(t)
	legend := regexp.MustCompile(`\{\{(\w+)\}\}`)
	used := map[string]bool{}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q is incomplete", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			if err := all.check(target.Expr); err != nil {
				t.Errorf("%s: %s: %v", p.Title, target.Expr, err)
			}
			for _, m := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
				if !strings.Contains(target.Expr, m[1]) {
					t.Errorf("%s: the legend has %s, and the query does not", p.Title, m[1])
				}
			}
			for name := range all {
				if strings.Contains(target.Expr, name+"{") {
					used[strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum")] = true
				}
			}
		}
	}
	for name := range all {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if strings.HasPrefix(name, "offboard_") && !used[base] {
			t.Errorf("no panel shows %s", base)
		}
	}
	if len(d.Panels) < 10 || len(d.Templating.List) != 2 {
		t.Errorf("got %d panels and %d variables", len(d.Panels), len(d.Templating.List))
	}
	page, err := os.ReadFile("../../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := alerts(t)
	for name, query := range rules {
		if err := all.check(query); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("the page lacks the alert %s", name)
		}
	}
	if len(rules) < 5 {
		t.Errorf("got %d alerts", len(rules))
	}
	for _, m := range regexp.MustCompile("`(offboard_[a-z_]+)`").FindAllStringSubmatch(string(page), -1) {
		if all[m[1]] == nil && all[m[1]+"_bucket"] == nil && !all["offboard_client_operations_total"][m[1]] {
			t.Errorf("the page names %s, which is not exported", m[1])
		}
	}
}

// alerts returns the queries of alerts.yml by the names of the alerts.
func alerts(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]string{}
	for _, rule := range strings.Split(string(text), "- alert: ")[1:] {
		name, rest, _ := strings.Cut(rule, "\n")
		_, rest, _ = strings.Cut(rest, "expr: |\n")
		query, _, found := strings.Cut(rest, "annotations:")
		if !found {
			t.Fatalf("%s lacks a query or annotations", name)
		}
		rules[name] = query
	}
	return rules
}

// A query for codes has all codes of one category, and each query for an increase includes the series
// that started within its range.
func TestAlerts_Complete(t *testing.T) {
	t.Parallel()
	queries := alerts(t)
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			queries[p.Title+": "+target.Expr] = target.Expr
		}
	}
	codes, ranges := 0, 0
	for name, query := range queries {
		for _, m := range regexp.MustCompile(`offboard_code=~?"([^"]*)"`).FindAllStringSubmatch(query, -1) {
			codes++
			got := strings.Split(m[1], "|")
			want := []string{}
			for _, code := range offboard.Codes() {
				if code.Category() == offboard.Code(got[0]).Category() {
					want = append(want, string(code))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: got the codes %q, want %q", name, got, want)
			}
		}
		for _, m := range regexp.MustCompile(`increase\(([^\[]+)\[(\w+|\$__range)\]\)`).FindAllStringSubmatch(query, -1) {
			ranges++
			want := fmt.Sprintf("(max_over_time(%s[%s]) unless %s offset %s) or %s", m[1], m[2], m[1], m[2], m[0])
			if !strings.Contains(strings.Join(strings.Fields(query), " "), want) {
				t.Errorf("%s: the query lacks the series that started within the range: want %s", name, want)
			}
		}
	}
	if codes < 7 || ranges < 7 {
		t.Errorf("got %d filters of codes and %d increases", codes, ranges)
	}
}

// A query with an unknown series, or with an unknown label, is an error.
func TestSeries_Check(t *testing.T) {
	t.Parallel()
	all := series{"a_total": {"x": true}}
	var refused []string
	for _, query := range []string{
		`rate(a_total{x="1"}[5m])`, `sum by (x) (a_total)`, `b_total`, `a_total{y="1"}`, `sum by (y) (a_total)`, `a_total{`,
	} {
		if all.check(query) != nil {
			refused = append(refused, query)
		}
	}
	if want := []string{`b_total`, `a_total{y="1"}`, `sum by (y) (a_total)`, `a_total{`}; !slices.Equal(refused, want) {
		t.Errorf("got %q, want %q", refused, want)
	}
}
