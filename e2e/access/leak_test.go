package access

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// rootCalls are the arguments with which each root field marked @scoped is called, several if one call does not reach
// everything. A root field without an entry fails the test.
func (w *lands) rootCalls() map[string][]string {
	all := []string{}
	for _, kind := range slices.Sorted(maps.Keys(w.ids)) {
		all = append(all, slices.Sorted(maps.Keys(w.ids[kind]))...)
	}
	var node, nodes, numbers []string
	for _, id := range all {
		node = append(node, fmt.Sprintf("(id: %q)", id))
	}
	for ids := range slices.Chunk(all, 20) {
		text, _ := json.Marshal(ids)
		nodes = append(nodes, fmt.Sprintf("(ids: %s)", text))
	}
	for n := range w.Count("cases") {
		numbers = append(numbers, fmt.Sprintf("(number: %d)", n+1))
	}
	return map[string][]string{
		"node": node, "nodes": nodes, "case": numbers,
		"viewer": {""}, "webhooks": {""}, "settings": {""}, "rules": {""}, "ruleRecipes": {""},
		"responses":      {"(first: 12)", `(first: 12, filter: {customer: {country: {eq: "BR"}}})`, `(last: 12, orderBy: [{field: SCORE, direction: ASC}])`},
		"customers":      {"(first: 12)", `(first: 12, filter: {not: {country: {eq: "GB"}}})`},
		"cases":          {"(first: 12)", `(first: 12, filter: {or: [{customer: {country: {eq: "BR"}}}, {mine: false}]})`},
		"notes":          {"(first: 30)", "(last: 30)"},
		"users":          {"(first: 12)"},
		"caseEvents":     {"(first: 60)", "(last: 60)", `(first: 60, filter: {customer: {country: {eq: "BR"}}})`, "(first: 60, types: [DETAILS_CHANGED])"},
		"notifications":  {"(first: 30)", "(last: 30)", `(first: 30, filter: {to: {contains: "outland"}})`},
		"caseSummary":    {"", `(filter: {customer: {country: {eq: "BR"}}})`},
		"followUpReport": {"(groupBy: COMPANY)", "(groupBy: SEGMENT)"}, "recoveryReport": {"(groupBy: COMPANY)", "(groupBy: SEGMENT)"},
		"npsReport": {"(groupBy: COMPANY)", "(groupBy: SURVEY)", "(groupBy: DRIVER)"}, "topThemes": {""}, "themes": {""}, "passives": {"(first: 12)", `(last: 12, prioritizeBy: [SEGMENT, TESTIMONIAL], segments: ["x"], filter: {customer: {country: {eq: "BR"}}})`},
		"previewRule": {`(rule: {name: "All"}, since: "2000-01-01T00:00:00Z")`, `(rule: {name: "All", filter: {customer: {country: {eq: "BR"}}}}, since: "2000-01-01T00:00:00Z")`},
	}
}

// silent are the texts that never contain a customer's data, and why. Every other text must contain such data in some
// answer to the administrator, or the test would look for leaks where nothing can leak.
var silent = map[string]string{
	"User.name": "our own people", "User.email": "our own people", "Case.number": "",
	"CaseSnapshot.assigneeName": "our own people", "CaseSnapshot.themes": "ours",
	"Customer.country": "what the scope here is about", "CaseSnapshot.country": "what the scope here is about",
	"Rule.name": "ours", "RuleRecipe.key": "ours", "RuleRecipe.name": "ours", "RuleRecipe.description": "ours", "RuleRecipe.filter": "ours",
	"Recipient.address": "ours", "Settings.currency": "ours", "Settings.timeZone": "ours", "Settings.centralAddresses": "ours",
	"Calendar.timeZone": "ours", "Theme.name": "ours", "Theme.keywords": "ours",
	"CaseDetailsChanged.changed": "names of fields",
	"ApiToken.name":              "ours", "Webhook.url": "ours", "Webhook.filter": "ours", "Webhook.disabledReason": "ours",
	"WebhookDelivery.lastError": "of the receiver",
}

// ends are the edges that are always null, and why.
var ends = map[string]string{
	"CaseOverdue.actor": "a timer did it", "CaseOverdue.note": "a timer did it",
	"CaseEscalated.actor": "a timer did it", "CaseEscalated.note": "a timer did it", "CustomerErased.note": "it takes none",
	"ApiToken.scope": "an administrator's token has none", "CaseDetailsChanged.note": "nothing that changes details takes a note", "RootCauseSet.note": "it takes none",
}

// isCursor reports whether a text is a cursor. A cursor need not contain a customer's data, but its content is checked too.
func isCursor(field string) bool {
	return field == "cursor" || strings.HasSuffix(field, "Cursor")
}

// companyTexts are texts that a scope does not hide, because they belong to the company.
var companyTexts = map[string]string{
	"Rule.filter": "rules are the company's: a scope hides none of them",
}

func isText(t *ast.Definition) bool {
	return slices.Contains([]string{"String", "EmailAddress", "StoredFilter"}, t.Name)
}

// holds reports whether a word occurs anywhere in a value.
func holds(value any, word string) bool {
	text, _ := json.Marshal(value)
	return strings.Contains(strings.ToLower(string(text)), word)
}

// tour selects everything that a role may select: from each root field, and for each type all of its fields and edges, on
// the shortest way to the type and through node(id:).
func (w *lands) tour(role model.Role) (queries []string, picks []*pick, types map[string]bool) {
	w.T.Helper()
	g := &guide{w.T, setup.Schema(), role}
	calls := w.rootCalls()
	var roots []*pick
	add := func(p *pick) {
		queries, picks = append(queries, query("query", p)), append(picks, p)
	}
	for _, f := range g.fields(g.schema.Query) {
		if f.Directives.ForName("scoped") == nil {
			continue // FORBIDDEN to restricted users: see TestUnscopedFieldsRefuseRestrictedUsers
		}
		if calls[f.Name] == nil {
			w.T.Errorf("Query.%s is marked @scoped and has no case here: add its arguments", f.Name)
		}
		for i, args := range calls[f.Name] {
			p := &pick{parent: "Query", name: f.Name, alias: f.Name, args: args}
			add(p.under(g.below(g.schema.Types[f.Type.Name()], 0)))
			if i == 0 && f.Name != "node" && f.Name != "nodes" {
				roots = append(roots, p)
			}
		}
	}
	ways := g.ways(roots)
	types = map[string]bool{"Query": true}
	for name := range ways {
		types[name] = true
	}
	for name := range w.ids {
		if !g.schema.Types[name].IsAbstractType() {
			types[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if name == "Query" {
			continue
		}
		d := g.schema.Types[name]
		steps := 1
		if isPage(d) { // the nodes of a page are visited as a type of their own
			steps = 0
		}
		edges := g.below(d, steps)
		if ways[name] != nil {
			add(chain(ways[name], edges))
		}
		kind := name
		if slices.Contains(d.Interfaces, "CaseEvent") {
			kind = "CaseEvent"
		}
		for ids := range slices.Chunk(slices.Sorted(maps.Keys(w.ids[kind])), 12) {
			text, _ := json.Marshal(ids)
			nodes := &pick{parent: "Query", name: "nodes", alias: "nodes", args: fmt.Sprintf("(ids: %s)", text)}
			add(chain([]*pick{nodes, {on: name}}, edges))
		}
	}
	return queries, picks, types
}

// restricted is a user who sees a part of the data, with a word and ids that this user must not see.
type restricted struct {
	name, role model.Role
	word       string          // must be in no answer
	ids        map[string]bool // must be in no answer either
	ours       map[string]string
}

func (w *lands) outside() map[string]bool {
	hidden := map[string]bool{}
	for _, ids := range w.ids {
		for id, half := range ids {
			if half == outland {
				hidden[id] = true
			}
		}
	}
	return hidden
}

func (w *lands) restricted() []restricted {
	w.AddUser("partner", vars{"role": "PARTNER", "scope": setup.British})
	w.AddUser("manager", vars{"role": "MANAGER", "scope": setup.British})
	w.AddUser("board", vars{"role": "STAKEHOLDER", "personalData": false})
	w.AddUser("chief", vars{"role": "MANAGER", "personalData": false})
	w.AddUser("agency", vars{"role": "PARTNER", "personalData": false, "scope": setup.British})
	for _, name := range []model.Role{model.Admin, "partner", "manager", "board", "chief", "agency"} {
		w.deliverAll(w.Users[name])
	}
	return []restricted{
		{"partner", model.Partner, outland, w.outside(), companyTexts},
		{"manager", model.Manager, outland, w.outside(), companyTexts},
		{"board", model.Stakeholder, secret, nil, nil},
		{"chief", model.Manager, secret, nil, nil},
		{"agency", model.Partner, secret, w.outside(), nil},
		{"agency", model.Partner, outland, w.outside(), companyTexts},
	}
}

// leaks returns the word or id that must not be in the text, or "". Cursors are decoded.
func (w *lands) leaks(who restricted, body string) string {
	if packed, err := base64.RawURLEncoding.DecodeString(strings.Trim(body, `"`)); err == nil {
		body += string(packed)
	}
	low := strings.ToLower(body)
	if strings.Contains(low, who.word) {
		return who.word
	}
	for id := range who.ids {
		if strings.Contains(body, id) {
			return id
		}
	}
	return ""
}

func TestLeaks(t *testing.T) {
	t.Parallel()
	w := newLands(t)
	for _, who := range w.restricted() {
		t.Run(fmt.Sprint(who.name, " ", who.word), func(t *testing.T) {
			w := &lands{Server: w.As(t), ids: w.ids}
			shown := map[string]bool{}  // fields in which an administrator sees the word
			reached := map[string]int{} // number of values that a field has for the administrator
			queries, picks, types := w.tour(who.role)
			for i, q := range queries {
				control := w.OK(model.Admin, q, nil)
				picks[i].look(control.V, func(place string, value any, leaf bool) {
					reached[place]++
					shown[place] = shown[place] || leaf && holds(value, who.word)
				})
				a := w.Do(who.name, q, nil)
				for _, e := range a.Errors {
					// The scope of another user is the only field here that is refused rather than hidden.
					if at, _ := json.Marshal(e.Path); e.Code() != "FORBIDDEN" || !strings.HasSuffix(string(at), `scope"]`) {
						t.Errorf("%s: %s: %+v", q, who.name, e)
					}
				}
				picks[i].look(a.V, func(place string, value any, leaf bool) {
					if text, _ := json.Marshal(value); leaf && w.leaks(who, string(text)) != "" {
						t.Errorf("%s leaks %s: %s", place, text, q)
					}
				})
				if leak := w.leaks(who, a.Body); leak != "" && !t.Failed() {
					t.Errorf("%s is in the answer to %s: %s", leak, q, a.Body)
				}
			}
			w.checkTour(who, types, shown, reached)
		})
	}
}

// checkTour makes sure that the tour reached every field and edge, and that each had something to leak.
func (w *lands) checkTour(who restricted, types, shown map[string]bool, reached map[string]int) {
	g := &guide{w.T, setup.Schema(), who.role}
	for name := range types {
		d := g.schema.Types[name]
		for _, f := range g.fields(d) {
			place := name + "." + f.Name
			if name == "Query" && f.Directives.ForName("scoped") == nil {
				continue
			}
			target := g.schema.Types[f.Type.Name()]
			switch {
			case ends[place] != "":
				if reached[place] > 0 {
					w.T.Errorf("the edge %s leads somewhere after all", place)
				}
			case reached[place] == 0 && !target.IsLeafType():
				w.T.Errorf("the tour never reached the end of the edge %s: add such an object to this test's data", place)
			case !isText(target) || isCursor(f.Name) || silent[place] != "" || who.ours[place] != "":
			case who.word == secret && !shown[place] && openText[place]:
			case !shown[place]:
				w.T.Errorf("%s never holds %q, though an administrator asks: give it something to leak, or say why it has nothing", place, who.word)
			}
		}
	}
}

// openText are texts about a customer that are not personal: the mask leaves them.
var openText = map[string]bool{
	"Customer.company": true, "Customer.segment": true, "Response.survey": true, "Response.drivers": true,
	"CaseGroup.key": true, "CaseGroup.label": true, "FollowUpGroup.key": true, "FollowUpGroup.label": true, "NpsGroup.key": true, "NpsGroup.label": true,
	"RecoveryGroup.key": true, "RecoveryGroup.label": true,
	"CaseSnapshot.company": true, "CaseSnapshot.segment": true, "CaseSnapshot.survey": true,
}
