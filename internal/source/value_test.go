package source

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/closeloop/closeloop/internal/intake"
)

func TestValuesAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, cases := range map[string]map[string]string{
		"score": {
			`0`: "0", `10`: "10", `7.0`: "7", `"9"`: "9", `" 10 "`: "10", `"7.0"`: "7", `"10 - Extremely likely"`: "10", `"0 (not at all)"`: "0", `"8: good"`: "8",
			`"6 – eher nicht"`: "6", `"7 of 10"`: "7", `11`: "", `-1`: "", `7.5`: "", `"7.5"`: "", `"9-10"`: "", `"9 - 10"`: "", `"9,5"`: "", `"100"`: "", `"11 - x"`: "", `"likely"`: "",
			`true`: "", `{}`: "", `"9/10"`: "",
		},
		"respondedAt": {
			`"2026-03-01T09:30:00Z"`: "2026-03-01T09:30:00Z", `"2026-03-01T10:30:00.25+01:00"`: "2026-03-01T09:30:00.25Z", `"2026-03-01T09:30:00+0000"`: "2026-03-01T09:30:00Z",
			`1772357400`: "2026-03-01T09:30:00Z", `"1772357400"`: "2026-03-01T09:30:00Z", `1772357400123`: "2026-03-01T09:30:00.123Z",
			`"2026-03-01"`: "", `"yesterday"`: "", `-5`: "", `1e400`: "", `99999999999999999`: "", `true`: "", `{}`: "", `"0000-01-01T00:00:00Z"`: "",
		},
		"contactRequested": {
			`true`: "true", `false`: "false", `"Yes"`: "true", `"no"`: "false", `1`: "true", `"0"`: "false", `"perhaps"`: "", `2`: "", `{}`: "",
		},
		"testimonialLikelihood":   {`0.5`: "0.5", `"0.25"`: "0.25", `"half"`: "", `true`: "", `{}`: ""},
		"customer.lifetimeValue":  {`1234.5`: "1234.5", `"1234.50"`: "1234.5", `"12 EUR"`: "", `true`: "", `{}`: ""},
		"externalId":              {`5435`: "5435", `"R-1"`: "R-1", `true`: "true", `{}`: ""},
		"comment":                 {`["Late.", "", null, ["Again."]]`: "Late.\n\nAgain.", `["Late.", {}]`: ""},
		"drivers":                 {`["Price", "Crew"]`: "Price, Crew", `"Price"`: "Price"},
		"attributes.PLAN":         {`["Gold", 7]`: "Gold, 7"},
		"customer.attributes.A.B": {`"x"`: "x"},
	} {
		f, ok := fieldOf(name)
		if !ok {
			t.Fatalf("there is no field %s", name)
		}
		for text, want := range cases {
			in := intake.SubmitResponseInput{Customer: newCustomer()}
			got, err := f.set(&in, leaves(nil, gjson.Parse(text)))
			if got != want || (err == nil) != (want != "") {
				t.Errorf("%s %s is understood as %q (%v), not %q", name, text, got, err, want)
			}
		}
	}
}

func TestNothingIsFoundInNullAndBlankTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`null`, `""`, `" "`, `[]`, `[null, ["", [" "]]]`} {
		if found := leaves(nil, gjson.Parse(text)); len(found) > 0 {
			t.Errorf("in %s %v was found", text, found)
		}
	}
}

func TestFieldsThatThereAreNot(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Score", "customer", "attributes.", "customer.attributes. ", "onConflict", "idempotencyKey"} {
		if _, ok := fieldOf(name); ok {
			t.Errorf("there is a field %q", name)
		}
	}
}

func TestAWholeNameIsDivided(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Kim": "Kim|", "Kim Larsen": "Kim|Larsen", " Kim Anna  Larsen ": "Kim Anna|Larsen"} {
		in := intake.SubmitResponseInput{Customer: newCustomer()}
		f, _ := fieldOf("customer.name")
		if _, err := f.set(&in, []gjson.Result{{Type: gjson.String, Str: name}}); err != nil {
			t.Fatal(err)
		}
		got := *in.Customer.FirstName.Value() + "|"
		if last := in.Customer.LastName.Value(); last != nil {
			got += *last
		}
		if got != want {
			t.Errorf("%q is divided into %q, not %q", name, got, want)
		}
	}
}

func TestOneAttributeCountsBeforeAnObjectOfThem(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{{"attributes", "attributes.PLAN"}, {"attributes.PLAN", "attributes"}} {
		in := intake.SubmitResponseInput{Customer: newCustomer()}
		for _, name := range order {
			f, _ := fieldOf(name)
			text := `{"PLAN": "Silver", "STORE": "Oslo", "EMPTY": null}`
			if strings.Contains(name, ".") {
				text = `"Gold"`
			}
			if _, err := f.set(&in, []gjson.Result{gjson.Parse(text)}); err != nil {
				t.Fatal(err)
			}
		}
		got := map[string]string{}
		for _, a := range in.Attributes {
			got[a.Key] = a.Value
		}
		if len(in.Attributes) != 2 || got["PLAN"] != "Gold" || got["STORE"] != "Oslo" {
			t.Errorf("in the order %q the attributes are %v", order, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("score", `{"score": "10 - Extremely likely"}`)
	f.Add(`answers.#(type=="nps")#.number`, `{"answers": [{"type": "nps", "number": 3}]}`)
	f.Add("@reverse|0|@tostr", `[[1]]`)
	f.Fuzz(func(t *testing.T, path, body string) {
		for name := range fields {
			r := newReader(mappingTo(name, path))
			in, found, faults := r.read([]byte(body))
			if len(found)+len(faults) > 1 {
				t.Errorf("one field has %d values and %d faults", len(found), len(faults))
			}
			if in.Score < 0 || in.Score > 10 {
				t.Errorf("the score %d was understood", in.Score)
			}
		}
	})
}
