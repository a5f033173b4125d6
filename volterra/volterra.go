// Package volterra asks for the deletion of tenants of F5 Distributed Cloud,
// which was Volterra, shows and removes what they own, and says truly what became
// of each request.
//
// [DeleteTenant] is one line; a service makes a [Client] once and calls
// [Client.DeleteTenant]. The URL is the same for all tenants, and what is deleted
// depends on the host and the credential. So the tenant's own settings are
// compared with the request before it is sent. [Client.CheckDeletion] makes the
// comparison alone.
//
// # What a success means
//
// F5 marks the tenant for deletion and removes it later, after an approval. Nil
// means that the tenant is marked, not that it is gone, and nothing here takes it
// back. The credential is expected to be refused from then on, so there is
// nothing to wait for.
//
// # What is left
//
// F5 documents nothing that keeps a tenant from being deleted. What it owns can be
// listed, and removed before: child tenants ([Client.ListChildTenants]), their managers, the
// management of other tenants, namespaces ([Client.CascadeDeleteNamespace]) and
// addon services ([Client.Unsubscribe]). [Client.GetQuotaUsage] of the namespace
// system counts all objects at once. Subscriptions to plans and invoices can be
// read only.
//
// F5 calls a success what is one in part only, and these methods do not. A list
// with something missing is returned with an error of [errors.PartialResult], and
// a namespace with objects that are still there is [errors.NamespaceNotEmpty].
// What goes later is waited for: [Client.WaitForChildTenantDeletion] and
// [Client.WaitForNamespaceDeletion], [Client.WaitUntilUnsubscribed].
//
// [Client.Plan] lists all of it and what goes along, and [Client.Teardown] removes it
// in order and then asks for the deletion of the tenant.
//
// # What an error means
//
// Every error is an [*errors.Error]. Its ProviderCode is the gRPC code of the
// answer in decimal digits, such as "7"; in an [errors.PartialResult] it is that of
// the first part that is missing, such as "EPERMS". F5 documents no other codes of
// its own, so the other codes are categories. F5 does not say which role an
// operation needs.
//
// # Retries
//
// Reads are repeated after failures of the network and of the server. A request
// for deletion is repeated only when it was not sent, or was refused by the rate
// limit. When its answer is lost the settings are read: the state
// [StateDisabled], where there was another before, says that it was accepted.
// Nothing says that it was not, so all else is [errors.OutcomeUnknown]. The
// deletion of anything else is told by reading it, and is sent again when it is
// still there.
//
// # Rate limit
//
// F5 limits each operation by itself and documents no headers about it. The client
// learns from refusals, for all its calls together: share one.
package volterra

import (
	"context"
	"fmt"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Client speaks to F5 Distributed Cloud, as one tenant. It is safe for concurrent
// use; make one with [New].
type Client struct {
	api       *rest.Client
	durations *teardown.Durations // learned by all teardowns
}

// unmade is what a Client that [New] has not made calls: every call fails.
var unmade = rest.Unusable(provider)

// rest returns the pipeline of the client.
func (c *Client) rest() *rest.Client {
	if c == nil || c.api == nil {
		return unmade
	}
	return c.api
}

// New returns a client. It needs the tenant's base URL, by [WithBaseURL], and a
// credential: [WithAPIToken], [WithP12], [WithP12File], [WithCertificate] or
// [WithCertificateFiles]. [FromEnv] has both. What cannot work is refused here,
// with [errors.InvalidArgument].
func New(options ...Option) (*Client, error) {
	config, err := configure(options)
	if err != nil {
		return nil, err
	}
	api, err := rest.New(config)
	if err != nil {
		return nil, err
	}
	return &Client{api, new(teardown.Durations)}, nil
}

// Close closes the idle connections of the client, unless they are those of a client that
// was given by [WithHTTPClient]. Calls that follow open new ones.
func (c *Client) Close() { c.rest().Close() }

// DeleteTenant asks for the deletion of a tenant with a client of its own. See
// [Client.DeleteTenant].
func DeleteTenant(ctx context.Context, request DeleteTenantRequest, options ...Option) error {
	c, err := New(options...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.DeleteTenant(ctx, request)
}

// DeleteTenant asks for the deletion of the tenant that the credential belongs
// to. Nil means that F5 has accepted it into its deletion queue: nobody can log in
// any more, and the credential is expected to be dead. It does not mean that the
// tenant is gone, and no call tells when it will be.
//
// Before that the tenant's settings are read. The request's Name has to be the
// tenant's name, and where the base URL is that of a tenant's console,
// https://LABEL.console.ves.volterra.io, LABEL has to be the first label of the
// tenant's domain, or its name. Else nothing is sent.
//
// Errors, among those of every call:
//
//   - [errors.NotConfirmed]: the tenant is another one than the request names
//   - [errors.Conflict]: the tenant is in [StateDisabled] already
//   - [errors.InvalidArgument]: Name or Email is empty
//   - [errors.OutcomeUnknown]: the answer was lost, and the settings do not tell
//
// Source: vendor OpenAPI 2026-06-26; vendor's page on account deletion.
func (c *Client) DeleteTenant(ctx context.Context, request DeleteTenantRequest) error {
	_, err := c.deleteProved(ctx, request)
	return err
}

// deleteProved requests the deletion of the tenant, and reports whether a read shows that F5
// has marked it.
func (c *Client) deleteProved(ctx context.Context, request DeleteTenantRequest) (marked bool, err error) {
	if err := c.confirm(ctx, "DeleteTenant", request); err != nil {
		return false, err
	}
	return c.rest().DeleteProved(ctx, rest.Deletion{
		Send:   func(ctx context.Context) error { return c.requestTenantDeletion(ctx, request) },
		Verify: func(ctx context.Context) (rest.Existence, error) { return c.look(ctx, request.Name) },
	})
}

// DeactivateTenant asks for the deactivation of the tenant that the credential
// belongs to, which marks it for deletion as [Client.DeleteTenant] does, and
// returns the id of the job that was begun for it. No documented operation reads
// the job. Name has to be the tenant's name, and the tenant's settings are compared
// with it and with the base URL before anything is sent.
//
// When the answer is lost and the settings show that the request was accepted, the
// id is empty. The errors are those of [Client.DeleteTenant].
//
// Source: vendor OpenAPI 2026-06-26.
func (c *Client) DeactivateTenant(ctx context.Context, name string, request DeactivateTenantRequest) (jobID string, err error) {
	if err := c.compare(ctx, "DeactivateTenant", name); err != nil {
		return "", err
	}
	err = c.rest().Delete(ctx, rest.Deletion{
		Send: func(ctx context.Context) error {
			answer, err := c.deactivateTenant(ctx, request)
			if err == nil {
				jobID = answer.JobID
			}
			return err
		},
		Verify: func(ctx context.Context) (rest.Existence, error) { return c.look(ctx, name) },
	})
	return jobID, err
}

// CheckDeletion returns the error that [Client.DeleteTenant] would return now, as
// far as reads can tell, and changes nothing: [errors.NotConfirmed] when the
// tenant is another one than the request names, and [errors.Conflict] when it is
// in [StateDisabled], which is that of a tenant before its deletion.
//
// Nil means that nothing is known to stand in the way, not that the request will
// be accepted: F5 does not say what it refuses.
func (c *Client) CheckDeletion(ctx context.Context, request DeleteTenantRequest) error {
	return c.confirm(ctx, "CheckDeletion", request)
}

// look reads whether a request whose outcome is open was accepted. That the
// tenant is still in use is no proof that it was not: it may be queued, and its
// state change later. It was not disabled when it was confirmed.
func (c *Client) look(ctx context.Context, name string) (rest.Existence, error) {
	settings, err := c.GetTenantSettings(ctx)
	if err == nil && settings.Name == name && settings.State == StateDisabled {
		return rest.NotFound, nil
	}
	return rest.Unknown, err
}

// confirm checks the request, and compares it with the tenant.
func (c *Client) confirm(ctx context.Context, operation string, request DeleteTenantRequest) error {
	if err := complete(operation, request); err != nil {
		return err
	}
	return c.compare(ctx, operation, request.Name)
}

// complete refuses a request in which something is missing.
func complete(operation string, request DeleteTenantRequest) error {
	if request.Name != "" && request.Email == "" {
		return rest.Invalid(provider, operation, "", errors.New("email is empty"))
	}
	return nil
}

// compare compares a name with the tenant that the host and the credential lead
// to, which must not be marked for deletion yet.
func (c *Client) compare(ctx context.Context, operation, name string) error {
	settings, err := c.identify(ctx, operation, name)
	if err != nil {
		return err
	}
	return marked(operation, settings)
}

// identify returns the settings of the tenant that the host and the credential lead
// to, if it is the one of the name. F5 does not say what becomes of a request that
// names another one.
func (c *Client) identify(ctx context.Context, operation, name string) (*TenantSettings, error) {
	if name == "" {
		return nil, rest.Invalid(provider, operation, "", errors.New("name is empty"))
	}
	settings, err := c.GetTenantSettings(ctx)
	if err != nil {
		return nil, err
	}
	e := &errors.Error{Provider: provider, Operation: operation, Target: c.rest().Shown(name), Code: errors.NotConfirmed}
	host := label(c.rest().BaseURL().Hostname())
	switch {
	case name != settings.Name:
		e.Err = fmt.Errorf("the tenant's name is %q", settings.Name)
	case host != "" && !belongs(host, settings):
		e.Err = fmt.Errorf("the host is that of %q, the tenant's domain is %q", host, settings.Domain)
	default:
		return settings, nil
	}
	return nil, e
}

// marked returns the error of a tenant that is marked for deletion; nil for another.
func marked(operation string, settings *TenantSettings) error {
	if settings.State != StateDisabled {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: settings.Name,
		Code: errors.Conflict, Err: errors.New("the tenant is in the state StateDisabled already"),
	}
}

// label returns what names the tenant in the host of its console,
// LABEL.console.ves.volterra.io; "" for another host.
func label(host string) string {
	label, parent, _ := strings.Cut(strings.ToLower(host), ".")
	if !strings.HasPrefix(parent, "console.") {
		return ""
	}
	return label
}

// belongs reports whether the label of a host is the tenant's. The id that is its
// name often has a suffix that the domain has not.
func belongs(label string, settings *TenantSettings) bool {
	domain, _, _ := strings.Cut(settings.Domain, ".")
	return strings.EqualFold(label, domain) || strings.EqualFold(label, settings.Name)
}
