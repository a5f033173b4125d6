package zitadeltest

import (
	"time"
)

// Legacy makes the double play v2.54.10: there is no API v2 and no query by id, an
// organization that was deleted is not read any more and not known in a header, a
// request without a credential is answered with 401, an id that is too long with
// 400, and answers have no X-Request-Id.
func (s *Server) Legacy(legacy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.legacy = legacy
}

// Block blocks the instance, as its operator can.
func (s *Server) Block(blocked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked = blocked
}

// ExhaustQuota uses up the quota of the instance.
func (s *Server) ExhaustQuota(exhausted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quotaExhausted = exhausted
}

// Lag lets lists follow requests that create or delete something after some time
// only.
func (s *Server) Lag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = lag
}
