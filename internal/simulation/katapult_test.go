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
		provider: "katapult", there: true, reads: byStatus,
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
	if o.there = state != "absent"; o.there {
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
		source := &ending{left: r.IntN(4), gone: chance(r, 0.5)}
		o.dry = func() bool { return source.gone && source.left < 0 }
		option = katapult.WithTokenSource(source)
	}
	heir := katapulttest.Organization{ID: "org_heir", Name: "Heir", Subdomain: acme.Subdomain}
	takesOver, added := chance(r, 0.5), false
	o.touched = func() bool { return !srv.Exists("org_other") || added && !srv.Exists(heir.ID) }
	o.reads = func(x *exchange) existence {
		if bytes.Contains(x.body, []byte(heir.ID)) {
			return nothing
		}
		return byStatus(x)
	}
	return &scenario{
		title: titled(state, credential), server: srv.Server, limited: limit < 1000, kind: kindOf, done: func() bool { return !o.exists() && o.there }, judge: o.judge,
		ids: []string{acme.ID, acme.Subdomain},
		meanwhile: func(n *network, _ kind) {
			if n.on[takenOver] && takesOver && !added && o.there && !srv.Exists(acme.ID) {
				srv.AddOrganization(heir)
				added = true
			}
		},
		do: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			return katapult.DeleteOrganization(ctx, name, option, katapult.WithBaseURL(base+"/core/v1"),
				katapultWith(set))
		},
	}
}

// ending is a token source whose tokens are good for some requests only.
type ending struct {
	left int
	gone bool // from then on there are none
}

func (e *ending) Token() (*oauth2.Token, error) {
	e.left--
	switch {
	case e.left >= 0:
		return &oauth2.Token{AccessToken: katapulttest.Token}, nil
	case e.gone:
		return nil, errors.New("the session has ended")
	}
	return &oauth2.Token{AccessToken: "another-token"}, nil
}

// titled names a state of several parts.
func titled(parts ...string) string {
	var of []string
	for _, part := range parts {
		if part != "" {
			of = append(of, part)
		}
	}
	if of == nil {
		return "nothing in the way"
	}
	return strings.Join(of, ", ")
}

func katapultTeardown(r *rand.Rand) *scenario {
	const id, other = "org_acme", "org_other"
	srv := katapulttest.NewServer()
	var open []string
	srv.SetTaskTime(one(r, time.Second, 20*time.Second))
	acme := katapulttest.Organization{ID: id, Name: "Acme", Subdomain: "acme"}
	d := &demolition{
		organization: organization{
			provider: "katapult", there: true, reads: byStatus,
			exists:  func() bool { return srv.Exists(id) },
			deleted: func() bool { return !srv.Exists(id) },
		},
		name: acme.Name, outcome: teardown.Deleted,
		deletes: func(req *http.Request) bool {
			if !strings.HasSuffix(req.URL.Path, "/managed_organizations/organization") {
				return false
			}
			body, err := req.GetBody() // has the name: it may be another that goes with it
			if err != nil {
				panic(err)
			}
			text, _ := io.ReadAll(body)
			return bytes.Contains(text, []byte(id))
		},
		about: func(x *exchange) bool {
			return strings.Contains(x.path, "/organizations/organization?") && strings.Contains(x.path, id)
		},
		rest: func() string { return fmt.Sprint(srv.Exists(other), srv.Remaining(other)) },
		use: func(set setting) (crew, error) {
			base, _ := srv.Endpoint()
			c, err := katapult.New(katapult.WithToken(katapulttest.Token), katapult.WithBaseURL(base+"/core/v1"),
				katapultWith(set))
			return crew{func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, katapult.ID(id)) }, c.Teardown}, err
		},
	}
	state := one(r, "", "", "", "a managed organization", "a balance", "something vanishes", "something comes back")
	switch state {
	case "a balance":
		open = []string{"ensure_zero_balance"}
		acme.Open = open
		d.hands = func() { srv.SetOpen(id); open = nil }
	case "something vanishes":
		d.vanish = func() { srv.Remove("ip_front") }
	}
	srv.AddOrganization(acme)
	srv.AddOrganization(katapulttest.Organization{ID: other, Name: "Other"})
	srv.Add(other, katapulttest.VirtualMachine{ID: "vm_other", Name: "web"}, katapulttest.DNSZone{ID: "dnszone_other", Name: "other.example"})
	d.stands = func(s teardown.Step) bool {
		_, thing, _ := strings.Cut(s.ID, "/")
		if s.Manual {
			return slices.Contains(open, s.Kind)
		}
		return srv.Exists(thing) || slices.ContainsFunc(slices.Concat(srv.Remaining(id), srv.Remaining("org_labs")), func(left string) bool {
			left, _, _ = strings.Cut(left, ":")
			return left == thing
		})
	}
	front := katapulttest.LoadBalancer{ID: "lb_front", Name: "front", Targets: []string{"vm_web"}}
	s := scenario{title: "teardown: " + titled(state), server: srv.Server}
	if state == "something comes back" { // once, before anybody could read that it was gone
		back := false
		s.between = func() {
			if !back && !d.stands(teardown.Step{ID: "load_balancer/" + front.ID}) {
				back = true
				srv.Add(id, front)
			}
		}
	}
	srv.Add(id,
		katapulttest.VirtualMachine{ID: "vm_web", Name: "web"},
		front,
		katapulttest.IPAddress{ID: "ip_front", Address: "192.0.2.7", HeldBy: "lb_front"},
	)
	if chance(r, 0.5) {
		srv.Add(id, katapulttest.FileStorageVolume{ID: "fsv_shared", Name: "shared", Associations: []string{"vm_web"}})
	}
	if state == "a managed organization" {
		srv.AddOrganization(katapulttest.Organization{ID: "org_labs", Name: "Acme Labs", Parent: id})
		srv.Add("org_labs", katapulttest.DNSZone{ID: "dnszone_labs", Name: "labs.example"})
		d.permits = []teardown.Override{teardown.ManagedOrganizations}
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
	d.comesBack = &comesBack{"load_balancer/", "load_balancer", func() bool {
		return srv.Exists(front.ID) || slices.ContainsFunc(srv.Remaining(id), func(x string) bool { return x == "lb_again" })
	},
		func() { srv.Add(id, katapulttest.LoadBalancer{ID: "lb_again", Name: front.Name}) }}
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
	a := &asking{provider: "katapult", blocked: state != "" || len(zones) > 0}
	what := one(r, "list", "list", "check")
	return a.scenario(scenario{
		title: titled(what, state, fmt.Sprint(len(zones), " zones")), server: srv.Server, ids: []string{id},
		do: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			c, err := katapult.New(katapult.WithToken(katapulttest.Token), katapult.WithBaseURL(base+"/core/v1"),
				katapultWith(set))
			if err != nil {
				return err
			}
			if what == "check" {
				return a.check(c.CheckDeletion(ctx, katapult.ID(id)))
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
