// Package simulation runs deletions, teardowns, lists and checks at the fakes of all
// providers under random faults, and compares the client's results with the state of the
// fake. It has tests only.
//
//	go test ./internal/simulation -run TestSimulation -v                            the tables of results
//	go test ./internal/simulation -run 'TestSimulation$/katapult' -seed 4711 -v      one run, request by request
//	go test ./internal/simulation -run TestSurvey -survey 2000 -v                   each optional kind of fault alone
//
// One run in five, with a seed that ends in 0 or 5, is a teardown: a plan of an
// organization with a few blockers is made without faults, applied under faults, and applied
// again without faults. One run in ten, with a seed that ends in 7, reads a list, checks for
// blockers, or deactivates an organization that only a header names.
//
// A fault applies to one request (see faultKinds) or to the whole run (see
// [conditions.addRunFaults]): a transport that does not report its connections, a credential
// that loses access, small pages, a clock that differs, an outage. Other kinds change a
// resource during the run, as another user does: see changeByOthers. The flag -kinds selects the
// optional kinds in kindNames.
//
// A run depends on its seed only: the state of the fake, the credential, the configuration
// of the client, the faults, the end of the context, and the jitter of the waits. Each
// request has its own random stream, named by its method, its URL and its count, so that one
// request more does not change the rest of the run. Time is that of testing/synctest.
//
// # Wrong results of a deletion
//
// The oracle reports a wrong result if the client returns
//
//   - an error that is not an *errors.Error or has no code;
//   - deleted, if the organization exists, or the client has seen no evidence;
//   - not found, if the organization exists, or this call deleted it;
//   - blocked or refused, if the provider did not answer so;
//   - a failure, if the call deleted the organization, unless the provider processed the
//     request after a read that showed the organization as existing;
//   - unknown, if the client could know the outcome. Unknown is correct only after a deletion
//     with an inconclusive answer, if no later read was answered or could decide, or if a
//     read showed the organization as existing and the context ended, or the credential was
//     refused, before the next attempt. A read that only another party could make does not
//     count.
//
// The oracle also reports a client that sends a second deletion after an inconclusive one
// without a read in between which shows that the organization exists, changes another
// resource, continues after its context has ended, or leaves a body open.
//
// # Wrong results of a teardown
//
// The oracle reports a wrong result if the report has
//
//   - deleted or pending, if the organization exists, its deletion was not accepted, the
//     client has seen no evidence, or a step remains;
//   - not found, if the organization exists and the credential has access, or a request of
//     this run deleted it;
//   - blocked, if the run deleted the organization, with the exceptions above;
//   - unknown, if the client could know the outcome, as above;
//   - stopped or interrupted, if the context has not ended; canceled, if a step was started;
//   - a step as deleted whose resource exists at the fake, in the trash included;
//   - a step as not started or manual whose resource was deleted;
//   - a step as running after the run;
//   - blocked or a failed step, if no manual step remains and all faults were harmless: a
//     success with another status, a removal that is ignored one or two times, a task that
//     never finishes, refusals for minutes;
//   - a stale plan, if the plan matches the provider and has not expired.
//
// It is also wrong if the client returns no report but sent a request that changes a
// resource, or makes a plan under faults with other steps than the plan without faults.
//
// Further wrong results: The run deletes the organization with a resource that others created
// during a step and the plan does not name. It removes a resource that others created again
// under the same name although a read distinguished the two. It takes days. It starts a step
// before the steps in After are deleted, or sends the deletion of the organization while a
// step remains. It changes a resource although manual steps remain and the override for
// partial runs is not set. It changes another organization. The same plan, applied again
// without faults and after all manual steps, does not delete everything; only a credential
// that ended with the organization is an exception.
//
// # Wrong results of a list or a check
//
// A list without an error has each existing item once, and no item of another organization.
// Only an item that moves to an earlier page during the reads may be missing. A check reports
// a blocker if and only if one exists. A call that names its organization by a header changes
// only this organization; if the write alone loses its header, the call returns an error.
package simulation
