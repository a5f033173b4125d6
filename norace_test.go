//go:build !race

package offboard_test

// raced is true under the race detector.
const raced = false

const (
	hostileSize = 3 << 20

	// What a success of this size may have, a little below the limits of internal/rest.
	hostileElements = 20_000
	hostileMembers  = 160_000
)
