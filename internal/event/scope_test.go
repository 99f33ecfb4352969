package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// scoped is a scope of the customers in these countries.
func (w *world) scoped(countries ...string) *filter.Scope {
	w.t.Helper()
	raw, err := json.Marshal(map[string]any{"country": map[string]any{"in": countries}})
	w.must(err)
	s, err := filter.ScopeOf(&model.User{ID: w.ann, ScopeCustomer: raw})
	w.must(err)
	return s
}

func (w *world) watchAs(l *event.Log, s *filter.Scope, q event.Request) <-chan model.CaseEvent {
	w.t.Helper()
	watched, err := taken(w.t.Context(), l, s, q, func(err error) { w.t.Error(err) })
	w.must(err)
	return watched
}

// gets reads events up to the next OPENED event, and checks their versions.
func (w *world) gets(watched <-chan model.CaseEvent, until *subject, want ...int) {
	w.t.Helper()
	var got []int
	for {
		e := w.get(watched)
		if e.CaseID == until.Case.ID {
			break
		}
		got = append(got, e.Version)
	}
	if asJSON(w.t, got) != asJSON(w.t, want) {
		w.t.Errorf("events of versions %v came, not %v", got, want)
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	t.Run("shows an event if it sees the snapshot and the case as it is now", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		german := w.watchAs(l, w.scoped("de"), request(""))
		// The state before a case entered the scope is outside the scope: a filter must not match it.
		wasFrench := w.watchAs(l, w.scoped("DE"), request(`{"or": [{"customer": {"country": {"eq": "FR"}}}, {"customer": {"company": {"isNull": true}}}]}`))
		s := w.open()
		to := func(s *subject, country string) {
			w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.move(tx, country) })
			l.Wake()
		}
		l.Wake()
		if e := w.get(german); e.Version != 1 || !e.Matches {
			t.Errorf("version %d, matches %t", e.Version, e.Matches)
		}
		to(s, "FR")
		to(s, "DE")
		if e := w.get(german); e.Version != 3 || !e.Matches {
			t.Errorf("version %d, matches %t; that it left and came is not said", e.Version, e.Matches)
		}
		end := w.open()
		w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) {
			return end.change(tx, event.Entry{Type: model.EventDetailsChanged, Changed: []string{"customer.company"}}, func(after *model.Snapshot) { after.Customer.Company = nil })
		})
		l.Wake()
		if e := w.get(wasFrench); e.CaseID != end.Case.ID {
			t.Errorf("a filter on what is outside finds version %d of the case", e.Version)
		}
		replay := request("")
		replay.After = w.start(l)
		w.gets(w.watchAs(l, w.scoped("DE"), replay), end, 1, 3)
		to(s, "FR")
		w.gets(w.watchAs(l, w.scoped("DE"), replay), end)                // the case is outside the scope now, and so are all its events
		w.gets(w.watchAs(l, w.scoped("FR", "DE"), replay), end, 1, 2, 3) // a scope of both countries sees all events
		var none *filter.Scope
		nothing := w.watchAs(l, none, replay)
		to(s, "DE")
		w.get(german)
		select {
		case e := <-nothing:
			t.Errorf("no scope is shown %+v", e.Logged())
		default:
		}
	})

	// The current state of cases is cached for readers at the head; a reader far behind reads it from the table, once a page.
	t.Run("costs no query for a live event", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		asked := func() (n int) {
			for _, sql := range counter.Statements() {
				if strings.Contains(sql, "DISTINCT ON (case_id)") {
					n++
				}
			}
			return n
		}
		l := w.follow(w.db, 0, 0)
		var watchers []<-chan model.CaseEvent
		for range 20 {
			watchers = append(watchers, w.watchAs(l, w.scoped("DE"), request("")))
		}
		s, left := w.open(), w.open()
		w.moves(left, 30)
		l.Wake()
		for _, watched := range watchers {
			for e := w.get(watched); e.CaseID != s.Case.ID; e = w.get(watched) {
				if e.Version > 1 {
					t.Fatalf("version %d of a case that is outside", e.Version)
				}
			}
		}
		if n := asked(); n != 0 {
			t.Errorf("20 watchers of live events asked the table %d times", n)
		}

		// A server with a tiny cache, and a reader from the beginning of the log.
		forgetful := w.follow(w.another(4, "forgetful"), 0, 1)
		end := w.open()
		forgetful.Wake()
		q := request("")
		q.After = w.start(forgetful)
		w.gets(w.watchAs(forgetful, w.scoped("DE"), q), end, 1)
	})

	t.Run("masks personal data", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		masked, err := filter.ScopeOf(&model.User{ID: w.ann, PersonalDataHidden: true})
		w.must(err)
		hidden, open := w.watchAs(l, masked, request("")), w.watch(l, w.bob, request(""))
		s := w.open()
		name, improvement := "Ana", "Call me."
		w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) {
			return s.change(tx, event.Entry{Type: model.EventCustomerReplied, Improvement: &improvement}, func(after *model.Snapshot) { after.Customer.FirstName = &name })
		})
		l.Wake()
		w.get(hidden)
		w.get(open)
		if e := w.get(hidden); e.Improvement != nil || e.Then.Customer.FirstName != nil || !strings.HasPrefix(e.Then.Flat().CustomerName, "Customer ") {
			t.Errorf("%+v", e)
		}
		if e := w.get(open); e.Improvement == nil || e.Then.Customer.FirstName == nil {
			t.Errorf("a viewer who sees personal data gets %+v", e)
		}
	})
}
