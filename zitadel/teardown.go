package zitadel

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan reads what Zitadel deletes along with an organization, and changes nothing.
//
// The plan has no steps, because nothing must be removed before the organization. Its Cascades
// name the resources that Zitadel deletes, of all kinds from [CascadeUsers] to
// [CascadeGroups]. Plan counts the items of the lists, which show changes with a delay.
// Zitadel also deletes flows, texts, sessions, keys and tokens; Plan does not count them.
//
// If the credential may not read a list, or only a part of it, the note of the cascade says
// so, and the count is that of the items read. A credential that may read less than the one
// that made a plan cannot apply the plan ([errors.PermissionDenied]). Users who register make
// a plan stale; [Client.DeactivateOrganization] prevents that.
//
// The plan's DeletionError is the error of [Client.CheckDeletion], or of
// [Client.CheckDeletionV2] for a credential without the permission iam.write:
// [errors.DefaultOrganization], which only another default organization resolves, or
// [errors.PermissionDenied]. Plan does not read which organization owns Zitadel's own project.
// Zitadel refuses to delete that organization, and nothing changes.
//
// The plan requires the override [teardown.OwnOrganization] if the credential's user belongs
// to the organization (see [Client.GetMyUser]): the credential ends with the organization.
//
// Plan sends 26 requests; two more for each project; one more for each grant, for each
// organization to which a project is granted, for each organization whose name no list has,
// and for each further 100 items. If an answer names no organization, such as an empty list or
// a policy of the instance, Plan sends one more request, and once in five minutes a second one
// for each path. Zitadel takes long to list many thousands of users.
//
// Plan needs the permission iam.read, or org.read in the organization. Errors are those of
// reads. [errors.OrganizationNotFound] is about this organization only.
func (c *Client) Plan(ctx context.Context, orgID string) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, c.driver(), teardown.Organization{ID: orgID})
}

// Identify returns the ID and the name of an organization as a plan has them. The error is
// [errors.OrganizationNotFound] if the organization does not exist, also if a read still finds a
// deleted one. Identify needs the permissions of [Client.Plan]. It sends two requests, or four
// without the permission iam.write.
func (c *Client) Identify(ctx context.Context, orgID string) (teardown.Organization, error) {
	const operation = "Identify"
	if err := checkID(operation, orgID); err != nil {
		return teardown.Organization{}, err
	}
	a, err := c.accessTo(ctx, orgID)
	if err != nil {
		return teardown.Organization{}, unexpectedNotFound(operation, orgID, err)
	}
	found, err := c.getByAccess(ctx, operation, orgID, a)
	if err != nil {
		return teardown.Organization{}, err
	}
	return found.planned(), nil
}

// planned returns the organization as plans have it.
func (o *Organization) planned() teardown.Organization {
	return teardown.Organization{ID: o.ID, Name: o.Name}
}

// Teardown applies a plan of [Client.Plan]: it deletes the organization, and reads that the
// organization no longer exists. With the permission iam.write it uses
// [Client.DeleteOrganization], otherwise [Client.DeleteOrganizationV2], or
// [Client.DeleteMyOrganization] at a server without the API v2.
//
// Right before the deletion, Teardown reads the organization as Plan does. It reads whether
// the organization is the default one only if the plan says so; otherwise Zitadel refuses the
// deletion. Teardown reads the organization again before each further attempt, and if more
// than 10 seconds pass before the deletion, for example in a function for events or for the rate
// limit.
//
// If the organization still exists 10 to 15 seconds after Zitadel answered the deletion with
// success, Teardown reads it as Plan does, and deletes it again, at most three times. If it has a
// new resource, Teardown does not delete it again. The outcome is
// [teardown.Unknown] if the organization exists half a minute after the last answer, or
// cannot be read for half a minute. A credential that ends with the organization is an
// exception. The organization counts as deleted if the credential belongs to the organization
// and three reads in a row refuse the credential; or if the credential's only role was in the
// organization, it may not read the organization any more, and the role is not among those of
// its user.
//
// The report is nil if the error was found before the plan was applied, as in
// [teardown.Execute]. Errors, in addition to those of DeleteOrganization:
//
//   - [errors.NotConfirmed]: the name differs, or an override is missing
//   - [errors.PlanStale]: the plan is of another provider or instance, expired, or was edited;
//     or the organization was renamed, or has a new resource
//   - [errors.DefaultOrganization], [errors.SystemOrganization]: Zitadel does not delete the
//     organization, and nothing changed
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

// inspection states why an organization is read, which decides which reads are needed.
type inspection struct {
	before *teardown.Plan // the plan that is applied; nil if a plan is made
	access *access        // read less than accessLifetime ago; nil if it must be read
}

// skipsDefault reports whether the read of the default organization is not needed. When a
// plan is applied, Zitadel's refusal to delete the default organization proves as much as a
// read, because nothing changed before. If the plan itself says that the deletion is refused,
// the read decides.
func (in inspection) skipsDefault() bool { return in.before != nil && in.before.DeletionError == nil }

// plan makes a plan. If a plan exists, plan compares it with the organization.
func (c *Client) plan(ctx context.Context, orgID string, in inspection) (*teardown.Plan, *access, error) {
	const operation = "Plan"
	if err := checkID(operation, orgID); err != nil {
		return nil, nil, err
	}
	a, err := in.access, error(nil)
	if a == nil {
		if a, err = c.accessTo(ctx, orgID); err != nil {
			return nil, nil, unexpectedNotFound(operation, orgID, err)
		}
	}
	found, refusal, err := c.getPlanned(ctx, operation, orgID, a, in)
	if err != nil {
		return nil, nil, err
	}
	p := &teardown.Plan{
		Provider: provider, Instance: c.address(),
		Organization: found.planned(),
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

// getPlanned returns an organization that exists, and the refusal of its deletion if Zitadel
// would refuse it, in the order in which Zitadel decides.
func (c *Client) getPlanned(ctx context.Context, operation, orgID string, a *access, in inspection,
) (found *Organization, refusal *errors.Error, err error) {
	if !a.adminReads {
		if found, err = c.getByAccess(ctx, operation, orgID, a); err != nil {
			return nil, nil, err
		}
		if !a.canDelete {
			return found, missingPermission("CheckDeletionV2", orgID, "org.delete"), nil
		}
		if in.skipsDefault() {
			return found, nil, nil
		}
		// An old server does not have this list. It refuses the deletion of the default
		// organization as well.
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
	if found, err = c.getByAccess(ctx, operation, orgID, a); err != nil {
		return nil, nil, err
	}
	if !a.adminDeletes && !a.canDelete {
		refusal = missingPermission("CheckDeletion", orgID, "iam.write")
	}
	return found, refusal, nil
}

// driver implements [teardown.Driver] for Zitadel. Its plans have no steps.
type driver struct {
	c        *Client
	access   *access   // of the last inspection that read it
	accessAt time.Time // time of that read
}

// driver returns the driver of one plan or one run.
func (c *Client) driver() *driver { return &driver{c: c} }

// Provider returns the provider and the instance of the plans.
func (d *driver) Provider() (name, instance string) { return provider, d.c.address() }

// Inspect reads the organization. No plan has steps, so Inspect runs right before the
// deletion, and only its reads show what others created since the plan. Therefore Do proves
// each empty list: a list that is empty because its request lost the header would hide new
// resources.
func (d *driver) Inspect(ctx context.Context, organization teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	in := inspection{before: before}
	if d.access != nil && time.Since(d.accessAt) < accessLifetime {
		in.access = d.access
	}
	at := time.Now()
	p, a, err := d.c.plan(ctx, organization.ID, in)
	if err != nil {
		return nil, err
	}
	if in.access == nil {
		d.access, d.accessAt = a, at
	}
	return p, nil
}

// accessLifetime is how long a teardown uses a read of its credential's permissions and of its
// user's organization, which users cannot change. If the credential loses its permission in
// the meantime, Zitadel refuses the deletion.
const accessLifetime = time.Minute

// Act returns an error, because no plan of Zitadel has steps.
func (*driver) Act(_ context.Context, _ teardown.Organization, step teardown.Step) (teardown.Progress, error) {
	return teardown.Progress{}, unknownStep(step)
}

// Poll returns an error, as Act does.
func (*driver) Poll(_ context.Context, _ teardown.Organization, _ string, steps []teardown.Step) ([]teardown.Progress, error) {
	return nil, unknownStep(steps...)
}

// unknownStep returns the error of any step.
func unknownStep(steps ...teardown.Step) error {
	id := ""
	if len(steps) > 0 {
		id = steps[0].ID
	}
	return rest.Invalid(provider, "Teardown", id, errors.New("unknown step"))
}

// Delete deletes an organization by the API that the credential may use, and reads that the
// organization no longer exists.
func (d *driver) Delete(ctx context.Context, organization teardown.Organization) (teardown.Deletion, error) {
	id := organization.ID
	if d.access == nil {
		a, err := d.c.accessTo(ctx, id)
		if err != nil {
			return teardown.Deletion{}, err
		}
		d.access = a
	}
	deletion := resource.Deletion{
		Send:         func(ctx context.Context) (bool, error) { return d.send(ctx, id) },
		Undecided:    func(err error) bool { return errors.Is(err, errStillExists) },
		Verification: d.c.verification("Teardown", id, d.existenceReader(id), d.endedWithOrganization(id)),
	}
	return deletion.Run(ctx)
}

// verification returns how an organization is read after Zitadel answered its deletion with
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

// existenceReader returns a read of an organization that the credential may send.
func (d *driver) existenceReader(id string) func(context.Context) (rest.Existence, *Organization, error) {
	if d.access.adminReads {
		return func(ctx context.Context) (rest.Existence, *Organization, error) {
			return readExistence(ctx, id, d.c.GetOrganization)
		}
	}
	return d.c.headerReader(id)
}

// headerReader returns a read, by the header, of an organization that the credential has read
// before. If Zitadel no longer knows the organization, it does not exist.
func (c *Client) headerReader(id string) func(context.Context) (rest.Existence, *Organization, error) {
	return func(ctx context.Context) (rest.Existence, *Organization, error) {
		existence, found, err := readExistence(ctx, id, c.GetMyOrganization)
		if e, ok := errors.AsType[*errors.Error](err); ok && isUnknownOrganization(e) {
			return rest.NotFound, nil, nil
		}
		return existence, found, err
	}
}

// endedWithOrganization returns a function that decides whether refused reads show that the
// organization was deleted.
func (d *driver) endedWithOrganization(id string) func(context.Context, error) (bool, error) {
	home, byRole := d.access.home, d.access.member && !d.access.instanceWide
	return func(ctx context.Context, refusal error) (bool, error) {
		switch {
		case home == id:
			return errors.Is(refusal, errors.Unauthenticated), nil
		case byRole && home != "" && errors.Is(refusal, errors.PermissionDenied):
			return d.c.roleEnded(ctx, id, home) == nil, nil
		}
		return false, nil
	}
}

// send sends a deletion by the API that the credential may use, and reports whether a read has
// shown the deletion. A server without the API v2 answers RouteNotFound and deletes nothing.
func (d *driver) send(ctx context.Context, id string) (proved bool, err error) {
	if d.access.adminDeletes {
		_, proved, err = d.c.deleteProved(ctx, id)
		return proved, err
	}
	_, proved, err = d.c.deleteProvedV2(ctx, id)
	if errors.Is(err, errors.RouteNotFound) {
		if last := trace.Of(ctx); last != nil {
			last.Unsent() // no server deletes by a route that it does not have
		}
		_, err = d.c.DeleteMyOrganization(ctx, id) // verifies the deletion itself
		return err == nil, err
	}
	return proved, err
}
