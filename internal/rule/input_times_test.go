package rule_test

import (
	"slices"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func duration(d time.Duration) model.Duration { return model.Duration(d) }

// step is a step that alerts the central addresses.
func step(after time.Duration) *rule.EscalationInput {
	return &rule.EscalationInput{After: duration(after), Notify: []*rule.RecipientInput{{Kind: model.RecipientCentral}}}
}

func monday(from, to model.TimeOfDay) *rule.CalendarHoursInput {
	return &rule.CalendarHoursInput{Weekday: "MONDAY", From: from * 60, To: to * 60}
}

func TestEscalations(t *testing.T) {
	t.Parallel()
	t.Run("and the calendar stay until they are replaced or cleared", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo := w.User("bo@care.example", model.Agent)
		r := w.rule(rule.CreateRuleInput{
			Name: "all", Enabled: true, OpensCase: true,
			Escalations: []*rule.EscalationInput{
				{After: duration(24 * time.Hour), Notify: []*rule.RecipientInput{{Kind: model.RecipientAssignee}, {Kind: model.RecipientUser, UserID: &bo.ID}, {Kind: model.RecipientAddress, Address: new("boss@care.example")}}},
				{After: duration(48*time.Hour + time.Microsecond), Reassign: &rule.AssignmentInput{Strategy: model.RoundRobin, UserIDs: []model.UserID{bo.ID, w.Admin.User.ID}, FallbackUserID: &w.Admin.User.ID}},
			},
			Calendar: &rule.CalendarInput{TimeZone: "America/New_York", Hours: []*rule.CalendarHoursInput{monday(13, 17), monday(9, 12)}, Holidays: []model.Date{"2026-12-25", "2026-01-01", "2026-12-25"}},
		})
		stored := worktest.Read[model.Rule](w.T, w.DB, r.ID)
		for where, r := range map[string]*model.Rule{"answered": r, "stored": stored} {
			first, second := r.Escalations[0], r.Escalations[1]
			if len(r.Escalations) != 2 || first.After != duration(24*time.Hour) || len(first.Notify) != 3 || *first.Notify[1].UserID != bo.ID || *first.Notify[2].Address != "boss@care.example" || first.Reassign != nil ||
				second.After != duration(48*time.Hour+time.Microsecond) || len(second.Notify) != 0 || second.Reassign.Strategy != model.RoundRobin ||
				!slices.Equal(second.Reassign.UserIDs, []model.UserID{bo.ID, w.Admin.User.ID}) || *second.Reassign.FallbackUserID != w.Admin.User.ID {
				t.Errorf("%s: %+v", where, r.Escalations)
			}
			want := model.Calendar{TimeZone: "America/New_York", Hours: []model.CalendarHours{{Weekday: "MONDAY", From: 540, To: 720}, {Weekday: "MONDAY", From: 780, To: 1020}}, Holidays: []model.Date{"2026-01-01", "2026-12-25"}}
			if !equal(t, r.Calendar, want) {
				t.Errorf("%s: %+v", where, r.Calendar)
			}
		}
		update := func(in rule.UpdateRuleInput) *model.Rule {
			t.Helper()
			in.RuleID = r.ID
			if _, err := w.rules.Update(t.Context(), w.Admin, in); err != nil {
				t.Fatal(err)
			}
			return worktest.Read[model.Rule](w.T, w.DB, r.ID)
		}
		if same := update(rule.UpdateRuleInput{Name: worktest.Given("some")}); !equal(t, same.Escalations, stored.Escalations) || !equal(t, same.Calendar, stored.Calendar) {
			t.Errorf("another name: %+v, %+v", same.Escalations, same.Calendar)
		}
		if other := update(rule.UpdateRuleInput{Escalations: graphql.OmittableOf([]*rule.EscalationInput{step(time.Hour)})}); len(other.Escalations) != 1 || other.Calendar == nil {
			t.Errorf("other steps: %+v", other.Escalations)
		}
		if none := update(rule.UpdateRuleInput{Escalations: graphql.OmittableOf[[]*rule.EscalationInput](nil), Calendar: worktest.Null[rule.CalendarInput]()}); len(none.Escalations) != 0 || none.Calendar != nil {
			t.Errorf("cleared: %+v, %+v", none.Escalations, none.Calendar)
		}
	})

	t.Run("and calendars that are invalid are refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		nobody := model.UserID{UUID: model.NewUUID()}
		second := func(e rule.EscalationInput) rule.CreateRuleInput {
			return rule.CreateRuleInput{Escalations: []*rule.EscalationInput{step(time.Hour), &e}}
		}
		in := func(c rule.CalendarInput) rule.CreateRuleInput { return rule.CreateRuleInput{Calendar: &c} }
		minute := &rule.CalendarInput{TimeZone: "UTC", Hours: []*rule.CalendarHoursInput{{Weekday: "MONDAY", From: 0, To: 1}}}
		eleven := make([]*rule.EscalationInput, 11)
		for i := range eleven {
			eleven[i] = step(time.Duration(i+1) * time.Hour)
		}
		later, central := duration(2*time.Hour), []*rule.RecipientInput{{Kind: model.RecipientCentral}}
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			in       rule.CreateRuleInput
		}{
			"after zero":                {fault.CodeBadUserInput, "input.escalations[0].after", rule.CreateRuleInput{Escalations: []*rule.EscalationInput{step(0)}}},
			"out of order":              {fault.CodeBadUserInput, "input.escalations[1].after", second(*step(time.Hour))},
			"a step that does nothing":  {fault.CodeBadUserInput, "input.escalations[1]", second(rule.EscalationInput{After: later})},
			"11 steps":                  {fault.CodeBadUserInput, "input.escalations", rule.CreateRuleInput{Escalations: eleven}},
			"101 recipients":            {fault.CodeBadUserInput, "input.escalations[1].notify", second(rule.EscalationInput{After: later, Notify: slices.Repeat(central, 101)})},
			"an address without one":    {fault.CodeBadUserInput, "input.escalations[1].notify[0].address", second(rule.EscalationInput{After: later, Notify: []*rule.RecipientInput{{Kind: model.RecipientAddress}}})},
			"an unknown recipient":      {fault.CodeNotFound, "input.escalations[1].notify[0].userId", second(rule.EscalationInput{After: later, Notify: []*rule.RecipientInput{{Kind: model.RecipientUser, UserID: &nobody}}})},
			"USER without one":          {fault.CodeBadUserInput, "input.escalations[1].reassign.userId", second(rule.EscalationInput{After: later, Reassign: &rule.AssignmentInput{Strategy: model.ToUser}})},
			"USER with an unknown user": {fault.CodeNotFound, "input.escalations[1].reassign.userId", second(rule.EscalationInput{After: later, Reassign: &rule.AssignmentInput{Strategy: model.ToUser, UserID: &nobody}})},
			"an unknown user to choose": {fault.CodeNotFound, "input.escalations[1].reassign.userIds[0]", second(rule.EscalationInput{After: later, Reassign: &rule.AssignmentInput{Strategy: model.LeastBusy, UserIDs: []model.UserID{nobody}}})},
			"an unknown fallback":       {fault.CodeNotFound, "input.escalations[1].reassign.fallbackUserId", second(rule.EscalationInput{After: later, Reassign: &rule.AssignmentInput{Strategy: model.ToAgent, FallbackUserID: &nobody}})},
			"no such zone":              {fault.CodeBadUserInput, "input.calendar.timeZone", in(rule.CalendarInput{TimeZone: "Mars/Olympus", Hours: minute.Hours})},
			"no hours":                  {fault.CodeBadUserInput, "input.calendar.hours", in(rule.CalendarInput{TimeZone: "UTC"})},
			"hours over midnight":       {fault.CodeBadUserInput, "input.calendar.hours[0].to", in(rule.CalendarInput{TimeZone: "UTC", Hours: []*rule.CalendarHoursInput{monday(22, 6)}})},
			"hours that overlap":        {fault.CodeBadUserInput, "input.calendar.hours[1]", in(rule.CalendarInput{TimeZone: "UTC", Hours: []*rule.CalendarHoursInput{monday(9, 17), monday(12, 18)}})},
			"a target in the year 4000": {fault.CodeBadUserInput, "input.followUpTarget", rule.CreateRuleInput{Calendar: minute, FollowUpTarget: new(duration(1000 * time.Hour))}},
			"a step in the year 4000":   {fault.CodeBadUserInput, "input.escalations[1].after", rule.CreateRuleInput{Calendar: minute, Escalations: []*rule.EscalationInput{step(time.Hour), step(1000 * time.Hour)}}},
		} {
			c.in.Name = "all"
			out, err := w.rules.Create(t.Context(), w.Admin, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: answered %+v", name, out.Rule)
			}
		}
		if n := w.Count("SELECT count(*) FROM rules"); n != 0 {
			t.Errorf("%d rules", n)
		}
		// An update is refused too where the new calendar does not reach the stored target.
		r := w.rule(rule.CreateRuleInput{Name: "all", FollowUpTarget: new(duration(1000 * time.Hour))})
		_, err := w.rules.Update(t.Context(), w.Admin, rule.UpdateRuleInput{RuleID: r.ID, Calendar: graphql.OmittableOf(minute)})
		worktest.Refused(t, "a change", err, fault.CodeBadUserInput, "input.followUpTarget")
	})
}
