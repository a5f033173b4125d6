package volterratest

import (
	"github.com/offboard-dev/offboard-go/volterra"
)

// LimitRate sets the rate limit of each operation: requests per minute, and the burst.
func (s *Server) LimitRate(perMinute, burst int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perSecond, s.burst, s.buckets = float64(perMinute)/60, burst, map[string]*bucket{}
}

// SetListErrors sets the missing parts in the answers of a list, such as "ListNamespaces". Without
// missing parts, the answers are complete.
func (s *Server) SetListErrors(operation string, missing ...volterra.ListError) {
	s.RequireOperation(operation)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing[operation] = missing
}
