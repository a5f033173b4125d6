//go:build race

package truth

// raceDetector: the tests run under it.
const raceDetector = true
