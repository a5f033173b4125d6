package atlas

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// providerCode returns Atlas's own code of an error; "" if it has none.
func providerCode(err error) string {
	if e, ok := errors.AsType[*errors.Error](err); ok {
		return e.ProviderCode
	}
	return ""
}

// saysProjectMissing reports whether an error says that a project does not exist.
func saysProjectMissing(err error) bool {
	return errors.Is(err, errors.NotFound) && slices.Contains(projectMissing, providerCode(err))
}

// isAboutAnother reports whether the parameters of an error name other resources than the
// one with this ID. A parameter may be a path.
func isAboutAnother(err error, id string) bool {
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		return false
	}
	detail, _ := e.Detail.(ErrorDetail)
	return len(detail.Parameters) > 0 && !slices.ContainsFunc(detail.Parameters, func(p any) bool {
		text, ok := p.(string)
		return ok && strings.Contains(text, id)
	})
}

// isNotInGroup reports whether Atlas answers that the credential is not in a project. It
// answers so for a project that was deleted, too.
func isNotInGroup(err error) bool { return providerCode(err) == "NOT_IN_GROUP" }

var errContradicted = errors.New("a list reports that its parent does not exist, and a read finds it")

// another returns the error of an answer that is not about the resource requested. It
// proves nothing.
func another(operation, id string) error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: id, Code: errors.UnexpectedResponse,
		Err: errors.New("the answer is about another resource"),
	}
}

// contradicted returns the error of a list whose parent a read finds: the list proves
// nothing, and another read may succeed.
func contradicted(err error) error { return unavailable(err, errContradicted) }

// unavailable returns the error of a read that may succeed later.
func unavailable(err, cause error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		return err
	}
	later := *e
	later.Code, later.Err = errors.Unavailable, cause
	return &later
}

// says reports whether an error says by a code of Atlas that the resource of this name
// does not exist. Atlas names the resource among the parameters of the error (recorded).
func says(err error, code, name string) bool {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.ProviderCode != code || !errors.Is(err, errors.NotFound) {
		return false
	}
	detail, _ := e.Detail.(ErrorDetail)
	return len(detail.Parameters) == 0 || slices.Contains(detail.Parameters, any(name))
}

// saysClusterMissing reports whether an error says that a cluster does not exist.
func saysClusterMissing(err error, name string) bool { return says(err, "CLUSTER_NOT_FOUND", name) }

// saysNoSimulation reports whether an error says that a cluster has no outage
// simulation. No recorded answer shows the code: it is RESOURCE_NOT_FOUND, as with other
// resources of a cluster, or one that names the simulation. A code that names another
// resource, and one without a meaning, says nothing of the simulation.
func saysNoSimulation(e *errors.Error) bool {
	return e.ProviderCode == "RESOURCE_NOT_FOUND" || strings.Contains(e.ProviderCode, "OUTAGE_SIMULATION")
}

// clusterAbsent returns a function that reports whether an error shows that a cluster,
// or the one resource that it has of a kind, does not exist.
func (s *sources) clusterAbsent(ctx context.Context) func(Cluster, error) (bool, error) {
	return func(x Cluster, err error) (bool, error) {
		switch e, _ := errors.AsType[*errors.Error](err); {
		case !errors.Is(err, errors.NotFound):
			return false, err
		case e.Operation == "GetOutageSimulation" && saysNoSimulation(e):
			return true, nil
		case !saysClusterMissing(err, x.Name):
			return false, err
		}
		// Clusters that were deleted and left snapshots are in this list alone.
		kept, wrong := gather(s.c.ListClusters(ctx, s.projectID, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
		switch {
		case wrong != nil:
			return false, wrong
		case slices.ContainsFunc(kept, func(other Cluster) bool { return other.Name == x.Name }):
			return false, contradicted(err)
		}
		return true, nil
	}
}

// workspaceAbsent returns a function that reports whether an error shows that a stream
// workspace does not exist.
func (s *sources) workspaceAbsent(ctx context.Context) func(StreamWorkspace, error) (bool, error) {
	return func(x StreamWorkspace, err error) (bool, error) {
		if !says(err, "STREAM_TENANT_NOT_FOUND_FOR_NAME", x.Name) {
			return false, err
		}
		all, wrong := gather(s.c.ListStreamWorkspaces(ctx, s.projectID))
		switch {
		case wrong != nil:
			return false, wrong
		case slices.ContainsFunc(all, func(other StreamWorkspace) bool { return other.Name == x.Name }):
			return false, contradicted(err)
		}
		return true, nil
	}
}

// listed is a list, and whether it may have had several pages: an item that is not in
// such a list may exist, because items move to an earlier page when others are removed.
type listed struct {
	found []Blocker
	paged bool
}

// counted counts the answers to the requests of a function.
func counted(ctx context.Context, f func(context.Context)) int {
	if ctx == nil { // each request is refused
		f(ctx)
		return 0
	}
	var answers trace.Last
	f(trace.With(ctx, &answers))
	if outer := trace.Of(ctx); outer != nil {
		outer.Note(answers.ID())
	}
	return answers.Answers()
}

// list reads a scope. If the parent of the scope does not exist, which a read of the
// parent shows, nothing is in it.
func (c *Client) list(ctx context.Context, in scope) (l listed, err error) {
	answers := counted(ctx, func(ctx context.Context) {
		if in.kind.findIn != nil {
			l.found, err = gather(in.kind.findIn(c, ctx, in.organization))
		} else {
			l.found, err = gather(c.listIn(ctx, in))
		}
	})
	l.paged = answers > 1
	if err != nil {
		if err = c.inAbsentParent(ctx, in, err); err != nil {
			return listed{}, in.passing(err)
		}
		return listed{}, nil
	}
	for i := range l.found {
		l.found[i].Kind = in.kind.name
	}
	return l, nil
}

// inAbsentParent returns nil if the error of a list is a consequence of that its parent
// does not exist, and a read of the parent shows that.
func (c *Client) inAbsentParent(ctx context.Context, in scope, err error) error {
	if k := in.kind; in.projectID == "" || k.findIn != nil {
		says := k.none != nil && errors.Is(err, errors.NotFound) && k.none(err)
		switch {
		case !errors.Is(err, errors.NotFound):
			return err
		case says && !k.ambiguous:
			return nil
		}
		gone, wrong := c.organizationAbsent(ctx, in.organization)
		switch {
		case wrong != nil:
			return wrong
		case gone, says:
			return nil
		}
		return contradicted(err)
	}
	if !saysProjectMissing(err) && !isNotInGroup(err) {
		return err
	}
	gone, wrong := c.projectAbsent(ctx, in)
	switch {
	case wrong != nil:
		return wrong
	case gone:
		return nil
	}
	return contradicted(err)
}

// saysLinkMissing reports whether an error says that an organization has no link for
// live migrations. The code that Atlas gives has no meaning of its own (recorded).
func saysLinkMissing(err error) bool {
	e, _ := errors.AsType[*errors.Error](err)
	return e.ProviderCode == "RESOURCE_NOT_FOUND" || strings.Contains(e.Message, "external organization link")
}

// organizationAbsent reads whether the organization does not exist.
func (c *Client) organizationAbsent(ctx context.Context, orgID string) (bool, error) {
	existence, err := c.look(ctx, orgID)
	if existence != rest.Unknown {
		err = nil
	} else if err == nil {
		err = another("GetOrganization", orgID)
	}
	return existence == rest.NotFound, err
}

// projectAbsent reads whether the project of a scope does not exist.
func (c *Client) projectAbsent(ctx context.Context, in scope) (bool, error) {
	r := ref{organization: in.organization, ID: in.projectID, Project: in.projectID, Created: in.created}
	if _, err := c.readProject(ctx, r); err != nil {
		return c.projectDeleted(ctx, r, err)
	}
	return false, nil
}

// projectDeleted reports whether the error of a read of a project shows that it does not
// exist. If Atlas answers that the credential is not in the project, the organization's
// list of projects tells whether it was deleted.
func (c *Client) projectDeleted(ctx context.Context, r ref, err error) (bool, error) {
	in := scope{kind: &kind{name: kindProject, findIn: (*Client).projectsIn}, organization: r.organization, projectID: r.Project, created: r.Created}
	switch {
	case saysProjectMissing(err) && isAboutAnother(err, r.Project):
		return false, contradicted(err)
	case saysProjectMissing(err):
		return true, nil
	case !isNotInGroup(err):
		return false, in.passing(err)
	}
	found, wrong := c.stable(ctx, in)
	switch {
	case wrong != nil:
		return false, wrong
	case slices.ContainsFunc(found, func(x Blocker) bool { return x.ID == r.Project }):
		return false, err
	}
	return true, nil
}

// clusterAbsent reports whether the error of a read of a cluster shows that it does not
// exist.
func (c *Client) clusterAbsent(ctx context.Context, r ref, err error) (bool, error) {
	if saysClusterMissing(err, r.ID) {
		return true, nil
	}
	in := r.scope()
	err = in.passing(c.inAbsentParent(ctx, in, err))
	return err == nil, err
}

// maxUnstable is how often a list of several pages is read until two reads agree.
const maxUnstable = 5

// stable reads a list of a scope. One of several pages is read until two reads after
// each other are equal: then no item was removed between their pages, so that none was
// left out of both.
func (c *Client) stable(ctx context.Context, in scope) ([]Blocker, error) {
	var last []string
	for i := range maxUnstable {
		l, err := c.list(ctx, in)
		if err != nil || !l.paged {
			return l.found, err
		}
		ids := make([]string, len(l.found))
		for i, x := range l.found {
			ids[i] = refTo(in, x).stepID()
		}
		slices.Sort(ids)
		if i > 0 && slices.Equal(ids, last) {
			return l.found, nil
		}
		last = ids
	}
	return nil, &errors.Error{
		Provider: provider, Operation: "Teardown", Target: cmp.Or(in.projectID, in.organization), Code: errors.Unavailable,
		Err: errors.New("the list changes between reads"),
	}
}

// young is how long after it was made a project may refuse what its roles permit.
const young = 15 * time.Minute

// passing returns the error of a request in a project. A role that is missing in a
// project that was just made is transient: Atlas takes some time to grant it.
func (in scope) passing(err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Status != http.StatusUnauthorized || e.Code != errors.PermissionDenied || isNotInGroup(err) || time.Since(in.created) > young {
		return err
	}
	return unavailable(err, errors.New("the project is new, and a role in it is missing"))
}
