package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
)

// What a client's message means. The older protocol has other words for some of them.
const (
	typeInit      = "connection_init"
	typePing      = "ping"
	typePong      = "pong"
	typeSubscribe = "subscribe"
	typeComplete  = "complete"
	typeTerminate = "connection_terminate"
)

// serverSays are the words that only a server has.
var serverSays = map[string]bool{
	"connection_ack": true, "connection_error": true, "ka": true, "next": true, "data": true, "error": true,
}

// object is a JSON object whose members are still encoded. Unlike a struct it tells a member that is
// missing from one that is null, and does not take "Type" for "type".
type object map[string]json.RawMessage

// message is what a client sends.
type message struct {
	kind    string
	id      string             // of subscribe and complete; never empty there
	payload json.RawMessage    // of connection_init, ping and pong: an object, or nil
	params  *graphql.RawParams // of subscribe
}

// parse reads a client's message. The error's text is the reason that follows 4400 in the close frame
// (Protocol, Invalid message).
func (w *words) parse(text []byte) (message, error) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil || o == nil {
		return message{}, errors.New("the message is not a JSON object")
	}
	var m message
	var word string
	if !isString(o["type"], &word) {
		return message{}, errors.New("the message has no 'type' that is a string")
	}
	switch m.kind = w.kinds[word]; m.kind {
	case typeInit, typePing, typePong:
		if !isObject(o["payload"], nil) {
			return message{}, fmt.Errorf("the 'payload' of '%s' is not an object", word)
		}
		if present(o["payload"]) {
			m.payload = o["payload"]
		}
		return m, nil
	case typeTerminate:
		return m, nil
	case typeSubscribe, typeComplete:
		if !isString(o["id"], &m.id) || m.id == "" {
			return message{}, fmt.Errorf("'%s' has no 'id' that is a string and not empty", word)
		}
		if m.kind == typeComplete {
			return m, nil
		}
		var err error
		m.params, err = parseParams(word, o["payload"])
		return m, err
	}
	if serverSays[word] {
		return message{}, fmt.Errorf("'%s' is sent by the server only", word)
	}
	return message{}, fmt.Errorf("'%s' is not a type of message", word)
}

// parseParams reads an operation, which is the payload of a subscribe message (Protocol, Subscribe), or the body of a
// request. The error's text names what it is by the given word.
func parseParams(of string, payload json.RawMessage) (*graphql.RawParams, error) {
	var o object
	if !present(payload) || !isObject(payload, &o) {
		return nil, fmt.Errorf("the 'payload' of '%s' is not an object", of)
	}
	params := &graphql.RawParams{}
	switch {
	case !isString(o["query"], &params.Query):
		return nil, fmt.Errorf("the 'query' of '%s' is not a string", of)
	case present(o["operationName"]) && !isString(o["operationName"], &params.OperationName):
		return nil, fmt.Errorf("the 'operationName' of '%s' is not a string", of)
	case !isObject(o["variables"], &params.Variables):
		return nil, fmt.Errorf("the 'variables' of '%s' are not an object", of)
	case !isObject(o["extensions"], &params.Extensions):
		return nil, fmt.Errorf("the 'extensions' of '%s' are not an object", of)
	}
	return params, nil
}

// present says whether a member is there and not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

func isString(raw json.RawMessage, into *string) bool {
	return len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, into) == nil
}

// isObject says whether a member is an object, null or missing, and decodes it where into is not nil.
// Numbers stay as they are written: as a float64 an Int or an id would lose digits.
func isObject(raw json.RawMessage, into any) bool {
	if !present(raw) {
		return true
	}
	if raw[0] != '{' || into == nil {
		return raw[0] == '{'
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into) == nil
}
