package casework_test

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
	"github.com/closeloop/closeloop/model"
)

// keyed is one call of each mutation that takes an idempotency key. It gives what the answer names: the ids of what was
// made, and its event.
type keyed struct {
	name string
	call func(w *world, as auth.Viewer, on *model.Case, key string) (string, error)
}

var keyedCalls = []keyed{
	{"submitResponse", func(w *world, as auth.Viewer, _ *model.Case, key string) (string, error) {
		in := from("keyed", 2)
		in.IdempotencyKey = &key
		out, err := intake.New(w.work).Submit(w.t.Context(), as, in)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Response.ID, out.Case.ID, out.Created), nil
	}},
	{"openCase", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.work.OpenCase(w.t.Context(), as, casework.OpenCaseInput{CustomerID: &on.CustomerID, Note: "Why.", AssigneeID: &w.agent.User.ID, IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Case.ID, out.Event.ID, *out.Event.NoteID, out.Event.Then.Case.Version), nil
	}},
	{"addNote", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.work.AddNote(w.t.Context(), as, casework.AddNoteInput{CaseID: on.ID, Body: "Called.", IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Note.ID, out.Note.Body, out.Note.AuthorID, out.Note.CreatedAt.UTC(), out.Case.ID), nil
	}},
	{"recordOutreach", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.work.RecordOutreach(w.t.Context(), as, casework.RecordOutreachInput{CaseID: on.ID, Outreach: phone(model.Reached), Note: "Rang.", ExpectedVersion: &on.Version, IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Case.ID, out.Event.ID, *out.Event.Outcome, *out.Event.NoteID, out.Event.Version, out.Event.At.UTC(), out.Event.Matches), nil
	}},
	{"recordOutreaches", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.work.RecordOutreaches(w.t.Context(), as, casework.RecordOutreachesInput{CaseIDs: []model.CaseID{on.ID}, Outreach: phone(model.Reached), Note: "Rang.", IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(len(out.Cases), out.Cases[0].ID), nil
	}},
	{"recordReply", func(w *world, as auth.Viewer, on *model.Case, key string) (string, error) {
		out, err := w.work.RecordReply(w.t.Context(), as, casework.RecordReplyInput{CaseID: on.ID, Improvement: new("Be on time."), IdempotencyKey: &key})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(out.Case.ID, out.Event.ID, *out.Event.Improvement), nil
	}},
}

func TestACallSentAgainWithItsKeyChangesNothingAndAnswersAsTheFirstTime(t *testing.T) {
	t.Parallel()
	for _, k := range keyedCalls {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rule("all", nil)
			on := w.submit(from("c-1", 3)).Case
			first, err := k.call(w, w.agent, on, "k")
			if err != nil {
				t.Fatal(err)
			}
			w.later(time.Minute)
			w.must("UPDATE users SET active = false") // what is checked once is not checked again
			before := w.everything()
			again, err := k.call(w, w.agent, on, "k")
			if err != nil || again != first {
				t.Errorf("again: %s (%v), not %s", again, err, first)
			}
			if after := w.everything(); after != before {
				t.Errorf("something was written: %s, then %s", before, after)
			}
		})
	}
}

func TestSeveralAtOnceWithOneKeyAnswerAlike(t *testing.T) {
	t.Parallel()
	for _, k := range keyedCalls {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rule("all", nil)
			on := w.submit(from("c-1", 3)).Case
			answers := make([]string, 6)
			atOnce(len(answers), func(i int) {
				var err error
				if answers[i], err = k.call(w, w.agent, on, "k"); err != nil {
					t.Error(err)
				}
			})
			for _, a := range answers {
				if a != answers[0] {
					t.Errorf("%q", answers)
					break
				}
			}
			w.counts(map[string]int{"idempotency_keys": 1})
			if n := w.count("SELECT count(*) FROM case_events WHERE type NOT IN ('OPENED', 'ASSIGNED')"); n > 1 || w.deadlocks.Load() > 0 {
				t.Errorf("%d events, %d deadlocks", n, w.deadlocks.Load())
			}
		})
	}
}

func TestAKeyIsItsUsersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := w.open()
	other := auth.Viewer{User: w.user("bo@care.example", model.Agent)}
	for _, k := range keyedCalls[2:3] {
		first, err := k.call(w, w.agent, on, "k")
		second, err2 := k.call(w, other, on, "k")
		if err != nil || err2 != nil || first == second {
			t.Errorf("%s, %s (%v, %v)", first, second, err, err2)
		}
	}
	w.counts(map[string]int{"idempotency_keys": 2})
}

func TestAKeyIsRefusedForAnotherCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := w.open()
	note := casework.AddNoteInput{CaseID: on.ID, Body: "Called.", IdempotencyKey: new("k")}
	if _, err := w.work.AddNote(t.Context(), w.agent, note); err != nil {
		t.Fatal(err)
	}
	before := w.everything()
	note.Body = "Called twice."
	_, err := w.work.AddNote(t.Context(), w.agent, note)
	refused(t, "another body", err, fault.CodeBadUserInput, "input.idempotencyKey")
	_, err = w.work.RecordReply(t.Context(), w.agent, casework.RecordReplyInput{CaseID: on.ID, IdempotencyKey: new("k")})
	refused(t, "another mutation", err, fault.CodeBadUserInput, "input.idempotencyKey")

	given := from("c-9", 3)
	given.IdempotencyKey = new("s")
	w.submit(given)
	middle := w.everything()
	given.Customer.LastName = cleared() // absent before: not the same
	_, err = intake.New(w.work).Submit(t.Context(), w.agent, given)
	refused(t, "a name that is cleared", err, fault.CodeBadUserInput, "input.idempotencyKey")
	if after := w.everything(); after != middle || before == middle {
		t.Error("a call that was refused has written something")
	}
	for _, key := range []string{"", strings.Repeat("é", 201)} {
		note.IdempotencyKey = &key
		_, err := w.work.AddNote(t.Context(), w.agent, note)
		refused(t, "a key of no length that is allowed", err, fault.CodeBadUserInput, "input.idempotencyKey")
	}
	note.IdempotencyKey = new(strings.Repeat("é", 200))
	if _, err := w.work.AddNote(t.Context(), w.agent, note); err != nil {
		t.Errorf("a key of 200 characters: %v", err)
	}
}

func TestAFailedCallLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := w.open()
	in := casework.RecordOutreachInput{CaseID: on.ID, Outreach: phone(model.Reached), Note: "Rang.", ExpectedVersion: new(9), IdempotencyKey: new("k")}
	_, err := w.work.RecordOutreach(t.Context(), w.agent, in)
	refused(t, "a stale version", err, fault.CodeConflict, "input.expectedVersion")
	w.counts(map[string]int{"idempotency_keys": 0})
	in.ExpectedVersion = &on.Version
	if _, err := w.work.RecordOutreach(t.Context(), w.agent, in); err != nil {
		t.Errorf("the call that was mended: %v", err)
	}
}

func TestACaseThatIsOpenedLaterIsNotOfTheFirstAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := from("c-1", 3)
	in.IdempotencyKey = new("k")
	out := w.submit(in)
	if _, err := w.work.OpenCase(t.Context(), w.agent, casework.OpenCaseInput{ResponseID: &out.Response.ID, Note: "Why."}); err != nil {
		t.Fatal(err)
	}
	if again := w.submit(in); again.Case != nil || !again.Created || again.Response.ID != out.Response.ID {
		t.Errorf("%+v", again)
	}
}

func TestAKeyIsFreeAgainAfterADayAndOldOnesAreDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := w.open()
	note := func(key string) model.NoteID {
		t.Helper()
		out, err := w.work.AddNote(t.Context(), w.agent, casework.AddNoteInput{CaseID: on.ID, Body: "Called.", IdempotencyKey: &key})
		if err != nil {
			t.Fatal(err)
		}
		return out.Note.ID
	}
	first := note("k")
	note("other")
	w.later(24*time.Hour - time.Microsecond)
	if again := note("k"); again != first {
		t.Error("within the day it is another note")
	}
	w.later(time.Microsecond)
	second := note("k")
	if second == first {
		t.Error("after a day it is still the first note")
	}
	if again := note("k"); again != second {
		t.Error("the key does not count anew")
	}
	if n, err := idempotency.Prune(t.Context(), w.db, w.now()); n != 1 || err != nil {
		t.Errorf("%d deleted (%v), not the other one", n, err)
	}
	w.counts(map[string]int{"idempotency_keys": 1})
}

func TestWhatIsKeptOfACallNamesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit(intake.SubmitResponseInput{Score: 3, IdempotencyKey: new("kim@x.example 2026"), Customer: &customer.CustomerInput{Email: text("kim@x.example"), FirstName: text("Kim")}})
	var row string
	if err := w.db.Pool.QueryRow(t.Context(), "SELECT k::text || convert_from(key, 'LATIN1') FROM idempotency_keys k").Scan(&row); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.ToLower(row), "kim") {
		t.Errorf("%q", row)
	}
	var answer json.RawMessage
	if err := w.db.Pool.QueryRow(t.Context(), "SELECT answer FROM idempotency_keys").Scan(&answer); err != nil || !strings.Contains(string(answer), "response") {
		t.Errorf("%s, %v", answer, err)
	}
}

func TestACallSentAgainShowsNothingNewOfWhatHasLeftTheScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bo := w.user("bo@care.example", model.Agent)
	own := auth.Viewer{User: w.user("own@care.example", model.Agent, func(u *model.User) { u.OwnCasesOnly = true })}
	customer := w.open().CustomerID
	in := casework.OpenCaseInput{CustomerID: &customer, Note: "For Bo.", AssigneeID: &bo.ID, IdempotencyKey: new("k")}
	first, err := w.work.OpenCase(t.Context(), own, in)
	if err != nil {
		t.Fatal(err)
	}
	w.move(first.Case.ID, model.Closed)
	again, err := w.work.OpenCase(t.Context(), own, in)
	if err != nil || again.Event.ID != first.Event.ID || again.Case.ID != first.Case.ID || again.Case.Status != model.Open || again.Case.Customer.ID != customer {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: first.Case.ID, AssigneeID: &own.User.ID}); err != nil {
		t.Fatal(err)
	}
	if again, err = w.work.OpenCase(t.Context(), own, in); err != nil || again.Case.Status != model.Closed {
		t.Errorf("now that it is theirs: %+v, %v", again, err)
	}
}
