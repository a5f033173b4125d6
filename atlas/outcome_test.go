package atlas_test

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
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
				srv.Fail(offboardtest.Respond(operation, status, body))
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
				srv := with(atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"}, atlastest.Resource{Kind: atlas.BlockerNetworkPeering})
				srv.Fail(offboardtest.Respond(test.operation, test.status, test.body))
				kind := map[string]atlas.BlockerKind{
					"ListClustersPage": atlas.BlockerCluster, "ListFlexClustersPage": atlas.BlockerFlexCluster,
					"ListNetworkPeeringsPage": atlas.BlockerNetworkPeering, "ListOnlineArchivesPage": atlas.BlockerOnlineArchive,
				}[test.operation]
				c := newClient(t, srv)
				var err error
				if kind == atlas.BlockerOnlineArchive {
					_, err = c.ListOnlineArchivesPage(t.Context(), shop, "main", atlas.ListOnlineArchivesPageOptions{})
				} else {
					_, err = all(c.ListBlockers(t.Context(), shop, kind))
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
		srv := with(atlastest.Resource{Kind: atlas.BlockerCluster})
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

// Atlas accepts the deletion of the organization and never starts it: reads show that the
// organization exists, and the deletion is requested again, three times at most.
func TestTeardown_OrganizationDeletionIgnored(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ignored, sent int
		outcome       teardown.Outcome
		code          errors.Code
	}{
		"once":        {1, 2, teardown.Deleted, ""},
		"three times": {3, 4, teardown.Deleted, ""},
		"always":      {1000, 4, teardown.Unknown, errors.OutcomeUnknown},
	} {
		for whose, credential := range withOwn() {
			t.Run(name+"/"+whose, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := with()
					c := as(t, srv, credential(srv))
					p := planned(t, c)
					ignored := offboardtest.Ignore("DeleteOrganization", http.StatusNoContent, "")
					ignored.Times = test.ignored
					srv.Fail(ignored)
					r, err := execute(t, c, p, teardown.WithOverrides(teardown.OwnOrganization))
					check(t, r, err, test.outcome, test.code)
					if n := srv.Count("DeleteOrganization"); n != test.sent || srv.Exists(acme) != (test.code != "") {
						t.Errorf("%d deletions were sent, want %d; it exists: %t", n, test.sent, srv.Exists(acme))
					}
				})
			})
		}
	}
}

// withOwn are credentials of any organization, and those of the organization itself.
func withOwn() map[string]func(*atlastest.Server) atlas.Option {
	all := maps.Clone(own)
	all["another organization's"] = func(srv *atlastest.Server) atlas.Option {
		srv.AddAPIKey(atlastest.Credential{ID: "otherkey", Secret: "secret"})
		return atlas.WithAPIKey("otherkey", "secret")
	}
	return all
}

// No read shows what became of a deletion that Atlas has accepted: the outcome is
// unknown, unless a later read decides.
func TestTeardown_OrganizationNotRead(t *testing.T) {
	t.Parallel()
	cached := offboardtest.Respond("GetOrganization", http.StatusNotFound, `{"error":404,"errorCode":"ORG_NOT_FOUND"}`)
	cached.Header = http.Header{"Age": {"7"}}
	for name, test := range map[string]struct {
		answer offboardtest.Fault
		times  int
		want   teardown.Outcome
	}{
		"a page":                   {offboardtest.HTMLResponse("GetOrganization", http.StatusForbidden), 1000, teardown.Unknown},
		"a page for a while":       {offboardtest.HTMLResponse("GetOrganization", http.StatusForbidden), 12, teardown.Deleted},
		"a failure":                {offboardtest.Respond("GetOrganization", http.StatusInternalServerError, `{"error":500,"errorCode":"UNEXPECTED_ERROR"}`), 1000, teardown.Unknown},
		"a page of a wrong path":   {offboardtest.HTMLResponse("GetOrganization", http.StatusNotFound), 1000, teardown.Unknown},
		"from a cache":             {cached, 1000, teardown.Unknown},
		"denied":                   {offboardtest.Respond("GetOrganization", http.StatusForbidden, `{"error":403,"errorCode":"ACCESS_FORBIDDEN"}`), 1000, teardown.Unknown},
		"a role that is missing":   {offboardtest.Respond("GetOrganization", http.StatusUnauthorized, `{"error":401,"errorCode":"USER_CANNOT_ACCESS_ORG"}`), 1000, teardown.Unknown},
		"a credential that ended":  {offboardtest.Respond("GetOrganization", http.StatusUnauthorized, `{"error":401,"errorCode":"UNEXPECTED_ERROR","detail":"-"}`), 1000, teardown.Unknown},
		"another organization":     {offboardtest.Respond("GetOrganization", http.StatusOK, `{"id":"`+other+`","name":"Acme"}`), 1000, teardown.Unknown},
		"another one is missing":   {offboardtest.Respond("GetOrganization", http.StatusNotFound, `{"error":404,"errorCode":"ORG_NOT_FOUND","parameters":["`+other+`"]}`), 1000, teardown.Unknown},
		"it is missing":            {offboardtest.Respond("GetOrganization", http.StatusNotFound, `{"error":404,"errorCode":"RESOURCE_NOT_FOUND","parameters":["/api/atlas/v2/orgs/`+acme+`"]}`), 1000, teardown.Deleted},
		"another thing is missing": {offboardtest.Respond("GetOrganization", http.StatusNotFound, `{"error":404,"errorCode":"GROUP_NOT_FOUND"}`), 1000, teardown.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with()
				c := newClient(t, srv)
				p := planned(t, c)
				test.answer.Times = test.times
				srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", EditRequest: func(*http.Request) { srv.Fail(test.answer) }})
				r, err := execute(t, c, p)
				code := errors.Code("")
				if test.want == teardown.Unknown {
					code = errors.OutcomeUnknown
				}
				check(t, r, err, test.want, code)
				if n := srv.Count("DeleteOrganization"); n != 1 {
					t.Errorf("%d deletions were sent", n)
				}
			})
		})
	}
}

// A credential of the organization itself is refused after the deletion. A page that is
// not Atlas's does not say so.
func TestTeardown_OwnCredentialRefusedByPage(t *testing.T) {
	t.Parallel()
	for name, credential := range own {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with()
				c := as(t, srv, credential(srv))
				p := planned(t, c)
				page := offboardtest.HTMLResponse("", http.StatusUnauthorized)
				page.Times = 1000
				srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", EditRequest: func(*http.Request) { srv.Fail(page) }})
				r, err := execute(t, c, p, teardown.WithOverrides(teardown.OwnOrganization))
				check(t, r, err, teardown.Unknown, errors.OutcomeUnknown)
			})
		})
	}
}

// The request that is sent again is answered with a refusal: that the credential of the
// organization itself is refused afterwards proves nothing.
func TestTeardown_OwnCredentialRefusedByRepeat(t *testing.T) {
	t.Parallel()
	for name, credential := range own {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with()
				c := as(t, srv, credential(srv))
				p := planned(t, c)
				srv.Fail(
					offboardtest.Ignore("DeleteOrganization", http.StatusNoContent, ""),
					offboardtest.Accept("DeleteOrganization", http.StatusUnauthorized, `{"error":401,"errorCode":"UNEXPECTED_ERROR","detail":"-"}`),
				)
				r, err := execute(t, c, p, teardown.WithOverrides(teardown.OwnOrganization))
				check(t, r, err, teardown.Unknown, errors.OutcomeUnknown)
			})
		})
	}
}
