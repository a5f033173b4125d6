// Package fleet deletes thousands of organizations by workflows on Temporal: runs that last days,
// approvals by people, and workers that may be replaced at any time.
//
// A worker registers the workflows and activities:
//
//	w := worker.New(client, fleet.DefaultQueue, worker.Options{})
//	err := fleet.Register(w, fleet.Config{Open: open, Store: store, Journal: journal})
//	err = w.Run(worker.InterruptCh())
//
// Another program stores a manifest and starts a batch, which starts one workflow for each
// organization:
//
//	ref, err := fleet.PutManifest(ctx, store, manifest)
//	batch, err := fleet.Start(ctx, client, ref)
//
// # The workflow of an organization
//
//   - plan: the organization is read. A plan is stored.
//   - approval: as many people as the policy requires approve the digest of this plan; see
//     [Approve]. Reminders follow. Without approvals, the manifest must confirm the name.
//   - preparation: the organization is read again and compared with the approved plan. If
//     something is new, a new plan waits for a new approval, and [State.Differences] states what
//     is new. What was deleted in the meantime does not matter. Days may pass.
//   - steps: of a plan with more than 200 steps, in chunks, one after another. Each chunk compares the
//     organization with the plan again.
//   - deletion: the organization is read once more, and deleted.
//   - pending: if the provider decides later, a timer and a read repeat for days.
//
// The ID of the workflow names the organization, so that no two workflows delete the same one:
// see [WorkflowID]. Blocked, unknown and the other outcomes of package teardown are results of a
// workflow. A workflow fails only if no plan could be made or applied, such as for a credential
// that is refused.
//
// # What the history contains
//
// IDs, digests, counts, codes, and the names and reasons of approvers. Plans, reports, manifests and
// what providers answered are in the [Store], by reference and with their digests. Workers resolve
// the credentials.
//
// # Failures
//
// Each activity sends heartbeats. If a worker ends or is suspended, another one continues with the
// journal: a step that a read has shown to be deleted is not started again. A worker that was
// suspended for longer than the heartbeat timeout starts nothing more. docs/fleet.md has the matrix
// of failures.
package fleet
