package atlas_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestWaitForDeletion_AllKinds(t *testing.T) {
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
					t.Errorf("got status %d, want %d", got, call.status)
				}
				if err := c.DeleteProject(t.Context(), shop); !errors.Is(err, errors.DeletionStepsNotSatisfied) {
					t.Errorf("got %v before the deletion, want %q", err, errors.DeletionStepsNotSatisfied)
				}
				start, reads := time.Now(), 0
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if err := c.WaitForDeletion(ctx, shop, func(blocker []atlas.Blocker) { reads++ }, kind); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took < 10*time.Minute || took > 11*time.Minute || reads < 10 {
					t.Errorf("waited %v with %d reads", took, reads)
				}
				if blocker := gather(t, c.ListBlockers(t.Context(), shop, kind)); len(blocker) != 0 {
					t.Errorf("remaining: %v", blocker)
				}
			})
		})
	}
}

func TestWaitForDeletion_ContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newFilledServer()
		c := newClient(t, srv)
		if err := c.DeleteCluster(t.Context(), shop, "shards", atlas.DeleteClusterOptions{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := c.WaitForDeletion(ctx, shop, nil, atlas.BlockerCluster, atlas.BlockerPrivateEndpoint)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.NotFinished || !errors.Is(err, context.DeadlineExceeded) || e.Operation != "WaitForDeletion" || e.Target != shop {
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

func TestWaitForDeletion_DeletionFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		srv.AddProject(acme, atlastest.Project{ID: shop})
		// An earlier failure is not a failure of the deletion.
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

func TestWaitForDeletion_TransientFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newFilledServer()
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

// A revoked credential ends the wait at once.
func TestWaitForDeletion_CredentialRevoked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerCluster})
		c := newClient(t, srv)
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Hour)
		defer cancel()
		srv.Fail(always(offboardtest.Respond("", http.StatusUnauthorized,
			`{"error":401,"errorCode":"UNEXPECTED_ERROR","detail":"You are not authorized for this resource."}`)))
		err := c.WaitForDeletion(ctx, shop, nil, atlas.BlockerCluster)
		if n := len(srv.Requests()); !errors.Is(err, errors.Unauthenticated) || n > 2 {
			t.Errorf("got %v after %d requests", err, n)
		}
	})
}
