//go:build !race

package teardownsuite

const slow = false
