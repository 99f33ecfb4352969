package idempotency_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// keyed is a call of a mutation that takes an idempotency key. The call returns a summary of the payload: the ids of the
// created rows and of the event.
type keyed struct {
	name string
	call func(w *world, as auth.Viewer, on *model.Case, key string) (string, error)
}

var keyedCalls = []keyed{
	{"submitResponse", func(w *world, as auth.Viewer, _ *model.Case, key string) (string, error) {
		in := worktest.From("keyed", 2)
		in.IdempotencyKey = &key
		out, err := intake.New(w.Work).Submit(w.T.Context(), as, in)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Response.ID, out.Case.ID, out.Created), nil
	}},
	{"openCase", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.Work.OpenCase(w.T.Context(), as, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &on.CustomerID}, Note: "Why.", AssigneeID: &w.Agent.User.ID, IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Case.ID, out.Event.ID, *out.Event.NoteID, out.Event.Then.Case.Version), nil
	}},
	{"addNote", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.Work.AddNote(w.T.Context(), as, casework.AddNoteInput{CaseID: on.ID, Body: "Called.", IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Note.ID, out.Note.Body, out.Note.AuthorID, out.Note.CreatedAt.UTC(), out.Case.ID), nil
	}},
	{"recordOutreach", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.Work.RecordOutreach(w.T.Context(), as, casework.RecordOutreachInput{CaseID: on.ID, Outreach: worktest.Phone(model.Reached), Note: "Rang.", ExpectedVersion: &on.Version, IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Case.ID, out.Event.ID, *out.Event.Outcome, *out.Event.NoteID, out.Event.Version, out.Event.At.UTC(), out.Event.Matches), nil
	}},
	{"recordOutreaches", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.Work.RecordOutreaches(w.T.Context(), as, casework.RecordOutreachesInput{CaseIDs: []model.CaseID{on.ID}, Outreach: worktest.Phone(model.Reached), Note: "Rang.", IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(len(out.Cases), out.Cases[0].ID), nil
	}},
	{"recordReply", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.Work.RecordReply(w.T.Context(), as, casework.RecordReplyInput{CaseID: on.ID, Improvement: new("Be on time."), IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Case.ID, out.Event.ID, *out.Event.Improvement), nil
	}},
}

func TestIdempotentCall(t *testing.T) {
	t.Parallel()
	t.Run("changes nothing and answers the same when it is sent again", func(t *testing.T) {
		t.Parallel()
		for _, k := range keyedCalls {
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.Rule("all", nil)
				on := w.Submit(worktest.From("c-1", 3)).Case
				first, err := k.call(w, w.Agent, on, "k")
				if err != nil {
					t.Fatal(err)
				}
				w.Later(time.Minute)
				w.Must("UPDATE users SET active = false") // the repeated call does not check the user again
				before := w.Fingerprint()
				again, err := k.call(w, w.Agent, on, "k")
				if err != nil || again != first {
					t.Errorf("second call: want %s, got %s, %v", first, again, err)
				}
				if after := w.Fingerprint(); after != before {
					t.Errorf("the second call changed the database: want %s, got %s", before, after)
				}
			})
		}
	})

	t.Run("answers the same to several at once", func(t *testing.T) {
		t.Parallel()
		for _, k := range keyedCalls {
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.Rule("all", nil)
				on := w.Submit(worktest.From("c-1", 3)).Case
				answers := make([]string, 6)
				worktest.AtOnce(len(answers), func(i int) {
					var err error
					if answers[i], err = k.call(w, w.Agent, on, "k"); err != nil {
						t.Error(err)
					}
				})
				for _, a := range answers {
					if a != answers[0] {
						t.Errorf("want equal payloads, got %q", answers)
						break
					}
				}
				w.Counts(map[string]int{"idempotency_keys": 1})
				if n := w.Count("SELECT count(*) FROM case_events WHERE type NOT IN ('OPENED', 'ASSIGNED')"); n > 1 || w.Deadlocks.Load() > 0 {
					t.Errorf("want at most 1 event and no deadlock, got %d and %d", n, w.Deadlocks.Load())
				}
			})
		}
	})
}

func TestKey(t *testing.T) {
	t.Parallel()
	t.Run("belongs to one user", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		on := w.Open(nil)
		other := auth.Viewer{User: w.User("bo@care.example", model.Agent)}
		for _, k := range keyedCalls[2:3] {
			first, err := k.call(w, w.Agent, on, "k")
			second, err2 := k.call(w, other, on, "k")
			if err != nil || err2 != nil || first == second {
				t.Errorf("want two different payloads, got %s and %s (%v, %v)", first, second, err, err2)
			}
		}
		w.Counts(map[string]int{"idempotency_keys": 2})
	})

	t.Run("is refused for another call", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		on := w.Open(nil)
		note := casework.AddNoteInput{CaseID: on.ID, Body: "Called.", IdempotencyKey: new("k")}
		if _, err := w.Work.AddNote(t.Context(), w.Agent, note); err != nil {
			t.Fatal(err)
		}
		before := w.Fingerprint()
		note.Body = "Called twice."
		_, err := w.Work.AddNote(t.Context(), w.Agent, note)
		worktest.Refused(t, "another body", err, fault.CodeBadUserInput, "input.idempotencyKey")
		_, err = w.Work.RecordReply(t.Context(), w.Agent, casework.RecordReplyInput{CaseID: on.ID, IdempotencyKey: new("k")})
		worktest.Refused(t, "another mutation", err, fault.CodeBadUserInput, "input.idempotencyKey")

		given := worktest.From("c-9", 3)
		given.IdempotencyKey = new("s")
		w.Submit(given)
		middle := w.Fingerprint()
		given.Customer.LastName = worktest.Null[string]() // the field was absent before, which is a different input
		_, err = intake.New(w.Work).Submit(t.Context(), w.Agent, given)
		worktest.Refused(t, "a name that is cleared", err, fault.CodeBadUserInput, "input.idempotencyKey")
		if after := w.Fingerprint(); after != middle || before == middle {
			t.Error("a rejected call changed the database, or Submit did not")
		}
		for _, key := range []string{"", strings.Repeat("é", 201)} {
			note.IdempotencyKey = &key
			_, err := w.Work.AddNote(t.Context(), w.Agent, note)
			worktest.Refused(t, "a key of an invalid length", err, fault.CodeBadUserInput, "input.idempotencyKey")
		}
		note.IdempotencyKey = new(strings.Repeat("é", 200))
		if _, err := w.Work.AddNote(t.Context(), w.Agent, note); err != nil {
			t.Errorf("a key of 200 characters: %v", err)
		}
	})

	t.Run("stays free after a call that failed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		on := w.Open(nil)
		in := casework.RecordOutreachInput{CaseID: on.ID, Outreach: worktest.Phone(model.Reached), Note: "Rang.", ExpectedVersion: new(9), IdempotencyKey: new("k")}
		_, err := w.Work.RecordOutreach(t.Context(), w.Agent, in)
		worktest.Refused(t, "a stale version", err, fault.CodeConflict, "input.expectedVersion")
		w.Counts(map[string]int{"idempotency_keys": 0})
		in.ExpectedVersion = &on.Version
		if _, err := w.Work.RecordOutreach(t.Context(), w.Agent, in); err != nil {
			t.Errorf("the corrected call with the same key: %v", err)
		}
	})

	t.Run("is free after a day, and old ones are deleted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		on := w.Open(nil)
		note := func(key string) model.NoteID {
			t.Helper()
			out, err := w.Work.AddNote(t.Context(), w.Agent, casework.AddNoteInput{CaseID: on.ID, Body: "Called.", IdempotencyKey: &key})
			if err != nil {
				t.Fatal(err)
			}
			return out.Note.ID
		}
		first := note("k")
		note("other")
		w.Later(24*time.Hour - time.Microsecond)
		if again := note("k"); again != first {
			t.Error("within a day: want the first note, got another")
		}
		w.Later(time.Microsecond)
		second := note("k")
		if second == first {
			t.Error("after a day: want a new note, got the first")
		}
		if again := note("k"); again != second {
			t.Error("after the key was claimed again: want the second note, got another")
		}
		if n, err := idempotency.Prune(t.Context(), w.DB, w.Now()); n != 1 || err != nil {
			t.Errorf("Prune: want 1 deleted key, got %d, %v", n, err)
		}
		w.Counts(map[string]int{"idempotency_keys": 1})
	})

	t.Run("is stored without personal data", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Submit(intake.SubmitResponseInput{Score: 3, IdempotencyKey: new("kim@x.example 2026"), Customer: &customer.CustomerInput{Email: worktest.Given("kim@x.example"), FirstName: worktest.Given("Kim")}})
		var row string
		if err := w.DB.Pool.QueryRow(t.Context(), "SELECT k::text || convert_from(key, 'LATIN1') FROM idempotency_keys k").Scan(&row); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(row), "kim") {
			t.Errorf("want a row without personal data, got %q", row)
		}
		var answer json.RawMessage
		if err := w.DB.Pool.QueryRow(t.Context(), "SELECT answer FROM idempotency_keys").Scan(&answer); err != nil || !strings.Contains(string(answer), "response") {
			t.Errorf("stored answer: want the id of the response, got %s, %v", answer, err)
		}
	})
}

func TestReplay(t *testing.T) {
	t.Parallel()
	t.Run("is refused to a narrower token of the same user", func(t *testing.T) {
		t.Parallel()
		for _, k := range keyedCalls {
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.Rule("all", nil)
				on := w.Submit(worktest.From("c-1", 3)).Case
				if _, err := k.call(w, w.Agent, on, "k"); err != nil {
					t.Fatal(err)
				}
				user := *w.Agent.User
				user.ScopeCustomer = json.RawMessage(`{"country": {"eq": "GB"}}`)
				narrower, err := auth.ViewerOf(&user)
				if err != nil {
					t.Fatal(err)
				}
				want := fault.CodeNotFound
				if k.name == "submitResponse" {
					want = fault.CodeForbidden // as without a key
				}
				for _, key := range []string{"k", "fresh"} {
					if got, err := k.call(w, narrower, on, key); !fault.Is(err, want) {
						t.Errorf("key %s: want %s, got %s, %v", key, want, got, err)
					}
				}
			})
		}
	})

	t.Run("leaves out a case that was opened later", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := worktest.From("c-1", 3)
		in.IdempotencyKey = new("k")
		out := w.Submit(in)
		if _, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &out.Response.ID}, Note: "Why."}); err != nil {
			t.Fatal(err)
		}
		if again := w.Submit(in); again.Case != nil || !again.Created || again.Response.ID != out.Response.ID {
			t.Errorf("want response %v, created, without a case; got %+v", out.Response.ID, again)
		}
	})

	t.Run("shows nothing new of a case that left the scope", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo := w.User("bo@care.example", model.Agent)
		own := auth.Viewer{User: w.User("own@care.example", model.Agent, func(u *model.User) { u.OwnCasesOnly = true })}
		customer := w.Open(nil).CustomerID
		in := casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &customer}, Note: "For Bo.", AssigneeID: &bo.ID, IdempotencyKey: new("k")}
		first, err := w.Work.OpenCase(t.Context(), own, in)
		if err != nil {
			t.Fatal(err)
		}
		w.Move(first.Case.ID, model.Closed)
		again, err := w.Work.OpenCase(t.Context(), own, in)
		if err != nil || again.Event.ID != first.Event.ID || again.Case.ID != first.Case.ID || again.Case.Status != model.Open || again.Case.Customer.ID != customer {
			t.Errorf("want the open case and event of the first call, got %+v, %v", again, err)
		}
		if _, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: first.Case.ID, AssigneeID: &own.User.ID}); err != nil {
			t.Fatal(err)
		}
		if again, err = w.Work.OpenCase(t.Context(), own, in); err != nil || again.Case.Status != model.Closed {
			t.Errorf("after the case was assigned to the viewer: want the closed case, got %+v, %v", again, err)
		}
	})
}
