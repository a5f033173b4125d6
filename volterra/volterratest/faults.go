package volterratest

import (
	"github.com/offboard-dev/offboard-go/volterra"
)

// LimitRate sets how many requests each operation permits in a minute, and how
// many of them at once.
func (s *Server) LimitRate(perMinute, burst int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perSecond, s.burst, s.buckets = float64(perMinute)/60, burst, map[string]*bucket{}
}

// SetListErrors lets the answers of a list, such as "ListNamespaces", say that a
// part is missing. Without errors the answers are complete again.
func (s *Server) SetListErrors(operation string, missing ...volterra.ListError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing[operation] = missing
}
