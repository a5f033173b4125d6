//go:build !race

package offboard_test

// raceDetector reports whether the race detector is on.
const raceDetector = false

const (
	hostileSize = 3 << 20

	// The maximum values of a success of this size, a little below the limits of
	// internal/rest.
	hostileElements = 20_000
	hostileMembers  = 160_000
)
