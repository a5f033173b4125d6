//go:build race

package offboard_test

// raced is true under the race detector, which makes everything many times slower.
const raced = true

// Hostile bodies are smaller than without it. The memory that they take is measured
// without it.
const (
	hostileSize     = 64 << 10
	hostileElements = 500
	hostileMembers  = 4_000
)
