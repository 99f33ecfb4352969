package casework_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

func TestAllMatchingRulesTellEachAddressOnceAndNeverTheCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(`UPDATE settings SET central_addresses = '["Central@care.example", "BOSS@care.example", "kim@x.example"]'`)
	bo, left := w.user("Bo@care.example", model.Agent), w.user("left@care.example", model.Agent, inactive)
	to := func(address string) model.Recipient {
		return model.Recipient{Kind: model.RecipientAddress, Address: &address}
	}
	first := w.rule("tells", func(r *model.Rule) {
		r.OpensCase = false
		r.Recipients = []model.Recipient{to("boss@care.example"), {Kind: model.RecipientUser, UserID: &left.ID}, {Kind: model.RecipientAccountManager}, to("KIM@X.example")}
	})
	second := w.rule("opens", func(r *model.Rule) {
		r.Strategy, r.UserID = model.ToUser, &bo.ID
		r.Recipients = []model.Recipient{{Kind: model.RecipientCentral}, {Kind: model.RecipientAssignee}, {Kind: model.RecipientAgent}, to("AM@care.example")}
	})
	w.rule("misses", func(r *model.Rule) { r.Scores, r.Recipients = []int{10}, []model.Recipient{to("never@care.example")} })
	out := w.submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{
		Email: text("Kim@x.example"), AccountManagerEmail: text("am@care.example"), AgentEmail: text("kim@X.EXAMPLE"),
	}})

	var mails []model.Notification
	if err := w.db.Gorm.Order("to_fold, kind").Find(&mails).Error; err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mails {
		by := map[model.RuleID]string{first.ID: "first", second.ID: "second"}[*m.RuleID]
		got = append(got, string(m.Kind)+" "+m.To+" "+by)
		if m.Status != model.NotificationQueued || m.Attempts != 0 || !m.CreatedAt.Equal(start) || !same(m.ResponseID, &out.Response.ID) || !same(m.CaseID, &out.Case.ID) {
			t.Errorf("%+v", m)
		}
		if told := m.EventID != nil; told != (m.Kind == model.NotifyCaseAssigned) {
			t.Errorf("of the event %v: %+v", m.EventID, m)
		}
	}
	want := []string{
		"NEW_RESPONSE am@care.example first", "CASE_ASSIGNED Bo@care.example second", "NEW_RESPONSE Bo@care.example second",
		"NEW_RESPONSE boss@care.example first", "NEW_RESPONSE Central@care.example second",
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %q", got)
	}
	w.jobsMatch()
}

func TestAnAssigneeWhoIsTheCustomerIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kim := w.user("kim@x.example", model.Agent)
	w.rule("all", func(r *model.Rule) { r.Strategy, r.UserID = model.ToUser, &kim.ID })
	out := w.submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{Email: text("KIM@x.example")}})
	if !same(out.Case.AssigneeID, &kim.ID) {
		t.Errorf("given to %v", out.Case.AssigneeID)
	}
	byHand, err := w.work.OpenCase(t.Context(), w.agent, casework.OpenCaseInput{CustomerID: &out.Response.CustomerID, Note: "They called.", AssigneeID: &kim.ID})
	if err != nil || !same(byHand.Case.AssigneeID, &kim.ID) {
		t.Errorf("given by hand: %v", err)
	}
	w.counts(map[string]int{"notifications": 0, "river_job": 0})
}

func TestARuleThatMatchesNobodyWhoIsToldSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("all", func(r *model.Rule) {
		r.Recipients = []model.Recipient{{Kind: model.RecipientCentral}, {Kind: model.RecipientAssignee}, {Kind: model.RecipientAgent}, {Kind: model.RecipientAccountManager}}
	})
	if out := w.submit(from("c-1", 3)); out.Case == nil {
		t.Error("no case")
	}
	w.counts(map[string]int{"notifications": 0, "river_job": 0})
}

// What fails in the middle, at the commit, or because the caller went away, has told nobody and left nothing.
func TestMailsAreThereExactlyWhenTheTransactionCommitted(t *testing.T) {
	t.Parallel()
	told := func(r *model.Rule) {
		r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("boss@care.example")}}
	}
	nothing := map[string]int{
		"customers": 0, "responses": 0, "cases": 0, "case_events": 0, "case_rules": 0, "response_rules": 0, "notifications": 0, "river_job": 0,
	}
	batch := []intake.Submission{{SubmitResponseInput: from("c-1", 3)}, {SubmitResponseInput: from("c-2", 3)}}
	batch[1].Survey = new("doomed")
	for name, doom := range map[string]string{
		"in the middle": `ALTER TABLE responses ADD CONSTRAINT doom CHECK (survey <> 'doomed')`,
		"at the commit": `CREATE FUNCTION doom() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'doom'; END $$;
			CREATE CONSTRAINT TRIGGER doom AFTER INSERT ON responses DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
			WHEN (NEW.survey = 'doomed') EXECUTE FUNCTION doom()`,
		"at the last mail": `ALTER TABLE river_job ADD CONSTRAINT doom CHECK (id < 2)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rule("all", told)
			w.must(doom)
			outcomes, err := intake.New(w.work).SubmitAll(t.Context(), w.agent, batch, intake.SubmitOptions{})
			if err == nil || outcomes != nil {
				t.Errorf("answered %+v: %v", outcomes, err)
			}
			w.counts(nothing)
			if name == "at the last mail" {
				return
			}
			w.submitAll(intake.SubmitOptions{}, batch[0])
			w.counts(map[string]int{"responses": 1, "cases": 1, "notifications": 1, "river_job": 1})
			w.jobsMatch()
		})
	}
	t.Run("the caller went away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.rule("all", told)
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := intake.New(w.work).SubmitAll(gone, w.agent, batch, intake.SubmitOptions{}); err == nil {
			t.Error("it was done all the same")
		}
		w.counts(nothing)
	})
}

func TestAnAssignmentThatFailsTellsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, bo := w.open().ID, w.user("bo@care.example", model.Agent)
	w.must(`CREATE FUNCTION doom() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'doom'; END $$;
		CREATE CONSTRAINT TRIGGER doom AFTER INSERT ON notifications DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION doom()`)
	w.later(time.Hour)
	if out, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &bo.ID, Note: new("Knows them.")}); err == nil || out != nil {
		t.Errorf("answered %+v: %v", out, err)
	}
	w.counts(map[string]int{"case_events": 1, "notes": 1, "notifications": 0, "river_job": 0})
	if c := read[model.Case](w, id); c.AssigneeID != nil || c.Version != 1 || !c.UpdatedAt.Equal(start) {
		t.Errorf("%+v", c)
	}
	w.logTells(id)
}

// jobsMatch asserts that each mail has its one job, and each job its mail.
func (w *world) jobsMatch() {
	w.t.Helper()
	n := w.count(`SELECT count(*) FROM notifications n FULL JOIN river_job j ON j.kind = 'send_mail' AND j.args->>'notificationId' = n.id::text
		WHERE n.id IS NULL OR j.id IS NULL`)
	if n != 0 {
		w.t.Errorf("%d mails have no job, or jobs no mail", n)
	}
	if mails, jobs := w.count("SELECT count(*) FROM notifications"), w.count("SELECT count(*) FROM river_job"); mails != jobs {
		w.t.Errorf("%d mails, %d jobs", mails, jobs)
	}
}
