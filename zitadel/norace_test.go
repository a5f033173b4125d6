//go:build !race

package zitadel_test

// thinned: all cases are run.
const thinned = 1
