// Package casework owns every write that closes the loop: a response comes in, rules decide, a case opens, is
// assigned, noted on, and closed. An exported method is one transaction: it does all it says, with its events in the
// log and its mails in the queue, or nothing.
//
// It refuses reading for show (read's), and settings (the room settings does).
//
// Locks are taken in one order, so that no two calls wait for each other: an idempotency key → identities (advisory,
// sorted) → keywords (advisory, see readThemes) → customers' rows by id → users' rows → rules' turns, and users' loads
// (advisory) → cases' rows by id → at the commit, by triggers, the passives' queue. pg.Tx tries a call again where PostgreSQL finds a deadlock all the same.
package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const noteMax = 20_000 // characters

// Work carries the writes out.
type Work struct {
	db    *pg.DB
	log   *event.Log
	queue *job.Queue
	now   func() time.Time
}

// New makes the writes of one database.
func New(db *pg.DB, log *event.Log, queue *job.Queue, now func() time.Time) *Work {
	return &Work{db: db, log: log, queue: queue, now: now}
}

// write runs one transaction and, once it is committed, wakes whoever follows the log.
func (w *Work) write(ctx context.Context, do func(tx *gorm.DB, now time.Time) error) error {
	err := w.db.Tx(ctx, func(tx *gorm.DB) error { return do(tx, w.now().UTC().Truncate(time.Microsecond)) })
	if err == nil {
		w.log.Wake()
	}
	return err
}

// held is a case whose row is locked, with all that its snapshots are made of.
type held struct {
	model.Case
	rules      []model.RuleID
	refs       []model.ExternalRef
	outreaches []model.Outreach // each kind once, in the order they first happened
	themes     []model.Theme    // the response's, but for deleted ones
}

// around is what belongs to a case and stands in other tables, in one look.
const around = `SELECT
	(SELECT jsonb_agg(rule_id ORDER BY ordinal) FROM case_rules WHERE case_id = c.id) AS rules,
	(SELECT jsonb_agg(jsonb_build_object('system', system, 'id', external_id, 'url', url) ORDER BY system COLLATE "C") FROM case_external_refs WHERE case_id = c.id) AS refs,
	(SELECT jsonb_agg(kind ORDER BY first) FROM (SELECT jsonb_strip_nulls(jsonb_build_object('channel', channel, 'offer', offer, 'outcome', outcome)) AS kind,
		min(version) AS first FROM case_events WHERE case_id = c.id AND type = 'OUTREACH_RECORDED' GROUP BY channel, offer, outcome) kinds) AS outreaches,
	(SELECT jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'effort', t.effort, 'resolvedAt', t.resolved_at) ORDER BY t.name_fold, t.id)
		FROM cases k JOIN response_themes x ON x.response_id = k.response_id JOIN themes t ON t.id = x.theme_id AND t.deleted_at IS NULL
		WHERE k.id = c.id) AS themes
	FROM unnest(CAST(? AS uuid[])) WITH ORDINALITY AS c(id, at) ORDER BY at`

func readAround(tx *gorm.DB, cases ...*held) error {
	ids := make([]model.CaseID, len(cases))
	for i, h := range cases {
		ids[i] = h.ID
	}
	var rows []struct{ Rules, Refs, Outreaches, Themes []byte }
	if err := tx.Raw(around, pg.Array(model.UUIDs(ids))).Scan(&rows).Error; err != nil {
		return fmt.Errorf("read what belongs to a case: %w", err)
	}
	for i, h := range cases {
		row := &rows[i]
		for _, part := range []struct {
			raw  []byte
			into any
		}{{row.Rules, &h.rules}, {row.Refs, &h.refs}, {row.Outreaches, &h.outreaches}, {row.Themes, &h.themes}} {
			if part.raw == nil {
				continue
			}
			if err := json.Unmarshal(part.raw, part.into); err != nil {
				return fmt.Errorf("read what belongs to a case: %w", err)
			}
		}
	}
	return nil
}

// hold locks the case's row and reads it.
func hold(tx *gorm.DB, id model.CaseID, expectedVersion *int) (*held, error) {
	cases, err := holdAll(tx, []model.CaseID{id})
	if err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		return nil, noSuchCase()
	}
	return cases[0], cases[0].expect(expectedVersion)
}

// holdAll locks the cases' rows and reads them, by id. The locks come first, in a statement of their own: a join in
// the same statement would show other rows as they were before the wait.
func holdAll(tx *gorm.DB, ids []model.CaseID) ([]*held, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var locked []*model.Case
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Where(among("id", ids)).Order("id").Find(&locked).Error
	if err != nil {
		return nil, fmt.Errorf("lock cases: %w", err)
	}
	if len(locked) == 0 {
		return nil, nil
	}
	var rows []*model.Case
	err = tx.Joins("Customer").Joins("Response").Joins("Assignee").Where(among("cases.id", ids)).Order("cases.id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	cases := make([]*held, len(rows))
	for i, c := range rows {
		if c.ResponseID == nil {
			c.Response = nil
		}
		if c.AssigneeID == nil {
			c.Assignee = nil
		}
		cases[i] = &held{Case: *c}
	}
	return cases, readAround(tx, cases...)
}

// among asks for rows by a key. One is asked for by itself: for a list of them PostgreSQL would rather read a small table
// whole, and keep to that when it grows.
func among[T model.AnyID](column string, ids []T) clause.Expr {
	if len(ids) == 1 {
		return gorm.Expr(column+" = ?", ids[0])
	}
	return gorm.Expr(column+" = ANY(?)", pg.Array(model.UUIDs(ids)))
}

// expect refuses a case that is not at the version the caller saw, where they say which.
func (h *held) expect(version *int) error {
	if version == nil || *version == h.Version {
		return nil
	}
	return &fault.Error{Code: fault.CodeConflict, Argument: "input.expectedVersion",
		Message: fmt.Sprintf("the case has moved on: it is at version %d, not %d; read it again", h.Version, *version)}
}

func (h *held) snapshot() *model.Snapshot {
	s := &model.Snapshot{
		Case: h.Case, Customer: *h.Customer, RuleIDs: h.rules,
		Themes: slices.Clone(h.themes), ExternalRefs: slices.Clone(h.refs), Outreaches: slices.Clone(h.outreaches),
	}
	if h.Response != nil {
		r := *h.Response
		s.Response = &r
	}
	if h.Assignee != nil {
		name := h.Assignee.Name
		s.AssigneeName = &name
	}
	return s
}

// change does one thing to the case: the row and the log move together, by one version.
func (h *held) change(tx *gorm.DB, now time.Time, e event.Entry, do func()) (*model.LoggedEvent, error) {
	e = h.turn(now, e, do)
	if err := writeCases(tx, h); err != nil {
		return nil, err
	}
	return event.Append(tx, e)
}

// turn does one thing to the case and gives what the log is to say of it. Both are still to be written.
func (h *held) turn(now time.Time, e event.Entry, do func()) event.Entry {
	e.Before = h.snapshot()
	do()
	h.Version++
	h.UpdatedAt = now
	e.After = h.snapshot()
	return e
}

// writeCases writes what may change of cases.
func writeCases(tx *gorm.DB, cases ...*held) error {
	rows := make([]*model.Case, len(cases))
	for i, h := range cases {
		rows[i] = &h.Case
	}
	return wrapped("write cases", pg.Update(tx, rows, pg.Only("status", "assignee_id", "assigned_at", "assigned_by_id", "updated_at",
		"first_follow_up_at", "first_contact_at", "root_cause", "closed_at", "overdue_at", "reopen_count", "version",
		"country", "company_fold", "segment_fold", "lifetime_value")))
}

// writeNote keeps a note on the case; a blank one is refused.
func writeNote(tx *gorm.DB, now time.Time, on model.CaseID, by *model.User, argument, body string) (*model.Note, error) {
	if err := checkNote(argument, body); err != nil {
		return nil, err
	}
	note := &model.Note{ID: model.NoteID{UUID: model.NewUUID()}, CaseID: on, AuthorID: by.ID, Body: body, CreatedAt: now}
	if err := tx.Create(note).Error; err != nil {
		return nil, fmt.Errorf("write a note: %w", err)
	}
	return note, nil
}

func checkNote(argument, body string) error {
	switch {
	case strings.TrimSpace(body) == "":
		return fault.Input(argument, "a note is needed: say why, in words")
	case utf8.RuneCountInString(body) > noteMax:
		return fault.Input(argument, "a note has %d characters at most", noteMax)
	}
	return nil
}

// assignee reads a user who is to get a case, and keeps them as they are until the transaction ends: an update that
// makes them inactive waits, or has been seen here.
func assignee(tx *gorm.DB, argument string, id model.UserID) (*model.User, error) {
	var user model.User
	err := tx.Clauses(clause.Locking{Strength: "SHARE"}).Where("id = ?", id).Take(&user).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.NotFound(argument, "there is no such user")
	}
	if err != nil {
		return nil, fmt.Errorf("read an assignee: %w", err)
	}
	if !user.CanBeAssigned() {
		return nil, fault.Input(argument, "%s cannot be assigned: an assignee is an active AGENT, MANAGER or ADMIN", user.Name)
	}
	return &user, nil
}
