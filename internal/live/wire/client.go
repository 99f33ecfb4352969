package wire

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
)

// What a client's message means. The older protocol has other words for some of them.
const (
	TypeInit      = "connection_init"
	TypePing      = "ping"
	TypePong      = "pong"
	TypeSubscribe = "subscribe"
	TypeComplete  = "complete"
	TypeTerminate = "connection_terminate"
)

// serverSays are the words that only a server has.
var serverSays = map[string]bool{
	"connection_ack": true, "connection_error": true, "ka": true, "next": true, "data": true, "error": true,
}

// message is what a client sends.
type ClientMessage struct {
	Kind    string
	ID      string             // of subscribe and complete; never empty there
	Payload json.RawMessage    // of connection_init, ping and pong: an object, or nil
	Params  *graphql.RawParams // of subscribe
}

// parse reads a client's message. The error's text is the reason that follows 4400 in the close frame
// (Protocol, Invalid message).
func (w *Subprotocol) Parse(text []byte) (ClientMessage, error) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil || o == nil {
		return ClientMessage{}, errors.New("the message is not a JSON object")
	}
	var m ClientMessage
	var word string
	if !isString(o["type"], &word) {
		return ClientMessage{}, errors.New("the message has no 'type' that is a string")
	}
	switch m.Kind = w.kinds[word]; m.Kind {
	case TypeInit, TypePing, TypePong:
		if !isObject(o["payload"], nil) {
			return ClientMessage{}, fmt.Errorf("the 'payload' of '%s' is not an object", word)
		}
		if present(o["payload"]) {
			m.Payload = o["payload"]
		}
		return m, nil
	case TypeTerminate:
		return m, nil
	case TypeSubscribe, TypeComplete:
		if !isString(o["id"], &m.ID) || m.ID == "" {
			return ClientMessage{}, fmt.Errorf("'%s' has no 'id' that is a string and not empty", word)
		}
		if m.Kind == TypeComplete {
			return m, nil
		}
		var err error
		m.Params, err = ParseParams(word, o["payload"])
		return m, err
	}
	if serverSays[word] {
		return ClientMessage{}, fmt.Errorf("'%s' is sent by the server only", word)
	}
	return ClientMessage{}, fmt.Errorf("'%s' is not a type of message", word)
}
