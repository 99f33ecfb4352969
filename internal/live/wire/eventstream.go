package wire

import (
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/fault"
)

// EventStream is the GraphQL over Server-Sent Events Protocol in its distinct connections mode: one operation is one
// request, and the connection closes with its stream.
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
type EventStream struct{}

var _ Codec = EventStream{}

// Prefix returns nil: a stream has one operation, and needs no id.
func (EventStream) Prefix(string) []byte { return nil }

// Message appends a message as one chunk of events.
func (EventStream) Message(b []byte, _ string, _ []byte, m *Message) []byte {
	var text []byte
	if m.Position.Cursor != "" {
		// A client that reconnects sends it back in Last-Event-ID.
		text = append(append(append(text, "id: "...), m.Position.Cursor...), '\n')
	}
	switch m.Kind {
	case Next:
		text = appendEvent(text, m.Data)
	case Error:
		text = appendEvent(text, AppendRefusal(nil, m))
	}
	if m.IsLast() {
		text = append(text, completeEvent...)
	}
	return appendChunk(b, text)
}

const completeEvent = "event: complete\ndata:\n\n"

// appendEvent appends a next event. The JSON that this package encodes has no line breaks.
func appendEvent(b, data []byte) []byte {
	return append(append(append(b, "event: next\ndata: "...), data...), "\n\n"...)
}

// Heartbeat appends an empty comment.
func (EventStream) Heartbeat(b []byte) []byte { return appendChunk(b, []byte(":\n\n")) }

// CloseFrame appends the end of the stream. A client that is given a time to retry reconnects by itself. Where
// reconnecting would not help, the operation ends with an error instead.
func (EventStream) CloseFrame(b []byte, reason CloseReason) []byte {
	switch {
	case reason == Done:
	case reason.Retry > 0:
		b = appendChunk(b, fmt.Appendf(nil, "retry: %d\n: %d %s\n\n", reason.Retry.Milliseconds(), reason.Code, reason.Text))
	default:
		b = appendChunk(b, append(appendEvent(nil, AppendRefusal(nil, Refusal(&graphql.Response{Errors: gqlerror.List{reason.fault()}}))), completeEvent...))
	}
	return append(b, "0\r\n\r\n"...)
}

// fault says why a stream ends, as an error of its operation.
func (r CloseReason) fault() *gqlerror.Error {
	message, code := r.Text, fault.CodeInternal
	if r == Forbidden {
		message, code = "the API token is not valid any more: subscribe again with a valid one", fault.CodeUnauthenticated
	}
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}

// appendChunk appends a chunk (RFC 9112, section 7.1, Chunked Transfer Coding).
func appendChunk(b, text []byte) []byte {
	return append(append(fmt.Appendf(b, "%x\r\n", len(text)), text...), "\r\n"...)
}
