package casework_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestDatabase(t *testing.T) {
	t.Parallel()
	// The constraints of the database must refuse these rows, whatever a program writes.
	t.Run("refuses rows that break an invariant", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", nil)
		in := worktest.From("c-1", 3)
		in.ExternalID = new("r-1")
		out := w.Submit(in)
		note, err := w.Work.AddNote(t.Context(), w.Agent, casework.AddNoteInput{CaseID: out.Case.ID, Body: "Hello."})
		if err != nil {
			t.Fatal(err)
		}
		other := w.Submit(worktest.From("c-2", 3))
		caseID, response, customer := out.Case.ID.UUID, out.Response.ID.UUID, out.Response.CustomerID.UUID
		userID, unknownID := w.Agent.User.ID.UUID, model.NewUUID()
		const (
			insertResponse = `INSERT INTO responses (id, external_id, external_id_fold, customer_id, score, responded_at, received_at) VALUES (gen_random_uuid(), $1, lower($1), $2, $3, now(), now())`
			insertCase     = `INSERT INTO cases (id, status, origin, opened_by_id, customer_id, response_id, score, opened_at, updated_at, version)
			VALUES (gen_random_uuid(), 'OPEN', 'MANUAL', $1, $2, $3, 3, now(), now(), 1)`
			insertCustomer = `INSERT INTO customers (id, external_id, external_id_fold, created_at) VALUES (gen_random_uuid(), 'c-1', $1, now())`
			insertNote     = `INSERT INTO notes (id, case_id, author_id, body, body_fold, created_at) VALUES (gen_random_uuid(), $1, $2, $3, '', now())`
			insertEvent    = `INSERT INTO case_events (id, case_id, version, type, at, actor_id, note_id, previous_status, status, snapshot, before)
			VALUES (gen_random_uuid(), $1, $2, $3, now(), $4, $5, $6, $7, '{}', $8)`
		)
		for name, c := range map[string]struct {
			code, constraint string
			sql              string
			args             []any
		}{
			"a score of 11":                            {"23514", "responses_score_check", insertResponse, []any{nil, customer, 11}},
			"a score below 0":                          {"23514", "responses_score_check", insertResponse, []any{nil, customer, -1}},
			"a second response with one external id":   {"23505", "responses_external_id_key", insertResponse, []any{"r-1", customer, 5}},
			"a response's id that is not folded":       {"23514", "responses_external_id_check", strings.Replace(insertResponse, "lower($1)", "NULL", 1), []any{"r-9", customer, 5}},
			"a response of an unknown customer":        {"23503", "responses_customer_id_fkey", insertResponse, []any{nil, unknownID, 5}},
			"a second customer with one external id":   {"23505", "customers_external_id_key", insertCustomer, []any{"c-1"}},
			"an external id that is not folded":        {"23514", "customers_external_id_check", insertCustomer, []any{nil}},
			"a second case for one response":           {"23505", "cases_response_id_key", insertCase, []any{userID, customer, response}},
			"a case of an unknown customer":            {"23503", "cases_customer_id_fkey", insertCase, []any{userID, unknownID, model.NewUUID()}},
			"a manual case without its user":           {"23514", "", insertCase, []any{nil, customer, other.Response.ID.UUID}},
			"a case of an unknown assignee":            {"23503", "cases_assignee_id_fkey", `UPDATE cases SET assignee_id = $1, assigned_at = now() WHERE id = $2`, []any{unknownID, caseID}},
			"an assignee without a time":               {"23514", "", `UPDATE cases SET assignee_id = $1 WHERE id = $2`, []any{userID, caseID}},
			"a closed case without a time":             {"23514", "", `UPDATE cases SET status = 'CLOSED' WHERE id = $1`, []any{caseID}},
			"a status without its event":               {"23514", "case_status_is_logged", `UPDATE cases SET status = 'IN_PROGRESS' WHERE id = $1`, []any{caseID}},
			"a status with a new version but no event": {"23514", "case_status_is_logged", `UPDATE cases SET status = 'IN_PROGRESS', version = version + 1 WHERE id = $1`, []any{caseID}},
			"an empty note":                            {"23514", "notes_body_check", insertNote, []any{caseID, userID, ""}},
			"a blank note":                             {"23514", "notes_body_check", insertNote, []any{caseID, userID, " \n\t "}},
			"a note by an unknown author":              {"23503", "notes_author_id_fkey", insertNote, []any{caseID, unknownID, "Hello."}},
			"a note on an unknown case":                {"23503", "notes_case_id_fkey", insertNote, []any{unknownID, userID, "Hello."}},
			"a second event of one version":            {"23505", "case_events_version_key", insertEvent, []any{caseID, 2, "NOTE_ADDED", userID, note.Note.ID.UUID, nil, nil, "{}"}},
			"a new status without a note":              {"23514", "case_events_status_note", insertEvent, []any{caseID, 3, "STATUS_CHANGED", userID, nil, "OPEN", "CLOSED", "{}"}},
			"a status changed to itself":               {"23514", "case_events_status_note", insertEvent, []any{caseID, 3, "STATUS_CHANGED", userID, note.Note.ID.UUID, "OPEN", "OPEN", "{}"}},
			"an event with another case's note":        {"23503", "", insertEvent, []any{other.Case.ID.UUID, 2, "NOTE_ADDED", userID, note.Note.ID.UUID, nil, nil, "{}"}},
			"a second OPENED event":                    {"23514", "", insertEvent, []any{caseID, 3, "OPENED", userID, nil, nil, nil, nil}},
			"an event without the state before it":     {"23514", "", insertEvent, []any{caseID, 3, "NOTE_ADDED", userID, note.Note.ID.UUID, nil, nil, nil}},
			"deleting a customer with a response":      {"23503", "responses_customer_id_fkey", `DELETE FROM customers WHERE id = $1`, []any{customer}},
			"deleting a case with a log":               {"23503", "", `DELETE FROM cases WHERE id = $1`, []any{caseID}},
			"deleting a note that the log names":       {"23503", "", `DELETE FROM notes WHERE id = $1`, []any{note.Note.ID.UUID}},
			"deleting the author of a note":            {"23503", "", `DELETE FROM users WHERE id = $1`, []any{userID}},
			"the same mail twice for one response": {"23505", "notifications_response_key", `INSERT INTO notifications (id, kind, "to", to_fold, response_id, status, created_at)
			SELECT gen_random_uuid(), 'NEW_RESPONSE', 'x', 'x', $1, 'QUEUED', now() FROM generate_series(1, 2)`, []any{response}},
		} {
			var refused *pgconn.PgError
			if err := w.Exec(c.sql, c.args...); !errors.As(err, &refused) || refused.Code != c.code || c.constraint != "" && refused.ConstraintName != c.constraint {
				t.Errorf("%s: got %v, want SQLSTATE %s of constraint %s", name, err, c.code, c.constraint)
			}
		}
		w.Counts(map[string]int{"customers": 2, "responses": 2, "cases": 2, "notes": 1, "case_events": 3})
		w.CheckCopies()
	})

	// Two changes of status in one transaction need two events. The trigger checks each of them at the commit.
	t.Run("demands an event for every status that a row passes through", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.Open(nil)
		w.Move(c.ID, model.InProgress) // so that the log has an older event with this status
		w.Move(c.ID, model.Open)
		err := w.Exec(`WITH a AS (UPDATE cases SET status = 'IN_PROGRESS', version = version + 1 WHERE id = $1 RETURNING 1) SELECT 1 FROM a`, c.ID.UUID)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.ConstraintName != "case_status_is_logged" {
			t.Errorf("got %v, want case_status_is_logged: an old event is not the event of a new change", err)
		}
		tx, err := w.DB.Pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range []string{"IN_PROGRESS", "OPEN"} {
			if _, err := tx.Exec(t.Context(), "UPDATE cases SET status = $1 WHERE id = $2", status, c.ID.UUID); err != nil {
				t.Errorf("the trigger refused the change before the commit: %v", err)
			}
		}
		if err := tx.Commit(t.Context()); !errors.As(err, &refused) || refused.ConstraintName != "case_status_is_logged" {
			t.Errorf("two changes without events: got %v, want case_status_is_logged", err)
		}
		if row := worktest.Read[model.Case](w.T, w.DB, c.ID); row.Status != model.Open || row.Version != 3 {
			t.Errorf("the case is %+v", row)
		}
	})
}
