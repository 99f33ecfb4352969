package report_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

// patience is how long a test waits for what must come; it fails then, and never passes by waiting.
const patience = 30 * time.Second

// never is a time that does not come: what is counted had another cause.
const never = time.Hour

// watched are rows whose figures are watched.
type watched struct {
	*rows
	reports *report.Reports
	counter *pgtest.Counter // of the reports' statements
	clock   atomic.Int64    // past now
}

func newWatched(t *testing.T, n int) *watched {
	t.Helper()
	w := &watched{rows: newRows(t, n), counter: new(pgtest.Counter)}
	// The reports have a pool of their own: what the log does is not counted.
	db, err := pg.Connect(t.Context(), pgtest.URL(t, w.pg), pg.Options{Tracer: w.counter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.log.Follow()
	w.reports = report.New(db, w.log, func() time.Time { return now.Add(time.Duration(w.clock.Load())) })
	w.reports.Tune(time.Millisecond, never)
	t.Cleanup(w.reports.Close)
	return w
}

func caseFilter(t *testing.T, text string) *filter.Case {
	t.Helper()
	if text == "" {
		return nil
	}
	v, err := filter.Decode(json.RawMessage(text))
	f := new(filter.Case)
	if err == nil {
		err = f.UnmarshalGQL(v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (w *watched) as(user int) auth.Viewer { return auth.Viewer{User: w.users[user]} }

// watch begins to watch, as Ann.
func (w *watched) watch(text string) *report.Watch { return w.watchAs(w.as(0), text, false) }

func (w *watched) watchAs(viewer auth.Viewer, text string, each bool) *report.Watch {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	one, err := w.reports.Watch(ctx, viewer, caseFilter(w.t, text), each)
	if err != nil {
		w.t.Fatal(err)
	}
	return one
}

func next(t *testing.T, one *report.Watch) *report.CaseSummary {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := one.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until takes figures until they are as wanted.
func until(t *testing.T, one *report.Watch, what string, is func(*report.CaseSummary) bool) *report.CaseSummary {
	t.Helper()
	for {
		if s := next(t, one); is(s) {
			return s
		}
	}
}

// put moves a case to a status, as casework does: the row and the log in one transaction.
func (w *watched) put(x *filter.Subject, to model.CaseStatus) {
	w.t.Helper()
	before := model.Snapshot{Case: *x.Case, Customer: *x.Customer, Response: x.Response}
	was := x.Case.Status
	x.Case.Status, x.Case.Version, x.Case.ClosedAt = to, x.Case.Version+1, nil
	if to == model.Closed {
		x.Case.ClosedAt = &x.Case.OpenedAt
	}
	after := model.Snapshot{Case: *x.Case, Customer: *x.Customer, Response: x.Response}
	err := w.pg.Tx(w.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("UPDATE cases SET status = ?, version = ?, closed_at = ? WHERE id = ?", to, x.Case.Version, x.Case.ClosedAt, x.Case.ID).Error; err != nil {
			return err
		}
		entry := event.Entry{Type: model.EventDetailsChanged, Changed: []string{"customer.country"}, Before: &before, After: &after}
		if was != to {
			note := &model.Note{ID: model.NoteID{UUID: model.NewUUID()}, CaseID: x.Case.ID, AuthorID: w.users[0].ID, Body: "So it is.", CreatedAt: now}
			if err := tx.Create(note).Error; err != nil {
				return err
			}
			entry.Type, entry.Changed, entry.Note, entry.PreviousStatus, entry.Status = model.EventStatusChanged, nil, &note.ID, &was, &to
		}
		_, err := event.Append(tx, entry)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.log.Wake()
}

// open makes a case that waits, due or not.
func (w *watched) open(due *time.Time) *filter.Subject {
	w.t.Helper()
	w.status = model.Open
	w.add()
	x := w.all[len(w.all)-1]
	x.Case.FirstFollowUpAt, x.Case.DueAt = nil, due
	err := w.db.Exec("UPDATE cases SET first_follow_up_at = NULL, due_at = ? WHERE id = ?", due, x.Case.ID).Error
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

func (w *watched) counts() (n int) {
	for _, sql := range w.counter.Statements() {
		if strings.Contains(sql, "count(*)") {
			n++
		}
	}
	return n
}

func TestWatchedFiguresAreThoseOfNowAndFollowEvents(t *testing.T) {
	t.Parallel()
	w := newWatched(t, 50)
	x := w.open(nil)
	one, closed := w.watch(``), w.watch(`{"status": ["CLOSED"]}`)
	at := w.recount(nil, model.UserID{})
	first := next(t, one)
	if first.Open != at.Open || first.InProgress != at.InProgress || first.Closed != at.Closed || first.Total != at.Total || first.Overdue != at.Overdue {
		t.Errorf("the first figures are %+v; want %+v", first, at)
	}
	if s := next(t, closed); s.Total != at.Closed {
		t.Errorf("%+v of %d closed ones", s, at.Closed)
	}
	w.put(x, model.Closed)
	s := next(t, one)
	if s.Open != at.Open-1 || s.Closed != at.Closed+1 || s.Total != at.Total {
		t.Errorf("after one was closed: %+v, before it %+v", s, first)
	}
	if s := next(t, closed); s.Total != at.Closed+1 {
		t.Errorf("%+v of %d closed ones", s, at.Closed+1)
	}
	w.put(x, model.Open) // leaves the filter: what it matched before counts
	if s := next(t, closed); s.Total != at.Closed {
		t.Errorf("%+v of %d closed ones", s, at.Closed)
	}
	// What the feed shows after the cursor is not older than what the figures hold.
	r, err := w.log.From(t.Context(), &s.Cursor)
	if err != nil {
		t.Fatal(err)
	}
	if events, err := r.Next(t.Context()); err != nil || events[len(events)-1].Then.Case.Status != model.Open {
		t.Errorf("after the cursor: %v, %v", events, err)
	}
}

func TestAllWhoWatchTheSameShareOneCount(t *testing.T) {
	t.Parallel()
	w := newWatched(t, 20)
	x := w.open(nil)
	var same []*report.Watch
	for user := range 2 {
		for range 10 {
			same = append(same, w.watchAs(w.as(user), `{"status": ["OPEN"]}`, false))
		}
	}
	if w.reports.Boards() != 1 || w.counts() != 1 {
		t.Errorf("20 watch one thing: %d are kept, counted %d times", w.reports.Boards(), w.counts())
	}
	for _, one := range same {
		if next(t, one) == nil {
			t.Error("no figures")
		}
	}
	w.counter.Reset()
	w.put(x, model.InProgress)
	figures := next(t, same[0])
	for _, one := range same[1:] {
		if next(t, one) != figures {
			t.Error("one gets others")
		}
	}
	if w.counts() != 1 {
		t.Errorf("one event, counted %d times: %q", w.counts(), w.counter.Statements())
	}
	// What differs is counted by itself.
	manager := *w.users[1]
	manager.Role = model.Manager
	ann, bob := w.watchAs(w.as(0), `{"mine": true}`, false), w.watchAs(w.as(1), `{"mine": true}`, false)
	another := w.watchAs(auth.Viewer{User: &manager}, `{"status": ["OPEN"]}`, false)
	for user, one := range map[model.UserID]*report.Watch{w.users[0].ID: ann, w.users[1].ID: bob} {
		if s, want := next(t, one), w.recount(caseFilter(t, `{"mine": true}`), user); s.Total != want.Total || s.Open != want.Open {
			t.Errorf("%+v are one's own; want %+v", s, want)
		}
	}
	if next(t, another).Open != figures.Open || w.reports.Boards() != 4 {
		t.Errorf("%d different figures are kept", w.reports.Boards())
	}
}

func TestManyEventsAreCountedTogether(t *testing.T) {
	t.Parallel()
	w := newWatched(t, 0)
	var all []*filter.Subject
	for range 60 {
		all = append(all, w.open(nil))
	}
	const apart = 50 * time.Millisecond
	w.reports.Tune(apart, never)
	one := w.watch(``)
	next(t, one)
	began := time.Now()
	for _, x := range all {
		w.put(x, model.Closed)
	}
	until(t, one, "all closed", func(s *report.CaseSummary) bool { return s.Closed == 60 })
	if most := 3 + int(time.Since(began)/apart); w.counts() > most {
		t.Errorf("counted %d times in %v", w.counts(), time.Since(began))
	}
}

func TestFiguresThatStayTheSameAreNotGivenAgainButToWhoAsks(t *testing.T) {
	t.Parallel()
	w := newWatched(t, 5)
	x, y := w.open(nil), w.open(nil)
	one, each := w.watch(``), w.watchAs(w.as(0), ``, true)
	first := next(t, one)
	next(t, each)
	w.put(x, model.Open) // an event that moves no figure
	if again := next(t, each); again.Open != first.Open || again.Place() <= first.Place() {
		t.Errorf("after an event %+v, before it %+v", again, first)
	}
	if !one.Newest() {
		t.Error("the same figures would be given again")
	}
	w.put(y, model.Closed)
	if s := next(t, one); s.Closed != first.Closed+1 {
		t.Errorf("after another event %+v, before it %+v", s, first)
	}
	// A filter that the event does not touch is not even counted.
	elsewhere := w.watch(`{"customer": {"country": {"eq": "SE"}}}`)
	next(t, elsewhere)
	w.counter.Reset()
	w.put(y, model.Open)
	next(t, one)
	if w.counts() != 1 {
		t.Errorf("counted %d times", w.counts())
	}
}

func TestTimeAloneMovesFigures(t *testing.T) {
	t.Parallel()
	w := newWatched(t, 0)
	due := now.Add(time.Hour).Truncate(time.Microsecond)
	w.open(&due)
	w.reports.Tune(never, 20*time.Millisecond) // an event would come too late
	one, soon := w.watch(``), w.watch(`{"dueAt": {"withinNext": "PT30M"}}`)
	if a, b := next(t, one), next(t, soon); a.Overdue != 0 || b.Total != 0 {
		t.Errorf("an hour before: %+v, %+v", a, b)
	}
	w.clock.Store(int64(45 * time.Minute))
	if s := next(t, soon); s.Total != 1 {
		t.Errorf("a quarter of an hour before: %+v", s)
	}
	w.clock.Store(int64(time.Hour + time.Second))
	if s := next(t, one); s.Overdue != 1 || s.Total != 1 {
		t.Errorf("a second past: %+v", s)
	}
	if s := next(t, soon); s.Total != 0 {
		t.Errorf("a second past: %+v are due soon", s)
	}
}

func TestWhatNobodyWatchesIsNotCounted(t *testing.T) {
	t.Parallel()
	w := newWatched(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	one, err := w.reports.Watch(ctx, w.as(0), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	next(t, one)
	cancel()
	for end := time.Now().Add(patience); w.reports.Boards() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is kept though nobody watches")
		}
	}
	w.reports.Close()
	if _, err := w.reports.Watch(t.Context(), w.as(0), nil, false); !fault.Is(err, fault.CodeInternal) {
		t.Errorf("after the end: %v", err)
	}
}

// Only that the database is away is waited out.
func TestWhatCannotBeCountedEndsTheWatch(t *testing.T) {
	t.Parallel()
	w := newWatched(t, 3)
	x := w.open(nil)
	one := w.watch(``)
	next(t, one)
	if err := w.db.Exec("ALTER TABLE cases RENAME COLUMN first_follow_up_at TO gone").Error; err != nil {
		t.Fatal(err)
	}
	w.put(x, model.Closed)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if s, err := one.Next(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := w.reports.Watch(ctx, w.as(0), nil, false); err == nil || ctx.Err() != nil {
		t.Errorf("to who comes then: %v", err)
	}
	if err := w.db.Exec("ALTER TABLE cases RENAME COLUMN gone TO first_follow_up_at").Error; err != nil {
		t.Fatal(err)
	}
	if s := next(t, w.watch(``)); s.Closed == 0 {
		t.Errorf("later: %+v", s)
	}
}

// A failover takes back events that the server has seen: the figures go on.
func TestWatchedFiguresOutliveALostPlaceInTheFeed(t *testing.T) {
	t.Parallel()
	w := newWatched(t, 0)
	x, y := w.open(nil), w.open(nil)
	w.put(x, model.InProgress)
	one := w.watch(``)
	next(t, one)
	w.put(x, model.Closed)
	until(t, one, "one closed", func(s *report.CaseSummary) bool { return s.Closed == 1 })
	// It lost the last event: the place behind it is taken back.
	err := w.db.Exec(`WITH lost AS (DELETE FROM case_events WHERE position > 1), back AS (UPDATE feed_head SET position = 1)
		UPDATE feed_epochs SET timeline = '0000000X' WHERE id = (SELECT max(id) FROM feed_epochs)`).Error
	if err != nil {
		t.Fatal(err)
	}
	w.put(y, model.Closed)
	s := until(t, one, "two closed", func(s *report.CaseSummary) bool { return s.Closed == 2 })
	if _, err := w.log.From(t.Context(), &s.Cursor); err != nil {
		t.Errorf("the cursor of the figures: %v", err)
	}
}
