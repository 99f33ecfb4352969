package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/model"
)

const sourceSecret = "a secret of sixteen"

func addSource(s *setup.Server, input vars) string {
	s.T.Helper()
	all := vars{"name": "shop", "tool": "QUALTRICS", "survey": "Shop"}
	for k, v := range input {
		all[k] = v
	}
	return s.OK(model.Manager, `mutation ($input: CreateSourceInput!) {createSource(input: $input) {source {id}}}`, vars{"input": all}).Text("createSource.source.id")
}

// delivered is the answer to a delivery.
type delivered struct {
	code     int
	text     string
	Status   string
	Response string `json:"responseId"`
	Errors   []setup.Problem
}

func (d delivered) is() string {
	if len(d.Errors) == 0 {
		return fmt.Sprintf("%d %s", d.code, d.Status)
	}
	return fmt.Sprintf("%d %s", d.code, d.Errors[0].Code())
}

// deliver posts to an address below /intake/. Without a token the header Authorization is not sent.
func deliver(s *setup.Server, address, token, body string, headers ...string) (d delivered) {
	s.T.Helper()
	request, err := http.NewRequestWithContext(s.T.Context(), http.MethodPost, s.URL+"/intake/"+address, strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.T.Error(err)
		return d
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		s.T.Errorf("status %d: %v: %.300s", answer.StatusCode, err, text)
	}
	d.code, d.text = answer.StatusCode, string(text)
	return d
}

func typeform(body string) string {
	mac := hmac.New(sha256.New, []byte(sourceSecret))
	_, _ = io.WriteString(mac, body)
	return "sha256=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func deliveries(s *setup.Server, id string) []setup.Tree {
	s.T.Helper()
	return s.OK(model.Manager, `query ($id: ID!) {source(id: $id) {deliveries(first: 100) {nodes {id fate code field path error payload response {score comment survey externalId}}}}}`,
		vars{"id": id}).List("source.deliveries.nodes")
}

func TestSource(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(vars{"name": "Detractors", "scores": []int{0, 1, 2, 3, 4, 5, 6}, "assignment": vars{"strategy": "USER", "userId": s.Users[model.Agent]}})
	id := addSource(s, nil)
	token := s.Tokens[model.Intake]

	t.Run("a delivery is stored once, completed, and refused where it contradicts", func(t *testing.T) {
		s := s.As(t)
		const first = `{"externalId": "r1", "score": "3 - unlikely", "customer": {"email": "kim@example.com"}}`
		made := deliver(s, "shop", token, first)
		if made.is() != "200 accepted" || !strings.HasPrefix(made.Response, "res_") {
			t.Fatalf("%s", made.text)
		}
		if again := deliver(s, "shop", token, first); again.is() != "200 known" || again.Response != made.Response {
			t.Errorf("again: %s", again.text)
		}
		if more := deliver(s, "shop", token, `{"externalId": "r1", "score": 3, "comment": "Late.", "customer": {"email": "kim@example.com"}}`); more.is() != "200 completed" || more.Response != made.Response {
			t.Errorf("with a comment: %s", more.text)
		}
		other := deliver(s, "shop", token, `{"externalId": "r1", "score": 9, "customer": {"email": "kim@example.com"}}`)
		if other.is() != "409 CONFLICT" || other.Errors[0].Argument() != "score" || other.Errors[0].Extensions["path"] != "score" {
			t.Errorf("another score: %s", other.text)
		}
		var fates []string
		list := deliveries(s, id)
		for _, d := range list {
			fates = append(fates, d.Text("fate"))
		}
		if fmt.Sprint(fates) != "[REFUSED COMPLETED KNOWN ACCEPTED]" {
			t.Errorf("the deliveries are %v", fates)
		}
		if d := list[0]; d.Text("code") != "CONFLICT" || d.Text("field") != "score" || d.Text("path") != "score" || !strings.Contains(d.Text("error"), "score 3") ||
			!strings.Contains(d.Text("payload"), "kim@example.com") || !d.Missing("response") {
			t.Errorf("the delivery that contradicts is %v", d.V)
		}
		if r := list[3].At("response"); r.Number("score") != 3 || r.Text("comment") != "Late." || r.Text("survey") != "Shop" || r.Text("externalId") != "r1" {
			t.Errorf("the response is %v", r.V)
		}
		if n := s.Count("cases"); n != 1 {
			t.Errorf("%d cases, not 1", n)
		}
	})

	t.Run("sixteen callers with one delivery make one response", func(t *testing.T) {
		s := s.As(t)
		var all sync.WaitGroup
		answers := make([]delivered, 16)
		for i := range answers {
			all.Go(func() {
				answers[i] = deliver(s, "shop", token, `{"externalId": "r16", "score": 1, "customer": {"email": "li@example.com"}}`)
			})
		}
		all.Wait()
		how := map[string]int{}
		for _, a := range answers {
			how[a.is()]++
			if a.Response != answers[0].Response {
				t.Errorf("two responses: %s and %s", a.text, answers[0].text)
			}
		}
		if how["200 accepted"] != 1 || how["200 known"] != 15 {
			t.Errorf("the answers are %v", how)
		}
		if n := s.Count("responses WHERE external_id = 'r16'"); n != 1 {
			t.Errorf("%d responses, not 1", n)
		}
	})

	t.Run("what is wrong is named, with its path", func(t *testing.T) {
		s := s.As(t)
		responses := s.Count("responses")
		for body, want := range map[string][3]string{
			`{"score": 3}`: {"400 BAD_USER_INPUT", "externalId", "externalId"},
			`{"externalId": "r2", "score": "kim@example.com"}`:               {"400 BAD_USER_INPUT", "score", "score"},
			`{"externalId": "r2", "score": 3, "customer": {"email": "kim"}}`: {"400 BAD_USER_INPUT", "customer.email", "customer.email"},
			`{"externalId": "r2"`: {"400 BAD_USER_INPUT", "", ""},
			``:                    {"400 BAD_USER_INPUT", "", ""},
			strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000): {"400 BAD_USER_INPUT", "", ""},
		} {
			d := deliver(s, "shop", token, body)
			path, _ := "", false
			if len(d.Errors) > 0 {
				path, _ = d.Errors[0].Extensions["path"].(string)
			}
			if d.is() != want[0] || len(d.Errors) > 0 && (d.Errors[0].Argument() != want[1] || path != want[2]) {
				t.Errorf("%.60s is answered with %.300s", body, d.text)
			}
		}
		if two := deliver(s, "shop", token, `{"score": "x"}`); len(two.Errors) != 2 {
			t.Errorf("of two faults: %s", two.text)
		}
		if n := s.Count("responses"); n != responses {
			t.Errorf("%d responses were stored", n-responses)
		}
	})

	t.Run("who may not submit is refused, and leaves no trace", func(t *testing.T) {
		s := s.As(t)
		const body = `{"externalId": "r3", "score": 3}`
		before := s.Count("source_deliveries")
		for _, role := range setup.Roles {
			want := "403 FORBIDDEN"
			if role == model.Intake || role == model.Admin {
				want = "404 NOT_FOUND"
			}
			if d := deliver(s, "nowhere", s.Tokens[role], body); d.is() != want {
				t.Errorf("%s to a source that there is not: %s", role, d.text)
			}
			if role == model.Intake || role == model.Admin {
				continue
			}
			if d := deliver(s, "shop", s.Tokens[role], body); d.is() != "403 FORBIDDEN" {
				t.Errorf("%s: %s", role, d.text)
			}
		}
		for _, address := range []string{"shop", "nowhere"} {
			if d := deliver(s, address, "", body); d.is() != "401 UNAUTHENTICATED" {
				t.Errorf("without a token to %s: %s", address, d.text)
			}
			if d := deliver(s, address, "closeloop_wrong", body); d.is() != "401 UNAUTHENTICATED" {
				t.Errorf("with a wrong token to %s: %s", address, d.text)
			}
			for _, name := range []string{"token", "access_token"} {
				d := deliver(s, address+"?"+name+"="+token, token, body)
				if d.is() != "400 BAD_USER_INPUT" || !strings.Contains(d.text, "Authorization") || strings.Contains(d.text, token) {
					t.Errorf("with a token in the address: %s", d.text)
				}
			}
		}
		for _, line := range s.Log.Lines() {
			if strings.Contains(line, token) || strings.Contains(line, "kim@") {
				t.Errorf("the log has %s", line)
			}
		}
		if n := s.Count("source_deliveries"); n != before {
			t.Errorf("%d deliveries were recorded", n-before)
		}
	})

	t.Run("a body that is too large, encoded, or not posted is refused", func(t *testing.T) {
		s := s.As(t)
		if d := deliver(s, "shop", token, `{"externalId": "`+strings.Repeat("x", 1<<20)+`"}`); d.is() != "413 BAD_USER_INPUT" {
			t.Errorf("of a MiB: %s", d.text)
		}
		if d := deliver(s, "shop", token, `{}`, "Content-Encoding", "gzip"); d.is() != "415 BAD_USER_INPUT" {
			t.Errorf("gzip: %s", d.text)
		}
		answer, err := http.Get(s.URL + "/intake/shop")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "POST" {
			t.Errorf("GET: %s", answer.Status)
		}
	})

	t.Run("the scope of the token holds", func(t *testing.T) {
		s := s.As(t)
		s.AddUser("british", vars{"role": "INTAKE", "scope": setup.British})
		for country, want := range map[string]string{"GB": "200 accepted", "BR": "403 FORBIDDEN"} {
			body := `{"externalId": "scope-` + country + `", "score": 3, "customer": {"email": "` + country + `@example.com", "country": "` + country + `"}}`
			if d := deliver(s, "shop", s.Tokens["british"], body); d.is() != want {
				t.Errorf("%s: %s", country, d.text)
			}
		}
		if d := deliveries(s, id)[0]; s.Count("responses WHERE external_id = 'scope-BR'") != 0 || s.Count("source_deliveries WHERE fate = 'REFUSED' AND code = 'FORBIDDEN'") != 1 {
			t.Errorf("the last delivery is %v", d.V)
		}
	})

	t.Run("the last hundred deliveries are kept", func(t *testing.T) {
		s := s.As(t)
		last := addSource(s, vars{"name": "hundred"})
		for i := range 104 {
			deliver(s, "hundred", token, fmt.Sprintf(`{"externalId": "h%d"}`, i))
		}
		list := deliveries(s, last)
		if n := s.Count("source_deliveries d JOIN sources s ON s.id = d.source_id WHERE s.name = 'hundred'"); n != 100 || len(list) != 100 || !strings.Contains(list[0].Text("payload"), "h103") {
			t.Errorf("%d are kept, the newest %v", n, list[0].V)
		}
	})
}

func TestSignedSource(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	text, err := os.ReadFile("../../internal/source/testdata/typeform.json")
	if err != nil {
		t.Fatal(err)
	}
	body := string(text)
	british := s.AddUser("british", vars{"role": "INTAKE", "scope": setup.British})
	id := addSource(s, vars{"name": "form", "tool": "TYPEFORM", "secret": sourceSecret, "userId": british,
		"mapping": []vars{{"field": "customer.country", "path": "form_response.hidden.country"}}})
	addSource(s, vars{"name": "both", "tool": "TYPEFORM", "secret": sourceSecret})
	const header = "Typeform-Signature"
	inside := strings.Replace(body, `"hidden": {`, `"hidden": {"country": "GB", `, 1)
	for _, c := range []struct {
		name, address, token, body string
		headers                    []string
		want                       string
	}{
		{"no signature", "form", "", inside, nil, "401 UNAUTHENTICATED"},
		{"another's signature", "form", "", inside, []string{header, typeform(body)}, "401 UNAUTHENTICATED"},
		{"no base64", "form", "", inside, []string{header, "sha256=%"}, "401 UNAUTHENTICATED"},
		{"outside the scope of the source's user", "form", "", body, []string{header, typeform(body)}, "403 FORBIDDEN"},
		{"signed", "form", "", inside, []string{header, typeform(inside)}, "200 accepted"},
		{"again", "form", "", inside, []string{header, typeform(inside)}, "200 known"},
		{"a token instead of a signature", "form", s.Tokens[model.Intake], inside, nil, "401 UNAUTHENTICATED"},
		{"a signature where a token is needed", "both", "", inside, []string{header, typeform(inside)}, "401 UNAUTHENTICATED"},
		{"a token where a signature is needed", "both", s.Tokens[model.Intake], inside, nil, "401 UNAUTHENTICATED"},
		{"both", "both", s.Tokens[model.Intake], inside, []string{header, typeform(inside)}, "200 known"},
		{"no event of a response", "both", s.Tokens[model.Intake], `{"event_type": "x"}`, []string{header, typeform(`{"event_type": "x"}`)}, "200 ignored"},
		{"a token of a role that may not submit", "form", s.Tokens[model.Partner], inside, []string{header, typeform(inside)}, "403 FORBIDDEN"},
	} {
		if d := deliver(s, c.address, c.token, c.body, c.headers...); d.is() != c.want {
			t.Errorf("%s: %s, not %s", c.name, d.text, c.want)
		}
	}
	s.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, vars{"input": vars{"userId": british, "active": false}})
	if d := deliver(s, "form", "", inside, header, typeform(inside)); d.is() != "401 UNAUTHENTICATED" {
		t.Errorf("of an inactive user: %s", d.text)
	}
	s.OK(model.Manager, `mutation ($input: UpdateSourceInput!) {updateSource(input: $input) {source {signed user {id}}}}`, vars{"input": vars{"sourceId": id, "secret": nil, "userId": nil}})
	if d := deliver(s, "form", s.Tokens[model.Intake], inside); d.is() != "200 known" {
		t.Errorf("without a secret any more: %s", d.text)
	}
	if all := s.OK(model.Manager, `{sources {name signed user {id}} auditEvents: sources {id}}`, nil); strings.Contains(all.Body, sourceSecret) {
		t.Errorf("the secret is shown: %s", all.Body)
	}
	if n := s.Count("audit_events e WHERE strpos(e::text, '" + sourceSecret + "') > 0"); n != 0 {
		t.Errorf("%d entries of the audit have the secret", n)
	}
}

func TestDeliveriesHaveTheBudgetOfTheirToken(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{400, 1}})
	addSource(s, nil)
	var limited delivered
	for i := range 100 {
		if limited = deliver(s, "shop", s.Tokens[model.Intake], fmt.Sprintf(`{"externalId": "r%d", "score": 3}`, i)); limited.code != http.StatusOK {
			break
		}
	}
	if limited.is() != "429 RATE_LIMITED" || limited.Errors[0].Extensions["retryAfter"] == nil {
		t.Errorf("a hundred deliveries end with %s", limited.text)
	}
	if a := s.Do(model.Intake, setup.SubmitResponse, vars{"input": vars{"score": 3, "customer": vars{}}}); a.Code() != "RATE_LIMITED" {
		t.Errorf("the token's bucket is another one: %s", a.Body)
	}
}
