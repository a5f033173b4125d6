package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func katapultDeletion(r *rand.Rand) *scenario {
	srv := katapulttest.NewServer()
	acme := katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme"}
	srv.AddOrganization(katapulttest.Organization{ID: "org_other", Subdomain: "org_acme"})
	o := &organization{
		provider: "katapult", existed: true, reads: byStatus,
		exists:  func() bool { return srv.Exists(acme.ID) },
		deleted: func() bool { return len(srv.Deleted()) > 0 },
		touched: func() bool { return !srv.Exists("org_other") },
	}
	state := one(r, "", "", "", "", "", "", "", "", "open steps", "undeletable", "unmanaged", "suspended", "not activated", "absent")
	switch state {
	case "open steps":
		acme.Open, o.blocked = []string{"disks", "ensure_zero_balance"}, true
	case "undeletable":
		acme.Undeletable = true
	case "unmanaged":
		acme.Unmanaged = true
	case "suspended":
		acme.Suspended, o.refused = true, true
	case "not activated":
		acme.NotActivated, o.refused = true, true
	}
	if o.existed = state != "absent"; o.existed {
		srv.AddOrganization(acme)
	}
	limit := one(r, 1000, 1000, 5, 2, 1)
	srv.LimitRate(limit)
	var name katapult.OrganizationLookup = katapult.ID(acme.ID)
	if chance(r, 0.3) {
		name = katapult.Subdomain(acme.Subdomain)
	}
	credential := one(r, "", "", "", "", "", "", "wrong", "ending")
	option := katapult.WithToken(katapulttest.Token)
	switch credential {
	case "wrong":
		option, o.refused = katapult.WithToken("another-token"), true
	case "ending":
		o.refused = true
		source := &expiringTokens{remaining: r.IntN(4), exhausted: chance(r, 0.5)}
		o.noCredential = func() bool { return source.exhausted && source.remaining < 0 }
		option = katapult.WithTokenSource(source)
	}
	successor := katapulttest.Organization{ID: "org_heir", Name: "Heir", Subdomain: acme.Subdomain}
	takesOver, added := chance(r, 0.5), false
	o.touched = func() bool { return !srv.Exists("org_other") || added && !srv.Exists(successor.ID) }
	o.reads = func(x *exchange) existence {
		if bytes.Contains(x.body, []byte(successor.ID)) {
			return undecided
		}
		return byStatus(x)
	}
	return &scenario{
		title: joinTitle(state, credential), server: srv.Server, limited: limit < 1000, kind: kindOf, done: func() bool { return !o.exists() && o.existed }, evaluate: o.evaluate,
		ids: []string{acme.ID, acme.Subdomain},
		changeByOthers: func(n *network, _ kind) {
			if n.kinds[takenOver] && takesOver && !added && o.existed && !srv.Exists(acme.ID) {
				srv.AddOrganization(successor)
				added = true
			}
		},
		call: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			return katapult.DeleteOrganization(ctx, name, option, katapult.WithBaseURL(base),
				katapultWith(set))
		},
	}
}

// expiringTokens is a token source whose tokens are valid for a few requests.
type expiringTokens struct {
	remaining int
	exhausted bool // no tokens after that, instead of invalid ones
}

func (e *expiringTokens) Token() (*oauth2.Token, error) {
	e.remaining--
	switch {
	case e.remaining >= 0:
		return &oauth2.Token{AccessToken: katapulttest.Token}, nil
	case e.exhausted:
		return nil, errors.New("session expired")
	}
	return &oauth2.Token{AccessToken: "another-token"}, nil
}

// joinTitle joins the parts of a title.
func joinTitle(parts ...string) string {
	var of []string
	for _, part := range parts {
		if part != "" {
			of = append(of, part)
		}
	}
	if of == nil {
		return "no blockers"
	}
	return strings.Join(of, ", ")
}

func katapultTeardown(r *rand.Rand) *scenario {
	const id, other = "org_acme", "org_other"
	srv := katapulttest.NewServer()
	var open []string
	srv.SetTaskTime(one(r, time.Second, 20*time.Second))
	acme := katapulttest.Organization{ID: id, Name: "Acme", Subdomain: "acme"}
	d := &teardownCase{
		organization: organization{
			provider: "katapult", existed: true, reads: byStatus,
			exists:  func() bool { return srv.Exists(id) },
			deleted: func() bool { return !srv.Exists(id) },
		},
		name: acme.Name, outcome: teardown.Deleted,
		isDeletion: func(req *http.Request) bool {
			if !strings.HasSuffix(req.URL.Path, "/managed_organizations/organization") {
				return false
			}
			body, err := req.GetBody() // the body names the organization, which may be a managed one
			if err != nil {
				panic(err)
			}
			text, _ := io.ReadAll(body)
			return bytes.Contains(text, []byte(id))
		},
		aboutOrganization: func(x *exchange) bool {
			return strings.Contains(x.path, "/organizations/organization?") && strings.Contains(x.path, id)
		},
		unrelated: func() string { return fmt.Sprint(srv.Exists(other), srv.Remaining(other)) },
		newClient: func(set setting) (teardownClient, error) {
			base, _ := srv.Endpoint()
			c, err := katapult.New(katapult.WithToken(katapulttest.Token), katapult.WithBaseURL(base),
				katapultWith(set))
			return teardownClient{func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, katapult.ID(id)) }, c.Teardown}, err
		},
	}
	state := one(r, "", "", "", "a managed organization", "a balance", "a resource disappears", "a resource is recreated")
	switch state {
	case "a balance":
		open = []string{"ensure_zero_balance"}
		acme.Open = open
		d.resolveManual = unlessDeleted(func() { open = nil; srv.SetOpen(id) })
	case "a resource disappears":
		d.disappear = unlessDeleted(func() { srv.Remove("ip_front") })
	}
	srv.AddOrganization(acme)
	srv.AddOrganization(katapulttest.Organization{ID: other, Name: "Other"})
	srv.Add(other, katapulttest.VirtualMachine{ID: "vm_other", Name: "web"}, katapulttest.DNSZone{ID: "dnszone_other", Name: "other.example"})
	d.remains = func(s teardown.Step) bool {
		_, name, _ := strings.Cut(s.ID, "/")
		if s.Manual {
			return slices.Contains(open, s.Kind)
		}
		return srv.Exists(name) || slices.ContainsFunc(slices.Concat(srv.Remaining(id), srv.Remaining("org_labs")), func(left string) bool {
			left, _, _ = strings.Cut(left, ":")
			return left == name
		})
	}
	front := katapulttest.LoadBalancer{ID: "lb_front", Name: "front", Targets: []string{"vm_web"}}
	s := scenario{title: "teardown: " + joinTitle(state), server: srv.Server}
	if state == "a resource is recreated" { // one time, before any read could show that it was deleted
		back := false
		s.beforeRequest = func() {
			if !back && !d.remains(teardown.Step{ID: "load_balancer/" + front.ID}) {
				back = true
				srv.Add(id, front)
			}
		}
	}
	srv.Add(id,
		katapulttest.VirtualMachine{ID: "vm_web", Name: "web"},
		front,
		katapulttest.IPAddress{ID: "ip_front", Address: "192.0.2.7", AllocatedTo: "lb_front"},
	)
	if chance(r, 0.5) {
		srv.Add(id, katapulttest.FileStorageVolume{ID: "fsv_shared", Name: "shared", Associations: []string{"vm_web"}})
	}
	if state == "a managed organization" {
		srv.AddOrganization(katapulttest.Organization{ID: "org_labs", Name: "Acme Labs", Parent: id})
		srv.Add("org_labs", katapulttest.DNSZone{ID: "dnszone_labs", Name: "labs.example"})
		d.overrides = []teardown.Override{teardown.ManagedOrganizations}
	}
	zones := 0
	if chance(r, 0.3) {
		zones = 3
	}
	for i := range zones {
		srv.Add(id, katapulttest.DNSZone{ID: fmt.Sprintf("dnszone_%d", i), Name: fmt.Sprintf("%d.example", i)})
	}
	s.ids = []string{
		id, "vm_web", "lb_front", "ip_front", "fsv_shared", "org_labs", "dnszone_labs", "disk_vm_web", "dnszone_0", "dnszone_1", "dnszone_2",
	}
	d.recreation = &recreation{"load_balancer/", "load_balancer", func() bool {
		return srv.Exists(front.ID) || slices.ContainsFunc(srv.Remaining(id), func(x string) bool { return x == "lb_again" })
	},
		unlessDeleted(func() { srv.Add(id, katapulttest.LoadBalancer{ID: "lb_again", Name: front.Name}) })}
	return d.scenario(r, s)
}

func katapultReading(r *rand.Rand) *scenario {
	const id = "org_acme"
	srv := katapulttest.NewServer()
	acme := katapulttest.Organization{ID: id, Name: "Acme", Subdomain: "acme"}
	state := one(r, "", "", "open steps", "unmanaged")
	switch state {
	case "open steps":
		acme.Open = []string{"ensure_zero_balance"}
	case "unmanaged":
		acme.Unmanaged = true
	}
	srv.AddOrganization(acme)
	var zones []string
	for i := range one(r, 0, 1, 2, 3, 4, 5, one(r, 6, 100, 101)) {
		zones = append(zones, fmt.Sprintf("dnszone_%d", i))
		srv.Add(id, katapulttest.DNSZone{ID: zones[i], Name: fmt.Sprintf("%d.example", i)})
	}
	srv.SetLargeSets(chance(r, 0.2))
	a := &readCall{provider: "katapult", blocked: state != "" || len(zones) > 0}
	action := one(r, "list", "list", "check")
	return a.scenario(scenario{
		title: joinTitle(action, state, fmt.Sprint(len(zones), " zones")), server: srv.Server, ids: []string{id},
		call: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			c, err := katapult.New(katapult.WithToken(katapulttest.Token), katapult.WithBaseURL(base),
				katapultWith(set))
			if err != nil {
				return err
			}
			if action == "check" {
				return a.checkResult(c.CheckDeletion(ctx, katapult.ID(id)))
			}
			return list(a, zones, c.ListDNSZones(ctx, katapult.ID(id)), func(z katapult.DNSZone) string { return z.ID })
		},
	})
}

// katapultWith returns the option of a setting.
func katapultWith(s setting) katapult.Option {
	options := []katapult.Option{
		katapult.WithHTTPClient(s.client), katapult.WithRetry(katapult.Retry{MaxAttempts: s.maxAttempts, MaxWait: s.maxWait}),
	}
	if s.rate > 0 {
		options = append(options, katapult.WithRateLimit(katapult.RateLimit{PerSecond: s.rate, Burst: 1}))
	}
	return katapult.Options(options...)
}
