package webhook_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

const schemaFile = "../../docs/webhook.schema.json"

// strictly reads the schema and forbids all properties that the schema does not name, so that a test fails when a body has
// an undocumented property.
func strictly(t *testing.T) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	whole := doc.(map[string]any)
	forbid := func(object map[string]any) { object["additionalProperties"] = false }
	forbid(whole)
	data := whole["properties"].(map[string]any)["data"].(map[string]any)
	forbid(data)
	forbid(data["properties"].(map[string]any)["snapshot"].(map[string]any))
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(schemaFile, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return schema, whole
}

func TestBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	h := w.hook(r)
	ctx := t.Context()
	ok := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	full := w.open("DE") // a case with every field
	target := w.Now().Add(time.Hour)
	ok(customer.New(w.Work).Update(ctx, w.Admin, customer.UpdateCustomerInput{CustomerID: full.CustomerID, Company: graphql.OmittableOf(new("ACME")), Segment: graphql.OmittableOf(new("Gold"))}))
	ok(w.Work.LinkCase(ctx, w.Admin, casework.LinkCaseInput{CaseID: full.ID, System: "crm", ExternalID: "A-1", URL: new("https://crm.example.com/A-1")}))
	ok(w.Work.AssignCase(ctx, w.Admin, casework.AssignCaseInput{CaseID: full.ID, AssigneeID: &w.Admin.User.ID}))
	ok(w.Work.RecordOutreach(ctx, w.Admin, casework.RecordOutreachInput{CaseID: full.ID, Note: "Called.", Outreach: &casework.OutreachInput{Channel: "PHONE", Outcome: model.Reached, NextSurveyAt: &target}}))
	ok(w.Work.RecordReply(ctx, w.Admin, casework.RecordReplyInput{CaseID: full.ID, Improvement: new("Answer.")}))
	ok(w.Work.SetRootCause(ctx, w.Admin, casework.SetRootCauseInput{CaseID: full.ID, Whys: []string{"Late.", "No crew."}}))
	w.note(full)
	ok(w.Work.UpdateCaseStatus(ctx, w.Admin, casework.UpdateCaseStatusInput{CaseID: full.ID, Status: model.Closed, Note: "Solved."}))
	bare, err := w.Work.OpenCase(ctx, w.Admin, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &full.CustomerID}, Note: "By itself.", DueAt: &target})
	w.must(err)
	ok(rule.New(w.DB, w.Revisions, w.Now).Create(ctx, w.Admin, rule.CreateRuleInput{Name: "Nines", Enabled: true, Scores: []int{9}, OpensCase: true, Escalations: []*rule.EscalationInput{
		{After: model.Duration(90 * time.Minute), Notify: []*rule.RecipientInput{{Kind: model.RecipientAddress, Address: new("lead@example.com")}}},
	}}))
	ruled, err := intake.New(w.Work).Submit(ctx, w.Admin, intake.SubmitResponseInput{Score: 9})
	w.must(err)
	w.Later(2 * time.Hour)
	if found, err := w.Work.Escalate(ctx); err != nil || !found {
		t.Fatal(found, err)
	}
	if marked, err := w.Work.MarkOverdue(ctx); err != nil || marked != 1 {
		t.Fatal(marked, err)
	}
	ok(privacy.New(w.DB, w.Work).EraseCustomer(ctx, w.Admin, privacy.EraseCustomerInput{CustomerID: full.CustomerID}))
	w.run(w.DB, w.Log)
	w.delivered(h, len(w.events(full))+len(w.events(bare.Case))+len(w.events(ruled.Case)))

	schema, _ := strictly(t)
	seen := map[model.CaseEventType]bool{}
	for _, p := range r.all() {
		body, err := jsonschema.UnmarshalJSON(bytes.NewReader(p.body))
		w.must(err)
		if err := schema.Validate(body); err != nil {
			t.Errorf("%v: %s", err, p.body)
		}
		var whole struct {
			Type model.CaseEventType
			Data struct{ ID string }
		}
		w.must(json.Unmarshal(p.body, &whole))
		if whole.Data.ID != p.id {
			t.Errorf("webhook-id is %s, want the event's id %s", p.id, whole.Data.ID)
		}
		seen[whole.Type] = true
		if p.caseID == full.ID.String() && (bytes.Contains(p.body, []byte("Ana")) || bytes.Contains(p.body, []byte("Nobody called"))) {
			t.Errorf("personal data was posted after the customer was erased: %s", p.body)
		}
		// The schema must refuse a body without a required property.
		delete(body.(map[string]any)["data"].(map[string]any), "snapshot")
		if schema.Validate(body) == nil {
			t.Error("the schema accepts a body without a snapshot")
		}
	}
	for _, want := range model.EventTypes() {
		if !seen[want] {
			t.Errorf("no event of type %s was posted", want)
		}
	}
}

func TestJSONSchema(t *testing.T) {
	t.Parallel()
	_, whole := strictly(t)
	properties := whole["properties"].(map[string]any)
	data := properties["data"].(map[string]any)["properties"].(map[string]any)
	enums := map[string][]any{
		"type":      properties["type"].(map[string]any)["enum"].([]any),
		"data.type": data["type"].(map[string]any)["enum"].([]any),
	}
	required := map[string][]any{} // of each type, in data
	for _, condition := range whole["allOf"].([]any) {
		c := condition.(map[string]any)
		of := c["if"].(map[string]any)["properties"].(map[string]any)["type"].(map[string]any)["const"].(string)
		required[of] = c["then"].(map[string]any)["properties"].(map[string]any)["data"].(map[string]any)["required"].([]any)
	}

	t.Run("names every type of event that the API has", func(t *testing.T) {
		t.Parallel()
		values := graph.NewExecutableSchema(graph.Config{}).Schema().Types["CaseEventType"].EnumValues
		for at, enum := range enums {
			for _, v := range values {
				if !slices.Contains(enum, any(v.Name)) {
					t.Errorf("%s has no %s in %s", schemaFile, v.Name, at)
				}
			}
		}
		if len(values) < 9 {
			t.Errorf("the API has only %d types", len(values))
		}
	})
	t.Run("names every type in the table of event types and no other", func(t *testing.T) {
		t.Parallel()
		for at, enum := range enums {
			for _, of := range model.EventTypes() {
				if !slices.Contains(enum, any(string(of))) {
					t.Errorf("%s has no %s in %s", schemaFile, of, at)
				}
			}
			if len(enum) != len(model.EventTypes()) {
				t.Errorf("%s has %d types in %s, and the table %d", schemaFile, len(enum), at, len(model.EventTypes()))
			}
		}
	})
	t.Run("requires and describes the fields of each type", func(t *testing.T) {
		t.Parallel()
		for _, of := range model.EventTypes() {
			var names []string
			for _, field := range of.Spec().Fields {
				names = append(names, field.Name)
				property, known := data[field.Name].(map[string]any)
				if description, _ := property["description"].(string); !known || !strings.Contains(description, string(of)+": ") {
					t.Errorf("%s does not describe %s of %s", schemaFile, field.Name, of)
				}
			}
			var needed []string
			for _, name := range required[string(of)] {
				needed = append(needed, name.(string))
			}
			slices.Sort(names)
			slices.Sort(needed)
			if !slices.Equal(names, needed) {
				t.Errorf("%s requires %v of %s, want %v as in the table", schemaFile, needed, of, names)
			}
		}
	})
}
