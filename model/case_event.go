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
	Then     *Snapshot // the case right after the event
	Matches  bool      // whether Then matches the reader's filter
	Cursor   string    // empty until the event is stamped
	ReadNote *Note     // the event's note, where it was read together with the event and the reader may see it
}

// Loaded reports whether the event has what this field of the API leads to.
func (e *LoggedEvent) Loaded(field string) bool {
	switch field {
	case "cursor":
		return e.Cursor != ""
	case "note":
		return e.ReadNote != nil || e.NoteID == nil
	case "snapshot":
		return true
	}
	return false
}

// Logged gives the row below an event of any type.
func (e *LoggedEvent) Logged() *LoggedEvent { return e }

func (*LoggedEvent) IsCaseEvent() {}
func (*LoggedEvent) IsNode()      {}

// Typed gives the event in the Go type of its GraphQL type.
func (e *LoggedEvent) Typed() CaseEvent { return e.Type.Spec().Typed(e) }
