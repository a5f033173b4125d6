package zitadel

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// Client speaks to an instance of Zitadel. It is safe for concurrent use; make one
// with [New].
type Client struct {
	api      api
	instance string // its address
}

// unmade is what a Client that [New] has not made calls: every call fails.
var unmade = rest.Unusable(provider)

// rest returns the pipeline of the client.
func (c *Client) rest() api {
	if c == nil || c.api.Client == nil {
		return api{Client: unmade}
	}
	return c.api
}

// New returns a client. It needs the instance's address and a credential:
// [WithBaseURL] and one of [WithToken], [WithKey], [WithKeyFile] and
// [WithClientCredentials], or [FromEnv]. What cannot work is refused here, with
// [errors.InvalidArgument].
func New(options ...Option) (*Client, error) {
	config, err := configure(options)
	if err != nil {
		return nil, err
	}
	client, err := rest.New(*config)
	if err != nil {
		return nil, err
	}
	return &Client{api: api{client, new(arrivals)}, instance: rest.NormalizeURL(config.BaseURL)}, nil
}

// Close closes the idle connections of the client, unless they are those of a client that
// was given by [WithHTTPClient]. Calls that follow open new ones.
func (c *Client) Close() { c.rest().Close() }

// address returns the instance's address; "" for a client that New has not made.
func (c *Client) address() string {
	if c == nil {
		return ""
	}
	return c.instance
}

// contextHeader names the organization that a request is made in. Without it Zitadel
// takes the caller's own: some proxies drop it, and a release ignored it.
const contextHeader = "x-zitadel-orgid"

// api runs the calls of a client. A call that names its organization by a header only
// succeeds only if its answer is about that organization.
type api struct {
	*rest.Client
	arrivals *arrivals // shared by all calls of a client
}

// Do runs a call, and compares the organization that its answer names with the one in
// the header: another one is [errors.UnexpectedResponse]. Before a write, Do reads the
// organization of a request with the same header. An answer to a read that names no
// organization, such as an empty list, is proved by further requests: see prove.
//
// A path counts as one to which requests arrive with their header for a few minutes after
// an answer showed it.
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
	documented := call.Validate
	proved := false
	call.Validate = func() string {
		if documented != nil {
			if name := documented(); name != "" {
				return name
			}
		}
		ids := organizations(call, orgID)
		for _, id := range ids {
			if id != orgID {
				return fmt.Sprintf("the organization of the request: it is about %q", id)
			}
		}
		proved = len(ids) > 0 || isNamedByPath(call)
		if total := isShort(call); total > 0 {
			return fmt.Sprintf("result, although totalResult is %d", total)
		}
		return ""
	}
	err := a.Client.Do(ctx, call)
	switch {
	case !call.Repeat:
		return a.explain(ctx, call, orgID, err)
	case err == nil && !proved, provesDenials(ctx) && isDenied(err):
		return a.prove(ctx, call, &proved, err)
	case err == nil:
		a.arrivals.add(call)
	}
	return err
}

// noOrganization is the ID of an organization that does not exist. Zitadel refuses a
// request that names it in the header, unless the header does not arrive.
const noOrganization = "offboard-no-such-organization"

// prove sends a read again whose answer names no organization: an empty list or a policy
// of the instance, or a refusal. It could be about the caller's own organization, if the
// header was lost. A request that names an organization which does not exist shows whether
// the header arrives at this path, and the second answer whether it was
// lost once. The second answer decides if it names the organization; otherwise it must be
// the same as the first.
func (a api) prove(ctx context.Context, call *rest.Call, proved *bool, first error) error {
	before := content(call)
	if first == nil {
		if err := a.showArrival(ctx, call); err != nil {
			return err
		}
	}
	reflect.ValueOf(call.Out).Elem().SetZero()
	*proved = false
	err := a.Client.Do(ctx, call.Clone())
	switch {
	case err != nil && !isDenied(err), err == nil && *proved:
		return err
	case (err == nil) == (first == nil) && (err != nil || isEqual(before, content(call))):
		return err
	}
	return a.unproved(call, errors.New("the answers to two requests differ, and name no organization"))
}

// showArrival returns an error unless requests to the path of a call arrive with their
// header, as an answer showed. One of several calls at a time asks for that answer.
func (a api) showArrival(ctx context.Context, call *rest.Call) error {
	for {
		shown, asked := a.arrivals.ask(call)
		if shown {
			return nil
		}
		if asked == nil {
			err := a.arrives(ctx, call)
			a.arrivals.answered(call, err == nil)
			return err
		}
		select {
		case <-asked:
		case <-ctx.Done():
			return a.arrives(ctx, call) // which returns the error of the context
		}
	}
}

// arrives returns an error if a request to the path of a call does not arrive with its
// header.
func (a api) arrives(ctx context.Context, call *rest.Call) error {
	probe := call.Clone()
	probe.HeaderParam(contextHeader, noOrganization, rest.Opaque)
	probe.Validate = nil
	err := a.Client.Do(ctx, probe)
	switch {
	case err == nil:
		return a.unproved(call, errors.New("the header "+contextHeader+" does not arrive: an organization that does not exist is not refused"))
	case !errors.Is(err, errors.PermissionDenied):
		return err
	}
	return nil
}

// unproved is the error of an answer of which nothing shows that it is about the
// organization in the header.
func (a api) unproved(call *rest.Call, why error) error {
	return &errors.Error{
		Provider: provider, Operation: call.Operation, Target: a.Shown(call.Target), Code: errors.UnexpectedResponse, Err: why,
	}
}

// isDenied reports whether a read was refused by a permission that is missing in the
// organization of the request, which may be another one.
func isDenied(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && errors.Is(e, errors.PermissionDenied) && !isUnknown(e)
}

// explain returns the error of a write. A refusal because of the state of an organization
// counts only if a read shows that the organization of the request has this state.
func (a api) explain(ctx context.Context, call *rest.Call, orgID string, err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		return err
	}
	state, ok := map[errors.Code]OrganizationState{
		errors.OrganizationInactive: OrganizationStateInactive, errors.OrganizationActive: OrganizationStateActive,
	}[e.Code]
	if !ok {
		return err
	}
	found, readErr := (&Client{api: a}).GetMyOrganization(ctx, orgID)
	if readErr == nil && found.State == state {
		return err
	}
	contradiction := a.unproved(call, fmt.Errorf("the refusal %s may be about another organization", e.ProviderCode)).(*errors.Error)
	contradiction.Status, contradiction.RequestID, contradiction.Attempts = e.Status, e.RequestID, e.Attempts
	contradiction.ProviderCode, contradiction.Message = e.ProviderCode, e.Message
	return contradiction
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
func organizations(call *rest.Call, orgID string) []string {
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
		if call.Subject == "organization" { // the projects that others grant to it
			ids = all(out.Result, func(g *ProjectGrant) string {
				if g.GrantedOrgID == "" && g.Details.ResourceOwner == orgID {
					return orgID
				}
				return g.GrantedOrgID
			})
			break
		}
		ids = all(out.Result, func(g *ProjectGrant) string { return g.ProjectOwnerID })
		ids = append(ids, all(out.Result, func(g *ProjectGrant) string { return g.Details.ResourceOwner })...)
	case *UserGrantPage:
		ids = all(out.Result, func(g *UserGrant) string { return g.Details.ResourceOwner })
		ids = append(ids, all(out.Result, func(g *UserGrant) string { return g.OrgID })...)
	case *MemberPage:
		if call.Subject == "organization" { // the others name what they are of in the path
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

// isNamedByPath reports whether the answer to a call has items of what the path of the
// call names, so that they need not name an organization.
func isNamedByPath(call *rest.Call) bool {
	page, ok := call.Out.(*MemberPage)
	return ok && call.Subject != "organization" && len(page.Result) > 0
}

// isShort returns the number of items that a list without items states, if it is the
// first page; 0 otherwise. Zitadel states none for a list without items.
func isShort(call *rest.Call) Uint64 {
	offset := Uint64(0)
	switch body := call.Body.(type) {
	case UserSearch:
		offset = body.Query.Offset
	case IdentityProviderSearch:
		offset = body.Query.Offset
	case struct {
		Query ListQuery `json:"query"`
	}:
		offset = body.Query.Offset
	}
	if items, ok := content(call).(reflect.Value); !ok || items.Len() > 0 || offset > 0 {
		return 0
	}
	details, _ := reflect.ValueOf(call.Out).Elem().FieldByName("Details").Interface().(ListDetails)
	return details.TotalResult
}

// content returns what an answer says: the items of a list as a [reflect.Value], or
// whether a policy is the instance's.
func content(call *rest.Call) any {
	if policy, ok := call.Out.(*PolicyResult); ok {
		return policy.IsDefault || policy.Policy.IsDefault
	}
	if items := reflect.ValueOf(call.Out).Elem().FieldByName("Result"); items.IsValid() && items.Kind() == reflect.Slice {
		return reflect.ValueOf(items.Interface()) // not the field, which is decoded into again
	}
	return nil
}

// isEqual reports whether two answers say the same.
func isEqual(a, b any) bool {
	x, ok := a.(reflect.Value)
	if !ok {
		return a == b
	}
	y, ok := b.(reflect.Value)
	return ok && x.Len() == y.Len() && (x.Len() == 0 || reflect.DeepEqual(x.Interface(), y.Interface()))
}

// confirmedKey is the key of the organization that a context was confirmed for.
type confirmedKey struct{}

// withConfirmed returns a context in which Do does not read an organization before a
// write, because the caller has just read it by the header.
func withConfirmed(ctx context.Context, orgID string) context.Context {
	return context.WithValue(ctx, confirmedKey{}, orgID)
}

func isConfirmed(ctx context.Context, orgID string) bool {
	confirmed, _ := ctx.Value(confirmedKey{}).(string)
	return confirmed == orgID
}

// arrivals are the paths to which requests arrive with their header, as answers showed,
// with the time until which each counts.
type arrivals struct {
	mu    sync.Mutex
	until map[string]time.Time
	asked map[string]chan struct{} // of paths for which a call asks; closed when it is answered
}

// How long a path counts as one to which requests arrive with their header, and how many
// paths are remembered.
const (
	arrivalLifetime = 5 * time.Minute
	maxArrivals     = 1000
)

// ask reports whether requests to the path of a call arrive. Otherwise the caller asks for
// that, and calls answered, or waits until another call is answered.
func (a *arrivals) ask(call *rest.Call) (shown bool, asked <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	path := call.Location()
	if time.Now().Before(a.until[path]) {
		return true, nil
	}
	if other := a.asked[path]; other != nil {
		return false, other
	}
	if a.asked == nil {
		a.asked = map[string]chan struct{}{}
	}
	a.asked[path] = make(chan struct{})
	return false, nil
}

// answered ends what ask began.
func (a *arrivals) answered(call *rest.Call, arrives bool) {
	if arrives {
		a.add(call)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.asked[call.Location()])
	delete(a.asked, call.Location())
}

// add notes that requests to the path of a call arrive.
func (a *arrivals) add(call *rest.Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.until) >= maxArrivals || a.until == nil {
		a.until = map[string]time.Time{}
	}
	a.until[call.Location()] = time.Now().Add(arrivalLifetime)
}

// denialsKey is the key of a context in which refusals are proved.
type denialsKey struct{}

// withDenialsProved returns a context in which a read that is refused is sent again, too.
func withDenialsProved(ctx context.Context) context.Context {
	return context.WithValue(ctx, denialsKey{}, true)
}

func provesDenials(ctx context.Context) bool { return ctx.Value(denialsKey{}) != nil }

// rawKey is the key of a context whose answers are not compared with the header.
type rawKey struct{}

// withRaw returns a context for a caller that compares the organization itself.
func withRaw(ctx context.Context) context.Context { return context.WithValue(ctx, rawKey{}, true) }

func isRaw(ctx context.Context) bool { return ctx.Value(rawKey{}) != nil }
