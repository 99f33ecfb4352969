package httpd

import (
	"context"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/closeloop/closeloop/internal/persisted"
	"github.com/closeloop/closeloop/model"
)

const (
	automaticBytes = 8 << 20   // of all texts that clients have sent with their hash
	automaticMost  = 128 << 10 // of one; a longer text is not kept
)

// documents finds the text of an operation that names its document instead of sending it: by an id of the registered
// documents (documentId, or id), or by its hash, the automatic persisted queries of Apollo's clients. The text is all that
// callers share: it is validated, priced and checked for the caller's role as if the caller had sent it. documents must be
// the first extension.
type documents struct {
	registered *persisted.Registry
	automatic  graphql.Cache[string] // by hash; nil: clients cannot add texts
	only       map[model.Role]bool   // roles that may use registered documents only
}

var (
	_ graphql.HandlerExtension          = documents{}
	_ graphql.OperationParameterMutator = documents{}
)

func newDocuments(o Options) documents {
	d := documents{registered: o.Registered, only: map[model.Role]bool{}}
	if !o.NoAutomatic {
		d.automatic = newCache(automaticBytes, automaticMost, func(hash, text string) int { return len(hash) + len(text) })
	}
	for _, role := range o.RegisteredOnly {
		d.only[role] = true
	}
	return d
}

// ExtensionName implements graphql.HandlerExtension.
func (documents) ExtensionName() string { return "Documents" }

// Validate implements graphql.HandlerExtension.
func (documents) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (d documents) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	text, err := d.find(ctx, params)
	if err != nil {
		return gqlerror.Wrap(err)
	}
	params.Query = text
	return nil
}

func (d documents) find(ctx context.Context, params *graphql.RawParams) (string, error) {
	v, err := auth.From(ctx)
	if err != nil {
		return "", err
	}
	q, err := persistedQueryOf(params.Extensions)
	if err != nil {
		return "", err
	}
	id, _ := params.Extensions[wire.DocumentID].(string)
	name := id
	if name == "" {
		name = q.hash
	}
	only := d.only[v.User.Role]
	if name == "" && only {
		name = persisted.Hash(params.Query)
	}
	if name != "" {
		text, ok, err := d.registered.Find(ctx, name)
		switch {
		case err != nil:
			return "", err
		case ok && params.Query != "" && params.Query != text:
			return "", fault.New(fault.CodeBadUserInput, "the query is not the registered document that the request names: leave the query out")
		case ok:
			return text, nil
		case only:
			return "", fault.New(fault.CodeDocumentNotRegistered, "your role %s may use registered documents only, and this is none", v.User.Role)
		}
	}
	switch {
	case id != "" && params.Query == "":
		return "", fault.New(fault.CodePersistedQueryNotFound, "there is no registered document with this id")
	case q.hash != "":
		return d.findAutomatic(ctx, q, params.Query)
	}
	return params.Query, nil
}

// findAutomatic answers with the messages that Apollo's link for persisted queries looks for: after NotFound it sends the
// text too, after NotSupported it sends texts only.
func (d documents) findAutomatic(ctx context.Context, q persistedQuery, query string) (string, error) {
	if d.automatic == nil || q.version != 1 {
		return "", fault.New(fault.CodePersistedQueryNotSupported, "PersistedQueryNotSupported")
	}
	if query == "" {
		text, ok := d.automatic.Get(ctx, q.hash)
		if !ok {
			return "", fault.New(fault.CodePersistedQueryNotFound, "PersistedQueryNotFound")
		}
		return text, nil
	}
	if persisted.Hash(query) != q.hash {
		return "", fault.New(fault.CodeBadUserInput, "extensions.persistedQuery.sha256Hash must be the SHA-256 of the query, in lower-case hexadecimal")
	}
	if checkDocument(query) == nil {
		d.automatic.Add(ctx, q.hash, query)
	}
	return query, nil
}

// persistedQuery is the entry "persistedQuery" of a request's extensions.
type persistedQuery struct {
	hash    string
	version float64 // 0 where it is no number
}

func persistedQueryOf(extensions map[string]any) (q persistedQuery, err error) {
	entry := extensions["persistedQuery"]
	if entry == nil {
		return q, nil
	}
	members, _ := entry.(map[string]any)
	q.hash, _ = members["sha256Hash"].(string)
	if q.hash == "" {
		return q, fault.New(fault.CodeBadUserInput, `extensions.persistedQuery must be an object such as {"version": 1, "sha256Hash": "…"}`)
	}
	version, _ := members["version"].(json.Number)
	q.version, _ = version.Float64()
	return q, nil
}
