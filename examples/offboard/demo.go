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

// scene is one organization of the demonstration at the double of its provider.
type scene struct {
	provider, name string
	organization   organization
	server         *offboardtest.Server
	deletion       string        // the operation's name at the double
	clear          func() string // removes the obstacle, and says how
	gone           func() bool   // what really happened
	truth          string        // when it is gone
	trouble        []offboardtest.Fault
}

// demonstrate is the main job: five organizations are refused, cleared and then
// deleted under trouble, at five doubles in memory.
func demonstrate(ctx context.Context, out io.Writer) error {
	view := newView(out)
	scenes, err := stage(view)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Five organizations at five providers. Doubles in memory play the providers: no")
	fmt.Fprintln(out, "account is needed, and no network is used.")

	fmt.Fprintln(out, "\n1. Each is asked to be deleted, and refused for its provider's own reason:")
	if err := refused(ctx, out, scenes); err != nil {
		return err
	}
	fmt.Fprintln(out, "\n2. What stands in the way is cleared:")
	for _, s := range scenes {
		fmt.Fprintf(out, "   %-9s  %s\n", s.provider, s.clear())
	}
	fmt.Fprintln(out, "\n3. Each is deleted, while things go wrong: a 429 with a wait, a page of 503, an")
	fmt.Fprintln(out, "   answer that is lost after the work was done.")
	verdicts := view.delete(ctx, scenes)

	fmt.Fprintln(out, "\n4. The verdicts, beside what really happened at the doubles:")
	return report(out, scenes, verdicts)
}

// refused shows why each organization cannot be deleted.
func refused(ctx context.Context, out io.Writer, scenes []*scene) error {
	t := newTable(out, "provider", "organization", "code", "what stands in the way")
	for _, s := range scenes {
		err := s.organization.Delete(ctx)
		e, ok := errors.AsType[*errors.Error](err)
		if !ok {
			return fmt.Errorf("%s: the deletion of %s was not refused: %v", s.provider, s.name, err)
		}
		t.AppendRow(table.Row{s.provider, s.name, string(e.Code), obstacles(ctx, s, e)})
	}
	t.Render()
	return nil
}

// obstacles names what stands in the way, one to a line: as a check finds it,
// which may know more than the refusal.
func obstacles(ctx context.Context, s *scene, refusal *errors.Error) string {
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

// demoVerdict is what the SDK says of a deletion.
type demoVerdict struct {
	err      error
	attempts int // deletions that reached the double
	took     time.Duration
}

// report shows the verdicts, and fails when one is not what really happened.
func report(out io.Writer, scenes []*scene, verdicts []demoVerdict) error {
	t := newTable(out, "provider", "organization", "verdict", "truth", "attempts", "time")
	var lies []string
	for i, s := range scenes {
		v := verdicts[i]
		truth := "still there"
		if s.gone() {
			truth = s.truth
		}
		if s.gone() != (v.err == nil) {
			lies = append(lies, s.provider)
		}
		t.AppendRow(table.Row{s.provider, s.name, outcome(s, v.err), truth, v.attempts, v.took.Round(10 * time.Millisecond)})
	}
	t.Render()
	if len(lies) > 0 {
		return fmt.Errorf("the verdict is not what happened: %s", strings.Join(lies, ", "))
	}
	return nil
}

func newTable(out io.Writer, columns ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Options.SeparateRows = true
	t.AppendHeader(table.Row(columns))
	return t
}

// limited is a refusal by a rate limit that asks for a wait.
func limited(operation string) offboardtest.Fault {
	fault := offboardtest.Answer(operation, http.StatusTooManyRequests, "{}")
	fault.Header.Set("Retry-After", "1")
	return fault
}

// trouble is what befalls the deletions: each of them in its turn.
func trouble(deletion string) []offboardtest.Fault {
	return []offboardtest.Fault{
		limited(deletion),
		offboardtest.Page(deletion, http.StatusServiceUnavailable),
		offboardtest.LoseAnswer(deletion),
	}
}

// stage sets up the organizations at their doubles.
func stage(v *view) ([]*scene, error) {
	var scenes []*scene
	var failed error
	var once sync.Once
	add := func(s *scene, err error) {
		if err != nil {
			once.Do(func() { failed = err })
		}
		scenes = append(scenes, s)
	}
	add(stageKatapult(v))
	add(stageZitadel(v))
	add(stageAtlas(v))
	add(stageApplivery(v))
	add(stageF5(v))
	return scenes, failed
}

func stageKatapult(v *view) (*scene, error) {
	const id = "org_Fh7dKq2"
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{
		ID: id, Name: "Acme Hosting", SubDomain: "acme-hosting",
		Open: []string{"virtual_machines", "disks", "empty_trash"},
	})
	c, err := katapult.New(srv.Option(), katapult.WithLogger(v.logger("katapult")))
	return &scene{
		provider: "katapult", name: "Acme Hosting",
		organization: atKatapult{c, katapult.ID(id)}, server: srv.Server,
		deletion: "DeleteOrganization", trouble: trouble("DeleteOrganization"),
		clear: func() string { srv.SetOpen(id); return "machines and disks are deleted, the trash is emptied" },
		gone:  func() bool { return !srv.Exists(id) },
		truth: "gone",
	}, err
}

func stageZitadel(v *view) (*scene, error) {
	const id, other = "281763529917394947", "281763529917394948"
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: id, Name: "Acme Login"})
	srv.AddOrganization(zitadeltest.Organization{ID: other, Name: "Platform"})
	srv.SetDefault(id)
	c, err := zitadel.New(srv.Option(), zitadel.WithLogger(v.logger("zitadel")))
	return &scene{
		provider: "zitadel", name: "Acme Login",
		organization: atZitadel{c, id}, server: srv.Server,
		deletion: "DeleteOrganization", trouble: trouble("DeleteOrganization"),
		clear: func() string { srv.SetDefault(other); return "another organization is made the default one" },
		gone:  func() bool { return !srv.Exists(id) },
		truth: "gone",
	}, err
}

func stageAtlas(v *view) (*scene, error) {
	const id = "5e2f00000000000000000001"
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme Data"})
	srv.AddProject(id, atlastest.Project{ID: "5e2f0000000000000000000a", Name: "shop", Clusters: 2})
	srv.AddProject(id, atlastest.Project{ID: "5e2f0000000000000000000b", Name: "staging"})
	c, err := atlas.New(srv.Option(), atlas.WithLogger(v.logger("atlas")))
	return &scene{
		provider: "atlas", name: "Acme Data",
		organization: atAtlas{c, id}, server: srv.Server,
		deletion: "DeleteOrganization", trouble: trouble("DeleteOrganization"),
		clear: func() string { srv.RemoveProjects(id); return "the projects are deleted" },
		gone:  func() bool { return !srv.Exists(id) },
		truth: "gone",
	}, err
}

func stageApplivery(v *view) (*scene, error) {
	const id = "65f000000000000000000001"
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{
		ID: id, Slug: "acme-apps", Name: "Acme Apps",
		Subscriptions: []workspacetest.Subscription{{ID: "sub_1", Plan: "Enterprise", Status: "active"}},
	})
	c, err := workspace.New(srv.Option(), workspace.WithLogger(v.logger("workspace")))
	return &scene{
		provider: "workspace", name: "Acme Apps",
		organization: atApplivery{c, "acme-apps"}, server: srv.Server,
		deletion: "DeleteOrganization", trouble: trouble("DeleteOrganization"),
		clear: func() string { srv.CancelSubscriptions(id); return "a person cancels the subscription" },
		gone:  func() bool { return !srv.Exists(id) },
		truth: "gone",
	}, err
}

// stageF5 names the tenant wrongly at first. Its trouble is another: a request for
// deletion is never repeated blindly, so the page of 503 befalls the read before
// it. That the answer was lost is found out by the tenant's state.
func stageF5(v *view) (*scene, error) {
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme-edge-kqzvxwbn", Domain: "acme-edge", KeepsCredential: true})
	c, err := volterra.New(srv.Option(), volterra.WithLogger(v.logger("volterra")))
	o := &atF5{c, volterra.DeleteTenantRequest{Name: "acme-edge", Email: "owner@example.com"}}
	return &scene{
		provider: "volterra", name: "acme-edge",
		organization: o, server: srv.Server,
		deletion: "RequestTenantDeletion",
		trouble: []offboardtest.Fault{
			limited("RequestTenantDeletion"),
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
