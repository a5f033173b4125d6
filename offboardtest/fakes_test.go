package offboardtest_test

import (
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
	for name, set := range map[string]func(){
		"atlas AddProject":               func() { a.AddProject("x", atlastest.Project{}) },
		"atlas RemoveProjects":           func() { a.RemoveProjects("x") },
		"atlas Resolve":                  func() { a.Resolve("x") },
		"atlas RemoveOrganization":       func() { a.RemoveOrganization("x") },
		"atlas AddResource":              func() { a.AddResource("x", atlastest.Resource{}) },
		"atlas MoveProject":              func() { a.MoveProject("x", "y") },
		"atlas LimitRate":                func() { a.LimitRate("x", 1, 1, time.Minute) },
		"katapult SetOpen":               func() { k.SetOpen("x") },
		"katapult Add":                   func() { k.Add("x") },
		"katapult Remove":                func() { k.Remove("x") },
		"katapult MoveToTrash":           func() { k.MoveToTrash("x") },
		"volterra ApproveUnsubscription": func() { v.ApproveUnsubscription("x") },
		"volterra CancelSubscription":    func() { v.CancelSubscription("x") },
		"volterra PayInvoice":            func() { v.PayInvoice("x") },
		"volterra RemoveObject":          func() { v.RemoveObject("x", "y") },
		"volterra SetListErrors":         func() { v.SetListErrors("x") },
		"workspace Change":               func() { w.Change("x", func(*workspacetest.Organization) {}) },
		"workspace CancelSubscriptions":  func() { w.CancelSubscriptions("x") },
		"zitadel AddApp":                 func() { z.AddApp(zitadeltest.App{Project: "x"}) },
		"zitadel AddProjectGrant":        func() { z.AddProjectGrant(zitadeltest.ProjectGrant{Project: "x"}) },
		"zitadel AddProjectMember":       func() { z.AddProjectMember(zitadeltest.ProjectMember{Project: "x"}) },
		"zitadel AddProjectGrantMember":  func() { z.AddProjectGrantMember(zitadeltest.ProjectGrantMember{ProjectGrant: "x"}) },
		"zitadel AddUserGrant":           func() { z.AddUserGrant(zitadeltest.UserGrant{Project: "x"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("got no panic")
				}
			}()
			set()
		})
	}
}
