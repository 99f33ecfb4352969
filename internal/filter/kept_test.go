package filter

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

func parsed(t testing.TB, raw string) *Case {
	t.Helper()
	v, err := Decode(json.RawMessage(raw))
	if err != nil {
		t.Fatal(err)
	}
	f := new(Case)
	if err := f.UnmarshalGQL(v); err != nil {
		t.Fatal(err)
	}
	return f
}

func snapshotOf(s *Subject) *model.Snapshot {
	return &model.Snapshot{Case: *s.Case, Response: s.Response, Customer: *s.Customer, RuleIDs: s.RuleIDs, Themes: s.Themes,
		ExternalRefs: s.ExternalRefs, Outreaches: s.Outreaches}
}

func TestKept(t *testing.T) {
	t.Parallel()
	t.Run("decides as an ordinary subject does", func(t *testing.T) {
		t.Parallel()
		_, r := rounds(t)
		made := newRows(t, r)
		m := &generator{Rand: r, t: t, ids: made.ids, corpus: made.corpus}
		filters := make([]*Case, 60)
		parts := make([]any, len(filters))
		for i := range filters {
			parts[i] = m.object(caseEntity, 4)
			if i == 0 { // few random filters are dear enough to be kept
				contains := func(text string) any {
					return map[string]any{"response": map[string]any{"comment": map[string]any{"contains": text}}}
				}
				parts[i] = map[string]any{"or": []any{contains("late"), contains("seat")}}
			}
			v := parts[i]
			if i%3 > 0 { // two filters have the same parts
				v = map[string]any{[]string{"", "and", "or"}[i%3]: []any{parts[i/3], parts[i/3+1]}}
			}
			filters[i] = new(Case)
			if err := filters[i].UnmarshalGQL(v); err != nil {
				t.Fatal(err)
			}
		}
		for row := range min(len(made.cases), 8) {
			before, after := snapshotOf(made.cases[r.IntN(len(made.cases))]), snapshotOf(made.cases[row])
			then, was := Kept(after, before, moment)
			var running sync.WaitGroup
			for range 4 {
				order := r.Perm(len(filters))
				viewer := made.users[r.IntN(len(made.users))]
				running.Go(func() {
					for _, i := range order {
						if filters[i].Match(then, viewer) != filters[i].Match(Of(after, moment), viewer) {
							t.Errorf("filter %s on the case after the event", filters[i].raw)
						}
						if filters[i].Match(was, viewer) != filters[i].Match(Of(before, moment), viewer) {
							t.Errorf("filter %s on the case before the event", filters[i].raw)
						}
					}
				})
			}
			running.Wait()
			if n := len(then.kept.decided); n == 0 || n > decidedMost {
				t.Errorf("%d decisions are kept", n)
			}
		}
	})

	comment := "Nobody CALLED me back."
	snapshot := &model.Snapshot{Case: model.Case{Status: model.Open}, Response: &model.Response{Comment: &comment}}
	two := func(a, b string) string {
		return fmt.Sprintf(`{"or": [{"response": {"comment": {"contains": %q}}}, {"response": {"comment": {"contains": %q}}}]}`, a, b)
	}

	t.Run("decides equal filters, and equal parts of filters, once", func(t *testing.T) {
		t.Parallel()
		then, _ := Kept(snapshot, nil, time.Now())
		decided := func() int { return len(then.kept.decided) }
		for i, c := range []struct {
			filter string
			kept   int // decisions after it
		}{
			{two("lost", "broken"), 1},
			{two("lost", "broken"), 1},
			{`{"status": "OPEN", "and": [` + two("lost", "broken") + `]}`, 2}, // the part is the first filter
			{`{"and": [` + two("lost", "broken") + `], "status": "OPEN"}`, 2},
			{two("lost", "called"), 3},
			{`{"response": {"comment": {"contains": "called"}}}`, 3}, // decided faster than looked up
		} {
			parsed(t, c.filter).Match(then, model.UserID{})
			if decided() != c.kept {
				t.Errorf("after filter %d there are %d decisions; want %d", i, decided(), c.kept)
			}
		}
		if n := len(then.kept.texts.all); n != 1 {
			t.Errorf("%d texts are folded; want the comment, once", n)
		}
	})

	t.Run("folds a text that the event did not change once for both snapshots", func(t *testing.T) {
		t.Parallel()
		before := *snapshot
		before.Case.Status = model.InProgress
		then, was := Kept(snapshot, &before, time.Now())
		f := parsed(t, two("lost", "called me"))
		if !f.Match(then, model.UserID{}) || !f.Match(was, model.UserID{}) || len(was.kept.texts.all) != 1 {
			t.Errorf("%d texts are folded", len(was.kept.texts.all))
		}
	})

	t.Run("keeps nothing that depends on the viewer", func(t *testing.T) {
		t.Parallel()
		ann, bob := model.UserID{UUID: model.NewUUID()}, model.UserID{UUID: model.NewUUID()}
		assigned := *snapshot
		assigned.Case.AssigneeID = &ann
		then, _ := Kept(&assigned, nil, time.Now())
		for _, f := range []string{`{"mine": true, "and": [` + two("called", "lost") + `]}`, `{"not": {"mine": false, "or": [{"mine": true}, ` + two("called", "lost") + `]}}`} {
			if f := parsed(t, f); !f.Match(then, ann) || f.Match(then, bob) {
				t.Errorf("%s: %t for the assignee, %t for another", f.raw, f.Match(then, ann), f.Match(then, bob))
			}
		}
	})

	t.Run("keeps a bounded number of decisions, whole filters first", func(t *testing.T) {
		t.Parallel()
		then, _ := Kept(snapshot, nil, time.Now())
		var parts []string
		for i := range 100 {
			parts = append(parts, two(fmt.Sprint("a", i), fmt.Sprint("b", i)))
		}
		f := parsed(t, `{"or": [`+strings.Join(parts, ",")+`]}`)
		f.Match(then, model.UserID{})
		if _, ok := then.kept.decided[f.root.(*shared).identity]; !ok || len(then.kept.decided) != decidedMost/2+1 {
			t.Errorf("the whole filter is kept: %t; %d decisions are kept", ok, len(then.kept.decided))
		}
		for i := range 200 {
			parsed(t, two(fmt.Sprint("c", i), "d")).Match(then, model.UserID{})
		}
		if len(then.kept.decided) != decidedMost {
			t.Errorf("%d decisions are kept; want %d", len(then.kept.decided), decidedMost)
		}
	})
}

func TestGramsMissNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	spared := 0
	for range 300 {
		letters := 2 + r.IntN(30)
		text := make([]byte, r.IntN(3000))
		for i := range text {
			text[i] = byte('a' + r.IntN(letters))
		}
		f := folded{string(text), gramsOf(string(text))}
		for range 100 {
			needle := make([]byte, r.IntN(8))
			for i := range needle {
				needle[i] = byte('a' + r.IntN(letters))
			}
			if from := r.IntN(len(text) + 1); r.IntN(2) == 0 {
				needle = text[from:min(len(text), from+r.IntN(12))]
			}
			want := strings.Contains(f.text, string(needle))
			if got := f.contains(string(needle)); got != want {
				t.Fatalf("%q in %q: %t; want %t", needle, text, got, want)
			}
			if f.grams != nil && !f.grams.mayContain(string(needle)) {
				spared++
			}
		}
	}
	if spared < 1000 {
		t.Errorf("only %d of 30,000 searches were spared", spared)
	}
}
