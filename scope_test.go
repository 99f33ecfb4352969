package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/model"
)

// scopedWrites are the mutations that are marked @scoped, each on the objects of one half.
func (w *lands) scopedWrites(half string) map[string]vars {
	opened, customer, response := w.opened[half], w.customer[half], w.response[half]
	return map[string]vars{
		"openCase":          {"responseId": response, "note": "So it is."},
		"assignCase":        {"caseId": opened, "assigneeId": w.users[model.Manager], "expectedVersion": 7},
		"assignCases":       {"cases": []vars{{"id": opened, "expectedVersion": 7}}, "assigneeId": w.users[model.Agent]},
		"updateCaseStatus":  {"caseId": opened, "status": "IN_PROGRESS", "note": "So it is.", "outreach": vars{"channel": "PHONE"}},
		"addNote":           {"caseId": opened, "body": "So it is."},
		"recordOutreach":    {"caseId": opened, "outreach": vars{"channel": "EMAIL"}, "note": "So it is.", "expectedVersion": 7},
		"recordOutreaches":  {"caseIds": []string{opened}, "outreach": vars{"channel": "CAMPAIGN"}, "note": "So it is."},
		"retryNotification": {"id": w.unsent(half)},
		"recordReply":       {"caseId": opened, "improvement": "So it is."},
		"setRootCause":      {"caseId": opened, "whys": []string{"So it is."}},
		"linkCase":          {"caseId": opened, "system": "crm", "id": "7"},
		"updateCustomer":    {"id": customer, "phone": "1"},
		"tagResponse":       {"responseId": w.response[half], "themeIds": []string{}},
		"submitResponse":    {"score": 3, "customer": vars{"externalId": w.externalID(half)}},
	}
}

// unsent is the id of a mail of one half that did not go out.
func (w *lands) unsent(half string) string {
	if _, err := w.app.DB.Pool.Exec(w.t.Context(), "UPDATE notifications SET status = 'NOT_SENT'"); err != nil {
		w.t.Fatal(err)
	}
	for id, of := range w.ids["Notification"] {
		if of == half {
			return id
		}
	}
	return ""
}

func (w *lands) externalID(half string) string {
	return w.ok(model.Admin, `query ($id: ID!) {node(id: $id) {... on Customer {externalId}}}`, vars{"id": w.customer[half]}).text("node.externalId")
}

func TestNobodyWritesOutsideTheirScope(t *testing.T) {
	t.Parallel()
	w := newLands(t)
	w.user("manager", vars{"role": "MANAGER", "scope": british})
	w.user("feed", vars{"role": "INTAKE", "scope": british})
	w.user("blind", vars{"role": "MANAGER", "personalData": false})
	g := &guide{t, ourSchema(), model.Manager}
	outside := w.outside()
	for _, f := range fieldsOf(g.schema.Mutation) {
		if f.Directives.ForName("scoped") == nil || f.Name == "allocatePassives" { // it names nothing: see the next test
			continue
		}
		who, roles := model.Role("manager"), "MANAGER"
		if f.Name == "submitResponse" {
			who, roles = "feed", "INTAKE"
		}
		g.role = model.Role(roles)
		ask := func(input vars) (string, vars, *pick) {
			name := strings.ToUpper(f.Name[:1]) + f.Name[1:] + "Input"
			p := &pick{parent: "Mutation", name: f.Name, alias: f.Name, args: "(input: $input)", kids: g.below(g.schema.Types[f.Type.Name()], 2)}
			return query("mutation ($input: "+name+"!)", p), vars{"input": input}, p
		}
		for _, half := range []string{outland, inland} {
			input, known := w.scopedWrites(half)[f.Name]
			if !known {
				t.Errorf("Mutation.%s is marked @scoped and has no case here", f.Name)
				continue
			}
			if half == outland {
				text, v, _ := ask(input)
				before := w.everything()
				a := w.gql(who, text, v)
				want := "NOT_FOUND"
				if f.Name == "submitResponse" {
					want = "FORBIDDEN"
				}
				if a.code() != want || a.v != nil || strings.Contains(a.body, "version") {
					t.Errorf("%s outside is answered with %s", f.Name, a.body)
				}
				if w.everything() != before {
					t.Errorf("%s outside is refused, and yet something was written", f.Name)
				}
				continue
			}
			delete(input, "expectedVersion")
			if cases, ok := input["cases"].([]vars); ok {
				delete(cases[0], "expectedVersion")
			}
			for _, one := range []bounded{{who, "", outland, outside, nil}, {"blind", "", secret, nil, nil}} {
				if f.Name == "submitResponse" && one.name == "blind" || f.Name == "openCase" && one.name == "blind" {
					continue // a manager submits nothing, and the response has its case by now
				}
				if f.Name == "retryNotification" && one.name == "blind" {
					continue // they see no mail
				}
				if f.Name == "updateCaseStatus" && one.name == "blind" {
					input["status"] = "OPEN"
				}
				text, v, _ := ask(input)
				a := w.gql(one.name, text, v)
				for _, e := range a.errors {
					if at, _ := json.Marshal(e.Path); e.code() != "FORBIDDEN" || !strings.HasSuffix(string(at), `scope"]`) {
						t.Errorf("%s inside: %+v", f.Name, e)
					}
				}
				if a.missing(f.Name) {
					t.Errorf("%s inside is answered with %s", f.Name, a.body)
				}
				if leak := w.leaks(one, a.body); leak != "" {
					t.Errorf("%s leaks %s to %s: %s", f.Name, leak, one.name, a.body)
				}
			}
		}
	}
}

func TestAnAllocationGivesOutWhatItsScopeSeesAlone(t *testing.T) {
	t.Parallel()
	w := newLands(t)
	w.user("manager", vars{"role": "MANAGER", "scope": british})
	w.user("mine", vars{"role": "MANAGER", "scope": vars{"ownCasesOnly": true}})
	allocate := func(who model.Role) *answer {
		return w.ok(who, `mutation ($input: AllocatePassivesInput!) {allocatePassives(input: $input) {considered allocated
			cases {customer {displayName} response {comment} notes {nodes {body}}}}}`, vars{"input": vars{"percent": 100, "userIds": []string{w.users[model.Agent]}, "note": "Thank them."}})
	}
	for _, who := range []model.Role{"manager", model.Manager} { // the latter what the first did not see
		for _, n := range []int{1, 0} {
			if a := allocate(who); a.number("allocatePassives.considered") != n || a.number("allocatePassives.allocated") != n ||
				who == "manager" && strings.Contains(a.body, outland) {
				t.Errorf("%s allocates %d: %s", who, n, a.body)
			}
		}
	}
	// A rule's case that is nobody's is none of those that somebody sees who sees their own alone.
	w.addRule(vars{"name": "Passives", "scores": []int{8}})
	w.submitted(vars{"score": 8})
	if a := allocate("mine"); a.number("allocatePassives.considered") != 0 {
		t.Errorf("who sees their own cases alone allocates %s", a.body)
	}
}

func TestWhatIsNotMarkedIsClosedToWhoIsBounded(t *testing.T) {
	t.Parallel()
	w := newThings(t)
	w.user("scoped", vars{"role": "MANAGER", "scope": british})
	w.user("masked", vars{"role": "MANAGER", "personalData": false})
	w.user("mine", vars{"role": "MANAGER", "scope": vars{"ownCasesOnly": true}})
	s := ourSchema()
	closed := 0
	for place, u := range uses {
		root, name, _ := strings.Cut(place, ".")
		if root == "Subscription" || s.Types[root].Fields.ForName(name).Directives.ForName("scoped") != nil || !slices.Contains(u.roles, model.Manager) {
			continue
		}
		closed++
		var input any
		if u.input != nil {
			input = u.input(w)
		}
		before := w.everything()
		for _, who := range []model.Role{"scoped", "masked", "mine"} {
			if a := w.gql(who, u.query, vars{"input": input}); a.code() != "FORBIDDEN" || a.v != nil {
				t.Errorf("%s as %s: %s", place, who, a.body)
			}
		}
		if w.everything() != before {
			t.Errorf("%s was refused, and yet something was written", place)
		}
	}
	if closed < 4 {
		t.Errorf("only %d fields were looked at", closed)
	}
	if a := w.gql("scoped", `mutation ($input: DeleteRuleInput!) {...all} fragment all on Mutation {gone: deleteRule(input: $input) {deletedId}}`,
		vars{"input": vars{"id": w.rule}}); a.code() != "FORBIDDEN" {
		t.Errorf("behind a fragment: %s", a.body)
	}
	w.ok("scoped", `{__typename __schema {queryType {name}}}`, nil)
}

func TestASubscriberIsToldOfNothingOutsideTheirScope(t *testing.T) {
	t.Parallel()
	w := newLands(t)
	for _, who := range w.bounded() {
		g := &guide{t, ourSchema(), who.role}
		kids := g.below(g.schema.Types["CaseEvent"], 1)
		for _, p := range kids { // other people's scopes are refused, and that is not what this looks for
			drop(p, "User", "scope")
		}
		for _, f := range fieldsOf(g.schema.Subscription) {
			if f.Directives.ForName("scoped") != nil && f.Name != "caseEvents" && f.Name != "caseSummary" { // its test stands in board_test.go
				t.Errorf("Subscription.%s has no case here", f.Name)
			}
		}
		c := w.signedIn(w.tokens[who.name])
		p := &pick{parent: "Subscription", name: "caseEvents", alias: "caseEvents", args: fmt.Sprintf("(after: %q)", w.start), kids: kids}
		c.subscribe(query("subscription", p))
		for got := ""; got != w.last; {
			e := c.next()
			body, _ := json.Marshal(e.v)
			if leak := w.leaks(who, string(body)); leak != "" {
				t.Errorf("%s leaks to %s: %s", leak, who.name, body)
			}
			object := e.v.(map[string]any)
			got, _ = object[fmt.Sprint(object["__typename"], "_id")].(string)
			if got == "" {
				t.Fatalf("no id: %s", body)
			}
		}
		_ = c.conn.Close()
	}
}

// drop takes a field out of what is asked for, wherever it is.
func drop(p *pick, parent, name string) {
	p.kids = slices.DeleteFunc(p.kids, func(k *pick) bool { return k.parent == parent && k.name == name })
	for _, k := range p.kids {
		drop(k, parent, name)
	}
}

// ids are the ids of a list of all of an answer's pages.
func (s *testServer) all(who model.Role, field, arguments string) (ids []string) {
	s.t.Helper()
	after := "null"
	for {
		a := s.ok(who, "{"+field+"(first: 50, after: "+after+arguments+") {nodes {id} pageInfo {hasNextPage endCursor}}}", nil)
		for _, n := range a.list(field + ".nodes") {
			ids = append(ids, n.text("id"))
		}
		if !a.truth(field + ".pageInfo.hasNextPage") {
			return ids
		}
		after = `"` + a.text(field+".pageInfo.endCursor") + `"`
	}
}

func TestAPartnerOfGBSeesWhatSQLSaysOfGB(t *testing.T) {
	t.Parallel()
	w := newLands(t)
	w.user("partner", vars{"role": "PARTNER", "scope": british})
	for i := range 12 {
		_, opened := w.submitted(vars{"score": i % 7, "customer": vars{"externalId": fmt.Sprint("c", i), "country": []string{"GB", "BR", "FR"}[i%3]}})
		if i%2 == 0 {
			w.move(opened, "IN_PROGRESS")
		}
	}
	w.readIDs()
	inside := func(kind string) (ids []string) {
		for id, half := range w.ids[kind] {
			if half == inland {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		return ids
	}
	for field, kind := range map[string]string{"cases": "Case", "responses": "Response", "customers": "Customer", "notes": "Note", "caseEvents": "CaseEvent"} {
		got := w.all("partner", field, "")
		slices.Sort(got)
		if want := inside(kind); !slices.Equal(got, want) {
			t.Errorf("%s are %d; SQL says %d", field, len(got), len(want))
		}
		if field != "caseEvents" {
			if n := w.ok("partner", "{"+field+" {totalCount}}", nil).number(field + ".totalCount"); n != len(inside(kind)) {
				t.Errorf("%s counts %d; SQL says %d", field, n, len(inside(kind)))
			}
		}
		outside := w.outside()
		for id := range w.ids[kind] {
			if a := w.ok("partner", `query ($id: ID!) {node(id: $id) {id}}`, vars{"id": id}); a.missing("node") != outside[id] {
				t.Errorf("%s %s is answered with %v", kind, id, a.v)
			}
		}
	}
	var open, progress, closed, overdue int
	err := w.app.DB.Pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE status = 'OPEN'), count(*) FILTER (WHERE status = 'IN_PROGRESS'),
		count(*) FILTER (WHERE status = 'CLOSED'), count(*) FILTER (WHERE due_at < now() AND first_follow_up_at IS NULL AND status <> 'CLOSED')
		FROM cases JOIN customers ON customers.id = customer_id WHERE customers.country = 'GB'`).Scan(&open, &progress, &closed, &overdue)
	if err != nil {
		t.Fatal(err)
	}
	sum := w.ok("partner", `{caseSummary {open inProgress closed total overdue}}`, nil).at("caseSummary")
	if sum.number("open") != open || sum.number("inProgress") != progress || sum.number("closed") != closed || sum.number("total") != open+progress+closed ||
		sum.number("overdue") != overdue || open*progress*closed*overdue == 0 {
		t.Errorf("the figures are %v; SQL says %d, %d, %d, overdue %d", sum.v, open, progress, closed, overdue)
	}

	// Live and in a replay the same events, in the order of the feed, each once.
	w.note(w.opened[inland], "The end.")
	w.readIDs()
	listed := w.all("partner", "caseEvents", "")
	if want := inside("CaseEvent"); len(listed) != len(want) {
		t.Errorf("%d events are listed; SQL says %d", len(listed), len(want))
	}
	c := w.watch("partner", fmt.Sprintf("(after: %q)", w.start), "id matches")
	for i, want := range listed {
		if e := c.next(); e.text("id") != want || !e.truth("matches") {
			t.Fatalf("event %d is %v, not %s", i, e.v, want)
		}
	}
	for number := 1; number <= w.count("cases"); number++ {
		a := w.ok("partner", fmt.Sprintf(`{case(number: %d) {customer {country}}}`, number), nil)
		if !a.missing("case") && a.text("case.customer.country") != "GB" {
			t.Errorf("case %d: %v", number, a.v)
		}
	}
}

func TestAChangedScopeCountsFromTheNextRequestAndMovesOpenSockets(t *testing.T) {
	t.Parallel()
	w := newLands(t)
	id := w.user("partner", vars{"role": "PARTNER", "scope": british})
	other := w.user("other", vars{"role": "PARTNER", "scope": british})
	change := func(id string, input vars) {
		t.Helper()
		input["id"] = id
		w.ok(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, vars{"input": input})
	}
	seen := func() int { return w.ok("partner", `{cases {totalCount}}`, nil).number("cases.totalCount") }
	british, stays := seen(), w.watch("other", "", "id")
	for _, step := range []vars{
		{"scope": vars{"customer": vars{"country": vars{"eq": "BR"}}}}, {"personalData": false}, {"scope": vars{"ownCasesOnly": true}}, {"scope": nil},
		{"personalData": true},
	} {
		c := w.watch("partner", "", "id")
		change(id, step)
		if code := c.closed(); code != 4403 {
			t.Errorf("after %v the socket ends with %d", step, code)
		}
	}
	if all := w.count("cases"); seen() != all || all == british {
		t.Errorf("with no scope there are %d cases, not %d", seen(), all)
	}
	change(id, vars{"scope": vars{"customer": vars{"country": vars{"in": []string{}}}}})
	if seen() != 0 {
		t.Errorf("of no country there are %d cases", seen())
	}
	change(other, vars{"name": "Renamed"})
	w.note(w.opened[inland], "Still here.")
	if e := stays.next(); e.text("id") == "" {
		t.Error("a user who keeps their scope loses their socket")
	}
}

// alone tells whether a mail is about no case.
func (w *lands) alone(id any) bool {
	return w.ok(model.Admin, `query ($id: ID!) {node(id: $id) {... on Notification {case {id}}}}`, vars{"id": id}).missing("node.case")
}

// Front-line people see their own cases; they may hand one on, and open one for somebody else, and then no longer see it.
func TestWhoSeesOnlyTheirOwnCasesMayHandThemOn(t *testing.T) {
	t.Parallel()
	w := newLands(t)
	me := w.user("front", vars{"role": "AGENT", "scope": vars{"ownCasesOnly": true}})
	assign := func(who model.Role, id, to string) *answer {
		t.Helper()
		return w.gql(who, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id assignee {id} notes {nodes {body}}} event {case {id} snapshot {caseId}}}}`,
			vars{"input": vars{"caseId": id, "assigneeId": to}})
	}
	start := w.ok("front", `{cases {totalCount feedCursor} notes {totalCount} caseEvents {nodes {id}} caseSummary {total} customers {totalCount} responses {totalCount}}`, nil)
	if start.number("cases.totalCount") != 0 || start.number("notes.totalCount") != 0 || len(start.list("caseEvents.nodes")) != 0 || start.number("caseSummary.total") != 0 {
		t.Errorf("with no case of their own they see %v", start.v)
	}
	if start.number("customers.totalCount") != w.count("customers") || start.number("responses.totalCount") != w.count("responses") {
		t.Errorf("their customers and responses are bounded too: %v", start.v)
	}
	others := bounded{"front", model.Agent, "no word", map[string]bool{}, nil}
	for _, kind := range []string{"Case", "Note", "CaseEvent", "Notification"} {
		for id := range w.ids[kind] {
			others.ids[id] = true
		}
	}
	queries, picks, _ := w.tour(model.Agent)
	for i, q := range queries {
		picks[i].look(w.gql("front", q, nil).v, func(place string, value any, leaf bool) {
			// A mail about a response that nobody follows up goes with the response.
			if text, _ := json.Marshal(value); leaf && w.leaks(others, string(text)) != "" && !(place == "Notification.id" && w.alone(value)) {
				t.Errorf("%s shows a case of somebody else, %s: %s", place, text, q)
			}
		})
	}
	if a := assign("front", w.opened[inland], me); a.code() != "NOT_FOUND" || a.v != nil {
		t.Errorf("they take a case that they do not see: %s", a.body)
	}
	// From a place on that is known: nobody says when a subscription has begun.
	c := w.watch("front", `(after: "`+w.ok("front", `{cases(last: 1) {feedCursor}}`, nil).text("cases.feedCursor")+`")`, "id type")
	if a := assign(model.Manager, w.opened[inland], me); len(a.errors) > 0 {
		t.Fatal(a.body)
	}
	w.note(w.opened[outland], "Of somebody else's.")
	w.note(w.opened[inland], "Of theirs.")
	for _, want := range []string{"ASSIGNED", "NOTE_ADDED"} {
		if e := c.next(); e.text("type") != want {
			t.Errorf("they are told of %v, not of %s", e.v, want)
		}
	}
	before := w.ok("front", `query ($id: ID!) {node(id: $id) {... on Case {history {nodes {type}} notes {totalCount}}} cases {totalCount}}`, vars{"id": w.opened[inland]})
	if len(before.list("node.history.nodes")) != 2 || before.number("node.notes.totalCount") < 3 || before.number("cases.totalCount") != 1 {
		t.Errorf("of their own case they see %v", before.v)
	}
	a := assign("front", w.opened[inland], w.users[model.Manager])
	if len(a.errors) > 0 || a.text("assignCase.event.case.id") != w.opened[inland] || a.text("assignCase.case.assignee.id") != w.users[model.Manager] ||
		len(a.list("assignCase.case.notes.nodes")) != 0 {
		t.Errorf("they hand it on: %s", a.body)
	}
	if a := w.gql("front", `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, vars{"input": vars{"caseId": w.opened[inland], "body": "Once more."}}); a.code() != "NOT_FOUND" {
		t.Errorf("they write on what they handed on: %s", a.body)
	}
	if after := w.ok("front", `{cases {totalCount} notes {totalCount} caseEvents {nodes {id}}}`, nil); after.number("cases.totalCount")+after.number("notes.totalCount")+len(after.list("caseEvents.nodes")) != 0 {
		t.Errorf("of what they handed on they see %v", after.v)
	}
	opened := w.ok("front", `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id customer {id}} event {case {id} note {body}}}}`,
		vars{"input": vars{"customerId": w.customer[inland], "note": "Please look."}})
	if id := opened.text("openCase.case.id"); id == "" || opened.text("openCase.event.case.id") != id || !w.ok("front", `query ($id: ID!) {node(id: $id) {id}}`, vars{"id": id}).missing("node") {
		t.Errorf("they open a case for somebody else: %v", opened.v)
	}
	taken := w.gql("front", `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id}}}`,
		vars{"input": vars{"responseId": w.ok(model.Admin, `query ($id: ID!) {node(id: $id) {... on Case {response {id}}}}`, vars{"id": w.opened[inland]}).text("node.response.id"), "note": "Again."}})
	if taken.code() != "CONFLICT" || strings.Contains(taken.body, "case 1") || !strings.Contains(taken.body, "another case") {
		t.Errorf("a conflict with what they do not see: %s", taken.body)
	}
}

func TestWhoSeesNoPersonalDataCannotAskByIt(t *testing.T) {
	t.Parallel()
	w := newLands(t)
	w.user("chief", vars{"role": "MANAGER", "personalData": false})
	for query, argument := range map[string]string{
		`{customers(filter: {email: {eq: "x"}}) {totalCount}}`:                                                              "filter.email",
		`{customers(filter: {search: "x"}) {totalCount}}`:                                                                   "filter.search",
		`{responses(filter: {or: [{score: {eq: 1}}, {customer: {lastName: {isNull: true}}}]}) {nodes {id}}}`:                "filter.or[1].customer.lastName",
		`{responses(filter: {comment: {contains: "x"}}) {nodes {id}}}`:                                                      "filter.comment",
		`{notes(filter: {search: "x"}) {nodes {id}}}`:                                                                       "filter.search",
		`{responses(filter: {externalId: {eq: "x"}}) {nodes {id}}}`:                                                         "filter.externalId",
		`{cases(filter: {externalRef: {id: "x"}}) {nodes {id}}}`:                                                            "filter.externalRef",
		`{caseSummary(filter: {not: {customer: {phone: {eq: "1"}}}}) {total}}`:                                              "filter.not.customer.phone",
		`{caseEvents(filter: {customer: {agentEmail: {eq: "x"}}}) {nodes {id}}}`:                                            "filter.customer.agentEmail",
		`{previewRule(rule: {name: "x", filter: {customer: {email: {eq: "x"}}}}, since: "2000-01-01T00:00:00Z") {matched}}`: "rule.filter.customer.email",
	} {
		a := w.gql("chief", query, nil)
		if a.code() != "BAD_USER_INPUT" || len(a.errors) != 1 || a.errors[0].argument() != argument {
			t.Errorf("%s: %s; want %s", query, a.body, argument)
		}
	}
	nested := w.gql("chief", `{customers(first: 1) {nodes {responses(filter: {attribute: {key: "k", value: {eq: "v"}}}) {nodes {id}}}}}`, nil)
	if nested.code() != "BAD_USER_INPUT" || nested.errors[0].argument() != "filter.attribute" {
		t.Errorf("below a list: %s", nested.body)
	}
	c := w.signedIn(w.tokens["chief"])
	c.subscribe(`subscription {caseEvents(filter: {response: {comment: {contains: "x"}}}) {id}}`)
	if code := c.refused(); code != "BAD_USER_INPUT" {
		t.Errorf("a subscription by comments: %q", code)
	}
	ok := w.ok("chief", `{customers(filter: {company: {contains: "company"}}, orderBy: [{field: COMPANY, direction: ASC}]) {nodes {displayName firstName company}}
		cases(filter: {response: {score: {lte: 6}}, mine: false}) {totalCount}}`, nil)
	if !strings.HasPrefix(ok.text("customers.nodes.0.displayName"), "Customer ") || !ok.missing("customers.nodes.0.firstName") || ok.missing("customers.nodes.0.company") {
		t.Errorf("what is not personal: %v", ok.v)
	}
}
