// Package teardown clears what stands in the way of an organization's deletion,
// in order, and deletes it, at any of the providers of this module.
//
// A provider's client plans and carries out:
//
//	plan, err := client.Plan(ctx, organization)     // reads only
//	plan.WriteTree(os.Stdout)                       // to be reviewed
//	report, err := client.Teardown(ctx, plan, teardown.WithConfirm("Acme Ltd"))
//
// A [Plan] is data. It can be kept as JSON, reviewed, and carried out later; what
// is not in it is not touched. Before the first write everything is read again,
// and a plan that is too old, was changed, or no longer is the truth is refused
// with [errors.PlanStale].
//
// A plan file is not trusted. It only selects: a step is carried out if the plan names
// it and the fresh read of the organization finds it, with the order, the consents and
// the words of that read. A step that the read does not find is never acted on. The
// fingerprint detects accidental edits and damaged files. It has no key, so that whoever
// can write the file can compute it again: such a person can change which resources of
// the organization are selected, and what a reviewer reads, but cannot have anything
// removed that the organization does not own, or without its consent. Keep the file
// where only its reviewers can write.
//
// Right before its deletion the organization is read once more. Anything that is new
// since the plan stops the deletion with [errors.PlanStale].
//
// # Steps
//
// Each step is one thing that has to go: a virtual machine, a project. Steps run
// as soon as those that they come after are gone, several at a time. A step is
// removed, waited for, and verified by reading; only what a read says to be gone
// is. The organization is deleted last, when every step is.
//
// # Outcomes
//
// An organization is [Deleted]; or its deletion is [Pending], for the provider takes
// its time and decides; or it is [Blocked], and the report has what is left; or
// the outcome is [Unknown], for the answer to the deletion was lost and nothing
// can be read; or it is [NotFound], because the provider reports that it does not
// exist and no deletion of ours was started.
//
// Carrying out the same plan again goes on where things are: what is gone already
// is not removed again. A [WithJournal] keeps what was done, through a crash at any
// moment. Give its entries to the next run by [WithResume]: a provider answers for an
// organization that was deleted as for one that the credential may not see, and only
// the journal tells the two apart.
//
// # Drivers
//
// A [Driver] connects the engine to a provider. It sends requests and never waits: the
// engine does. A driver of a provider that this module does not have needs public packages
// only; see the example of [Driver]. A driver whose removals block until the end becomes a
// Driver by [FromBlocking].
//
// Act sends at most one request that changes something: the removal of the step's resource,
// or what must be done before it, such as stopping a machine. Its request must be about the
// resource that the step was planned for: a resource that was recreated under the same name
// is another one. Its [Progress] says what comes next:
//
//   - [ProgressDeleting]: the request was accepted. The engine polls until the resource no
//     longer exists.
//   - [ProgressReady]: the engine calls Act again at once, in the same attempt.
//   - [ProgressNotFound]: a read shows that the resource does not exist.
//   - [ProgressExists]: the attempt has failed, with the reason in Err.
//   - [ProgressPollFirst]: nothing was sent, or the outcome is open. The next poll decides
//     the attempt, and fails it if it fails.
//
// An error of Act is no outcome, because the answer may have been lost: one poll follows at
// once, and decides. If it shows that the resource exists, or fails, the attempt has failed
// with the error of Act.
//
// Poll reads and changes nothing. It returns the same values for each step, except
// ProgressPollFirst. It must return ProgressNotFound only if a read shows that the resource
// does not exist: absence from a list of several pages shows nothing, because items move
// between pages. An error of Poll says nothing of the resources: the engine polls again
// later if [errors.Retryable] reports so, and otherwise the attempt fails. A poll counts
// only for steps whose last act ended before the poll began.
//
// [Wait] says when the engine polls. Steps with the same Group share polls: one list answers
// for hundreds of them, more often the more wait. For a step without a Group a poll has that
// step only; of those with the same Class one is polled while the others wait, and once it
// is done the others are polled, too. The engine learns how long the steps of each Class
// take. Drivers of one client share what was learned if they have a method Durations; see
// [Durations].
//
// Failed attempts are repeated if the codes of their errors say that another one may
// succeed; see [WithRetryFor]. Errors should be of type *[errors.Error].
//
// # Limits
//
// [WithConcurrency] limits the requests in flight; steps that wait hold none. [WithMaxStarted]
// limits how many steps are started and not finished. The provider may delete their
// resources although the teardown is stopped or canceled: this is what a stop cannot
// prevent any more.
package teardown

// Outcome is the result of a teardown for its organization.
type Outcome string

// Values of [Outcome].
const (
	// Deleted: a read shows that the organization does not exist, after a deletion that was
	// started by this run, or by one whose journal is given by [WithResume].
	Deleted Outcome = "deleted"

	// Pending: the provider accepted the deletion and decides about it later;
	// [Report.PendingOn] says on what.
	Pending Outcome = "pending"

	// NotFound: the provider reports that the organization does not exist, and nothing
	// of this run or of the entries of [WithResume] shows that a deletion of ours was
	// started. The credential may not see it. The error is
	// [errors.OrganizationNotFound].
	NotFound Outcome = "not_found"

	// Blocked: the organization exists, and something blocks its deletion; the error says
	// what.
	Blocked Outcome = "blocked"

	// Stopped: [WithStop] or the context ended the teardown. Apply the plan again to resume.
	Stopped Outcome = "stopped"

	// Unknown: the response to the deletion was lost, and no read could decide.
	Unknown Outcome = "unknown"
)

// IsTerminal reports whether applying the plan again cannot change the outcome: true for
// [Deleted] and [NotFound].
func (o Outcome) IsTerminal() bool { return o == Deleted || o == NotFound }
