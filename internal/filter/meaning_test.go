package filter_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

var (
	now        = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	ann        = model.UserID{UUID: uuid.UUID{1}}
	bob        = model.UserID{UUID: uuid.UUID{2}}
	theId      = model.CaseID{UUID: uuid.UUID{3}}
	aRule      = model.RuleID{UUID: uuid.UUID{4}}
	nobody     = model.UserID{UUID: uuid.UUID{5}}
	aTheme     = model.ThemeID{UUID: uuid.UUID{6}}
	otherTheme = model.ThemeID{UUID: uuid.UUID{7}}
)

// subject is a case of a detractor at Café Straße, assigned to Ann, due in an hour.
func subject() *filter.Subject {
	return &filter.Subject{
		Case: &model.Case{ID: theId, Number: 7, Status: model.Open, Origin: model.OriginRule, AssigneeID: &ann, AssignedAt: at(-time.Hour),
			OpenedAt: *at(-2 * time.Hour), UpdatedAt: now, DueAt: at(time.Hour)},
		Response: &model.Response{Score: 6, RespondedAt: *at(-3 * time.Hour), Comment: text("Always LATE."), Drivers: []string{"Price", "crew"},
			TestimonialLikelihood: new(0.5)},
		Customer: &model.Customer{Email: text("ana@example.com"), Phone: text("+90 1"), Company: text("Café Straße"), Country: text("TR"), Segment: text(""),
			LifetimeValue: new(decimal.RequireFromString("10.5")), Attributes: map[string]string{"Plan": "Gold"}, NextSurveyAt: at(time.Hour)},
		RuleIDs:      []model.RuleID{aRule},
		Themes:       []model.Theme{{ID: aTheme, Effort: model.Hard}},
		ExternalRefs: []model.ExternalRef{{System: "Zendesk", ExternalID: "1"}},
		Outreaches: []model.Outreach{
			{Channel: "PHONE", Outcome: model.Reached}, {Channel: "EMAIL", Offer: new(model.OutreachOffer("VOUCHER")), Outcome: model.NoAnswer},
		},
		Now: now,
	}
}

// bare is a case without response, assignee or target, of a customer without any data.
func bare() *filter.Subject {
	return &filter.Subject{Case: &model.Case{Status: model.Open, Origin: model.OriginManual, OpenedAt: now, UpdatedAt: now},
		Customer: &model.Customer{}, Now: now}
}

func at(d time.Duration) *time.Time { t := now.Add(d); return &t }
func text(s string) *string         { return &s }

func matches(f *filter.Case) bool { return f.Match(bare(), ann) && sql(f) == "true" }

func sql(f *filter.Case) string { return f.Where(ann, now).(clause.Expr).SQL }

func sameJSON(t testing.TB, raw []byte, want string) bool {
	t.Helper()
	var a, b any
	if json.Unmarshal(raw, &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		t.Fatalf("%s or %s is no JSON", raw, want)
	}
	return reflect.DeepEqual(a, b)
}

// The rules of GRAMMAR.md, line by line. TestMatchAgreesWithSQL compares Match with SQL.
func TestGrammar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filter     string
		full, bare bool // whether it matches subject() and bare()
	}{
		{`{}`, true, true},
		{`{"and": []}`, true, true},
		{`{"or": []}`, false, false},
		{`{"or": [{}]}`, true, true},
		{`{"not": {}}`, false, false},
		{`{"not": {"status": null}}`, false, false},
		{`{"status": ["OPEN"], "origin": ["MANUAL"]}`, false, true}, // fields are joined by AND
		{`{"status": []}`, false, false},
		{`{"status": ["OPEN", "CLOSED"]}`, true, true},
		{`{"id": []}`, false, false},
		{`{"id": ["` + theId.String() + `"]}`, true, false},
		{`{"rule": ["` + aRule.String() + `"]}`, true, false},
		{`{"rule": []}`, false, false},
		{`{"assignee": ["` + ann.String() + `"]}`, true, false},
		{`{"assignee": ["` + bob.String() + `"]}`, false, false},
		{`{"not": {"assignee": ["` + bob.String() + `"]}}`, true, true},

		{`{"number": {}}`, true, true},
		{`{"number": {"eq": 7}}`, true, false},
		{`{"number": {"gte": 7, "lte": 7}}`, true, false},
		{`{"number": {"gte": 8}}`, false, false},
		{`{"number": {"lte": 6}}`, false, true},
		{`{"number": {"in": [7, 8]}}`, true, false},
		{`{"number": {"in": []}}`, false, false},

		{`{"customer": {"company": {"eq": "CAFÉ STRASSE"}}}`, true, false},
		{`{"customer": {"company": {"eq": "cafe\u0301 straße"}}}`, true, false}, // é in two code points
		{`{"customer": {"company": {"eq": "Cafe Straße"}}}`, false, false},      // accents count
		{`{"customer": {"company": {"eq": " Café Straße"}}}`, false, false},     // and so do spaces
		{`{"customer": {"company": {"in": ["x", "café STRAẞE"]}}}`, true, false},
		{`{"customer": {"company": {"in": []}}}`, false, false},
		{`{"customer": {"company": {"isNull": true}}}`, false, true},
		{`{"customer": {"company": {"isNull": false}}}`, true, false},
		{`{"not": {"customer": {"company": {"eq": "x"}}}}`, true, true}, // a missing value is not "x" either
		{`{"customer": {"not": {"company": {"eq": "x"}}}}`, true, true},
		{`{"customer": {"segment": {"eq": ""}}}`, true, false}, // an empty text is a text
		{`{"customer": {"segment": {"isNull": true}}}`, false, true},
		{`{"customer": {"country": {"eq": "tr"}}}`, true, false},
		{`{"customer": {"country": {"in": ["de", "Tr"]}}}`, true, false},
		{`{"customer": {"country": {"eq": "Turkey"}}}`, true, false},

		{`{"openedAt": {"gte": "2026-03-01T07:30:00Z"}}`, true, true},
		{`{"openedAt": {"gte": "2026-03-01T07:30:00.000001Z"}}`, false, true},
		{`{"openedAt": {"gte": "2026-03-01T07:30:00.0000009Z"}}`, true, true}, // cut to microseconds
		{`{"openedAt": {"lt": "2026-03-01T07:30:00Z"}}`, false, false},
		{`{"openedAt": {"lt": "2026-03-01T10:30:00.000001+03:00"}}`, true, false},
		{`{"openedAt": {"withinLast": "PT2H"}}`, true, true},
		{`{"openedAt": {"withinLast": "PT1H59M59.999999S"}}`, false, true},
		{`{"openedAt": {"withinNext": "PT0S"}}`, false, true},
		{`{"openedAt": {"withinNext": "P2D"}}`, false, true}, // the past is not within
		{`{"dueAt": {"withinNext": "PT1H"}}`, true, false},
		{`{"dueAt": {"withinNext": "PT59M59.999999S"}}`, false, false},
		{`{"dueAt": {"withinLast": "P2D"}}`, false, false},
		{`{"dueAt": {"isNull": true}}`, false, true},
		{`{"not": {"dueAt": {"lt": "2026-03-01T00:00:00Z"}}}`, true, true},
		{`{"closedAt": {"gte": "0001-01-01T00:00:00Z"}}`, false, false},
		{`{"firstFollowUpAt": {"isNull": true}, "closedAt": {"isNull": true}}`, true, true},
		{`{"assignedAt": {"withinLast": "PT1H"}}`, true, false},
		{`{"updatedAt": {"gte": "2026-03-01T09:30:00Z"}}`, true, true},

		{`{"assigned": true}`, true, false},
		{`{"assigned": false}`, false, true},
		{`{"mine": true}`, true, false},
		{`{"mine": false}`, false, true},
		{`{"overdue": true}`, false, false},
		{`{"overdue": false}`, true, true},

		{`{"customer": {"country": {"in": ["Türkiye", "Brazil"]}}}`, true, false},

		{`{"customer": {"company": {"contains": "FÉ STR"}}}`, true, false},
		{`{"customer": {"company": {"contains": ""}}}`, true, false}, // every text; a missing one is none
		{`{"customer": {"company": {"contains": "%"}}}`, false, false},
		{`{"customer": {"company": {"contains": "caf_"}}}`, false, false},
		{`{"customer": {"company": {"startsWith": "CAFÉ"}}}`, true, false},
		{`{"customer": {"company": {"startsWith": "straße"}}}`, false, false},
		{`{"customer": {"company": {"startsWith": ""}}}`, true, false},
		{`{"customer": {"segment": {"contains": ""}}}`, true, false},
		{`{"customer": {"segment": {"contains": "a"}}}`, false, false},
		{`{"customer": {"email": {"eq": "ANA@example.com"}}}`, true, false},
		{`{"customer": {"phone": {"startsWith": "+90"}}}`, true, false},

		{`{"customer": {"lifetimeValue": {"eq": "10.50"}}}`, true, false}, // 10.5
		{`{"customer": {"lifetimeValue": {"eq": 11}}}`, false, false},
		{`{"customer": {"lifetimeValue": {"gte": "10.5", "lte": "10.5"}}}`, true, false},
		{`{"customer": {"lifetimeValue": {"lte": "10.4999"}}}`, false, false},
		{`{"customer": {"lifetimeValue": {"isNull": true}}}`, false, true},
		{`{"customer": {"lifetimeValue": {}}}`, true, true},

		{`{"customer": {"attribute": {"key": "Plan", "value": {"eq": "GOLD"}}}}`, true, false},
		{`{"customer": {"attribute": {"key": "plan", "value": {"eq": "gold"}}}}`, false, false}, // keys are not folded
		{`{"customer": {"attribute": {"key": "plan", "value": {"isNull": true}}}}`, true, true},
		{`{"customer": {"attribute": {"key": "Plan", "value": {"isNull": false}}}}`, true, false},
		{`{"customer": {"attribute": {"key": "Plan", "value": {}}}}`, true, true},
		{`{"customer": {"not": {"attribute": {"key": "x", "value": {"contains": ""}}}}}`, true, true},
		{`{"customer": {"lastContactedAt": {"isNull": true}, "nextSurveyAt": {"withinNext": "P1D"}}}`, true, false},

		{`{"response": {"comment": {"contains": "late"}}}`, true, false},
		{`{"response": {"survey": {"isNull": true}}}`, true, false},
		{`{"response": {"drivers": {"any": ["PRICE", "x"]}}}`, true, false},
		{`{"response": {"drivers": {"any": []}}}`, false, false},
		{`{"response": {"drivers": {"all": ["price", "Crew"]}}}`, true, false},
		{`{"response": {"drivers": {"all": ["price", "x"]}}}`, false, false},
		{`{"response": {"drivers": {"all": []}}}`, true, false},
		{`{"response": {"drivers": {"none": ["x"]}}}`, true, false},
		{`{"response": {"drivers": {"none": ["CREW"]}}}`, false, false},
		{`{"response": {"drivers": {"none": []}}}`, true, false},
		{`{"response": {"themes": {"any": ["` + aTheme.String() + `"]}}}`, true, false},
		{`{"response": {"themes": {"all": ["` + aTheme.String() + `", "` + otherTheme.String() + `"]}}}`, false, false},
		{`{"response": {"themes": {"all": ["` + aTheme.String() + `", "` + aTheme.String() + `"]}}}`, true, false},
		{`{"response": {"themes": {"none": ["` + otherTheme.String() + `"]}}}`, true, false},
		{`{"response": {"themeEffort": ["EASY", "HARD"]}}`, true, false},
		{`{"response": {"themeEffort": ["MEDIUM"]}}`, false, false},
		{`{"response": {"quoteConsent": true}}`, false, false}, // the customer was not asked
		{`{"response": {"quoteConsent": false}}`, false, false},
		{`{"response": {"not": {"quoteConsent": true}}}`, true, false},
		{`{"response": {"testimonialLikelihood": {"gte": 0.5, "lte": 0.5}}}`, true, false},
		{`{"response": {"testimonialLikelihood": {"gte": 0.50000001}}}`, false, false},
		{`{"response": {"testimonialLikelihood": {"lte": 1}}}`, true, false},
		{`{"response": {"testimonialLikelihood": {"isNull": true}}}`, false, false},
		{`{"response": {"contactStatus": ["NOT_CONTACTED"]}}`, true, false},
		{`{"response": {"hasCase": true}}`, true, false},
		{`{"response": {"hasCase": false}}`, false, false},

		{`{"externalRef": {}}`, true, false}, // any at all
		{`{"externalRef": {"system": "Zendesk"}}`, true, false},
		{`{"externalRef": {"system": "zendesk"}}`, false, false}, // systems are not folded
		{`{"externalRef": {"system": "Zendesk", "id": "2"}}`, false, false},
		{`{"externalRef": {"system": null, "id": "1"}}`, true, false},
		{`{"not": {"externalRef": {}}}`, false, true},
		{`{"outreach": {}}`, true, false},
		{`{"outreach": {"channel": ["PHONE"], "outcome": ["REACHED"]}}`, true, false},
		{`{"outreach": {"channel": ["EMAIL"], "outcome": ["REACHED"]}}`, false, false}, // one outreach must meet all of it
		{`{"outreach": {"offer": ["VOUCHER"]}}`, true, false},
		{`{"outreach": {"offer": []}}`, false, false},
		{`{"outreach": {"channel": ["PHONE"], "offer": ["VOUCHER"]}}`, false, false}, // the outreach by phone had no offer
		{`{"outreach": {"channel": null, "outcome": "NO_ANSWER"}}`, true, false},
		{`{"firstContactAt": {"isNull": true}}`, true, true},

		{`{"response": {}}`, true, false}, // a case without a response never matches
		{`{"response": {"not": {"score": {"eq": 0}}}}`, true, false},
		{`{"not": {"response": {"score": {"eq": 0}}}}`, true, true},
		{`{"not": {"response": {}}}`, false, true},
		{`{"response": {"or": []}}`, false, false},
		{`{"response": {"score": {"gte": 6}, "category": ["DETRACTOR"]}}`, true, false},
		{`{"response": {"category": ["PASSIVE", "PROMOTER"]}}`, false, false},
		{`{"response": {"contactRequested": false}}`, true, false},
		{`{"response": {"respondedAt": {"withinLast": "PT3H"}}}`, true, false},
		{`{"response": {"customer": {"country": {"eq": "TR"}}}}`, true, false},
		{`{"response": {"customer": {"country": {"isNull": true}}}}`, false, false},
	} {
		f, err := read(t, c.filter)
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		if got := f.Match(subject(), ann); got != c.full {
			t.Errorf("%s on the full case: %t", c.filter, got)
		}
		if got := f.Match(bare(), ann); got != c.bare {
			t.Errorf("%s on the bare case: %t", c.filter, got)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	t.Run("eq compares folded texts", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			a, b string
			same bool
		}{
			{"straße", "STRASSE", true}, {"STRAẞE", "strasse", true}, {"É", "e\u0301", true}, {"É", "e", false}, {"a", "a ", false},
			{"İ", "i\u0307", true}, {"İ", "i", false}, {"I", "i", true}, {"ı", "i", false}, {"ı", "I", false}, {"ς", "Σ", true},
			{"ﬁ", "FI", true}, {"\u212b", "å", true}, {"가", "\u1100\u1161", true}, {"", " ", false},
		} {
			f := new(filter.Case)
			if err := f.UnmarshalGQL(map[string]any{"customer": map[string]any{"company": map[string]any{"eq": c.a}}}); err != nil {
				t.Fatal(err)
			}
			s := subject()
			if s.Customer.Company = &c.b; f.Match(s, ann) != c.same {
				t.Errorf("%q and %q: %t", c.a, c.b, !c.same)
			}
		}
	})

	t.Run("startsWith and contains compare code points", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			part, text       string
			begins, contains bool
		}{
			{"e", "é", false, false}, {"e", "e\u0332", true, true}, {"E\u0301", "éa", true, true}, {"\u0332", "e\u0332", false, true}, {"s", "ß", true, true},
			{"ΣΑΣ", "σας", true, true}, {"ς", "aΣ", false, true}, {"\U0010ffff", "\U0010ffffa", true, true}, {"\ud7ff", "\ue000", false, false}, {`\`, `\%`, true, true},
			{"%", "a%", false, true}, {"_", "a", false, false}, {"", "", true, true},
		} {
			for op, want := range map[string]bool{"startsWith": c.begins, "contains": c.contains} {
				f := new(filter.Case)
				if err := f.UnmarshalGQL(map[string]any{"customer": map[string]any{"company": map[string]any{op: c.part}}}); err != nil {
					t.Fatal(err)
				}
				s := subject()
				if s.Customer.Company = &c.text; f.Match(s, ann) != want {
					t.Errorf("%q %s %q: %t", c.text, op, c.part, !want)
				}
			}
		}
	})
}
