// Package vendors compares a call of this SDK with the same call of the vendors' own Go
// clients.
//
// It is a module of its own and not part of the workspace, so that no other module
// requires the vendors' modules:
//
//	GOWORK=off go -C internal/conformance/vendors test -bench .
package vendors
