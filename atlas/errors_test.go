package atlas_test

import (
	"context"
	"testing"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestError_Codes(t *testing.T) {
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
		"a cluster being deleted": {
			before: removeBy(atlas.Blocker{Kind: atlas.BlockerCluster, ID: "shards"}),
			call:   removeBy(atlas.Blocker{Kind: atlas.BlockerCluster, ID: "shards"}), code: errors.AlreadyRequestedDeletion,
			category: errors.Conflict, status: 400, provider: "CLUSTER_ALREADY_REQUESTED_DELETION",
		},
		"a flex cluster being deleted": {
			before: removeBy(atlas.Blocker{Kind: atlas.BlockerFlexCluster, ID: "small"}),
			call:   removeBy(atlas.Blocker{Kind: atlas.BlockerFlexCluster, ID: "small"}), code: errors.AlreadyRequestedDeletion,
			category: errors.Conflict, status: 400, provider: "ATLAS_GENERAL_ERROR",
		},
		"a peering being deleted": {
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
			category: errors.DeletionStepsNotSatisfied, status: 403, provider: "STREAM_TENANT_HAS_STREAM_PROCESSORS", step: "stream_processor",
		},
		"a service with endpoints": {
			call: removeBy(atlas.Blocker{Kind: atlas.BlockerPrivateEndpointService, ID: service, Provider: "AWS"}), code: errors.DeletionStepsNotSatisfied,
			category: errors.DeletionStepsNotSatisfied, status: 409, provider: "CANNOT_DELETE_PRIVATELINK_WITH_ENDPOINTS", step: "private_endpoint",
		},
		"a snapshot in progress": {
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
		"a missing cluster": {
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
			srv := newFilledServer()
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

func TestError_NotFoundSubject(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	c := newClient(t, srv)
	answer := offboardtest.Respond("", 404, `{"error":404,"errorCode":"RESOURCE_NOT_FOUND"}`)
	answer.Times = 3
	srv.Fail(answer)
	_, err := c.GetOrganization(t.Context(), acme)
	if got := code(t, err); got != errors.OrganizationNotFound {
		t.Errorf("got %v of an organization, want %q", err, errors.OrganizationNotFound)
	}
	err = c.DeleteOrganization(t.Context(), acme)
	if got := code(t, err); got != errors.OrganizationNotFound {
		t.Errorf("got %v of a deletion, want %q", err, errors.OrganizationNotFound)
	}
	_, err = c.ListProjectsPage(t.Context(), acme, atlas.ListProjectsPageOptions{})
	if got := code(t, err); got != errors.NotFound {
		t.Errorf("got %v of projects, want %q", err, errors.NotFound)
	}
}

func TestError_VersionGone(t *testing.T) {
	t.Parallel()
	srv := newFilledServer()
	hc := *srv.Client()
	hc.Transport = headerTransport{hc.Transport, "Accept", "application/vnd.atlas.2023-02-01+json"}
	c := newClient(t, srv, atlas.WithHTTPClient(&hc))
	_, err := c.GetCluster(t.Context(), shop, "main")
	if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.VersionNotSupported || e.Status != 410 {
		t.Errorf("got %v, want %q with status 410", err, errors.VersionNotSupported)
	}
}

func TestError_NotInGroup(t *testing.T) {
	t.Parallel()
	srv := newFilledServer()
	srv.AddServiceAccount(atlastest.Credential{ID: "id", Secret: "secret", Organization: other})
	c := newClientAs(t, srv, atlas.WithServiceAccount("id", "secret"))
	for _, id := range []string{shop, empty} {
		_, err := c.GetProject(t.Context(), id)
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.PermissionDenied || e.ProviderCode != "NOT_IN_GROUP" {
			t.Errorf("got %v, want %q", err, errors.PermissionDenied)
		}
	}
	srv.AddServiceAccount(atlastest.Credential{ID: "member", Secret: "secret", Organization: acme, Member: true})
	err := newClientAs(t, srv, atlas.WithServiceAccount("member", "secret")).DeleteFlexCluster(t.Context(), shop, "small")
	if !errors.Is(err, errors.PermissionDenied) {
		t.Errorf("got %v, want %q", err, errors.PermissionDenied)
	}
}
