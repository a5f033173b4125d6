//go:build race

package teardownsuite

// slow is true with the race detector, which makes each run ten times slower, so fewer runs
// are made.
const slow = true
