package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// act is one organization of the demonstration at the double of its provider.
type act struct {
	provider, name string
	organization   organization
	server         *offboardtest.Server
	deletion       string        // the operation's name at the double
	clear          func() string // removes the obstacle, and says how
	gone           func() bool   // what really happened
	truth          string        // when it is gone
	mishaps        []offboardtest.Fault
}

// demonstrate is the main job: five organizations are refused, cleared and then
// deleted under mishaps, at five doubles in memory.
func demonstrate(ctx context.Context, out io.Writer) error {
	view := newPlayView(out)
	acts, err := cast(view)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Five organizations at five providers. Doubles in memory play the providers: no")
	fmt.Fprintln(out, "account is needed, and no network is used.")

	fmt.Fprintln(out, "\n1. Each is asked to be deleted, and refused for its provider's own reason:")
	if err := refusedActs(ctx, out, acts); err != nil {
		return err
	}
	fmt.Fprintln(out, "\n2. What stands in the way is cleared:")
	for _, s := range acts {
		fmt.Fprintf(out, "   %-9s  %s\n", s.provider, s.clear())
	}
	fmt.Fprintln(out, "\n3. Each is deleted, while things go wrong: a 429 with a wait, a page of 503, an")
	fmt.Fprintln(out, "   answer that is lost after the work was done.")
	verdicts := view.delete(ctx, acts)

	fmt.Fprintln(out, "\n4. The verdicts, beside what really happened at the doubles:")
	return compareActs(out, acts, verdicts)
}

// refused shows why each organization cannot be deleted.
func refusedActs(ctx context.Context, out io.Writer, acts []*act) error {
	t := newGrid(out, "provider", "organization", "code", "what stands in the way")
	for _, s := range acts {
		err := s.organization.Delete(ctx)
		e, ok := errors.AsType[*errors.Error](err)
		if !ok {
			return fmt.Errorf("%s: the deletion of %s was not refused: %v", s.provider, s.name, err)
		}
		t.AppendRow(table.Row{s.provider, s.name, string(e.Code), actObstacles(ctx, s, e)})
	}
	t.Render()
	return nil
}

// actObstacles names what stands in the way, one to a line: as a check finds it,
// which may know more than the refusal.
func actObstacles(ctx context.Context, s *act, refusal *errors.Error) string {
	steps := refusal.Steps
	if check, ok := errors.AsType[*errors.Error](s.organization.Check(ctx)); ok && len(check.Steps) > 0 {
		steps = check.Steps
	}
	var lines []string
	for _, step := range steps {
		lines = append(lines, describe(step))
	}
	if len(lines) == 0 && refusal.Err != nil {
		lines = append(lines, refusal.Err.Error())
	}
	return strings.Join(lines, "\n")
}

// actVerdict is what the SDK says of a deletion.
type actVerdict struct {
	err      error
	attempts int // deletions that reached the double
	took     time.Duration
}

// report shows the verdicts, and fails when one is not what really happened.
func compareActs(out io.Writer, acts []*act, verdicts []actVerdict) error {
	t := newGrid(out, "provider", "organization", "verdict", "truth", "attempts", "time")
	var lies []string
	for i, s := range acts {
		v := verdicts[i]
		truth := "still there"
		if s.gone() {
			truth = s.truth
		}
		if s.gone() != (v.err == nil) {
			lies = append(lies, s.provider)
		}
		t.AppendRow(table.Row{s.provider, s.name, actOutcome(s, v.err), truth, v.attempts, v.took.Round(10 * time.Millisecond)})
	}
	t.Render()
	if len(lies) > 0 {
		return fmt.Errorf("the verdict is not what happened: %s", strings.Join(lies, ", "))
	}
	return nil
}

func newGrid(out io.Writer, columns ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Options.SeparateRows = true
	t.AppendHeader(table.Row(columns))
	return t
}

// overLimit is a refusal by a rate limit that asks for a wait.
func overLimit(operation string) offboardtest.Fault {
	fault := offboardtest.Answer(operation, http.StatusTooManyRequests, "{}")
	fault.Header.Set("Retry-After", "1")
	return fault
}

// mishaps is what befalls the deletions: each of them in its turn.
func mishaps(deletion string) []offboardtest.Fault {
	return []offboardtest.Fault{
		overLimit(deletion),
		offboardtest.Page(deletion, http.StatusServiceUnavailable),
		offboardtest.LoseAnswer(deletion),
	}
}

// cast sets up the organizations at their doubles.
func cast(v *view) ([]*act, error) {
	var acts []*act
	var failed error
	var once sync.Once
	add := func(s *act, err error) {
		if err != nil {
			once.Do(func() { failed = err })
		}
		acts = append(acts, s)
	}
	add(castKatapult(v))
	add(castZitadel(v))
	add(castAtlas(v))
	add(castApplivery(v))
	add(castF5(v))
	return acts, failed
}

func castKatapult(v *view) (*act, error) {
	const id = "org_Fh7dKq2"
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{
		ID: id, Name: "Acme Hosting", SubDomain: "acme-hosting",
		Open: []string{"virtual_machines", "disks", "empty_trash"},
	})
	c, err := katapult.New(srv.Option(), katapult.WithLogger(v.logger("katapult")))
	return &act{
		provider: "katapult", name: "Acme Hosting",
		organization: atKatapult{c, katapult.ID(id)}, server: srv.Server,
		deletion: "DeleteOrganization", mishaps: mishaps("DeleteOrganization"),
		clear: func() string { srv.SetOpen(id); return "machines and disks are deleted, the trash is emptied" },
		gone:  func() bool { return !srv.Exists(id) },
		truth: "gone",
	}, err
}

func castZitadel(v *view) (*act, error) {
	const id, other = "281763529917394947", "281763529917394948"
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: id, Name: "Acme Login"})
	srv.AddOrganization(zitadeltest.Organization{ID: other, Name: "Platform"})
	srv.SetDefault(id)
	c, err := zitadel.New(srv.Option(), zitadel.WithLogger(v.logger("zitadel")))
	return &act{
		provider: "zitadel", name: "Acme Login",
		organization: atZitadel{c, id}, server: srv.Server,
		deletion: "DeleteOrganization", mishaps: mishaps("DeleteOrganization"),
		clear: func() string { srv.SetDefault(other); return "another organization is made the default one" },
		gone:  func() bool { return !srv.Exists(id) },
		truth: "gone",
	}, err
}

func castAtlas(v *view) (*act, error) {
	const id = "5e2f00000000000000000001"
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme Data"})
	srv.AddProject(id, atlastest.Project{ID: "5e2f0000000000000000000a", Name: "shop", Clusters: 2})
	srv.AddProject(id, atlastest.Project{ID: "5e2f0000000000000000000b", Name: "staging"})
	c, err := atlas.New(srv.Option(), atlas.WithLogger(v.logger("atlas")))
	return &act{
		provider: "atlas", name: "Acme Data",
		organization: atAtlas{c, id}, server: srv.Server,
		deletion: "DeleteOrganization", mishaps: mishaps("DeleteOrganization"),
		clear: func() string { srv.RemoveProjects(id); return "the projects are deleted" },
		gone:  func() bool { return !srv.Exists(id) },
		truth: "gone",
	}, err
}

func castApplivery(v *view) (*act, error) {
	const id = "65f000000000000000000001"
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{
		ID: id, Slug: "acme-apps", Name: "Acme Apps",
		Subscriptions: []workspacetest.Subscription{{ID: "sub_1", Plan: "Enterprise", Status: "active"}},
	})
	c, err := workspace.New(srv.Option(), workspace.WithLogger(v.logger("workspace")))
	return &act{
		provider: "workspace", name: "Acme Apps",
		organization: atApplivery{c, "acme-apps"}, server: srv.Server,
		deletion: "DeleteOrganization", mishaps: mishaps("DeleteOrganization"),
		clear: func() string { srv.CancelSubscriptions(id); return "a person cancels the subscription" },
		gone:  func() bool { return !srv.Exists(id) },
		truth: "gone",
	}, err
}

// castF5 names the tenant wrongly at first. Its mishaps is another: a request for
// deletion is never repeated blindly, so the page of 503 befalls the read before
// it. That the answer was lost is found out by the tenant's state.
func castF5(v *view) (*act, error) {
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme-edge-kqzvxwbn", Domain: "acme-edge", KeepsCredential: true})
	c, err := volterra.New(srv.Option(), volterra.WithLogger(v.logger("volterra")))
	o := &atF5{c, volterra.DeleteTenantRequest{Name: "acme-edge", Email: "owner@example.com"}}
	return &act{
		provider: "volterra", name: "acme-edge",
		organization: o, server: srv.Server,
		deletion: "RequestTenantDeletion",
		mishaps: []offboardtest.Fault{
			overLimit("RequestTenantDeletion"),
			offboardtest.Page("GetTenantSettings", http.StatusServiceUnavailable),
			offboardtest.LoseAnswer("RequestTenantDeletion"),
		},
		clear: func() string {
			o.request.Name = "acme-edge-kqzvxwbn"
			return "the tenant is called by its name"
		},
		gone:  func() bool { return len(srv.Accepted()) == 1 },
		truth: "in the queue, once",
	}, err
}
