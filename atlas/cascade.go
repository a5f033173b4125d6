package atlas

import (
	"cmp"
	"context"

	"github.com/offboard-dev/offboard-go/teardown"
)

// maxNames is the maximum number of names in a cascade.
const maxNames = 10

// credentials adds to a plan the credentials that Atlas deletes along with the organization, and
// the required override if the client's own credential can be one of them.
func (d *driver) credentials(ctx context.Context, p *teardown.Plan) error {
	accounts, err := gather(d.c.ListServiceAccounts(ctx, p.Organization.ID, ListServiceAccountsPageOptions{}))
	if err != nil {
		return d.c.verifyNotFound(ctx, p.Organization.ID, err)
	}
	keys, err := gather(d.c.ListAPIKeys(ctx, p.Organization.ID))
	if err != nil {
		return d.c.verifyNotFound(ctx, p.Organization.ID, err)
	}
	identity := d.c.rest().Identity()
	own, note := false, "invalid after the deletion"
	add := func(kind string, n int, at func(int) (id, name string)) {
		if n == 0 {
			return
		}
		cascade := teardown.Cascade{Kind: kind, Count: n, Note: note}
		for i := range n {
			id, name := at(i)
			own = own || id == identity
			if i < maxNames {
				cascade.Names = append(cascade.Names, cmp.Or(name, id))
			}
		}
		p.Cascades = append(p.Cascades, cascade)
	}
	add("service_accounts", len(accounts), func(i int) (string, string) { return accounts[i].ClientID, accounts[i].Name })
	add("api_keys", len(keys), func(i int) (string, string) { return keys[i].PublicKey, keys[i].Description })
	// A credential of unknown identity may be one of the service accounts: then a refusal after
	// the deletion is expected, and proves nothing.
	if d.ownCredential = own; own || identity == "" && len(accounts) > 0 {
		p.Requires = []teardown.Override{teardown.OwnOrganization}
	}
	return nil
}
