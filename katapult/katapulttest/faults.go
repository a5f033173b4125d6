package katapulttest

import (
	"time"
)

// SetLargeSets lets lists be large sets, of which the API counts neither the items
// nor the pages.
func (s *Server) SetLargeSets(large bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.large = large
}

// SetMaxPageSize sets the largest number of items of a page, whatever is requested; 0
// for no limit.
func (s *Server) SetMaxPageSize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxPage = n
}

// LimitRate sets how many requests are permitted in a minute of the clock.
func (s *Server) LimitRate(perMinute int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.permitted = perMinute
}

// SetTaskTime sets how long the coming tasks take; 6 seconds without it. A task is
// pending for the first third of it and running for the rest.
func (s *Server) SetTaskTime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taskTime = d
}

// FailTasks lets the coming tasks fail, as many as given.
func (s *Server) FailTasks(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = n
}
