// Package conformance holds what proves the SDK against the outside: recorded
// answers of real services, and consumers that import it. It is a module of its
// own, so that none of it is a requirement of users.
package conformance
