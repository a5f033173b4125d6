//go:build race

package zitadel_test

// caseStep selects every fourth of the cases that differ in one request, because the race
// detector makes each case take ten times as long.
const caseStep = 4
