package access

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestScope(t *testing.T) {
	t.Parallel()
	t.Run("sends subscribers nothing from outside", func(t *testing.T) {
		t.Parallel()
		w := newLands(t)
		for _, who := range w.restricted() {
			g := &guide{t, setup.Schema(), who.role}
			kids := g.below(g.schema.Types["CaseEvent"], 1)
			for _, p := range kids { // the scope of another user is refused, which is another test's subject
				drop(p, "User", "scope")
			}
			for _, f := range setup.FieldsOf(g.schema.Subscription) {
				if f.Directives.ForName("scoped") != nil && f.Name != "caseEvents" && f.Name != "caseSummary" { // see e2e/feed
					t.Errorf("Subscription.%s has no case here", f.Name)
				}
			}
			c := w.SignIn(w.Tokens[who.name])
			node := &pick{parent: "CaseEventEdge", name: "node", alias: "node", kids: kids}
			p := &pick{parent: "Subscription", name: "caseEvents", alias: "caseEvents", args: fmt.Sprintf("(after: %q)", w.start), kids: []*pick{node}}
			c.Subscribe(query("subscription", p))
			for got := ""; got != w.last; {
				e := c.Next()
				body, _ := json.Marshal(e.V)
				if leak := w.leaks(who, string(body)); leak != "" {
					t.Errorf("%s leaks to %s: %s", leak, who.name, body)
				}
				object := e.V.(map[string]any)
				got, _ = object[fmt.Sprint(object["__typename"], "_id")].(string)
				if got == "" {
					t.Fatalf("no id: %s", body)
				}
			}
			c.Close()
		}
	})

	t.Run("shows exactly what SQL finds in it", func(t *testing.T) {
		t.Parallel()
		w := newLands(t)
		w.AddUser("partner", vars{"role": "PARTNER", "scope": setup.British})
		for i := range 12 {
			_, opened := w.Submit(vars{"score": i % 7, "customer": vars{"externalId": fmt.Sprint("c", i), "country": []string{"GB", "BR", "FR"}[i%3]}})
			if i%2 == 0 {
				w.ChangeStatus(opened, "IN_PROGRESS")
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
			got := allIDs(w.Server, "partner", field, "")
			slices.Sort(got)
			if want := inside(kind); !slices.Equal(got, want) {
				t.Errorf("%s are %d; SQL says %d", field, len(got), len(want))
			}
			if field != "caseEvents" {
				if n := w.OK("partner", "{"+field+" {totalCount}}", nil).Number(field + ".totalCount"); n != len(inside(kind)) {
					t.Errorf("%s counts %d; SQL says %d", field, n, len(inside(kind)))
				}
			}
			outside := w.outside()
			for id := range w.ids[kind] {
				if a := w.OK("partner", `query ($id: ID!) {node(id: $id) {id}}`, vars{"id": id}); a.Missing("node") != outside[id] {
					t.Errorf("%s %s is answered with %v", kind, id, a.V)
				}
			}
		}
		var open, progress, closed, overdue int
		err := w.App.DB.Pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE status = 'OPEN'), count(*) FILTER (WHERE status = 'IN_PROGRESS'),
		count(*) FILTER (WHERE status = 'CLOSED'), count(*) FILTER (WHERE due_at < now() AND first_follow_up_at IS NULL AND status <> 'CLOSED')
		FROM cases JOIN customers ON customers.id = customer_id WHERE customers.country = 'GB'`).Scan(&open, &progress, &closed, &overdue)
		if err != nil {
			t.Fatal(err)
		}
		sum := w.OK("partner", `{caseSummary {open inProgress closed total overdue}}`, nil).At("caseSummary")
		if sum.Number("open") != open || sum.Number("inProgress") != progress || sum.Number("closed") != closed || sum.Number("total") != open+progress+closed ||
			sum.Number("overdue") != overdue || open*progress*closed*overdue == 0 {
			t.Errorf("the figures are %v; SQL says %d, %d, %d, overdue %d", sum.V, open, progress, closed, overdue)
		}

		// A subscription delivers the same events as the list, in the same order, each once.
		w.AddNote(w.opened[inland], "The end.")
		w.readIDs()
		listed := allIDs(w.Server, "partner", "caseEvents", "")
		if want := inside("CaseEvent"); len(listed) != len(want) {
			t.Errorf("%d events are listed; SQL says %d", len(listed), len(want))
		}
		c := w.Watch("partner", fmt.Sprintf("(after: %q)", w.start), "id")
		for i, want := range listed {
			if e := c.NextEdge(); e.Text("node.id") != want || !e.Bool("matches") {
				t.Fatalf("event %d is %v, not %s", i, e.V, want)
			}
		}
		for number := 1; number <= w.Count("cases"); number++ {
			a := w.OK("partner", fmt.Sprintf(`{case(number: %d) {customer {country}}}`, number), nil)
			if !a.Missing("case") && a.Text("case.customer.country") != "GB" {
				t.Errorf("case %d: %v", number, a.V)
			}
		}
	})

	t.Run("counts from the next request after a change, and ends open sockets", func(t *testing.T) {
		t.Parallel()
		w := newLands(t)
		id := w.AddUser("partner", vars{"role": "PARTNER", "scope": setup.British})
		other := w.AddUser("other", vars{"role": "PARTNER", "scope": setup.British})
		change := func(id string, input vars) {
			t.Helper()
			input["userId"] = id
			w.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, vars{"input": input})
		}
		seen := func() int { return w.OK("partner", `{cases {totalCount}}`, nil).Number("cases.totalCount") }
		british, stays := seen(), w.Watch("other", "", "id")
		for _, step := range []vars{
			{"scope": vars{"customer": vars{"country": vars{"eq": "BR"}}}}, {"personalData": false}, {"scope": vars{"ownCasesOnly": true}}, {"scope": nil},
			{"personalData": true},
		} {
			c := w.Watch("partner", "", "id")
			change(id, step)
			if code := c.Closed(); code != 4511 {
				t.Errorf("after %v the socket ends with %d", step, code)
			}
		}
		if all := w.Count("cases"); seen() != all || all == british {
			t.Errorf("with no scope there are %d cases, not %d", seen(), all)
		}
		change(id, vars{"scope": vars{"customer": vars{"country": vars{"in": []string{}}}}})
		if seen() != 0 {
			t.Errorf("of no country there are %d cases", seen())
		}
		change(other, vars{"name": "Renamed"})
		w.AddNote(w.opened[inland], "Still here.")
		if e := stays.Next(); e.Text("id") == "" {
			t.Error("a user who keeps their scope loses their socket")
		}
	})

	// A user who sees only own cases may assign one to somebody else, or open one for somebody else, and then no longer sees it.
	t.Run("of own cases lets a user pass a case on", func(t *testing.T) {
		t.Parallel()
		w := newLands(t)
		me := w.AddUser("front", vars{"role": "AGENT", "scope": vars{"ownCasesOnly": true}})
		assign := func(who model.Role, id, to string) *setup.Answer {
			t.Helper()
			return w.Do(who, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id assignee {id} notes {nodes {body}}} event {case {id} snapshot {caseId}}}}`,
				vars{"input": vars{"caseId": id, "assigneeId": to}})
		}
		start := w.OK("front", `{cases {totalCount feedCursor} notes {totalCount} caseEvents {nodes {id}} caseSummary {total} customers {totalCount} responses {totalCount}}`, nil)
		if start.Number("cases.totalCount") != 0 || start.Number("notes.totalCount") != 0 || len(start.List("caseEvents.nodes")) != 0 || start.Number("caseSummary.total") != 0 {
			t.Errorf("with no case of their own they see %v", start.V)
		}
		if start.Number("customers.totalCount") != w.Count("customers") || start.Number("responses.totalCount") != w.Count("responses") {
			t.Errorf("their customers and responses are restricted too: %v", start.V)
		}
		others := restricted{"front", model.Agent, "no word", map[string]bool{}, nil}
		for _, kind := range []string{"Case", "Note", "CaseEvent", "Notification"} {
			for id := range w.ids[kind] {
				others.ids[id] = true
			}
		}
		queries, picks, _ := w.tour(model.Agent)
		for i, q := range queries {
			picks[i].look(w.Do("front", q, nil).V, func(place string, value any, leaf bool) {
				// A mail about a response without a case is visible with the response.
				if text, _ := json.Marshal(value); leaf && w.leaks(others, string(text)) != "" && !(place == "Notification.id" && w.alone(value)) {
					t.Errorf("%s shows a case of somebody else, %s: %s", place, text, q)
				}
			})
		}
		if a := assign("front", w.opened[inland], me); a.Code() != "NOT_FOUND" || !a.Missing("assignCase") {
			t.Errorf("they take a case that they do not see: %s", a.Body)
		}
		// The subscription needs a cursor, because nothing tells when a subscription without one has begun.
		c := w.Watch("front", `(after: "`+w.OK("front", `{cases(last: 1) {feedCursor}}`, nil).Text("cases.feedCursor")+`")`, "id type")
		if a := assign(model.Manager, w.opened[inland], me); len(a.Errors) > 0 {
			t.Fatal(a.Body)
		}
		w.AddNote(w.opened[outland], "Of somebody else's.")
		w.AddNote(w.opened[inland], "Of theirs.")
		for _, want := range []string{"ASSIGNED", "NOTE_ADDED"} {
			if e := c.Next(); e.Text("type") != want {
				t.Errorf("the subscriber got %v, want %s", e.V, want)
			}
		}
		before := w.OK("front", `query ($id: ID!) {node(id: $id) {... on Case {history {nodes {type}} notes {totalCount}}} cases {totalCount}}`, vars{"id": w.opened[inland]})
		if len(before.List("node.history.nodes")) != 2 || before.Number("node.notes.totalCount") < 3 || before.Number("cases.totalCount") != 1 {
			t.Errorf("of their own case they see %v", before.V)
		}
		a := assign("front", w.opened[inland], w.Users[model.Manager])
		if len(a.Errors) > 0 || a.Text("assignCase.event.case.id") != w.opened[inland] || a.Text("assignCase.case.assignee.id") != w.Users[model.Manager] ||
			len(a.List("assignCase.case.notes.nodes")) != 0 {
			t.Errorf("they hand it on: %s", a.Body)
		}
		if a := w.Do("front", `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, vars{"input": vars{"caseId": w.opened[inland], "body": "Once more."}}); a.Code() != "NOT_FOUND" {
			t.Errorf("they write on what they handed on: %s", a.Body)
		}
		if after := w.OK("front", `{cases {totalCount} notes {totalCount} caseEvents {nodes {id}}}`, nil); after.Number("cases.totalCount")+after.Number("notes.totalCount")+len(after.List("caseEvents.nodes")) != 0 {
			t.Errorf("of what they handed on they see %v", after.V)
		}
		opened := w.OK("front", `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id customer {id}} event {case {id} note {body}}}}`,
			vars{"input": vars{"subject": vars{"customerId": w.customer[inland]}, "note": "Please look."}})
		if id := opened.Text("openCase.case.id"); id == "" || opened.Text("openCase.event.case.id") != id || !w.OK("front", `query ($id: ID!) {node(id: $id) {id}}`, vars{"id": id}).Missing("node") {
			t.Errorf("they open a case for somebody else: %v", opened.V)
		}
		taken := w.Do("front", `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id}}}`,
			vars{"input": vars{"subject": vars{"responseId": w.OK(model.Admin, `query ($id: ID!) {node(id: $id) {... on Case {response {id}}}}`, vars{"id": w.opened[inland]}).Text("node.response.id")}, "note": "Again."}})
		if taken.Code() != "CONFLICT" || strings.Contains(taken.Body, "case 1") || !strings.Contains(taken.Body, "another case") {
			t.Errorf("a conflict with what they do not see: %s", taken.Body)
		}
	})
}

// drop removes a field from the selection, at every depth.
func drop(p *pick, parent, name string) {
	p.kids = slices.DeleteFunc(p.kids, func(k *pick) bool { return k.parent == parent && k.name == name })
	for _, k := range p.kids {
		drop(k, parent, name)
	}
}

// allIDs are the ids on all pages of a list.
func allIDs(s *setup.Server, who model.Role, field, arguments string) (ids []string) {
	s.T.Helper()
	after := "null"
	for {
		a := s.OK(who, "{"+field+"(first: 50, after: "+after+arguments+") {nodes {id} pageInfo {hasNextPage endCursor}}}", nil)
		for _, n := range a.List(field + ".nodes") {
			ids = append(ids, n.Text("id"))
		}
		if !a.Bool(field + ".pageInfo.hasNextPage") {
			return ids
		}
		after = `"` + a.Text(field+".pageInfo.endCursor") + `"`
	}
}

// alone reports whether a mail belongs to no case.
func (w *lands) alone(id any) bool {
	return w.OK(model.Admin, `query ($id: ID!) {node(id: $id) {... on Notification {case {id}}}}`, vars{"id": id}).Missing("node.case")
}

func TestMask(t *testing.T) {
	t.Parallel()
	t.Run("refuses filters and sorting by personal data", func(t *testing.T) {
		t.Parallel()
		w := newLands(t)
		w.AddUser("chief", vars{"role": "MANAGER", "personalData": false})
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
			a := w.Do("chief", query, nil)
			if a.Code() != "BAD_USER_INPUT" || len(a.Errors) != 1 || a.Errors[0].Argument() != argument {
				t.Errorf("%s: %s; want %s", query, a.Body, argument)
			}
		}
		nested := w.Do("chief", `{customers(first: 1) {nodes {responses(filter: {attribute: {key: "k", value: {eq: "v"}}}) {nodes {id}}}}}`, nil)
		if nested.Code() != "BAD_USER_INPUT" || nested.Errors[0].Argument() != "filter.attribute" {
			t.Errorf("below a list: %s", nested.Body)
		}
		c := w.SignIn(w.Tokens["chief"])
		c.Subscribe(`subscription {caseEvents(filter: {response: {comment: {contains: "x"}}}) {cursor}}`)
		if code := c.Refused(); code != "BAD_USER_INPUT" {
			t.Errorf("a subscription by comments: %q", code)
		}
		ok := w.OK("chief", `{customers(filter: {company: {contains: "company"}}, orderBy: [{field: COMPANY, direction: ASC}]) {nodes {displayName firstName company}}
		cases(filter: {response: {score: {lte: 6}}, mine: false}) {totalCount}}`, nil)
		if !strings.HasPrefix(ok.Text("customers.nodes.0.displayName"), "Customer ") || !ok.Missing("customers.nodes.0.firstName") || ok.Missing("customers.nodes.0.company") {
			t.Errorf("what is not personal: %v", ok.V)
		}
	})
}
