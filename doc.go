// Package offboard has no code. Its module deletes organizations, tenants and
// workspaces at five providers, each in a package of its own:
//
//   - katapult: managed organizations at Katapult
//   - zitadel: organizations of a Zitadel instance
//   - atlas: organizations at MongoDB Atlas
//   - workspace: workspaces at Applivery
//   - volterra: tenants of F5 Distributed Cloud
//
// What goes wrong comes as the typed errors of package errors. Every provider's
// package has a double of the provider beside it, for tests.
package offboard
