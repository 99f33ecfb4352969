package schema

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/e2e/setup"
)

// contract is the schema that clients are promised.
const contract = "testdata/contract.graphql"

// differences are the places where our schema deliberately differs from the contract, and why; docs/schema-changes.md
// tells clients. A key may have a * for a part of a name. That the root fields are nullable needs no entry here.
var differences = map[string]string{
	"*.matches":               "a cache mixed the answers of two filters; it stands on CaseEventEdge",
	"Subscription.caseEvents": "the edge has what the filter says of an event",

	"OpenCaseInput.customerId": "part of the @oneOf CaseSubjectInput", "OpenCaseInput.responseId": "part of the @oneOf CaseSubjectInput",
	"OpenCaseInput.subject": "has the two, of which one must be given",

	"*Input.id":                             "ids of what a mutation works on are named after it",
	"*RuleInput.ruleId":                     "was id",
	"*ThemeInput.themeId":                   "was id",
	"*Webhook*Input.webhookId":              "was id",
	"UpdateCustomerInput.customerId":        "was id",
	"UpdateUserInput.userId":                "was id",
	"RevokeApiTokenInput.tokenId":           "was id",
	"RetryNotificationInput.notificationId": "was id",
	"CaseVersionInput.caseId":               "was id",
	"LinkCaseInput.externalId":              "was id, which looked like that of the case",

	"CreateApiTokenPayload.token": "the secret beside it is not lost", "CreateWebhookPayload.webhook": "the secret beside it is not lost",
	"RotateWebhookSecretPayload.webhook":   "the secret beside it is not lost",
	"SubmitResponseInput.contactRequested": "a known response keeps its value where none is given",
	"WebhookDelivery.event":                "null where the owner may not, or no longer, see the event: webhooks belong to users with a scope",
	"ImportColumns.score":                  "found by its usual names where it is not said",
	"ImportResponsesInput.columns":         "found in the file where they are not said",
	"ImportResponsesInput.timeZone":        "the default is the zone of the settings",
}

// public are the root fields that require no role.
var public = []string{}

// ours are the definitions of our schema files.
func ours(s *ast.Schema) (list []*ast.Definition) {
	for _, d := range s.Types {
		if !d.BuiltIn {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *ast.Definition) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func TestSchema(t *testing.T) {
	t.Parallel()
	t.Run("describes everything", func(t *testing.T) {
		t.Parallel()
		s := setup.Schema()
		described := 0
		check := func(description string, place ...string) {
			described++
			if len(strings.Fields(description)) == 0 {
				t.Errorf("%s has no description", strings.Join(place, "."))
			}
		}
		for _, d := range ours(s) {
			check(d.Description, d.Name)
			for _, f := range setup.FieldsOf(d) {
				check(f.Description, d.Name, f.Name)
				for _, a := range f.Arguments {
					check(a.Description, d.Name, f.Name, a.Name)
				}
			}
			for _, v := range d.EnumValues {
				check(v.Description, d.Name, v.Name)
			}
		}
		for _, d := range s.Directives {
			if d.Position.Src.BuiltIn {
				continue
			}
			check(d.Description, "@"+d.Name)
			for _, a := range d.Arguments {
				check(a.Description, "@"+d.Name, a.Name)
			}
		}
		if described < 400 {
			t.Errorf("only %d things were looked at", described)
		}
	})

	t.Run("says of every root field who may use it", func(t *testing.T) {
		t.Parallel()
		s := setup.Schema()
		for _, root := range []*ast.Definition{s.Query, s.Mutation, s.Subscription} {
			for _, f := range setup.FieldsOf(root) {
				place := root.Name + "." + f.Name
				requires := f.Directives.ForName("requires")
				if (requires == nil) != slices.Contains(public, place) {
					t.Errorf("%s: @requires is there: %v; the list of public fields says otherwise", place, requires != nil)
				}
				if requires != nil && len(requires.Arguments.ForName("role").Value.Children) == 0 {
					t.Errorf("%s: @requires names no role", place)
				}
			}
		}
	})

	// One field that fails must not take the answers of the others with it.
	t.Run("has only root fields that may be null", func(t *testing.T) {
		t.Parallel()
		s := setup.Schema()
		for _, root := range []*ast.Definition{s.Query, s.Mutation} {
			for _, f := range setup.FieldsOf(root) {
				if f.Type.NonNull {
					t.Errorf("%s.%s is %s", root.Name, f.Name, f.Type)
				}
			}
		}
	})

	t.Run("names IDs of inputs after their objects", func(t *testing.T) {
		t.Parallel()
		for _, d := range ours(setup.Schema()) {
			for _, f := range d.Fields {
				if d.Kind == ast.InputObject && strings.HasSuffix(d.Name, "Input") && f.Name == "id" {
					t.Errorf("%s.id says an ID of what", d.Name)
				}
			}
		}
	})

	// The price of an operation depends on these arguments, which mark a list, in this order.
	t.Run("has the arguments of lists in one order", func(t *testing.T) {
		t.Parallel()
		want := []string{"first: Int", "after: String", "last: Int", "before: String"}
		lists := 0
		for _, d := range ours(setup.Schema()) {
			for _, f := range setup.FieldsOf(d) {
				paged := f.Arguments.ForName("last") != nil || strings.HasSuffix(f.Type.Name(), "Connection")
				if !paged {
					continue
				}
				lists++
				var have []string
				for _, a := range f.Arguments[:min(4, len(f.Arguments))] {
					have = append(have, a.Name+": "+a.Type.String())
				}
				if !slices.Equal(have, want) {
					t.Errorf("%s.%s begins with (%s), not (%s)", d.Name, f.Name, strings.Join(have, ", "), strings.Join(want, ", "))
				}
			}
		}
		if lists < 10 {
			t.Errorf("only %d lists were found", lists)
		}
	})

	t.Run("binds all types to ours and generates none", func(t *testing.T) {
		t.Parallel()
		generated, err := filepath.Glob("../../graph/*models_gen.go")
		if err != nil || len(generated) > 0 {
			t.Errorf("gqlgen wrote %v (%v): bind the types in gqlgen.yml", generated, err)
		}
		if files, _ := filepath.Glob("../../graph/*.generated.go"); len(files) == 0 {
			t.Error("the generated code is not where this test looks")
		}
	})

	t.Run("keeps the contract", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(contract)
		if err != nil {
			t.Fatal(err)
		}
		promised, err := gqlparser.LoadSchema(&ast.Source{Name: "contract", Input: string(text)})
		if err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		compared, nullable := 0, 0
		same := func(have, want string, place ...string) {
			compared++
			at := strings.Join(place, ".")
			if have == want {
				return
			}
			for pattern := range differences {
				if fits, _ := path.Match(pattern, at); fits {
					used[pattern] = true
					return
				}
			}
			t.Errorf("%s is %s; the contract says %s", at, have, want)
		}
		schema := setup.Schema()
		for _, c := range ours(promised) {
			d := schema.Types[c.Name]
			if d == nil {
				t.Errorf("the contract has %s, the schema does not", c.Name)
				continue
			}
			same(string(d.Kind), string(c.Kind), d.Name)
			for _, name := range c.Interfaces {
				if !slices.Contains(d.Interfaces, name) {
					same("nothing of it", "implementing "+name, d.Name, name)
				}
			}
			for _, v := range c.EnumValues {
				if d.EnumValues.ForName(v.Name) == nil {
					same("nothing", "a value", d.Name, v.Name)
				}
			}
			for _, cf := range setup.FieldsOf(c) {
				f := d.Fields.ForName(cf.Name)
				if f == nil {
					same("nothing", "a field", d.Name, cf.Name)
					continue
				}
				have, want := withDefault(f.Type, f.DefaultValue), withDefault(cf.Type, cf.DefaultValue)
				if (d == schema.Query || d == schema.Mutation) && have+"!" == want {
					nullable++
				} else {
					same(have, want, d.Name, f.Name)
				}
				for _, a := range f.Arguments {
					if cf.Arguments.ForName(a.Name) == nil && a.Type.NonNull && a.DefaultValue == nil {
						same("an argument that must be given", "nothing of it", d.Name, f.Name, a.Name)
					}
				}
				for _, ca := range cf.Arguments {
					if a := f.Arguments.ForName(ca.Name); a != nil {
						same(withDefault(a.Type, a.DefaultValue), withDefault(ca.Type, ca.DefaultValue), d.Name, f.Name, a.Name)
					} else {
						same("nothing", "an argument", d.Name, f.Name, ca.Name)
					}
				}
			}
			// A field that the caller must set must be in the contract.
			if d.Kind == ast.InputObject {
				for _, f := range d.Fields {
					if f.Type.NonNull && f.DefaultValue == nil && c.Fields.ForName(f.Name) == nil {
						same("a field that must be given", "nothing of it", d.Name, f.Name)
					}
				}
			}
		}
		for at := range differences {
			if !used[at] {
				t.Errorf("the list of differences has %s, where there is none", at)
			}
		}
		if compared < 300 || nullable < 50 {
			t.Errorf("only %d places were compared, and %d root fields are nullable", compared, nullable)
		}
	})
}

func withDefault(of *ast.Type, value *ast.Value) string {
	if value == nil {
		return of.String()
	}
	return of.String() + " = " + value.String()
}
