package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// patience is how long a test waits for something that must happen. Only a failing test waits that long, so the time is
// ample for a busy machine.
const patience = 2 * time.Minute

// never is a read interval that never passes: events then arrive only by notifications.
const never = time.Hour

// world is a database with two users, and the logs that work on it.
type world struct {
	t        testing.TB
	db       *pg.DB
	ann, bob model.UserID
}

func newWorld(t testing.TB, opts ...pgtest.Option) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.New(t, opts...)}
	for name, id := range map[string]*model.UserID{"Ann": &w.ann, "Bob": &w.bob} {
		u := model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: name, Email: name + "@example.com", Role: model.Agent, Active: true, CreatedAt: now()}
		u.Fold()
		w.must(w.db.Gorm.Create(&u).Error)
		*id = u.ID
	}
	return w
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// another is a second pool on the same database, like that of another server; name is its application_name.
func (w *world) another(conns int32, name string) *pg.DB {
	w.t.Helper()
	url, err := url.Parse(pgtest.URL(w.t, w.db))
	w.must(err)
	params := url.Query()
	params.Set("application_name", name)
	url.RawQuery = params.Encode()
	db, err := pg.Connect(context.Background(), url.String(), pg.Options{MaxConns: conns})
	w.must(err)
	w.t.Cleanup(func() { _ = db.Close() })
	return db
}

// follow makes a log that follows; see event.Log.Tune.
func (w *world) follow(db *pg.DB, lookEvery time.Duration, cacheBytes int) *event.Log {
	l := event.New(db, slog.New(slog.DiscardHandler))
	l.Tune(lookEvery, cacheBytes)
	l.Follow()
	w.t.Cleanup(l.Close)
	<-l.Started()
	return l
}

// log makes a log that does not follow.
func (w *world) log() *event.Log {
	l := event.New(w.db, slog.New(slog.DiscardHandler))
	w.t.Cleanup(l.Close)
	return l
}

// subject is a case of the tests: its row has only the required columns, its snapshot everything.
type subject struct {
	model.Snapshot
}

// open opens a case for a customer in Germany, in a transaction of its own.
func (w *world) open() *subject {
	w.t.Helper()
	var s *subject
	w.must(w.db.Tx(w.t.Context(), func(tx *gorm.DB) (err error) {
		s, err = w.openIn(tx)
		return err
	}))
	return s
}

func (w *world) openIn(tx *gorm.DB) (*subject, error) {
	at, country, company := now(), "DE", "Acme"
	s := new(subject)
	s.Customer = model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Country: &country, Company: &company, Attributes: map[string]string{}, CreatedAt: at}
	s.Customer.Fold()
	if err := tx.Create(&s.Customer).Error; err != nil {
		return nil, err
	}
	s.Case = model.Case{ID: model.CaseID{UUID: model.NewUUID()}, Status: model.Open, Origin: model.OriginManual, OpenedByID: &w.ann,
		CustomerID: s.Customer.ID, OpenedAt: at, UpdatedAt: at, Version: 1}
	if err := tx.Omit(clause.Associations).Create(&s.Case).Error; err != nil {
		return nil, err
	}
	_, err := event.Append(tx, event.Entry{Type: model.EventOpened, Actor: &w.ann, After: &s.Snapshot})
	return s, err
}

// change changes a case as casework does: it locks the row, increments the version, and appends an event.
func (s *subject) change(tx *gorm.DB, e event.Entry, do func(*model.Snapshot)) (*model.LoggedEvent, error) {
	var version int
	if err := tx.Raw("SELECT version FROM cases WHERE id = ? FOR UPDATE", s.Case.ID).Scan(&version).Error; err != nil {
		return nil, err
	}
	before, after := s.Snapshot, s.Snapshot
	do(&after)
	after.Case.Version, after.Case.UpdatedAt = version+1, now()
	if err := tx.Exec("UPDATE cases SET version = ?, updated_at = ? WHERE id = ?", after.Case.Version, after.Case.UpdatedAt, s.Case.ID).Error; err != nil {
		return nil, err
	}
	e.Before, e.After = &before, &after
	logged, err := event.Append(tx, e)
	if err == nil {
		s.Snapshot = after
	}
	return logged, err
}

// move gives the customer another country.
func (s *subject) move(tx *gorm.DB, country string) (*model.LoggedEvent, error) {
	return s.change(tx, event.Entry{Type: model.EventDetailsChanged, Changed: []string{"customer.country"}}, func(after *model.Snapshot) {
		after.Customer.Country = &country
	})
}

// give assigns the case; a nil user unassigns it.
func (s *subject) give(tx *gorm.DB, to *model.UserID) (*model.LoggedEvent, error) {
	return s.change(tx, event.Entry{Type: model.EventAssigned, PreviousAssignee: s.Case.AssigneeID, Assignee: to}, func(after *model.Snapshot) {
		after.Case.AssigneeID = to
	})
}

// write runs a transaction, and returns the event that it appended.
func (w *world) write(do func(tx *gorm.DB) (*model.LoggedEvent, error)) *model.LoggedEvent {
	w.t.Helper()
	var logged *model.LoggedEvent
	w.must(w.db.Tx(w.t.Context(), func(tx *gorm.DB) (err error) {
		logged, err = do(tx)
		return err
	}))
	return logged
}

// moves appends n events to the case, in one transaction.
func (w *world) moves(s *subject, n int) {
	w.t.Helper()
	w.must(w.db.Tx(w.t.Context(), func(tx *gorm.DB) error {
		for i := range n {
			if _, err := s.move(tx, fmt.Sprintf("%c%c", 'A'+i/26%26, 'A'+i%26)); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (w *world) exec(sql string, vars ...any) {
	w.t.Helper()
	w.must(w.db.Gorm.Exec(sql, vars...).Error)
}

func query[V any](w *world, sql string, vars ...any) V {
	w.t.Helper()
	var v V
	w.must(w.db.Gorm.Raw(sql, vars...).Scan(&v).Error)
	return v
}

// until polls PostgreSQL until a condition is true.
func (w *world) until(what, sql string, vars ...any) {
	w.t.Helper()
	for end := time.Now().Add(patience); ; {
		if query[bool](w, sql, vars...) {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("in vain: %s", what)
		}
		time.Sleep(5 * time.Millisecond) // without a pause, polling would slow down what it waits for
	}
}

// from returns a reader that starts after the cursor, or at the head.
func (w *world) from(l *event.Log, after *string) *event.Reader {
	w.t.Helper()
	r, err := l.From(w.t.Context(), after)
	w.must(err)
	return r
}

// take reads n events, and fails the test if they do not arrive.
func (w *world) take(r *event.Reader, n int) []*event.Event {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var taken []*event.Event
	for len(taken) < n {
		events, err := r.Next(ctx)
		if err != nil {
			w.t.Fatalf("after %d of %d events: %v", len(taken), n, err)
		}
		taken = append(taken, events...)
	}
	return taken
}

// run checks that the events have consecutive positions from first on.
func (w *world) run(events []*event.Event, first int64) {
	w.t.Helper()
	for i, e := range events {
		if *e.Position != first+int64(i) {
			w.t.Fatalf("event %d of %d has position %d; want %d", i, len(events), *e.Position, first+int64(i))
		}
	}
}

// start is the cursor before all events of the first epoch.
func (w *world) start(l *event.Log) *string {
	w.t.Helper()
	_, err := l.Stamp(w.t.Context())
	w.must(err)
	return w.cursor(query[string](w, "SELECT nonce FROM feed_epochs ORDER BY id LIMIT 1"), 0)
}

// head is the cursor of the newest position.
func (w *world) head(l *event.Log) *string {
	w.t.Helper()
	cursor, err := l.Head(w.t.Context())
	w.must(err)
	return &cursor
}

// within waits for a value of another goroutine.
func within[V any](t testing.TB, from <-chan V) (v V) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatal("in vain")
	}
	return v
}

func is(err error, code fault.Code, argument string) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == code && f.Argument == argument
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
