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
	BlockerSnapshot               BlockerKind = "snapshot"         // of a cluster that was deleted
	BlockerShardedSnapshot        BlockerKind = "sharded_snapshot" // of a cluster that was deleted
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
	Kind BlockerKind

	// ID is what the operations on the thing take: an id, or the name of what is
	// known by its name.
	ID string

	// UID is Atlas's own id of what is known by its name, of 24 hexadecimal digits,
	// where it has one: that of another thing of the same name is another.
	UID string

	// Parent is what it belongs to: the name of a cluster or of a stream workspace, or
	// the id of a private endpoint service. It is empty for most kinds.
	Parent string

	Provider CloudProvider // where the operations take one
	State    string        // as Atlas calls it; "" for what has none

	// Protected: a cluster is protected from deletion, which an operation of its own
	// ends; a backup compliance policy is, which only the vendor's support ends.
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
