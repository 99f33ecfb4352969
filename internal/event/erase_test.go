package event_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/model"
)

const person = "Penelope"

// named opens a case for a customer with a name, appends n more changes, and records a reply that contains the name.
func (w *world) named(n int) *subject {
	w.t.Helper()
	s := w.open()
	w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) {
		return s.change(tx, event.Entry{Type: model.EventCustomerReplied, Improvement: new("Call " + person)}, func(after *model.Snapshot) {
			after.Customer.FirstName, after.Customer.Email = new(person), new(person+"@example.com")
			after.Case.RootCause = model.Strings{person}
		})
	})
	w.moves(s, n)
	return s
}

// erase removes the personal data from the log and appends the event, as casework does.
func (w *world) erase(s *subject) (addresses []string) {
	w.t.Helper()
	at := now()
	w.must(w.db.Tx(w.t.Context(), func(tx *gorm.DB) error {
		empty := s.Snapshot
		empty.Erase(at)
		s.Snapshot = empty
		_, err := s.change(tx, event.Entry{Type: model.EventCustomerErased, Actor: &w.ann}, func(*model.Snapshot) {})
		if err == nil {
			addresses, err = event.Erase(tx, s.Case.ID, at)
		}
		return err
	}))
	return addresses
}

// textOf is everything that an event contains, as text.
func textOf(t testing.TB, e *event.Event) string {
	return asJSON(t, e.Event) + asJSON(t, e.Then) + asJSON(t, e.Was)
}

func TestErase(t *testing.T) {
	t.Parallel()
	t.Run("removes all personal data from the rows and keeps their order", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		s, other := w.named(700), w.named(1) // more events than one batch reads
		_, err := l.Stamp(t.Context())
		w.must(err)
		const order = "SELECT string_agg(id || type || version || position || at, ',' ORDER BY position) FROM case_events WHERE type <> 'CUSTOMER_ERASED'"
		const naming = "SELECT count(*) FROM case_events x WHERE x::text ILIKE '%penelope%' AND case_id = ?"
		before := query[string](w, order)
		if n := query[int](w, naming, s.Case.ID); n != 701 {
			t.Fatalf("%d events name her", n)
		}
		kept := query[int](w, naming, other.Case.ID)
		addresses := w.erase(s)
		if len(addresses) == 0 || addresses[0] != person+"@example.com" {
			t.Errorf("the addresses that were taken out: %v", addresses)
		}
		if n := query[int](w, naming, s.Case.ID); n != 0 {
			t.Errorf("%d events still name her", n)
		}
		if n := query[int](w, naming, other.Case.ID); n != kept {
			t.Errorf("%d of %d events of another customer are left", n, kept)
		}
		if after := query[string](w, order); after != before {
			t.Error("the events' order, places or times have changed")
		}
	})

	t.Run("is undone with its transaction", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.named(1)
		before := query[string](w, "SELECT md5(string_agg(x::text, ',' ORDER BY version)) FROM case_events x")
		no := context.Canceled
		err := w.db.Tx(t.Context(), func(tx *gorm.DB) error {
			if _, err := event.Erase(tx, s.Case.ID, now()); err != nil {
				return err
			}
			return no
		})
		if err != no || query[string](w, "SELECT md5(string_agg(x::text, ',' ORDER BY version)) FROM case_events x") != before {
			t.Errorf("the log has changed: %v", err)
		}
	})

	t.Run("redacts the cache of every server", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		here, there := w.follow(w.db, never, 0), w.follow(w.another(4, "there"), 20*time.Millisecond, 0)
		start := w.start(here)
		s := w.named(3)
		here.Wake()
		logs := map[string]*event.Log{"the server that is woken": here, "one that looks by itself": there}
		for name, l := range logs {
			r := w.from(l, start)
			events := w.take(r, 5)
			if all := textOf(t, events[1]); !strings.Contains(all, person) {
				t.Fatalf("%s never knew her: %s", name, all)
			}
		}
		w.erase(s)
		here.Wake()
		for name, l := range logs {
			for r, known := w.from(l, start), false; !known; { // until this server has read the erasure
				for _, e := range w.take(r, 1) {
					known = e.Type == model.EventCustomerErased
				}
			}
			for i, e := range w.take(w.from(l, start), 6) {
				if all := textOf(t, e); strings.Contains(strings.ToLower(all), strings.ToLower(person)) {
					t.Errorf("%s shows event %d with the name: %s", name, i+1, all)
				}
				if e.Then.Customer.ErasedAt == nil || int64(i+1) != *e.Position {
					t.Errorf("%s: event %d: %+v", name, i+1, e)
				}
			}
			if first, tail, counted, bytes := l.Cached(); counted != bytes || first != 1 || tail != 6 {
				t.Errorf("%s caches %d to %d, and counts %d bytes for %d", name, first, tail, counted, bytes)
			}
		}
	})

	t.Run("hides the customer from a watcher that fell behind", func(t *testing.T) {
		t.Parallel()
		for name, memory := range map[string]int{"from memory": 0, "from the table": 1} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				l := w.follow(w.db, 0, memory)
				start := w.start(l)
				s := w.named(5)
				l.Wake()
				// The watcher has read all seven events, and waits until the first is received.
				watched := w.watch(l, w.ann, event.Request{After: start})
				if first := w.get(watched); first.Type != model.EventOpened {
					t.Fatalf("first comes %s", first.Type)
				}
				after := w.watch(l, w.bob, event.Request{After: w.head(l)})
				w.erase(s)
				l.Wake()
				if e := w.get(after); e.Type != model.EventCustomerErased { // now this server has read the erasure
					t.Fatalf("%s came", e.Type)
				}
				// One event was sent to the channel before the server read the erasure; a channel cannot take it back.
				w.get(watched)
				for version := 3; version <= 8; version++ {
					e := w.get(watched)
					if e.Version != version {
						t.Fatalf("version %d came, not %d", e.Version, version)
					}
					if all := asJSON(t, e.Event) + asJSON(t, e.Then); strings.Contains(all, person) {
						t.Errorf("version %d names her: %s", version, all)
					}
				}
			})
		}
	})

	t.Run("outdates answers with a note that was redacted, and no others", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		r := w.from(l, w.start(l))
		s := w.open()
		for _, c := range []struct {
			changed  string
			outdated bool
		}{{"lossReason", false}, {event.NotesChanged, true}} {
			before := l.Revision()
			w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) {
				return s.change(tx, event.Entry{Type: model.EventDetailsChanged, Actor: &w.ann, Changed: []string{c.changed}}, func(*model.Snapshot) {})
			})
			l.Wake()
			for read := false; !read; {
				for _, e := range w.take(r, 1) {
					read = len(e.Changed) == 1 && e.Changed[0] == c.changed
				}
			}
			if outdated := l.Revision() != before; outdated != c.outdated {
				t.Errorf("after a change of %s, answers are outdated: %t", c.changed, outdated)
			}
		}
	})

	t.Run("passes every filter", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		acme := request(`{"customer": {"company": {"eq": "acme"}}}`)
		watched := w.watch(l, w.ann, acme)
		german := w.watch(l, w.ann, request(`{"customer": {"country": {"eq": "DE"}}}`, model.EventCustomerErased))
		s := w.open()
		l.Wake()
		if e := w.get(watched); e.Type != model.EventOpened || !e.Matches {
			t.Fatalf("%s came", e.Type)
		}
		w.erase(s)
		l.Wake()
		if e := w.get(watched); e.Type != model.EventCustomerErased || e.Matches || e.Then.Customer.Company != nil {
			t.Errorf("who knew the customer by the company gets %s, matches %t", e.Type, e.Matches)
		}
		if e := w.get(german); e.Type != model.EventCustomerErased || !e.Matches {
			t.Errorf("who knows the country gets %s, matches %t", e.Type, e.Matches)
		}
	})
}
