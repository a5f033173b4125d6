package zitadeltest

import "time"

// Legacy makes the fake behave as v2.54.10: it has no API v2 and no query by ID, it does not
// return a deleted organization and does not know it in a header, it answers 401 to a request
// without a credential and 400 to an ID that is too long, and sends no X-Request-Id.
func (s *Server) Legacy(legacy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.legacy = legacy
}

// Block blocks or unblocks the instance.
func (s *Server) Block(blocked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked = blocked
}

// ExhaustQuota uses up or restores the quota of the instance.
func (s *Server) ExhaustQuota(exhausted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quotaExhausted = exhausted
}

// Lag sets the delay after which lists show what requests created or deleted. The default is 0.
func (s *Server) Lag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = lag
}
