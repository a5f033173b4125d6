//go:build !race

package zitadel_test

// caseStep selects every case.
const caseStep = 1
