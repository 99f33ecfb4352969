package wire

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
)

// The kinds of a client's messages. The older protocol has other names for some of them.
const (
	TypeInit      = "connection_init"
	TypePing      = "ping"
	TypePong      = "pong"
	TypeSubscribe = "subscribe"
	TypeComplete  = "complete"
	TypeTerminate = "connection_terminate"
)

// idMax is how many bytes the id of an operation may have: the server keeps it, and repeats it in every message.
const idMax = 128

// serverTypes are the types of messages that only a server may send.
var serverTypes = map[string]bool{
	"connection_ack": true, "connection_error": true, "ka": true, "next": true, "data": true, "error": true,
}

// ClientMessage is a message that a client sends.
type ClientMessage struct {
	Kind    string
	ID      string             // of subscribe and complete; never empty there, nor longer than idMax
	Payload json.RawMessage    // of connection_init, ping and pong: an object, or nil
	Params  *graphql.RawParams // of subscribe
}

// Parse reads a client's message. The error's text becomes the text of the close frame with the code 4400 (Protocol,
// Invalid message).
func (w *Subprotocol) Parse(text []byte) (ClientMessage, error) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil || o == nil {
		return ClientMessage{}, errors.New("the message is not a JSON object")
	}
	if err := checkMembers("the message", text); err != nil {
		return ClientMessage{}, err
	}
	if HasLoneSurrogate(o["id"]) {
		return ClientMessage{}, errors.New("the message's 'id' has half a character: " + LoneSurrogate)
	}
	var m ClientMessage
	var name string
	if !isString(o["type"], &name) {
		return ClientMessage{}, errors.New("the message's 'type' is not a string")
	}
	switch m.Kind = w.kinds[name]; m.Kind {
	case TypeInit, TypePing, TypePong:
		if !isObject(o["payload"], nil) {
			return ClientMessage{}, fmt.Errorf("the 'payload' of '%s' is not an object", name)
		}
		if present(o["payload"]) {
			m.Payload = o["payload"]
		}
		return m, nil
	case TypeTerminate:
		return m, nil
	case TypeSubscribe, TypeComplete:
		if !isString(o["id"], &m.ID) || m.ID == "" {
			return ClientMessage{}, fmt.Errorf("the 'id' of '%s' is not a non-empty string", name)
		}
		if len(m.ID) > idMax {
			return ClientMessage{}, fmt.Errorf("the 'id' of '%s' is longer than %d bytes", name, idMax)
		}
		if m.Kind == TypeComplete {
			return m, nil
		}
		var err error
		m.Params, err = ParseParams("'"+name+"'", o["payload"])
		return m, err
	}
	if serverTypes[name] {
		return ClientMessage{}, fmt.Errorf("only the server may send '%s'", name)
	}
	return ClientMessage{}, fmt.Errorf("'%s' is not a type of message", name)
}
