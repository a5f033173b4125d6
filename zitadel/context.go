package zitadel

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// contextHeader names the organization that a request is made in. Without it Zitadel
// takes the caller's own: some proxies drop it, and a release ignored it.
const contextHeader = "x-zitadel-orgid"

// api runs the calls of a client. A call that names its organization by a header only
// succeeds only if its answer is about that organization.
type api struct{ *rest.Client }

// Do runs a call. An answer about another organization than the one in the header is
// [errors.UnexpectedResponse]. Before a write, and after a list without items, which
// names no organization, Do reads the organization of a request with the same header.
func (a api) Do(ctx context.Context, call *rest.Call) error {
	if a.Client == nil {
		return rest.Invalid(provider, call.Operation, call.Target, errZero)
	}
	orgID := call.Header(contextHeader)
	if ctx == nil || orgID == "" || isRaw(ctx) {
		return a.Client.Do(ctx, call)
	}
	if !call.Repeat && !isConfirmed(ctx, orgID) {
		if err := a.confirm(ctx, call.Operation, orgID); err != nil {
			return err
		}
	}
	documented := call.Missing
	var named []string
	call.Missing = func() string {
		if documented != nil {
			if name := documented(); name != "" {
				return name
			}
		}
		named = organizations(call)
		for _, id := range named {
			if id != orgID {
				return fmt.Sprintf("the organization of the request: it is about %q", id)
			}
		}
		return ""
	}
	if err := a.Client.Do(ctx, call); err != nil || len(named) > 0 || !isEmpty(call) || isConfirmed(ctx, orgID) {
		return err
	}
	return a.confirm(ctx, call.Operation, orgID)
}

var errZero = errors.New("the client was not made with New")

// Wait waits as [rest.Client.Wait] does, for a client that was made with New.
func (a api) Wait(ctx context.Context, operation, target string, look func(context.Context) ([]errors.Step, error)) error {
	switch {
	case a.Client == nil:
		return rest.Invalid(provider, operation, target, errZero)
	case ctx == nil:
		return rest.Invalid(provider, operation, target, errors.New("the context is nil"))
	}
	return a.Client.Wait(ctx, operation, target, look)
}

// confirm reads the organization that requests are made in, and returns an error if it
// is another one.
func (a api) confirm(ctx context.Context, operation, orgID string) error {
	_, err := (&Client{api: a}).GetMyOrganization(ctx, orgID)
	if e, ok := errors.AsType[*errors.Error](err); ok {
		e.Operation = operation
	}
	return err
}

// organizations returns the IDs of the organizations that the answer to a call names as
// the one of the request. An answer to a deletion names the instance, and an item
// without the field names none.
func organizations(call *rest.Call) []string {
	var ids []string
	switch out := call.Out.(type) {
	case *struct {
		Org Organization `json:"org"`
	}:
		ids = []string{out.Org.ID, out.Org.Details.ResourceOwner}
	case *struct {
		Details ObjectDetails `json:"details"`
	}:
		if call.Method != http.MethodDelete {
			ids = []string{out.Details.ResourceOwner}
		}
	case *UserPage:
		ids = all(out.Result, func(u *User) string { return u.Details.ResourceOwner })
	case *ProjectPage:
		ids = all(out.Result, func(p *Project) string { return p.Details.ResourceOwner })
	case *ProjectGrantPage:
		if call.Operation == "ListGrantedProjectsPage" {
			ids = all(out.Result, func(g *ProjectGrant) string { return g.GrantedOrgID })
			break
		}
		ids = all(out.Result, func(g *ProjectGrant) string { return g.ProjectOwnerID })
		ids = append(ids, all(out.Result, func(g *ProjectGrant) string { return g.Details.ResourceOwner })...)
	case *UserGrantPage:
		ids = all(out.Result, func(g *UserGrant) string { return g.Details.ResourceOwner })
		ids = append(ids, all(out.Result, func(g *UserGrant) string { return g.OrgID })...)
	case *MemberPage:
		if call.Operation == "ListMembersPage" { // the others name what they are of in the path
			ids = all(out.Result, func(m *Member) string { return m.Details.ResourceOwner })
		}
	case *MembershipPage: // those of the instance are on the list of any organization
		ids = all(out.Result, func(m *Membership) string { return m.OrgID })
	case *DomainPage:
		ids = all(out.Result, func(d *Domain) string { return d.OrgID })
		ids = append(ids, all(out.Result, func(d *Domain) string { return d.Details.ResourceOwner })...)
	case *AppPage:
		ids = all(out.Result, func(a *App) string { return a.Details.ResourceOwner })
	case *IdentityProviderPage:
		ids = all(out.Result, func(p *IdentityProvider) string {
			if p.Owner == IdentityProviderOwnerSystem {
				return "" // the instance's
			}
			return p.Details.ResourceOwner
		})
	case *ActionPage:
		ids = all(out.Result, func(a *Action) string { return a.Details.ResourceOwner })
	case *MetadataPage:
		ids = all(out.Result, func(m *Metadata) string { return m.Details.ResourceOwner })
	case *PolicyResult:
		if !out.IsDefault && !out.Policy.IsDefault {
			ids = []string{out.Policy.Details.ResourceOwner}
		}
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

// all returns a field of all items.
func all[T any](items []T, field func(*T) string) []string {
	fields := make([]string, len(items))
	for i := range items {
		fields[i] = field(&items[i])
	}
	return fields
}

// isEmpty reports whether the answer to a call that names no organization is a list
// without items, a policy of the instance, or a list of roles in the instance. A page beyond the first one follows items that named the organization.
func isEmpty(call *rest.Call) bool {
	switch body := call.Body.(type) {
	case UserSearch:
		if body.Query.Offset > 0 {
			return false
		}
	case IdentityProviderSearch:
		if body.Query.Offset > 0 {
			return false
		}
	case struct {
		Query ListQuery `json:"query"`
	}:
		if body.Query.Offset > 0 {
			return false
		}
	}
	var details ListDetails
	switch out := call.Out.(type) {
	case *PolicyResult, *MembershipPage:
		return true
	case *UserPage:
		details = out.Details
	case *ProjectPage:
		details = out.Details
	case *ProjectGrantPage:
		details = out.Details
	case *UserGrantPage:
		details = out.Details
	case *MemberPage:
		details = out.Details
	case *DomainPage:
		details = out.Details
	case *AppPage:
		details = out.Details
	case *IdentityProviderPage:
		details = out.Details
	case *ActionPage:
		details = out.Details
	case *MetadataPage:
		details = out.Details
	default:
		return false
	}
	return details.TotalResult == 0
}

// confirmedKey is the key of the organization that a context was confirmed for.
type confirmedKey struct{}

// withConfirmed returns a context in which empty lists of an organization are not
// confirmed one by one, because the caller has read the organization by the header.
func withConfirmed(ctx context.Context, orgID string) context.Context {
	return context.WithValue(ctx, confirmedKey{}, orgID)
}

func isConfirmed(ctx context.Context, orgID string) bool {
	confirmed, _ := ctx.Value(confirmedKey{}).(string)
	return confirmed == orgID
}

// rawKey is the key of a context whose answers are not compared with the header.
type rawKey struct{}

// withRaw returns a context for a caller that compares the organization itself.
func withRaw(ctx context.Context) context.Context { return context.WithValue(ctx, rawKey{}, true) }

func isRaw(ctx context.Context) bool { return ctx.Value(rawKey{}) != nil }
