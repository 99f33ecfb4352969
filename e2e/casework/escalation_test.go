package casework

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// A team works from 8 to 17 in New York. A case that nobody follows up is reassigned to the manager; the history and the
// feed show why.
func TestEscalation(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	var hours []vars
	for _, day := range []string{"FRIDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY"} {
		hours = append(hours, vars{"weekday": day, "from": "13:00", "to": "17:00"}, vars{"weekday": day, "from": "08:00", "to": "12:00"})
	}
	rule := s.AddRule(vars{
		"assignment":     vars{"strategy": "USER", "userId": s.Users[model.Agent]},
		"followUpTarget": "PT16H",
		"calendar":       vars{"timeZone": "America/New_York", "hours": hours, "holidays": []string{"2026-12-25", "2026-01-01"}},
		"escalations": []vars{
			{"after": "PT8H", "notify": []vars{{"kind": "ASSIGNEE"}, {"kind": "ADDRESS", "address": "boss@example.com"}, {"kind": "USER", "userId": s.Users[model.Manager]}}},
			{"after": "P1D", "reassign": vars{"strategy": "LEAST_BUSY", "userIds": []string{s.Users[model.Agent], s.Users[model.Manager]}, "fallbackUserId": s.Users[model.Admin]}},
		},
	})
	const whole = `{rules {followUpTarget calendar {timeZone hours {weekday from to} holidays}
		escalations {after notify {kind address user {id}} reassign {strategy user {id} users {id} fallbackUser {id}}}}}`
	kept := s.OK(model.Stakeholder, whole, nil).At("rules.0")
	if kept.Text("calendar.timeZone") != "America/New_York" || len(kept.List("calendar.hours")) != 10 || kept.Text("calendar.hours.0.weekday") != "MONDAY" ||
		kept.Text("calendar.hours.0.from") != "08:00" || kept.Text("calendar.hours.1.to") != "17:00" || kept.Text("calendar.holidays.0") != "2026-01-01" {
		t.Errorf("the calendar: %v", kept.At("calendar").V)
	}
	first, second := kept.At("escalations.0"), kept.At("escalations.1")
	if first.Text("after") != "PT8H" || len(first.List("notify")) != 3 || first.Text("notify.1.address") != "boss@example.com" || first.Text("notify.2.user.id") != s.Users[model.Manager] || !first.Missing("reassign") {
		t.Errorf("the first step: %v", first.V)
	}
	if second.Text("after") != "PT24H" || len(second.List("notify")) != 0 || second.Text("reassign.strategy") != "LEAST_BUSY" || !second.Missing("reassign.user") ||
		second.Text("reassign.users.1.id") != s.Users[model.Manager] || second.Text("reassign.fallbackUser.id") != s.Users[model.Admin] {
		t.Errorf("the second step: %v", second.V)
	}

	// A response of a past Friday afternoon: its target and its steps have passed already, so no step is taken.
	_, old := s.Submit(vars{"respondedAt": "2025-03-07T20:00:00Z"}) // 15:00 in New York, before the clocks change
	asked := s.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {dueAt timeSinceOpen businessTimeSinceOpen}}}`, vars{"id": old}).At("node")
	if asked.Text("dueAt") != "2025-03-11T19:00:00Z" || asked.Missing("businessTimeSinceOpen") || !strings.HasPrefix(asked.Text("timeSinceOpen"), "PT") {
		t.Errorf("the old case: %v", asked.V)
	}
	byHand, _ := s.Submit(vars{"score": 9})
	opened := s.OK(model.Agent, `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id businessTimeSinceOpen}}}`, vars{"input": vars{"subject": vars{"responseId": byHand}, "note": "A word of thanks."}})
	if !opened.Missing("openCase.case.businessTimeSinceOpen") {
		t.Errorf("by hand: %v", opened.V)
	}

	// The steps of the next case become due.
	_, id := s.Submit(nil)
	c := s.Watch(model.Partner, `(after: "`+s.Cursor()+`", types: [ESCALATED])`, `type at actor {id} snapshot {version} ... on CaseEscalated {step after}`)
	if _, err := s.App.DB.Pool.Exec(t.Context(), "UPDATE case_escalations SET due_at = now() - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
	for {
		found, err := s.App.Work.Escalate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			break
		}
	}
	for i, after := range []string{"PT8H", "PT24H"} {
		if edge := c.NextEdge(); !edge.Bool("matches") {
			t.Errorf("step %d does not match", i+1)
		} else if e := edge.At("node"); e.Text("type") != "ESCALATED" || e.Number("step") != i+1 || e.Text("after") != after || !e.Missing("actor") || e.Number("snapshot.version") != 3+i {
			t.Errorf("step %d is pushed as %v", i+1, e.V)
		}
	}
	state := s.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {assignee {id} history {nodes {type ... on CaseEscalated {step rule {id}} ... on CaseAssigned {previousAssignee {id} assignee {id}}}}
		notifications {kind to rule {id}}}}}`, vars{"id": id}).At("node")
	var history, mails []string
	for _, e := range state.List("history.nodes") {
		history = append(history, e.Text("type"))
	}
	for _, n := range state.List("notifications") {
		mails = append(mails, n.Text("kind")+" "+n.Text("to"))
	}
	if got := strings.Join(history, " "); got != "OPENED ASSIGNED ESCALATED ESCALATED ASSIGNED" || state.Text("assignee.id") != s.Users[model.Manager] ||
		state.Text("history.nodes.3.rule.id") != rule || state.Text("history.nodes.4.previousAssignee.id") != s.Users[model.Agent] {
		t.Errorf("the history is %s: %v", got, state.V)
	}
	want := "CASE_ASSIGNED agent@example.com, CASE_ESCALATED agent@example.com, CASE_ESCALATED boss@example.com, CASE_ESCALATED manager@example.com, CASE_ASSIGNED manager@example.com"
	if got := strings.Join(mails, ", "); got != want {
		t.Errorf("the mails are %s", got)
	}

	// A partner sees that the case was escalated, but not by which rule.
	if a := s.Do(model.Partner, `query ($id: ID!) {node(id: $id) {... on Case {history {nodes {... on CaseEscalated {step rule {id}}}}}}}`, vars{"id": id}); a.Code() != "FORBIDDEN" {
		t.Errorf("a partner asks for the rule: %s", a.Body)
	}
	const update = `mutation ($input: UpdateRuleInput!) {updateRule(input: $input) {rule {calendar {timeZone} escalations {after}}}}`
	cleared := s.OK(model.Manager, update, vars{"input": vars{"ruleId": rule, "calendar": nil, "escalations": nil}}).At("updateRule.rule")
	if !cleared.Missing("calendar") || len(cleared.List("escalations")) != 0 {
		t.Errorf("cleared: %v", cleared.V)
	}
	wrong := s.Do(model.Manager, update, vars{"input": vars{"ruleId": rule, "escalations": []vars{{"after": "PT1H"}}}})
	if wrong.Code() != "BAD_USER_INPUT" || wrong.Errors[0].Argument() != "input.escalations[0]" {
		t.Errorf("a step that does nothing: %s", wrong.Body)
	}
	hour := s.Do(model.Manager, update, vars{"input": vars{"ruleId": rule, "calendar": vars{"timeZone": "UTC", "hours": []vars{{"weekday": "MONDAY", "from": "9", "to": "17:00"}}}}})
	if hour.Code() != "BAD_USER_INPUT" || hour.Errors[0].Argument() != "input.calendar.hours[0].from" {
		t.Errorf("a time of day that is none: %s", hour.Body)
	}
	preview := s.OK(model.Manager, `query ($rule: CreateRuleInput!) {previewRule(rule: $rule, since: "2000-01-01T00:00:00Z") {matched}}`, vars{"rule": vars{"name": "all",
		"escalations": []vars{{"after": "PT1H", "notify": []vars{{"kind": "CENTRAL"}}}}, "calendar": vars{"timeZone": "UTC", "hours": []vars{{"weekday": "MONDAY", "from": "00:00", "to": "24:00"}}}}})
	if preview.Number("previewRule.matched") != 3 {
		t.Errorf("a preview: %v", preview.V)
	}
}

// Business time does not pass outside business hours or after the case is closed.
func TestBusinessTime(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	var hours []vars
	for _, day := range model.Weekdays {
		hours = append(hours, vars{"weekday": day, "from": "00:00", "to": "06:00"}, vars{"weekday": day, "from": "12:00", "to": "18:00"})
	}
	s.AddRule(vars{"calendar": vars{"timeZone": "UTC", "hours": hours}})
	_, id := s.Submit(nil)
	s.ChangeStatus(id, model.Closed)
	// Half of each day is business time; the case was open for ten days from midnight on.
	if _, err := s.App.DB.Pool.Exec(t.Context(), "UPDATE cases SET opened_at = date_trunc('day', closed_at) - interval '10 days'"); err != nil {
		t.Fatal(err)
	}
	c := s.OK(model.Partner, `query ($id: ID!) {node(id: $id) {... on Case {closedAt businessTimeSinceOpen}}}`, vars{"id": id}).At("node")
	var got model.Duration
	if err := got.UnmarshalGQL(c.Text("businessTimeSinceOpen")); err != nil {
		t.Fatal(err)
	}
	closed, err := time.Parse(time.RFC3339, c.Text("closedAt"))
	if err != nil {
		t.Fatal(err)
	}
	today := closed.Sub(closed.Truncate(24 * time.Hour))
	want := 10*12*time.Hour + min(today, 6*time.Hour) + min(max(today-12*time.Hour, 0), 6*time.Hour)
	if time.Duration(got) != want {
		t.Errorf("it was open for %s of business time, not %s", time.Duration(got), want)
	}
}
