package atlastest

import (
	"maps"
	"time"
)

// RefuseAddress sets whether the client's IP address is missing from the access list. The token
// endpoint ignores the access list.
func (s *Server) RefuseAddress(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outside = refuse
}

// LimitRate gives an operation, such as "DeleteOrganization", a token bucket. The bucket is full at
// first, and each period adds refill tokens. Without LimitRate, an operation has no limit and its
// answers have no rate-limit headers.
func (s *Server) LimitRate(operation string, capacity, refill int, period time.Duration) {
	s.RequireOperation(operation)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[operation] = &bucket{
		capacity: capacity, refill: refill, period: period, tokens: capacity, filled: time.Now(),
	}
}

// LimitTokens sets the number of tokens that a service account can request per minute. The default
// is 10.
func (s *Server) LimitTokens(perMinute int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.perMinute = perMinute
}

// EndTokens invalidates all issued tokens except [Token].
func (s *Server) EndTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.credentials.tokens, func(token string, _ issued) bool { return token != Token })
}

// EndNonces invalidates all digest challenges.
func (s *Server) EndNonces() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.credentials.nonces)
}

// SetDeletionTime sets the time between the acceptance of a deletion and its end. The default is one
// minute. It does not change when a teardown reads a resource again: in a test without synctest, a
// teardown takes at least 45 seconds for a cluster, whatever d is.
func (s *Server) SetDeletionTime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes = d
}
