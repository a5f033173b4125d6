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

// unusable is what a Client that [New] has not made calls: every call fails.
var unusable = rest.Unusable(provider)

// rest returns the pipeline of the client.
func (c *Client) rest() api {
	if c == nil || c.api.Client == nil {
		return api{Client: unusable}
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
	return &Client{api: api{client, new(headerProofs)}, instance: rest.NormalizeURL(config.BaseURL)}, nil
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

// organizationHeader names the organization that a request is made in. Without it Zitadel
// takes the caller's own: some proxies drop it, and a release ignored it.
const organizationHeader = "x-zitadel-orgid"

// api runs the calls of a client. A call that names its organization by a header only
// succeeds only if its answer is about that organization.
type api struct {
	*rest.Client
	headers *headerProofs // shared by all calls of a client
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
		return rest.Invalid(provider, call.Operation, call.Target, errZeroClient)
	}
	orgID := call.Header(organizationHeader)
	if ctx == nil || orgID == "" || isUnchecked(ctx) {
		return a.Client.Do(ctx, call)
	}
	if !call.Repeat && !isVerified(ctx, orgID) {
		if err := a.verifyHeader(ctx, call.Operation, orgID); err != nil {
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
		ids := answeredOrganizations(call, orgID)
		for _, id := range ids {
			if id != orgID {
				return fmt.Sprintf("the organization of the request: it is about %q", id)
			}
		}
		proved = len(ids) > 0 || isNamedByPath(call)
		if total := missingItems(call); total > 0 {
			return fmt.Sprintf("result, although totalResult is %d", total)
		}
		return ""
	}
	err := a.Client.Do(ctx, call)
	switch {
	case !call.Repeat:
		return a.verifyRefusal(ctx, call, orgID, err)
	case err == nil && !proved, repeatsDenials(ctx) && isDenied(err):
		return a.repeat(ctx, call, &proved, err)
	case err == nil:
		a.headers.add(call)
	}
	return err
}

// unknownOrganization is the ID of an organization that does not exist. Zitadel refuses a
// request that names it in the header, unless the header does not arrive.
const unknownOrganization = "offboard-no-such-organization"

// repeat sends a read again whose answer names no organization: an empty list or a policy
// of the instance, or a refusal. It could be about the caller's own organization, if the
// header was lost. A request that names an organization which does not exist shows whether
// the header arrives at this path, and the second answer whether it was
// lost once. The second answer decides if it names the organization; otherwise it must be
// the same as the first.
func (a api) repeat(ctx context.Context, call *rest.Call, proved *bool, first error) error {
	before := answerContent(call)
	if first == nil {
		if err := a.requireArrival(ctx, call); err != nil {
			return err
		}
	}
	reflect.ValueOf(call.Out).Elem().SetZero()
	*proved = false
	err := a.Client.Do(ctx, call.Clone())
	switch {
	case err != nil && !isDenied(err), err == nil && *proved:
		return err
	case (err == nil) == (first == nil) && (err != nil || isSameContent(before, answerContent(call))):
		return err
	}
	return a.unexpected(call, errors.New("the answers to two requests differ, and name no organization"))
}

// requireArrival returns an error unless requests to the path of a call arrive with their
// header, as an answer showed. One of several calls at a time asks for that answer.
func (a api) requireArrival(ctx context.Context, call *rest.Call) error {
	for {
		shown, asked := a.headers.claim(call)
		if shown {
			return nil
		}
		if asked == nil {
			err := a.probeHeader(ctx, call)
			a.headers.release(call, err == nil)
			return err
		}
		select {
		case <-asked:
		case <-ctx.Done():
			return a.probeHeader(ctx, call) // which returns the error of the context
		}
	}
}

// probeHeader returns an error if a request to the path of a call does not arrive with its
// header.
func (a api) probeHeader(ctx context.Context, call *rest.Call) error {
	probe := call.Clone()
	probe.HeaderParam(organizationHeader, unknownOrganization, rest.Opaque)
	probe.Validate = nil
	err := a.Client.Do(ctx, probe)
	switch {
	case err == nil:
		return a.unexpected(call, errors.New("the header "+organizationHeader+" does not arrive: an organization that does not exist is not refused"))
	case !errors.Is(err, errors.PermissionDenied):
		return err
	}
	return nil
}

// unexpected is the error of an answer of which nothing shows that it is about the
// organization in the header.
func (a api) unexpected(call *rest.Call, why error) error {
	return &errors.Error{
		Provider: provider, Operation: call.Operation, Target: a.Shown(call.Target), Code: errors.UnexpectedResponse, Err: why,
	}
}

// isDenied reports whether a read was refused by a permission that is missing in the
// organization of the request, which may be another one.
func isDenied(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && errors.Is(e, errors.PermissionDenied) && !isUnknownOrganization(e)
}

// verifyRefusal returns the error of a write. A refusal because of the state of an organization
// counts only if a read shows that the organization of the request has this state.
func (a api) verifyRefusal(ctx context.Context, call *rest.Call, orgID string, err error) error {
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
	contradiction := a.unexpected(call, fmt.Errorf("the refusal %s may be about another organization", e.ProviderCode)).(*errors.Error)
	contradiction.Status, contradiction.RequestID, contradiction.Attempts = e.Status, e.RequestID, e.Attempts
	contradiction.ProviderCode, contradiction.Message = e.ProviderCode, e.Message
	return contradiction
}

var errZeroClient = errors.New("the client was not made with New")

// Wait waits as [rest.Client.Wait] does, for a client that was made with New.
func (a api) Wait(ctx context.Context, operation, target string, look func(context.Context) ([]errors.Step, error)) error {
	switch {
	case a.Client == nil:
		return rest.Invalid(provider, operation, target, errZeroClient)
	case ctx == nil:
		return rest.Invalid(provider, operation, target, errors.New("the context is nil"))
	}
	return a.Client.Wait(ctx, operation, target, look)
}

// verifyHeader reads the organization that requests are made in, and returns an error if it
// is another one.
func (a api) verifyHeader(ctx context.Context, operation, orgID string) error {
	_, err := (&Client{api: a}).GetMyOrganization(ctx, orgID)
	if e, ok := errors.AsType[*errors.Error](err); ok {
		e.Operation = operation
	}
	return err
}

// answeredOrganizations returns the IDs of the organizations that the answer to a call names as
// the one of the request. An answer to a deletion names the instance, and an item
// without the field names none.
func answeredOrganizations(call *rest.Call, orgID string) []string {
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
		ids = fieldOf(out.Result, func(u *User) string { return u.Details.ResourceOwner })
	case *ProjectPage:
		ids = fieldOf(out.Result, func(p *Project) string { return p.Details.ResourceOwner })
	case *ProjectGrantPage:
		if call.Subject == "organization" { // the projects that others grant to it
			ids = fieldOf(out.Result, func(g *ProjectGrant) string {
				if g.GrantedOrgID == "" && g.Details.ResourceOwner == orgID {
					return orgID
				}
				return g.GrantedOrgID
			})
			break
		}
		ids = fieldOf(out.Result, func(g *ProjectGrant) string { return g.ProjectOwnerID })
		ids = append(ids, fieldOf(out.Result, func(g *ProjectGrant) string { return g.Details.ResourceOwner })...)
	case *UserGrantPage:
		ids = fieldOf(out.Result, func(g *UserGrant) string { return g.Details.ResourceOwner })
		ids = append(ids, fieldOf(out.Result, func(g *UserGrant) string { return g.OrgID })...)
	case *MemberPage:
		if call.Subject == "organization" { // the others name what they are of in the path
			ids = fieldOf(out.Result, func(m *Member) string { return m.Details.ResourceOwner })
		}
	case *MembershipPage: // those of the instance are on the list of any organization
		ids = fieldOf(out.Result, func(m *Membership) string { return m.OrgID })
	case *DomainPage:
		ids = fieldOf(out.Result, func(d *Domain) string { return d.OrgID })
		ids = append(ids, fieldOf(out.Result, func(d *Domain) string { return d.Details.ResourceOwner })...)
	case *AppPage:
		ids = fieldOf(out.Result, func(a *App) string { return a.Details.ResourceOwner })
	case *IdentityProviderPage:
		ids = fieldOf(out.Result, func(p *IdentityProvider) string {
			if p.Owner == IdentityProviderOwnerSystem {
				return "" // the instance's
			}
			return p.Details.ResourceOwner
		})
	case *ActionPage:
		ids = fieldOf(out.Result, func(a *Action) string { return a.Details.ResourceOwner })
	case *MetadataPage:
		ids = fieldOf(out.Result, func(m *Metadata) string { return m.Details.ResourceOwner })
	case *PolicyResult:
		if !out.IsDefault && !out.Policy.IsDefault {
			ids = []string{out.Policy.Details.ResourceOwner}
		}
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

// fieldOf returns a field of all items.
func fieldOf[T any](items []T, field func(*T) string) []string {
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

// missingItems returns the number of items that a list without items states, if it is the
// first page; 0 otherwise. Zitadel states none for a list without items.
func missingItems(call *rest.Call) Uint64 {
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
	if items, ok := answerContent(call).(reflect.Value); !ok || items.Len() > 0 || offset > 0 {
		return 0
	}
	details, _ := reflect.ValueOf(call.Out).Elem().FieldByName("Details").Interface().(ListDetails)
	return details.TotalResult
}

// answerContent returns what an answer says: the items of a list as a [reflect.Value], or
// whether a policy is the instance's.
func answerContent(call *rest.Call) any {
	if policy, ok := call.Out.(*PolicyResult); ok {
		return policy.IsDefault || policy.Policy.IsDefault
	}
	if items := reflect.ValueOf(call.Out).Elem().FieldByName("Result"); items.IsValid() && items.Kind() == reflect.Slice {
		return reflect.ValueOf(items.Interface()) // not the field, which is decoded into again
	}
	return nil
}

// isSameContent reports whether two answers say the same.
func isSameContent(a, b any) bool {
	x, ok := a.(reflect.Value)
	if !ok {
		return a == b
	}
	y, ok := b.(reflect.Value)
	return ok && x.Len() == y.Len() && (x.Len() == 0 || reflect.DeepEqual(x.Interface(), y.Interface()))
}

// verifiedKey is the key of the organization that a context was confirmed for.
type verifiedKey struct{}

// withVerified returns a context in which Do does not read an organization before a
// write, because the caller has just read it by the header.
func withVerified(ctx context.Context, orgID string) context.Context {
	return context.WithValue(ctx, verifiedKey{}, orgID)
}

func isVerified(ctx context.Context, orgID string) bool {
	confirmed, _ := ctx.Value(verifiedKey{}).(string)
	return confirmed == orgID
}

// headers are the paths to which requests arrive with their header, as answers showed,
// with the time until which each counts.
type headerProofs struct {
	mu      sync.Mutex
	until   map[string]time.Time
	pending map[string]chan struct{} // of paths for which a call asks; closed when it is answered
}

// How long a path counts as one to which requests arrive with their header, and how many
// paths are remembered.
const (
	headerProofLifetime = 5 * time.Minute
	maxHeaderProofs     = 1000
)

// claim reports whether requests to the path of a call arrive. Otherwise the caller asks for
// that, and calls answered, or waits until another call is answered.
func (a *headerProofs) claim(call *rest.Call) (shown bool, asked <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	path := call.Location()
	if time.Now().Before(a.until[path]) {
		return true, nil
	}
	if other := a.pending[path]; other != nil {
		return false, other
	}
	if a.pending == nil {
		a.pending = map[string]chan struct{}{}
	}
	a.pending[path] = make(chan struct{})
	return false, nil
}

// release ends what ask began.
func (a *headerProofs) release(call *rest.Call, arrives bool) {
	if arrives {
		a.add(call)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.pending[call.Location()])
	delete(a.pending, call.Location())
}

// add notes that requests to the path of a call arrive.
func (a *headerProofs) add(call *rest.Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.until) >= maxHeaderProofs || a.until == nil {
		a.until = map[string]time.Time{}
	}
	a.until[call.Location()] = time.Now().Add(headerProofLifetime)
}

// denialsKey is the key of a context in which refusals are proved.
type denialsKey struct{}

// withRepeatedDenials returns a context in which a read that is refused is sent again, too.
func withRepeatedDenials(ctx context.Context) context.Context {
	return context.WithValue(ctx, denialsKey{}, true)
}

func repeatsDenials(ctx context.Context) bool { return ctx.Value(denialsKey{}) != nil }

// uncheckedKey is the key of a context whose answers are not compared with the header.
type uncheckedKey struct{}

// withoutCheck returns a context for a caller that compares the organization itself.
func withoutCheck(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncheckedKey{}, true)
}

func isUnchecked(ctx context.Context) bool { return ctx.Value(uncheckedKey{}) != nil }
