// Package offboard is the provider-neutral entry point of this module, for programs that
// delete organizations at several providers. [Open] returns an [Organization] that can be
// checked, planned, torn down and deleted, whichever provider it belongs to.
//
// A service that uses one provider imports that provider's package instead:
//
//   - katapult: managed organizations at Katapult
//   - zitadel: organizations of a Zitadel instance
//   - atlas: organizations at MongoDB Atlas
//   - workspace: workspaces at Applivery
//   - volterra: tenants of F5 Distributed Cloud
//
// Errors are those of package errors. Plans and reports are those of package teardown. Each
// provider's package has a fake of the provider next to it, for tests.
package offboard

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Spec names an organization and how it is reached.
type Spec struct {
	// Provider is the name of the provider's package: "katapult", "zitadel", "atlas",
	// "workspace" or "volterra". "applivery" and "f5" are accepted, too.
	Provider string

	// Organization is the ID of the organization. At Katapult it may be a subdomain: a value
	// that does not begin with "org_" is one. At Applivery it may be a slug. At F5 it is the
	// name of the tenant.
	Organization string

	// BaseURL is the address of the API, as in the option WithBaseURL of the provider. ""
	// means the address that the credentials name, or the provider's default.
	BaseURL string

	// Credentials maps names of credentials, which are those of the environment variables
	// that FromEnv of the provider reads, to the names that [WithCredentials] is called with
	// instead. If it is not empty, only the credentials in it are used. It holds names only,
	// never a credential.
	Credentials map[string]string

	// Email, Reason and Feedback belong to the request for the deletion of an F5 tenant; see
	// volterra.DeleteTenantRequest. Email is required there. Other providers refuse them.
	Email, Reason, Feedback string
}

// Validate returns [errors.InvalidArgument] if no organization can be deleted by the spec, as far as
// the spec alone shows it: [Open], or each method of the organization, would refuse the provider,
// the organization's ID, the base URL, the names of credentials, or the request for the deletion of
// an F5 tenant. It reads no credential and sends no request. A base URL with plain http is accepted,
// because [WithPlainHTTP] permits it.
func (s Spec) Validate() error {
	const operation = "Validate"
	p, known := providerOf(s.Provider)
	if !known {
		return invalid("", operation, "unknown provider; use one of "+acceptedNames())
	}
	err := p.check(s)
	if err == nil {
		err = p.validate(s)
	}
	if err != nil {
		return invalid(p.name, operation, err.Error())
	}
	return nil
}

// Organization is one organization at one provider. Its methods are safe for concurrent use.
// The zero Organization returns [errors.InvalidArgument].
type Organization struct {
	provider string
	api      organization
	close    func()
}

// organization is what each provider implements.
type organization interface {
	identify(ctx context.Context) (teardown.Organization, error)
	check(ctx context.Context) error
	plan(ctx context.Context) (*teardown.Plan, error)
	teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error)
	driver(p *teardown.Plan) (teardown.Driver, error)
	delete(ctx context.Context) error
}

// Provider returns the name of the provider's package, such as "volterra".
func (o Organization) Provider() string { return o.provider }

// Name reads the name of the organization, as [teardown.WithConfirm] takes it. It is empty
// for an organization without a name.
func (o Organization) Name(ctx context.Context) (string, error) {
	found, err := o.Identify(ctx)
	return found.Name, err
}

// Identify reads the ID and the name of the organization, as a plan has them. The error is
// [errors.OrganizationNotFound] if the organization does not exist, also at a provider whose read
// still finds a deleted one.
func (o Organization) Identify(ctx context.Context) (teardown.Organization, error) {
	if err := o.opened(ctx, "Identify"); err != nil {
		return teardown.Organization{}, err
	}
	return o.api.identify(ctx)
}

// Check returns the error that [Organization.Delete] would return now, as far as reads show
// it, and changes nothing. Nil means that the reads show no blockers.
func (o Organization) Check(ctx context.Context) error {
	if err := o.opened(ctx, "CheckDeletion"); err != nil {
		return err
	}
	return o.api.check(ctx)
}

// Plan reads what must be removed before the organization can be deleted, and what is deleted
// along with it. It changes nothing.
func (o Organization) Plan(ctx context.Context) (*teardown.Plan, error) {
	if err := o.opened(ctx, "Plan"); err != nil {
		return nil, err
	}
	return o.api.plan(ctx)
}

// Teardown applies a plan of [Organization.Plan]: it removes the resources of the steps in
// order, and deletes the organization. Errors are those of the provider's method Teardown;
// [errors.All] yields all of them.
func (o Organization) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	if err := o.opened(ctx, "Teardown"); err != nil {
		return nil, err
	}
	return o.api.teardown(ctx, p, options...)
}

// Driver returns the driver that applies a plan of the organization in parts, in several
// processes, by [teardown.Prepare], [teardown.ExecuteSteps] and [teardown.ExecuteDelete]. p is the
// plan, or the prepared plan. Make a driver for each of these calls. Errors are those of the
// provider's method Driver.
func (o Organization) Driver(p *teardown.Plan) (teardown.Driver, error) {
	if o.api == nil {
		return nil, invalid(o.provider, "Teardown", "the Organization was not returned by Open")
	}
	return o.api.driver(p)
}

// Delete deletes the organization, and no resource that blocks the deletion. Nil means what
// it means at the provider: the deletion is confirmed, or at F5 accepted into the deletion
// queue.
func (o Organization) Delete(ctx context.Context) error {
	if err := o.opened(ctx, "DeleteOrganization"); err != nil {
		return err
	}
	return o.api.delete(ctx)
}

// Close closes the idle connections of an organization that [Open] has returned. One of
// [Clients.Open] shares its connections: there, Close does nothing.
func (o Organization) Close() {
	if o.close != nil {
		o.close()
	}
}

// opened refuses an Organization that was not opened, and a nil context.
func (o Organization) opened(ctx context.Context, operation string) error {
	switch {
	case o.api == nil:
		return invalid(o.provider, operation, "the Organization was not returned by Open")
	case ctx == nil:
		return invalid(o.provider, operation, "the context must not be nil")
	}
	return nil
}

func invalid(provider, operation, text string) error {
	return &errors.Error{Provider: provider, Operation: operation, Code: errors.InvalidArgument, Err: errors.New(text)}
}

// Open returns an organization with a client of its own. [Organization.Close] closes the
// connections of the client. Nothing is sent. Use [Clients] for several organizations.
//
// Errors are [errors.InvalidArgument] for a spec or an option that Open or New of the provider
// refuses. They wrap the errors of the function of [WithCredentials].
func Open(ctx context.Context, spec Spec, options ...Option) (Organization, error) {
	c := NewClients(options...)
	o, err := c.Open(ctx, spec)
	if err != nil {
		return Organization{}, err
	}
	o.close = c.Close
	return o, nil
}

// Clients opens organizations with one client for all those that are reached in the same way:
// the same provider, base URL and names of credentials. They share connections and the
// provider's rate limit. It is safe for concurrent use.
type Clients struct {
	settings settings

	mu      sync.Mutex
	clients map[string]*connection // by the key of the spec
}

// connection is a client that is made once, for all calls of Open that need it.
type connection struct {
	made   chan struct{} // closed when client and err are final
	client client
	err    error
}

// client returns organizations of one provider and one credential.
type client struct {
	open  func(Spec) organization
	close func()
}

// NewClients returns Clients with the options of all clients.
func NewClients(options ...Option) *Clients {
	c := &Clients{clients: map[string]*connection{}}
	for _, o := range options {
		if o == nil {
			c.settings.fail("nil Option")
			continue
		}
		o.apply(&c.settings)
	}
	return c
}

// Open returns an organization. Nothing is sent. Errors are those of [Open]. Calls that need the
// same client at the same time call the function of [WithCredentials] once and share its error; if
// the context ends while a call waits for another, the error is [errors.Canceled].
func (c *Clients) Open(ctx context.Context, spec Spec) (Organization, error) {
	const operation = "Open"
	p, known := providerOf(spec.Provider)
	switch {
	case c == nil || c.clients == nil:
		return Organization{}, invalid(p.name, operation, "the Clients were not returned by NewClients")
	case ctx == nil:
		return Organization{}, invalid(p.name, operation, "the context must not be nil")
	case !known:
		return Organization{}, invalid("", operation, "unknown provider; use one of "+acceptedNames())
	case c.settings.err != nil:
		return Organization{}, invalid(p.name, operation, c.settings.err.Error())
	case c.settings.credentials == nil:
		return Organization{}, invalid(p.name, operation, "no credentials: use WithCredentials or FromEnv")
	}
	if err := p.check(spec); err != nil {
		return Organization{}, invalid(p.name, operation, err.Error())
	}
	made, err := c.connect(ctx, p, spec)
	if err != nil {
		return Organization{}, ofOpen(err)
	}
	return Organization{provider: p.name, api: made.open(spec)}, nil
}

// connect returns the client of a spec, and makes it if no call did before. The mutex is not locked
// meanwhile, because the caller's function for credentials may be slow, and may call Open.
func (c *Clients) connect(ctx context.Context, p provider, spec Spec) (client, error) {
	key := spec.key(p.name)
	c.mu.Lock()
	shared, found := c.clients[key]
	if !found {
		shared = &connection{made: make(chan struct{})}
		c.clients[key] = shared
	}
	c.mu.Unlock()
	if !found {
		return c.make(shared, key, p, spec)
	}
	select {
	case <-shared.made: // also if the context has ended
		return shared.client, shared.err
	default:
	}
	select {
	case <-shared.made:
		return shared.client, shared.err
	case <-ctx.Done():
		return client{}, &errors.Error{Provider: p.name, Code: errors.Canceled, Err: ctx.Err()}
	}
}

// make makes the client of a connection. After a failure, the next call of Open makes another.
func (c *Clients) make(shared *connection, key string, p provider, spec Spec) (client, error) {
	// The error of the calls that wait if a function of the caller panics or ends its goroutine.
	shared.err = &errors.Error{Provider: p.name, Code: errors.Unavailable, Err: errors.New("a function of the options did not return")}
	defer func() {
		if shared.err != nil {
			c.mu.Lock()
			delete(c.clients, key)
			c.mu.Unlock()
		}
		close(shared.made)
	}()
	shared.client, shared.err = p.connect(&c.settings, spec)
	return shared.client, shared.err
}

// ofOpen returns an error of a provider's New as one of Open, with the same code and cause.
func ofOpen(err error) error {
	e, ok := err.(*errors.Error)
	if !ok {
		return err
	}
	opened := *e
	opened.Operation = "Open"
	return &opened
}

// Close closes the idle connections of all clients.
func (c *Clients) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, shared := range c.clients {
		select {
		case <-shared.made:
			shared.client.close()
		default: // a client that is being made has no connections
		}
	}
}

// key is the same for specs that can share a client.
func (s Spec) key(provider string) string {
	parts := []string{provider, strconv.Quote(s.BaseURL)}
	for name, other := range s.Credentials {
		parts = append(parts, strconv.Quote(name)+"="+strconv.Quote(other))
	}
	slices.Sort(parts[2:])
	return strings.Join(parts, "\n")
}

// Providers returns the names of all providers, as in [Spec.Provider].
func Providers() []string {
	names := make([]string, 0, len(providers()))
	for _, p := range providers() {
		names = append(names, p.name)
	}
	return names
}

// APIVersions returns, for each provider, the version of the vendor's API, or of its
// description, that its package was written for and compared with.
func APIVersions() map[string]string {
	versions := map[string]string{}
	for _, p := range providers() {
		versions[p.name] = p.apiVersion
	}
	return versions
}
