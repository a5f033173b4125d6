package connect

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/secrets"
	"github.com/offboard-dev/offboard-go/teardown"
)

// concealedError is an error with a text in which hidden texts are replaced. It unwraps to
// the original error.
type concealedError struct {
	error
	text string
}

func (h *concealedError) Error() string { return h.text }

func (h *concealedError) Unwrap() error { return h.error }

// conceal returns an error without the given texts of the entry. found is whether a read has found the
// organization. The code and the rest of the provider's message remain.
func conceal(e planfile.Entry, found bool, err error) error {
	if err == nil {
		return nil
	}
	given := e.Given(found, err)
	typed, ok := errors.AsType[*errors.Error](err)
	if !ok || typed == nil {
		if text := secrets.Hide(err.Error(), given); text != err.Error() {
			return &concealedError{err, text}
		}
		return err
	}
	bare := *typed
	if bare.Target = secrets.Hide(bare.Target, given); bare.Target == secrets.NotShown {
		bare.Target = ""
	}
	bare.Message, bare.ProviderCode = secrets.Hide(bare.Message, given), secrets.Hide(bare.ProviderCode, given)
	bare.Steps = slices.Clone(bare.Steps)
	for i := range bare.Steps {
		bare.Steps[i].Name, bare.Steps[i].Description = secrets.Hide(bare.Steps[i].Name, given), secrets.Hide(bare.Steps[i].Description, given)
	}
	if bare.Err != nil {
		if text := secrets.Hide(bare.Err.Error(), given); text != bare.Err.Error() {
			bare.Err = &concealedError{bare.Err, text}
		}
	}
	return &bare
}

// concealedOrganization is an organization whose errors do not show the given texts of its
// entry.
type concealedOrganization struct {
	Organization
	entry planfile.Entry
	found atomic.Bool // a read has found the organization
}

// Found reports whether a read of an organization of a [Concealed] connector has found it.
func Found(o Organization) bool {
	c, ok := o.(*concealedOrganization)
	return ok && c.found.Load()
}

func (c *concealedOrganization) conceal(err error) error {
	return conceal(c.entry, c.found.Load(), err)
}

func (c *concealedOrganization) Identify(ctx context.Context) (teardown.Organization, error) {
	found, err := c.Organization.Identify(ctx)
	if err == nil {
		c.found.Store(true)
	}
	return found, c.conceal(err)
}

func (c *concealedOrganization) Check(ctx context.Context) error {
	err := c.Organization.Check(ctx)
	if errors.Is(err, errors.Conflict) { // a state of an organization that may exist: a read decides
		_, _ = c.Identify(ctx)
	}
	return c.conceal(err)
}

func (c *concealedOrganization) Delete(ctx context.Context) error {
	return c.conceal(c.Organization.Delete(ctx))
}

func (c *concealedOrganization) Plan(ctx context.Context) (*teardown.Plan, error) {
	plan, err := c.Organization.Plan(ctx)
	if err == nil {
		c.found.Store(true)
	}
	return plan, c.conceal(err)
}

func (c *concealedOrganization) Teardown(ctx context.Context, plan *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	report, err := c.Organization.Teardown(ctx, plan, options...)
	e := c.entry
	if plan != nil && (e.Organization == plan.Organization.ID || e.Organization == plan.Organization.Name) {
		e.Organization = "" // the provider has confirmed it
	}
	if plan != nil && planfile.Confirms(e.Confirm, plan.Organization) {
		e.Confirm = ""
	}
	return report, conceal(e, c.found.Load(), err)
}

// Concealed returns a connector whose errors, and those of its organizations, do not show the
// given texts of an entry. It adds these texts to the hidden ones before it opens the entry.
func Concealed(open Connector, hidden *secrets.Hidden) Connector {
	return func(e planfile.Entry) (Organization, error) {
		hidden.Add(e.Given(false, errNotFound))
		o, err := open(e)
		if err != nil {
			return nil, conceal(e, false, err)
		}
		return &concealedOrganization{Organization: o, entry: e}, nil
	}
}

// errNotFound stands for an organization that no provider has found.
var errNotFound = &errors.Error{Code: errors.OrganizationNotFound}
