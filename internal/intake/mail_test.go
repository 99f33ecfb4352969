package intake_test

import (
	"context"
	"slices"
	"testing"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestAlerts(t *testing.T) {
	t.Parallel()
	t.Run("reach each address once and never the customer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Must(`UPDATE settings SET central_addresses = '["Central@care.example", "BOSS@care.example", "kim@x.example"]'`)
		bo, former := w.User("Bo@care.example", model.Agent), w.User("left@care.example", model.Agent, worktest.Inactive)
		to := func(address string) model.Recipient {
			return model.Recipient{Kind: model.RecipientAddress, Address: &address}
		}
		first := w.Rule("alerts", func(r *model.Rule) {
			r.OpensCase = false
			r.Recipients = []model.Recipient{to("boss@care.example"), {Kind: model.RecipientUser, UserID: &former.ID}, {Kind: model.RecipientAccountManager}, to("KIM@X.example")}
		})
		second := w.Rule("opens", func(r *model.Rule) {
			r.Strategy, r.UserID = model.ToUser, &bo.ID
			r.Recipients = []model.Recipient{{Kind: model.RecipientCentral}, {Kind: model.RecipientAssignee}, {Kind: model.RecipientAgent}, to("AM@care.example")}
		})
		w.Rule("does not match", func(r *model.Rule) { r.Scores, r.Recipients = []int{10}, []model.Recipient{to("never@care.example")} })
		out := w.Submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{
			Email: worktest.Given("Kim@x.example"), AccountManagerEmail: worktest.Given("am@care.example"), AgentEmail: worktest.Given("kim@X.EXAMPLE"),
		}})

		var mails []model.Notification
		if err := w.DB.Gorm.Order("to_fold, kind").Find(&mails).Error; err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range mails {
			by := map[model.RuleID]string{first.ID: "first", second.ID: "second"}[*m.RuleID]
			got = append(got, string(m.Kind)+" "+m.To+" "+by)
			if m.Status != model.NotificationQueued || m.Attempts != 0 || !m.CreatedAt.Equal(worktest.Start) || !worktest.Same(m.ResponseID, &out.Response.ID) || !worktest.Same(m.CaseID, &out.Case.ID) {
				t.Errorf("the mail is %+v; want QUEUED, 0 attempts, created at %v, response %v, case %v", m, worktest.Start, out.Response.ID, out.Case.ID)
			}
			if hasEvent := m.EventID != nil; hasEvent != (m.Kind == model.NotifyCaseAssigned) {
				t.Errorf("a %s mail has event %v; want an event for CASE_ASSIGNED alone", m.Kind, m.EventID)
			}
		}
		want := []string{
			"NEW_RESPONSE am@care.example first", "CASE_ASSIGNED Bo@care.example second", "NEW_RESPONSE Bo@care.example second",
			"NEW_RESPONSE boss@care.example first", "NEW_RESPONSE Central@care.example second",
		}
		if !slices.Equal(got, want) {
			t.Errorf("mails: want %q, got %q", want, got)
		}
		w.CheckJobs()
	})

	t.Run("do not reach an assignee who is the customer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		kim := w.User("kim@x.example", model.Agent)
		w.Rule("all", func(r *model.Rule) { r.Strategy, r.UserID = model.ToUser, &kim.ID })
		out := w.Submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{Email: worktest.Given("KIM@x.example")}})
		if !worktest.Same(out.Case.AssigneeID, &kim.ID) {
			t.Errorf("assignee: want %v, got %v", kim.ID, out.Case.AssigneeID)
		}
		byHand, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &out.Response.CustomerID}, Note: "They called.", AssigneeID: &kim.ID})
		if err != nil || !worktest.Same(byHand.Case.AssigneeID, &kim.ID) {
			t.Errorf("OpenCase with an assignee: want the case assigned to %v, got %+v, %v", kim.ID, byHand, err)
		}
		w.Counts(map[string]int{"notifications": 0, "river_job": 0})
	})

	t.Run("are not sent when no recipient is known", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", func(r *model.Rule) {
			r.Recipients = []model.Recipient{{Kind: model.RecipientCentral}, {Kind: model.RecipientAssignee}, {Kind: model.RecipientAgent}, {Kind: model.RecipientAccountManager}}
		})
		if out := w.Submit(worktest.From("c-1", 3)); out.Case == nil {
			t.Error("want a case, got none")
		}
		w.Counts(map[string]int{"notifications": 0, "river_job": 0})
	})

	// A transaction that fails in the middle, at the commit, or because the caller cancelled it leaves no row and no mail.
	t.Run("exist exactly when the transaction committed", func(t *testing.T) {
		t.Parallel()
		alertBoss := func(r *model.Rule) {
			r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("boss@care.example")}}
		}
		noRows := map[string]int{
			"customers": 0, "responses": 0, "cases": 0, "case_events": 0, "case_rules": 0, "response_rules": 0, "notifications": 0, "river_job": 0,
		}
		batch := []intake.Submission{{SubmitResponseInput: worktest.From("c-1", 3)}, {SubmitResponseInput: worktest.From("c-2", 3)}}
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
				w.Rule("all", alertBoss)
				w.Must(doom)
				outcomes, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, batch, intake.SubmitOptions{})
				if err == nil || outcomes != nil {
					t.Errorf("want an error and no outcomes, got %v and %+v", err, outcomes)
				}
				w.Counts(noRows)
				if name == "at the last mail" {
					return
				}
				w.SubmitAll(intake.SubmitOptions{}, batch[0])
				w.Counts(map[string]int{"responses": 1, "cases": 1, "notifications": 1, "river_job": 1})
				w.CheckJobs()
			})
		}
		t.Run("when the caller cancels", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Rule("all", alertBoss)
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := intake.New(w.Work).SubmitAll(cancelled, w.Agent, batch, intake.SubmitOptions{}); err == nil {
				t.Error("want an error for a cancelled context, got none")
			}
			w.Counts(noRows)
		})
	})
}
