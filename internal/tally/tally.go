// Package tally owns the numbers of all cases by status and one more property, which each server keeps in memory: it counts
// the table once, and then adds and subtracts what each event of the log did. An answer is exact at a place of the log that
// is not before the one that the caller names. docs/decisions/0027 has the reasons.
//
// It refuses to count a part of the cases that depends on anything else: package report counts it in the tables.
package tally

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	mostKeys    = 10_000           // values of a property; with more, the tables are counted
	mostMatched = 1_000            // values that a filter is decided for at each question
	refusedFor  = 10 * time.Minute // until a property with too many values is counted again
	countEvery  = 10 * time.Minute // so that rows that somebody changed by hand are in figures again
	patience    = 2 * time.Second  // for this server to read what is in the log already; then the table is counted
)

// Counts are numbers of cases.
type Counts struct{ Open, InProgress, Closed int }

// Total is the number in all statuses.
func (c Counts) Total() int { return c.Open + c.InProgress + c.Closed }

// of is the number of a status.
func (c *Counts) of(status model.CaseStatus) *int {
	switch status {
	case model.Open:
		return &c.Open
	case model.InProgress:
		return &c.InProgress
	}
	return &c.Closed
}

// Row is the number of cases with one value of a property; there is no row of none.
type Row struct {
	Key
	Counts
}

// Tally keeps the numbers of one database. It counts when it is first asked, and again when its server does not keep the
// events any more that came since.
type Tally struct {
	db   *gorm.DB
	log  *event.Log
	kept map[Property]*kept
}

// kept are the numbers of one property at a place of the log. Who has its turn reads and changes it.
type kept struct {
	*property
	by      Property
	turn    chan struct{}
	most    int // values
	at      event.Stand
	counts  map[Key]*Counts // nil: not counted
	counted time.Time       // when they were counted
	refused atomic.Int64    // until this time in nanoseconds it has too many values
}

// New makes the tally of the database that the log belongs to. It costs nothing until it is asked.
func New(db *pg.DB, log *event.Log) *Tally {
	t := &Tally{db: db.Gorm, log: log, kept: map[Property]*kept{}}
	for by, p := range properties {
		t.kept[by] = &kept{property: p, by: by, turn: make(chan struct{}, 1), most: mostKeys}
	}
	return t
}

// Question is what is counted: all cases that match the filter, by a property that decides it.
type Question struct {
	By     Property
	Filter *filter.Case
	Viewer model.UserID // whose cases `mine` are
	// At asks for the place in the log that the answer must include.
	At func(context.Context) (event.Place, error)
}

// Count answers a question, in no order; false if it cannot: the property does not decide the filter or has too many values,
// or this server does not follow the log, or not closely enough.
func (t *Tally) Count(ctx context.Context, q Question) (rows []Row, ok bool, err error) {
	_, rows, ok, err = t.answer(ctx, q)
	return rows, ok, err
}

// answer is Count, and tells where its answer stands in the log.
func (t *Tally) answer(ctx context.Context, q Question) (at event.Stand, rows []Row, ok bool, err error) {
	k := t.kept[q.By]
	if !k.decides(q.Filter) || time.Now().UnixNano() < k.refused.Load() || !t.log.Follows() {
		return at, nil, false, nil
	}
	to, err := q.At(ctx)
	if err != nil {
		return at, nil, false, err
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return at, nil, false, ctx.Err()
	}
	if err := k.reach(ctx, t, to); err != nil || k.counts == nil {
		return at, nil, false, err
	}
	rows, ok, err = k.matching(q)
	return event.Stand{Place: k.at.Place, Pending: maps.Clone(k.at.Pending)}, rows, ok, err
}

// reach brings the numbers to a place, or further: by the events, or by counting if they are lost, or if this
// server does not read them in time. It leaves no numbers if there are too many values.
func (k *kept) reach(ctx context.Context, t *Tally, to event.Place) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := k.follow(limited, t.log, to)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, event.ErrLost), ctx.Err() == nil && limited.Err() != nil:
		if err := k.count(ctx, t.db); err != nil {
			return fmt.Errorf("count all cases by %s: %w", cmp.Or(k.by, "status"), err)
		}
		return nil
	}
	return err
}

// follow applies the events up to the place at least. After ErrLost the cases must be counted.
func (k *kept) follow(ctx context.Context, log *event.Log, to event.Place) error {
	for {
		switch {
		case k.counts == nil || k.at.Epoch != to.Epoch || time.Since(k.counted) > countEvery:
			return event.ErrLost
		case k.at.Position >= to.Position:
			return nil
		}
		events, err := log.Toward(ctx, k.at.Position, to)
		if err != nil {
			return err
		}
		for _, e := range events {
			if !k.apply(e) {
				k.counts = nil
				return event.ErrLost
			}
			k.at.Position = *e.Position
		}
	}
}

// apply counts what an event did; false if the event does not tell, and the cases must be counted.
func (k *kept) apply(e *event.Event) bool {
	switch {
	case k.at.Pending[e.ID]:
		delete(k.at.Pending, e.ID)
		return true
	case k.erased && e.Then.Customer.ErasedAt != nil: // it may have told before the customer was erased
		return false
	}
	return (e.Was == nil || k.add(e.Was, -1)) && k.add(e.Then, 1)
}

func (k *kept) add(s *model.Snapshot, n int) bool {
	for _, key := range k.keys(s) {
		counts := k.counts[key]
		if counts == nil {
			if len(k.counts) >= k.most {
				return false
			}
			counts = new(Counts)
			k.counts[key] = counts
		}
		number := counts.of(s.Case.Status)
		if *number += n; *number < 0 {
			return false
		}
		if *counts == (Counts{}) {
			delete(k.counts, key)
		}
	}
	return true
}

// count counts the table. One statement is one snapshot: where it stands in the log is read together with the cases. It uses a
// share of its own: others wait for it, and must not wait for the share of the caller who came first, who pays for it.
func (k *kept) count(ctx context.Context, db *gorm.DB) error {
	began := time.Now()
	k.counts = nil
	var rows []struct {
		Part, Text *string
		Status     model.CaseStatus
		N          int64
	}
	err := db.WithContext(pg.WithClient(ctx, "tally")).Raw(`WITH stand AS MATERIALIZED (`+event.StandSQL+`), counted AS (
			SELECT `+k.column+` AS key, cases.status, count(cases.id) AS n FROM cases `+k.join+` GROUP BY 1, 2 LIMIT ?)
		SELECT 'at' AS part, epoch AS text, '' AS status, position AS n FROM stand
		UNION ALL SELECT 'pending', id::text, '', 0 FROM stand, unnest(pending) AS id
		UNION ALL SELECT 'cases', key, status, n FROM counted`, 3*k.most+1).Scan(&rows).Error
	if err != nil {
		return err
	}
	at, counts := event.Stand{Pending: map[model.EventID]bool{}}, map[Key]*Counts{}
	for _, row := range rows {
		switch *row.Part {
		case "at":
			at.Place = event.Place{Epoch: *row.Text, Position: row.N}
		case "pending":
			var id model.EventID
			if err := id.UUID.UnmarshalText([]byte(*row.Text)); err != nil {
				return err
			}
			at.Pending[id] = true
		default:
			key := Key{None: row.Text == nil}
			if !key.None {
				key.Text = *row.Text
			}
			if counts[key] == nil {
				counts[key] = new(Counts)
			}
			*counts[key].of(row.Status) = int(row.N)
		}
	}
	if len(counts) > k.most {
		k.refused.Store(time.Now().Add(refusedFor).UnixNano())
		return nil
	}
	k.at, k.counts, k.counted = at, counts, began
	return nil
}

// matching returns the numbers of the cases that match the question's filter.
func (k *kept) matching(q Question) (rows []Row, ok bool, err error) {
	byKey := slices.ContainsFunc(q.Filter.Fields(), func(field string) bool { return field != "status" })
	if byKey && len(k.counts) > mostMatched {
		return nil, false, nil
	}
	for key, counts := range k.counts {
		left := *counts
		if q.Filter != nil {
			if left, err = k.left(key, left, q); err != nil {
				return nil, false, err
			}
		}
		if left != (Counts{}) {
			rows = append(rows, Row{key, left})
		}
	}
	return rows, true, nil
}

// left are the numbers of the statuses that match, of one key.
func (k *kept) left(key Key, counts Counts, q Question) (left Counts, err error) {
	s := plain()
	if k.subject != nil {
		if s, err = k.subject(key); err != nil {
			return left, fmt.Errorf("read a value of %s: %w", q.By, err)
		}
	}
	for _, status := range []model.CaseStatus{model.Open, model.InProgress, model.Closed} {
		if s.Case.Status = status; q.Filter.Match(s, q.Viewer) {
			*left.of(status) = *counts.of(status)
		}
	}
	return left, nil
}
