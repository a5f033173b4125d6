package workspace

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan reads the blockers of an organization's deletion and the resources that Applivery deletes
// along with the organization. It changes nothing.
//
// Each subscription that has not ended is a manual step. Applivery does not document which
// subscriptions block: [Client.DeleteOrganization] sends the deletion in any case, and
// Applivery decides. Apps, devices, collaborators, stores and segments are cascades. For a list
// that the token may not read, or that the organization's subscription does not include, the
// cascade has no number and a note with the reason.
//
// The plan requires [teardown.OwnOrganization] if the token belongs to a service account, which
// sees only its own workspace and is deleted with it, and if the owner of the token is unknown.
//
// DeletionError of the plan is the error of [Client.CheckDeletion] by ID.
//
// Required permission: base.organization.management.get; to count cascades, also
// mad.application.management.list, base.people.organizationCollaborator.list,
// mad.store.management.list and base.organization.segment.list. Plan sends six requests, one
// more for the first plan of a client, and one for each further page of 100 items.
//
// Errors are those of [Client.GetWorkspace] and of the lists, and [errors.NotConfirmed] if
// another organization answers.
//
// Source: vendor's reference pages; vendor's pages about service accounts.
func (c *Client) Plan(ctx context.Context, idOrSlug string) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, c.driver(), teardown.Organization{ID: idOrSlug})
}

// Identify returns the ID and the name of an organization as a plan has them. The name of an
// organization without one is its slug, or its ID. The error is [errors.OrganizationNotFound] if
// the organization does not exist or the token cannot see it. Identify sends one request.
func (c *Client) Identify(ctx context.Context, idOrSlug string) (teardown.Organization, error) {
	found, err := c.GetOrganization(ctx, idOrSlug)
	if err != nil {
		return teardown.Organization{}, err
	}
	id, err := confirm("Identify", idOrSlug, found.ID, found.Slug)
	if err != nil {
		return teardown.Organization{}, err
	}
	return planned(id, found.Name, found.Slug), nil
}

// planned returns an organization as plans have it.
func planned(id, name, slug string) teardown.Organization {
	return teardown.Organization{ID: id, Name: cmp.Or(name, slug, id)}
}

// Teardown applies a plan of [Client.Plan]: it deletes the organization if every subscription
// has ended. Teardown cannot cancel a subscription: apply the same plan again when all
// subscriptions have ended.
//
// The outcome is [teardown.Deleted] if Applivery confirmed the deletion and a read shows that
// the organization does not exist; with a service account of the workspace, if three reads in a
// row are refused. While reads show the organization, the deletion is sent again, at most three
// times, each time after the requests of a plan, and not if they show a new resource. If reads show it for a minute, or fail, the outcome is [teardown.Unknown]. The outcome
// is also Unknown if the answer was lost and no read can decide, as with a service account of
// the workspace.
//
// For a user, Applivery answers the same for a deleted organization as for one that the user may
// not see: apply a plan as the user who made it. For a service account of another workspace, the
// error is [errors.NotConfirmed].
//
// Required permissions: those of [Client.Plan], and base.organization.management.remove.
// Teardown sends the requests of a plan right before the deletion, and two more. It sends those of
// a plan again if the deletion waits more than 10 seconds for the rate limit. If the
// organization has resources that the plan does not contain, or a list cannot be read anymore,
// the error is [errors.PlanStale].
//
// The report is nil if the error was found before the plan was applied, as in
// [teardown.Execute]. Errors are those of Execute and of [Client.DeleteOrganization]. For a plan of
// another provider, the error is [errors.PlanStale], before any request.
//
// Source: seed page; vendor's reference pages.
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return teardown.Execute(ctx, c.driver(), p, options...)
}

// Driver returns the driver that applies a plan in parts, in several processes, by
// [teardown.Prepare], [teardown.ExecuteSteps] and [teardown.ExecuteDelete]. p is the plan, or the
// prepared plan; [errors.InvalidArgument] if it is nil. Make a driver for each of these calls.
func (c *Client) Driver(p *teardown.Plan) (teardown.Driver, error) {
	if p == nil {
		return nil, rest.Invalid(provider, "Teardown", "", errors.New("the plan is nil"))
	}
	return c.driver(), nil
}

// driver applies plans at Applivery.
type driver struct{ c *Client }

// driver returns the driver of one plan or one run.
func (c *Client) driver() *driver { return &driver{c} }

// Provider returns the provider and the base URL of the plans that the driver applies.
func (d *driver) Provider() (name, instance string) { return provider, d.c.rest().BaseURL().String() }

// Inspect makes a plan. A service account is deleted with its workspace, so it never reads that
// its own workspace does not exist: a workspace that it does not find is another one, and may
// exist.
func (d *driver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	p, err := d.c.inspect(ctx, o.ID)
	if before == nil || !errors.Is(err, errors.OrganizationNotFound) {
		return p, err
	}
	switch own, failed := d.c.own(ctx, o.ID); {
	case failed != nil:
		return nil, failed
	case own:
		return nil, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: o.ID, Code: errors.NotConfirmed,
			Err: errors.New("the token belongs to a service account of another organization, or to an unknown owner"),
		}
	}
	return nil, err
}

// Act returns an error: no API cancels a subscription, even if the plan does not mark the step as
// manual.
func (d *driver) Act(_ context.Context, _ teardown.Organization, step teardown.Step) (teardown.Progress, error) {
	return teardown.Progress{}, &errors.Error{
		Provider: provider, Operation: "Teardown", Target: step.ID, Code: errors.InvalidArgument,
		Err: errors.New("no API cancels a subscription"),
	}
}

// Poll reads once which subscriptions have ended.
func (d *driver) Poll(ctx context.Context, o teardown.Organization, _ string, subscriptions []teardown.Step) ([]teardown.Progress, error) {
	found, err := d.c.GetWorkspace(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	if _, err := confirm("Teardown", o.ID, found.Organization.ID, found.Organization.Slug); err != nil {
		return nil, err
	}
	remaining := steps(found.Organization.Subscriptions, time.Now())
	all := make([]teardown.Progress, len(subscriptions))
	for i, step := range subscriptions {
		all[i].State = teardown.ProgressExists
		if !slices.ContainsFunc(remaining, func(s teardown.Step) bool { return s.ID == step.ID }) {
			all[i].State = teardown.ProgressNotFound
		}
	}
	return all, nil
}

// Delete deletes the organization, and reads until it no longer exists: Applivery does not
// document whether the deletion takes effect at once. The inspection right before confirmed that
// the plan's ID is the organization's ID, not a slug. If Applivery keeps refusing a service
// account of the organization, the account was deleted with it.
func (d *driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	a := d.c.account.Load() // read before the deletion
	own := a != nil && a.of(o.ID)
	deletion := resource.Deletion{
		Send: func(ctx context.Context) (bool, error) { return d.c.deleteProved(ctx, o.ID) },
		Verification: resource.Verification{
			Wait: d.c.rest().Wait, Provider: provider, Operation: "Teardown", Organization: o.ID,
			Read: func(ctx context.Context) (rest.Existence, error) { return d.c.verify(ctx, o.ID) },
			CredentialEnded: func(_ context.Context, refusal error) (bool, error) {
				return own && errors.Is(refusal, errors.Unauthenticated), nil
			},
			MinRefusals: 3, RepeatAfter: 5 * time.Second, Timeout: time.Minute,
		},
	}
	return deletion.Run(ctx)
}

// inspect makes a plan.
func (c *Client) inspect(ctx context.Context, idOrSlug string) (*teardown.Plan, error) {
	found, err := c.GetWorkspace(ctx, idOrSlug)
	if err != nil {
		return nil, err
	}
	o, now := &found.Organization, time.Now()
	id, err := confirm("Plan", idOrSlug, o.ID, o.Slug)
	if err != nil {
		return nil, err
	}
	p := &teardown.Plan{
		Provider:     provider,
		Instance:     c.rest().BaseURL().String(),
		Organization: planned(id, o.Name, o.Slug),
		Steps:        steps(o.Subscriptions, now),
	}
	p.DeletionError, _ = errors.AsType[*errors.Error](deletionError(id, o.Subscriptions, now))
	own, err := c.own(ctx, id)
	if err != nil {
		return nil, err
	}
	if own {
		p.Requires = []teardown.Override{teardown.OwnOrganization}
	}
	if p.Cascades, err = c.cascades(ctx, id); err != nil {
		return nil, err
	}
	return p, nil
}

// account is the owner of a token.
type account struct {
	service bool // of a service account
	email   string
}

// own reports whether the token belongs to a service account of an organization, or to an
// unknown owner.
func (c *Client) own(ctx context.Context, id string) (bool, error) {
	a := c.account.Load()
	if a == nil {
		user, err := c.GetProfile(ctx)
		switch {
		case errors.Is(err, errors.Unauthenticated), errors.Is(err, errors.PermissionDenied), errors.Is(err, errors.NotFound):
			// The token reads the organization but has no profile, so no user owns it.
			return true, nil
		case err != nil:
			return false, err
		}
		a = &account{user.Role == UserRoleServiceAccount, strings.ToLower(user.Email)}
		c.account.Store(a)
	}
	return a.of(id), nil
}

// of reports whether an account is a service account of an organization. The account must be
// able to read the organization: a service account reads no other one.
func (a *account) of(id string) bool {
	return a.service || strings.HasSuffix(a.email, "@"+id+".iam.applivery.io")
}
