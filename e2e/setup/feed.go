package setup

import (
	"github.com/closeloop/closeloop/model"
)

// Cursor is the current end of the feed.
func (s *Server) Cursor() string {
	s.T.Helper()
	return s.OK(model.Agent, `{cases(first: 1) {feedCursor}}`, nil).Text("cases.feedCursor")
}

// Events is the whole log, as the list caseEvents returns it.
func (s *Server) Events() (events []Tree) {
	s.T.Helper()
	for after, more := any(nil), true; more; {
		page := s.OK(model.Agent, `query ($after: String) {caseEvents(first: 100, after: $after) {nodes {id cursor type snapshot {caseId version}} pageInfo {hasNextPage endCursor}}}`, Vars{"after": after})
		events = append(events, page.List("caseEvents.nodes")...)
		after, more = page.Text("caseEvents.pageInfo.endCursor"), page.Bool("caseEvents.pageInfo.hasNextPage")
	}
	return events
}

// IDs are the ids of a list of objects.
func IDs(events []Tree) []string {
	list := make([]string, len(events))
	for i, e := range events {
		list[i] = e.Text("id")
	}
	return list
}

// CaseOfEvent is the selection of an event that Collect needs.
const CaseOfEvent = "cursor snapshot {caseId}"
