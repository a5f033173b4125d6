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

// Client calls the APIs of a Zitadel instance. Create a Client with [New]. A Client is safe
// for concurrent use.
type Client struct {
	api      api
	instance string // normalized base URL
}

// unusable is the pipeline of a Client that [New] did not create: every call fails.
var unusable = rest.Unusable(provider)

// rest returns the pipeline of the client.
func (c *Client) rest() api {
	if c == nil || c.api.Client == nil {
		return api{Client: unusable}
	}
	return c.api
}

// New returns a client. It requires the instance's address and a credential: [WithBaseURL] and
// one of [WithToken], [WithKey], [WithKeyFile], [WithClientCredentials] and [WithTokenSource];
// or [WithCredentials] or [FromEnv], which set both. New returns [errors.InvalidArgument] if an
// option is invalid or missing.
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

// Close closes the idle connections of the client. Connections of a client that
// [WithHTTPClient] set stay open. Later calls open new connections.
func (c *Client) Close() { c.rest().Close() }

// address returns the instance's address. It is empty for a client that New did not create.
func (c *Client) address() string {
	if c == nil {
		return ""
	}
	return c.instance
}

var errZeroClient = errors.New("the client was not created with New")

// api runs the calls of a client. If the header alone names a call's organization, the call
// succeeds only if its answer is about that organization: see [api.Do].
type api struct {
	*rest.Client
	proofs *headerProofs // shared by all calls of a client
}

// Wait waits as [rest.Client.Wait] does. It returns [errors.InvalidArgument] for a client
// that New did not create and for a nil context.
func (a api) Wait(ctx context.Context, operation, target string, read func(context.Context) ([]errors.Step, error)) error {
	switch {
	case a.Client == nil:
		return rest.Invalid(provider, operation, target, errZeroClient)
	case ctx == nil:
		return rest.Invalid(provider, operation, target, errors.New("the context must not be nil"))
	}
	return a.Client.Wait(ctx, operation, target, read)
}

// The rest of this file proves that requests reached the organization of their header.
//
// The management API names an organization by the header x-zitadel-orgid only. Some proxies
// drop the header, and a release of Zitadel ignored it (zitadel issue 12482). Zitadel then
// uses the caller's own organization, and answers with success. Therefore no answer counts
// unless one of the following shows that it is about the organization of the header:
//
//   - The answer names the organization (answeredOrganizations), or the path of the request
//     names the parent of the answered items (isNamedByPath).
//   - The answer is to a read and names no organization, such as an empty list. Then repeat
//     sends the read again, and requireArrival sends a request for an organization that does
//     not exist: Zitadel refuses that request unless the header was dropped.
//   - The request is a write. Then Do reads the organization with the same header before,
//     and verifyRefusal reads it after a refusal because of the organization's state.

// organizationHeader is the header that names the organization of a request. Without the
// header, Zitadel uses the caller's own organization.
const organizationHeader = "x-zitadel-orgid"

// Do runs a call. If the header names the call's organization, Do compares the header with
// the organization that the answer names, and returns [errors.UnexpectedResponse] if they
// differ. Before a write, Do reads the organization with the same header. If the answer to a
// read names no organization, Do sends further requests: see repeat.
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
		a.proofs.add(call)
	}
	return err
}

// unknownOrganization is the ID of an organization that does not exist. Zitadel refuses a
// request with this ID in the header. If Zitadel accepts the request, the header was
// dropped.
const unknownOrganization = "offboard-no-such-organization"

// repeat sends a read again if its answer names no organization: an empty list, a policy of
// the instance, or a refusal. If the header was dropped, the answer is about the caller's
// own organization. requireArrival finds a path at which each request loses the header; the
// second answer finds a header that was lost once. The second answer decides if it names the
// organization. Otherwise the two answers must be equal.
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

// requireArrival returns an error unless an answer shows that requests to the call's path
// arrive with their header. If several calls need this answer at once, one of them sends the
// request and the others wait.
func (a api) requireArrival(ctx context.Context, call *rest.Call) error {
	for {
		proved, pending := a.proofs.claim(call)
		if proved {
			return nil
		}
		if pending == nil {
			err := a.probeHeader(ctx, call)
			a.proofs.release(call, err == nil)
			return err
		}
		select {
		case <-pending:
		case <-ctx.Done():
			return a.probeHeader(ctx, call) // returns the error of the context
		}
	}
}

// probeHeader returns an error if a request to the call's path arrives without its header.
func (a api) probeHeader(ctx context.Context, call *rest.Call) error {
	probe := call.Clone()
	probe.HeaderParam(organizationHeader, "orgID", unknownOrganization, rest.Opaque)
	probe.Validate = nil
	err := a.Client.Do(ctx, probe)
	switch {
	case err == nil:
		return a.unexpected(call, errors.New("the header "+organizationHeader+" was dropped: a request for an organization that does not exist was accepted"))
	case !errors.Is(err, errors.PermissionDenied):
		return err
	}
	return nil
}

// unexpected returns the error of an answer that may be about another organization than the
// one in the header.
func (a api) unexpected(call *rest.Call, cause error) error {
	return &errors.Error{
		Provider: provider, Operation: call.Operation, Target: a.Shown(call.Target), Code: errors.UnexpectedResponse, Err: cause,
	}
}

// isDenied reports whether Zitadel refused a read because of a missing permission. The
// refusal may be about another organization than the one in the header.
func isDenied(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && errors.Is(e, errors.PermissionDenied) && !isUnknownOrganization(e)
}

// verifyRefusal returns the error of a write. A refusal because of an organization's state
// counts only if a read shows that the organization of the header is in this state.
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

// verifyHeader reads the organization that the header names, and returns an error if the
// answer is about another one.
func (a api) verifyHeader(ctx context.Context, operation, orgID string) error {
	_, err := (&Client{api: a}).GetMyOrganization(ctx, orgID)
	if e, ok := errors.AsType[*errors.Error](err); ok {
		e.Operation = operation
	}
	return err
}

// answeredOrganizations returns the IDs that an answer names as its organization. An answer
// to a deletion names the instance instead, and an item without the field names none.
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
		if call.Subject == "organization" { // the granted projects of the organization
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
		if call.Subject == "organization" { // members of projects and grants: see isNamedByPath
			ids = fieldOf(out.Result, func(m *Member) string { return m.Details.ResourceOwner })
		}
	case *MembershipPage: // roles in the instance are on the list of each organization
		ids = fieldOf(out.Result, func(m *Membership) string { return m.OrgID })
	case *DomainPage:
		ids = fieldOf(out.Result, func(d *Domain) string { return d.OrgID })
		ids = append(ids, fieldOf(out.Result, func(d *Domain) string { return d.Details.ResourceOwner })...)
	case *AppPage:
		ids = fieldOf(out.Result, func(a *App) string { return a.Details.ResourceOwner })
	case *IdentityProviderPage:
		ids = fieldOf(out.Result, func(p *IdentityProvider) string {
			if p.Owner == IdentityProviderOwnerSystem {
				return "" // a provider of the instance
			}
			return p.Details.ResourceOwner
		})
	case *ActionPage:
		ids = fieldOf(out.Result, func(a *Action) string { return a.Details.ResourceOwner })
	case *MetadataPage:
		ids = fieldOf(out.Result, func(m *Metadata) string { return m.Details.ResourceOwner })
	case *policyResult:
		if !out.IsDefault && !out.Policy.IsDefault {
			ids = []string{out.Policy.Details.ResourceOwner}
		}
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

// fieldOf returns a field of each item.
func fieldOf[T any](items []T, field func(*T) string) []string {
	fields := make([]string, len(items))
	for i := range items {
		fields[i] = field(&items[i])
	}
	return fields
}

// isNamedByPath reports whether an answer has items whose parent the path of the call names.
// Such items need not name an organization.
func isNamedByPath(call *rest.Call) bool {
	page, ok := call.Out.(*MemberPage)
	return ok && call.Subject != "organization" && len(page.Result) > 0
}

// missingItems returns the total that the first page of a list states although the page has
// no items, and 0 otherwise. Zitadel states no total for an empty list.
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

// answerContent returns the part of an answer that isSameContent compares: the items of a
// list as a [reflect.Value], or whether a policy is the instance's. It returns nil for other
// answers.
func answerContent(call *rest.Call) any {
	if policy, ok := call.Out.(*policyResult); ok {
		return policy.IsDefault || policy.Policy.IsDefault
	}
	if items := reflect.ValueOf(call.Out).Elem().FieldByName("Result"); items.IsValid() && items.Kind() == reflect.Slice {
		return reflect.ValueOf(items.Interface()) // a copy: the second answer overwrites the field
	}
	return nil
}

// isSameContent reports whether two answers are equal.
func isSameContent(a, b any) bool {
	x, ok := a.(reflect.Value)
	if !ok {
		return a == b
	}
	y, ok := b.(reflect.Value)
	return ok && x.Len() == y.Len() && (x.Len() == 0 || reflect.DeepEqual(x.Interface(), y.Interface()))
}

// headerProofs records the paths at which an answer showed that requests arrive with their
// header, and until when each proof counts.
type headerProofs struct {
	mu      sync.Mutex
	until   map[string]time.Time
	pending map[string]chan struct{} // paths of running probes; closed when the probe ends
}

// headerProofLifetime is how long a proof counts, and maxHeaderProofs is the maximum number
// of proofs that a client keeps.
const (
	headerProofLifetime = 5 * time.Minute
	maxHeaderProofs     = 1000
)

// claim reports whether a proof for the call's path exists. If not, and if pending is nil,
// the caller must probe the path and call release. If pending is not nil, another call
// probes the path, and the caller must wait for pending and claim again.
func (p *headerProofs) claim(call *rest.Call) (proved bool, pending <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := call.Location()
	if time.Now().Before(p.until[path]) {
		return true, nil
	}
	if other := p.pending[path]; other != nil {
		return false, other
	}
	if p.pending == nil {
		p.pending = map[string]chan struct{}{}
	}
	p.pending[path] = make(chan struct{})
	return false, nil
}

// release ends a probe that claim started.
func (p *headerProofs) release(call *rest.Call, arrives bool) {
	if arrives {
		p.add(call)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.pending[call.Location()])
	delete(p.pending, call.Location())
}

// add records a proof for the call's path.
func (p *headerProofs) add(call *rest.Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.until) >= maxHeaderProofs || p.until == nil {
		p.until = map[string]time.Time{}
	}
	p.until[call.Location()] = time.Now().Add(headerProofLifetime)
}

// verifiedKey is the context key of the organization that a caller read by the header.
type verifiedKey struct{}

// withVerified returns a context in which Do does not read the organization before a write,
// because the caller has just read it by the header.
func withVerified(ctx context.Context, orgID string) context.Context {
	return context.WithValue(ctx, verifiedKey{}, orgID)
}

func isVerified(ctx context.Context, orgID string) bool {
	verified, _ := ctx.Value(verifiedKey{}).(string)
	return verified == orgID
}

// denialsKey is the context key of withRepeatedDenials.
type denialsKey struct{}

// withRepeatedDenials returns a context in which Do also sends refused reads again.
func withRepeatedDenials(ctx context.Context) context.Context {
	return context.WithValue(ctx, denialsKey{}, true)
}

func repeatsDenials(ctx context.Context) bool { return ctx.Value(denialsKey{}) != nil }

// uncheckedKey is the context key of withoutCheck.
type uncheckedKey struct{}

// withoutCheck returns a context in which Do does not compare the answer with the header,
// because the caller does.
func withoutCheck(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncheckedKey{}, true)
}

func isUnchecked(ctx context.Context) bool { return ctx.Value(uncheckedKey{}) != nil }
