package main

import (
	"encoding/json"
	"testing"

	"github.com/vektah/gqlparser/v2"

	"github.com/closeloop/closeloop/internal/querytest"
)

// An attack that is refused because of a mistake in its document measures nothing.
func TestAttacksFitTheSchema(t *testing.T) {
	t.Parallel()
	schema, err := querytest.Load("../../graph")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attacks(&facts{cases: []string{"cas"}, customers: []string{"cus"}, responses: []string{"res"}, users: []string{"usr"}, begin: "x"}) {
		var sent operation
		if a.request == nil {
			var message struct{ Payload operation }
			if err := json.Unmarshal(a.subscriptions[0], &message); err != nil {
				t.Fatalf("%s: %v", a.name, err)
			}
			sent = message.Payload
		} else {
			media, body := a.request(1)
			if media != "application/json" {
				continue // an upload
			}
			if err := json.Unmarshal(body, &sent); err != nil {
				t.Fatalf("%s: %v", a.name, err)
			}
		}
		if _, errs := gqlparser.LoadQueryWithRules(schema, sent.Query, nil); len(errs) > 0 {
			t.Errorf("%s: %.500v", a.name, errs)
		}
	}
}
