// Package conformance tests the SDK against external sources: recorded answers of real
// services, programs that import it, and, in components, software between a client and a
// provider. It is a module of its own, so that its requirements are not those of users.
package conformance
