package katapulttest

import (
	"time"
)

// SetLargeSets sets whether lists are large sets, whose items and pages the API does not
// count. The default is false.
func (s *Server) SetLargeSets(large bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.large = large
}

// SetMaxPageSize limits the number of items per page. The default is 0, no limit.
func (s *Server) SetMaxPageSize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxPage = n
}

// LimitRate sets the number of requests permitted per minute of the clock. The default is
// 1,000.
func (s *Server) LimitRate(perMinute int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.permitted = perMinute
}

// SetTaskTime sets the duration of the next tasks. The default is 6 seconds. A task is
// pending for the first third of it, then running.
func (s *Server) SetTaskTime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taskTime = d
}

// FailTasks makes the next n tasks fail.
func (s *Server) FailTasks(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = n
}
