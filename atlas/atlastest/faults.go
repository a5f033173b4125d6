package atlastest

import (
	"maps"
	"time"
)

// RefuseAddress sets whether the address of the client is missing on the access
// list. Tokens are issued all the same.
func (s *Server) RefuseAddress(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outside = refuse
}

// LimitRate gives an operation, such as "DeleteOrganization", a bucket of tokens:
// it is full at first, and every period it is refilled by some. Without it the
// operation has no limit, and no headers say so.
func (s *Server) LimitRate(operation string, capacity, refill int, period time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[operation] = &bucket{
		capacity: capacity, refill: refill, period: period, tokens: capacity, filled: time.Now(),
	}
}

// LimitTokens sets how many tokens a service account is issued in a minute; 10
// without it.
func (s *Server) LimitTokens(perMinute int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.perMinute = perMinute
}

// EndTokens ends all tokens that were issued, but for [Token].
func (s *Server) EndTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.credentials.tokens, func(token string, _ issued) bool { return token != Token })
}

// EndNonces ends all digest challenges that were sent.
func (s *Server) EndNonces() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.credentials.nonces)
}

// SetDeletionTime sets how long things are there after their deletion was accepted;
// a minute without it.
func (s *Server) SetDeletionTime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes = d
}
