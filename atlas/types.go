package atlas

import (
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// BlockerKind is a kind of resource that blocks the deletion of its project.
type BlockerKind string

// Kinds of blockers, in the order in which they must be removed.
const (
	BlockerOutageSimulation       BlockerKind = "outage_simulation"
	BlockerOnlineArchive          BlockerKind = "online_archive"
	BlockerBackupCompliancePolicy BlockerKind = "backup_compliance_policy"
	BlockerCluster                BlockerKind = "cluster"
	BlockerFlexCluster            BlockerKind = "flex_cluster"
	BlockerSnapshot               BlockerKind = "snapshot"         // of a deleted cluster
	BlockerShardedSnapshot        BlockerKind = "sharded_snapshot" // of a deleted cluster
	BlockerNetworkPeering         BlockerKind = "network_peering"
	BlockerFederationEndpoint     BlockerKind = "federation_endpoint"
	BlockerFederatedDatabase      BlockerKind = "federated_database"
	BlockerStreamProcessor        BlockerKind = "stream_processor"
	BlockerStreamWorkspace        BlockerKind = "stream_workspace"
	BlockerStreamPrivateLink      BlockerKind = "stream_private_link"
	BlockerStreamVPCPeering       BlockerKind = "stream_vpc_peering"
	BlockerPrivateEndpoint        BlockerKind = "private_endpoint"
	BlockerPrivateEndpointService BlockerKind = "private_endpoint_service"
	BlockerEncryptionEndpoint     BlockerKind = "encryption_endpoint"
)

// Blocker is a resource that blocks the deletion of its project.
type Blocker struct {
	// Kind is the kind of the resource.
	Kind BlockerKind

	// ID is the argument of the operations on the resource: an ID, or the name of a resource that
	// operations address by name.
	ID string

	// UID is Atlas's ID of a resource that operations address by name, 24 hexadecimal digits. A
	// recreated resource with the same name has another UID. UID is empty if Atlas shows none.
	UID string

	// Parent is the resource that the blocker belongs to: the name of a cluster or a stream
	// workspace, or the ID of a private endpoint service. Parent is empty for most kinds.
	Parent string

	// Provider is the cloud provider, if the operations take one.
	Provider CloudProvider

	// State is Atlas's name of the state; "" if the resource has no state.
	State string

	// Protected is true if a cluster has termination protection, which an operation disables, or
	// if only the vendor's support can permit the deletion of a backup compliance policy.
	Protected bool
}

// isBeingDeleted reports whether the state of the resource shows that its removal has started.
func (l Blocker) isBeingDeleted() bool {
	return strings.HasPrefix(l.State, "DELET") || strings.HasPrefix(l.State, "RECOVER") || l.State == "TERMINATING"
}

// stateFailed is the state of a resource whose creation or deletion failed.
const stateFailed = "FAILED"

// step returns the blocker as a step of an error.
func (l Blocker) step() errors.Step {
	description := l.ID
	if l.Parent != "" {
		description += " of " + l.Parent
	}
	if l.State != "" {
		description += ", " + l.State
	}
	return errors.Step{Name: string(l.Kind), Description: description}
}
