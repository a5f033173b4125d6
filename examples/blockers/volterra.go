package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

func volterraAtFake(ctx context.Context) (*node, error) {
	srv := volterratest.NewServer()
	srv.AddNamespace(volterratest.Namespace{Name: "web", Objects: []volterratest.Object{{Name: "front"}}})
	srv.AddChildTenantManager("partners")
	srv.AddChildTenant(volterratest.ChildTenant{Name: "acme-labs", Manager: "partners"})
	srv.AddManagedTenant(volterratest.ManagedTenant{Name: "customer"})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
	srv.AddSubscription(volterra.Subscription{Name: "sub-1", PlanName: "Organization", Current: true})
	srv.AddInvoice(volterra.Invoice{Name: "inv-7", Amount: 12000, Currency: "USD"})
	c, err := volterra.New(srv.Option())
	if err != nil {
		return nil, err
	}
	return walkVolterra(ctx, c)
}

// walkVolterra reads the tenant of a client's credential. F5 documents no reason to refuse a
// deletion request; the tree shows the resources, subscriptions and open invoices.
func walkVolterra(ctx context.Context, c *volterra.Client) (*node, error) {
	tenant, err := c.GetTenantSettings(ctx)
	if err != nil {
		return nil, err
	}
	n := &node{text: tenant.Name}
	return n, errors.Join(
		addItems(n, "child tenants", all(c.ListChildTenants(ctx, volterra.ListChildTenantsOptions{})),
			func(t volterra.ChildTenantItem) string { return t.Name }),
		addItems(n, "child tenant managers", all(c.ListChildTenantManagers(ctx, volterra.ListChildTenantManagersOptions{})),
			func(m volterra.ChildTenantManagerItem) string { return m.Name }),
		addItems(n, "managed tenants", all(c.ListManagedTenants(ctx, volterra.ListManagedTenantsOptions{})),
			func(t volterra.ManagedTenantItem) string { return t.Name }),
		addItems(n, "namespaces", all(c.ListNamespaces(ctx, volterra.ListNamespacesOptions{})),
			func(namespace volterra.NamespaceItem) string {
				switch namespace.Name {
				case "system", "shared", "default": // every tenant has these
					return ""
				}
				return namespace.Name
			}),
		addItems(n, "addon services", all(c.ListAddonSubscriptions(ctx, volterra.ListAddonSubscriptionsOptions{})),
			func(s volterra.AddonSubscriptionItem) string { return s.Name }),
		addItems(n, "plans, ended by F5 only", all(c.ListSubscriptions(ctx, volterra.ListSubscriptionsOptions{})),
			func(s volterra.Subscription) string {
				if !s.Current {
					return ""
				}
				return s.PlanName
			}),
		addItems(n, "invoices, paid in the console only", all(c.ListInvoices(ctx, volterra.ListInvoicesOptions{})),
			func(i volterra.Invoice) string {
				switch i.Status {
				case volterra.InvoiceStatusPaid, volterra.InvoiceStatusCancelled, volterra.InvoiceStatusRefunded:
					return ""
				}
				status := strings.ToLower(strings.TrimPrefix(string(i.Status), "STATUS_"))
				return fmt.Sprintf("%s, %s, %.2f %s", i.Name, status, float64(i.Amount)/100, i.Currency)
			}),
	)
}
