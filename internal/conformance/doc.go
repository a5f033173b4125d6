// Package conformance holds what proves the SDK against the outside: recorded
// answers of real services, consumers that import it, and in components what
// lies between it and a provider. It is a module of its own, so that none of it is
// a requirement of users.
package conformance
