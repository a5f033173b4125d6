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

// ticketKind is the kind of objects that the end of an addon service can cause.
const ticketKind = "support_ticket"

// maxNames is how many a loss names.
const maxNames = 5

// cascades returns the reads of what is deleted along with the tenant. What only informs those
// who review a plan is not read again when that is carried out.
func (c *Client) cascades(tenant string, again bool) []func(context.Context) ([]teardown.Cascade, error) {
	counted := func(ctx context.Context) ([]teardown.Cascade, error) { return c.counted(ctx, tenant) }
	if again {
		return []func(context.Context) ([]teardown.Cascade, error){counted}
	}
	return []func(context.Context) ([]teardown.Cascade, error){counted, c.plans, c.unpaid}
}

// compared returns the cascades that can be compared with those of a plan: a step may have
// created a ticket, because F5 approves the end of a service by one.
func compared(cascades []teardown.Cascade) []teardown.Cascade {
	return slices.DeleteFunc(cascades, func(c teardown.Cascade) bool { return c.Kind == ticketKind })
}

// counted returns the objects of the tenant that are no steps, as its quota counts them.
// Every tenant has namespaces, so that a quota that counts nothing proves nothing.
func (c *Client) counted(ctx context.Context, tenant string) ([]teardown.Cascade, error) {
	usage, err := c.GetQuotaUsage(ctx, system)
	switch {
	case unseen(err):
		return []teardown.Cascade{unknown("objects", err)}, nil
	case err != nil:
		return nil, err
	case len(usage.Objects) == 0:
		return nil, miscounted(tenant, "the quota counts no kind of object")
	}
	var losses []teardown.Cascade
	for _, name := range slices.Sorted(maps.Keys(usage.Objects)) {
		count := usage.Objects[name].Usage.Current
		switch {
		case count < 0, count > math.MaxInt32, count != math.Trunc(count):
			return nil, miscounted(tenant, fmt.Sprintf("the quota counts %v of %s", count, name))
		case count > 0 && !slices.ContainsFunc(c.kinds(), func(k kind) bool { return k.name == name }):
			losses = append(losses, teardown.Cascade{Kind: name, Count: int(count)})
		}
	}
	return losses, nil
}

// miscounted is the error of a quota that cannot be one.
func miscounted(tenant, why string) error {
	return &errors.Error{
		Provider: provider, Operation: "GetQuotaUsage", Target: tenant,
		Code: errors.UnexpectedResponse, Status: http.StatusOK, Err: errors.New(why),
	}
}

// plans returns the plans that are active, as a loss.
func (c *Client) plans(ctx context.Context) ([]teardown.Cascade, error) {
	subscriptions, err := c.ListSubscriptions(ctx, ListSubscriptionsOptions{Current: true})
	if unseen(err) {
		return []teardown.Cascade{unknown("subscription", err)}, nil
	}
	loss := teardown.Cascade{Kind: "subscription", Note: "its charges are prorated"}
	for _, s := range subscriptions {
		if s.Current {
			name(&loss, cmp.Or(s.PlanName, s.Name))
		}
	}
	return some(loss), err
}

// unpaid returns the invoices that are not settled, as a loss.
func (c *Client) unpaid(ctx context.Context) ([]teardown.Cascade, error) {
	invoices, err := c.ListInvoices(ctx, ListInvoicesOptions{})
	if unseen(err) {
		return []teardown.Cascade{unknown("invoice", err)}, nil
	}
	loss := teardown.Cascade{Kind: "invoice", Note: "still to be paid; another one comes when the tenant is closed"}
	for _, i := range invoices {
		switch i.Status {
		case InvoiceStatusPaid, InvoiceStatusCancelled, InvoiceStatusRefunded:
		default:
			name(&loss, i.Name)
		}
	}
	return some(loss), err
}

// name adds one to a loss.
func name(loss *teardown.Cascade, name string) {
	loss.Count++
	if len(loss.Names) < maxNames && name != "" {
		loss.Names = append(loss.Names, name)
	}
}

// some leaves out a loss of none.
func some(loss teardown.Cascade) []teardown.Cascade {
	if loss.Count == 0 {
		return nil
	}
	return []teardown.Cascade{loss}
}

// unseen reports whether an error is that of a credential, or of a tenant, to which
// F5 does not show something.
func unseen(err error) bool {
	return errors.Is(err, errors.PermissionDenied) || errors.Is(err, errors.NotFound) || errors.Is(err, errors.RouteNotFound)
}

func unknown(kind string, err error) teardown.Cascade {
	e, _ := errors.AsType[*errors.Error](err)
	return teardown.Cascade{Kind: kind, Note: "how many is not known: " + string(e.Code)}
}
