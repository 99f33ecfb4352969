package access

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// scopedWrites are the inputs of the mutations marked @scoped, for objects of one half.
func (w *lands) scopedWrites(half string) map[string]vars {
	opened, customer, response := w.opened[half], w.customer[half], w.response[half]
	return map[string]vars{
		"openCase":          {"subject": vars{"responseId": response}, "note": "So it is."},
		"assignCase":        {"caseId": opened, "assigneeId": w.Users[model.Manager], "expectedVersion": 7},
		"assignCases":       {"cases": []vars{{"caseId": opened, "expectedVersion": 7}}, "assigneeId": w.Users[model.Agent]},
		"updateCaseStatus":  {"caseId": opened, "status": "IN_PROGRESS", "note": "So it is.", "outreach": vars{"channel": "PHONE"}},
		"addNote":           {"caseId": opened, "body": "So it is."},
		"recordOutreach":    {"caseId": opened, "outreach": vars{"channel": "EMAIL"}, "note": "So it is.", "expectedVersion": 7},
		"recordOutreaches":  {"caseIds": []string{opened}, "outreach": vars{"channel": "CAMPAIGN"}, "note": "So it is."},
		"retryNotification": {"notificationId": w.unsent(half)},
		"recordReply":       {"caseId": opened, "improvement": "So it is."},
		"setRootCause":      {"caseId": opened, "whys": []string{"So it is."}},
		"linkCase":          {"caseId": opened, "system": "crm", "externalId": "7"},
		"updateCustomer":    {"customerId": customer, "phone": "1"},
		"updateResponse":    {"responseId": w.response[half], "score": 5},
		"tagResponse":       {"responseId": w.response[half], "themeIds": []string{}},
		"submitResponse":    {"score": 3, "customer": vars{"externalId": w.externalID(half)}},
	}
}

// unsent returns the id of a mail of one half that was not sent.
func (w *lands) unsent(half string) string {
	if _, err := w.App.DB.Pool.Exec(w.T.Context(), "UPDATE notifications SET status = 'NOT_SENT'"); err != nil {
		w.T.Fatal(err)
	}
	for id, of := range w.ids["Notification"] {
		if of == half {
			return id
		}
	}
	return ""
}

func (w *lands) externalID(half string) string {
	return w.OK(model.Admin, `query ($id: ID!) {node(id: $id) {... on Customer {externalId}}}`, vars{"id": w.customer[half]}).Text("node.externalId")
}

func TestScopedWrites(t *testing.T) {
	t.Parallel()
	t.Run("change nothing outside the scope", func(t *testing.T) {
		t.Parallel()
		w := newLands(t)
		w.AddUser("manager", vars{"role": "MANAGER", "scope": setup.British})
		w.AddUser("feed", vars{"role": "INTAKE", "scope": setup.British})
		w.AddUser("blind", vars{"role": "MANAGER", "personalData": false})
		g := &guide{t, setup.Schema(), model.Manager}
		outside := w.outside()
		for _, f := range setup.FieldsOf(g.schema.Mutation) {
			if f.Directives.ForName("scoped") == nil || f.Name == "allocatePassives" { // it names no object: see the next test
				continue
			}
			if f.Name == "rotateToken" || strings.Contains(f.Name, "Webhook") { // they are the caller's own, or do not exist
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
					before := everything(w.Server)
					a := w.Do(who, text, v)
					want := "NOT_FOUND"
					if f.Name == "submitResponse" {
						want = "FORBIDDEN"
					}
					if a.Code() != want || !a.Missing(f.Name) || strings.Contains(a.Body, "version") {
						t.Errorf("%s outside is answered with %s", f.Name, a.Body)
					}
					if everything(w.Server) != before {
						t.Errorf("%s outside is refused, and yet something was written", f.Name)
					}
					continue
				}
				delete(input, "expectedVersion")
				if cases, ok := input["cases"].([]vars); ok {
					delete(cases[0], "expectedVersion")
				}
				for _, one := range []restricted{{who, "", outland, outside, nil}, {"blind", "", secret, nil, nil}} {
					if f.Name == "submitResponse" && one.name == "blind" || f.Name == "openCase" && one.name == "blind" {
						continue // a manager may not submit, and the response has a case by now
					}
					if f.Name == "retryNotification" && one.name == "blind" {
						continue // a masked user sees no mails
					}
					if f.Name == "updateCaseStatus" && one.name == "blind" {
						input["status"] = "OPEN"
					}
					text, v, _ := ask(input)
					a := w.Do(one.name, text, v)
					for _, e := range a.Errors {
						if at, _ := json.Marshal(e.Path); e.Code() != "FORBIDDEN" || !strings.HasSuffix(string(at), `scope"]`) {
							t.Errorf("%s inside: %+v", f.Name, e)
						}
					}
					if a.Missing(f.Name) {
						t.Errorf("%s inside is answered with %s", f.Name, a.Body)
					}
					if leak := w.leaks(one, a.Body); leak != "" {
						t.Errorf("%s leaks %s to %s: %s", f.Name, leak, one.name, a.Body)
					}
				}
			}
		}
	})

	t.Run("allocate only passives in the scope", func(t *testing.T) {
		t.Parallel()
		w := newLands(t)
		w.AddUser("manager", vars{"role": "MANAGER", "scope": setup.British})
		w.AddUser("mine", vars{"role": "MANAGER", "scope": vars{"ownCasesOnly": true}})
		allocate := func(who model.Role) *setup.Answer {
			return w.OK(who, `mutation ($input: AllocatePassivesInput!) {allocatePassives(input: $input) {considered allocated
			cases {customer {displayName} response {comment} notes {nodes {body}}}}}`, vars{"input": vars{"percent": 100, "userIds": []string{w.Users[model.Agent]}, "note": "Thank them."}})
		}
		for _, who := range []model.Role{"manager", model.Manager} { // the second allocates what the first cannot see
			for _, n := range []int{1, 0} {
				if a := allocate(who); a.Number("allocatePassives.considered") != n || a.Number("allocatePassives.allocated") != n ||
					who == "manager" && strings.Contains(a.Body, outland) {
					t.Errorf("%s allocates %d: %s", who, n, a.Body)
				}
			}
		}
		// A user who sees only own cases does not see an unassigned case of a rule.
		w.AddRule(vars{"name": "Passives", "scores": []int{8}})
		w.Submit(vars{"score": 8})
		if a := allocate("mine"); a.Number("allocatePassives.considered") != 0 {
			t.Errorf("who sees their own cases alone allocates %s", a.Body)
		}
	})
}
