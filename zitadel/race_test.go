//go:build race

package zitadel_test

// thinned: of the cases that differ in one request each, every fourth is run, because the
// race detector makes each take ten times as long. Without it all are run.
const thinned = 4
