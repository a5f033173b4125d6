package offboardtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// A setter that does nothing because of an unknown ID would let a test pass.
func TestFakes_UnknownID(t *testing.T) {
	t.Parallel()
	a, k, v := atlastest.NewServer(), katapulttest.NewServer(), volterratest.NewServer()
	w, z := workspacetest.NewServer(), zitadeltest.NewServer()
	project := z.AddProject(zitadeltest.Project{})
	grant := z.AddProjectGrant(zitadeltest.ProjectGrant{Project: project})
	k.AddOrganization(katapulttest.Organization{ID: "org_a"})
	for name, set := range map[string]func(){
		"atlas AddProject":               func() { a.AddProject("x", atlastest.Project{}) },
		"atlas RemoveProjects":           func() { a.RemoveProjects("x") },
		"atlas Resolve":                  func() { a.Resolve("x") },
		"atlas RemoveOrganization":       func() { a.RemoveOrganization("x") },
		"atlas AddResource":              func() { a.AddResource("x", atlastest.Resource{}) },
		"atlas MoveProject":              func() { a.MoveProject("x", "y") },
		"atlas LimitRate":                func() { a.LimitRate("x", 1, 1, time.Minute) },
		"atlas AddServiceAccount":        func() { a.AddServiceAccount(atlastest.Credential{Organization: "x"}) },
		"atlas AddAPIKey":                func() { a.AddAPIKey(atlastest.Credential{Organization: "x"}) },
		"katapult SetOpen":               func() { k.SetOpen("x") },
		"katapult Add":                   func() { k.Add("x") },
		"katapult Add machine":           func() { k.Add("org_a", katapulttest.VirtualMachine{ISO: "x"}) },
		"katapult Add disk":              func() { k.Add("org_a", katapulttest.Disk{VirtualMachine: "x"}) },
		"katapult Add volume":            func() { k.Add("org_a", katapulttest.FileStorageVolume{Associations: []string{"x"}}) },
		"katapult Add policy":            func() { k.Add("org_a", katapulttest.DiskBackupPolicy{Target: "x"}) },
		"katapult Add balancer":          func() { k.Add("org_a", katapulttest.LoadBalancer{Targets: []string{"x"}}) },
		"katapult Add address":           func() { k.Add("org_a", katapulttest.IPAddress{AllocatedTo: "x"}) },
		"katapult Remove":                func() { k.Remove("x") },
		"katapult MoveToTrash":           func() { k.MoveToTrash("x") },
		"volterra AddChildTenant":        func() { v.AddChildTenant(volterratest.ChildTenant{Manager: "x"}) },
		"volterra ApproveUnsubscription": func() { v.ApproveUnsubscription("x") },
		"volterra CancelSubscription":    func() { v.CancelSubscription("x") },
		"volterra PayInvoice":            func() { v.PayInvoice("x") },
		"volterra RemoveObject":          func() { v.RemoveObject("x", "y") },
		"volterra SetListErrors":         func() { v.SetListErrors("x") },
		"workspace Change":               func() { w.Change("x", func(*workspacetest.Organization) {}) },
		"workspace AddServiceAccount":    func() { w.AddServiceAccount("x") },
		"workspace CancelSubscriptions":  func() { w.CancelSubscriptions("x") },
		"zitadel SetDefault":             func() { z.SetDefault("x") },
		"zitadel SetSystem":              func() { z.SetSystem("x") },
		"zitadel AddUser":                func() { z.AddUser(zitadeltest.User{Organization: "x"}) },
		"zitadel AddProject":             func() { z.AddProject(zitadeltest.Project{Organization: "x"}) },
		"zitadel AddMember":              func() { z.AddMember(zitadeltest.Member{Organization: "x"}) },
		"zitadel AddMember user":         func() { z.AddMember(zitadeltest.Member{User: "x"}) },
		"zitadel AddDomain":              func() { z.AddDomain(zitadeltest.Domain{Organization: "x"}) },
		"zitadel AddIdentityProvider":    func() { z.AddIdentityProvider(zitadeltest.IdentityProvider{Organization: "x"}) },
		"zitadel AddAction":              func() { z.AddAction(zitadeltest.Action{Organization: "x"}) },
		"zitadel AddMetadata":            func() { z.AddMetadata(zitadeltest.Metadata{Organization: "x"}) },
		"zitadel AddPolicy":              func() { z.AddPolicy(zitadeltest.Policy{Organization: "x"}) },
		"zitadel AddGroup":               func() { z.AddGroup(zitadeltest.Group{Organization: "x"}) },
		"zitadel AddApp":                 func() { z.AddApp(zitadeltest.App{Project: "x"}) },
		"zitadel AddProjectGrant":        func() { z.AddProjectGrant(zitadeltest.ProjectGrant{Project: "x"}) },
		"zitadel AddProjectGrant to":     func() { z.AddProjectGrant(zitadeltest.ProjectGrant{Project: project, Organization: "x"}) },
		"zitadel AddProjectMember":       func() { z.AddProjectMember(zitadeltest.ProjectMember{Project: "x", User: zitadeltest.Caller}) },
		"zitadel AddProjectMember user":  func() { z.AddProjectMember(zitadeltest.ProjectMember{Project: project, User: "x"}) },
		"zitadel AddProjectGrantMember": func() {
			z.AddProjectGrantMember(zitadeltest.ProjectGrantMember{ProjectGrant: "x", User: zitadeltest.Caller})
		},
		"zitadel AddGrantMember user": func() { z.AddProjectGrantMember(zitadeltest.ProjectGrantMember{ProjectGrant: grant, User: "x"}) },
		"zitadel AddInstanceMember":   func() { z.AddInstanceMember(zitadeltest.InstanceMember{User: "x"}) },
		"zitadel AddUserGrant":        func() { z.AddUserGrant(zitadeltest.UserGrant{Project: "x", User: zitadeltest.Caller}) },
		"zitadel AddUserGrant user":   func() { z.AddUserGrant(zitadeltest.UserGrant{Project: project, User: "x"}) },
		"zitadel AddUserGrant grant": func() {
			z.AddUserGrant(zitadeltest.UserGrant{Project: project, User: zitadeltest.Caller, ProjectGrant: "x"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if text, ok := recover().(string); !ok || !strings.Contains(text, `"x`) {
					t.Errorf("got %q, want a panic with the ID", text)
				}
			}()
			set()
		})
	}
}
