package teardown

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/offboard-dev/offboard-go/errors"
)

// Job is the teardown of one organization, for [RunJobs].
type Job struct {
	// Plan makes a plan, or returns an existing one.
	Plan func(context.Context) (*Plan, error)

	// Teardown applies the plan: the method Teardown of the provider's client.
	Teardown func(context.Context, *Plan, ...Option) (*Report, error)

	// Options apply to this job only, such as [WithConfirm]. They follow those of RunJobs.
	Options []Option
}

// JobResult is the result of a [Job].
type JobResult struct {
	Index  int     // the index of the job
	Plan   *Plan   // nil if it could not be made
	Report *Report // nil if the plan was not applied; see [Execute]
	Err    error   // the error of Plan or of Teardown; nil if both succeeded
}

// RunJobs runs jobs and yields each result when its job ends. At most parallel jobs run at
// the same time. Jobs of one client share its rate limiter. RunJobs keeps only the plans of
// the jobs that run.
//
// If the context ends or [WithStop] stops the jobs, no job starts after that, and each job
// that runs yields its result. If the caller leaves the loop, RunJobs cancels the jobs that
// run. No job runs after the loop.
//
// The options apply to all jobs. If the context is nil or parallel is less than 1, no job runs
// and the error of each result is [errors.InvalidArgument]; so is that of a job that lacks a
// function.
func RunJobs(ctx context.Context, jobs []Job, parallel int, options ...Option) iter.Seq[JobResult] {
	return func(yield func(JobResult) bool) {
		if err := checkJobs(ctx, parallel); err != nil {
			for i := range jobs {
				if !yield(JobResult{Index: i, Err: err}) {
					return
				}
			}
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		indices, results, left := make(chan int), make(chan JobResult), make(chan struct{})
		var workers sync.WaitGroup
		for range min(parallel, len(jobs)) {
			workers.Go(func() {
				for i := range indices {
					result := jobs[i].run(ctx, options)
					result.Index = i
					select {
					case results <- result:
					case <-left:
					}
				}
			})
		}
		go func() {
			feed(ctx, configure(options).stop, len(jobs), indices)
			workers.Wait()
			close(results)
		}()
		for result := range results {
			if !yield(result) {
				cancel()
				close(left)
				for range results { // until all jobs have ended
				}
				return
			}
		}
	}
}

// feed sends the indices of the jobs until no job may start.
func feed(ctx context.Context, stop <-chan struct{}, n int, indices chan<- int) {
	defer close(indices)
	for i := range n {
		select {
		case <-ctx.Done():
			return
		case <-stop:
			return
		default:
		}
		select {
		case indices <- i:
		case <-ctx.Done():
			return
		case <-stop:
			return
		}
	}
}

// checkJobs returns the error of arguments that no job can run with.
func checkJobs(ctx context.Context, parallel int) error {
	switch {
	case ctx == nil:
		return invalidJob("the context is nil")
	case parallel < 1:
		return invalidJob(fmt.Sprintf("parallel must be at least 1, not %d", parallel))
	}
	return nil
}

// invalidJob returns the error of a job that cannot run.
func invalidJob(text string) error {
	return &errors.Error{Operation: "Teardown", Code: errors.InvalidArgument, Err: errors.New(text)}
}

func (j *Job) run(ctx context.Context, options []Option) JobResult {
	if j.Plan == nil || j.Teardown == nil {
		return JobResult{Err: invalidJob("the job has no function Plan or no function Teardown")}
	}
	plan, err := j.Plan(ctx)
	if err != nil {
		return JobResult{Err: err}
	}
	if plan == nil {
		return JobResult{Err: invalidJob("the function Plan returned no plan")}
	}
	report, err := j.Teardown(ctx, plan, slices.Concat(options, j.Options)...)
	return JobResult{Plan: plan, Report: report, Err: err}
}
