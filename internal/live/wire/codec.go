package wire

import (
	"encoding/binary"
	"encoding/json"
	"slices"

	"github.com/gorilla/websocket"
)

// Codec encodes what the server sends to a peer.
type Codec interface {
	// Prefix returns the bytes that each next message of an operation begins with.
	Prefix(id string) []byte
	// Message appends a message of the operation that has this id and prefix.
	Message(b []byte, id string, prefix []byte, m *Message) []byte
	// Heartbeat appends a sign that the server is alive, and asks the peer for one where the protocol can.
	Heartbeat(b []byte) []byte
	// CloseFrame appends the reason why the connection ends.
	CloseFrame(b []byte, e CloseReason) []byte
}

// Subprotocol is a sub-protocol of WebSocket.
type Subprotocol struct {
	Name   string
	Legacy bool // the protocol is subscriptions-transport-ws

	kinds                  map[string]string // of the client's messages, by their types
	next, failed, complete string            // types of the server's messages
}

var _ Codec = (*Subprotocol)(nil)

// TransportWS returns the GraphQL over WebSocket Protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
func TransportWS() *Subprotocol {
	return &Subprotocol{
		Name: "graphql-transport-ws",
		kinds: map[string]string{
			"connection_init": TypeInit, "ping": TypePing, "pong": TypePong, "subscribe": TypeSubscribe, "complete": TypeComplete,
		},
		next: "next", failed: "error", complete: "complete",
	}
}

// SubscriptionsWS returns the older protocol, which clients of subscriptions-transport-ws use:
// https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md
func SubscriptionsWS() *Subprotocol {
	return &Subprotocol{
		Name: "graphql-ws",
		kinds: map[string]string{
			"connection_init": TypeInit, "connection_terminate": TypeTerminate, "start": TypeSubscribe, "stop": TypeComplete,
		},
		next: "data", failed: "error", complete: "complete", Legacy: true,
	}
}

// Prefix returns the bytes that each next message of an operation begins with.
func (w *Subprotocol) Prefix(id string) []byte {
	return slices.Clip(append(w.begin(nil, id, w.next), `,"payload":`...))
}

func (w *Subprotocol) begin(b []byte, id, kind string) []byte {
	quoted, _ := json.Marshal(id) // a string always encodes
	b = append(append(append(b, `{"id":`...), quoted...), `,"type":"`...)
	return append(append(b, kind...), '"')
}

// Message appends a text frame. It puts the operation's own prefix before the bytes that all subscribers share.
func (w *Subprotocol) Message(b []byte, id string, prefix []byte, m *Message) []byte {
	if m.Kind == Next {
		b = appendHeader(b, websocket.TextMessage, len(prefix)+len(m.Data)+1)
		return append(append(append(b, prefix...), m.Data...), '}')
	}
	text := w.begin(nil, id, w.complete)
	if m.Kind == Error {
		text = append(w.begin(nil, id, w.failed), `,"payload":`...)
		if w.Legacy {
			text = append(text, singleError(m.Data)...)
		} else {
			text = append(text, m.Data...)
		}
	}
	return AppendFrame(b, websocket.TextMessage, append(text, '}'))
}

// Heartbeat appends a ping frame.
func (w *Subprotocol) Heartbeat(b []byte) []byte {
	if w.Legacy {
		b = w.keepAlive(b)
	}
	return appendHeader(b, websocket.PingMessage, 0)
}

// keepAlive appends a message for clients that cannot see a ping frame and expect a message instead.
func (w *Subprotocol) keepAlive(b []byte) []byte {
	return AppendFrame(b, websocket.TextMessage, []byte(`{"type":"ka"}`))
}

// CloseFrame appends a close frame.
func (w *Subprotocol) CloseFrame(b []byte, e CloseReason) []byte {
	if w.Legacy && e == Forbidden {
		b = AppendFrame(b, websocket.TextMessage, []byte(`{"type":"connection_error","payload":{"message":"`+e.Text+`"}}`))
	}
	return AppendFrame(b, websocket.CloseMessage, e.payload())
}

// Ack returns the answer to connection_init.
func (w *Subprotocol) Ack() []byte {
	b := AppendFrame(nil, websocket.TextMessage, []byte(`{"type":"connection_ack"}`))
	if w.Legacy {
		b = w.keepAlive(b) // after the first one, the client expects one at intervals
	}
	return b
}

// Pong returns the answer to a ping with the ping's own payload, which is a parsed object or nil.
func (w *Subprotocol) Pong(payload json.RawMessage) []byte {
	b := []byte(`{"type":"pong"`)
	if payload != nil {
		b = append(append(b, `,"payload":`...), payload...)
	}
	return AppendFrame(nil, websocket.TextMessage, append(b, '}'))
}

// AppendFrame appends a frame as servers send it: not fragmented and not masked (RFC 6455, section 5.2, Base Framing Protocol).
func AppendFrame(b []byte, opcode int, payload []byte) []byte {
	return append(appendHeader(b, opcode, len(payload)), payload...)
}

func appendHeader(b []byte, opcode, length int) []byte {
	const final = 0x80
	b = append(b, final|byte(opcode))
	switch {
	case length < 126:
		return append(b, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(b, 127), uint64(length))
	}
}
