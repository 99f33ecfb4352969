package filter

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/model"
)

var customerEntity, responseEntity, caseEntity = entities()

func entities() (customer, response, cases *entity) {
	customer = &entity{name: "CustomerFilter", table: "customers", fields: customerFields()}
	response = &entity{name: "ResponseFilter", table: "responses", fields: responseFields(customer)}
	cases = &entity{name: "CaseFilter", table: "cases", fields: caseFields(customer, response)}
	return customer, response, cases
}

func customerFields() map[string]field {
	return map[string]field{
		"id": {idField[model.CustomerID]{onCustomer("id").copiedAs("customer_id", "cases", "responses"), func(s *Subject) *model.CustomerID { return &s.Customer.ID }}, open},
		// Some feeds use the e-mail address as the id.
		"externalId": {textField{searched("external_id_fold"), func(s *Subject) *string { return s.Customer.ExternalID }}, personal},
		"email":      {textField{searched("email_fold"), func(s *Subject) *string { return s.Customer.Email }}, personal},
		"firstName":  {textField{searched("first_name_fold"), func(s *Subject) *string { return s.Customer.FirstName }}, personal},
		"lastName":   {textField{searched("last_name_fold"), func(s *Subject) *string { return s.Customer.LastName }}, personal},
		"phone":      {textField{searched("phone_fold"), func(s *Subject) *string { return s.Customer.Phone }}, personal},
		"company":    {textField{searched("company_fold").copiedTo("cases", "responses"), func(s *Subject) *string { return s.Customer.Company }}, open},
		"country":    {countryField{onCustomer("country").copiedTo("cases", "responses"), func(s *Subject) *string { return s.Customer.Country }}, open},
		"segment":    {textField{onCustomer("segment_fold").copiedTo("cases", "responses"), func(s *Subject) *string { return s.Customer.Segment }}, open},
		"lifetimeValue": {decimalField{onCustomer("lifetime_value").copiedTo("cases", "responses"), func(s *Subject) *decimal.Decimal { return s.Customer.LifetimeValue }},
			open},
		"accountManagerEmail": {textField{onCustomer("account_manager_email_fold"), func(s *Subject) *string { return s.Customer.AccountManagerEmail }}, personal},
		"agentEmail":          {textField{onCustomer("agent_email_fold"), func(s *Subject) *string { return s.Customer.AgentEmail }}, personal},
		"attribute":           {attributeField{onCustomer("attributes_fold"), func(s *Subject) map[string]string { return s.Customer.Attributes }}, personal},
		"lastContactedAt":     {timeField{onCustomer("last_contacted_at"), func(s *Subject) *time.Time { return s.Customer.LastContactedAt }}, open},
		"nextSurveyAt":        {timeField{onCustomer("next_survey_at"), func(s *Subject) *time.Time { return s.Customer.NextSurveyAt }}, open},
		"search":              {customerSearch{onCustomer("search_fold")}, personal},
	}
}

func responseFields(customer *entity) map[string]field {
	return map[string]field{
		"id":               {idField[model.ResponseID]{onResponse("id").copiedAs("response_id", "cases"), func(s *Subject) *model.ResponseID { return &s.Response.ID }}, open},
		"externalId":       {textField{onResponse("external_id_fold"), func(s *Subject) *string { return s.Response.ExternalID }}, personal},
		"score":            {intField{onResponse("score").copiedTo("cases"), func(s *Subject) *int { return &s.Response.Score }}, open},
		"category":         {categoryField{onResponse("score").copiedTo("cases"), func(s *Subject) int { return s.Response.Score }}, open},
		"survey":           {textField{onResponse("survey_fold").copiedTo("cases"), func(s *Subject) *string { return s.Response.Survey }}, open},
		"contactRequested": {boolField{onResponse("contact_requested").copiedTo("cases"), func(s *Subject) *bool { return &s.Response.ContactRequested }}, open},
		"comment":          {textField{onTexts("comment_fold"), func(s *Subject) *string { return s.Response.Comment }}, personal},
		"drivers":          {driversField{onTexts("drivers_fold")}, open},
		"themes":           {themesField{}, open},
		"themeEffort":      {effortField{}, open},
		"quoteConsent":     {boolField{onResponse("quote_consent"), func(s *Subject) *bool { return s.Response.QuoteConsent }}, open},
		"testimonialLikelihood": {floatField{onResponse("testimonial_likelihood"), func(s *Subject) *float64 { return s.Response.TestimonialLikelihood }},
			open},
		"respondedAt":   {timeField{onResponse("responded_at").copiedTo("cases"), func(s *Subject) *time.Time { return &s.Response.RespondedAt }}, open},
		"receivedAt":    {timeField{onResponse("received_at"), func(s *Subject) *time.Time { return &s.Response.ReceivedAt }}, open},
		"contactStatus": {contactField{}, open},
		"hasCase":       {hasCaseField{}, open},
		"attribute":     {attributeField{onTexts("attributes_fold"), func(s *Subject) map[string]string { return s.Response.Attributes }}, personal},
		"customer":      {nested{of: customer}, open},
		"search":        {responseSearch{onTexts("comment_fold")}, personal},
	}
}

func caseFields(customer, response *entity) map[string]field {
	return map[string]field{
		"id":     {idField[model.CaseID]{onCase("id"), func(s *Subject) *model.CaseID { return &s.Case.ID }}, open},
		"number": {intField{onCase("number"), func(s *Subject) *int { return &s.Case.Number }}, open},
		"status": {enumField{onCase("status"), func(s *Subject) *string { return stringPtr(s.Case.Status) }, stringsOf(model.Open, model.InProgress, model.Closed)}, open},
		"origin": {enumField{onCase("origin"), func(s *Subject) *string { return stringPtr(s.Case.Origin) },
			stringsOf(model.OriginRule, model.OriginManual, model.OriginAllocation)}, open},
		"assignee":        {idField[model.UserID]{onCase("assignee_id"), func(s *Subject) *model.UserID { return s.Case.AssigneeID }}, open},
		"assigned":        {presentField{onCase("assignee_id"), func(s *Subject) bool { return s.Case.AssigneeID != nil }}, open},
		"mine":            {mineField{}, open},
		"overdue":         {overdueField{}, open},
		"openedAt":        {timeField{onCase("opened_at"), func(s *Subject) *time.Time { return &s.Case.OpenedAt }}, open},
		"updatedAt":       {timeField{onCase("updated_at"), func(s *Subject) *time.Time { return &s.Case.UpdatedAt }}, open},
		"assignedAt":      {timeField{onCase("assigned_at"), func(s *Subject) *time.Time { return s.Case.AssignedAt }}, open},
		"dueAt":           {timeField{onCase("due_at"), func(s *Subject) *time.Time { return s.Case.DueAt }}, open},
		"firstFollowUpAt": {timeField{onCase("first_follow_up_at"), func(s *Subject) *time.Time { return s.Case.FirstFollowUpAt }}, open},
		"firstContactAt":  {timeField{onCase("first_contact_at"), func(s *Subject) *time.Time { return s.Case.FirstContactAt }}, open},
		"closedAt":        {timeField{onCase("closed_at"), func(s *Subject) *time.Time { return s.Case.ClosedAt }}, open},
		"rule":            {ruleField{}, open},
		"externalRef":     {refField{}, personal},
		"outreach":        {outreachField{}, open},
		"response":        {nested{of: response, wrap: func(x expr) expr { return withResponse{x} }}, open},
		"customer":        {nested{of: customer}, open},
	}
}

func has[T comparable](list []T, v *T) bool { return v != nil && slices.Contains(list, *v) }

func stringPtr[T ~string](v T) *string {
	s := string(v)
	return &s
}

func stringsOf[T ~string](values ...T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}
