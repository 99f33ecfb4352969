package model

// EventSpec is one row of the table of event types.
type EventSpec struct {
	Type    CaseEventType
	GraphQL string // name of the object type in the schema
	Label   string // text of the pages, in lower case, because it follows a name or a user's name follows it
	System  string // cause that the pages name for an event without a user; empty for none

	Fill   func(row *Event, in *EventEntry) // copies the fields of this type from the entry
	Typed  func(row *LoggedEvent) CaseEvent // returns the row as the Go type of its GraphQL type
	Fields []EventField                     // fields of this type beyond those of CaseEvent
}

// EventField is a value that only events of some types have.
type EventField struct {
	Name   string                 // in the webhook's body and in the customer's export
	Value  func(*LoggedEvent) any // as the webhook's body has it; for an exported field, Then may be nil
	Export bool                   // whether the customer's export has it; false for a value about colleagues or rules alone
	Select string                 // the GraphQL selection of the pages; empty if they do not show it
	Words  string                 // text of the pages, with one {format} for the value; empty: web/static/words.js has a sentence for the type
}

// EventTypes lists all types of events in the order of the table.
func EventTypes() []CaseEventType {
	types := make([]CaseEventType, len(eventSpecs))
	for i := range eventSpecs {
		types[i] = eventSpecs[i].Type
	}
	return types
}

// Spec returns the type's row in the table. It panics for an unknown type, which the database's CHECK and the schema's
// enum refuse.
func (t CaseEventType) Spec() *EventSpec {
	for i := range eventSpecs {
		if eventSpecs[i].Type == t {
			return &eventSpecs[i]
		}
	}
	panic("closeloop: the table of event types has no " + string(t))
}

// Event makes the row of an entry, with an ID of its own, without a position, and without its snapshots' JSON.
func (e *EventEntry) Event() Event {
	row := Event{
		ID: EventID{UUID: NewUUID()}, CaseID: e.After.Case.ID, Version: e.After.Case.Version,
		Type: e.Type, At: e.After.Case.UpdatedAt, ActorID: e.Actor,
	}
	e.Type.Spec().Fill(&row, e)
	return row
}

// OptionalID is an ID as the API shows it; nil becomes null.
func OptionalID[T interface {
	AnyID
	String() string
}](id *T) *string {
	if id == nil {
		return nil
	}
	s := (*id).String()
	return &s
}

// listed makes a list that JSON never encodes as null.
func listed[S ~[]string](list S) []string { return append([]string{}, list...) }
