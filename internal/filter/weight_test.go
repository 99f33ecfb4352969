package filter

import (
	"testing"
	"time"
)

func TestWeigh(t *testing.T) {
	t.Parallel()
	weigh := func(ofType, text string) Weight {
		t.Helper()
		v, err := Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		w, ok := Weigh(ofType, v, time.Now())
		if !ok {
			t.Fatalf("%s is no filter", ofType)
		}
		return w
	}

	t.Run("weighs every field of the grammar", func(t *testing.T) {
		t.Parallel()
		// What is in the table, what has an index of its own and what is elsewhere, for each type of field.
		for ofType, conditions := range map[string][]string{
			"CustomerFilter": {`{"email": {"contains": "anna"}}`, `{"attribute": {"key": "k", "value": {"eq": "v"}}}`, `{"search": "an"}`, `{"id": ["x"]}`, `{"lastContactedAt": {"isNull": true}}`},
			"ResponseFilter": {
				`{"score": {"eq": 3}}`, `{"category": ["PASSIVE"]}`, `{"comment": {"contains": "wifi"}}`, `{"drivers": {"any": ["x"]}}`, `{"themes": {"any": ["x"]}}`,
				`{"themeEffort": ["EASY"]}`, `{"quoteConsent": true}`, `{"testimonialLikelihood": {"gte": 0.5}}`, `{"respondedAt": {"withinLast": "P30D"}}`, `{"contactStatus": ["REPLIED"]}`,
				`{"hasCase": true}`, `{"attribute": {"key": "k", "value": {"contains": "v"}}}`, `{"customer": {"country": {"eq": "DE"}}}`, `{"customer": {"firstName": {"contains": "an"}}}`, `{"search": "wifi"}`,
				`{"customer": {"lifetimeValue": {"gte": "10"}}}`,
			},
			"CaseFilter": {
				`{"number": {"eq": 3}}`, `{"assigned": true}`, `{"mine": true}`, `{"overdue": true}`, `{"rule": ["x"]}`, `{"externalRef": {"system": "x"}}`,
				`{"outreach": {"channel": ["PHONE"]}}`, `{"response": {"comment": {"contains": "wifi"}}}`, `{"customer": {"email": {"eq": "a"}}}`,
			},
		} {
			for _, condition := range conditions {
				w := weigh(ofType, condition)
				if w.Read <= 0 || w.Read > 1 || w.Match <= 0 || w.Match >= 1 || w.Read == 1 && w.Row+w.Once <= 0 || w.Conditions < 1 {
					t.Errorf("%s %s weighs %+v", ofType, condition, w)
				}
			}
		}
	})

	t.Run("adds up conditions", func(t *testing.T) {
		t.Parallel()
		const a, b = `{"comment": {"contains": "abc"}}`, `{"comment": {"contains": "abd"}}`
		one, both, either, not := weigh("ResponseFilter", a), weigh("ResponseFilter", `{"and": [`+a+`, `+b+`]}`), weigh("ResponseFilter", `{"or": [`+a+`, `+b+`]}`), weigh("ResponseFilter", `{"not": `+a+`}`)
		if both.Once != 2*one.Once || either.Once != 2*one.Once || both.Match >= one.Match || either.Match <= one.Match || not.Match != 1-one.Match || not.Read != 1 || not.Once <= one.Once {
			t.Errorf("one weighs %+v, both %+v, either %+v, the opposite %+v", one, both, either, not)
		}
		if w := weigh("ResponseFilter", `{}`); w != Nothing {
			t.Errorf("an empty filter weighs %+v", w)
		}
	})

	t.Run("knows how much of a range there is", func(t *testing.T) {
		t.Parallel()
		at := func(days int) string { return time.Now().AddDate(0, 0, days).Format(time.RFC3339) }
		for condition, want := range map[string]float64{
			`{"respondedAt": {"withinLast": "P73D"}}`:                               0.2,
			`{"respondedAt": {"gte": "` + at(-73) + `"}}`:                           0.2,
			`{"respondedAt": {"gte": "` + at(-146) + `", "lt": "` + at(-73) + `"}}`: 0.2,
			`{"respondedAt": {"lt": "2001-01-01T00:00:00Z"}}`:                       0,
			`{"respondedAt": {"withinNext": "P7D"}}`:                                0,
			`{"respondedAt": {"isNull": true}}`:                                     0,
			`{"score": {"gte": 8}}`:                                                 3. / 11,
			`{"score": {"gte": 8, "lte": 3}}`:                                       0,
			`{"score": {"in": [1, 2]}}`:                                             2. / 11,
			`{"testimonialLikelihood": {"gte": 0.9}}`:                               0.1,
			`{"customer": {"lifetimeValue": {"gte": "10", "lte": "5"}}}`:            0,
		} {
			if got := weigh("ResponseFilter", condition).Match; got < want-0.01 || got > want+0.01 || got <= 0 {
				t.Errorf("%s leaves %.3f of the rows, want %.3f", condition, got, want)
			}
		}
	})

	t.Run("counts the time to plan questions to other tables", func(t *testing.T) {
		t.Parallel()
		own, other := weigh("ResponseFilter", `{"score": {"eq": 3}}`), weigh("ResponseFilter", `{"customer": {"firstName": {"eq": "ana"}}}`)
		both := weigh("ResponseFilter", `{"score": {"eq": 3}, "customer": {"firstName": {"eq": "ana"}}}`)
		if own.Plan <= 0 || other.Plan < 5*own.Plan || both.Plan != own.Plan+other.Plan {
			t.Errorf("own column %v µs, another table %v µs, both %v µs", own.Plan, other.Plan, both.Plan)
		}
		if few := other.Within(10); few.Once >= other.Once {
			t.Errorf("for ten rows it takes %v µs, for all %v µs", few.Once, other.Once)
		}
	})

	t.Run("takes what is no filter as none, and stops at the size that no filter may have", func(t *testing.T) {
		t.Parallel()
		for _, v := range []any{nil, 5, "x", []any{1}, map[string]any{"nonsense": 1, "and": 7, "or": nil, "score": "x", "comment": map[string]any{"contains": 5}}} {
			if _, ok := Weigh("ResponseFilter", v, time.Now()); !ok {
				t.Errorf("%v is not weighed", v)
			}
		}
		if _, ok := Weigh("StringFilter", map[string]any{}, time.Now()); ok {
			t.Error("a StringFilter is weighed")
		}
		deep := any(map[string]any{"score": map[string]any{"eq": 1}})
		for range 40 { // 2^40 conditions
			deep = map[string]any{"and": []any{deep, deep}}
		}
		if w, _ := Weigh("ResponseFilter", deep, time.Now()); w.Conditions > ValuesMax {
			t.Errorf("%d conditions were weighed", w.Conditions)
		}
	})
}
