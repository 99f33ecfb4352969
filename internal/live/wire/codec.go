package wire

import (
	"encoding/binary"
	"encoding/json"
	"slices"

	"github.com/gorilla/websocket"
)

// protocol is how things are said to a peer.
type Codec interface {
	// head is what each next message of an operation begins with.
	Prefix(id string) []byte
	// entry adds what tells the peer of an entry.
	Message(b []byte, id string, prefix []byte, m *Message) []byte
	// alive adds what tells the peer that the server is there, and asks whether the peer is.
	Heartbeat(b []byte) []byte
	// goodbye adds what tells the peer why the connection ends.
	CloseFrame(b []byte, e CloseReason) []byte
}

// words are those of a WebSocket's sub-protocol.
type Subprotocol struct {
	Name string

	// What a client says, by what it means.
	kinds map[string]string
	// What a server says.
	next, failed, complete string

	Legacy bool
}

var _ Codec = (*Subprotocol)(nil)

// TransportWS is the GraphQL over WebSocket Protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
func TransportWS() *Subprotocol {
	return &Subprotocol{
		Name: "graphql-transport-ws",
		kinds: map[string]string{
			"connection_init": TypeInit, "ping": TypePing, "pong": TypePong, "subscribe": TypeSubscribe, "complete": TypeComplete,
		},
		next: "next", failed: "error", complete: "complete",
	}
}

// SubscriptionsWS is what came before it, and is spoken by clients of subscriptions-transport-ws:
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

func (w *Subprotocol) Prefix(id string) []byte {
	return slices.Clip(append(w.begin(nil, id, w.next), `,"payload":`...))
}

func (w *Subprotocol) begin(b []byte, id, kind string) []byte {
	quoted, _ := json.Marshal(id) // a string always encodes
	b = append(append(append(b, `{"id":`...), quoted...), `,"type":"`...)
	return append(append(b, kind...), '"')
}

// entry puts the operation's own words before the bytes that all share.
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

func (w *Subprotocol) Heartbeat(b []byte) []byte {
	if w.Legacy {
		b = w.keepAlive(b)
	}
	return appendHeader(b, websocket.PingMessage, 0)
}

// keepAlive is for clients that cannot see a ping frame and wait for a word.
func (w *Subprotocol) keepAlive(b []byte) []byte {
	return AppendFrame(b, websocket.TextMessage, []byte(`{"type":"ka"}`))
}

func (w *Subprotocol) CloseFrame(b []byte, e CloseReason) []byte {
	if w.Legacy && e == Forbidden {
		b = AppendFrame(b, websocket.TextMessage, []byte(`{"type":"connection_error","payload":{"message":"`+e.Text+`"}}`))
	}
	return AppendFrame(b, websocket.CloseMessage, e.payload())
}

// ack answers connection_init.
func (w *Subprotocol) Ack() []byte {
	b := AppendFrame(nil, websocket.TextMessage, []byte(`{"type":"connection_ack"}`))
	if w.Legacy {
		b = w.keepAlive(b) // from the first one on, the client expects them
	}
	return b
}

// pong answers a ping with its own payload, an object that was parsed before, or with none.
func (w *Subprotocol) Pong(payload json.RawMessage) []byte {
	b := []byte(`{"type":"pong"`)
	if payload != nil {
		b = append(append(b, `,"payload":`...), payload...)
	}
	return AppendFrame(nil, websocket.TextMessage, append(b, '}'))
}

// AppendFrame adds a frame as servers send it: whole, and not masked (RFC 6455, section 5.2, Base Framing Protocol).
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
