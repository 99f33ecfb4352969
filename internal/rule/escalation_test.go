package rule_test

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

func TestSteps(t *testing.T) {
	t.Parallel()
	t.Run("are measured from the response, without those of the past", func(t *testing.T) {
		t.Parallel()
		opens := named("opens")
		opens.OpensCase = true
		central := []model.Recipient{{Kind: model.RecipientCentral}}
		to := &model.Assignment{Strategy: model.ToAgent}
		opens.Escalations = []model.Escalation{
			{After: model.Duration(time.Hour), Notify: central}, {After: model.Duration(2 * time.Hour), Notify: central}, {After: model.Duration(3 * time.Hour), Reassign: to},
		}
		r := &model.Response{RespondedAt: at.Add(-2 * time.Hour)} // the second step is due at this moment
		steps := rule.Match(compile(t, opens), r, &model.Customer{}, at).Steps(r, at)
		if len(steps) != 1 {
			t.Fatalf("%+v", steps)
		}
		if s := steps[0]; s.Step != 3 || s.RuleID != opens.ID || time.Duration(s.After) != 3*time.Hour || !s.DueAt.Equal(at.Add(time.Hour)) || s.Reassign != to || s.SettledAt != nil {
			t.Errorf("%+v", s)
		}
		r.RespondedAt = at
		if steps = rule.Match(compile(t, opens), r, &model.Customer{}, at).Steps(r, at); len(steps) != 3 || !slices.Equal(steps[0].Notify, central) {
			t.Errorf("%+v", steps)
		}
	})

	t.Run("and the target are measured in the calendar of the opening rule", func(t *testing.T) {
		t.Parallel()
		night := &model.Calendar{TimeZone: "UTC", Hours: []model.CalendarHours{{Weekday: "TUESDAY", From: 0, To: 60}}}
		day := &model.Calendar{TimeZone: "America/New_York", Hours: []model.CalendarHours{{Weekday: "MONDAY", From: 9 * 60, To: 17 * 60}}}
		alerts, opens := named("alerts"), named("opens")
		alerts.Calendar, opens.Calendar = night, day
		opens.OpensCase, opens.FollowUpTarget = true, new(model.Duration(2*time.Hour))
		opens.Escalations = []model.Escalation{{After: model.Duration(time.Hour)}}
		r := &model.Response{RespondedAt: at} // Monday 09:30 UTC, 04:30 in New York
		d := rule.Match(compile(t, alerts, opens), r, &model.Customer{}, at)
		if due := d.DueAt(r); !due.Equal(time.Date(2026, 3, 2, 16, 0, 0, 0, time.UTC)) {
			t.Errorf("due at %s", due)
		}
		if s := d.Steps(r, at); len(s) != 1 || !s[0].DueAt.Equal(time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", s)
		}
	})

	t.Run("with an invalid calendar are not compiled", func(t *testing.T) {
		t.Parallel()
		broken := named("broken")
		broken.Calendar = &model.Calendar{TimeZone: "Mars/Olympus"}
		if _, err := rule.Compile([]model.Rule{broken}); err == nil {
			t.Error("an invalid calendar was compiled")
		}
	})
}
