package rate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestBounds(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	s.Submit(nil)
	document := func(text string) []byte {
		body, err := json.Marshal(map[string]string{"query": text})
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	aliases := func(n int, field string) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			b.WriteString("a" + strings.Repeat("b", i) + ": " + field + " ")
		}
		return b.String() + "}"
	}
	const expensive = `cases(first: 100) {nodes {notes(last: 50) {nodes {id}}}}`
	fragments := `{...f0} fragment f40 on Query {viewer {user {id}}}`
	for i := range 40 { // each spreads the next one twice: 10^12 fields in 2 KB
		fragments += fmt.Sprintf(` fragment f%d on Query {...f%d ...f%[2]d}`, i, i+1)
	}
	const (
		input = "BAD_USER_INPUT"
		cost  = "QUERY_TOO_COSTLY"
	)
	for what, refused := range map[string]struct {
		body []byte
		code string
	}{
		"a body of more than 1 MiB":        {document(`{viewer {user {id}}} #` + strings.Repeat("x", 1<<20)), input},
		"a million brackets":               {[]byte(strings.Repeat("[", 1_000_000)), input},
		"a million brackets in a document": {document(`{cases(filter: ` + strings.Repeat("[", 1_000_000)), input},
		"a million brackets in a variable": {[]byte(`{"query": "query ($f: CaseFilter) {cases(filter: $f) {totalCount}}", "variables": {"f": ` + strings.Repeat("[", 1_000_000)), input},
		"a thousand nested selections":     {document(strings.Repeat("{cases(first: 1) {nodes {customer ", 333) + "{id}" + strings.Repeat("}}}", 333)), input},
		"a thousand nested filters":        {document(`{cases(filter: ` + strings.Repeat("{not: ", 1000) + "{}" + strings.Repeat("}", 1000) + `) {totalCount}}`), input},
		"twenty thousand tokens":           {document(`{viewer {user {` + strings.Repeat("id ", 20_000) + `}}}`), input},
		"eight thousand equal fields":      {document(`{viewer {user {` + strings.Repeat("id ", 8_000) + `}}}`), input},
		"ninety expensive aliases":         {document(aliases(90, expensive)), cost},
		"a list that is too long":          {document(`{cases(first: 1000) {nodes {id}}}`), input},
		"lists in lists in lists":          {document(`{customers(first: 100) {nodes {cases(first: 100) {nodes {notes(first: 100) {nodes {id}}}}}}}`), cost},
		"fragments that grow":              {document(fragments), input},
		"another kind of body":             {[]byte(`query=%7Bviewer%7D`), input},
	} {
		a := s.Post(s.Tokens[model.Admin], refused.body)
		if len(a.Errors) == 0 || a.Code() != refused.code || a.V != nil && !a.Missing("cases") || a.Status >= 500 {
			t.Errorf("%s: status %d: %.300s", what, a.Status, a.Body)
		}
		s.OK(model.Partner, `{cases {nodes {id}}}`, nil)
	}
	if a := s.Post(s.Tokens[model.Admin], document(`{viewer {user {id}}} #`+strings.Repeat("x", 1<<20))); a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of more than 1 MiB gets status %d", a.Status)
	}
	// Allowed requests: a limit that refuses everything must not pass.
	s.OK(model.Admin, `{`+expensive+`}`, nil)
	s.OK(model.Admin, aliases(20, `cases {nodes {id}}`), nil)
	s.OK(model.Admin, `{cases(filter: `+strings.Repeat("{not: ", 10)+"{}"+strings.Repeat("}", 10)+`) {totalCount}}`, nil)

	c := s.SignIn(s.Tokens[model.Admin])
	c.Subscribe(aliases(90, expensive))
	if code := c.Refused(); code == "" {
		t.Error("over a socket, ninety expensive aliases are not refused with a code")
	}
}

// inside matches words that only an error of PostgreSQL or of our own code contains.
var inside = regexp.MustCompile(`(?i)sqlstate|relation|does not exist|elsewhere|select |closed pool|goroutine|\.go:|panic|pgx|internal/`)

func TestInternalError(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	_, opened := s.Submit(nil)
	if _, err := s.App.DB.Pool.Exec(t.Context(), "ALTER TABLE cases RENAME TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	shown := func(what string, p setup.Problem) {
		t.Helper()
		id, _ := p.Extensions["id"].(string)
		if p.Code() != "INTERNAL" || id == "" || len(p.Extensions) != 2 || !strings.Contains(p.Message, id) || inside.MatchString(p.Message) {
			t.Errorf("%s: %+v", what, p)
			return
		}
		s.Log.Await(t, id) // the log has the id that the user quotes
	}
	for what, a := range map[string]*setup.Answer{
		"a list":        s.Do(model.Agent, `{cases {nodes {id}}}`, nil),
		"a nested list": s.Do(model.Agent, `{customers {nodes {cases {nodes {id}}}}}`, nil),
		"a figure":      s.Do(model.Agent, `{caseSummary {total}}`, nil),
		"an object":     s.Do(model.Agent, `query ($id: ID!) {node(id: $id) {id}}`, vars{"id": opened}),
		"a write": s.Do(model.Agent, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`,
			vars{"input": vars{"caseId": opened, "body": "x"}}),
	} {
		if a.Status != http.StatusOK || len(a.Errors) != 1 || inside.MatchString(a.Body) {
			t.Errorf("%s: status %d: %s", what, a.Status, a.Body)
			continue
		}
		shown(what, a.Errors[0])
	}
	c := s.SignIn(s.Tokens[model.Agent])
	c.Subscribe(`{cases {nodes {id}}}`)
	m, err := c.Read()
	text, _ := json.Marshal(m.Payload)
	if err != nil || inside.Match(text) || !strings.Contains(string(text), "INTERNAL") {
		t.Errorf("over a socket: %s, %v", text, err)
	}
	if err := s.App.DB.Close(); err != nil {
		t.Fatal(err)
	}
	for s.Do(model.Agent, `{viewer {role}}`, nil).Status == http.StatusOK { // a caller who was there a moment ago is known for a second
	}
	a := s.Do(model.Agent, `{cases {nodes {id}}}`, nil)
	if a.Status != http.StatusInternalServerError || len(a.Errors) != 1 || a.V != nil {
		t.Fatalf("without a database: status %d: %s", a.Status, a.Body)
	}
	shown("without a database", a.Errors[0])
	if response, err := http.Get(s.URL + "/healthz"); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a database, the health check says %v, %v", response, err)
	}
	if code := s.Connect(nil, vars{"token": s.Tokens[model.Agent]}).Closed(); code == 4403 || code == 1000 {
		t.Errorf("without a database, a socket ends with %d: its token is not at fault", code)
	}
}
