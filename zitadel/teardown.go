package zitadel

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan reads what is deleted along with an organization, and changes nothing.
//
// The plan has no steps, because nothing has to be removed before. Its Losses name what
// is deleted along with the organization, counted by the items on the lists, which
// follow changes after some time: all kinds from [CascadeUsers] to [CascadeGroups]. Flows,
// texts, sessions, keys and tokens are deleted with them and are not counted.
//
// A list that the credential may not read, or not in full, is a loss whose note says so,
// with the count of what was read. A credential that may read less than the one that made
// a plan cannot carry it out ([errors.PermissionDenied]). Users who register make a plan
// stale: [Client.DeactivateOrganization] prevents that.
//
// The plan's Err is what [Client.CheckDeletion] returns, or [Client.CheckDeletionV2] for a
// credential without the permission iam.write: [errors.DefaultOrganization], which another
// default organization cures and no step, or [errors.PermissionDenied]. Which organization
// has Zitadel's own project is not read; Zitadel refuses to delete it, with nothing touched
// before.
//
// The plan needs [teardown.OwnOrganization] to be permitted when the credential's user
// belongs to the organization, as [Client.GetMyUser] tells: the credential ends with it
// at once.
//
// It takes 26 requests, two more for each project, one more for each grant, for each
// organization that a project is granted to and for each organization whose name is not
// on a list, and one for each further 100 items. An answer that names no organization, such
// as a list without items or a policy of the instance, takes one more, and once in five
// minutes a second one for each path. A list of many thousands of users takes Zitadel long.
//
// It needs the permission iam.read, or org.read in the organization. Errors are those of
// reads, among them [errors.OrganizationNotFound], which is about this organization only.
func (c *Client) Plan(ctx context.Context, orgID string) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, &driver{Client: c}, teardown.Organization{ID: orgID})
}

// Teardown carries out a plan of [Client.Plan]: it deletes the organization and reads that
// it no longer exists. The credential decides how: with the permission iam.write by
// [Client.DeleteOrganization], otherwise by [Client.DeleteOrganizationV2], or at a server
// without the API v2 by [Client.DeleteMyOrganization].
//
// It reads the organization as Plan does right before the deletion, except that it does not
// read whether the organization is the default one, unless the plan says so: Zitadel refuses
// to delete that one. If 10 seconds pass before the deletion, as when a function for events
// takes long, and before each further attempt, it reads the organization again.
//
// An organization that still exists 10 to 15 seconds after the answer to its deletion is deleted
// again, at most three times; one that exists half a minute after the last answer is
// [errors.OutcomeUnknown]. So is one that cannot be read for half a minute. A credential that
// ends with the organization is an exception: it is gone when Zitadel refuses the credential of
// its own users in three reads in a row; or, if the credential's only role was one in the
// organization, when it may not read the organization any more and the role is not among those
// of its user.
//
// Errors, among those of DeleteOrganization, and with the report being nil where
// nothing was begun:
//
//   - [errors.NotConfirmed]: the name is another one, or something was not permitted
//   - [errors.PlanStale]: the plan is of another provider or instance, too old, or was
//     changed; or the organization is called otherwise, or has anything that is new
//   - [errors.DefaultOrganization], [errors.SystemOrganization]: it has to stay, and
//     nothing was touched
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return teardown.Execute(ctx, &driver{Client: c}, p, options...)
}

// inspection is why an organization is read, which decides what need not be read.
type inspection struct {
	before *teardown.Plan // the plan that is applied; nil to make one
	access *access        // what the credential may do, as read less than a minute ago; nil if not
}

// skipsDefault reports whether Zitadel decides by itself that the organization is the default one.
// When a plan is applied, its refusal to delete that one is as good as a read, because nothing
// was changed before. A plan that says that the organization has to stay is not tried.
func (in inspection) skipsDefault() bool { return in.before != nil && in.before.DeletionError == nil }

// plan makes a plan, to be compared with the one before if there is one.
func (c *Client) plan(ctx context.Context, orgID string, in inspection) (*teardown.Plan, *access, error) {
	const operation = "Plan"
	if err := checkID(operation, orgID); err != nil {
		return nil, nil, err
	}
	a, err := in.access, error(nil)
	if a == nil {
		if a, err = c.accessTo(ctx, orgID); err != nil {
			return nil, nil, disproveNotFound(operation, orgID, err)
		}
	}
	found, refusal, err := c.getPlanned(ctx, operation, orgID, a, in)
	if err != nil {
		return nil, nil, err
	}
	p := &teardown.Plan{
		Provider: provider, Instance: c.address(),
		Organization: teardown.Organization{ID: found.ID, Name: found.Name},
		Steps:        []teardown.Step{},
	}
	if refusal != nil {
		p.DeletionError = refusal
	}
	if a.home == "" {
		if a.home, err = c.getHome(ctx, operation, orgID); err != nil {
			return nil, nil, err
		}
	}
	if a.home == orgID {
		p.Requires = []teardown.Override{teardown.OwnOrganization}
	}
	if p.Cascades, err = c.cascades(ctx, operation, orgID, a, in); err != nil {
		return nil, nil, err
	}
	return p, a, nil
}

// getPlanned returns an organization that is there, and why it may not be deleted, in the
// order in which Zitadel decides.
func (c *Client) getPlanned(ctx context.Context, operation, orgID string, a *access, in inspection,
) (found *Organization, refusal *errors.Error, err error) {
	if !a.adminReads {
		if found, err = c.getKnown(ctx, operation, orgID, a); err != nil {
			return nil, nil, err
		}
		if !a.canDelete {
			return found, missingPermission("CheckDeletionV2", orgID, "org.delete"), nil
		}
		if in.skipsDefault() {
			return found, nil, nil
		}
		// An old server does not have this list, and refuses the deletion of the default
		// organization all the same.
		if refusal, err = c.checkDefaultV2(ctx, "CheckDeletionV2", orgID); errors.Is(err, errors.RouteNotFound) {
			err = nil
		}
		return found, refusal, err
	}
	if !in.skipsDefault() {
		if refusal, err = c.checkDefault(ctx, "CheckDeletion", orgID); err != nil {
			return nil, nil, err
		}
	}
	if found, err = c.getExisting(ctx, operation, orgID); err != nil {
		return nil, nil, err
	}
	if !a.adminDeletes && !a.canDelete {
		refusal = missingPermission("CheckDeletion", orgID, "iam.write")
	}
	return found, refusal, nil
}

// driver is what a teardown asks of Zitadel. No plan has steps.
type driver struct {
	*Client
	access   *access   // as an inspection read it last
	accessAt time.Time // when it was read
}

// Provider says whose plans are carried out.
func (d *driver) Provider() (name, instance string) { return provider, d.Client.address() }

// Inspect reads the organization right before the deletion, because no plan has steps: no
// other read shows what others created since the plan. Therefore each empty list is proved: one that
// is empty because its request lost its header would hide what is new.
func (d *driver) Inspect(ctx context.Context, organization teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	in := inspection{before: before}
	if d.access != nil && time.Since(d.accessAt) < accessLifetime {
		in.access = d.access
	}
	at := time.Now()
	p, a, err := d.plan(ctx, organization.ID, in)
	if err != nil {
		return nil, err
	}
	if in.access == nil {
		d.access, d.accessAt = a, at
	}
	return p, nil
}

// accessLifetime is how long a teardown does not read again what its credential may do, and
// which organization its user belongs to, which no user changes. Zitadel refuses the
// deletion by a credential that may not delete any more.
const accessLifetime = time.Minute

// Act returns an error: no plan of Zitadel has steps.
func (*driver) Act(_ context.Context, _ teardown.Organization, step teardown.Step) (teardown.Progress, error) {
	return teardown.Progress{}, unknownStep(step)
}

// Poll returns an error, as Act does.
func (*driver) Poll(_ context.Context, _ teardown.Organization, _ string, steps []teardown.Step) ([]teardown.Progress, error) {
	return nil, unknownStep(steps...)
}

// unknownStep is the error of any steps.
func unknownStep(steps ...teardown.Step) error {
	id := ""
	if len(steps) > 0 {
		id = steps[0].ID
	}
	return rest.Invalid(provider, "Teardown", id, errors.New("unknown step"))
}

// Delete deletes an organization by the API that the credential may use, and reads that
// it no longer exists.
func (d *driver) Delete(ctx context.Context, organization teardown.Organization) (teardown.Deletion, error) {
	id := organization.ID
	if d.access == nil {
		a, err := d.accessTo(ctx, id)
		if err != nil {
			return teardown.Deletion{}, err
		}
		d.access = a
	}
	deletion := resource.Deletion{
		Send: func(ctx context.Context) (bool, error) {
			proved, err := d.send(ctx, id)
			if errors.Is(err, errStillExists) || isUndocumentedSuccess(err) { // a read decides
				err = nil
			}
			return proved, err
		},
		Verification: d.verification("Teardown", id, d.existenceReader(id), d.endedWithOrganization(id)),
	}
	return deletion.Run(ctx)
}

// verification returns how an organization is read after its deletion was answered with
// success.
func (c *Client) verification(operation, orgID string,
	read func(context.Context) (rest.Existence, *Organization, error), ended func(context.Context, error) (bool, error),
) resource.Verification {
	return resource.Verification{
		Wait: c.rest().Wait, Provider: provider, Operation: operation, Organization: orgID,
		Read: func(ctx context.Context) (rest.Existence, error) {
			existence, _, err := read(ctx)
			return existence, err
		},
		CredentialEnded: ended, MinRefusals: 3, RepeatAfter: 10 * time.Second, Timeout: 30 * time.Second,
	}
}

// isUndocumentedSuccess reports whether a deletion was answered with a success that is not the
// documented one, by an organization that still existed then: it may be deleted later.
func isUndocumentedSuccess(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.UnexpectedResponse && e.Status >= 200 && e.Status <= 299
}

// existenceReader returns a read of an organization that the credential may make. One that is not known
// by the header any more does not exist: it was known to this credential before.
func (d *driver) existenceReader(id string) func(context.Context) (rest.Existence, *Organization, error) {
	if d.access.adminReads {
		return func(ctx context.Context) (rest.Existence, *Organization, error) {
			return readExistence(ctx, id, d.GetOrganization)
		}
	}
	return d.headerReader(id)
}

// headerReader returns a read by the header of an organization that was known to the credential.
func (c *Client) headerReader(id string) func(context.Context) (rest.Existence, *Organization, error) {
	return func(ctx context.Context) (rest.Existence, *Organization, error) {
		existence, found, err := readExistence(ctx, id, c.GetMyOrganization)
		if e, ok := errors.AsType[*errors.Error](err); ok && isUnknownOrganization(e) {
			return rest.NotFound, nil, nil
		}
		return existence, found, err
	}
}

// endedWithOrganization returns what decides whether refused reads show that an organization was deleted.
func (d *driver) endedWithOrganization(id string) func(context.Context, error) (bool, error) {
	home, byRole := d.access.home, d.access.member && !d.access.instanceWide
	return func(ctx context.Context, refusal error) (bool, error) {
		switch {
		case home == id:
			return errors.Is(refusal, errors.Unauthenticated), nil
		case byRole && home != "" && errors.Is(refusal, errors.PermissionDenied):
			return d.roleEnded(ctx, id, home) == nil, nil
		}
		return false, nil
	}
}

// send sends a deletion by the API that the credential may use, and reports whether it is
// proved. A server without the API v2 has deleted nothing.
func (d *driver) send(ctx context.Context, id string) (proved bool, err error) {
	if d.access.adminDeletes {
		_, proved, err = d.deleteProved(ctx, id)
		return proved, err
	}
	_, proved, err = d.deleteProvedV2(ctx, id)
	if errors.Is(err, errors.RouteNotFound) {
		_, err = d.DeleteMyOrganization(ctx, id) // which reads itself
		return err == nil, err
	}
	return proved, err
}
