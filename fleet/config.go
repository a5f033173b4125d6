package fleet

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/internal/nilness"
)

// DefaultQueue is the task queue of workers and batches.
const DefaultQueue = "offboard"

// Config connects the workflows of a worker to the providers and to its storage.
type Config struct {
	// Open returns an organization with its client. Use one [offboard.Clients] for all calls, so
	// that organizations share connections and rate limits; its option WithLimiter makes many
	// workers share one budget of requests. Required.
	Open func(ctx context.Context, spec offboard.Spec) (offboard.Organization, error)

	// Store stores manifests, plans and reports. Required.
	Store Store

	// Journal stores what was started and finished. Required.
	Journal Journal

	// Remind is called when an organization waits for an approval, and again after each
	// [Policy.RemindEvery]. The call is repeated after an error. Nil means no reminders.
	Remind func(ctx context.Context, w Waiting) error

	// Heartbeat is the longest time without a sign of life, from which on a worker counts as
	// lost, and another one continues; 0 means 15 seconds. It must be the same on all workers.
	// An activity acts only while the server has confirmed a heartbeat in the last four fifths of this
	// time. The interval of the heartbeats is a fifth of this time, at most 5 seconds: so long it takes
	// until a worker learns that a workflow was canceled.
	Heartbeat time.Duration

	// Concurrency is the maximum number of requests in flight of one activity, as in
	// [teardown.WithConcurrency]; 0 means 8.
	Concurrency int

	// Observe is called with the result of each teardown, for metrics; see [Metrics]. Nil for
	// none. Calls may overlap, and a call may be repeated after a crash.
	Observe func(Observation)

	// record sends a heartbeat, in tests; nil means one to the server.
	record func(context.Context) error

	// starter starts workflows, in tests; nil means the client of the worker.
	starter starter

	// Logger gets the texts of errors, which the history does not contain; nil for none.
	Logger *slog.Logger
}

// Waiting is an organization that waits for an approval.
type Waiting struct {
	// ID is the ID of the workflow; see [WorkflowID].
	ID string `json:"id"`

	// Plan refers to the plan.
	Plan Ref `json:"plan"`

	// Digest is the digest to approve.
	Digest string `json:"digest"`

	// Differences refers to what the plan has that the plan approved before lacks; nil if no
	// plan was approved before.
	Differences *Ref `json:"differences,omitempty"`

	// Since is the time since when the plan waits.
	Since time.Time `json:"since"`
}

// Register registers the workflows and activities of a fleet with a worker. Set
// [worker.Options.WorkerStopTimeout] to 30 seconds, so that requests in flight can finish when the worker
// is stopped: with 0, which is the default, their answers are lost, and reads must decide. The error is
// [errors.InvalidArgument] if Open, Store or Journal is missing.
func Register(w worker.Registry, config Config) error {
	switch {
	case nilness.IsNil(w):
		return invalid("the worker is nil")
	case config.Open == nil:
		return invalid("Config.Open is nil")
	case nilness.IsNil(config.Store):
		return invalid("Config.Store is nil")
	case nilness.IsNil(config.Journal):
		return invalid("Config.Journal is nil")
	}
	config.Heartbeat = cmp.Or(config.Heartbeat, defaultHeartbeat)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	a := &activities{config: config}
	w.RegisterWorkflowWithOptions(batchWorkflow{config.Heartbeat}.run, workflow.RegisterOptions{Name: workflowBatch})
	w.RegisterWorkflowWithOptions(organizationWorkflow{config.Heartbeat}.run, workflow.RegisterOptions{Name: workflowOrganization})
	for name, f := range map[string]any{
		activityPage: leased(a, a.page), activityPlan: leased(a, a.plan), activityPrepare: leased(a, a.prepare),
		activitySteps: stoppable(a, a.steps), activityDelete: stoppable(a, a.delete), activityApply: stoppable(a, a.apply),
		activityCheck: leased(a, a.check), activityRemind: a.remind,
	} {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	return nil
}

const defaultHeartbeat = 15 * time.Second

// Names of the workflows and activities, which are part of each history.
const (
	workflowBatch        = "offboard.Batch"
	workflowOrganization = "offboard.Organization"

	activityPage    = "offboard.Page"
	activityPlan    = "offboard.Plan"
	activityPrepare = "offboard.Prepare"
	activitySteps   = "offboard.Steps"
	activityDelete  = "offboard.Delete"
	activityApply   = "offboard.Apply"
	activityCheck   = "offboard.Check"
	activityRemind  = "offboard.Remind"
)
