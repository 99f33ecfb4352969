package event_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// note adds a note to the case, with its event.
func (w *world) note(s *subject, body string) *model.Note {
	w.t.Helper()
	n := &model.Note{ID: model.NoteID{UUID: model.NewUUID()}, CaseID: s.Case.ID, AuthorID: w.ann, Body: body, CreatedAt: now()}
	w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) {
		if err := tx.Create(n).Error; err != nil {
			return nil, err
		}
		return s.change(tx, event.Entry{Type: model.EventNoteAdded, Actor: &w.ann, Note: &n.ID}, func(*model.Snapshot) {})
	})
	return n
}

func TestNotesOfNews(t *testing.T) {
	t.Parallel()

	t.Run("are read with them, for a second", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		stamps, reads := w.follow(w.db, never, 0), w.follow(w.another(4, "reads"), never, 0)
		w.listening(2)
		for _, l := range []*event.Log{stamps, reads} {
			r := w.from(l, w.head(l))
			s := w.open()
			n := w.note(s, "Called.")
			stamps.Wake()
			events := w.take(r, 2)
			if events[0].NoteAt(time.Now()) != nil {
				t.Error("an event without a note has one")
			}
			began := time.Now()
			if got := events[1].NoteAt(began.Add(-time.Hour)); got == nil || got.ID != n.ID || got.Body != n.Body || got.AuthorID != w.ann {
				t.Errorf("the note is %+v", got)
			}
			if got := events[1].NoteAt(began.Add(time.Second + time.Millisecond)); got != nil {
				t.Errorf("after more than a second it is still %+v", got)
			}
		}
	})

	t.Run("are forgotten when one is redacted, and the new text is read", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		start := w.start(l)
		r := w.from(l, start)
		s := w.open()
		n := w.note(s, "Secret.")
		l.Wake()
		w.take(r, 2)
		w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) {
			if err := tx.Model(n).Update("body", "Redacted.").Error; err != nil {
				return nil, err
			}
			return s.change(tx, event.Entry{Type: model.EventDetailsChanged, Changed: []string{event.NotesChanged}}, func(*model.Snapshot) {})
		})
		l.Wake()
		w.take(r, 1)
		for _, e := range w.take(w.from(l, start), 3) {
			if got := e.NoteAt(time.Time{}); got != nil {
				t.Errorf("version %d keeps %+v", e.Version, got)
			}
		}
	})

	t.Run("are not for viewers whom a scope restricts, or from whom personal data is hidden", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		hidden, err := filter.ScopeOf(&model.User{ID: w.bob, PersonalDataHidden: true})
		w.must(err)
		all := w.watch(l, w.ann, event.Request{})
		others := []<-chan model.CaseEvent{w.watchAs(l, w.scoped("DE"), event.Request{}), w.watchAs(l, hidden, event.Request{})}
		s := w.open()
		for shown := false; !shown; { // a watcher that takes more than a second is not shown the note
			n := w.note(s, "Called.")
			l.Wake()
			until := func(watched <-chan model.CaseEvent) *model.LoggedEvent {
				for {
					if e := w.get(watched); e.Version == s.Case.Version {
						return e
					}
				}
			}
			got := until(all).ReadNote
			shown = got != nil
			if shown && got.ID != n.ID {
				t.Errorf("the note is %+v", got)
			}
			for _, watched := range others {
				if e := until(watched); e.ReadNote != nil {
					t.Errorf("a viewer with a scope gets %+v", e.ReadNote)
				}
			}
		}
	})
}
