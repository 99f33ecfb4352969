package wire

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// AppendResponse encodes a response like json.Marshal does, but copies the data, which the executor has encoded already,
// instead of parsing and compacting it again.
func AppendResponse(b []byte, r *graphql.Response) ([]byte, error) {
	if r.Label != "" || r.Path != nil || r.HasNext != nil { // part of a deferred result, which is rare
		whole, err := json.Marshal(r)
		return append(b, whole...), err
	}
	b = append(b, '{')
	if len(r.Errors) > 0 { // the GraphQL specification advises to put errors first (section 7.1, Response Format)
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

// AppendErrors encodes a list of errors.
func AppendErrors(b []byte, errs gqlerror.List) []byte {
	text, err := json.Marshal(errs)
	if err != nil {
		// Only extensions can fail to encode. Without them, the client still learns what is wrong.
		bare := make(gqlerror.List, len(errs))
		for i, e := range errs {
			bare[i] = &gqlerror.Error{Message: e.Message, Path: e.Path, Locations: e.Locations}
		}
		text, _ = json.Marshal(bare)
	}
	return append(b, text...)
}

// singleError turns a list of errors into the object with a message that the older protocol has instead. The object
// contains the list, where clients look for more.
func singleError(errs []byte) []byte {
	var list []struct {
		Message json.RawMessage `json:"message"`
	}
	message := json.RawMessage(`""`)
	if err := json.Unmarshal(errs, &list); err == nil && len(list) > 0 {
		message = list[0].Message
	}
	b := append([]byte(`{"message":`), message...)
	return append(append(append(b, `,"errors":`...), errs...), '}')
}
