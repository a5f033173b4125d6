// Package teardown plans and executes the deletion of an organization at any provider of
// this module: it removes the resources that block the deletion, in order, and then deletes
// the organization.
//
// The client of a provider makes a plan and applies it:
//
//	plan, err := client.Plan(ctx, organization)     // reads only
//	plan.WriteTree(os.Stdout)                       // for review
//	report, err := client.Teardown(ctx, plan, teardown.WithConfirm("Acme Ltd"))
//
// # Plans
//
// A [Plan] is data. It can be stored as JSON, reviewed, and applied later; [Schema] returns
// the JSON Schema. Applying reads the organization again before the first write, and returns
// [errors.PlanStale] if the plan is older than [WithPlanTTL] permits, was edited, or lacks a
// resource that the read finds.
//
// A plan only selects. A step is executed if the plan names it and the fresh read finds its
// resource; order, overrides and texts come from that read. A step whose resource the read
// does not find is never acted on. The fingerprint detects accidental edits and damaged
// files. It has no key: a person who edits the file can compute it again, and so select other
// resources of the organization, change the text that reviewers read, or name another
// organization of the same name: [WithAllow] binds a run to an ID. Such an edit cannot remove
// a resource that is not in the plan's organization, or one that requires an override that was
// not given. Store the file where only its reviewers can write.
//
// Right before its deletion the organization is read once more. A resource that is not in the
// plan stops the deletion with [errors.PlanStale].
//
// # Steps
//
// A [Step] removes one resource, such as a virtual machine or a project. It starts when all
// steps in After are deleted. Several steps run at the same time. A step is deleted only when
// a read after its removal shows that the resource does not exist. The organization is
// deleted after all steps.
//
// # Outcomes
//
// The [Outcome] is [Deleted], [Pending] (the provider decides later), [NotFound] (no deletion
// of this run or its journal was started), [Blocked], [Stopped] or [Unknown] (no read could
// decide).
//
// Apply the same plan again to resume: deleted resources are skipped. [WithJournal] records
// what was started and finished, and its entries are readable after a crash. Give them to the
// next run by [WithResume]: a provider answers in the same way for a deleted organization and
// for one that the credential may not see, and only the journal distinguishes them.
//
// # Drivers
//
// A [Driver] connects the engine to a provider. A driver sends requests and never waits; the
// engine waits. A driver of a provider that this module does not support needs public
// packages only: see the example of [Driver]. [FromBlocking] converts a driver whose removals
// wait until the resource no longer exists.
//
// Act sends at most one request that changes something: the removal of the step's resource,
// or a preparation, such as stopping a machine. The request must be about the resource that
// the step was planned for; a resource that was recreated under the same name is another one.
// The [Progress] selects the engine's next action:
//
//   - [ProgressDeleting]: the request was accepted. The engine polls until the resource no
//     longer exists.
//   - [ProgressReady]: the engine calls Act again at once, in the same attempt.
//   - [ProgressNotFound]: a read shows that the resource does not exist.
//   - [ProgressExists]: the attempt has failed, with the reason in Err.
//   - [ProgressPollFirst]: nothing was sent, or the outcome is open. The next poll decides
//     the attempt; if that poll fails, the attempt fails.
//
// An error of Act leaves the outcome open, because the answer may be lost: one poll follows
// at once and decides. If the poll shows that the resource exists, or fails, the attempt has
// failed with the error of Act.
//
// Poll reads and changes nothing. It returns the same values for each step, except
// ProgressPollFirst. It must return ProgressNotFound only if a read shows that the resource
// does not exist: absence from a list of several pages proves nothing, because items move
// between pages. An error of Poll proves nothing about the resources: the engine polls again
// later if [errors.Retryable] returns true, and otherwise the attempt fails. A poll counts
// only for steps whose last act ended before the poll started.
//
// A Progress without a state is an error of its method.
//
// [Wait] sets when the engine polls. Steps of the same Group share polls: one list serves
// hundreds of steps, and the interval is shorter if more steps wait. A poll of a step without
// a Group contains that step only. Of the steps with the same Class, one is polled while the
// others wait; when that one is deleted, the others are polled, too. The engine learns how
// long the steps of a Class take. Drivers of the same client share these times if they
// implement [DurationsDriver].
//
// Failed attempts are retried if the codes of their errors permit it; see [WithRetryFor].
// Errors should be of type *[errors.Error]. Plans, reports, events and the journal show any
// other error as the cause of one, whose operation is the method of the driver. Its code is
// [errors.DriverFailed], which is not retried, unless the error contains a code or is the error
// of a context.
//
// # Limits
//
// [WithConcurrency] limits the requests in flight. A step that waits has no request in flight.
// [WithMaxStarted] limits the steps that are started and not finished. The provider may delete
// their resources after a stop or a cancellation.
package teardown

// Outcome is the result of a teardown for its organization.
type Outcome string

// Values of [Outcome].
const (
	// Deleted: a read shows that the organization does not exist, after a deletion that this
	// run started, or a run whose journal [WithResume] contains.
	Deleted Outcome = "deleted"

	// Pending: the provider accepted the deletion and decides later. [Report.PendingOn]
	// states what the deletion depends on.
	Pending Outcome = "pending"

	// NotFound: the provider reports that the organization does not exist, and neither this
	// run nor an entry of [WithResume] started its deletion. It may exist, invisible to the
	// credential. The error is [errors.OrganizationNotFound].
	NotFound Outcome = "not_found"

	// Blocked: the organization exists, and a step or a refusal blocks its deletion; see the
	// error.
	Blocked Outcome = "blocked"

	// Stopped: [WithStop] or the context ended the teardown. Apply the plan again to resume.
	Stopped Outcome = "stopped"

	// Unknown: the response to the deletion was lost, and no read could decide.
	Unknown Outcome = "unknown"
)

// IsTerminal reports whether applying the plan again cannot change the outcome: true for
// [Deleted] and [NotFound].
func (o Outcome) IsTerminal() bool { return o == Deleted || o == NotFound }
