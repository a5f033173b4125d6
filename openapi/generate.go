// Package openapi holds the description of each provider's API, from which the
// models and methods of its package are generated. It has no code of its own.
//
// The descriptions are ours, and they are the API of the packages: a name there
// is a name here. See README.md for the extensions they use.
package openapi

//go:generate env GOWORK=off go -C ../internal/tools run ./generate katapult zitadel atlas workspace volterra
