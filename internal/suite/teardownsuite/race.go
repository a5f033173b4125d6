//go:build race

package teardownsuite

// slow: the race detector makes each run ten times as slow, and few show what it
// finds.
const slow = true
