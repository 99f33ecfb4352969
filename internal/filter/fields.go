package filter

import (
	"slices"
	"time"

	"github.com/closeloop/closeloop/model"
)

// noun is a kind of thing that can be filtered: its table and its fields.
type noun struct {
	name   string
	table  string
	fields map[string]entry
}

// entry is a line of a field table.
type entry struct {
	field
	personal bool // a name, an address, a phone number, a comment, or what may hold one: see tree.Personal
}

// open is a field that whoever may see the row may ask for; personal is one that they may not where personal data is
// hidden from them.
func open(f field) entry     { return entry{field: f} }
func personal(f field) entry { return entry{field: f, personal: true} }

// field reads what the caller wrote for one field and answers with the condition it stands for.
type field interface {
	parse(p *parser, v any) (expr, error)
}

// column tells where a value stands in SQL, by the table whose rows are asked for. A place that is not named is
// reached over the response's or the customer's id.
type column struct {
	name   string            // in the noun's own table
	own    string            // that table
	copied map[string]string // table → column that copies it there
	fixed  string            // the whole place, where the field belongs to no noun
}

func (c column) in(table string) string {
	if c.fixed != "" {
		return c.fixed
	}
	if table == c.own {
		return c.own + "." + c.name
	}
	if copied, ok := c.copied[table]; ok {
		return table + "." + copied
	}
	return "(SELECT x." + c.name + " FROM " + c.own + " x WHERE x.id = " + table + "." + foreignKey[c.own] + ")"
}

var foreignKey = map[string]string{"customers": "customer_id", "responses": "response_id"}

func onCustomer(name string, copied map[string]string) column {
	return column{name: name, own: "customers", copied: copied}
}

func onResponse(name string, copied map[string]string) column {
	return column{name: name, own: "responses", copied: copied}
}

func onCase(name string) column { return column{name: name, own: "cases"} }

func everywhere(name string) map[string]string {
	return map[string]string{"cases": name, "responses": name}
}

func toCase(name string) map[string]string { return map[string]string{"cases": name} }

var customerNoun, responseNoun, caseNoun = nouns()

func nouns() (customer, response, kase *noun) {
	customer = &noun{name: "CustomerFilter", table: "customers", fields: map[string]entry{
		"id":      open(idField[model.CustomerID]{onCustomer("id", everywhere("customer_id")), func(s *Subject) *model.CustomerID { return &s.Customer.ID }}),
		"company": open(textField{onCustomer("company_fold", everywhere("company_fold")), func(s *Subject) *string { return s.Customer.Company }}),
		// Country codes are upper-case ASCII in the table; folding the caller's value the other way keeps the index plain.
		"country": open(countryField{onCustomer("country", everywhere("country")), func(s *Subject) *string { return s.Customer.Country }}),
		"segment": open(textField{onCustomer("segment_fold", everywhere("segment_fold")), func(s *Subject) *string { return s.Customer.Segment }}),
	}}

	response = &noun{name: "ResponseFilter", table: "responses", fields: map[string]entry{
		"id":    open(idField[model.ResponseID]{onResponse("id", toCase("response_id")), func(s *Subject) *model.ResponseID { return &s.Response.ID }}),
		"score": open(intField{onResponse("score", toCase("score")), func(s *Subject) *int { return &s.Response.Score }}),
		"category": open(enumField{onResponse("category", toCase("category")), func(s *Subject) string { return string(model.CategoryOf(s.Response.Score)) },
			[]string{string(model.Detractor), string(model.Passive), string(model.Promoter)}}),
		"contactRequested": open(boolField{onResponse("contact_requested", toCase("contact_requested")), func(s *Subject) bool { return s.Response.ContactRequested }}),
		"respondedAt":      open(timeField{onResponse("responded_at", toCase("responded_at")), func(s *Subject) *time.Time { return &s.Response.RespondedAt }}),
		"customer":         open(nested{of: customer}),
	}}

	kase = &noun{name: "CaseFilter", table: "cases", fields: map[string]entry{
		"id":     open(idField[model.CaseID]{onCase("id"), func(s *Subject) *model.CaseID { return &s.Case.ID }}),
		"number": open(intField{onCase("number"), func(s *Subject) *int { return &s.Case.Number }}),
		"status": open(enumField{onCase("status"), func(s *Subject) string { return string(s.Case.Status) },
			[]string{string(model.Open), string(model.InProgress), string(model.Closed)}}),
		"origin": open(enumField{onCase("origin"), func(s *Subject) string { return string(s.Case.Origin) },
			[]string{string(model.OriginRule), string(model.OriginManual)}}),
		"assignee":        open(idField[model.UserID]{onCase("assignee_id"), func(s *Subject) *model.UserID { return s.Case.AssigneeID }}),
		"assigned":        open(presentField{onCase("assignee_id"), func(s *Subject) bool { return s.Case.AssigneeID != nil }}),
		"mine":            open(mineField{}),
		"overdue":         open(overdueField{}),
		"openedAt":        open(timeField{onCase("opened_at"), func(s *Subject) *time.Time { return &s.Case.OpenedAt }}),
		"updatedAt":       open(timeField{onCase("updated_at"), func(s *Subject) *time.Time { return &s.Case.UpdatedAt }}),
		"assignedAt":      open(timeField{onCase("assigned_at"), func(s *Subject) *time.Time { return s.Case.AssignedAt }}),
		"dueAt":           open(timeField{onCase("due_at"), func(s *Subject) *time.Time { return s.Case.DueAt }}),
		"firstFollowUpAt": open(timeField{onCase("first_follow_up_at"), func(s *Subject) *time.Time { return s.Case.FirstFollowUpAt }}),
		"closedAt":        open(timeField{onCase("closed_at"), func(s *Subject) *time.Time { return s.Case.ClosedAt }}),
		"rule":            open(ruleField{}),
		"response":        open(nested{of: response, wrap: func(x expr) expr { return withResponse{x} }}),
		"customer":        open(nested{of: customer}),
	}}
	return customer, response, kase
}

func has[T comparable](list []T, v *T) bool { return v != nil && slices.Contains(list, *v) }
