package setup

import (
	"fmt"
	"maps"
	"sync/atomic"

	"github.com/closeloop/closeloop/model"
)

// AddUser makes a user with a token, and returns the id. Calls with the role `name` are then made as this user.
func (s *Server) AddUser(name model.Role, input Vars) string {
	s.T.Helper()
	all := Vars{"name": "Somebody", "email": model.NewUUID().String() + "@example.com"}
	maps.Copy(all, input)
	id := s.OK(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`, Vars{"input": all}).Text("createUser.user.id")
	s.Users[name] = id
	s.Tokens[name] = s.OK(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`,
		Vars{"input": Vars{"name": "a program's", "userId": id}}).Text("createApiToken.secret")
	return id
}

// UserInput is the input that creates an agent without any references to it.
func UserInput() Vars {
	return Vars{"name": "New", "email": "new-" + model.NewUUID().String() + "@example.com", "role": "AGENT"}
}

// AddRule makes a rule and returns its id. The fields of the input are added to, or replace, those of a rule that opens a
// case for every detractor.
func (s *Server) AddRule(input Vars) string {
	s.T.Helper()
	rule := Vars{"name": "Detractors", "scores": []int{0, 1, 2, 3, 4, 5, 6}}
	maps.Copy(rule, input)
	return s.OK(model.Manager, `mutation ($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`, Vars{"input": rule}).Text("createRule.rule.id")
}

// SubmitResponse is a mutation that every role with the right to submit may send: it selects no case.
const SubmitResponse = `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {created response {id}}}`

// submitted counts the customers of Submit, each of whom answers once.
var submitted atomic.Int64

// Submit submits a response. The fields of the input are added to, or replace, those of an unhappy customer's response.
// Submit returns the ids of the response and of the case that the response opened, or "" if it opened none.
func (s *Server) Submit(input Vars) (response, opened string) {
	s.T.Helper()
	in := Vars{"score": 3, "customer": Vars{"firstName": "Ana", "externalId": fmt.Sprintf("customer-%d", submitted.Add(1))}}
	maps.Copy(in, input)
	made := s.OK(model.Admin, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {response {id} case {id}}}`, Vars{"input": in})
	return made.Text("submitResponse.response.id"), made.Text("submitResponse.case.id")
}

// ChangeStatus changes the status of a case.
func (s *Server) ChangeStatus(id string, to model.CaseStatus) {
	s.T.Helper()
	s.OK(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
		Vars{"input": Vars{"caseId": id, "status": to, "note": "So it is."}})
}

// AddNote adds a note to a case.
func (s *Server) AddNote(id, body string) {
	s.T.Helper()
	s.OK(model.Agent, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, Vars{"input": Vars{"caseId": id, "body": body}})
}

// AddWebhook makes a webhook and returns the payload.
func (s *Server) AddWebhook(url string, types ...string) Tree {
	s.T.Helper()
	return s.OK(model.Admin, `mutation ($input: CreateWebhookInput!) {createWebhook(input: $input) {secret webhook {id url owner {id} events filter enabled failingSince disabledReason}}}`,
		Vars{"input": Vars{"url": url, "events": types}}).At("createWebhook")
}
