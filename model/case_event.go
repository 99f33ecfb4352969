package model

// CaseEvent is an event in the Go type of its GraphQL type, such as CaseOpened.
type CaseEvent interface {
	IsCaseEvent()
	IsNode()
	Logged() *LoggedEvent
}

// LoggedEvent is a row of the log as one reader sees it.
type LoggedEvent struct {
	Event
	Then    *Snapshot // the case right after the event
	Matches bool      // whether Then matches the reader's filter
	Cursor  string    // empty until the event is stamped
}

// Logged gives the row below an event of any type.
func (e *LoggedEvent) Logged() *LoggedEvent { return e }

func (*LoggedEvent) IsCaseEvent() {}
func (*LoggedEvent) IsNode()      {}

// Typed gives the event in the Go type of its GraphQL type.
func (e *LoggedEvent) Typed() CaseEvent { return e.Type.Spec().Typed(e) }
