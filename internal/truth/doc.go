// Package truth plays deletions at the doubles of all providers, thousands of times,
// with whatever can go wrong on the way, and compares what a client says with what
// the double knows. It has tests only.
//
//	go test ./internal/truth -run TestTruth -v                          the table of verdicts
//	go test ./internal/truth -run 'TestTruth/katapult' -seed 4711 -v    one run, told in full
//
// A run is made of its seed and nothing else: the state of the double, the
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
package truth
