package rule_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// subject is a stored response with everything that a rule may look at, as it was when it was received.
type subject struct {
	response model.Response
	customer model.Customer
	themes   []model.Theme
	hasCase  bool
}

// TestPreviewAgreesWithMatch matches random rules with random responses. The preview's SQL must choose the responses that
// Match chooses when they are received, although some of them were followed up later. CLOSELOOP_RULES sets the number of
// rules; CLOSELOOP_SEED repeats an earlier run.
func TestPreviewAgreesWithMatch(t *testing.T) {
	t.Parallel()
	n, seed := int(environment(t, "CLOSELOOP_RULES", 300)), environment(t, "CLOSELOOP_SEED", uint64(time.Now().UnixNano()))
	t.Logf("CLOSELOOP_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	subjects := w.subjects(r)
	matched, pairs := 0, 0
	for range n {
		in := randomRule(t, r)
		got := w.agrees(in, subjects)
		if t.Failed() {
			return
		}
		matched, pairs = matched+got, pairs+len(subjects)
	}
	t.Logf("%d of %d pairs matched", matched, pairs)
	if matched < pairs/20 || matched > pairs*9/10 {
		t.Errorf("too few or too many pairs match to find a mistake: %d of %d", matched, pairs)
	}
}

// agrees compares PostgreSQL and Go on one rule, and returns how many responses match.
func (w *world) agrees(in rule.CreateRuleInput, subjects []subject) (matched int) {
	w.T.Helper()
	stored := model.Rule{Enabled: true, Scores: in.Scores, ContactRequested: in.ContactRequested, OpensCase: true}
	if in.Filter != nil {
		stored.Filter = in.Filter.Raw()
	}
	query, err := rule.Where(w.DB.Gorm.Model(&model.Response{}), &stored, w.Time)
	if err != nil {
		w.T.Fatal(err)
	}
	var ids []uuid.UUID
	if err := query.Pluck("id", &ids).Error; err != nil {
		w.T.Fatal(err)
	}
	compiled := compile(w.T, stored)
	opened, byCategory := 0, map[model.Category]int{}
	for i := range subjects {
		s := &subjects[i]
		inGo := len(rule.Match(compiled, &s.response, &s.customer, w.Time, s.themes...).Matched) == 1
		if inSQL := slices.Contains(ids, s.response.ID.UUID); inGo != inSQL {
			w.T.Errorf("rule %+v with the filter %s on response %s: Go says %t, PostgreSQL %t", in, stored.Filter, s.response.ID, inGo, inSQL)
		}
		if inGo {
			matched++
			byCategory[s.response.Category]++
			if !s.hasCase {
				opened++
			}
		}
	}
	preview, err := w.rules.Preview(w.T.Context(), w.Admin, in, time.Time{})
	if err != nil {
		w.T.Fatal(err)
	}
	if preview.Matched != matched || preview.CasesOpened != opened || len(preview.Sample) != min(matched, 10) {
		w.T.Errorf("rule %+v with the filter %s: the preview counts %d matched and %d opened, Go %d and %d", in, stored.Filter, preview.Matched, preview.CasesOpened, matched, opened)
	}
	for _, c := range preview.ByCategory {
		if c.Count != byCategory[c.Category] {
			w.T.Errorf("rule %+v with the filter %s: the preview counts %d of %s, Go %d", in, stored.Filter, c.Count, c.Category, byCategory[c.Category])
		}
	}
	return matched
}

// subjects writes responses, of which about half were followed up, and returns them as they were when they were received.
func (w *world) subjects(r *rand.Rand) (made []subject) {
	w.T.Helper()
	create := func(row any) {
		w.T.Helper()
		if err := w.DB.Gorm.Omit(clause.Associations).Create(row).Error; err != nil {
			w.T.Fatal(err)
		}
	}
	var themes []model.Theme
	for i, effort := range []model.Effort{model.Easy, model.Medium, model.Hard, model.Hard} {
		themes = append(themes, model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Name: strconv.Itoa(i), NameFold: strconv.Itoa(i), Keywords: model.Strings{}, Effort: effort, CreatedAt: worktest.Start, UpdatedAt: worktest.Start})
		create(&themes[i])
	}
	for range 60 {
		c := model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Company: maybe(r, texts...), Segment: maybe(r, texts...), Country: maybe(r, "BR", "DE"),
			Email: maybe(r, "a@x.example", "B@x.example"), Attributes: map[string]string{}, NextSurveyAt: maybe(r, times...), CreatedAt: worktest.Start}
		row := c.Row()
		create(row)
		x := model.Response{ID: model.ResponseID{UUID: model.NewUUID()}, CustomerID: c.ID, Score: r.IntN(11), ContactRequested: r.IntN(2) == 0, Survey: maybe(r, texts...),
			Comment: maybe(r, texts...), QuoteConsent: maybe(r, true, false), Drivers: []string{}, Attributes: map[string]string{}, ContactStatus: model.NotContacted,
			RespondedAt: times[r.IntN(len(times))], ReceivedAt: times[r.IntN(len(times))]}
		if d := maybe(r, texts...); d != nil {
			x.Drivers = []string{*d}
		}
		x.CopyCustomer(&row.Customer)
		x.Category = model.CategoryOf(x.Score)
		s := subject{response: x, customer: row.Customer, hasCase: r.IntN(2) == 0}
		if s.hasCase {
			x.ContactStatus = []model.ContactStatus{model.NotContacted, model.Contacted, model.Replied}[r.IntN(3)]
		}
		create(x.Row())
		if texts := x.Texts(); texts != nil {
			create(texts)
		}
		for _, theme := range themes {
			if r.IntN(3) == 0 {
				create(&model.Tag{ResponseID: x.ID, ThemeID: theme.ID})
				s.themes = append(s.themes, theme)
			}
		}
		if s.hasCase {
			opened := &model.Case{ID: model.CaseID{UUID: model.NewUUID()}, Origin: model.OriginRule, CustomerID: c.ID, ResponseID: &x.ID, Status: model.Open,
				OpenedAt: worktest.Start, UpdatedAt: worktest.Start, Version: 1}
			opened.CopyCustomer(&row.Customer)
			opened.CopyResponse(&x)
			create(opened)
		}
		made = append(made, s)
	}
	return made
}

var (
	texts = []string{"Acme", "ACME", "", "Straße", "strasse", "a_b", "100%", "İstanbul", "the crew was late"}
	times = []time.Time{worktest.Start, worktest.Start.Add(-time.Hour), worktest.Start.Add(-time.Hour - time.Microsecond), worktest.Start.Add(-48 * time.Hour), worktest.Start.Add(time.Hour)}
)

func maybe[T any](r *rand.Rand, from ...T) *T {
	if r.IntN(4) == 0 {
		return nil
	}
	return &from[r.IntN(len(from))]
}

func environment(t *testing.T, name string, without uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return without
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func randomRule(t *testing.T, r *rand.Rand) rule.CreateRuleInput {
	t.Helper()
	in := rule.CreateRuleInput{Name: "tried", OpensCase: true}
	if r.IntN(3) == 0 {
		for score := range 11 {
			if r.IntN(2) == 0 {
				in.Scores = append(in.Scores, score)
			}
		}
	}
	if r.IntN(3) == 0 {
		in.ContactRequested = new(r.IntN(2) == 0)
	}
	if r.IntN(6) > 0 {
		raw, err := json.Marshal(randomFilter(r, 3))
		if err != nil {
			t.Fatal(err)
		}
		in.Filter = filtered(t, string(raw))
	}
	return in
}

// randomFilter makes a filter that a rule may store: without null and without an empty object.
func randomFilter(r *rand.Rand, depth int) map[string]any {
	if depth > 0 && r.IntN(3) == 0 {
		word := []string{"and", "or", "not"}[r.IntN(3)]
		if word == "not" {
			return map[string]any{word: randomFilter(r, depth-1)}
		}
		list := []any{randomFilter(r, depth-1), randomFilter(r, depth-1)}
		return map[string]any{word: list[:1+r.IntN(2)]}
	}
	text := func() map[string]any {
		word := texts[r.IntN(len(texts))]
		return []map[string]any{{"eq": word}, {"contains": word}, {"startsWith": word}, {"in": []string{word, "acme"}}, {"isNull": r.IntN(2) == 0}}[r.IntN(5)]
	}
	when := func() map[string]any {
		at := times[r.IntN(len(times))].Format(time.RFC3339Nano)
		return []map[string]any{{"gte": at}, {"lt": at}, {"withinLast": "PT1H"}, {"withinNext": "PT1H"}}[r.IntN(4)]
	}
	leaves := []func() (string, any){
		func() (string, any) { return "score", map[string]any{"gte": r.IntN(11)} },
		func() (string, any) { return "score", map[string]any{"in": []int{r.IntN(11), r.IntN(11)}} },
		func() (string, any) { return "category", []string{"DETRACTOR", "PASSIVE", "PROMOTER"}[r.IntN(3):] },
		func() (string, any) { return "comment", text() },
		func() (string, any) { return "survey", text() },
		func() (string, any) {
			return "drivers", map[string]any{[]string{"any", "all", "none"}[r.IntN(3)]: []string{texts[r.IntN(len(texts))]}}
		},
		func() (string, any) { return "contactRequested", r.IntN(2) == 0 },
		func() (string, any) { return "quoteConsent", r.IntN(2) == 0 },
		func() (string, any) { return "hasCase", r.IntN(2) == 0 },
		func() (string, any) {
			return "contactStatus", []string{"NOT_CONTACTED", "CONTACTED", "REPLIED"}[r.IntN(3):]
		},
		func() (string, any) { return "themeEffort", []string{"EASY", "MEDIUM", "HARD"}[r.IntN(3):] },
		func() (string, any) { return "respondedAt", when() },
		func() (string, any) { return "receivedAt", when() },
		func() (string, any) { return "customer", map[string]any{"company": text()} },
		func() (string, any) { return "customer", map[string]any{"segment": text(), "email": text()} },
		func() (string, any) { return "customer", map[string]any{"country": map[string]any{"eq": "br"}} },
		func() (string, any) { return "customer", map[string]any{"nextSurveyAt": when()} },
	}
	made := map[string]any{}
	for range 1 + r.IntN(2) {
		name, v := leaves[r.IntN(len(leaves))]()
		made[name] = v
	}
	return made
}
