package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// The log is kept for good, with one exception: erasing a customer removes the customer's personal data from the events
// of their cases. The events stay, with their order and positions. The rows change in the transaction that erases the
// customer; it also appends a CUSTOMER_ERASED event to each case. A server that reads such an event redacts its cached
// events of the case before it shows another one; see redact and Reader.Outdated.

// Erase removes the customer's personal data from the events of a case, in the caller's transaction. The caller has
// locked the case's row, so no event of it is being written. Erase returns the customer's e-mail addresses that it found.
// Events of the type CUSTOMER_ERASED hold no personal data.
//
// Stamping waits for rows that this transaction changed and that have no position yet, so call Erase last.
func Erase(tx *gorm.DB, id model.CaseID, at time.Time) (addresses []string, err error) {
	for version := 0; ; {
		var rows []model.Event
		err := tx.Where("case_id = ? AND version > ?", id, version).Order("version").Limit(batchSize).Find(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("read the events of a case: %w", err)
		}
		if len(rows) == 0 {
			return addresses, nil
		}
		found, err := erase(tx, rows, at)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, found...)
		version = rows[len(rows)-1].Version
	}
}

func erase(tx *gorm.DB, rows []model.Event, at time.Time) (addresses []string, err error) {
	var ids, snapshots []string
	var befores, whys []*string
	for i := range rows {
		if rows[i].Type == model.EventCustomerErased {
			continue
		}
		then, was, err := decode(&rows[i])
		if err != nil {
			return nil, err
		}
		for _, s := range []*model.Snapshot{then, was} {
			if s != nil && s.Customer.Email != nil {
				addresses = append(addresses, *s.Customer.Email)
			}
		}
		e, err := (&Event{Event: rows[i], Then: then, Was: was}).erased(at)
		if err != nil {
			return nil, err
		}
		why, err := json.Marshal(e.Whys)
		if err != nil {
			return nil, err
		}
		ids, snapshots = append(ids, e.ID.UUID.String()), append(snapshots, string(e.Snapshot))
		befores, whys = append(befores, textOrNull(e.Before)), append(whys, nil)
		if e.Whys != nil {
			whys[len(whys)-1] = textOrNull(why)
		}
	}
	_, err = pg.Raw(tx).Exec(tx.Statement.Context, `UPDATE case_events e SET snapshot = n.snapshot::jsonb, before = n.before::jsonb, whys = n.whys::jsonb, improvement = NULL
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS n(id, snapshot, before, whys) WHERE e.id = n.id`, ids, snapshots, befores, whys)
	if err != nil {
		return nil, fmt.Errorf("erase personal data in the log: %w", err)
	}
	return addresses, nil
}

func textOrNull(raw json.RawMessage) *string {
	if raw == nil {
		return nil
	}
	text := string(raw)
	return &text
}

// erased returns a copy of the event without personal data. The event itself is not changed, because other readers share it.
func (e *Event) erased(at time.Time) (*Event, error) {
	then := *e.Then
	then.Erase(at)
	out := &Event{Event: e.Event, Cursor: e.Cursor, Then: &then}
	out.Event.Erase()
	if e.Was != nil {
		was := *e.Was
		was.Erase(at)
		out.Was = &was
	}
	var err error
	out.Snapshot, out.Before, err = encode(out.Then, out.Was)
	if err != nil {
		return nil, fmt.Errorf("encode a snapshot: %w", err)
	}
	return out, nil
}

// redact removes personal data from the cached events of those cases that the new events erase. The text of a note is not in
// the log, but cached events, and answers that were made of events, may have it: when a note was redacted, they are outdated
// too. The caller holds the lock.
func (l *Log) redact(fresh []*Event) error {
	erasing := map[model.CaseID]*Event{}
	outdated := false
	for _, e := range fresh {
		if e.Type == model.EventCustomerErased {
			erasing[e.CaseID] = e
		}
		outdated = outdated || e.Type == model.EventCustomerErased || slices.Contains(e.Changed, NotesChanged)
	}
	if !outdated {
		return nil
	}
	for i, e := range l.recent {
		e.note.Store(nil)
		by, is := erasing[e.CaseID]
		if !is {
			continue
		}
		redacted, err := e.erased(by.At)
		if err != nil {
			return err
		}
		l.recent[i] = redacted
		l.bytes += redacted.size() - e.size()
	}
	if len(erasing) > 0 {
		l.pages.dropCases(erasing)
	}
	l.revision.Add(1)
	return nil
}

// NotesChanged is what an event of the type DETAILS_CHANGED names as changed when a note of the case was redacted.
const NotesChanged = "notes"

// Revision changes whenever this server reads that customers were erased or notes redacted, or that events were lost in a
// failover.
func (l *Log) Revision() int64 { return l.revision.Load() }

// Outdated reports whether an erasure or a new epoch was read since Next returned the event with this cursor. If so, it moves
// the reader back to before that event, so that Next returns it again as it is now. Call it before each event is shown.
func (r *Reader) Outdated(cursor string) bool {
	if r.revision == r.log.revision.Load() {
		r.passed = cursor
		return false
	}
	r.rewind()
	return true
}

// rewind moves the reader back to before the event that is about to be shown.
func (r *Reader) rewind() {
	r.at = r.from
	if r.passed != "" {
		r.at, _ = parseCursor(r.passed) // with its epoch, not the position alone: the epoch may be lost by now, and then Next returns FEED_RESET
	}
}
