package protocol

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

const (
	query      = `{ viewer { user { role } } }`
	mutation   = `mutation { updateSettings(input: {timeZone: "UTC"}) { settings { timeZone } } }`
	mediaJSON  = "application/json"
	mediaGraph = "application/graphql-response+json"
)

// request is a request to /graphql; empty fields stay out of it.
type request struct {
	method, query, contentType, accept, authorization, origin, encoding, body string
}

type answer struct {
	status int
	header http.Header
	body   string
	tree   map[string]json.RawMessage
}

// send returns the answer to a request, which must be a JSON object.
func send(t *testing.T, s *setup.Server, r request) answer {
	t.Helper()
	a := receive(t, s, r)
	if err := json.Unmarshal([]byte(a.body), &a.tree); err != nil {
		t.Errorf("the answer is not a JSON object: %v: %s", err, a.body)
	}
	return a
}

// receive returns the answer to a request, whatever it is; of a stream the whole, which must end by itself.
func receive(t *testing.T, s *setup.Server, r request) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, s.URL+"/graphql?"+r.query, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": r.contentType, "Accept": r.accept, "Origin": r.origin, "Content-Encoding": r.encoding} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if r.authorization == "" {
		r.authorization = "Bearer " + s.Tokens[model.Admin]
	}
	req.Header.Set("Authorization", r.authorization)
	got, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: got.StatusCode, header: got.Header, body: string(text)}
}

// post is a request with the operation as its body.
func post(operation string) request {
	return request{method: http.MethodPost, contentType: mediaJSON, body: operation}
}

func operation(query string) string {
	text, err := json.Marshal(vars{"query": query})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	with := func(contentType string) request {
		r := post(operation(query))
		r.contentType = contentType
		return r
	}
	for name, test := range map[string]struct {
		request
		status  int
		message string // a part of it
		allow   string
	}{
		"PUT":                          {request{method: http.MethodPut, contentType: mediaJSON, body: operation(query)}, 405, "by POST", "GET, POST, OPTIONS"},
		"DELETE":                       {request{method: http.MethodDelete}, 405, "by POST", "GET, POST, OPTIONS"},
		"no content type":              {with(""), 415, "application/json", ""},
		"text/plain":                   {with("text/plain"), 415, "application/json", ""},
		"application/graphql":          {with("application/graphql"), 415, "application/json", ""},
		"another charset":              {with("application/json; charset=latin1"), 415, "application/json", ""},
		"an empty body":                {post(""), 400, "one JSON object", ""},
		"half a body":                  {post(`{"query": "{ viewer`), 400, "one JSON object", ""},
		"an array":                     {post(`[` + operation(query) + `]`), 400, "one JSON object", ""},
		"null":                         {post(`null`), 400, "one JSON object", ""},
		"a text with half a character": {post(`{"query": "query ($a: ID!) {case(id: $a) {id}}", "variables": {"a": "\ud83d"}}`), 400, "half a character", ""},
		"a body that is not UTF-8":     {post(`{"query": "{ viewer { user { role } } } #` + "\xff" + `"}`), 400, "not UTF-8", ""},
		"two queries":                  {post(`{"query": "{ viewer { user { role } } }", "query": "{ viewer { user { id } } }"}`), 400, "is there twice", ""},
		"a variable's field twice":     {post(`{"query": "query ($f: CaseFilter) {cases(filter: $f) {totalCount}}", "variables": {"f": {"number": {"eq": 1, "eq": 2}}}}`), 400, "is there twice", ""},
		"a no-break space before it":   {post("\u00a0" + operation(query)), 400, "one JSON object", ""},
		"two ids of a document":        {post(`{"documentId": "a", "id": "b"}`), 400, "differ", ""},
		"GET with two queries":         {request{method: http.MethodGet, query: url.Values{"query": {query, query}}.Encode()}, 400, "the 'query' of the request is there twice", ""},
		"GET with two ids":             {request{method: http.MethodGet, query: url.Values{"documentId": {"a"}, "id": {"b"}}.Encode()}, 400, "differ", ""},
		"GET that is not UTF-8":        {request{method: http.MethodGet, query: "query=%7Bviewer%7Buser%7Brole%7D%7D%7D%23%ff"}, 400, "not UTF-8", ""},
		"data after the object":        {post(operation(query) + `{}`), 400, "one JSON object", ""},
		"a stream's body with data after the object": {request{method: http.MethodPost, contentType: mediaJSON, accept: "text/event-stream", body: operation(query) + `{}`}, 400, "one JSON object", ""},
		"no query":                          {post(`{}`), 400, "the 'query' of the request is missing", ""},
		"a query that is null":              {post(`{"query": null}`), 400, "the 'query' of the request is missing", ""},
		"a query that is a number":          {post(`{"query": 3}`), 400, "'query'", ""},
		"variables that are text":           {post(`{"query": "{ viewer { user { role } } }", "variables": "secret"}`), 400, "'variables'", ""},
		"GET without a query":               {request{method: http.MethodGet}, 400, "no query", ""},
		"GET with wrong variables":          {request{method: http.MethodGet, query: url.Values{"query": {query}, "variables": {"secret"}}.Encode()}, 400, "'variables'", ""},
		"GET with data after the variables": {request{method: http.MethodGet, query: url.Values{"query": {query}, "variables": {"{}secret"}}.Encode()}, 400, "the 'variables' of the request are not one JSON object", ""},
		"GET with a mutation": {request{method: http.MethodGet, query: url.Values{"query": {mutation}}.Encode()},
			405, "by POST", "POST"},
		"GET with a mutation for a stream":   {request{method: http.MethodGet, accept: "text/event-stream", query: url.Values{"query": {mutation}}.Encode()}, 405, "by POST", "POST"},
		"GET with a mutation of a wrong id":  {request{method: http.MethodGet, query: url.Values{"query": {`mutation { addNote(input: {caseId: "7", body: "x"}) { note { id } } }`}}.Encode()}, 405, "by POST", "POST"},
		"GET with a mutation of no field":    {request{method: http.MethodGet, query: url.Values{"query": {"mutation B {nope}"}}.Encode()}, 405, "by POST", "POST"},
		"GET with one of several operations": {request{method: http.MethodGet, query: url.Values{"query": {query + mutation[:8] + " M" + mutation[8:]}, "operationName": {"M"}}.Encode()}, 405, "by POST", "POST"},
		"GET with a bad escape":              {request{method: http.MethodGet, query: "query={viewer{user{role}}}%zz"}, 400, "write % as %25", ""},
		"a compressed body":                  {request{method: http.MethodPost, contentType: mediaJSON, encoding: "gzip", body: operation(query)}, 415, "Content-Encoding", ""},
		"a stream's compressed body":         {request{method: http.MethodPost, contentType: mediaJSON, encoding: "br", accept: "text/event-stream", body: operation(query)}, 415, "Content-Encoding", ""},
		"an answer that is not there":        {request{method: http.MethodPost, contentType: mediaJSON, accept: "text/html", body: operation(query)}, 406, "application/json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := send(t, s, test.request)
			if a.status != test.status || !strings.Contains(a.body, test.message) || !strings.Contains(a.body, `"code":"BAD_USER_INPUT"`) {
				t.Errorf("status %d, want %d with %q: %s", a.status, test.status, test.message, a.body)
			}
			if a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Allow") != test.allow {
				t.Errorf("headers %v", a.header)
			}
			if !strings.Contains(a.body, `"extensions":{"cost":{"requested":0,"actual":0,"remaining":`) {
				t.Errorf("the refusal has no charges: %s", a.body)
			}
			if _, has := a.tree["data"]; has {
				t.Errorf("the refusal has an entry data: %s", a.body)
			}
			for _, inside := range []string{"secret", "graphql.", "Go ", "unmarshal", "EOF"} {
				if strings.Contains(a.body, inside) {
					t.Errorf("the refusal shows %q: %s", inside, a.body)
				}
			}
		})
	}
}

func TestHalfACharacterInADocument(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	for text, refused := range map[string]bool{
		`"a\uD800b"`: true, `"é\uDC00"`: true, `"\ud83dx\ude00"`: true, `"\\\ud83d"`: true, `"\ud83d\u0041"`: true,
		`"\ud83d\ude00 \uFFFD"`: false, `"\\ud83d \uFFFD"`: false, `"""\ud83d�"""`: false, `"�"`: false, `"\u{1F600}�"`: false,
	} {
		a := send(t, s, post(operation("{responses(first: 1, filter: {comment: {contains: \"ééé\"}}) {totalCount} more: responses(first: 1, filter: {comment: {contains: "+text+"}}) {totalCount}} # \\ud83d")))
		message, code := "", ""
		if a.tree["errors"] != nil {
			message, code = problem(t, a.tree["errors"])
		}
		if refused != (code == "GRAPHQL_PARSE_FAILED" && strings.Contains(message, "half a character")) || !refused && a.tree["data"] == nil || refused && !strings.Contains(a.body, `"locations":[{"line":1,`) {
			t.Errorf("%s: %s", text, a.body)
		}
	}
}

func TestChoiceOfOperation(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	const two = `query A { viewer { user { id } } } query B { viewer { user { id } } }`
	for name, message := range map[string]string{
		"":  "the document has several operations: operationName must name one of them",
		"C": `the document has no operation "C": operationName must name one of its operations`,
	} {
		a := send(t, s, post(body(t, vars{"query": two, "operationName": name})))
		if got, code := problem(t, a.tree["errors"]); got != message || code != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("operationName %q: %s", name, a.body)
		}
	}
	if a := send(t, s, post(body(t, vars{"query": two, "operationName": "B"}))); a.tree["data"] == nil {
		t.Error(a.body)
	}
}

func TestAddressBelowTheAPI(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	for _, path := range []string{"/graphql/", "/graphql/v1", "/graphqlx", "/nope", "/cases"} {
		got, err := http.Post(s.URL+path, mediaJSON, strings.NewReader(operation(query)))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		_ = got.Body.Close()
		if err != nil || got.StatusCode != http.StatusNotFound || !strings.HasPrefix(got.Header.Get("Content-Type"), mediaJSON) || !strings.Contains(string(text), `"code":"NOT_FOUND"`) {
			t.Errorf("%s: %v, status %d, %v: %s", path, err, got.StatusCode, got.Header, text)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	get := request{method: http.MethodGet, query: url.Values{"query": {`query ($first: Int) { cases(first: $first) { nodes { id } } }`}, "variables": {`{"first": 1}`}}.Encode()}
	accepting := func(operation, accept string) request {
		r := post(operation)
		r.accept = accept
		return r
	}
	for name, test := range map[string]struct {
		request
		status int
		media  string
		data   bool
	}{
		"GET":                                {get, 200, mediaJSON, true},
		"no Accept":                          {post(operation(query)), 200, mediaJSON, true},
		"anything":                           {accepting(operation(query), "*/*"), 200, mediaJSON, true},
		"an empty Accept":                    {accepting(operation(query), " "), 200, mediaJSON, true},
		"the newer media type":               {accepting(operation(query), mediaGraph), 200, mediaGraph, true},
		"the first of equal media types":     {accepting(operation(query), mediaGraph+", "+mediaJSON), 200, mediaGraph, true},
		"the media type with more weight":    {accepting(operation(query), mediaGraph+";q=0.5, "+mediaJSON+";q=0.9"), 200, mediaJSON, true},
		"a refused document":                 {post(operation(`{ nope }`)), 200, mediaJSON, false},
		"a refused document, newer type":     {accepting(operation(`{ nope }`), mediaGraph), 400, mediaGraph, false},
		"no document":                        {accepting(operation(`{`), mediaGraph), 400, mediaGraph, false},
		"a wrong variable":                   {accepting(`{"query": "query ($first: Int) { cases(first: $first) { nodes { id } } }", "variables": {"first": "x"}}`, mediaGraph), 400, mediaGraph, false},
		"a charset in the request":           {request{method: http.MethodPost, contentType: "application/json; charset=UTF-8", body: operation(query)}, 200, mediaJSON, true},
		"a scheme in lower case":             {request{method: http.MethodPost, contentType: mediaJSON, body: operation(query), authorization: "bearer " + s.Tokens[model.Admin]}, 200, mediaJSON, true},
		"a field that fails, data and error": {accepting(operation(`{ case(number: 999999) { id } }`), mediaGraph), 200, mediaGraph, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := send(t, s, test.request)
			_, data := a.tree["data"]
			if a.status != test.status || a.header.Get("Content-Type") != test.media+"; charset=utf-8" || data != test.data {
				t.Errorf("status %d, %s: %s", a.status, a.header.Get("Content-Type"), a.body)
			}
			if vary := strings.Join(a.header.Values("Vary"), ", "); a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" || !strings.Contains(vary, "Accept, Authorization") {
				t.Errorf("headers %v", a.header)
			}
		})
	}
}
