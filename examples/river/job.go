package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Args names the organization that a job deletes. River stores it in the database: it contains
// names of credentials, and no credential.
type Args struct {
	// Provider, Organization and BaseURL are those of [offboard.Spec]. An organization has one
	// unfinished job, if all jobs name it in the same way: "f5" and "volterra" are two names.
	Provider     string `json:"provider" river:"unique"`
	Organization string `json:"organization" river:"unique"`
	BaseURL      string `json:"base_url,omitempty" river:"unique"`

	// Credentials and Email are those of [offboard.Spec].
	Credentials map[string]string `json:"credentials,omitempty"`
	Email       string            `json:"email,omitempty"`

	// Confirm is the expected name of the organization, as in [teardown.WithConfirm].
	Confirm string `json:"confirm"`
}

// Kind returns the name of this kind of job.
func (Args) Kind() string { return "delete_organization" }

// InsertOpts makes the unfinished job of an organization unique. After a result, such as blocked, a
// new job can be inserted.
func (Args) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}}
}

// Worker deletes the organization of a job.
type Worker struct {
	river.WorkerDefaults[Args]

	Clients *offboard.Clients // of all jobs, so that they share the rate limit of each provider
	DB      *postgres.DB      // has the plans and the journal

	// Stop ends the running jobs gently when it is closed; see [teardown.WithStop].
	Stop <-chan struct{}
}

// Timeout returns the maximum duration of an attempt; the next attempt resumes. It must be shorter
// than RescueStuckJobsAfter of River, which is an hour: then River starts another attempt only after
// the context of this one has ended.
func (*Worker) Timeout(*river.Job[Args]) time.Duration { return 50 * time.Minute }

// Work runs an attempt of a job. The output of the job has the result, or the last error.
func (w *Worker) Work(ctx context.Context, job *river.Job[Args]) error {
	report, err := w.teardown(ctx, job)
	summary := report.Summary(20)
	if report == nil {
		summary.Code, summary.Error = errors.CodeOf(err), err.Error()
	}
	if err := river.RecordOutput(ctx, summary); err != nil {
		return err
	}
	return decide(ctx, report, err)
}

// teardown applies the plan of the job, and resumes with the entries of all earlier attempts. A nil
// report comes with an error: nothing was changed.
func (w *Worker) teardown(ctx context.Context, job *river.Job[Args]) (*teardown.Report, error) {
	organization, err := w.Clients.Open(ctx, offboard.Spec{
		Provider: job.Args.Provider, Organization: job.Args.Organization, BaseURL: job.Args.BaseURL,
		Credentials: job.Args.Credentials, Email: job.Args.Email,
	})
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("examples/river/plans/%d", job.ID)
	plan, err := w.plan(ctx, key, organization)
	if err != nil {
		return nil, err
	}
	entries, err := w.DB.Journal().Entries(ctx, plan.Provider, plan.Instance, plan.Organization.ID)
	if err != nil {
		return nil, err
	}
	report, err := organization.Teardown(ctx, plan,
		teardown.WithConfirm(job.Args.Confirm), teardown.WithStop(w.Stop), teardown.WithPlanTTL(30*24*time.Hour),
		teardown.WithJournalWriter(w.DB.Journal()), teardown.WithResume(entries))
	if errors.Is(err, errors.PlanStale) {
		// The next attempt plans again: the job confirms the organization, not a list of resources.
		err = errors.Join(err, w.DB.Store().Delete(ctx, key))
	}
	return report, err
}

// plan returns the plan of an earlier attempt, or makes one and stores it. A new plan would be
// impossible after the deletion of the organization; the stored one and the journal prove it.
func (w *Worker) plan(ctx context.Context, key string, organization offboard.Organization) (*teardown.Plan, error) {
	stored, err := w.DB.Store().Get(ctx, key)
	if err == nil {
		return teardown.ReadPlan(bytes.NewReader(stored))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	plan, err := organization.Plan(ctx)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	return plan, w.DB.Store().Put(ctx, key, encoded)
}

// decide returns the error of an attempt for River; nil completes the job.
func decide(ctx context.Context, report *teardown.Report, err error) error {
	var after time.Duration // as the provider requires it
	for e := range errors.All(err) {
		after = max(after, e.RetryAfter)
	}
	switch {
	case report != nil && (report.Outcome == teardown.Deleted || report.Outcome == teardown.Pending):
		return nil // pending: the provider decides later, and this job does not wait for it
	case ctx.Err() != nil:
		return ctx.Err() // of a stop, of the timeout, or of a cancellation: River knows which one
	case report != nil && report.Outcome == teardown.Stopped:
		return river.JobSnooze(0) // another worker may resume now
	case errors.Is(err, errors.PlanStale):
		return err
	case errors.Retryable(err) && after > 0:
		return river.JobSnooze(after) // it does not count as an attempt
	case errors.Retryable(err):
		return err
	case report != nil || errors.Is(err, errors.DeletionStepsNotSatisfied):
		return nil // blocked, not_found or unknown: a retry changes nothing until a person acts
	}
	return river.JobCancel(err)
}
