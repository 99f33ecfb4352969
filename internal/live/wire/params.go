package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/99designs/gqlgen/graphql"
)

// ParseParams reads an operation from the payload of a subscribe message (Protocol, Subscribe) or from the body of a
// request. source names the message or the request in the error's text.
func ParseParams(source string, payload json.RawMessage) (*graphql.RawParams, error) {
	var o object
	if !present(payload) || !isObject(payload, &o) {
		return nil, fmt.Errorf("the 'payload' of '%s' is not an object", source)
	}
	params := &graphql.RawParams{}
	switch {
	case !isString(o["query"], &params.Query):
		return nil, fmt.Errorf("the 'query' of '%s' is not a string", source)
	case present(o["operationName"]) && !isString(o["operationName"], &params.OperationName):
		return nil, fmt.Errorf("the 'operationName' of '%s' is not a string", source)
	case !isObject(o["variables"], &params.Variables):
		return nil, fmt.Errorf("the 'variables' of '%s' are not an object", source)
	case !isObject(o["extensions"], &params.Extensions):
		return nil, fmt.Errorf("the 'extensions' of '%s' are not an object", source)
	}
	return params, nil
}

// ParseBody reads an operation from the body of a request: one JSON object and nothing after it. The error never repeats
// the body, which may hold personal data.
func ParseBody(body []byte) (*graphql.RawParams, error) {
	body = bytes.TrimSpace(body)
	if !json.Valid(body) || body[0] != '{' {
		return nil, errors.New(`the body must be one JSON object, such as {"query": "{ viewer { user { name } } }"}`)
	}
	return ParseParams("the request", body)
}

// ParseQuery reads an operation from the query string of a GET request.
func ParseQuery(source string, values url.Values) (*graphql.RawParams, error) {
	o := object{}
	for _, name := range []string{"query", "operationName"} {
		if v := values.Get(name); v != "" {
			o[name], _ = json.Marshal(v)
		}
	}
	for _, name := range []string{"variables", "extensions"} {
		if v := values.Get(name); json.Valid([]byte(v)) {
			o[name] = json.RawMessage(v)
		} else if v != "" {
			o[name], _ = json.Marshal(v) // ParseParams refuses it, because it is not an object
		}
	}
	text, _ := json.Marshal(o)
	return ParseParams(source, text)
}
