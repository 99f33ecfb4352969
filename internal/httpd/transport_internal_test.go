package httpd

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	graphqlexecutor "github.com/99designs/gqlgen/graphql/executor"

	"github.com/closeloop/closeloop/graph"
)

func TestExecuteWritesNothingToAClientThatHasGone(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"stays": `{"data":{"__typename":"Query"}}`, "has gone": ""} {
		ctx, cancel := context.WithCancel(graphql.StartOperationTrace(t.Context()))
		defer cancel()
		if name == "has gone" {
			cancel()
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", http.NoBody)
		execute(w, r, graphqlexecutor.New(graph.NewExecutableSchema(graph.Config{Schema: graph.Schema()})), &graphql.RawParams{Query: "{__typename}"}, mediaJSON)
		if got := w.Body.String(); got != want {
			t.Errorf("a client that %s gets %q, want %q", name, got, want)
		}
	}
}
