package live

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// What a server sends: GraphQL over WebSocket Protocol, Message types.

func ackMessage() []byte { return []byte(`{"type":"` + typeAck + `"}`) }

// pongMessage answers a ping with its own payload, an object that was parsed before, or with none.
func pongMessage(payload json.RawMessage) []byte {
	if payload == nil {
		return []byte(`{"type":"` + typePong + `"}`)
	}
	b := []byte(`{"type":"` + typePong + `","payload":`)
	return append(append(b, payload...), '}')
}

func completeMessage(id string) []byte { return append(head(id, typeComplete), '}') }

func errorMessage(id string, errs gqlerror.List) []byte {
	b, err := json.Marshal(errs)
	if err != nil {
		// Only extensions can fail to encode; without them the client still learns what is wrong.
		bare := make(gqlerror.List, len(errs))
		for i, e := range errs {
			bare[i] = &gqlerror.Error{Message: e.Message, Path: e.Path, Locations: e.Locations}
		}
		b, _ = json.Marshal(bare)
	}
	m := append(head(id, typeError), `,"payload":`...)
	return append(append(m, b...), '}')
}

// nextHead is what all next messages of an operation begin with.
func nextHead(id string) []byte { return append(head(id, typeNext), `,"payload":`...) }

// nextMessage puts the response behind its head.
func nextMessage(head []byte, r *graphql.Response) ([]byte, error) {
	b := make([]byte, 0, len(head)+len(r.Data)+32)
	b, err := appendResponse(append(b, head...), r)
	return append(b, '}'), err
}

// appendResponse encodes a response like json.Marshal does, but for one thing: the data, which the
// executor has encoded already, is copied and not parsed and compacted once more.
func appendResponse(b []byte, r *graphql.Response) ([]byte, error) {
	if r.Label != "" || r.Path != nil || r.HasNext != nil { // a part of a deferred result: rare
		whole, err := json.Marshal(r)
		return append(b, whole...), err
	}
	b = append(b, '{')
	if len(r.Errors) > 0 { // first, as the GraphQL specification advises (section 7.1, Response Format)
		errs, err := json.Marshal(r.Errors)
		if err != nil {
			return b, err
		}
		b = append(append(append(b, `"errors":`...), errs...), ',')
	}
	b = append(b, `"data":`...)
	if len(r.Data) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, r.Data...)
	}
	if len(r.Extensions) > 0 {
		extensions, err := json.Marshal(r.Extensions)
		if err != nil {
			return b, err
		}
		b = append(append(b, `,"extensions":`...), extensions...)
	}
	return append(b, '}'), nil
}

func head(id, kind string) []byte {
	quoted, _ := json.Marshal(id) // a string always encodes
	b := make([]byte, 0, len(quoted)+64)
	b = append(append(b, `{"id":`...), quoted...)
	return append(append(append(b, `,"type":"`...), kind...), '"')
}
