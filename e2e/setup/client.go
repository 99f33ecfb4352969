package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"

	"github.com/closeloop/closeloop/model"
)

// Vars are the variables of a GraphQL operation.
type Vars = map[string]any

// Answer is a GraphQL response over HTTP. Its tree is the data.
type Answer struct {
	Tree
	Status int
	Body   string
	Errors []Problem
}

// Problem is one entry of the errors of a GraphQL response.
type Problem struct {
	Message    string
	Path       []any
	Extensions Vars
}

// Code is the error's code, such as NOT_FOUND.
func (p Problem) Code() string { s, _ := p.Extensions["code"].(string); return s }

// Argument is the path of the argument that the caller must mend.
func (p Problem) Argument() string { s, _ := p.Extensions["argument"].(string); return s }

// Code is the code of the first error; empty without errors.
func (a *Answer) Code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Code()
}

// Do sends one operation with the token of the role. Any goroutine may call it.
func (s *Server) Do(role model.Role, query string, v Vars) *Answer {
	body, err := json.Marshal(map[string]any{"query": query, "variables": v})
	if err != nil {
		panic(err)
	}
	if in, ok := v["input"].(Vars); ok {
		if file, ok := in["file"].(CSV); ok {
			return s.upload(role, query, v, file)
		}
	}
	return s.Post(s.Tokens[role], body)
}

// CSV is the text of a file. As the variable $input.file it is uploaded with the request.
type CSV string

// upload sends a request with its file, as the graphql-multipart-request-spec says.
func (s *Server) upload(role model.Role, query string, v Vars, file CSV) *Answer {
	in := maps.Clone(v["input"].(Vars))
	in["file"] = nil
	operations, err := json.Marshal(map[string]any{"query": query, "variables": Vars{"input": in}})
	if err != nil {
		panic(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err = errors.Join(form.WriteField("operations", string(operations)), form.WriteField("map", `{"0": ["variables.input.file"]}`))
	part, made := form.CreateFormFile("0", "responses.csv")
	if err = errors.Join(err, made); err == nil {
		_, err = io.WriteString(part, string(file))
	}
	if err = errors.Join(err, form.Close()); err != nil {
		panic(err)
	}
	return s.send(s.Tokens[role], form.FormDataContentType(), &body)
}

// Post sends a body with a token; an empty token is not sent.
func (s *Server) Post(token string, body []byte) *Answer {
	return s.send(token, "application/json", bytes.NewReader(body))
}

func (s *Server) send(token, media string, body io.Reader) *Answer {
	a := &Answer{Tree: Tree{}}
	ctx, cancel := context.WithTimeout(s.T.Context(), Patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/graphql", body)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", media)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.T.Errorf("POST: %v", err)
		return a
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	var decoded struct {
		Data   any
		Errors []Problem
	}
	if err := errors.Join(err, json.Unmarshal(text, &decoded)); err != nil {
		s.T.Errorf("status %d: %v: %.500s", response.StatusCode, err, text)
	}
	a.Status, a.Body, a.V, a.Errors = response.StatusCode, string(text), decoded.Data, decoded.Errors
	return a
}

// OK sends an operation that must succeed.
func (s *Server) OK(role model.Role, query string, v Vars) *Answer {
	s.T.Helper()
	a := s.Do(role, query, v)
	if len(a.Errors) > 0 || a.V == nil {
		s.T.Fatalf("%s as %s: status %d: %s", query, role, a.Status, a.Body)
	}
	return a
}
