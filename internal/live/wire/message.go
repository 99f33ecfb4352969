package wire

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
)

// Position is a position in a feed.
type Position struct {
	Offset int64  // a later position has a higher one
	Cursor string // how a client names the position; empty: clients cannot name it
}

// Message is one message of an operation to its client. It is encoded once for all subscribers and never changed.
type Message struct {
	Kind     Kind
	Position Position // of the feed's value that the message is made of; zero where there is none
	Data     []byte   // of Next: the response; of Error: the list of errors; of Complete: nil

	extensions []byte // of Error: those of the answer, for protocols with room for them; nil where there are none
}

// Refusal is the message with the errors of an answer without data. It ends the operation.
func Refusal(answer *graphql.Response) *Message {
	m := &Message{Kind: Error, Data: AppendErrors(nil, answer.Errors)}
	if len(answer.Extensions) > 0 {
		m.extensions, _ = json.Marshal(answer.Extensions) // without them, the client still learns what is wrong
	}
	return m
}

// AppendRefusal encodes the answer that a refusal was made of.
func AppendRefusal(b []byte, m *Message) []byte {
	b = append(append(b, `{"errors":`...), m.Data...)
	if m.extensions != nil {
		b = append(append(b, `,"extensions":`...), m.extensions...)
	}
	return append(b, '}')
}

// Kind is the kind of a Message.
type Kind int8

// Error and Complete end the operation.
const (
	Next Kind = iota
	Error
	Complete
)

// IsLast reports whether the message ends its operation.
func (m *Message) IsLast() bool { return m.Kind != Next }

// Size is about what the message costs in memory, in bytes.
func (m *Message) Size() int { return len(m.Data) + len(m.extensions) + 128 }
