package source

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/closeloop/closeloop/model"
)

// payload is one that has the shape of the tool's documentation.
func payload(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// read reads a payload by the paths of a tool, with paths of the user's own before them, and returns what was understood by
// field and what is wrong.
func read(tool model.SourceTool, payload []byte, own ...model.SourceMapping) (values, faults map[string]string) {
	_, found, wrong := newReader(presets[tool].with(own)).read(payload)
	values, faults = map[string]string{}, map[string]string{}
	for _, v := range found {
		values[v.Field] = v.Value
	}
	for _, f := range wrong {
		faults[*f.Field] = *f.Path + ": " + f.Message
	}
	return values, faults
}

const comment = "Two days late, and nobody called."

func TestPresetsReadThePayloadsOfTheirTools(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tool model.SourceTool
		file string
		own  []model.SourceMapping
		want map[string]string
	}{
		{model.Typeform, "typeform", nil, map[string]string{
			"externalId": "b91d24f07c5e4a6f8d20c1a7e35f9048", "score": "3", "comment": comment, "respondedAt": "2026-03-01T09:30:02Z",
			"customer.email": "kim.larsen@example.com", "customer.externalId": "C-1042",
		}},
		{model.Typeform, "typeform", []model.SourceMapping{
			{Field: "score", Path: `form_response.answers.#(field.ref=="quality").number`},
			{Field: "drivers", Path: `form_response.answers.#(field.ref=="reasons").choices.labels`},
			{Field: "contactRequested", Path: `form_response.answers.#(field.ref=="call").boolean`},
			{Field: "customer.email", Path: `form_response.answers.#(field.ref=="mail").email`},
			{Field: "attributes.FORM", Path: "form_response.definition.title"},
		}, map[string]string{
			"externalId": "b91d24f07c5e4a6f8d20c1a7e35f9048", "score": "9", "comment": comment, "respondedAt": "2026-03-01T09:30:02Z",
			"drivers": "Delivery, Service", "contactRequested": "true", "customer.email": "other@example.com", "customer.externalId": "C-1042",
			"attributes.FORM": "After the delivery",
		}},
		{model.Delighted, "delighted", nil, map[string]string{
			"externalId": "81240", "score": "3", "comment": comment, "respondedAt": "2026-03-01T09:30:02Z",
			"customer.email": "kim.larsen@example.com", "customer.name": "Kim Anna Larsen",
			"attributes": `{"Plan": "Gold", "Regions": ["North", "West"], "Note": null}`,
		}},
		{model.GoogleForms, "google-forms", nil, map[string]string{
			"externalId": "2_ABaOnue8", "score": "3", "comment": comment, "respondedAt": "2026-03-01T09:30:02Z", "customer.email": "kim.larsen@example.com",
		}},
		{model.Qualtrics, "qualtrics", nil, map[string]string{
			"externalId": "R_2dKq7tXwAb", "score": "3", "comment": comment, "contactRequested": "true", "drivers": "Delivery, Service",
			"customer.externalId": "C-1042", "customer.email": "kim.larsen@example.com", "customer.firstName": "Kim", "attributes": `{"Store": "Oslo"}`,
		}},
		{model.SurveyMonkey, "surveymonkey", nil, map[string]string{
			"externalId": "118731490922", "score": "3", "comment": comment, "respondedAt": "2026-03-01T09:30:02Z",
			"customer.email": "kim.larsen@example.com", "customer.name": "Kim",
		}},
	} {
		values, faults := read(c.tool, payload(t, c.file), c.own...)
		if !maps.Equal(values, c.want) || len(faults) > 0 {
			t.Errorf("%s is read as\n%q, not\n%q; faults: %q", c.tool, values, c.want, faults)
		}
	}
}

func TestPresetsSayWhatIsAResponse(t *testing.T) {
	t.Parallel()
	for tool, file := range map[model.SourceTool]string{model.Typeform: "typeform", model.Delighted: "delighted"} {
		c := presets[tool].condition
		if is := gjson.GetBytes(payload(t, file), c.Path).String(); !slices.Contains(c.Values, is) {
			t.Errorf("the payload of %s has %q at %s", tool, is, c.Path)
		}
	}
	unsubscribed := `{"event_type": "unsubscribe.created", "event_data": {"person_id": "5521", "email": "kim.larsen@example.com"}}`
	if c := presets[model.Delighted].condition; slices.Contains(c.Values, gjson.Get(unsubscribed, c.Path).String()) {
		t.Error("an event of Delighted about a person is taken for a response")
	}
}

// A form with two scales does not say which of them asks whether the customer would recommend.
func TestTypeformWithTwoScalesNeedsAPath(t *testing.T) {
	t.Parallel()
	two := strings.ReplaceAll(string(payload(t, "typeform")), `"nps"`, `"opinion_scale"`)
	_, faults := read(model.Typeform, []byte(two))
	if !strings.Contains(faults["score"], `opinion_scale`) || !strings.Contains(faults["score"], "2 values") {
		t.Errorf("the faults are %q", faults)
	}
	values, faults := read(model.Typeform, []byte(two), model.SourceMapping{Field: "score", Path: `form_response.answers.#(field.ref=="recommend").number`})
	if values["score"] != "3" || len(faults) > 0 {
		t.Errorf("with a path the score is %q; faults: %q", values["score"], faults)
	}
}

func TestAFaultNamesThePathAndNeverTheValue(t *testing.T) {
	t.Parallel()
	body := `{"externalId": {"a": 1}, "score": "kim.larsen@example.com", "respondedAt": "kim.larsen@example.com", "contactRequested": "kim.larsen@example.com",
		"customer": {"email": ["kim.larsen@example.com", "x@example.com"]}, "attributes": "kim.larsen@example.com", "drivers": [{"a": "kim.larsen@example.com"}]}`
	_, faults := read(model.Qualtrics, []byte(body))
	for field, want := range map[string]string{
		"externalId": "externalId: an object was found", "score": "score: a text of 22 characters was found", "respondedAt": "respondedAt: a text of 22 characters",
		"contactRequested": "contactRequested: a text of 22 characters", "customer.email": "customer.email: 2 values were found", "attributes": "attributes: a text",
		"drivers": "drivers: an object",
	} {
		if !strings.HasPrefix(faults[field], want) || strings.Contains(faults[field], "kim") {
			t.Errorf("the fault of %s is %q", field, faults[field])
		}
	}
	_, faults = read(model.Typeform, []byte(`{"form_response": {"answers": []}}`))
	if len(faults) != 2 || !strings.HasPrefix(faults["externalId"], "form_response.token: nothing") || !strings.Contains(faults["score"], " or form_response.answers") {
		t.Errorf("of an empty form the faults are %q", faults)
	}
}

func TestPathsOfTheUserReplaceThoseOfTheTool(t *testing.T) {
	t.Parallel()
	own := model.SourceMapping{Field: "score", Path: "x"}
	all := presets[model.Typeform].with([]model.SourceMapping{own})
	if n := len(presets[model.Typeform].mapping) - 1; len(all) != n || all[0] != own {
		t.Errorf("the mapping is %v, and not %d paths", all, n)
	}
}
