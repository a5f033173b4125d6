//go:build !race

package truth

const raceDetector = false
