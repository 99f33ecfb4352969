package setup

import (
	"maps"

	"github.com/closeloop/closeloop/model"
)

// Counts are figures of caseSummary by name.
type Counts = map[string]int

// WatchSummary subscribes to caseSummary on a new socket, with a filter or "" for none.
func (s *Server) WatchSummary(role model.Role, filter string) *Socket {
	s.T.Helper()
	c := s.SignIn(s.Tokens[role])
	if filter != "" {
		filter = "(filter: " + filter + ")"
	}
	c.Subscribe("subscription {caseSummary" + filter + " {open inProgress closed total overdue cursor}}")
	return c
}

// NextSummary is the next summary.
func (c *Socket) NextSummary() Tree {
	c.t.Helper()
	m, err := c.Read()
	s := Tree{V: m.Payload}
	if err != nil || m.Type != "next" || len(s.List("errors")) > 0 {
		c.t.Fatalf("no summary: %+v, %v", m, err)
	}
	return s.At("data.caseSummary")
}

// AwaitSummary reads on until the named figures have these values, and returns that summary.
func (c *Socket) AwaitSummary(want map[string]int) Tree {
	c.t.Helper()
	for {
		s, have := c.NextSummary(), map[string]int{}
		for name := range want {
			have[name] = s.Number(name)
		}
		if maps.Equal(have, want) {
			return s
		}
	}
}
