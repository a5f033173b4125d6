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
	"github.com/offboard-dev/offboard-go/teardown"
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
func contradicted(err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		return err
	}
	passing := *e
	passing.Code, passing.Err = errors.Unavailable, errContradicted
	return &passing
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
	found []Left
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
func (d *driver) list(ctx context.Context, in scope) (l listed, err error) {
	answers := counted(ctx, func(ctx context.Context) { l.found, err = d.read(ctx, in) })
	l.paged = answers > 1
	if err != nil {
		if err = d.inAbsentParent(ctx, in, err); err != nil {
			return listed{}, d.passing(in.projectID, err)
		}
		return listed{}, nil
	}
	for i := range l.found {
		l.found[i].Kind = in.kind
	}
	return l, nil
}

// read reads the list of a scope.
func (d *driver) read(ctx context.Context, in scope) (found []Left, err error) {
	switch in.kind {
	case kindProject:
		return gather(each(d.c.ListProjects(ctx, in.projectID, ListProjectsPageOptions{}), func(x Project) Left {
			return Left{ID: x.ID}
		}))
	case kindLiveMigrationLink:
		linked, err := d.c.ListLiveMigrationProjects(ctx, in.projectID)
		if len(linked) > 0 {
			found = []Left{{ID: in.projectID}}
		}
		return found, err
	case kindFederation:
		federation, err := d.c.GetFederation(ctx, in.projectID)
		if err == nil {
			found = []Left{{ID: federation.ID}}
		}
		return found, err
	}
	return gather(d.c.listIn(ctx, in))
}

// inAbsentParent returns nil if the error of a list is a consequence of that its parent
// does not exist, and a read of the parent shows that.
func (d *driver) inAbsentParent(ctx context.Context, in scope, err error) error {
	switch in.kind {
	case kindProject, kindLiveMigrationLink, kindFederation:
		switch {
		case !errors.Is(err, errors.NotFound):
			return err
		case in.kind == kindFederation && providerCode(err) == "RESOURCE_NOT_FOUND":
			return nil // it is about the federation
		}
		gone, wrong := d.organizationAbsent(ctx)
		switch {
		case wrong != nil:
			return wrong
		case gone, in.kind == kindLiveMigrationLink && saysLinkMissing(err):
			return nil
		}
		return contradicted(err)
	}
	if !saysProjectMissing(err) && !isNotInGroup(err) {
		return err
	}
	gone, wrong := d.projectAbsent(ctx, in.projectID)
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
func (d *driver) organizationAbsent(ctx context.Context) (bool, error) {
	presence, err := d.c.look(ctx, d.orgID)
	if presence != rest.Unknown {
		err = nil
	} else if err == nil {
		err = another("GetOrganization", d.orgID)
	}
	return presence == rest.Gone, err
}

// projectAbsent reads whether a project does not exist. If Atlas answers that the
// credential is not in the project, the organization's list of projects tells whether
// it was deleted.
func (d *driver) projectAbsent(ctx context.Context, projectID string) (bool, error) {
	_, err := d.c.GetProject(ctx, projectID)
	switch {
	case err == nil:
		return false, nil
	case saysProjectMissing(err) && isAboutAnother(err, projectID):
		return false, contradicted(err)
	case saysProjectMissing(err):
		return true, nil
	case !isNotInGroup(err):
		return false, d.passing(projectID, err)
	}
	found, wrong := d.stable(ctx, scope{kind: kindProject, projectID: d.orgID})
	switch {
	case wrong != nil:
		return false, wrong
	case slices.ContainsFunc(found, func(x Left) bool { return x.ID == projectID }):
		return false, err
	}
	return true, nil
}

// maxUnstable is how often a list of several pages is read until two reads agree.
const maxUnstable = 5

// stable reads a list of a scope. One of several pages is read until two reads after
// each other are equal: then no item was removed between their pages, so that none was
// left out of both.
func (d *driver) stable(ctx context.Context, in scope) ([]Left, error) {
	var last []string
	for i := range maxUnstable {
		l, err := d.list(ctx, in)
		if err != nil || !l.paged {
			return l.found, err
		}
		ids := make([]string, len(l.found))
		for i, x := range l.found {
			ids[i] = stepID(in.kind, in.projectID, x)
		}
		slices.Sort(ids)
		if i > 0 && slices.Equal(ids, last) {
			return l.found, nil
		}
		last = ids
	}
	return nil, &errors.Error{
		Provider: provider, Operation: "Teardown", Target: in.projectID, Code: errors.Unavailable,
		Err: errors.New("the list changes between reads"),
	}
}

// readable are the kinds of steps whose resource an operation reads by itself.
var readable = []Kind{kindProject, KindCluster, KindFlexCluster}

// prove reads what a step is about, which a list lacks; nil if it does
// not exist. What no operation reads by itself is sought in a list that does not change.
func (d *driver) prove(ctx context.Context, stepID string, t thing) (*Left, error) {
	var left Left
	var err error
	switch t.in.kind {
	case kindProject:
		gone, err := d.projectAbsent(ctx, t.ID)
		if gone || err != nil {
			return nil, err
		}
		return &Left{Kind: kindProject, ID: t.ID}, nil
	case KindCluster:
		var x *Cluster
		if x, err = d.c.GetCluster(ctx, t.in.projectID, t.ID); err == nil {
			if left = leftCluster(*x); left.ID != t.ID || left.UID == "" {
				return nil, another("GetCluster", t.ID)
			}
		}
	case KindFlexCluster:
		var x *FlexCluster
		if x, err = d.c.GetFlexCluster(ctx, t.in.projectID, t.ID); err == nil {
			if left = leftFlexCluster(*x); left.ID != t.ID || left.UID == "" {
				return nil, another("GetFlexCluster", t.ID)
			}
		}
	default:
		found, err := d.stable(ctx, t.in)
		if err != nil {
			return nil, err
		}
		return of(found, stepID, t.in), nil
	}
	switch {
	case err == nil:
		left.Kind = t.in.kind
		return of([]Left{left}, stepID, t.in), nil // another one of the name is another
	case saysClusterMissing(err, t.ID):
		return nil, nil
	}
	return nil, d.passing(t.in.projectID, d.inAbsentParent(ctx, t.in, err))
}

// of returns what a step is about, of a list; nil if the list lacks it.
func of(found []Left, id string, in scope) *Left {
	i := slices.IndexFunc(found, func(x Left) bool { return stepID(in.kind, in.projectID, x) == id })
	if i < 0 {
		return nil
	}
	return &found[i]
}

// young is how long after it was made a project may refuse what its roles permit.
const young = 15 * time.Minute

// passing returns the error of a request in a project. A role that is missing in a
// project that was just made is transient: Atlas takes some time to grant it.
func (d *driver) passing(projectID string, err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	created, known := d.created[projectID]
	if !ok || !known || e.Status != http.StatusUnauthorized || e.Code != errors.PermissionDenied || isNotInGroup(err) || time.Since(created) > young {
		return err
	}
	later := *e
	later.Code, later.Err = errors.Unavailable, errors.New("the project is new, and a role in it is missing")
	return &later
}

// omitted adds those projects of the plan before that the list of projects lacks and that
// exist nevertheless, as a read of each shows.
func (d *driver) omitted(ctx context.Context, projects []Project) ([]Project, error) {
	if d.before == nil {
		return projects, nil
	}
	for _, s := range d.before.Steps {
		id, ok := strings.CutPrefix(s.ID, string(kindProject)+"/")
		if !ok || d.proved(s.ID) || slices.ContainsFunc(projects, func(x Project) bool { return x.ID == id }) {
			continue
		}
		x, err := d.c.GetProject(ctx, id)
		switch {
		case err == nil && x.ID == id && x.OrgID == d.orgID:
			projects = append(projects, *x)
			continue
		case err == nil && x.ID == id && x.OrgID != "":
			continue // of another organization, whatever the plan says
		case err == nil:
			return nil, another("GetProject", id)
		}
		if gone, wrong := d.projectAbsent(ctx, id); !gone {
			return nil, cmp.Or(wrong, err)
		}
		d.note(d.gone, s.ID)
	}
	return projects, nil
}

// notPaged are the kinds of steps that no list of pages has.
var notPaged = []Kind{
	KindBackupCompliancePolicy, KindFederatedDatabase, KindPrivateEndpoint, KindPrivateEndpointService,
	kindProject, kindFailedInvoice, kindPolicyProtection, kindLiveMigrationLink, kindFederation,
}

// nested are the kinds of steps whose resources are listed for each cluster or stream
// workspace, of which a list may have several pages.
var nested = []Kind{KindOutageSimulation, KindOnlineArchive, KindSnapshot, KindShardedSnapshot, KindStreamProcessor}

// confirm adds those steps of the plan before that the lists of projects lack and that
// exist nevertheless. What an operation reads by itself is read; anything else is sought
// in a list again if its list may have had several pages, which may leave out what
// exists. An empty list has one page.
func (d *driver) confirm(ctx context.Context, p *teardown.Plan, projects []Project) error {
	if d.before == nil {
		return nil
	}
	scopes := map[scope]listed{}
	for _, s := range d.before.Steps {
		kind, identity, _ := strings.Cut(s.ID, "/")
		projectID, _, _ := strings.Cut(identity, "/")
		i := slices.IndexFunc(projects, func(x Project) bool { return x.ID == projectID })
		if i < 0 || slices.Contains(notPaged, Kind(kind)) || slices.ContainsFunc(p.Steps, func(now teardown.Step) bool { return now.ID == s.ID }) {
			continue
		}
		t := thing{Left{ID: strings.TrimSuffix(s.Name, " in "+projects[i].Name)}, scope{kind: Kind(kind), projectID: projectID}}
		if slices.Contains(readable, t.in.kind) {
			if d.proved(s.ID) {
				continue
			}
			left, err := d.prove(ctx, s.ID, t)
			switch {
			case err != nil:
				return err
			case left == nil:
				d.note(d.gone, s.ID)
			default:
				d.again(p, s, thing{*left, scopeOf(projectID, *left)})
			}
			continue
		}
		listedNow := slices.ContainsFunc(p.Steps, func(now teardown.Step) bool { return strings.HasPrefix(now.ID, kind+"/"+projectID+"/") })
		if !listedNow && !slices.Contains(nested, Kind(kind)) {
			continue
		}
		l, ok := scopes[t.in]
		if !ok {
			var err error
			if l, err = d.list(ctx, t.in); err != nil {
				return err
			}
			scopes[t.in] = l
		}
		left := of(l.found, s.ID, t.in)
		if left == nil && l.paged {
			var err error
			if left, err = d.prove(ctx, s.ID, t); err != nil {
				return err
			}
		}
		if left != nil {
			d.again(p, s, thing{*left, scopeOf(projectID, *left)})
		}
	}
	return nil
}

// again adds a step of the plan before.
func (d *driver) again(p *teardown.Plan, s teardown.Step, t thing) {
	s.After = slices.DeleteFunc(slices.Clone(s.After), func(id string) bool {
		return !slices.ContainsFunc(p.Steps, func(now teardown.Step) bool { return now.ID == id })
	})
	if s.Needs == "" && t.Protected && (t.in.kind == KindCluster || t.in.kind == KindFlexCluster) {
		s.Needs = teardown.TerminationProtection
	}
	at := len(p.Steps)
	for i, now := range p.Steps {
		if now.ID == string(kindProject)+"/"+t.in.projectID {
			at = i
			p.Steps[i].After = append(slices.Clone(now.After), s.ID)
			break
		}
	}
	p.Steps = slices.Insert(p.Steps, at, s)
	d.things[s.ID] = t
}
