package atlas

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// ownedAge is how old a read may be that shows that a project belongs to the organization,
// when something in the project is removed: a project can be moved to another organization
// at any time. Removals that are sent within it share one list.
const ownedAge = time.Second

// noteOwned keeps which projects a read shows to belong to the organization. at is when the
// read was requested.
func (d *driver) noteOwned(organization string, projects []Project, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range projects {
		if x.OrgID == organization {
			d.owned[organization+"/"+x.ID] = at
		}
	}
}

func (d *driver) isOwned(r ref) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.owned[r.organization+"/"+r.Project]
	return !at.IsZero() && time.Since(at) <= ownedAge
}

// belongs returns whether the project of a resource exists, and an error if it belongs to
// another organization, or cannot be read. One list shows it for all projects, and is read
// again after [ownedAge]; a project that it lacks is read by itself.
func (d *driver) belongs(ctx context.Context, r ref) (exists bool, err error) {
	if r.Project == "" || d.isOwned(r) {
		return true, nil
	}
	select {
	case d.reading <- struct{}{}:
		defer func() { <-d.reading }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if d.isOwned(r) { // another step has read it
		return true, nil
	}
	at := time.Now()
	if projects, err := gather(d.c.ListProjects(ctx, r.organization, ListProjectsPageOptions{})); err == nil {
		if d.noteOwned(r.organization, projects, at); d.isOwned(r) {
			return true, nil
		}
	}
	at = time.Now()
	project := r
	project.ID = r.Project
	if _, err := d.c.readProject(ctx, project); err != nil {
		if gone, wrong := d.c.projectDeleted(ctx, project, err); !gone {
			return false, cmp.Or(wrong, err)
		}
		return false, nil
	}
	d.noteOwned(r.organization, []Project{{ID: r.Project, OrgID: r.organization}}, at)
	return true, nil
}

// owns returns an error unless the project of a resource exists and belongs to the
// organization, right before something in it is changed.
func (d *driver) owns(ctx context.Context, r ref) error {
	exists, err := d.belongs(ctx, r)
	if err == nil && !exists {
		err = &errors.Error{
			Provider: provider, Operation: "Teardown", Target: r.stepID(), Code: errors.NotFound,
			Err: errors.New("its project does not exist"),
		}
	}
	return err
}

// noteRemoved keeps that this run has deleted a cluster, by Atlas's own ID.
func (d *driver) noteRemoved(r ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.removed[r.Project+"/"+r.UID] = r.ID
}

// hasRemoved reports whether this run has deleted the cluster with this ID of Atlas's own.
func (d *driver) hasRemoved(project, uid string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.removed[project+"/"+uid]
	return ok
}

// hasRemovedName reports whether this run has deleted a cluster of this name.
func (d *driver) hasRemovedName(project, name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, removed := range d.removed {
		if removed == name && strings.HasPrefix(key, project+"/") {
			return true
		}
	}
	return false
}

// retainedByRun returns the names of the clusters that have left snapshots behind in a project,
// if this run has deleted every one of the name. Others may have kept snapshots on purpose.
func (d *driver) retainedByRun(ctx context.Context, project string) (map[string]bool, error) {
	kept, err := gather(d.c.ListClusters(ctx, project, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
	names := map[string]bool{}
	for _, x := range kept {
		all, known := names[x.Name]
		names[x.Name] = d.hasRemoved(project, x.ID) && (all || !known)
	}
	return names, err
}
