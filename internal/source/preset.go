package source

import (
	"slices"

	"github.com/closeloop/closeloop/model"
)

// preset is how the payloads of a tool are read, as far as its documentation says so for every survey.
type preset struct {
	mapping    []model.SourceMapping
	condition  *model.SourceCondition
	onConflict string
}

// written are the paths of a body that the user writes in the tool: its names are those of the fields.
var written = preset{mapping: []model.SourceMapping{
	{Field: "externalId", Path: "externalId"}, {Field: "score", Path: "score"}, {Field: "comment", Path: "comment"},
	{Field: "survey", Path: "survey"}, {Field: "respondedAt", Path: "respondedAt"}, {Field: "contactRequested", Path: "contactRequested"},
	{Field: "drivers", Path: "drivers"}, {Field: "attributes", Path: "attributes"},
	{Field: "customer.externalId", Path: "customer.externalId"}, {Field: "customer.email", Path: "customer.email"},
	{Field: "customer.name", Path: "customer.name"}, {Field: "customer.firstName", Path: "customer.firstName"},
	{Field: "customer.lastName", Path: "customer.lastName"}, {Field: "customer.phone", Path: "customer.phone"},
	{Field: "customer.company", Path: "customer.company"}, {Field: "customer.country", Path: "customer.country"},
	{Field: "customer.segment", Path: "customer.segment"},
}}

// presets are the tools' mappings, as their documentation describes their payloads.
var presets = map[model.SourceTool]preset{
	// https://www.typeform.com/developers/webhooks/example-payload/: an answer names its value after its type, and its
	// question's type in field.type. The refs of questions differ by form.
	model.Typeform: {
		mapping: []model.SourceMapping{
			{Field: "externalId", Path: "form_response.token"},
			{Field: "score", Path: `form_response.answers.#(field.type=="nps")#.number`},
			{Field: "score", Path: `form_response.answers.#(field.type=="opinion_scale")#.number`},
			{Field: "comment", Path: `form_response.answers.#(field.type=="long_text")#.text`},
			{Field: "respondedAt", Path: "form_response.submitted_at"},
			{Field: "customer.email", Path: "form_response.hidden.email"},
			{Field: "customer.email", Path: `form_response.answers.#(type=="email")#.email`},
			{Field: "customer.phone", Path: `form_response.answers.#(type=="phone_number")#.phone_number`},
			{Field: "customer.externalId", Path: "form_response.hidden.customer_id"},
		},
		condition: &model.SourceCondition{Path: "event_type", Values: []string{"form_response"}},
	},
	// https://app.delighted.com/docs/api/webhooks: the score comes first, and with survey_response.updated the comment, or
	// another score. Events about people, such as unsubscribe.created, have no survey_type.
	model.Delighted: {
		mapping: []model.SourceMapping{
			{Field: "externalId", Path: "event_data.id"},
			{Field: "score", Path: "event_data.score"},
			{Field: "comment", Path: "event_data.comment"},
			{Field: "respondedAt", Path: "event_data.created_at"},
			{Field: "customer.email", Path: "event_data.person.email"},
			{Field: "customer.name", Path: "event_data.person.name"},
			{Field: "customer.phone", Path: "event_data.person.phone_number"},
			{Field: "attributes", Path: "event_data.person_properties"},
		},
		condition:  &model.SourceCondition{Path: "event_data.survey_type", Values: []string{"nps"}},
		onConflict: "UPDATE",
	},
	// docs/sources.md has the script that posts this.
	model.GoogleForms: {
		mapping: []model.SourceMapping{
			{Field: "externalId", Path: "responseId"},
			{Field: "score", Path: `answers.#(type=="SCALE")#.value`},
			{Field: "comment", Path: `answers.#(type=="PARAGRAPH_TEXT")#.value`},
			{Field: "respondedAt", Path: "submittedAt"},
			{Field: "customer.email", Path: "email"},
		},
		onConflict: "UPDATE",
	},
	model.Qualtrics:    written,
	model.SurveyMonkey: written,
	model.CustomTool:   {},
}

// with returns the mapping of a source: the given paths, and the preset's for the fields that have none.
func (p preset) with(given []model.SourceMapping) []model.SourceMapping {
	all := slices.Clone(given)
	for _, m := range p.mapping {
		if !slices.ContainsFunc(given, func(g model.SourceMapping) bool { return g.Field == m.Field }) {
			all = append(all, m)
		}
	}
	return all
}
