package atlas

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Kinds of steps, beside those of what is in a project.
const (
	kindProject           Kind = "project"
	kindFederation        Kind = "federation"
	kindLiveMigrationLink Kind = "live_migration_link"
	kindFailedInvoice     Kind = "failed_invoice"
	kindPolicyProtection  Kind = "policy_protection"
)

// words say why a thing has to go, and what removes it.
var words = map[Kind]struct{ why, removal string }{
	kindFailedInvoice:          {"its payment has failed", "pay it, in the billing section of Atlas"},
	kindLiveMigrationLink:      {"live migrations into the organization keep it", "delete the link and the API key that belongs to it"},
	kindFederation:             {"only an owner in the organization can disconnect it", "disconnect the organization; after the last one the federation is deleted, with its identity providers and domains"},
	kindProject:                {"it keeps the organization", "delete it, with the snapshots that its clusters may leave behind"},
	kindPolicyProtection:       {"it keeps the backup compliance policy", "ask the vendor's support to let the policy be deleted"},
	KindOutageSimulation:       {"it keeps its cluster", "end the simulation"},
	KindOnlineArchive:          {"it keeps its project", "delete it with the documents in it"},
	KindBackupCompliancePolicy: {"it keeps the snapshots of clusters", "delete the policy"},
	KindCluster:                {"it keeps its project", "delete it with its data and snapshots"},
	KindFlexCluster:            {"it keeps its project", "delete it with its data and snapshots"},
	KindSnapshot:               {"it keeps its project, although its cluster is gone", "delete it"},
	KindShardedSnapshot:        {"it keeps its project, although its cluster is gone", "delete it"},
	KindNetworkPeering:         {"it keeps its project", "delete it"},
	KindFederationEndpoint:     {"it keeps its project", "delete it"},
	KindFederatedDatabase:      {"it keeps its project", "delete it"},
	KindStreamProcessor:        {"it keeps its workspace", "delete it"},
	KindStreamWorkspace:        {"it keeps its project", "delete it"},
	KindStreamPrivateLink:      {"it keeps its project", "delete it"},
	KindStreamVPCPeering:       {"it keeps its project", "delete it"},
	KindPrivateEndpoint:        {"it keeps its service", "delete it"},
	KindPrivateEndpointService: {"it keeps its project", "delete it"},
	KindEncryptionEndpoint:     {"it keeps its project", "delete it"},
}

// Plan reads what stands in the way of an organization's deletion and what goes
// along with it, and changes nothing.
//
// The steps are each thing that [Client.ListLeft] finds in a project, the project
// itself, the link by which live migrations reach the organization, and its
// connection to a federation. Before everything else goes the link, for a migration
// that runs keeps it, and then nothing should be destroyed. After everything else the
// federation, by which people may be signing in. A cluster goes after its outage
// simulation, its online archives and the backup compliance policy that would keep its
// snapshots; peerings and endpoints that clusters use after these; and each project
// after what is in it.
//
// By hand are invoices whose payment has failed, and the protection of a backup
// compliance policy, which the vendor's support lifts. A cluster with termination
// protection needs [teardown.TerminationProtection] to be permitted. A live migration
// that runs does not show; the step of its link fails until it has ended.
//
// A service account and an API key belong to one organization and end with it, and
// it is mostly the only one that they reach. The plan needs [teardown.OwnOrganization]
// when the client's is among those of the organization. Such a client can read nothing
// afterwards: see [Client.DeleteOrganization].
//
// Losses are the service accounts and the API keys. Users and teams are not listed.
// Atlas may make a final charge for what was used since the last invoice.
//
// The plan's error is that of [Client.CheckDeletion].
//
// It takes 7 requests, those of ListLeft for each project, and one for each further
// page of 500. It needs the role Organization Owner. Errors are those of the reads,
// among them [errors.OrganizationNotFound].
//
// Source: vendor OpenAPI of SDK v20250312023; vendor's error page; vendor's clean-up
// of its own test organizations.
func (c *Client) Plan(ctx context.Context, orgID string) (*teardown.Plan, error) {
	return newDriver(c).Inspect(ctx, teardown.Organization{ID: orgID}, nil)
}

// Teardown carries out a plan of [Client.Plan]: it removes what the steps name, waits
// until a list says that it is gone, and deletes the organization by
// [Client.DeleteOrganization].
//
// What is deleted in its own time, clusters above all, takes minutes. Those who wait
// for things of one kind in one project share their lists. Atlas refuses to delete a
// project for some time after all in it is gone; it is asked again each minute, for
// as long as [teardown.WithRetryFor] says. Snapshots that a cluster of the plan leaves behind go with the project.
//
// After Atlas has accepted the deletion of the organization a read decides. The outcome
// is [teardown.Gone] when that shows that it is deleted; while it exists the deletion is
// requested again, three times at most. It is [teardown.Unknown] when no read shows that
// within 5 minutes. A credential of the organization itself ends with it: with such a one,
// as the plan shows, it is Gone when Atlas has accepted the deletion and then refuses the
// credential, and Unknown when the answer was lost.
//
// It needs the role Organization Owner. It takes as many requests as the plan, and
// for each thing its deletion and a part of the lists, which are read before it and
// until it is gone.
//
// Errors, among those of DeleteOrganization, joined, one of each step that failed, and
// with the report being nil where nothing was begun:
//
//   - [errors.NotConfirmed]: the name is another one, or something was not permitted
//   - [errors.PlanStale]: the plan is of another provider or address, too old, or was
//     changed; or there is something now that it does not have
//   - [errors.ActiveLiveMigration]: one is running; nothing else was touched
//   - [errors.DeletionStepsNotSatisfied]: something is to be done by hand, or was
//     still in the way after all attempts
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return teardown.Execute(ctx, teardown.FromBlocking(newDriver(c)), p, options...)
}

// Inspect takes a plan, and keeps what its steps are about.
func (d *driver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	d.before, d.orgID = before, o.ID
	found, projects, err := d.c.survey(ctx, "Plan", o.ID)
	if err != nil {
		return nil, err
	}
	if projects, err = d.omitted(ctx, projects); err != nil {
		return nil, err
	}
	for _, x := range projects {
		d.created[x.ID] = x.Created
	}
	invoices, err := d.c.failedInvoices(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	p := &teardown.Plan{
		Provider: provider, Instance: d.c.instance(),
		Organization: teardown.Organization{ID: found.ID, Name: found.Name},
		Refusal:      teardown.RefusalOf(refusal(o.ID, projects, invoices)),
		Steps:        []teardown.Step{},
	}
	last := make([]string, 0, len(projects)+len(invoices)+1) // what the federation goes after
	for _, x := range invoices {
		last = append(last, d.step(p, scope{kind: kindFailedInvoice, projectID: o.ID}, Left{ID: x.ID}, x.ID, nil))
	}
	links, err := d.inspect(ctx, p, scope{kind: kindLiveMigrationLink, projectID: o.ID}, nil)
	if err != nil {
		return nil, err
	}
	last = append(last, links...)
	for _, x := range projects {
		within, err := d.within(ctx, p, x, links)
		if err != nil {
			return nil, err
		}
		last = append(last, d.step(p, scope{kind: kindProject, projectID: o.ID}, Left{ID: x.ID}, x.Name, within))
	}
	if _, err := d.inspect(ctx, p, scope{kind: kindFederation, projectID: o.ID}, last); err != nil {
		return nil, err
	}
	if err := d.confirm(ctx, p, projects); err != nil {
		return nil, err
	}
	if err := d.credentials(ctx, p); err != nil {
		return nil, err
	}
	return p.Seal(), nil
}

// inspect adds a step for each thing in a scope of the organization's.
func (d *driver) inspect(ctx context.Context, p *teardown.Plan, in scope, after []string) ([]string, error) {
	l, err := d.list(ctx, in)
	ids := make([]string, len(l.found))
	for i, left := range l.found {
		ids[i] = d.step(p, in, left, left.ID, after)
	}
	return ids, err
}

// within adds a step for each thing in a project, which may have gone meanwhile. What
// goes after nothing else in it goes after first. It returns what the project goes
// after.
func (d *driver) within(ctx context.Context, p *teardown.Plan, project Project, first []string) ([]string, error) {
	all, err := d.inProject(ctx, project.ID)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(left Left) bool { return d.leftBehind(project.ID, left) })
	ids := make([]string, len(all))
	for i, left := range all {
		name := left.ID + " in " + project.Name
		if left.Kind == KindBackupCompliancePolicy {
			name = "policy of " + project.Name
		}
		var after []string
		for j, other := range all[:i] {
			if follows(left, other) {
				after = append(after, ids[j])
			}
		}
		if left.Kind == KindBackupCompliancePolicy && left.Protected {
			hold := d.step(p, scope{kind: kindPolicyProtection, projectID: project.ID}, Left{ID: left.ID}, name, nil)
			after = append(slices.Clone(first), hold)
		}
		if after == nil {
			after = first
		}
		ids[i] = d.step(p, scopeOf(project.ID, left), left, name, after)
	}
	if len(ids) == 0 {
		return first, nil
	}
	return ids, nil
}

// maxInspectWait bounds the waits of inProject.
const maxInspectWait = 8 * time.Second

// inProject reads what is in a project. If the project does not exist any more, which a
// read of it shows, nothing is. In a project that was just made roles may be missing for
// some seconds.
func (d *driver) inProject(ctx context.Context, projectID string) (all []Left, err error) {
	for wait := time.Duration(0); ; wait = max(time.Second, 2*wait) {
		if all, err = gather(d.c.ListLeft(ctx, projectID)); err == nil {
			return all, nil
		}
		err = d.inAbsentParent(ctx, scope{projectID: projectID}, err)
		again := errors.Is(err, errContradicted) || d.passing(projectID, err) != err
		if err == nil || !again || wait > maxInspectWait {
			return nil, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

// follows reports whether a thing goes after another one in its project.
func follows(x, other Left) bool {
	switch other.Kind {
	case KindOutageSimulation:
		return x.Kind == KindCluster && x.ID == other.ID
	case KindOnlineArchive:
		return x.Kind == KindCluster && x.ID == other.Parent
	case KindBackupCompliancePolicy:
		return x.Kind == KindCluster || x.Kind == KindSnapshot || x.Kind == KindShardedSnapshot
	case KindCluster:
		return x.Kind == KindNetworkPeering || x.Kind == KindEncryptionEndpoint
	case KindFederationEndpoint:
		return x.Kind == KindFederatedDatabase
	case KindStreamProcessor:
		return x.Kind == KindStreamWorkspace && x.ID == other.Parent
	case KindStreamWorkspace:
		return x.Kind == KindStreamPrivateLink || x.Kind == KindStreamVPCPeering
	case KindPrivateEndpoint:
		return x.Kind == KindPrivateEndpointService && x.ID == other.Parent
	}
	return false
}

// leftBehind reports whether a snapshot is of a cluster that the plan before has a
// step for, and is not in that plan itself. It goes with its project.
func (d *driver) leftBehind(projectID string, left Left) bool {
	if d.before == nil || left.Kind != KindSnapshot && left.Kind != KindShardedSnapshot {
		return false
	}
	planned := false
	for _, s := range d.before.Steps {
		if s.ID == stepID(left.Kind, projectID, left) {
			return false
		}
		planned = planned || strings.HasPrefix(s.ID, string(KindCluster)+"/"+projectID+"/") && strings.HasPrefix(s.Name, left.Parent+" in ")
	}
	return planned
}

// stepID is the id of a step: kind, project or organization, and identity. That of a
// thing with a name is Atlas's own id, so that another one of the name is another.
func stepID(kind Kind, projectID string, left Left) string {
	id := cmp.Or(left.UID, left.ID)
	switch {
	case id == projectID || kind == kindProject:
		return string(kind) + "/" + id
	case kind == KindPrivateEndpoint:
		id = left.Parent + "/" + id
	}
	return string(kind) + "/" + projectID + "/" + id
}

// step adds a step and returns its id.
func (d *driver) step(p *teardown.Plan, in scope, left Left, name string, after []string) string {
	left.Kind = in.kind
	s := teardown.Step{
		ID: stepID(in.kind, in.projectID, left), Kind: string(in.kind), Name: name,
		Why: words[in.kind].why, Removal: words[in.kind].removal, After: after,
		Manual: in.kind == kindFailedInvoice || in.kind == kindPolicyProtection,
	}
	if left.Protected && (in.kind == KindCluster || in.kind == KindFlexCluster) {
		s.Removal = "take off its termination protection, and " + s.Removal
		s.Needs = teardown.TerminationProtection
	}
	p.Steps = append(p.Steps, s)
	d.things[s.ID] = thing{left, in}
	return s.ID
}

// named is how many of a kind of losses a plan names.
const named = 10

// credentials adds the credentials that end with the organization, and what has to be
// permitted when the client's own is among them.
func (d *driver) credentials(ctx context.Context, p *teardown.Plan) error {
	accounts, err := gather(d.c.ListServiceAccounts(ctx, p.Organization.ID, ListServiceAccountsPageOptions{}))
	if err != nil {
		return d.c.doubted(ctx, p.Organization.ID, err)
	}
	keys, err := gather(d.c.ListAPIKeys(ctx, p.Organization.ID))
	if err != nil {
		return d.c.doubted(ctx, p.Organization.ID, err)
	}
	own, note := false, "they end with the organization"
	add := func(kind string, n int, at func(int) (id, name string)) {
		if n == 0 {
			return
		}
		loss := teardown.Loss{Kind: kind, Count: n, Note: note}
		for i := range n {
			id, name := at(i)
			own = own || id == d.c.rest().Identity()
			if i < named {
				loss.Names = append(loss.Names, cmp.Or(name, id))
			}
		}
		p.Losses = append(p.Losses, loss)
	}
	add("service_accounts", len(accounts), func(i int) (string, string) { return accounts[i].ClientID, accounts[i].Name })
	add("api_keys", len(keys), func(i int) (string, string) { return keys[i].PublicKey, keys[i].Description })
	if d.own = own; own {
		p.Needs = []teardown.Consent{teardown.OwnOrganization}
	}
	return nil
}
