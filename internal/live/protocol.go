package live

import (
	"encoding/binary"
	"encoding/json"
	"slices"

	"github.com/gorilla/websocket"
)

// protocol is how things are said to a peer.
type protocol interface {
	// head is what each next message of an operation begins with.
	head(id string) []byte
	// entry adds what tells the peer of an entry.
	entry(b []byte, op *operation, e *entry) []byte
	// alive adds what tells the peer that the server is there, and asks whether the peer is.
	alive(b []byte) []byte
	// goodbye adds what tells the peer why the connection ends.
	goodbye(b []byte, e ending) []byte
}

// words are those of a WebSocket's sub-protocol.
type words struct {
	name string

	// What a client says, by what it means.
	kinds map[string]string
	// What a server says.
	next, failed, complete string

	legacy bool
}

var _ protocol = (*words)(nil)

// transportWS is the GraphQL over WebSocket Protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
func transportWS() *words {
	return &words{
		name: "graphql-transport-ws",
		kinds: map[string]string{
			"connection_init": typeInit, "ping": typePing, "pong": typePong, "subscribe": typeSubscribe, "complete": typeComplete,
		},
		next: "next", failed: "error", complete: "complete",
	}
}

// subscriptionsWS is what came before it, and is spoken by clients of subscriptions-transport-ws:
// https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md
func subscriptionsWS() *words {
	return &words{
		name: "graphql-ws",
		kinds: map[string]string{
			"connection_init": typeInit, "connection_terminate": typeTerminate, "start": typeSubscribe, "stop": typeComplete,
		},
		next: "data", failed: "error", complete: "complete", legacy: true,
	}
}

func (w *words) head(id string) []byte {
	return slices.Clip(append(w.begin(nil, id, w.next), `,"payload":`...))
}

func (w *words) begin(b []byte, id, kind string) []byte {
	quoted, _ := json.Marshal(id) // a string always encodes
	b = append(append(append(b, `{"id":`...), quoted...), `,"type":"`...)
	return append(append(b, kind...), '"')
}

// entry puts the operation's own words before the bytes that all share.
func (w *words) entry(b []byte, op *operation, e *entry) []byte {
	if e.kind == next {
		b = appendHeader(b, websocket.TextMessage, len(op.head)+len(e.data)+1)
		return append(append(append(b, op.head...), e.data...), '}')
	}
	text := w.begin(nil, op.id, w.complete)
	if e.kind == failed {
		text = append(w.begin(nil, op.id, w.failed), `,"payload":`...)
		if w.legacy {
			text = append(text, singleError(e.data)...)
		} else {
			text = append(text, e.data...)
		}
	}
	return appendFrame(b, websocket.TextMessage, append(text, '}'))
}

func (w *words) alive(b []byte) []byte {
	if w.legacy {
		b = w.keepAlive(b)
	}
	return appendHeader(b, websocket.PingMessage, 0)
}

// keepAlive is for clients that cannot see a ping frame and wait for a word.
func (w *words) keepAlive(b []byte) []byte {
	return appendFrame(b, websocket.TextMessage, []byte(`{"type":"ka"}`))
}

func (w *words) goodbye(b []byte, e ending) []byte {
	if w.legacy && e == forbidden {
		b = appendFrame(b, websocket.TextMessage, []byte(`{"type":"connection_error","payload":{"message":"`+e.reason+`"}}`))
	}
	return appendFrame(b, websocket.CloseMessage, e.frame())
}

// ack answers connection_init.
func (w *words) ack() []byte {
	b := appendFrame(nil, websocket.TextMessage, []byte(`{"type":"connection_ack"}`))
	if w.legacy {
		b = w.keepAlive(b) // from the first one on, the client expects them
	}
	return b
}

// pong answers a ping with its own payload, an object that was parsed before, or with none.
func (w *words) pong(payload json.RawMessage) []byte {
	b := []byte(`{"type":"pong"`)
	if payload != nil {
		b = append(append(b, `,"payload":`...), payload...)
	}
	return appendFrame(nil, websocket.TextMessage, append(b, '}'))
}

// appendFrame adds a frame as servers send it: whole, and not masked (RFC 6455, section 5.2, Base Framing Protocol).
func appendFrame(b []byte, opcode int, payload []byte) []byte {
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
