package filter_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/filter"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 30, 0, 5000, time.UTC)
	show := func(t *time.Time) string {
		if t == nil {
			return "open"
		}
		return t.Format("2006-01-02T15:04:05.999999")
	}
	for text, want := range map[string][2]string{
		`{}`:                   {"open", "open"},
		`{"status": ["OPEN"]}`: {"open", "open"},
		`{"openedAt": null}`:   {"open", "open"},
		`{"updatedAt": {"gte": "2026-01-01T00:00:00Z"}}`:                                                               {"open", "open"},
		`{"openedAt": {"isNull": false}}`:                                                                              {"open", "open"},
		`{"openedAt": {"gte": "2026-01-01T00:00:00+02:00"}}`:                                                           {"2025-12-31T22:00:00", "open"},
		`{"openedAt": {"gte": "2026-01-01T00:00:00Z", "lt": "2026-02-01T00:00:00Z"}}`:                                  {"2026-01-01T00:00:00", "2026-02-01T00:00:00"},
		`{"openedAt": {"withinLast": "P1D"}}`:                                                                          {"2026-02-28T09:30:00.000005", "2026-03-01T09:30:00.000006"},
		`{"openedAt": {"withinNext": "PT1H", "lt": "2027-01-01T00:00:00Z"}}`:                                           {"2026-03-01T09:30:00.000005", "2026-03-01T10:30:00.000006"},
		`{"and": [{"openedAt": {"gte": "2026-01-01T00:00:00Z"}}, {"openedAt": {"gte": "2026-01-02T00:00:00Z"}}]}`:      {"2026-01-02T00:00:00", "open"},
		`{"and": {"and": [{"openedAt": {"lt": "2026-01-02T00:00:00Z"}}]}, "openedAt": {"lt": "2026-01-03T00:00:00Z"}}`: {"open", "2026-01-02T00:00:00"},
		`{"or": [{"openedAt": {"gte": "2026-01-01T00:00:00Z"}}]}`:                                                      {"open", "open"},
		`{"not": {"openedAt": {"gte": "2026-01-01T00:00:00Z"}}}`:                                                       {"open", "open"},
	} {
		v, err := filter.Decode(json.RawMessage(text))
		if err != nil {
			t.Fatal(err)
		}
		f := new(filter.Case)
		if err := f.UnmarshalGQL(v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		span := f.Opened(at)
		if got := [2]string{show(span.From), show(span.To)}; got != want || span.Bounded() != (want != [2]string{"open", "open"}) {
			t.Errorf("%s is %v; want %v", text, got, want)
		}
	}
	if (*filter.Response)(nil).Responded(at).Bounded() || (*filter.Case)(nil).Opened(at).Bounded() || new(filter.Response).Responded(at).Bounded() {
		t.Error("a nil or zero filter bounds something")
	}
}

func TestWithoutResponded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`: `{}`,
		`{"score": {"gte": 3}, "respondedAt": {"gte": "2026-01-01T00:00:00Z", "lt": "2026-02-01T00:00:00Z"}}`:                                `{"score":{"gte":3}}`,
		`{"respondedAt": {"withinLast": "P1D", "isNull": false}}`:                                                                            `{"respondedAt":{"isNull":false}}`,
		`{"and": [{"respondedAt": {"withinNext": "P1D"}}, {"and": {"respondedAt": {"lt": "2026-02-01T00:00:00Z"}, "survey": {"eq": "x"}}}]}`: `{"and":[{},{"and":{"survey":{"eq":"x"}}}]}`,
		`{"or": [{"respondedAt": {"lt": "2026-02-01T00:00:00Z"}}]}`:                                                                          `{"or":[{"respondedAt":{"lt":"2026-02-01T00:00:00Z"}}]}`,
		`{"not": {"respondedAt": {"lt": "2026-02-01T00:00:00Z"}}}`:                                                                           `{"not":{"respondedAt":{"lt":"2026-02-01T00:00:00Z"}}}`,
		`{"receivedAt": {"lt": "2026-02-01T00:00:00Z"}}`:                                                                                     `{"receivedAt":{"lt":"2026-02-01T00:00:00Z"}}`,
	} {
		v, err := filter.Decode(json.RawMessage(text))
		if err != nil {
			t.Fatal(err)
		}
		f := new(filter.Response)
		if err := f.UnmarshalGQL(v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		raw := string(f.Raw())
		if got, err := f.WithoutResponded(); err != nil || string(got.Raw()) != want {
			t.Errorf("%s without bounds is %s, %v; want %s", text, got.Raw(), err, want)
		}
		if string(f.Raw()) != raw {
			t.Errorf("%s was changed to %s", raw, f.Raw())
		}
	}
	if got, err := (*filter.Response)(nil).WithoutResponded(); got != nil || err != nil {
		t.Errorf("without a filter there is one: %v, %v", got, err)
	}
}
