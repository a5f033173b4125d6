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

// Plan reads what stands in the way of an organization's deletion and what goes
// along with it, and changes nothing.
//
// Each subscription that is not known to have ended is a step that has to be done by
// hand. Applivery does not document which of them keep a workspace: when it turns
// out that one does not, [Client.DeleteOrganization] leaves the decision to
// Applivery, which refuses as long as one does. Apps, devices, collaborators, stores
// and segments are losses. What the token may not list, or the organization's
// subscription does not include, is a loss of none, with a note that says so.
//
// The plan needs [teardown.OwnOrganization] when the token belongs to a service
// account, which sees no workspace but its own and is gone with it; and when it
// cannot be told whom the token belongs to.
//
// The plan's error is that of [Client.CheckDeletion] by id.
//
// It needs the permission base.organization.management.get, and to count losses
// mad.application.management.list, base.people.organizationCollaborator.list,
// mad.store.management.list and base.organization.segment.list. It costs six
// requests, one more for the first plan of a client, and one more for each further page
// of 100 of a list.
//
// Errors are those of [Client.GetWorkspace] and of the lists, and
// [errors.NotConfirmed] when the organization that answers is not the one that is
// named.
//
// Source: vendor's reference pages; vendor's pages about service accounts.
func (c *Client) Plan(ctx context.Context, idOrSlug string) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, driver{c}, teardown.Organization{ID: idOrSlug})
}

// Teardown carries out a plan of [Client.Plan]: it deletes the organization, with
// all that it has, once no subscription is left. No subscription is touched, for no
// API cancels one: carry out the same plan again when they have ended.
//
// The outcome is [teardown.Deleted] when Applivery has said so, and a read says that the
// organization does not exist; or, with a service account of the workspace itself, when three
// reads in a row are refused. While reads still show it, the deletion is sent again, at most
// three times; if they do so for a minute, or fail, the outcome is [teardown.Unknown]. It is
// Unknown as well when the answer was lost and nothing can be read, as it is with a service
// account of the workspace itself.
//
// Applivery does not tell an organization that is gone from one that the user may not
// see: carry out a plan as the user who made it. A service account is told apart, and
// the error is [errors.NotConfirmed].
//
// It needs the permissions of [Client.Plan] and
// base.organization.management.remove. It costs the requests of a plan, right before the
// deletion, and two more. What is deleted along with the
// organization and is not in the plan, or cannot be read any more, is [errors.PlanStale].
//
// Errors are those of [teardown.Execute] and of [Client.DeleteOrganization];
// [errors.PlanStale] for a plan of another provider, before anything is read.
//
// Source: seed page; vendor's reference pages.
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return teardown.Execute(ctx, driver{c}, p, options...)
}

// driver is Applivery's.
type driver struct{ c *Client }

// Provider says whose plans are carried out.
func (d driver) Provider() (name, instance string) { return provider, d.c.rest().BaseURL().String() }

// Inspect takes a plan. A service account never sees that its own workspace is gone,
// for it is gone too: what it does not find is another's, and may well be there.
func (d driver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
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
			Err: errors.New("the token does not see the organization, and is no user's who would"),
		}
	}
	return nil, err
}

// Act returns an error: no API cancels a subscription, whatever a plan says.
func (d driver) Act(_ context.Context, _ teardown.Organization, step teardown.Step) (teardown.Progress, error) {
	return teardown.Progress{}, &errors.Error{
		Provider: provider, Operation: "Teardown", Target: step.ID, Code: errors.InvalidArgument,
		Err: errors.New("no API removes this"),
	}
}

// Poll reads once which subscriptions have ended.
func (d driver) Poll(ctx context.Context, o teardown.Organization, _ string, subscriptions []teardown.Step) ([]teardown.Progress, error) {
	found, err := d.c.GetWorkspace(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	if _, err := confirm("Teardown", o.ID, found.Organization.ID, found.Organization.Slug); err != nil {
		return nil, err
	}
	left := steps(found.Organization.Subscriptions, time.Now())
	all := make([]teardown.Progress, len(subscriptions))
	for i, step := range subscriptions {
		if !slices.ContainsFunc(left, func(s teardown.Step) bool { return s.ID == step.ID }) {
			all[i].State = teardown.ProgressNotFound
		}
	}
	return all, nil
}

// Delete deletes the organization, and reads that it no longer exists. The inspection right
// before has read that its ID is that of the plan, and no slug. Applivery does not
// document whether it is deleted at once. That Applivery goes on refusing a service account of
// the organization itself shows that the account was deleted with it.
func (d driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	a := d.c.account.Load() // as it was read before the deletion
	own := a != nil && a.of(o.ID)
	deletion := resource.Deletion{
		Send: func(ctx context.Context) (bool, error) { return d.c.deleteProved(ctx, o.ID) },
		Verification: resource.Verification{
			Wait: d.c.rest().Wait, Provider: provider, Operation: "Teardown", Organization: o.ID,
			Read: func(ctx context.Context) (rest.Existence, error) { return d.c.look(ctx, o.ID) },
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
		Organization: teardown.Organization{ID: id, Name: cmp.Or(o.Name, o.Slug, id)},
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

// account is whom a token belongs to.
type account struct {
	service bool // it is a service account
	email   string
}

// own reports whether an organization is the one that the token belongs to, or that
// cannot be told.
func (c *Client) own(ctx context.Context, id string) (bool, error) {
	a := c.account.Load()
	if a == nil {
		user, err := c.GetProfile(ctx)
		switch {
		case errors.Is(err, errors.Unauthenticated), errors.Is(err, errors.PermissionDenied), errors.Is(err, errors.NotFound):
			// The token reads the organization, and is nobody's: no user's, at least.
			return true, nil
		case err != nil:
			return false, err
		}
		a = &account{user.Role == UserRoleServiceAccount, strings.ToLower(user.Email)}
		c.account.Store(a)
	}
	return a.of(id), nil
}

// of reports whether an account is a service account of an organization. One that reads the
// organization is of no other.
func (a *account) of(id string) bool {
	return a.service || strings.HasSuffix(a.email, "@"+id+".iam.applivery.io")
}
