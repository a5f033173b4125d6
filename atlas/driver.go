package atlas

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// driver is Atlas's, of one teardown.
type driver struct {
	c       *Client
	orgID   string
	before  *teardown.Plan
	things  map[string]thing     // by step, as they were found at first
	created map[string]time.Time // projects, by id
	own     bool                 // the client's credential is one of the organization's

	mu    sync.Mutex // of what is below
	looks map[scope]*look
	clock int            // counts what follows, and lists that are begun
	sent  map[string]int // by step: when the last request to remove it had ended
	gone  map[string]int // by step: when it was found to be gone
}

// thing is what a step is about, and where it is listed.
type thing struct {
	Left
	in scope
}

// look is the last list of a scope.
type look struct {
	turn  chan struct{} // is held by the one that reads
	begun int
	at    time.Time
	listed
}

func newDriver(c *Client) *driver {
	return &driver{c: c, things: map[string]thing{}, created: map[string]time.Time{}, looks: map[scope]*look{}, sent: map[string]int{}, gone: map[string]int{}}
}

// Provider says whose plans are carried out.
func (d *driver) Provider() (name, instance string) { return provider, d.c.instance() }

// instance is the address of Atlas, of which there is another one for Government.
func (c *Client) instance() string { return c.rest().BaseURL().String() }

// Those who ask at about the same time share a list. One that is as old as this says
// enough of what nobody was asked to remove since.
const fresh = 10 * time.Second

// settling is how long Atlas is given after it has refused to delete a project: the
// vendor's own clean-up waits as long.
const settling = time.Minute

// How often a removal that Atlas has accepted is requested again if the resource stays as
// it is: after so many reads of an unchanged resource, and so many times at most. The
// vendor's own operator has to do this.
const (
	readsBeforeRepeat = 5
	maxRepeats        = 3
)

// Remove removes what a step is about and waits until a read shows that it does not
// exist.
func (d *driver) Remove(ctx context.Context, o teardown.Organization, step teardown.Step, progress func(string)) error {
	left, err := d.find(ctx, step, fresh)
	if err != nil || left == nil {
		return err
	}
	if !left.going() {
		if err := d.remove(ctx, o, step, *left); err != nil {
			return err
		}
	}
	begun, going := time.Now(), left.going() || left.State != failed
	state, unchanged, repeats := left.State, 0, 0
	return d.c.rest().Wait(ctx, "Teardown", step.ID, func(ctx context.Context) ([]errors.Step, error) {
		left, err := d.find(ctx, step, min(time.Since(begun)/4, fresh))
		if err != nil || left == nil {
			return nil, err
		}
		going = going || left.going()
		if left.State == failed && going {
			return nil, &errors.Error{
				Provider: provider, Operation: "Teardown", Target: step.ID, Code: errors.Conflict,
				Steps: []errors.Step{left.step()}, Err: errors.New("a deletion that had begun failed"),
			}
		}
		progress(left.step().Description)
		steps := []errors.Step{left.step()}
		if unchanged++; left.going() || left.State != state {
			state, unchanged = left.State, 0
		}
		patience := readsBeforeRepeat
		switch {
		case left.Kind == KindFederationEndpoint:
			patience = 1 // one success may not be enough
		case left.State == "":
			patience *= 2 // a deletion that has started does not show
		}
		if unchanged < patience || repeats == maxRepeats {
			return steps, nil
		}
		unchanged, repeats = 0, repeats+1
		switch err := d.remove(ctx, o, step, *left); {
		case errors.Is(err, errors.OutcomeUnknown), errors.Is(err, errors.Conflict), errors.Retryable(err):
			return steps, nil // the request before was accepted: the next read tells
		default:
			return steps, err
		}
	})
}

// IsGone reads whether what a step is about is on the list no more.
func (d *driver) IsGone(ctx context.Context, _ teardown.Organization, step teardown.Step) (bool, error) {
	left, err := d.find(ctx, step, math.MaxInt64)
	return err == nil && left == nil, err
}

// maxLinger is the longest time for which an organization is read after its deletion was
// accepted. Atlas documents that it no longer exists at once.
const maxLinger = 5 * time.Minute

// Delete deletes the organization, and reads whether it is deleted: an answer says only
// that the deletion was accepted. If it was and the organization stays, the request is
// sent again. A credential of the organization itself ends with it: that Atlas accepted
// it right before the deletion, and refuses it right after, is all that it can read.
func (d *driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	if err := d.c.DeleteOrganization(ctx, o.ID); err != nil {
		return teardown.Deletion{}, err
	}
	reading, cancel := context.WithTimeout(ctx, maxLinger)
	defer cancel()
	accepted, reads, repeats := true, 0, 0
	var last error // of the last read
	err := d.c.rest().Wait(reading, "Teardown", o.ID, func(ctx context.Context) ([]errors.Step, error) {
		presence, err := d.c.look(ctx, o.ID)
		last = err
		ended := errors.Is(err, errors.Unauthenticated)
		switch {
		case presence == rest.Gone, ended && d.own && accepted:
			return nil, nil
		case ended:
			return nil, err // no later read decides either
		case presence == rest.Unknown:
			return []errors.Step{{Name: "organization", Description: "its deletion was accepted, and no read shows whether it exists"}}, nil
		}
		if reads++; reads > readsBeforeRepeat && repeats < maxRepeats {
			reads, repeats = 0, repeats+1
			accepted = d.c.deleteOrganization(ctx, o.ID) == nil // the next read decides
		}
		return []errors.Step{{Name: "organization", Description: "its deletion was accepted, and it exists"}}, nil
	})
	if err != nil {
		return teardown.Deletion{}, &errors.Error{
			Provider: provider, Operation: "DeleteOrganization", Target: o.ID, Code: errors.OutcomeUnknown,
			Err: errors.Join(errAccepted, err, last),
		}
	}
	return teardown.Deletion{Outcome: teardown.Gone}, nil
}

var errAccepted = errors.New("the deletion was accepted, and no read shows that the organization is deleted")

// find finds what a step is about; nil when it is gone. Absence from a list is proved by
// a read of the resource, if an operation reads it, and by another read of a list of
// several pages. The list may have the given age, but was begun after the last request to
// remove it, and after what it goes after was gone.
func (d *driver) find(ctx context.Context, step teardown.Step, age time.Duration) (*Left, error) {
	t, ok := d.things[step.ID]
	if !ok {
		return nil, rest.Invalid(provider, "Teardown", step.ID, errors.New("the step was not inspected"))
	}
	l, err := d.look(ctx, t.in, d.since(step), age)
	if err != nil {
		return nil, err
	}
	left := of(l.found, step.ID, t.in)
	if left != nil || d.proved(step.ID) {
		return left, nil
	}
	if l.paged || slices.Contains(readable, t.in.kind) {
		left, err = d.prove(ctx, step.ID, t)
	}
	if left == nil && err == nil {
		d.note(d.gone, step.ID)
	}
	return left, err
}

// proved reports whether a read has shown that what a step is about does not exist,
// after the last request to remove it.
func (d *driver) proved(stepID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gone[stepID] > d.sent[stepID]
}

// since is when the last of what a list has to show had happened.
func (d *driver) since(step teardown.Step) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.sent[step.ID]
	for _, id := range step.After {
		last = max(last, d.gone[id])
	}
	return last
}

// note notes when something happened to a step.
func (d *driver) note(when map[string]int, stepID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock++
	when[stepID] = d.clock
}

// tick counts a list that is begun.
func (d *driver) tick() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock++
	return d.clock
}

// look returns the list of a scope, unless the last one is good enough.
func (d *driver) look(ctx context.Context, in scope, since int, age time.Duration) (listed, error) {
	d.mu.Lock()
	l := d.looks[in]
	if l == nil {
		l = &look{turn: make(chan struct{}, 1)}
		d.looks[in] = l
	}
	d.mu.Unlock()
	if ctx.Err() != nil { // or else it would be left to chance which of two errors it is
		return listed{}, context.Cause(ctx)
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return listed{}, context.Cause(ctx)
	}
	if l.begun > since && time.Since(l.at) <= age {
		return l.listed, nil
	}
	begun, at := d.tick(), time.Now()
	found, err := d.list(ctx, in)
	if err != nil {
		return listed{}, err
	}
	l.begun, l.at, l.listed = begun, at, found
	return found, nil
}

// remove asks for the removal of what a step is about. That it was asked for before,
// or is not there, is no error: the list tells.
func (d *driver) remove(ctx context.Context, o teardown.Organization, step teardown.Step, left Left) error {
	in := d.things[step.ID].in
	err := d.send(ctx, o.ID, in.projectID, left, step.Needs == teardown.TerminationProtection)
	d.note(d.sent, step.ID)
	if errors.Is(err, errors.AlreadyRequestedDeletion) || errors.Is(err, errors.NotFound) || isNotInGroup(err) {
		return nil
	}
	if in.kind == kindProject {
		return d.passing(left.ID, err)
	}
	return d.passing(in.projectID, err)
}

// send sends what removes a thing. Termination protection is only taken off where
// that was planned.
func (d *driver) send(ctx context.Context, orgID, projectID string, left Left, unprotect bool) (err error) {
	c, unprotect := d.c, unprotect && left.Protected
	switch left.Kind {
	case KindOutageSimulation:
		_, err = c.EndOutageSimulation(ctx, projectID, left.ID)
	case KindOnlineArchive:
		err = c.DeleteOnlineArchive(ctx, projectID, left.Parent, left.ID)
	case KindBackupCompliancePolicy:
		err = c.DeleteBackupCompliancePolicy(ctx, projectID)
	case KindCluster:
		if unprotect {
			_, err = c.SetClusterTerminationProtection(ctx, projectID, left.ID, false)
		}
		if err == nil {
			err = c.DeleteCluster(ctx, projectID, left.ID, DeleteClusterOptions{})
		}
	case KindFlexCluster:
		if unprotect {
			_, err = c.SetFlexClusterTerminationProtection(ctx, projectID, left.ID, false)
		}
		if err == nil {
			err = c.DeleteFlexCluster(ctx, projectID, left.ID)
		}
	case KindSnapshot:
		err = c.DeleteSnapshot(ctx, projectID, left.Parent, left.ID)
	case KindShardedSnapshot:
		err = c.DeleteShardedSnapshot(ctx, projectID, left.Parent, left.ID)
	case KindNetworkPeering:
		err = c.DeleteNetworkPeering(ctx, projectID, left.ID)
	case KindFederationEndpoint:
		err = c.DeleteFederationEndpoint(ctx, projectID, left.ID)
	case KindFederatedDatabase:
		err = c.DeleteFederatedDatabase(ctx, projectID, left.ID)
	case KindStreamProcessor:
		err = c.DeleteStreamProcessor(ctx, projectID, left.Parent, left.ID)
	case KindStreamWorkspace:
		err = c.DeleteStreamWorkspace(ctx, projectID, left.ID)
	case KindStreamPrivateLink:
		err = c.DeleteStreamPrivateLink(ctx, projectID, left.ID)
	case KindStreamVPCPeering:
		err = c.DeleteStreamVPCPeering(ctx, projectID, left.ID)
	case KindPrivateEndpoint:
		err = c.DeletePrivateEndpoint(ctx, projectID, left.Provider, left.Parent, left.ID)
	case KindPrivateEndpointService:
		err = c.DeletePrivateEndpointService(ctx, projectID, left.Provider, left.ID)
	case KindEncryptionEndpoint:
		err = c.DeleteEncryptionEndpoint(ctx, projectID, left.Provider, left.ID)
	case kindLiveMigrationLink:
		err = c.DeleteLiveMigrationLink(ctx, orgID)
	case kindFederation:
		err = c.leave(ctx, orgID, left.ID)
	case kindProject:
		err = d.deleteProject(ctx, left.ID)
	default:
		err = rest.Invalid(provider, "Teardown", left.ID, errors.New("no API removes it"))
	}
	return err
}

// leave takes an organization out of a federation, or deletes the federation when it
// is the last one in it. Others may leave at the same time.
func (c *Client) leave(ctx context.Context, orgID, federationID string) (err error) {
	for range 2 {
		var connected []ConnectedOrganization
		if connected, err = gather(c.ListConnectedOrganizations(ctx, federationID)); err != nil {
			return err
		}
		if slices.ContainsFunc(connected, func(x ConnectedOrganization) bool { return x.OrgID != orgID }) {
			err = c.DisconnectOrganization(ctx, federationID, orgID)
		} else {
			err = c.DeleteFederation(ctx, federationID)
		}
		if !errors.Is(err, errors.InvalidArgument) {
			return err
		}
	}
	return err
}

// deleteProject deletes a project, and what snapshots its clusters have left behind
// when these keep it.
func (d *driver) deleteProject(ctx context.Context, projectID string) error {
	err := d.c.DeleteProject(ctx, projectID)
	e, _ := errors.AsType[*errors.Error](err)
	if e != nil && e.ProviderCode == closeGroup+"BACKUP" {
		for left, err := range d.c.ListLeft(ctx, projectID, KindSnapshot, KindShardedSnapshot) {
			if err == nil && d.leftBehind(projectID, left) {
				err = d.send(ctx, "", projectID, left, false)
			}
			if err != nil && !errors.Is(err, errors.NotFound) {
				return err
			}
		}
		err = d.c.DeleteProject(ctx, projectID)
		e, _ = errors.AsType[*errors.Error](err)
	}
	if e != nil && errors.Is(e, errors.DeletionStepsNotSatisfied) {
		e.RetryAfter = max(e.RetryAfter, settling)
	}
	return err
}
