package atlas_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// Atlas documents 204 for these, and was recorded to answer 202 or 200 with {}.
func TestDelete_RecordedStatuses(t *testing.T) {
	t.Parallel()
	endpoint := strings.Repeat("6", 24)
	for operation, call := range map[string]func(context.Context, *atlas.Client) error{
		"DeleteProject": func(ctx context.Context, c *atlas.Client) error { return c.DeleteProject(ctx, shop) },
		"DeleteFederatedDatabase": func(ctx context.Context, c *atlas.Client) error {
			return c.DeleteFederatedDatabase(ctx, shop, "lake")
		},
		"DeletePrivateEndpointService": func(ctx context.Context, c *atlas.Client) error {
			return c.DeletePrivateEndpointService(ctx, shop, atlas.CloudProviderAWS, endpoint)
		},
		"DeleteOnlineArchive": func(ctx context.Context, c *atlas.Client) error {
			return c.DeleteOnlineArchive(ctx, shop, "main", endpoint)
		},
		"DeleteNetworkPeering": func(ctx context.Context, c *atlas.Client) error {
			return c.DeleteNetworkPeering(ctx, shop, endpoint)
		},
		"DeleteFlexCluster": func(ctx context.Context, c *atlas.Client) error { return c.DeleteFlexCluster(ctx, shop, "small") },
		"EndOutageSimulation": func(ctx context.Context, c *atlas.Client) error {
			_, err := c.EndOutageSimulation(ctx, shop, "main")
			return err
		},
	} {
		for status, body := range map[int]string{http.StatusOK: "{}", http.StatusAccepted: "{}", http.StatusNoContent: ""} {
			t.Run(operation+"/"+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				srv := furnish()
				srv.Fail(offboardtest.Answer(operation, status, body))
				if err := call(t.Context(), newClient(t, srv)); err != nil {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// A list may be answered with an error about one of its items, which just changes:
// another read succeeds. An error about its parent is not repeated.
func TestList_TransientErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		operation string
		status    int
		body      string
		want      errors.Code // after one answer; "" if the list is read again
	}{
		"a cluster that is being deleted": {"ListClustersPage", 404, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","detail":"-","parameters":["gone","` + shop + `"]}`, ""},
		"a flex cluster that changes":     {"ListClustersPage", 400, `{"error":400,"errorCode":"CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API"}`, ""},
		"a cluster in the list of flex":   {"ListFlexClustersPage", 400, `{"error":400,"errorCode":"CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API"}`, ""},
		"a peering that is deleted":       {"ListNetworkPeeringsPage", 404, `{"error":404,"errorCode":"PEER_NOT_FOUND"}`, ""},
		"archives of another cluster":     {"ListOnlineArchivesPage", 404, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","parameters":["gone"]}`, ""},
		"archives of the cluster":         {"ListOnlineArchivesPage", 404, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","parameters":["main"]}`, errors.NotFound},
		"the project":                     {"ListClustersPage", 404, `{"error":404,"errorCode":"GROUP_NOT_FOUND"}`, errors.NotFound},
		"the resource":                    {"ListClustersPage", 404, `{"error":404,"errorCode":"RESOURCE_NOT_FOUND"}`, errors.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with(atlastest.Resource{Kind: atlas.KindCluster, ID: "main"}, atlastest.Resource{Kind: atlas.KindNetworkPeering})
				srv.Fail(offboardtest.Answer(test.operation, test.status, test.body))
				kind := map[string]atlas.Kind{
					"ListClustersPage": atlas.KindCluster, "ListFlexClustersPage": atlas.KindFlexCluster,
					"ListNetworkPeeringsPage": atlas.KindNetworkPeering, "ListOnlineArchivesPage": atlas.KindOnlineArchive,
				}[test.operation]
				c := newClient(t, srv)
				var err error
				if kind == atlas.KindOnlineArchive {
					_, err = c.ListOnlineArchivesPage(t.Context(), shop, "main", atlas.ListOnlineArchivesPageOptions{})
				} else {
					_, err = all(c.ListLeft(t.Context(), shop, kind))
				}
				switch n := srv.Count(test.operation); {
				case test.want == "" && (err != nil || n != 2):
					t.Errorf("got %v after %d requests", err, n)
				case test.want != "" && (!errors.Is(err, test.want) || n != 1):
					t.Errorf("got %v after %d requests, want %q", err, n, test.want)
				}
			})
		})
	}
}

// A waiter whose credential is revoked ends at once.
func TestWaitUntilGone_CredentialRevoked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := with(atlastest.Resource{Kind: atlas.KindCluster})
		c := newClient(t, srv)
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Hour)
		defer cancel()
		srv.Fail(always(offboardtest.Answer("", http.StatusUnauthorized,
			`{"error":401,"errorCode":"UNEXPECTED_ERROR","detail":"You are not authorized for this resource."}`)))
		err := c.WaitUntilGone(ctx, shop, nil, atlas.KindCluster)
		if n := len(srv.Requests()); !errors.Is(err, errors.Unauthenticated) || n > 2 {
			t.Errorf("got %v after %d requests", err, n)
		}
	})
}
