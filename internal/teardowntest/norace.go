//go:build !race

package teardowntest

const slow = false
