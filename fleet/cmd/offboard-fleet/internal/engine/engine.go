// Package engine is what the program needs of Temporal. Tests replace it by a fake.
package engine

import (
	"context"
	"iter"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/offboard-dev/offboard-go/fleet"
)

// Engine starts, reads and decides workflows. Its methods are, if not said otherwise, the functions of
// package fleet with the same names, and return their errors.
type Engine interface {
	// Start starts a batch.
	Start(ctx context.Context, manifest fleet.ManifestRef) (fleet.Batch, error)

	// List yields the last workflow of each organization.
	List(ctx context.Context, f fleet.Filter) iter.Seq2[fleet.Listed, error]

	// ListBatches yields the batches.
	ListBatches(ctx context.Context) iter.Seq2[fleet.BatchListed, error]

	// Polled reports whether a worker polls a task queue, or did so in the last minutes. It is no
	// function of package fleet.
	Polled(ctx context.Context, queue string) (bool, error)

	// Queue returns the task queue of a workflow. It is no function of package fleet.
	Queue(ctx context.Context, id string) (string, error)

	// Status returns the state of an organization's workflow.
	Status(ctx context.Context, id string) (fleet.State, error)

	// BatchStatus returns the progress of a batch.
	BatchStatus(ctx context.Context, id string) (fleet.BatchState, error)

	// Approve approves a plan, and returns the state after it.
	Approve(ctx context.Context, id string, a fleet.Approval) (fleet.State, error)

	// Deny ends the workflow of an organization that waits for an approval.
	Deny(ctx context.Context, id string, a fleet.Approval) (fleet.State, error)

	// Cancel requests the cancellation of the workflow of an organization, or of a batch.
	Cancel(ctx context.Context, id string) error
}

// Temporal is the engine of a client.
type Temporal struct {
	// Client is the client of the Temporal server.
	Client client.Client
}

var _ Engine = Temporal{}

// Start implements [Engine].
func (t Temporal) Start(ctx context.Context, manifest fleet.ManifestRef) (fleet.Batch, error) {
	return fleet.Start(ctx, t.Client, manifest)
}

// List implements [Engine].
func (t Temporal) List(ctx context.Context, f fleet.Filter) iter.Seq2[fleet.Listed, error] {
	return fleet.List(ctx, t.Client, f)
}

// ListBatches implements [Engine].
func (t Temporal) ListBatches(ctx context.Context) iter.Seq2[fleet.BatchListed, error] {
	return fleet.ListBatches(ctx, t.Client)
}

// Polled implements [Engine].
func (t Temporal) Polled(ctx context.Context, queue string) (bool, error) {
	d, err := t.Client.DescribeTaskQueue(ctx, queue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	return len(d.GetPollers()) > 0, err
}

// Queue implements [Engine].
func (t Temporal) Queue(ctx context.Context, id string) (string, error) {
	d, err := t.Client.DescribeWorkflowExecution(ctx, id, "")
	return d.GetExecutionConfig().GetTaskQueue().GetName(), err
}

// Status implements [Engine].
func (t Temporal) Status(ctx context.Context, id string) (fleet.State, error) {
	return fleet.Status(ctx, t.Client, id)
}

// BatchStatus implements [Engine].
func (t Temporal) BatchStatus(ctx context.Context, id string) (fleet.BatchState, error) {
	return fleet.BatchStatus(ctx, t.Client, id)
}

// Approve implements [Engine].
func (t Temporal) Approve(ctx context.Context, id string, a fleet.Approval) (fleet.State, error) {
	return fleet.Approve(ctx, t.Client, id, a)
}

// Deny implements [Engine].
func (t Temporal) Deny(ctx context.Context, id string, a fleet.Approval) (fleet.State, error) {
	return fleet.Deny(ctx, t.Client, id, a)
}

// Cancel implements [Engine].
func (t Temporal) Cancel(ctx context.Context, id string) error {
	return fleet.Cancel(ctx, t.Client, id)
}
