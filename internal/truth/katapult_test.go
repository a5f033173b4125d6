package truth

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
)

func katapultDeletion(r *rand.Rand) *scenario {
	srv := katapulttest.NewServer()
	acme := katapulttest.Organization{ID: "org_acme", Name: "Acme", SubDomain: "acme"}
	srv.AddOrganization(katapulttest.Organization{ID: "org_other", SubDomain: "org_acme"})
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
		name = katapult.SubDomain(acme.SubDomain)
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
	return &scenario{
		title: titled(state, credential), server: srv.Server, limited: limit < 1000, kind: kindOf, done: func() bool { return !o.exists() && o.there }, judge: o.judge,
		do: func(ctx context.Context, set setting) error {
			base, _ := srv.Reach()
			return katapult.DeleteOrganization(ctx, name, option, katapult.WithBaseURL(base+"/core/v1"),
				func(c *rest.Config) error { set(c); return nil })
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
