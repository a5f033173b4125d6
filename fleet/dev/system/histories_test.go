//go:build unix

package system

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

var update = flag.Bool("update", false, "write the histories that package fleet replays")

// canary is a text of the provider and of the manifest that no history must contain.
const canary = "canary7f3a"

// history returns the history of the last run of a workflow.
func (s *system) history(id string) *historypb.History {
	s.t.Helper()
	var h historypb.History
	events := s.client.GetWorkflowHistory(s.t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	return &h
}

// newAtlas serves a fake of Atlas with an organization that has a project and a cluster.
func newAtlas(t testing.TB) (*atlastest.Server, fleet.Entry) {
	t.Helper()
	const id = "5e2f00000000000000000001"
	srv := atlastest.NewServer()
	srv.SetDeletionTime(0)
	url := srv.Start()
	t.Cleanup(srv.Close)
	srv.AddOrganization(atlastest.Organization{ID: id, Name: canary + " organization"})
	srv.AddProject(id, atlastest.Project{ID: shop, Name: canary + " project"})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: canary + "-cluster"})
	return srv, fleet.Entry{Provider: "atlas", Organization: id, BaseURL: url}
}

const shop = "5e2f0000000000000000000a"

// TestHistories runs an organization to each kind of result. No history has a text of the provider or
// a credential. With -update, the histories are written for the replay tests of package fleet.
func TestHistories(t *testing.T) {
	s := newSystem(t, "sqlite")
	s.startWorker(s.server.Address())
	approve := func(id string, state fleet.State, people ...string) {
		t.Helper()
		for _, name := range people {
			a := fleet.Approval{By: name, Digest: state.Digest}
			if _, err := fleet.Approve(t.Context(), s.client, id, a); err != nil {
				t.Fatal(err)
			}
		}
	}
	start := func(e fleet.Entry, approvals int) string {
		t.Helper()
		m := fleet.Manifest{Organizations: []fleet.Entry{e}, Policy: fleet.Policy{Approvals: approvals}}
		return s.mustStart(m)[0]
	}
	expect := func(id string, outcome teardown.Outcome) {
		t.Helper()
		if r, err := s.result(id); err != nil || r.Outcome != outcome {
			t.Errorf("%s: got %+v, %v, want %s", id, r, err, outcome)
		}
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T) (id string)
	}{
		{"deleted", func(t *testing.T) string {
			srv := newKatapult(t, 0)
			srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: canary + " organization"})
			url, _ := srv.Endpoint()
			srv.Add("org_acme", katapulttest.VirtualMachine{ID: "vm_a", Name: canary + " machine"})
			for i := range 250 { // two chunks
				srv.Add("org_acme", katapulttest.DNSZone{ID: fmt.Sprintf("dnszone_%d", i), Name: fmt.Sprintf("%s%d.example", canary, i)})
			}
			id := start(fleet.Entry{Provider: "katapult", Organization: "org_acme", BaseURL: url}, 2)
			approve(id, s.waitFor(id, fleet.WaitingForApproval), "ada", "bob")
			expect(id, teardown.Deleted)
			return id
		}},
		{"pending", func(t *testing.T) string {
			srv := volterratest.NewServer()
			srv.SetTenant(volterratest.Tenant{Name: "acme", CompanyName: canary, KeepsCredential: true})
			url := srv.Start()
			t.Cleanup(srv.Close)
			srv.AddNamespace(volterratest.Namespace{Name: "web"})
			id := start(fleet.Entry{Provider: "volterra", Organization: "acme", BaseURL: url, Email: canary + "@example.com", Feedback: canary}, 1)
			approve(id, s.waitFor(id, fleet.WaitingForApproval), "ada")
			s.waitFor(id, fleet.WaitingForProvider)
			return id
		}},
		{"blocked", func(t *testing.T) string {
			srv, entry := newAtlas(t)
			refused := offboardtest.Respond("DeleteFlexCluster", http.StatusForbidden, `{"error":403,"errorCode":"`+canary+`","detail":"`+canary+`"}`)
			refused.Times = 100
			srv.Fail(refused)
			id := start(entry, 1)
			approve(id, s.waitFor(id, fleet.WaitingForApproval), "ada")
			expect(id, teardown.Blocked)
			return id
		}},
		{"denied", func(t *testing.T) string {
			_, entry := newAtlas(t)
			id := start(entry, 1)
			a := fleet.Approval{By: "ada", Digest: s.waitFor(id, fleet.WaitingForApproval).Digest}
			if _, err := fleet.Deny(t.Context(), s.client, id, a); err != nil {
				t.Fatal(err)
			}
			expect(id, teardown.Stopped)
			return id
		}},
		{"canceled", func(t *testing.T) string {
			srv := newKatapult(t, 10*time.Minute) // a machine that is removed for a long time
			entry := addOrganization(srv, "acme", 1, 1)
			id := start(entry, 1)
			approve(id, s.waitFor(id, fleet.WaitingForApproval), "ada")
			eventually(t, time.Minute, "the machine is stopped", func() bool { return srv.Count("StopVirtualMachine") > 0 })
			if err := fleet.Cancel(t.Context(), s.client, id); err != nil {
				t.Fatal(err)
			}
			if _, err := s.result(id); !temporal.IsCanceledError(err) {
				t.Errorf("got %v", err)
			}
			return id
		}},
		{"new_resource", func(t *testing.T) string {
			srv, entry := newAtlas(t)
			id := start(entry, 1)
			first := s.waitFor(id, fleet.WaitingForApproval)
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: "new"})
			approve(id, first, "ada")
			var second fleet.State
			eventually(t, time.Minute, "the new plan waits", func() bool {
				second = s.waitFor(id, fleet.WaitingForApproval)
				return second.Digest != first.Digest
			})
			approve(id, second, "ada")
			expect(id, teardown.Deleted)
			return id
		}},
		{"refused_credential", func(t *testing.T) string {
			srv, entry := newAtlas(t)
			refused := offboardtest.Respond("", http.StatusUnauthorized, `{"error":401,"errorCode":"`+canary+`","detail":"`+canary+`"}`)
			refused.Times = 100
			srv.Fail(refused)
			id := start(entry, 1)
			if _, err := s.result(id); err == nil {
				t.Error("a workflow without a plan did not fail")
			}
			state, err := fleet.Status(t.Context(), s.client, id)
			if err != nil || state.Status != "Failed" || state.Code != errors.Unauthenticated || state.Closed.IsZero() {
				t.Errorf("got %+v, %v", state, err)
			}
			return id
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func(parent *testing.T) { s.t = parent }(s.t)
			s.t = t
			id := test.run(t)
			h := s.history(id)
			text, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(h)
			if err != nil {
				t.Fatal(err)
			}
			checkCanary(t, h)
			if *update {
				writeHistory(t, test.name, text)
			}
			s.waitVisible(id)
		})
	}
	// The batches have the manifests only by reference.
	for id, err := range s.batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		checkCanary(t, s.history(id))
	}
}

// waitVisible waits until the list of workflows contains a workflow.
func (s *system) waitVisible(id string) {
	s.t.Helper()
	eventually(s.t, time.Minute, id+" is in the list", func() bool {
		for l, err := range fleet.List(s.t.Context(), s.client, fleet.Filter{}) {
			if err == nil && l.ID == id {
				return true
			}
		}
		return false
	})
}

// checkCanary checks that no payload, failure or attribute of a history contains a text of the
// provider, or a credential.
func checkCanary(t *testing.T, h *historypb.History) {
	t.Helper()
	if len(h.Events) == 0 {
		t.Error("the history is empty")
	}
	for _, e := range h.Events {
		text := fmt.Sprint(e) // with the payloads as text, unlike JSON
		for _, secret := range append(values(credentials), canary) {
			if strings.Contains(text, secret) {
				t.Errorf("event %d contains %q: %s", e.GetEventId(), secret, text)
			}
		}
	}
}

// values returns the values of a map.
func values(m map[string]string) []string {
	var all []string
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// writeHistory writes a history, compact, without the names of this machine.
func writeHistory(t *testing.T, name string, text []byte) {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	// The names of sticky task queues start with the name of the machine.
	text = bytes.ReplaceAll(text, []byte(`"`+host+`:`), []byte(`"worker:`))
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	if text, err = json.MarshalIndent(value, "", " "); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "testdata", "histories", name+".json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// batches yields the IDs of all batches.
func (s *system) batches(ctx context.Context) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		r, err := s.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: `WorkflowType = "offboard.Batch"`})
		if err != nil {
			yield("", err)
			return
		}
		for _, e := range r.Executions {
			if !yield(e.GetExecution().GetWorkflowId(), nil) {
				return
			}
		}
	}
}
