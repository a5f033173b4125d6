//go:build race

package offboard_test

// raceDetector reports whether the race detector is on, which makes a test many times slower.
const raceDetector = true

// Hostile bodies are smaller with the race detector. Their memory is measured without it.
const (
	hostileSize     = 64 << 10
	hostileElements = 500
	hostileMembers  = 4_000
)
