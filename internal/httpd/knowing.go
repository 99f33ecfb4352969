package httpd

import (
	"context"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/cost"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/rate"
)

// knowing knows whether a request is for a mutation before anything else of it is checked. A mutation by GET is refused for
// its method, whatever else is wrong with it.
type knowing struct {
	texts   documents
	parsed  parsedDocuments
	buckets *rate.Buckets
}

// IsMutation implements live.Knowing. Where the document is not known, does not parse, or costs more to read than the caller
// has left, it returns false, and the executor says what is wrong.
func (k knowing) IsMutation(ctx context.Context, params *graphql.RawParams) bool {
	text := params.Query
	if text == "" {
		var err error
		if text, err = k.texts.find(ctx, params); err != nil {
			return false
		}
	}
	if !strings.Contains(text, "mutation") {
		return false
	}
	doc, ok := k.parsed.Get(ctx, text)
	if ok {
		return mutates(doc, params.OperationName)
	}
	v, err := auth.From(ctx)
	if err != nil {
		return false
	}
	points, _ := cost.Reading(len(text), 0)
	if points > 0 {
		if _, err := k.buckets.Take(v.TokenID, points); err != nil {
			return false
		}
	}
	if checkDocument(text) == nil {
		if doc, err = parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, tokensMax); err == nil && mutates(doc, params.OperationName) {
			return true
		}
	}
	k.buckets.Settle(v.TokenID, -points) // the executor takes it when it reads the document
	return false
}

func mutates(doc *ast.QueryDocument, name string) bool {
	op := doc.Operations.ForName(name)
	return op != nil && op.Operation == ast.Mutation
}

// streams is the transport of package live, with an executor that is live.Knowing.
type streams struct {
	*live.Server
	knowing
}

type knowingExecutor struct {
	graphql.GraphExecutor
	knowing
}

var _ live.Knowing = knowingExecutor{}

// Do implements graphql.Transport.
func (s streams) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	s.Server.Do(w, r, knowingExecutor{exec, s.knowing})
}
