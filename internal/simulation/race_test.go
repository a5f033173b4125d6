//go:build race

package simulation

// raceDetector: the tests run under it.
const raceDetector = true
