package teardown

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/offboard-dev/offboard-go/errors"
)

// Job is one organization of many.
type Job struct {
	// Plan plans, or returns a plan that there is.
	Plan func(context.Context) (*Plan, error)

	// Teardown carries it out: the method of the provider's client.
	Teardown func(context.Context, *Plan, ...Option) (*Report, error)

	// Options are those of this organization, such as [WithConfirm].
	Options []Option
}

// JobResult is what became of a job.
type JobResult struct {
	Index  int     // of the job
	Plan   *Plan   // nil when it could not be made
	Report *Report // nil when nothing was begun
	Err    error
}

// RunJobs carries out many jobs, several at a time, and yields each result as it comes.
// What jobs of one client do is paced together, for they share its rate limit. Only
// the plans of those that run are kept.
//
// When the context ends, or [WithStop] says so, no more jobs are begun, and those that
// run yield what became of them. When the loop is left they are ended. Either way
// nothing runs any more once the loop is over.
//
// With parallel below 1 one job runs at a time. A nil context, and a job without a
// function, are [errors.InvalidArgument] in the results.
func RunJobs(ctx context.Context, jobs []Job, parallel int, options ...Option) iter.Seq[JobResult] {
	return func(yield func(JobResult) bool) {
		if ctx == nil {
			for i := range jobs {
				if !yield(JobResult{Index: i, Err: invalidJob("the context is nil")}) {
					return
				}
			}
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		indices, results, left := make(chan int), make(chan JobResult), make(chan struct{})
		var workers sync.WaitGroup
		for range max(parallel, 1) {
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
				for range results { // until all have ended
				}
				return
			}
		}
	}
}

// feed hands out the jobs until nothing more is to be begun.
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

// invalidJob is the error of a job that cannot be run.
func invalidJob(text string) error {
	return &errors.Error{Operation: "Teardown", Code: errors.InvalidArgument, Err: errors.New(text)}
}

func (j *Job) run(ctx context.Context, options []Option) JobResult {
	if j.Plan == nil || j.Teardown == nil {
		return JobResult{Err: invalidJob("the job has no function Plan or Teardown")}
	}
	plan, err := j.Plan(ctx)
	if err != nil {
		return JobResult{Err: err}
	}
	if plan == nil {
		return JobResult{Err: invalidJob("the job has made no plan")}
	}
	report, err := j.Teardown(ctx, plan, slices.Concat(options, j.Options)...)
	return JobResult{Plan: plan, Report: report, Err: err}
}
