package volterra

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// kindSupportTicket is the kind of the objects that an unsubscription from an addon service can create.
const kindSupportTicket = "support_ticket"

// maxNames is the maximum number of names in a cascade.
const maxNames = 5

// cascades returns the reads of the cascades. Applying a plan reads only the cascades that it
// compares; subscriptions to plans and invoices inform the reviewer of a plan.
func (c *Client) cascades(tenant string, applying bool) []func(context.Context) ([]teardown.Cascade, error) {
	counted := func(ctx context.Context) ([]teardown.Cascade, error) { return c.counted(ctx, tenant) }
	if applying {
		return []func(context.Context) ([]teardown.Cascade, error){counted}
	}
	return []func(context.Context) ([]teardown.Cascade, error){counted, c.plans, c.unpaid}
}

// compared returns the cascades that are compared with those of a plan. Tickets are not: an
// unsubscription that F5 must approve creates one.
func compared(cascades []teardown.Cascade) []teardown.Cascade {
	return slices.DeleteFunc(cascades, func(c teardown.Cascade) bool { return c.Kind == kindSupportTicket })
}

// counted returns the objects in the quota of the tenant that are not steps. Every tenant has
// namespaces, so an empty quota proves nothing.
func (c *Client) counted(ctx context.Context, tenant string) ([]teardown.Cascade, error) {
	usage, err := c.GetQuotaUsage(ctx, system)
	switch {
	case unreadable(err):
		return []teardown.Cascade{unknown("objects", err)}, nil
	case err != nil:
		return nil, err
	case len(usage.Objects) == 0:
		return nil, miscounted(tenant, "the quota counts no objects")
	}
	var all []teardown.Cascade
	for _, name := range slices.Sorted(maps.Keys(usage.Objects)) {
		count := usage.Objects[name].Usage.Current
		switch {
		case count < 0, count > math.MaxInt32, count != math.Trunc(count):
			return nil, miscounted(tenant, fmt.Sprintf("the quota counts %v of %s", count, name))
		case count > 0 && !slices.ContainsFunc(c.kinds(), func(k kind) bool { return k.name == name }):
			all = append(all, teardown.Cascade{Kind: name, Count: int(count)})
		}
	}
	return all, nil
}

// miscounted returns the error of an implausible quota.
func miscounted(tenant, why string) error {
	return &errors.Error{
		Provider: provider, Operation: "GetQuotaUsage", Target: tenant,
		Code: errors.UnexpectedResponse, Status: http.StatusOK, Err: errors.New(why),
	}
}

// plans returns the active plans as a cascade.
func (c *Client) plans(ctx context.Context) ([]teardown.Cascade, error) {
	subscriptions, err := c.ListSubscriptions(ctx, ListSubscriptionsOptions{Current: true})
	if unreadable(err) {
		return []teardown.Cascade{unknown("subscription", err)}, nil
	}
	cascade := teardown.Cascade{Kind: "subscription", Note: "charges are prorated"}
	for _, s := range subscriptions {
		if s.Current {
			name(&cascade, cmp.Or(s.PlanName, s.Name))
		}
	}
	return some(cascade), err
}

// unpaid returns the unpaid invoices as a cascade.
func (c *Client) unpaid(ctx context.Context) ([]teardown.Cascade, error) {
	invoices, err := c.ListInvoices(ctx, ListInvoicesOptions{})
	if unreadable(err) {
		return []teardown.Cascade{unknown("invoice", err)}, nil
	}
	cascade := teardown.Cascade{Kind: "invoice", Note: "payable; F5 issues another invoice when it closes the tenant"}
	for _, i := range invoices {
		switch i.Status {
		case InvoiceStatusPaid, InvoiceStatusCancelled, InvoiceStatusRefunded:
		default:
			name(&cascade, i.Name)
		}
	}
	return some(cascade), err
}

// name adds a resource to a cascade.
func name(cascade *teardown.Cascade, name string) {
	cascade.Count++
	if len(cascade.Names) < maxNames && name != "" {
		cascade.Names = append(cascade.Names, name)
	}
}

// some returns a cascade; nil if it counts nothing.
func some(cascade teardown.Cascade) []teardown.Cascade {
	if cascade.Count == 0 {
		return nil
	}
	return []teardown.Cascade{cascade}
}

// unreadable reports whether the credential, or the tenant, has no access to a read.
func unreadable(err error) bool {
	return errors.Is(err, errors.PermissionDenied) || errors.Is(err, errors.NotFound) || errors.Is(err, errors.RouteNotFound)
}

// unknown returns a cascade without a number, with the reason.
func unknown(kind string, err error) teardown.Cascade {
	e, _ := errors.AsType[*errors.Error](err)
	return teardown.Cascade{Kind: kind, Note: "number unknown: " + string(e.Code)}
}
