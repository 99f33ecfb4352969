package persisted

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// The limits of a manifest.
const (
	idMax        = 200 // characters
	bodyMax      = 256 << 10
	documentsMax = 10_000 // registered at a time
)

// Document is a document and the name by which clients ask for it.
type Document struct{ ID, Body string }

// ParseManifest reads the documents of a manifest, sorted by id: either Apollo's persisted query manifest,
// {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": …, "body": …}]}, or the file that
// Relay's compiler writes, {"id": "text"}.
func ParseManifest(text []byte) ([]Document, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("the manifest is not a JSON object: %w", err)
	}
	bodies := map[string]string{}
	if _, apollo := members["operations"]; apollo && bytes.HasPrefix(bytes.TrimSpace(members["operations"]), []byte("[")) {
		var manifest struct {
			Format     string
			Version    int
			Operations []Document
		}
		if err := json.Unmarshal(text, &manifest); err != nil {
			return nil, fmt.Errorf("the manifest is not Apollo's: %w", err)
		}
		if manifest.Format != "apollo-persisted-query-manifest" || manifest.Version != 1 {
			return nil, fmt.Errorf("the manifest has the format %q, version %d; expected apollo-persisted-query-manifest, version 1", manifest.Format, manifest.Version)
		}
		for _, d := range manifest.Operations {
			if body, listed := bodies[d.ID]; listed && body != d.Body {
				return nil, fmt.Errorf("the id %q is listed twice, with different documents", d.ID)
			}
			bodies[d.ID] = d.Body
		}
	} else {
		for id, raw := range members {
			var body string
			if err := json.Unmarshal(raw, &body); err != nil {
				return nil, fmt.Errorf("the document %q is not a text: the manifest must be Apollo's, or an object of ids and texts", id)
			}
			bodies[id] = body
		}
	}
	if len(bodies) == 0 {
		return nil, errors.New("the manifest has no documents")
	}
	documents := make([]Document, 0, len(bodies))
	for _, id := range slices.Sorted(maps.Keys(bodies)) {
		documents = append(documents, Document{ID: id, Body: bodies[id]})
	}
	return documents, nil
}

// Check finds every document that does not fit the schema. Its error has a line for each.
func Check(schema *ast.Schema, documents []Document) error {
	var mistakes []error
	for _, d := range documents {
		switch n := len([]rune(d.ID)); {
		case n == 0 || n > idMax:
			mistakes = append(mistakes, fmt.Errorf("%q: an id must have from 1 to %d characters, not %d", d.ID, idMax, n))
		case len(d.Body) > bodyMax:
			mistakes = append(mistakes, fmt.Errorf("%s: a document may have at most %d bytes, not %d", d.ID, bodyMax, len(d.Body)))
		default:
			if _, err := gqlparser.LoadQueryWithRules(schema, d.Body, nil); err != nil {
				mistakes = append(mistakes, fmt.Errorf("%s: %w", d.ID, err))
			}
		}
	}
	return errors.Join(mistakes...)
}
