package zitadel

import (
	"context"
	"fmt"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan reads what becomes of an organization when it is deleted, and changes nothing.
//
// The plan has no steps, for nothing has to go before: all goes with the organization
// and is among the plan's Losses, [KindApps] and [KindUsersOfOthers] included. What
// cannot be listed goes as well: policies, identity providers, actions, metadata, and
// the memberships of its users elsewhere. Losses are what is on the lists, which follow
// changes after some time.
//
// The plan's Err is what [Client.CheckDeletion] returns: [errors.DefaultOrganization],
// which another default organization cures and no step, or [errors.PermissionDenied].
// Which organization has Zitadel's own project is not read; Zitadel refuses to delete
// it, with nothing touched before.
//
// The plan needs [teardown.OwnOrganization] to be permitted when the credential's user
// belongs to the organization, as [Client.GetMyUser] tells: the credential ends with it
// at once.
//
// It takes 12 requests, one more for each project and for each organization that a
// project is granted to, and one for each further 100 projects, grants, roles and
// members on a list. A list of many thousands of users takes Zitadel long.
// [Client.Teardown] reads it again, but for kinds that the plan has something of.
//
// It needs the permissions iam.read, org.read, user.read, project.read,
// project.app.read, project.grant.read, user.grant.read and org.member.read, which of
// Zitadel's own roles IAM_OWNER and IAM_OWNER_VIEWER have. Errors are those of reads,
// among them [errors.OrganizationNotFound].
func (c *Client) Plan(ctx context.Context, orgID string) (*teardown.Plan, error) {
	return c.plan(ctx, orgID, nil)
}

// Teardown carries out a plan of [Client.Plan]: it deletes the organization by
// [Client.DeleteOrganization], and reads that it is gone, for up to a minute where an old
// server still shows it; one that is shown after that is [errors.OutcomeUnknown]. When
// nothing can be read any more, as with the credential's own organization, the answer to
// the deletion stands.
//
// It needs the permission iam.write beside those of Plan, and two requests beside its.
//
// Errors, among those of DeleteOrganization, and with the report being nil where
// nothing was begun:
//
//   - [errors.NotConfirmed]: the name is another one, or something was not permitted
//   - [errors.PlanStale]: the plan is of another provider or instance, too old, or was
//     changed; or the organization is called otherwise, or has something of a kind that
//     the plan has nothing of
//   - [errors.DefaultOrganization], [errors.SystemOrganization]: it has to stay, and
//     nothing was touched
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return teardown.Execute(ctx, driver{c}, p, options...)
}

// plan makes a plan. Where there was one before, kinds of losses that it has something
// of are left out: more of the same does not make it stale.
func (c *Client) plan(ctx context.Context, orgID string, before *teardown.Plan) (*teardown.Plan, error) {
	const operation = "Plan"
	if err := rest.Opaque(orgID); err != nil {
		return nil, rest.Invalid(provider, operation, orgID, fmt.Errorf("orgId %w", err))
	}
	refusal, err := c.refusal(ctx, orgID)
	if err != nil {
		return nil, err
	}
	found, err := c.existing(ctx, operation, orgID)
	if err != nil {
		return nil, err
	}
	p := &teardown.Plan{
		Provider: provider, Instance: c.instance,
		Organization: teardown.Organization{ID: found.ID, Name: found.Name},
		Steps:        []teardown.Step{},
	}
	if refusal != nil {
		p.Refusal = teardown.RefusalOf(refusal)
	}
	me, err := c.GetMyUser(ctx)
	if err != nil {
		return nil, err
	}
	switch me.Details.ResourceOwner {
	case "":
		return nil, &errors.Error{
			Provider: provider, Operation: operation, Target: orgID, Code: errors.UnexpectedResponse,
			Err: errors.New("it cannot be told which organization the credential belongs to"),
		}
	case orgID:
		p.Needs = []teardown.Consent{teardown.OwnOrganization}
	}
	if p.Losses, err = c.losses(ctx, operation, orgID, before); err != nil {
		return nil, err
	}
	return p.Seal(), nil
}

// driver is what a teardown asks of Zitadel.
type driver struct{ *Client }

// Provider says whose plans are carried out.
func (d driver) Provider() (name, instance string) { return provider, d.instance }

func (d driver) Inspect(ctx context.Context, organization teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	return d.plan(ctx, organization.ID, before)
}

func (driver) Remove(_ context.Context, _ teardown.Organization, step teardown.Step, _ func(string)) error {
	return noStep(step)
}

func (driver) IsGone(_ context.Context, _ teardown.Organization, step teardown.Step) (bool, error) {
	return false, noStep(step)
}

// noStep is the error of any step: no plan of Zitadel has one.
func noStep(step teardown.Step) error {
	return rest.Invalid(provider, "Teardown", step.ID, errors.New("there is no such step"))
}

// settled is how long an organization may be read after its deletion was answered.
const settled = time.Minute

func (d driver) Delete(ctx context.Context, organization teardown.Organization) (teardown.Deletion, error) {
	id := organization.ID
	if _, err := d.DeleteOrganization(ctx, id); err != nil {
		return teardown.Deletion{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, settled)
	defer cancel()
	err := d.api.Wait(ctx, "Teardown", id, func(ctx context.Context) ([]errors.Step, error) {
		presence, found, err := look(ctx, id, d.GetOrganization)
		if presence != rest.Present {
			return nil, err
		}
		return []errors.Step{{Name: "organization", Description: found.Name + ", " + string(found.State)}}, nil
	})
	if e, ok := errors.AsType[*errors.Error](err); ok && len(e.Steps) > 0 {
		return teardown.Deletion{}, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: id, Code: errors.OutcomeUnknown, Err: e,
		}
	}
	return teardown.Deletion{Outcome: teardown.Gone}, nil
}
