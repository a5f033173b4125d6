// Package truth plays deletions at the doubles of all providers, thousands of times,
// with whatever can go wrong on the way, and compares what a client says with what
// the double knows. It has tests only.
//
//	go test ./internal/simulation -run TestSimulation -v                          the tables of results
//	go test ./internal/simulation -run 'TestSimulation/katapult' -seed 4711 -v    one run, request by request
//	go test ./internal/simulation -run TestSurvey -survey 2000 -v            each new kind of fault alone
//
// One run in five, those whose seed ends in 0 or 5, is a teardown: a plan, made without
// faults, of an organization with a few blockers is applied under faults, and once more
// without faults. One run in ten, those whose seed ends in 7, reads a list to its end,
// checks for blockers, or deactivates an organization that a header alone names.
//
// A fault befalls one request (see faultKinds), or the whole run (see [weather.others]):
// a transport that does not report its connections, a credential that sees nothing from
// some request on, small pages, a clock that differs, an outage. Others change something
// during the run: see meanwhile. The flag -kinds chooses among those in kindNames.
//
// Each request of a run has a random stream of its own, named by its method, its URL and
// its count, so that a client that sends one request more does not change the rest of the
// run. A run is made of its seed and nothing else: the state of the double, the
// credential, what the client is set to, which request is befallen by which fault,
// when the context ends, and the jitter of the waits. Time is that of
// testing/synctest.
//
// # What a lie is
//
// A client that is asked to delete an organization lies when it says
//
//   - nothing that is typed: every failure is an *errors.Error, with a code;
//   - deleted, of what is there, of what never was there and was not asked for
//     twice, or of what it has seen no evidence for;
//   - not found, of what is there, or of what went by this very call;
//   - blocked, or that its credential was refused, when nothing of the kind was
//     answered;
//   - that it failed, of what it did delete, unless the provider did its work only
//     after it had been read to be there;
//   - unknown, when it could know. That verdict is right only after a deletion whose
//     answer told nothing, when from then on no read of ours was answered, or none of
//     this provider tells; or when the organization was read to be there and the
//     context ended, or the credential was refused, before the next attempt could tell
//     more. The owner of the double could always have looked: what counts is whether
//     the client could;
//
// and it wrongs when it sends a second deletion after one whose answer told nothing,
// without having read in between that the organization is there; when it touches what
// it was not asked for; when it goes on after its context has ended; and when it
// leaves a body open.
//
// # What a lie of a teardown is
//
// Its report lies when it says
//
//   - gone or pending, of an organization that is there, or whose deletion was not
//     accepted, or when the client has seen nothing that says so, or with a step left;
//   - not found, of an organization that exists and that the credential can see, or of one
//     that a request of this run deleted;
//   - blocked, of an organization that it did delete, with the exceptions above;
//   - unknown, when the client could know, as above;
//   - done or already gone, of a thing that the double still has, one that waits in the
//     trash included;
//   - untouched, or to be done by hand, of a thing that is gone by itself;
//   - interrupted, when no context has ended, or running, when all is over;
//   - blocked or failed at all, when no hands are needed and nothing befell a request but
//     harmless faults: an answer with another status, a removal that is ignored once or
//     twice, a task that never ends, refusals that last minutes;
//   - that the plan is stale, for it is the truth, unless its day is over;
//
// and when there is no report, something was sent that changes anything. A plan that
// the client itself reads through the faults is a lie when it has other steps than the
// one that was read without.
//
// It wrongs when it deletes the organization with a resource that others created during a
// step and the plan does not name, or removes a resource that others created again under
// the same name although a read told the two apart; when it takes days; when it begins a
// step before those that it comes after are gone; when it sends the deletion of the
// organization with a step left; when it touches anything although hands are needed and
// no part was permitted; when the neighbor of the organization is no longer as it was; and when the same plan, carried out again once
// the faults have ended and hands have done their part, does not end well with
// everything gone. Only what has died with the organization, its own credential, may
// keep it from that.
//
// # What a lie of a list or a check is
//
// A list without an error has each existing item once, and no item of another
// organization. Only an item that moves to an earlier page while the list is read may be
// missing. A check finds a blocker if there is one, and none otherwise. A call that
// names its organization by a header changes this organization, or nothing; if the write
// alone loses its header, the call returns an error.
package simulation
