package intake_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestRules(t *testing.T) {
	t.Parallel()
	t.Run("open a case when they match", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		rule := w.Rule("detractors", func(r *model.Rule) {
			r.Scores, r.FollowUpTarget = []int{0, 1, 2, 3, 4, 5, 6}, new(model.Duration(48*time.Hour))
		})
		responded := worktest.Start.Add(-time.Hour)
		in := worktest.From("c-1", 6)
		in.RespondedAt, in.ContactRequested, in.Customer.Country, in.Customer.Company = &responded, new(true), worktest.Given("BR"), worktest.Given("ACME")
		out := w.Submit(in)
		if out.Case == nil {
			t.Fatal("want a case, got none")
		}
		for where, c := range map[string]*model.Case{"returned": out.Case, "stored": worktest.Read[model.Case](w.T, w.DB, out.Case.ID)} {
			if c.Status != model.Open || c.Origin != model.OriginRule || c.CustomerID != out.Response.CustomerID || *c.ResponseID != out.Response.ID ||
				c.AssigneeID != nil || c.OpenedByID != nil || !c.OpenedAt.Equal(worktest.Start) || !c.UpdatedAt.Equal(worktest.Start) || !c.DueAt.Equal(responded.Add(48*time.Hour)) ||
				c.FirstFollowUpAt != nil || c.ClosedAt != nil || c.ReopenCount != 0 || c.Version != 1 || c.Number < 1 ||
				*c.Score != 6 || *c.Category != model.Detractor || !c.RespondedAt.Equal(responded) || !*c.ContactRequested || *c.Country != "BR" || *c.CompanyFold != "acme" {
				t.Errorf("the %s case is wrong: %+v", where, c)
			}
		}
		events := w.Events(out.Case.ID)
		if len(events) != 1 || events[0].Type != model.EventOpened || *events[0].RuleID != rule.ID || events[0].ActorID != nil || events[0].NoteID != nil || !events[0].At.Equal(worktest.Start) {
			t.Errorf("events: want one OPENED event by rule %v, got %+v", rule.ID, events)
		}
		w.CheckLog(out.Case.ID)

		if out = w.Submit(worktest.From("c-2", 7)); out.Case != nil {
			t.Errorf("a passive response: want no case, got %+v", out.Case)
		}
		w.Counts(map[string]int{"cases": 1, "response_rules": 1})
	})

	t.Run("number their cases upwards", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", nil)
		last := 0
		for range 3 {
			c := w.Submit(intake.SubmitResponseInput{Score: 3}).Case
			if c.Number <= last {
				t.Errorf("number: want more than %d, got %d", last, c.Number)
			}
			last = c.Number
		}
	})

	t.Run("match the response and the customer as they are now", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("contact requested", func(r *model.Rule) { r.ContactRequested = new(true) })
		w.Rule("brazil", func(r *model.Rule) { r.Filter = json.RawMessage(`{"customer":{"country":{"eq":"br"}}}`) })
		w.Rule("gold", func(r *model.Rule) { r.Filter = json.RawMessage(`{"customer":{"segment":{"in":["Gold","silver"]}}}`) })
		w.Rule("acme", func(r *model.Rule) { r.Filter = json.RawMessage(`{"customer":{"company":{"eq":"acme"}}}`) })
		w.Rule("a ten", func(r *model.Rule) { r.Scores = []int{10} })
		w.Rule("off", func(r *model.Rule) { r.Enabled = false })
		w.Rule("gone", func(r *model.Rule) { r.DeletedAt = &worktest.Start })
		for name, c := range map[string]struct {
			change func(*intake.SubmitResponseInput)
			want   []string
		}{
			"nothing":          {func(*intake.SubmitResponseInput) {}, nil},
			"contact":          {func(in *intake.SubmitResponseInput) { in.ContactRequested = new(true) }, []string{"contact requested"}},
			"the country":      {func(in *intake.SubmitResponseInput) { in.Customer.Country = worktest.Given("Brazil") }, []string{"brazil"}},
			"another country":  {func(in *intake.SubmitResponseInput) { in.Customer.Country = worktest.Given("DE") }, nil},
			"the segment":      {func(in *intake.SubmitResponseInput) { in.Customer.Segment = worktest.Given("GOLD") }, []string{"gold"}},
			"another segment":  {func(in *intake.SubmitResponseInput) { in.Customer.Segment = worktest.Given("bronze") }, nil},
			"the company":      {func(in *intake.SubmitResponseInput) { in.Customer.Company = worktest.Given("Acme") }, []string{"acme"}},
			"another company":  {func(in *intake.SubmitResponseInput) { in.Customer.Company = worktest.Given("Acme Inc") }, nil},
			"the score":        {func(in *intake.SubmitResponseInput) { in.Score = 10 }, []string{"a ten"}},
			"several of these": {func(in *intake.SubmitResponseInput) { in.Score, in.Customer.Country = 10, worktest.Given("BR") }, []string{"brazil", "a ten"}},
		} {
			in := intake.SubmitResponseInput{Score: 5, Customer: new(customer.CustomerInput)}
			c.change(&in)
			out := w.Submit(in)
			if got := w.matched(out.Response.ID); !slices.Equal(got, c.want) || (out.Case != nil) != (c.want != nil) {
				t.Errorf("%s: want rules %v and a case exactly if there is one, got rules %v and case %+v", name, c.want, got, out.Case)
			}
		}

		// The rules see the stored customer data and the changes that this response makes to it.
		in := worktest.From("c-1", 5)
		in.Customer.Country = worktest.Given("BR")
		w.Submit(in)
		w.Later(time.Minute)
		if got := w.matched(w.Submit(worktest.From("c-1", 5)).Response.ID); !slices.Equal(got, []string{"brazil"}) {
			t.Errorf("a response without a country: want the rule that matches the stored country, got %v", got)
		}
		w.Later(time.Minute)
		in.Customer.Country = worktest.Given("DE")
		if got := w.matched(w.Submit(in).Response.ID); got != nil {
			t.Errorf("a response that changes the country: want no rule, got %v", got)
		}
	})

	t.Run("open one case that names the opening rule first", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		alert := w.Rule("alerts", func(r *model.Rule) { r.OpensCase = false })
		w.Rule("does not match", func(r *model.Rule) { r.Scores = []int{10} })
		opener := w.Rule("opens", func(r *model.Rule) { r.FollowUpTarget = new(model.Duration(time.Hour)) })
		second := w.Rule("would open too", func(r *model.Rule) { r.FollowUpTarget = new(model.Duration(time.Minute)) })
		w.Must("UPDATE rules SET position = position + 100 WHERE id = $1", alert.ID.UUID) // the order is by position, not by age
		out := w.Submit(worktest.From("c-1", 3))

		var ids []model.RuleID
		if err := w.DB.Gorm.Raw("SELECT rule_id FROM case_rules WHERE case_id = ? ORDER BY ordinal", out.Case.ID).Scan(&ids).Error; err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ids, []model.RuleID{opener.ID, second.ID, alert.ID}) {
			t.Errorf("rules of the case: want %v, got %v", []model.RuleID{opener.ID, second.ID, alert.ID}, ids)
		}
		if !out.Case.DueAt.Equal(worktest.Start.Add(time.Hour)) || *w.Events(out.Case.ID)[0].RuleID != opener.ID {
			t.Errorf("want the opening rule's target %v and an event by it, got %v and %+v", worktest.Start.Add(time.Hour), out.Case.DueAt, w.Events(out.Case.ID)[0])
		}
		w.Counts(map[string]int{"cases": 1, "response_rules": 3})
		w.CheckLog(out.Case.ID)
	})

	t.Run("name the opening rule first when another rule matched before", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		alert := w.Rule("alerts", func(r *model.Rule) { r.OpensCase = false })
		opener := w.Rule("opens", nil)
		out := w.Submit(worktest.From("c-1", 3))
		if s := w.Snapshot(out.Case.ID); !slices.Equal(s.RuleIDs, []model.RuleID{opener.ID, alert.ID}) {
			t.Errorf("rules of the case: want %v, got %v", []model.RuleID{opener.ID, alert.ID}, s.RuleIDs)
		}
	})

	t.Run("match without opening a case when they only notify", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("alerts", func(r *model.Rule) {
			r.OpensCase = false
			r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("boss@care.example")}}
		})
		if out := w.Submit(worktest.From("c-1", 3)); out.Case != nil {
			t.Errorf("want no case, got %+v", out.Case)
		}
		w.Counts(map[string]int{"cases": 0, "response_rules": 1, "notifications": 1, "river_job": 1})
	})

	t.Run("measure the target from the response and send no overdue mail for an old response", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo := w.User("bo@care.example", model.Agent)
		w.Rule("all", func(r *model.Rule) {
			r.FollowUpTarget, r.Strategy, r.UserID = new(model.Duration(48*time.Hour)), model.ToUser, &bo.ID
		})
		responded := worktest.Start.Add(-72 * time.Hour)
		in := worktest.From("c-1", 3)
		in.RespondedAt = &responded
		c := w.Submit(in).Case
		if c = worktest.Read[model.Case](w.T, w.DB, c.ID); !c.DueAt.Equal(worktest.Start.Add(-24*time.Hour)) || !c.Overdue(w.Now()) {
			t.Errorf("due time: want %v and overdue, got %v", worktest.Start.Add(-24*time.Hour), c.DueAt)
		}
		w.Later(time.Hour)
		if marked, err := w.Work.MarkOverdue(t.Context()); marked != 0 || err != nil {
			t.Errorf("MarkOverdue: want 0 for a case that was overdue from the start, got %d, %v", marked, err)
		}
		if mails := w.Mails(); !slices.Equal(mails, []string{"CASE_ASSIGNED bo@care.example"}) {
			t.Errorf("mails: want only CASE_ASSIGNED bo@care.example, got %v", mails)
		}
	})

	t.Run("open a case that never falls overdue when they have no target", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", nil)
		if c := w.Submit(worktest.From("c-1", 3)).Case; c.DueAt != nil || c.Overdue(worktest.Start.Add(1000*time.Hour)) {
			t.Errorf("due time: want none and never overdue, got %v", c.DueAt)
		}
	})
}

// matched returns the names of the rules that the response matched, by position.
func (w *world) matched(id model.ResponseID) (list []string) {
	w.T.Helper()
	err := w.DB.Gorm.Raw("SELECT r.name FROM response_rules m JOIN rules r ON r.id = m.rule_id WHERE m.response_id = ? ORDER BY r.position", id).Scan(&list).Error
	if err != nil {
		w.T.Fatal(err)
	}
	return list
}
