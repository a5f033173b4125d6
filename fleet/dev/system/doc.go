// Package system tests package fleet on a Temporal server: workers are processes that are killed,
// frozen and cut off, and the fakes of the providers are served on loopback.
//
// The default numbers are small. The flag -full sets the numbers of a release:
//
//	GOWORK=off go -C fleet/dev test ./system -v -timeout 3h -full
//
// The flags -kills, -freezes, -cuts, -server-kills, -organizations and -steps set single numbers.
// The flag -update writes the histories that package fleet replays.
package system
