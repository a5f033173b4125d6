package atlas_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/internal/teardowntest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// blocked makes a double with two organizations that have everything that can stand
// in the way of a deletion.
func blocked() *atlastest.Server {
	srv := atlastest.NewServer()
	for _, o := range []struct{ id, shop, blog string }{{acme, shop, blog}, {other, "5e2f0000000000000000001a", "5e2f0000000000000000001b"}} {
		srv.AddOrganization(atlastest.Organization{
			ID: o.id, Name: "Acme", Federation: federation, LinkedProjects: []string{"old"}, FailedPayments: true,
		})
		srv.AddServiceAccount(atlastest.Credential{ID: "account of " + o.id, Secret: "secret", Organization: o.id})
		srv.AddAPIKey(atlastest.Credential{ID: "key of " + o.id, Secret: "secret", Organization: o.id})
		srv.AddProject(o.id, atlastest.Project{ID: o.shop, Name: "shop"})
		srv.AddProject(o.id, atlastest.Project{ID: o.blog, Name: "blog", Clusters: 2})
		srv.AddProject(o.id, atlastest.Project{ID: o.blog[:23] + "f"}) // with nothing in it
		service := srv.AddResource(o.shop, atlastest.Resource{Kind: atlas.KindPrivateEndpointService})
		azure := srv.AddResource(o.shop, atlastest.Resource{Kind: atlas.KindPrivateEndpointService, Provider: atlas.CloudProviderAzure})
		for _, r := range []atlastest.Resource{
			{Kind: atlas.KindBackupCompliancePolicy, Protected: true},
			{Kind: atlas.KindCluster, ID: "main", Protected: true},
			{Kind: atlas.KindCluster, ID: "shards", Sharded: true},
			{Kind: atlas.KindCluster, ID: "old", Retained: true},
			{Kind: atlas.KindCluster, ID: "old-shards", Sharded: true, Retained: true},
			{Kind: atlas.KindSnapshot, Parent: "main"},
			{Kind: atlas.KindSnapshot, Parent: "old"},
			{Kind: atlas.KindShardedSnapshot, Parent: "old-shards"},
			{Kind: atlas.KindOutageSimulation, Parent: "main"},
			{Kind: atlas.KindOnlineArchive, Parent: "main"},
			{Kind: atlas.KindOnlineArchive, Parent: "shards"},
			{Kind: atlas.KindFlexCluster, ID: "small", Protected: true},
			{Kind: atlas.KindNetworkPeering},
			{Kind: atlas.KindNetworkPeering, Provider: atlas.CloudProviderGCP},
			{Kind: atlas.KindFederationEndpoint, RemovedAfter: 2},
			{Kind: atlas.KindFederatedDatabase},
			{Kind: atlas.KindStreamWorkspace, ID: "events"},
			{Kind: atlas.KindStreamProcessor, ID: "count", Parent: "events"},
			{Kind: atlas.KindStreamPrivateLink},
			{Kind: atlas.KindStreamVPCPeering},
			{Kind: atlas.KindPrivateEndpoint, Parent: service},
			{Kind: atlas.KindPrivateEndpoint, Parent: service},
			{Kind: atlas.KindPrivateEndpoint, Parent: azure, Provider: atlas.CloudProviderAzure},
			{Kind: atlas.KindEncryptionEndpoint, Provider: atlas.CloudProviderAzure},
		} {
			srv.AddResource(o.shop, r)
		}
		srv.AddResource(o.blog, atlastest.Resource{Kind: atlas.KindPrivateEndpointService, Provider: atlas.CloudProviderGCP}) // without endpoints
	}
	return srv
}

const blog = "5e2f0000000000000000000b"

func TestTeardown(t *testing.T) {
	t.Parallel()
	teardowntest.Provider{
		Kinds: []string{
			"backup_compliance_policy", "cluster", "encryption_endpoint", "failed_invoice", "federated_database", "federation",
			"federation_endpoint", "flex_cluster", "live_migration_link", "network_peering", "online_archive", "outage_simulation",
			"policy_protection", "private_endpoint", "private_endpoint_service", "project", "sharded_snapshot", "snapshot",
			"stream_private_link", "stream_processor", "stream_vpc_peering", "stream_workspace",
		},
		Permit:  []teardown.Consent{teardown.TerminationProtection},
		Outcome: teardown.Gone,
		New: func(tb testing.TB) *teardowntest.World {
			srv := blocked()
			c, err := atlas.New(srv.Option())
			if err != nil {
				tb.Fatal(err)
			}
			return &teardowntest.World{
				Server: srv.Server, Name: "Acme",
				Plan:     func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, acme) },
				Teardown: c.Teardown,
				Check:    func(ctx context.Context) error { return c.CheckDeletion(ctx, acme) },
				ByHand:   func() { srv.Resolve(acme) },
				Overtake: func() { srv.AddResource(blog, atlastest.Resource{Kind: atlas.KindFlexCluster}) },
				Deleted:  func() bool { return !srv.Exists(acme) },
				Rest:     func() any { return rest(srv) },
			}
		},
	}.Run(t)
}

// rest is all that the other organization of blocked has.
func rest(srv *atlastest.Server) []string {
	all := []string{fmt.Sprintf("%+v", srv.Organization(other))}
	for _, p := range srv.Projects(other) {
		all = append(all, fmt.Sprintf("%+v", p))
		for _, r := range srv.Resources(p.ID) {
			all = append(all, fmt.Sprintf("%+v", r))
		}
	}
	return all
}
