package main

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

// A team that works from 9 to 5 in New York: the case that nobody calls about goes to the manager, and everybody sees
// why, in the history and in the feed.
func TestACaseThatNobodyFollowsUpIsEscalatedInBusinessHours(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var hours []vars
	for _, day := range []string{"FRIDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY"} {
		hours = append(hours, vars{"weekday": day, "from": "13:00", "to": "17:00"}, vars{"weekday": day, "from": "08:00", "to": "12:00"})
	}
	rule := s.addRule(vars{
		"assignment":     vars{"strategy": "USER", "userId": s.users[model.Agent]},
		"followUpTarget": "PT16H",
		"calendar":       vars{"timeZone": "America/New_York", "hours": hours, "holidays": []string{"2026-12-25", "2026-01-01"}},
		"escalations": []vars{
			{"after": "PT8H", "notify": []vars{{"kind": "ASSIGNEE"}, {"kind": "ADDRESS", "address": "boss@example.com"}, {"kind": "USER", "userId": s.users[model.Manager]}}},
			{"after": "P1D", "reassign": vars{"strategy": "LEAST_BUSY", "userIds": []string{s.users[model.Agent], s.users[model.Manager]}, "fallbackUserId": s.users[model.Admin]}},
		},
	})
	const whole = `{rules {followUpTarget calendar {timeZone hours {weekday from to} holidays}
		escalations {after notify {kind address user {id}} reassign {strategy user {id} users {id} fallbackUser {id}}}}}`
	kept := s.ok(model.Stakeholder, whole, nil).at("rules.0")
	if kept.text("calendar.timeZone") != "America/New_York" || len(kept.list("calendar.hours")) != 10 || kept.text("calendar.hours.0.weekday") != "MONDAY" ||
		kept.text("calendar.hours.0.from") != "08:00" || kept.text("calendar.hours.1.to") != "17:00" || kept.text("calendar.holidays.0") != "2026-01-01" {
		t.Errorf("the calendar: %v", kept.at("calendar").v)
	}
	first, second := kept.at("escalations.0"), kept.at("escalations.1")
	if first.text("after") != "PT8H" || len(first.list("notify")) != 3 || first.text("notify.1.address") != "boss@example.com" || first.text("notify.2.user.id") != s.users[model.Manager] || !first.missing("reassign") {
		t.Errorf("the first step: %v", first.v)
	}
	if second.text("after") != "PT24H" || len(second.list("notify")) != 0 || second.text("reassign.strategy") != "LEAST_BUSY" || !second.missing("reassign.user") ||
		second.text("reassign.users.1.id") != s.users[model.Manager] || second.text("reassign.fallbackUser.id") != s.users[model.Admin] {
		t.Errorf("the second step: %v", second.v)
	}

	// The response of a past Friday afternoon: its target has passed already, and so have the steps; nobody is told.
	_, old := s.submitted(vars{"respondedAt": "2025-03-07T20:00:00Z"}) // 15:00 in New York, before the clocks change
	asked := s.ok(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {dueAt timeSinceOpen businessTimeSinceOpen}}}`, vars{"id": old}).at("node")
	if asked.text("dueAt") != "2025-03-11T19:00:00Z" || asked.missing("businessTimeSinceOpen") || !strings.HasPrefix(asked.text("timeSinceOpen"), "PT") {
		t.Errorf("the old case: %v", asked.v)
	}
	byHand, _ := s.submitted(vars{"score": 9})
	opened := s.ok(model.Agent, `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id businessTimeSinceOpen}}}`, vars{"input": vars{"responseId": byHand, "note": "A word of thanks."}})
	if !opened.missing("openCase.case.businessTimeSinceOpen") {
		t.Errorf("by hand: %v", opened.v)
	}

	// Time passes: the next case's steps come to be due.
	_, id := s.submitted(nil)
	c := s.watch(model.Partner, `(after: "`+s.place()+`", types: [ESCALATED])`, `type at actor {id} matches snapshot {version} ... on CaseEscalated {step after}`)
	if _, err := s.app.DB.Pool.Exec(t.Context(), "UPDATE case_escalations SET due_at = now() - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
	for {
		found, err := s.app.Work.Escalate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			break
		}
	}
	for i, after := range []string{"PT8H", "PT24H"} {
		if e := c.next(); e.text("type") != "ESCALATED" || e.number("step") != i+1 || e.text("after") != after || !e.missing("actor") || e.number("snapshot.version") != 3+i || !e.truth("matches") {
			t.Errorf("step %d is pushed as %v", i+1, e.v)
		}
	}
	told := s.ok(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {assignee {id} history {nodes {type ... on CaseEscalated {step rule {id}} ... on CaseAssigned {previousAssignee {id} assignee {id}}}}
		notifications {kind to rule {id}}}}}`, vars{"id": id}).at("node")
	var history, mails []string
	for _, e := range told.list("history.nodes") {
		history = append(history, e.text("type"))
	}
	for _, n := range told.list("notifications") {
		mails = append(mails, n.text("kind")+" "+n.text("to"))
	}
	if got := strings.Join(history, " "); got != "OPENED ASSIGNED ESCALATED ESCALATED ASSIGNED" || told.text("assignee.id") != s.users[model.Manager] ||
		told.text("history.nodes.3.rule.id") != rule || told.text("history.nodes.4.previousAssignee.id") != s.users[model.Agent] {
		t.Errorf("the history is %s: %v", got, told.v)
	}
	want := "CASE_ASSIGNED agent@example.com, CASE_ESCALATED agent@example.com, CASE_ESCALATED boss@example.com, CASE_ESCALATED manager@example.com, CASE_ASSIGNED manager@example.com"
	if got := strings.Join(mails, ", "); got != want {
		t.Errorf("the mails are %s", got)
	}

	// A partner sees that it was escalated, and not by which rule.
	if a := s.gql(model.Partner, `query ($id: ID!) {node(id: $id) {... on Case {history {nodes {... on CaseEscalated {step rule {id}}}}}}}`, vars{"id": id}); a.code() != "FORBIDDEN" {
		t.Errorf("a partner asks for the rule: %s", a.body)
	}
	const update = `mutation ($input: UpdateRuleInput!) {updateRule(input: $input) {rule {calendar {timeZone} escalations {after}}}}`
	cleared := s.ok(model.Manager, update, vars{"input": vars{"id": rule, "calendar": nil, "escalations": nil}}).at("updateRule.rule")
	if !cleared.missing("calendar") || len(cleared.list("escalations")) != 0 {
		t.Errorf("cleared: %v", cleared.v)
	}
	wrong := s.gql(model.Manager, update, vars{"input": vars{"id": rule, "escalations": []vars{{"after": "PT1H"}}}})
	if wrong.code() != "BAD_USER_INPUT" || wrong.errors[0].argument() != "input.escalations[0]" {
		t.Errorf("a step that does nothing: %s", wrong.body)
	}
	hour := s.gql(model.Manager, update, vars{"input": vars{"id": rule, "calendar": vars{"timeZone": "UTC", "hours": []vars{{"weekday": "MONDAY", "from": "9", "to": "17:00"}}}}})
	if hour.code() != "BAD_USER_INPUT" || hour.errors[0].argument() != "input.calendar.hours[0].from" {
		t.Errorf("a time of day that is none: %s", hour.body)
	}
	preview := s.ok(model.Manager, `query ($rule: CreateRuleInput!) {previewRule(rule: $rule, since: "2000-01-01T00:00:00Z") {matched}}`, vars{"rule": vars{"name": "all",
		"escalations": []vars{{"after": "PT1H", "notify": []vars{{"kind": "CENTRAL"}}}}, "calendar": vars{"timeZone": "UTC", "hours": []vars{{"weekday": "MONDAY", "from": "00:00", "to": "24:00"}}}}})
	if preview.number("previewRule.matched") != 3 {
		t.Errorf("a preview: %v", preview.v)
	}
}

// Business time stops with the hours, and with the case.
func TestBusinessTimeIsCountedFromOpeningToClosing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var hours []vars
	for _, day := range model.Weekdays {
		hours = append(hours, vars{"weekday": day, "from": "00:00", "to": "06:00"}, vars{"weekday": day, "from": "12:00", "to": "18:00"})
	}
	s.addRule(vars{"calendar": vars{"timeZone": "UTC", "hours": hours}})
	_, id := s.submitted(nil)
	s.move(id, model.Closed)
	// Half of each day counts; the case was open for ten days, from midnight on.
	if _, err := s.app.DB.Pool.Exec(t.Context(), "UPDATE cases SET opened_at = date_trunc('day', closed_at) - interval '10 days'"); err != nil {
		t.Fatal(err)
	}
	c := s.ok(model.Partner, `query ($id: ID!) {node(id: $id) {... on Case {closedAt businessTimeSinceOpen}}}`, vars{"id": id}).at("node")
	var got model.Duration
	if err := got.UnmarshalGQL(c.text("businessTimeSinceOpen")); err != nil {
		t.Fatal(err)
	}
	closed, err := time.Parse(time.RFC3339, c.text("closedAt"))
	if err != nil {
		t.Fatal(err)
	}
	today := closed.Sub(closed.Truncate(24 * time.Hour))
	want := 10*12*time.Hour + min(today, 6*time.Hour) + min(max(today-12*time.Hour, 0), 6*time.Hour)
	if time.Duration(got) != want {
		t.Errorf("it was open for %s of business time, not %s", time.Duration(got), want)
	}
}
