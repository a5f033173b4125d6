// Package teardown clears what stands in the way of an organization's deletion,
// in order, and deletes it, at any of the providers of this module.
//
// A provider's client plans and carries out:
//
//	plan, err := client.Plan(ctx, organization)     // reads only
//	plan.WriteTree(os.Stdout)                       // to be reviewed
//	report, err := client.Teardown(ctx, plan, teardown.Confirm("Acme Ltd"))
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
// An organization is [Gone]; or its deletion is [Pending], for the provider takes
// its time and decides; or it is [Blocked], and the report has what is left; or
// the outcome is [Unknown], for the answer to the deletion was lost and nothing
// can be read; or it is [NotFound], because the provider reports that it does not
// exist and no deletion of ours was started.
//
// Carrying out the same plan again goes on where things are: what is gone already
// is not removed again. A [Journal] keeps what was done, through a crash at any
// moment. Give its entries to the next run by [WithResume]: a provider answers for an
// organization that was deleted as for one that the credential may not see, and only
// the journal tells the two apart.
package teardown

// Outcome is what became of an organization.
type Outcome string

// Values of [Outcome].
const (
	Gone    Outcome = "gone"    // the provider says so
	Pending Outcome = "pending" // the provider has accepted the deletion and carries it out later
	Blocked Outcome = "blocked" // it is still there, and something is left to do
	Unknown Outcome = "unknown" // the answer to its deletion was lost, and nothing can be read

	// NotFound: the provider reports that the organization does not exist, and nothing
	// of this run or of the entries of [WithResume] shows that a deletion of ours was
	// started. The credential may not see it. The error is
	// [errors.OrganizationNotFound].
	NotFound Outcome = "not_found"
)
