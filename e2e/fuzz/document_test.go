package fuzz

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/querytest"
)

// FuzzDocument sends documents that are valid for the schema. The choices decide the document, one byte each; the
// variables replace some of those that the document asks for, whatever their types are.
func FuzzDocument(f *testing.F) {
	w := newWorld(f)
	for kind := range byte(2) {
		for role := range byte(6) {
			for seed := range byte(4) {
				f.Add([]byte{kind, role, seed}, []byte(`{}`))
			}
			f.Add([]byte{kind, role, 9}, []byte(`{"v1": null, "v2": [null], "v3": {"or": [{}]}, "v4": 1e400, "v5": "\u0000", "v6": -1, "v7": {"gte": "5"}}`))
		}
	}
	f.Fuzz(func(t *testing.T, choices, variables []byte) {
		if len(choices) < 2 {
			return
		}
		kind := []ast.Operation{ast.Query, ast.Mutation}[choices[0]%2]
		role := roleOf(choices[1])
		m := querytest.Maker{Schema: setup.Schema(), Pool: w.pool, Role: string(role), Random: rand.New(querytest.Source(choices[2:]))}
		made := m.Make(kind)
		var replaced map[string]json.RawMessage
		if json.Unmarshal(variables, &replaced) == nil {
			for name := range maps.Keys(replaced) {
				if _, asked := made.Variables[name]; asked {
					made.Variables[name] = replaced[name]
				}
			}
		}
		body, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/graphql", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+w.Tokens[role])
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode >= 500 || response.StatusCode == http.StatusUnauthorized || blamesServer(string(answer)) || !json.Valid(answer) {
			t.Errorf("status %d, %v: %.2000s\n%s", response.StatusCode, err, answer, body)
		}
		w.check(t)
	})
}
