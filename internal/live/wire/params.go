package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
)

// DocumentID is the entry of the extensions in which ParseParams leaves the id of a registered document: the request's
// member documentId, or id as Relay's clients call it.
const DocumentID = "documentId"

// extensionsMost is how many bytes the extensions of an operation may have; closeloop reads a hash and a flag there.
const extensionsMost = 16 << 10

// ParseParams reads an operation from the payload of a subscribe message (Protocol, Subscribe) or from the body of a
// request. source names the message or the request in the error's text, with its quotes. The query may be missing where the request names
// its document, by an id or by a hash in the extensions. The caller has checked the members (checkMembers), of the whole message.
func ParseParams(source string, payload json.RawMessage) (*graphql.RawParams, error) {
	o, ok := objectOf(payload)
	if !ok {
		return nil, fmt.Errorf("the 'payload' of %s is not an object", source)
	}
	return parseObject(source, payload, o)
}

// parseObject reads an operation from an object, whose text is payload.
func parseObject(source string, payload json.RawMessage, o object) (*graphql.RawParams, error) {
	params := &graphql.RawParams{}
	id, named := documentID(o)
	switch {
	case HasLoneSurrogate(payload):
		return nil, fmt.Errorf("a text of %s has half a character: %s", source, LoneSurrogate)
	case present(o[DocumentID]) && present(o["id"]) && !bytes.Equal(o[DocumentID], o["id"]):
		return nil, fmt.Errorf("the '%s' and the 'id' of %s differ: send one of them", DocumentID, source)
	case len(o["extensions"]) > extensionsMost:
		return nil, fmt.Errorf("the 'extensions' of '%s' are longer than %d bytes", source, extensionsMost)
	case !isObject(o["extensions"], &params.Extensions):
		return nil, fmt.Errorf("the 'extensions' of %s are not an object", source)
	case !present(o["query"]) && !named && params.Extensions["persistedQuery"] == nil:
		return nil, fmt.Errorf("the 'query' of %s is missing", source)
	case present(o["query"]) && !isString(o["query"], &params.Query):
		return nil, fmt.Errorf("the 'query' of %s is not a string", source)
	case present(o["operationName"]) && !isString(o["operationName"], &params.OperationName):
		return nil, fmt.Errorf("the 'operationName' of %s is not a string", source)
	case !isObject(o["variables"], &params.Variables):
		return nil, fmt.Errorf("the 'variables' of %s are not an object", source)
	case named && id == "":
		return nil, fmt.Errorf("the '%s' of %s is not a non-empty string", DocumentID, source)
	}
	if named {
		if params.Extensions == nil {
			params.Extensions = map[string]any{}
		}
		params.Extensions[DocumentID] = id
	}
	return params, nil
}

// checkMembers returns an error where hasMemberTwice finds a member. source is as in ParseParams.
func checkMembers(source string, text []byte) error {
	if hasMemberTwice(text) {
		return fmt.Errorf("a member of %s, or of an object in it, is there twice", source)
	}
	return nil
}

// documentID returns the id of a registered document, which is empty where it is no string; false where the request names
// none.
func documentID(o object) (id string, named bool) {
	for _, name := range []string{DocumentID, "id"} {
		if raw := o[name]; present(raw) {
			_ = isString(raw, &id)
			return id, true
		}
	}
	return "", false
}

// ParseBody reads an operation from the body of a request: one JSON object and nothing after it. The error never repeats
// the body, which may hold personal data.
func ParseBody(body []byte) (*graphql.RawParams, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	body = bytes.Trim(body, " \t\r\n")
	o, ok := objectOf(body)
	if !ok {
		return nil, errors.New(`the body must be one JSON object, such as {"query": "{ viewer { user { name } } }"}`)
	}
	if err := checkMembers("the request", body); err != nil {
		return nil, err
	}
	return parseObject("the request", body, o)
}

// ParseQuery reads an operation from the query string of a GET request.
func ParseQuery(source string, values url.Values) (*graphql.RawParams, error) {
	for name, given := range values {
		switch {
		case len(given) > 1 && slices.Contains([]string{"query", "operationName", "variables", "extensions", DocumentID, "id"}, name):
			return nil, fmt.Errorf("the '%s' of %s is there twice", name, source)
		case !utf8.ValidString(given[0]):
			return nil, fmt.Errorf("%s is not UTF-8", source)
		}
	}
	o := object{}
	for _, name := range []string{"query", "operationName", DocumentID, "id"} {
		if v := values.Get(name); v != "" {
			o[name], _ = json.Marshal(v)
		}
	}
	for _, name := range []string{"variables", "extensions"} {
		if v := values.Get(name); json.Valid([]byte(v)) {
			o[name] = json.RawMessage(v)
		} else if v != "" {
			return nil, fmt.Errorf("the '%s' of %s are not one JSON object", name, source)
		}
	}
	text, _ := json.Marshal(o)
	if err := checkMembers(source, text); err != nil {
		return nil, err
	}
	return ParseParams(source, text)
}

// IsEncoded reports whether a request's body is compressed, or encoded otherwise: such a body is not read.
func IsEncoded(header http.Header) bool {
	coding := strings.TrimSpace(strings.Join(header.Values("Content-Encoding"), ","))
	return coding != "" && !strings.EqualFold(coding, "identity")
}

// Encoded says that IsEncoded refuses a body.
const Encoded = "send the body as it is, without the header Content-Encoding"
