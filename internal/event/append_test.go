package event_test

import (
	"slices"
	"testing"

	"github.com/shopspring/decimal"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/model"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	// Filters and webhooks read the case before and after an event. Both must come back from the log unchanged, also if a
	// value was removed. Of the state before, the log stores only the parts that changed.
	t.Run("returns the case before and after as it was", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		text := func(s string) *string { return &s }
		rules := []model.RuleID{{UUID: model.NewUUID()}, {UUID: model.NewUUID()}}
		value := decimal.RequireFromString("12345678901234567890.1234")
		for name, c := range map[string]struct {
			set, do func(*model.Snapshot)
			kept    []string
		}{
			"nothing changes": {func(*model.Snapshot) {}, func(*model.Snapshot) {}, []string{"case"}}, // the version changes
			"an assignee comes": {func(*model.Snapshot) {}, func(s *model.Snapshot) {
				at := now()
				s.Case.AssigneeID, s.Case.AssignedAt, s.AssigneeName = &w.ann, &at, text("Ann")
			}, []string{"assigneeName", "case"}},
			"an assignee goes": {func(s *model.Snapshot) {
				at := now()
				s.Case.AssigneeID, s.Case.AssignedAt, s.AssigneeName = &w.ann, &at, text("Ann")
			}, func(s *model.Snapshot) {
				s.Case.AssigneeID, s.Case.AssignedAt, s.AssigneeName = nil, nil, nil
			}, []string{"assigneeName", "case"}},
			"values of the customer come": {func(*model.Snapshot) {}, func(s *model.Snapshot) {
				s.Customer.Segment, s.Customer.LifetimeValue = text("ΣΤΡΑΣΣΕ"), &value
				s.Customer.Attributes = map[string]string{"plan": "gold", "": "\u2028"}
			}, []string{"case", "customer"}},
			"values of the customer go": {func(s *model.Snapshot) {
				s.Customer.Segment, s.Customer.LifetimeValue, s.Customer.Attributes = text("A"), &value, map[string]string{"plan": "gold"}
			}, func(s *model.Snapshot) {
				s.Customer.Segment, s.Customer.LifetimeValue, s.Customer.Attributes = nil, nil, map[string]string{}
			}, []string{"case", "customer"}},
			"a response comes": {func(*model.Snapshot) {}, func(s *model.Snapshot) {
				s.Response = &model.Response{Score: 3, Comment: text("slow \U0001F994"), Drivers: []string{"price"}, RespondedAt: now()}
			}, []string{"case", "response"}},
			"a response goes, and a rule": {func(s *model.Snapshot) {
				s.Response, s.RuleIDs = &model.Response{Score: 3, RespondedAt: now()}, rules
			}, func(s *model.Snapshot) {
				s.Response, s.RuleIDs = nil, rules[:1]
			}, []string{"case", "response", "ruleIds"}},
			"themes come": {func(*model.Snapshot) {}, func(s *model.Snapshot) {
				s.Themes = []model.Theme{{ID: model.ThemeID{UUID: model.NewUUID()}, Name: "Crew", Effort: model.Hard, ResolvedAt: new(now())}}
			}, []string{"case", "themes"}},
			"a theme goes": {func(s *model.Snapshot) {
				s.Themes = []model.Theme{{Name: "Crew", Effort: model.Hard}, {Name: "Seats", Effort: model.Easy}}
			}, func(s *model.Snapshot) {
				s.Themes = s.Themes[:1:1]
			}, []string{"case", "themes"}},
		} {
			s := w.open()
			c.set(&s.Snapshot)
			r := w.from(l, w.head(l))
			before := asJSON(t, s.Snapshot)
			logged := w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) {
				return s.change(tx, event.Entry{Type: model.EventDetailsChanged, Changed: []string{"x"}}, c.do)
			})
			l.Wake()
			e := w.take(r, 1)[0]
			if asJSON(t, e.Was) != before {
				t.Errorf("%s: before, it was\n%s; the log says\n%s", name, before, asJSON(t, e.Was))
			}
			if after := asJSON(t, s.Snapshot); asJSON(t, e.Then) != after || asJSON(t, logged.Then) != after {
				t.Errorf("%s: after, it is\n%s; the log says\n%s", name, after, asJSON(t, e.Then))
			}
			kept := query[[]string](w, "SELECT jsonb_object_keys(before) FROM case_events WHERE id = ?", e.ID)
			if slices.Sort(kept); !slices.Equal(kept, c.kept) {
				t.Errorf("%s: of what was before, %v is kept; want %v", name, kept, c.kept)
			}
		}
	})

	t.Run("keeps an event as its writer records it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		r := w.from(l, nil)
		s := w.open()
		note := model.Note{ID: model.NoteID{UUID: model.NewUUID()}, CaseID: s.Case.ID, AuthorID: w.ann, Body: "called", CreatedAt: now()}
		w.must(w.db.Gorm.Create(&note).Error)
		open, progress := model.Open, model.InProgress
		entry := event.Entry{Type: model.EventStatusChanged, Actor: &w.bob, Note: &note.ID, PreviousStatus: &open, Status: &progress}
		w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) {
			return s.change(tx, entry, func(after *model.Snapshot) { after.Case.Status = model.InProgress })
		})
		l.Wake()
		events := w.take(r, 2)
		if first := events[0]; first.Was != nil || first.Type != model.EventOpened || *first.ActorID != w.ann || first.Version != 1 {
			t.Errorf("the first event is %s", asJSON(t, first))
		}
		e := events[1]
		if e.CaseID != s.Case.ID || e.Version != 2 || !e.At.Equal(s.Case.UpdatedAt) || *e.ActorID != w.bob || *e.NoteID != note.ID ||
			*e.PreviousStatus != model.Open || *e.Status != model.InProgress || e.RuleID != nil || e.AssigneeID != nil || e.Changed != nil {
			t.Errorf("%s", asJSON(t, e.Event))
		}
	})
}
