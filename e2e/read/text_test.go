package read

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// A telephone writes other quotation marks, dashes and spaces than a keyboard. Wherever texts are compared, both are one.
func TestTypographicText(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(vars{"filter": vars{"comment": vars{"contains": "can't"}}})
	s.OK(model.Manager, `mutation {createTheme(input: {name: "Refusal", keywords: ["can't co-operate"]}) {theme {id}}}`, nil)
	submit := func(name, comment string) (string, string) {
		return s.Submit(vars{"score": 3, "externalId": name, "comment": comment, "customer": vars{"externalId": "c-" + name, "lastName": "D’Arcy\u00a0Lee"}})
	}
	phone, ofPhone := submit("phone", "They can’t co\u2011operate – “no” they say…")
	keyboard, ofKeyboard := submit("keyboard", `They can't co-operate - "no" they say...`)
	japanese, ofJapanese := submit("japanese", "顧客サービスの対応が悪い。crew")
	if ofPhone == "" || ofKeyboard == "" || ofJapanese != "" {
		t.Errorf("the rule on can't opened %q, %q and %q", ofPhone, ofKeyboard, ofJapanese)
	}
	names := map[string]string{phone: "phone", keyboard: "keyboard", japanese: "japanese", ofPhone: "phone", ofKeyboard: "keyboard"}
	for query, filters := range map[string]map[string]string{
		`query ($f: ResponseFilter) {list: responses(filter: $f) {nodes {id}}}`: {
			`{"search": "can't"}`: "keyboard phone", `{"search": "can’t"}`: "keyboard phone", `{"search": "“co‐operate”"}`: "keyboard phone", `{"search": "顧客"}`: "japanese",
			`{"search": "顧客 crew"}`: "japanese", `{"search": "顧客 they"}`: "", `{"search": "-顧客"}`: "keyboard phone", `{"comment": {"startsWith": "THEY CANʼT CO-OPERATE — “no”"}}`: "keyboard phone",
			`{"comment": {"eq": "They can´t co-operate - «no» they say…"}}`: "keyboard phone", `{"comment": {"contains": "cánt"}}`: "",
			`{"customer": {"lastName": {"eq": "d'arcy lee"}}}`: "japanese keyboard phone", `{"customer": {"search": "d'arcy"}}`: "japanese keyboard phone",
		},
		`query ($f: CaseFilter) {list: cases(filter: $f) {nodes {id}}}`: {
			`{"response": {"search": "can't co-operate"}}`: "keyboard phone", `{"response": {"comment": {"contains": "say..."}}}`: "keyboard phone",
		},
	} {
		for f, want := range filters {
			var found []string
			for _, n := range s.OK(model.Agent, query, vars{"f": json.RawMessage(f)}).List("list.nodes") {
				found = append(found, names[n.Text("id")])
			}
			slices.Sort(found)
			if got := strings.Join(found, " "); got != want {
				t.Errorf("%s finds %q; want %q", f, got, want)
			}
		}
	}
	for id, want := range map[string]int{phone: 1, keyboard: 1, japanese: 0} {
		if n := len(s.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Response {themes {name}}}}`, vars{"id": id}).List("node.themes")); n != want {
			t.Errorf("the response %s has %d themes; want %d", names[id], n, want)
		}
	}

	s.AddNote(ofPhone, "She can’t wait. 顧客に電話した")
	s.AddNote(ofKeyboard, "He can't wait.")
	for search, want := range map[string]int{"can't": 2, "can’t": 2, "“can‛t wait”": 2, "顧客": 1, "顧客 wait": 1, "-顧客": 1, "\u00ad": 2} {
		if n := len(s.OK(model.Agent, `query ($s: String) {notes(filter: {search: $s}) {nodes {id}}}`, vars{"s": search}).List("notes.nodes")); n != want {
			t.Errorf("%q finds %d notes; want %d", search, n, want)
		}
	}
}
