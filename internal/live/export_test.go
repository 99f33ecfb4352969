package live

// TurnTime is how long an excerpt is made before it ends early.
const TurnTime = turnTime

// CatchingUp returns how many operations are behind, how many excerpts wait for their turn, and how many are kept.
func (s *Server) CatchingUp() (behind, queued, kept int) {
	s.excerpts.mu.Lock()
	defer s.excerpts.mu.Unlock()
	return int(s.excerpts.behind.Load()), len(s.excerpts.queue), s.excerpts.kept.Len()
}

// WaitingFor returns how many operations wait for the excerpt that is being made.
func (s *Server) WaitingFor() (n int) {
	s.excerpts.mu.Lock()
	defer s.excerpts.mu.Unlock()
	for _, some := range s.excerpts.all {
		for _, e := range some {
			select {
			case <-e.ready:
			default:
				if e.begun {
					n += e.waiting
				}
			}
		}
	}
	return n
}
