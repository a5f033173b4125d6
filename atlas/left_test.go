package atlas_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// remove asks for the deletion of what is left, by its kind.
func remove(ctx context.Context, c *atlas.Client, blocker atlas.Blocker) (err error) {
	switch blocker.Kind {
	case atlas.BlockerOutageSimulation:
		_, err = c.EndOutageSimulation(ctx, shop, blocker.ID)
	case atlas.BlockerOnlineArchive:
		err = c.DeleteOnlineArchive(ctx, shop, blocker.Parent, blocker.ID)
	case atlas.BlockerCluster:
		err = c.DeleteCluster(ctx, shop, blocker.ID, atlas.DeleteClusterOptions{RetainBackups: blocker.ID == "shards"})
	case atlas.BlockerFlexCluster:
		err = c.DeleteFlexCluster(ctx, shop, blocker.ID)
	case atlas.BlockerBackupCompliancePolicy:
		err = c.DeleteBackupCompliancePolicy(ctx, shop)
	case atlas.BlockerSnapshot:
		err = c.DeleteSnapshot(ctx, shop, blocker.Parent, blocker.ID)
	case atlas.BlockerShardedSnapshot:
		err = c.DeleteShardedSnapshot(ctx, shop, blocker.Parent, blocker.ID)
	case atlas.BlockerNetworkPeering:
		err = c.DeleteNetworkPeering(ctx, shop, blocker.ID)
	case atlas.BlockerFederationEndpoint:
		err = c.DeleteFederationEndpoint(ctx, shop, blocker.ID)
	case atlas.BlockerFederatedDatabase:
		err = c.DeleteFederatedDatabase(ctx, shop, blocker.ID)
	case atlas.BlockerStreamProcessor:
		err = c.DeleteStreamProcessor(ctx, shop, blocker.Parent, blocker.ID)
	case atlas.BlockerStreamWorkspace:
		err = c.DeleteStreamWorkspace(ctx, shop, blocker.ID)
	case atlas.BlockerStreamPrivateLink:
		err = c.DeleteStreamPrivateLink(ctx, shop, blocker.ID)
	case atlas.BlockerStreamVPCPeering:
		err = c.DeleteStreamVPCPeering(ctx, shop, blocker.ID)
	case atlas.BlockerPrivateEndpoint:
		err = c.DeletePrivateEndpoint(ctx, shop, blocker.Provider, blocker.Parent, blocker.ID)
	case atlas.BlockerPrivateEndpointService:
		err = c.DeletePrivateEndpointService(ctx, shop, blocker.Provider, blocker.ID)
	case atlas.BlockerEncryptionEndpoint:
		err = c.DeleteEncryptionEndpoint(ctx, shop, blocker.Provider, blocker.ID)
	default:
		err = fmt.Errorf("%s is a kind that is not known", blocker.Kind)
	}
	return err
}

// kindsOf are the kinds of what is left, each once.
func kindsOf(t *testing.T, c *atlas.Client) []atlas.BlockerKind {
	t.Helper()
	var kinds []atlas.BlockerKind
	for _, blocker := range gather(t, c.ListBlockers(t.Context(), shop)) {
		if !slices.Contains(kinds, blocker.Kind) {
			kinds = append(kinds, blocker.Kind)
		}
	}
	return kinds
}

func TestAnOrganizationWithEveryKindOfBlockerIsBroughtToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := furnish()
		srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy, Protected: true})
		c := newClient(t, srv)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		every := []atlas.BlockerKind{
			atlas.BlockerOutageSimulation, atlas.BlockerOnlineArchive, atlas.BlockerBackupCompliancePolicy, atlas.BlockerCluster, atlas.BlockerFlexCluster,
			atlas.BlockerNetworkPeering, atlas.BlockerFederationEndpoint, atlas.BlockerFederatedDatabase,
			atlas.BlockerStreamProcessor, atlas.BlockerStreamWorkspace, atlas.BlockerStreamPrivateLink, atlas.BlockerStreamVPCPeering,
			atlas.BlockerPrivateEndpoint, atlas.BlockerPrivateEndpointService, atlas.BlockerEncryptionEndpoint,
		}
		if diff := cmp.Diff(every, kindsOf(t, c)); diff != "" {
			t.Errorf("kinds (-want +got):\n%s", diff)
		}
		blocked := func() {
			t.Helper()
			if err := c.DeleteOrganization(ctx, acme); !errors.Is(err, errors.OrganizationNotEmpty) {
				t.Fatalf("got %v, want %q", err, errors.OrganizationNotEmpty)
			}
			if err := c.DeleteProject(ctx, shop); !errors.Is(err, errors.DeletionStepsNotSatisfied) {
				t.Fatalf("got %v, want %q", err, errors.DeletionStepsNotSatisfied)
			}
		}
		for _, kind := range every {
			if kind == atlas.BlockerBackupCompliancePolicy {
				continue
			}
			blocked()
			for _, blocker := range gather(t, c.ListBlockers(ctx, shop, kind)) {
				if err := remove(ctx, c, blocker); err != nil {
					t.Fatalf("%+v: %v", blocker, err)
				}
			}
			if err := c.WaitForDeletion(ctx, shop, nil, kind); err != nil {
				t.Fatal(err)
			}
		}
		// The policy has kept the snapshots of the clusters.
		kept := []atlas.BlockerKind{atlas.BlockerBackupCompliancePolicy, atlas.BlockerSnapshot, atlas.BlockerShardedSnapshot}
		if diff := cmp.Diff(kept, kindsOf(t, c)); diff != "" {
			t.Errorf("kinds (-want +got):\n%s", diff)
		}
		if err := c.DeleteProject(ctx, shop); !errors.Is(err, errors.BackupCompliancePolicy) {
			t.Errorf("got %v, want %q", err, errors.BackupCompliancePolicy)
		}
		if err := c.DeleteSnapshot(ctx, shop, "main", snapshot); !errors.Is(err, errors.BackupCompliancePolicy) {
			t.Errorf("got %v, want %q", err, errors.BackupCompliancePolicy)
		}
		if err := c.DeleteBackupCompliancePolicy(ctx, shop); !errors.Is(err, errors.PermissionDenied) {
			t.Errorf("got %v, want %q", err, errors.PermissionDenied)
		}
		srv.Resolve(acme)
		for blocker, err := range c.ListBlockers(ctx, shop) {
			if err == nil {
				err = remove(ctx, c, blocker)
			}
			if err != nil {
				t.Fatalf("%+v: %v", blocker, err)
			}
		}
		if err := c.DeleteProject(ctx, shop); err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteOrganization(ctx, acme); err != nil {
			t.Fatal(err)
		}
		if srv.Exists(acme) || len(srv.Resources(shop)) != 0 {
			t.Errorf("the organization is there: %t; left: %v", srv.Exists(acme), srv.Resources(shop))
		}
	})
}

func TestPeeringsAreAskedForAtEachCloudProvider(t *testing.T) {
	t.Parallel()
	srv := furnish()
	c, ctx := newClient(t, srv), t.Context()
	if found := gather(t, c.ListNetworkPeerings(ctx, shop, atlas.ListNetworkPeeringsPageOptions{})); len(found) != 0 {
		t.Errorf("got %v without a provider, want those at AWS only", found)
	}
	want := []atlas.Blocker{{Kind: atlas.BlockerNetworkPeering, ID: peer, Provider: atlas.CloudProviderAzure, State: "AVAILABLE"}}
	if diff := cmp.Diff(want, gather(t, c.ListBlockers(ctx, shop, atlas.BlockerNetworkPeering))); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func TestNoListIsReadTwiceForWhatIsLeft(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		add  []atlastest.Resource
		want int
	}{
		"nothing":                    {nil, 13},
		"clusters":                   {[]atlastest.Resource{{Kind: atlas.BlockerCluster}, {Kind: atlas.BlockerCluster}}, 13 + 2 + 2*2},
		"a cluster that was deleted": {[]atlastest.Resource{{Kind: atlas.BlockerCluster, ID: "old", Retained: true}, {Kind: atlas.BlockerSnapshot, Parent: "old"}}, 13 + 2 + 1},
		"a peering":                  {[]atlastest.Resource{{Kind: atlas.BlockerNetworkPeering}}, 13 + 1},
		"a stream workspace":         {[]atlastest.Resource{{Kind: atlas.BlockerStreamWorkspace}}, 13 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			srv.AddProject(acme, atlastest.Project{ID: shop})
			for _, r := range test.add {
				srv.AddResource(shop, r)
			}
			gather(t, newClient(t, srv).ListBlockers(t.Context(), shop))
			if n := len(srv.Requests()); n != test.want {
				t.Errorf("got %d requests, want %d: %v", n, test.want, requests(srv))
			}
		})
	}
}

func TestAPolicyIsLeftWhereItKeepsSnapshots(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy, Protected: true})
	c := newClient(t, srv)
	if blocker := gather(t, c.ListBlockers(t.Context(), shop, atlas.BlockerBackupCompliancePolicy)); len(blocker) != 0 {
		t.Errorf("got %v, and there is nothing that it keeps", blocker)
	}
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster})
	want := []atlas.Blocker{{Kind: atlas.BlockerBackupCompliancePolicy, ID: shop, State: "ACTIVE", Protected: true}}
	if diff := cmp.Diff(want, gather(t, c.ListBlockers(t.Context(), shop, atlas.BlockerBackupCompliancePolicy))); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func TestSnapshotsThatAClusterLeavesBehindAreListed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		srv.AddProject(acme, atlastest.Project{ID: shop})
		for _, name := range []string{"kept", "dropped", "there"} {
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: name})
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerSnapshot, Parent: name})
		}
		c, ctx := newClient(t, srv), t.Context()
		for _, name := range []string{"kept", "dropped"} {
			if err := c.DeleteCluster(ctx, shop, name, atlas.DeleteClusterOptions{RetainBackups: name == "kept"}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		var got []string
		for _, blocker := range gather(t, c.ListBlockers(ctx, shop)) {
			got = append(got, string(blocker.Kind)+" "+blocker.Parent)
		}
		if diff := cmp.Diff([]string{"cluster ", "snapshot kept"}, got); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	})
}

func TestTheWaitGoesOnWhileAnythingIsThere(t *testing.T) {
	t.Parallel()
	for kind, call := range map[atlas.BlockerKind]struct{ status int }{
		atlas.BlockerOutageSimulation: {200}, atlas.BlockerCluster: {202}, atlas.BlockerFlexCluster: {204},
		atlas.BlockerNetworkPeering: {202}, atlas.BlockerFederatedDatabase: {202}, atlas.BlockerStreamWorkspace: {202},
		atlas.BlockerStreamPrivateLink: {202}, atlas.BlockerStreamVPCPeering: {202}, atlas.BlockerPrivateEndpoint: {204},
		atlas.BlockerPrivateEndpointService: {202}, atlas.BlockerEncryptionEndpoint: {204},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := atlastest.NewServer()
				srv.AddOrganization(atlastest.Organization{ID: acme})
				srv.AddProject(acme, atlastest.Project{ID: shop})
				parent := ""
				switch kind {
				case atlas.BlockerOutageSimulation:
					parent = srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster})
				case atlas.BlockerPrivateEndpoint:
					parent = srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService})
				}
				srv.AddResource(shop, atlastest.Resource{Kind: kind, Parent: parent, Takes: 10 * time.Minute})
				c := newClient(t, srv)
				for _, blocker := range gather(t, c.ListBlockers(t.Context(), shop, kind)) {
					if err := remove(t.Context(), c, blocker); err != nil {
						t.Fatal(err)
					}
				}
				requests := srv.Requests()
				if got := requests[len(requests)-1].Status; got != call.status {
					t.Errorf("the deletion was answered with %d, want %d", got, call.status)
				}
				if err := c.DeleteProject(t.Context(), shop); !errors.Is(err, errors.DeletionStepsNotSatisfied) {
					t.Errorf("got %v before the end, want %q", err, errors.DeletionStepsNotSatisfied)
				}
				begin, looked := time.Now(), 0
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if err := c.WaitForDeletion(ctx, shop, func(blocker []atlas.Blocker) { looked++ }, kind); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took < 10*time.Minute || took > 11*time.Minute || looked < 10 {
					t.Errorf("waited %v and looked %d times", took, looked)
				}
				if blocker := gather(t, c.ListBlockers(t.Context(), shop, kind)); len(blocker) != 0 {
					t.Errorf("left: %v", blocker)
				}
			})
		})
	}
}

func TestAWaitThatEndsEarlySaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := furnish()
		c := newClient(t, srv)
		if err := c.DeleteCluster(t.Context(), shop, "shards", atlas.DeleteClusterOptions{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := c.WaitForDeletion(ctx, shop, nil, atlas.BlockerCluster, atlas.BlockerPrivateEndpoint)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.NotFinished || !errors.Is(err, context.DeadlineExceeded) || e.Operation != "WaitUntilGone" || e.Target != shop {
			t.Fatalf("got %v, want %q", err, errors.NotFinished)
		}
		want := []errors.Step{
			{Name: "cluster", Description: "main, IDLE"},
			{Name: "cluster", Description: "shards, DELETING"},
			{Name: "private_endpoint", Description: endpoint + " of " + service},
			{Name: "private_endpoint", Description: resource + " of " + azure},
		}
		if diff := cmp.Diff(want, e.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestADeletionThatFailsEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		srv.AddProject(acme, atlastest.Project{ID: shop})
		// That one has failed before is no failure of its deletion.
		srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerEncryptionEndpoint, ID: keys, State: "FAILED"})
		srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerNetworkPeering, ID: peer, Fails: true})
		c := newClient(t, srv)
		go func() {
			time.Sleep(10 * time.Second)
			_ = c.DeleteEncryptionEndpoint(ctx, shop, atlas.CloudProviderAWS, keys)
			_ = c.DeleteNetworkPeering(ctx, shop, peer)
		}()
		err := c.WaitForDeletion(ctx, shop, nil)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.Conflict {
			t.Fatalf("got %v, want %q", err, errors.Conflict)
		}
		want := []errors.Step{{Name: "network_peering", Description: peer + ", FAILED"}}
		if diff := cmp.Diff(want, e.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if err := c.DeleteNetworkPeering(ctx, shop, peer); err != nil {
			t.Errorf("got %v for the next deletion", err)
		}
		if err := c.WaitForDeletion(ctx, shop, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestAFailureThatPassesDoesNotEndTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := furnish()
		down := offboardtest.HTMLResponse("ListFlexClustersPage", 503)
		down.Times = 20
		srv.Fail(down)
		c := newClient(t, srv)
		if err := c.DeleteFlexCluster(t.Context(), shop, "small"); err != nil {
			t.Fatal(err)
		}
		if err := c.WaitForDeletion(t.Context(), shop, nil, atlas.BlockerFlexCluster); err != nil {
			t.Error(err)
		}
		srv.Fail(offboardtest.Respond("ListFlexClustersPage", 403, `{"error":403,"errorCode":"ACCESS_FORBIDDEN"}`))
		if err := c.WaitForDeletion(t.Context(), shop, nil, atlas.BlockerFlexCluster); !errors.Is(err, errors.PermissionDenied) {
			t.Errorf("got %v, want %q", err, errors.PermissionDenied)
		}
	})
}

func TestWhatIsLeftIsNotListedInPart(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{
		"ListClustersPage", "GetOutageSimulation", "ListOnlineArchivesPage", "ListFlexClustersPage", "GetBackupCompliancePolicy",
		"ListNetworkPeeringsPage", "ListFederationEndpointsPage", "ListFederatedDatabases", "ListStreamWorkspacesPage",
		"ListStreamProcessorsPage", "ListStreamPrivateLinksPage", "ListActiveStreamVPCPeeringsPage", "ListPrivateEndpointServices",
		"ListEncryptionEndpointsPage",
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			srv := furnish()
			fault := offboardtest.Respond(operation, 403, `{"error":403,"errorCode":"ACCESS_FORBIDDEN"}`)
			srv.Fail(fault)
			last := error(nil)
			for _, err := range newClient(t, srv).ListBlockers(t.Context(), shop) {
				if last != nil {
					t.Fatal("the list goes on after an error")
				}
				last = err
			}
			if !errors.Is(last, errors.PermissionDenied) {
				t.Errorf("got %v, want %q", last, errors.PermissionDenied)
			}
		})
	}
	t.Run("a project that is not there", func(t *testing.T) {
		t.Parallel()
		srv := furnish()
		for _, kind := range []atlas.BlockerKind{atlas.BlockerCluster, atlas.BlockerBackupCompliancePolicy, atlas.BlockerSnapshot} {
			var last error
			for _, err := range newClient(t, srv).ListBlockers(t.Context(), empty, kind) {
				last = err
			}
			if e, _ := errors.AsType[*errors.Error](last); e == nil || e.ProviderCode != "GROUP_NOT_FOUND" || e.Code != errors.NotFound {
				t.Errorf("%s: got %v, want %q", kind, last, errors.NotFound)
			}
		}
	})
}

// A cluster that is deleted while its archives are listed has none left.
func TestListLeft_ClusterDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := with(
			atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Takes: time.Second},
			atlastest.Resource{Kind: atlas.BlockerOnlineArchive, Parent: "main"},
		)
		c := newClient(t, srv)
		if err := c.DeleteCluster(t.Context(), shop, "main", atlas.DeleteClusterOptions{}); err != nil {
			t.Fatal(err)
		}
		srv.Fail(offboardtest.Fault{Operation: "ListOnlineArchivesPage", Delay: 2 * time.Second})
		if blocker := gather(t, c.ListBlockers(t.Context(), shop, atlas.BlockerOnlineArchive)); len(blocker) != 0 {
			t.Errorf("left: %v", blocker)
		}
	})
}

// A list that is answered with "not found" is an error, and not a shorter list: nothing
// shows that its parent does not exist.
func TestListLeft_NotFoundOfOneList(t *testing.T) {
	t.Parallel()
	for operation, kind := range map[string]atlas.BlockerKind{
		"ListClustersPage": atlas.BlockerCluster, "ListFlexClustersPage": atlas.BlockerFlexCluster,
		"ListOnlineArchivesPage": atlas.BlockerOnlineArchive, "GetOutageSimulation": atlas.BlockerOutageSimulation,
		"ListNetworkContainersPage": atlas.BlockerNetworkPeering, "ListNetworkPeeringsPage": atlas.BlockerNetworkPeering,
		"ListFederationEndpointsPage": atlas.BlockerFederationEndpoint, "ListFederatedDatabases": atlas.BlockerFederatedDatabase,
		"ListStreamWorkspacesPage": atlas.BlockerStreamWorkspace, "ListStreamProcessorsPage": atlas.BlockerStreamProcessor,
		"ListStreamPrivateLinksPage": atlas.BlockerStreamPrivateLink, "ListActiveStreamVPCPeeringsPage": atlas.BlockerStreamVPCPeering,
		"ListPrivateEndpointServices": atlas.BlockerPrivateEndpointService, "ListEncryptionEndpointsPage": atlas.BlockerEncryptionEndpoint,
	} {
		for _, code := range []string{
			"CLUSTER_NOT_FOUND", "STREAM_TENANT_NOT_FOUND_FOR_NAME", "GROUP_NOT_FOUND", "PROJECT_NOT_FOUND", "PEER_NOT_FOUND",
			"SNAPSHOT_NOT_FOUND", "UNEXPECTED_ERROR", "RESOURCE_NOT_FOUND",
		} {
			if kind == atlas.BlockerOutageSimulation && code == "RESOURCE_NOT_FOUND" {
				continue // there is none
			}
			t.Run(operation+"/"+code, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := with(
						atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
						atlastest.Resource{Kind: atlas.BlockerOutageSimulation, Parent: "main"},
						atlastest.Resource{Kind: atlas.BlockerOnlineArchive, Parent: "main"},
						atlastest.Resource{Kind: atlas.BlockerFlexCluster}, atlastest.Resource{Kind: atlas.BlockerNetworkPeering},
						atlastest.Resource{Kind: atlas.BlockerFederationEndpoint}, atlastest.Resource{Kind: atlas.BlockerFederatedDatabase},
						atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
						atlastest.Resource{Kind: atlas.BlockerStreamProcessor, Parent: "events"},
						atlastest.Resource{Kind: atlas.BlockerStreamPrivateLink}, atlastest.Resource{Kind: atlas.BlockerStreamVPCPeering},
						atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService}, atlastest.Resource{Kind: atlas.BlockerEncryptionEndpoint},
					)
					srv.Fail(always(offboardtest.Respond(operation, 404, `{"error":404,"errorCode":"`+code+`"}`)))
					blocker, err := all(newClient(t, srv).ListBlockers(t.Context(), shop, kind))
					if err == nil {
						t.Errorf("left: %v, without an error", blocker)
					}
					if srv.Count(operation) == 0 {
						t.Errorf("%s was not called", operation)
					}
				})
			})
		}
	}
}

// What has ended is not left.
func TestListLeft_Ended(t *testing.T) {
	t.Parallel()
	srv := furnish()
	srv.Fail(
		offboardtest.Respond("GetOutageSimulation", 200, `{"clusterName":"main","state":"COMPLETE"}`),
		offboardtest.Respond("ListOnlineArchivesPage", 200, `{"results":[{"_id":"`+archive+`","state":"DELETED"}]}`),
		offboardtest.Respond("GetBackupCompliancePolicy", 200, `{}`),
	)
	c := newClient(t, srv)
	kinds := []atlas.BlockerKind{atlas.BlockerOutageSimulation, atlas.BlockerOnlineArchive, atlas.BlockerBackupCompliancePolicy}
	if blocker := gather(t, c.ListBlockers(t.Context(), shop, kinds...)); len(blocker) != 0 {
		t.Errorf("left: %v", blocker)
	}
}

func TestAListOfWhatIsLeftCanBeLeftAtAnyPoint(t *testing.T) {
	t.Parallel()
	srv := furnish()
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy})
	c := newClient(t, srv)
	whole := gather(t, c.ListBlockers(t.Context(), shop))
	for n := range whole {
		var got []atlas.Blocker
		for blocker := range c.ListBlockers(t.Context(), shop) {
			if got = append(got, blocker); len(got) == n+1 {
				break
			}
		}
		if diff := cmp.Diff(whole[:n+1], got); diff != "" {
			t.Errorf("after %d (-want +got):\n%s", n, diff)
		}
	}
}

func TestEachRuleOfAtlasHasItsCode(t *testing.T) {
	t.Parallel()
	removeBy := func(blocker atlas.Blocker) func(context.Context, *atlas.Client) error {
		return func(ctx context.Context, c *atlas.Client) error { return remove(ctx, c, blocker) }
	}
	for name, test := range map[string]struct {
		add      []atlastest.Resource
		before   func(context.Context, *atlas.Client) error
		call     func(context.Context, *atlas.Client) error
		code     errors.Code
		category errors.Code
		status   int
		provider string
		step     string
	}{
		"a protected cluster": {
			add:  []atlastest.Resource{{Kind: atlas.BlockerCluster, ID: "safe", Protected: true}},
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerCluster, ID: "safe"}), code: errors.TerminationProtection,
			category: errors.DeletionStepsNotSatisfied, status: 400,
			provider: "CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED", step: "termination_protection",
		},
		"a protected flex cluster": {
			add:  []atlastest.Resource{{Kind: atlas.BlockerFlexCluster, ID: "safe", Protected: true}},
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerFlexCluster, ID: "safe"}), code: errors.TerminationProtection,
			category: errors.DeletionStepsNotSatisfied, status: 400,
			provider: "ATLAS_GENERAL_ERROR", step: "termination_protection",
		},
		"a cluster in an outage simulation": {
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerCluster, ID: "main"}), code: errors.DeletionStepsNotSatisfied,
			category: errors.DeletionStepsNotSatisfied, status: 400,
			provider: "CANNOT_TERMINATE_CLUSTER_WITH_UNDERGOING_REGIONAL_OUTAGE_SIMULATION", step: "outage_simulation",
		},
		"a cluster that is being deleted": {
			before: removeBy(atlas.Blocker{Kind: atlas.BlockerCluster, ID: "shards"}),
			call:   removeBy(atlas.Blocker{Kind: atlas.BlockerCluster, ID: "shards"}), code: errors.AlreadyRequestedDeletion,
			category: errors.Conflict, status: 400, provider: "CLUSTER_ALREADY_REQUESTED_DELETION",
		},
		"a flex cluster that is being deleted": {
			before: removeBy(atlas.Blocker{Kind: atlas.BlockerFlexCluster, ID: "small"}),
			call:   removeBy(atlas.Blocker{Kind: atlas.BlockerFlexCluster, ID: "small"}), code: errors.AlreadyRequestedDeletion,
			category: errors.Conflict, status: 400, provider: "ATLAS_GENERAL_ERROR",
		},
		"a peering that is being deleted": {
			before: removeBy(atlas.Blocker{Kind: atlas.BlockerNetworkPeering, ID: peer}),
			call:   removeBy(atlas.Blocker{Kind: atlas.BlockerNetworkPeering, ID: peer}), code: errors.AlreadyRequestedDeletion,
			category: errors.Conflict, status: 409, provider: "PEER_ALREADY_REQUESTED_DELETION",
		},
		"a flex cluster as a cluster": {
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerCluster, ID: "small"}), code: errors.WrongClusterType,
			category: errors.InvalidArgument, status: 400, provider: "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API",
		},
		"a cluster as a flex cluster": {
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerFlexCluster, ID: "main"}), code: errors.WrongClusterType,
			category: errors.InvalidArgument, status: 400, provider: "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API",
		},
		"a workspace with processors": {
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerStreamWorkspace, ID: "events"}), code: errors.DeletionStepsNotSatisfied,
			category: errors.DeletionStepsNotSatisfied, status: 403, provider: "STREAM_TENANT_HAS_STREAM_PROCESSORS", step: "stream_processors",
		},
		"a service with endpoints": {
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerPrivateEndpointService, ID: service, Provider: "AWS"}), code: errors.DeletionStepsNotSatisfied,
			category: errors.DeletionStepsNotSatisfied, status: 409, provider: "CANNOT_DELETE_PRIVATELINK_WITH_ENDPOINTS", step: "private_endpoints",
		},
		"a snapshot that is being taken": {
			add:  []atlastest.Resource{{Kind: atlas.BlockerSnapshot, ID: other, Parent: "main", State: "inProgress"}},
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerSnapshot, ID: other, Parent: "main"}), code: errors.Conflict,
			category: errors.Conflict, status: 400, provider: "CANNOT_DELETE_IN_PROGRESS_SNAPSHOT",
		},
		"a sharded snapshot under a policy": {
			add:  []atlastest.Resource{{Kind: atlas.BlockerBackupCompliancePolicy}},
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerShardedSnapshot, ID: shards, Parent: "shards"}), code: errors.BackupCompliancePolicy,
			category: errors.DeletionStepsNotSatisfied, status: 400,
			provider: "CANNOT_DELETE_SNAPSHOT_WITH_BACKUP_COMPLIANCE_POLICY", step: "backup_compliance_policy",
		},
		"a container with a peering": {
			add: []atlastest.Resource{{Kind: atlastest.KindNetworkContainer, ID: other, Provider: atlas.CloudProviderAzure}},
			call: func(ctx context.Context, c *atlas.Client) error {
				return c.DeleteNetworkContainer(ctx, shop, other)
			}, code: errors.DeletionStepsNotSatisfied,
			category: errors.DeletionStepsNotSatisfied, status: 409, provider: "CONTAINERS_IN_USE", step: "clusters_and_peerings",
		},
		"a cluster that is not there": {
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerCluster, ID: "none"}), code: errors.NotFound,
			category: errors.NotFound, status: 404, provider: "CLUSTER_NOT_FOUND",
		},
		"a project with clusters": {
			call: func(ctx context.Context, c *atlas.Client) error { return c.DeleteProject(ctx, shop) }, code: errors.DeletionStepsNotSatisfied,
			category: errors.DeletionStepsNotSatisfied, status: 409, provider: "CANNOT_CLOSE_GROUP_ACTIVE_ATLAS_CLUSTERS", step: "atlas_clusters",
		},
		"the only organization of a federation": {
			before: func(ctx context.Context, c *atlas.Client) error {
				return c.DisconnectOrganization(ctx, federation, other)
			},
			call: func(ctx context.Context, c *atlas.Client) error {
				return c.DisconnectOrganization(ctx, federation, acme)
			},
			code: errors.ValidationError, category: errors.InvalidArgument, status: 400, provider: "VALIDATION_ERROR",
		},
		"a federation of several organizations": {
			call: func(ctx context.Context, c *atlas.Client) error { return c.DeleteFederation(ctx, federation) },
			code: errors.ValidationError, category: errors.InvalidArgument, status: 400, provider: "VALIDATION_ERROR",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := furnish()
			for _, r := range test.add {
				srv.AddResource(shop, r)
			}
			c, ctx := newClient(t, srv), t.Context()
			if test.before != nil {
				if err := test.before(ctx, c); err != nil {
					t.Fatal(err)
				}
			}
			err := test.call(ctx, c)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != test.code || !errors.Is(err, test.category) || e.Status != test.status || e.ProviderCode != test.provider {
				t.Fatalf("got %v, want %q with status %d and %s", err, test.code, test.status, test.provider)
			}
			step := ""
			if len(e.Steps) == 1 {
				step = e.Steps[0].Name
			}
			if step != test.step {
				t.Errorf("got steps %v, want %q", e.Steps, test.step)
			}
		})
	}
}

func TestTerminationProtectionIsLiftedByAnOperationOfItsOwn(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "safe", Protected: true})
	c, ctx := newClient(t, srv), t.Context()
	if blocker := gather(t, c.ListBlockers(ctx, shop)); len(blocker) != 1 || !blocker[0].Protected {
		t.Errorf("left: %+v, want one that is protected", blocker)
	}
	if _, err := c.SetClusterTerminationProtection(ctx, shop, "safe", false); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteCluster(ctx, shop, "safe", atlas.DeleteClusterOptions{}); err != nil {
		t.Error(err)
	}
}

func TestAFederationEndpointMayNeedTwoDeletions(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerFederationEndpoint, ID: endpoint, RemovedAfter: 2})
	c, ctx := newClient(t, srv), t.Context()
	for _, blocker := range []int{1, 0} {
		if err := c.DeleteFederationEndpoint(ctx, shop, endpoint); err != nil {
			t.Fatal(err)
		}
		if got := gather(t, c.ListFederationEndpoints(ctx, shop)); len(got) != blocker {
			t.Errorf("%d endpoints are there, want %d", len(got), blocker)
		}
	}
	if err := c.DeleteProject(ctx, shop); err != nil {
		t.Error(err)
	}
}

func TestWithTheLastEndpointItsServiceGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := furnish()
		c, ctx := newClient(t, srv), t.Context()
		if err := c.DeletePrivateEndpoint(ctx, shop, atlas.CloudProviderAWS, service, endpoint); err != nil {
			t.Fatal(err)
		}
		var states []string
		for range 3 {
			found, err := c.ListPrivateEndpointServices(ctx, shop, atlas.CloudProviderAWS)
			if err != nil {
				t.Fatal(err)
			}
			states = append(states, "")
			for _, s := range found {
				states[len(states)-1] = s.Status
			}
			time.Sleep(time.Minute)
		}
		if diff := cmp.Diff([]string{"AVAILABLE", "DELETING", ""}, states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestALiveMigrationLinkStaysWhileAMigrationRuns(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme, LiveMigration: true, FailedPayments: true, LinkedProjects: []string{"old"}})
	c, ctx := newClient(t, srv), t.Context()
	for _, err := range []error{c.DeleteLiveMigrationLink(ctx, acme), c.DeleteOrganization(ctx, acme)} {
		if !errors.Is(err, errors.ActiveLiveMigration) {
			t.Errorf("got %v, want %q", err, errors.ActiveLiveMigration)
		}
	}
	srv.Resolve(acme)
	if err := c.DeleteLiveMigrationLink(ctx, acme); err != nil {
		t.Error(err)
	}
	if found, err := c.ListLiveMigrationProjects(ctx, acme); err != nil || len(found) != 0 {
		t.Errorf("got %v, %v", found, err)
	}
	if err := c.DeleteOrganization(ctx, acme); err != nil {
		t.Error(err)
	}
}

func TestALostAnswerToADeletionInAProjectIsUnknown(t *testing.T) {
	t.Parallel()
	srv := furnish()
	srv.Fail(offboardtest.LoseResponse("DeleteCluster"))
	err := newClient(t, srv).DeleteCluster(t.Context(), shop, "shards", atlas.DeleteClusterOptions{})
	if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.OutcomeUnknown || e.Target != "shards" || srv.Count("DeleteCluster") != 1 {
		t.Errorf("got %v after %d requests, want %q after one", err, srv.Count("DeleteCluster"), errors.OutcomeUnknown)
	}
}

func TestAnotherSuccessThanTheDocumentedOneIsNone(t *testing.T) {
	t.Parallel()
	srv := furnish()
	c, ctx := newClient(t, srv), t.Context()
	srv.Fail(
		offboardtest.Respond("DeleteCluster", 201, ""), offboardtest.HTMLResponse("DeleteCluster", 202),
		offboardtest.Respond("DeleteFlexCluster", 206, ""), offboardtest.Respond("DeleteFederatedDatabase", 200, `{"error":"x"}`),
		offboardtest.Respond("ListFederatedDatabases", 200, "{}"), offboardtest.Respond("ListFederatedDatabases", 200, "null"),
	)
	_, object := c.ListFederatedDatabases(ctx, shop)
	_, null := c.ListFederatedDatabases(ctx, shop)
	for i, err := range []error{
		c.DeleteCluster(ctx, shop, "shards", atlas.DeleteClusterOptions{}), c.DeleteCluster(ctx, shop, "shards", atlas.DeleteClusterOptions{}),
		c.DeleteFlexCluster(ctx, shop, "small"), c.DeleteFederatedDatabase(ctx, shop, "lake"), object, null,
	} {
		if !errors.Is(err, errors.UnexpectedResponse) {
			t.Errorf("%d: got %v, want %q", i, err, errors.UnexpectedResponse)
		}
	}
}

func TestAnEarlierVersionOfAResourceIsGone(t *testing.T) {
	t.Parallel()
	srv := furnish()
	hc := *srv.Client()
	hc.Transport = changed{hc.Transport, "Accept", "application/vnd.atlas.2023-02-01+json"}
	c := newClient(t, srv, atlas.WithHTTPClient(&hc))
	_, err := c.GetCluster(t.Context(), shop, "main")
	if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.VersionNotSupported || e.Status != 410 {
		t.Errorf("got %v, want %q with status 410", err, errors.VersionNotSupported)
	}
}

func TestACredentialIsToldNothingOfTheProjectsOfOthers(t *testing.T) {
	t.Parallel()
	srv := furnish()
	srv.AddServiceAccount(atlastest.Credential{ID: "id", Secret: "secret", Organization: other})
	c := as(t, srv, atlas.WithServiceAccount("id", "secret"))
	for _, id := range []string{shop, empty} {
		_, err := c.GetProject(t.Context(), id)
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.PermissionDenied || e.ProviderCode != "NOT_IN_GROUP" {
			t.Errorf("got %v, want %q", err, errors.PermissionDenied)
		}
	}
	srv.AddServiceAccount(atlastest.Credential{ID: "member", Secret: "secret", Organization: acme, Member: true})
	err := as(t, srv, atlas.WithServiceAccount("member", "secret")).DeleteFlexCluster(t.Context(), shop, "small")
	if !errors.Is(err, errors.PermissionDenied) {
		t.Errorf("got %v, want %q", err, errors.PermissionDenied)
	}
}

func TestIdsInAProjectAreCheckedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	srv := furnish()
	c, ctx := newClient(t, srv), t.Context()
	for _, id := range []string{"", ".", "..", "a/b", "../groups/" + shop, "a b/..", `a\b`, "a\n"} {
		for what, err := range map[string]error{
			"project":   c.DeleteProject(ctx, id),
			"cluster":   c.DeleteCluster(ctx, shop, id, atlas.DeleteClusterOptions{}),
			"workspace": c.DeleteStreamWorkspace(ctx, shop, id),
			"provider":  c.DeleteEncryptionEndpoint(ctx, shop, atlas.CloudProvider(id), keys),
			"peering":   c.DeleteNetworkPeering(ctx, shop, id),
		} {
			if !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("%s %q: got %v, want %q", what, id, err, errors.InvalidArgument)
			}
		}
		if id != "a/b" && id != "../groups/"+shop {
			if err := c.DeletePrivateEndpoint(ctx, shop, "AWS", service, id); !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("endpoint %q: got %v, want %q", id, err, errors.InvalidArgument)
			}
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
