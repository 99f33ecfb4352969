package importer

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

func TestRow(t *testing.T) {
	t.Parallel()
	t.Run("fills every field", func(t *testing.T) {
		t.Parallel()
		s := one(t, "score,at,id,text,tags,call,survey,quote,like,cid,first,last,mail,tel,firm,land,seg,worth,am,agent,seat\n"+
			`9.0,2015-07-20 14:30,R-1," fine, thanks ",price; staff|price,yes,NPS,no,0.75,C-1,Ann Marie,Lee,ann@b.example,+49 1,`+
			"Acme,deu,Gold,1234.50,am@b.example,ag@b.example, 33H \n", Columns{
			Score: "score", RespondedAt: "at", ResponseExternalID: "id", Comment: "text", Drivers: "tags", ContactRequested: "call",
			Survey: "survey", QuoteConsent: "quote", TestimonialLikelihood: "like", CustomerExternalID: "cid", FirstName: "first",
			LastName: "last", Email: "mail", Phone: "tel", Company: "firm", Country: "land", Segment: "seg", LifetimeValue: "worth",
			AccountManagerEmail: "am", AgentEmail: "agent",
		})
		c := s.Customer
		for name, pair := range map[string][2]any{
			"score": {s.Score, 9}, "respondedAt": {*s.RespondedAt, time.Date(2015, 7, 20, 14, 30, 0, 0, time.UTC)}, "externalId": {*s.ExternalID, "R-1"},
			"comment": {*s.Comment, "fine, thanks"}, "drivers": {s.Drivers, []string{"price", "staff"}}, "contactRequested": {*s.ContactRequested, true},
			"survey": {*s.Survey, "NPS"}, "quoteConsent": {*s.QuoteConsent, false}, "testimonialLikelihood": {*s.TestimonialLikelihood, 0.75},
			"attributes":          {s.Attributes, []*customer.AttributeInput{{Key: "seat", Value: "33H"}}},
			"customer.externalId": {*c.ExternalID, "C-1"}, "firstName": {*c.FirstName.Value(), "Ann Marie"}, "lastName": {*c.LastName.Value(), "Lee"},
			"email": {*c.Email.Value(), "ann@b.example"}, "phone": {*c.Phone.Value(), "+49 1"}, "company": {*c.Company.Value(), "Acme"},
			"country": {*c.Country.Value(), "DE"}, "segment": {*c.Segment.Value(), "Gold"}, "lifetimeValue": {c.LifetimeValue.Value().String(), "1234.5"},
			"accountManagerEmail": {*c.AccountManagerEmail.Value(), "am@b.example"}, "agentEmail": {*c.AgentEmail.Value(), "ag@b.example"},
			"nameKey": {s.NameKey, ""},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
			}
		}
	})

	t.Run("treats empty cells as absent", func(t *testing.T) {
		t.Parallel()
		header := "score,id,text,tags,call,survey,quote,like,cid,first,last,mail,tel,firm,land,seg,worth,am,agent,more"
		s := one(t, header+"\n5,, ,,\t,,,,,,,,,,,,,,,\u00a0\n", Columns{
			Score: "score", ResponseExternalID: "id", Comment: "text", Drivers: "tags", ContactRequested: "call",
			Survey: "survey", QuoteConsent: "quote", TestimonialLikelihood: "like", CustomerExternalID: "cid", FirstName: "first",
			LastName: "last", Email: "mail", Phone: "tel", Company: "firm", Country: "land", Segment: "seg", LifetimeValue: "worth",
			AccountManagerEmail: "am", AgentEmail: "agent",
		})
		s.ExternalID = nil // every row gets an identity
		want := intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 5, Customer: &customer.CustomerInput{}}}
		if !reflect.DeepEqual(s, want) {
			t.Errorf("the submission is %+v, its customer %+v", s, s.Customer)
		}
	})

	t.Run("reads scores", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]int{"0": 0, "7": 7, "10": 10, "10.0": 10, "7.000": 7, " 8 ": 8, "09": 9} {
			if got := one(t, "s\n"+text+"\n", Columns{Score: "s"}); got.Score != want {
				t.Errorf("%q is read as %d, want %d", text, got.Score, want)
			}
		}
		for _, text := range []string{"4.5", "11", "abc", "-1", "+7", "10.01", "1e1", "7,0", "7/10", "0x7", "99", "100", "7.", ".7", "NaN", "٧", "½"} {
			rejected(t, "s", text, Columns{Score: "s"}, "is not a whole number from 0 to 10")
		}
		_, report := take(t, "s,x\n,y\n", Columns{Score: "s"})
		if want := (RowRejection{Line: 2, Column: "s", Reason: "the score is missing: a whole number from 0 to 10"}); len(report.Rejections) != 1 || report.Rejections[0] != want {
			t.Errorf("a row without a score: the report is %+v", report)
		}
	})

	t.Run("reads booleans", func(t *testing.T) {
		t.Parallel()
		c := Columns{Score: "s", ContactRequested: "b"}
		for text, want := range map[string]bool{
			"true": true, "TRUE": true, "Yes": true, "y": true, "1": true, "x": true, "X": true, "t": true,
			"false": false, "No": false, "n": false, "0": false, "f": false,
		} {
			if got := one(t, "s,b\n7,"+text+"\n", c).ContactRequested; got == nil || *got != want {
				t.Errorf("%q is read as %v, want %v", text, got, want)
			}
		}
		for _, text := range []string{"2", "maybe", "ja", "1.0", "on", "-"} {
			rejected(t, "b", text, c, "is neither true")
		}
	})

	t.Run("reads likelihoods", func(t *testing.T) {
		t.Parallel()
		c := Columns{Score: "s", TestimonialLikelihood: "l"}
		for text, want := range map[string]float64{"0": 0, "1": 1, "0.25": 0.25, ".5": 0.5, "1.0": 1, "0.0": 0} {
			if got := one(t, "s,l\n7,"+text+"\n", c).TestimonialLikelihood; got == nil || *got != want {
				t.Errorf("%q is read as %v, want %v", text, got, want)
			}
		}
		for _, text := range []string{"1.01", "-0.1", "80%", "80", "0,5", "NaN", "Inf", "1e-1", "0x1p-2", "0_1"} {
			rejected(t, "l", text, c, "is not a number from 0 to 1")
		}
	})

	t.Run("reads lifetime values", func(t *testing.T) {
		t.Parallel()
		c := Columns{Score: "s", LifetimeValue: "v"}
		for text, want := range map[string]string{"1234.50": "1234.5", "0": "0", "-12.3456": "-12.3456", "99999999999999999999": "99999999999999999999"} {
			if got := one(t, "s,v\n7,"+text+"\n", c).Customer.LifetimeValue.Value(); got == nil || got.String() != want {
				t.Errorf("%q is read as %v, want %s", text, got, want)
			}
		}
		for _, text := range []string{"1,234.50", "1 234", "1'234", "1\u00a0234", "12,5"} {
			rejected(t, "v", text, c, "write 1234.50")
		}
		for _, text := range []string{"1.23456", "1.234.567", "€5", "1e3", "NaN", "1234567890123456789012"} {
			rejected(t, "v", text, c, "is not a decimal number")
		}
	})

	t.Run("refuses a bad e-mail address", func(t *testing.T) {
		t.Parallel()
		for _, c := range []Columns{{Email: "m"}, {AccountManagerEmail: "m"}, {AgentEmail: "m"}} {
			c.Score = "s"
			for _, text := range []string{"nobody", "a@", "Ann <a@b.example>", "a@b.example, c@d.example"} {
				rejected(t, "m", text, c, "is not an e-mail address")
			}
		}
	})

	t.Run("splits drivers at semicolons and bars", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string][]string{
			"price":                             {"price"},
			"price;staff|food":                  {"price", "staff", "food"},
			`"friendly, helpful staff ; price"`: {"friendly, helpful staff", "price"},
			";; price;|;price;Price":            {"price", "Price"},
			";|":                                nil,
		} {
			if got := one(t, "s,d\n7,"+text+"\n", Columns{Score: "s", Drivers: "d"}).Drivers; !slices.Equal(got, want) {
				t.Errorf("%q is read as %q, want %q", text, got, want)
			}
		}
	})

	t.Run("prefers the survey of its column", func(t *testing.T) {
		t.Parallel()
		s := new(store)
		_, err := s.keep(t, "s,v\n7,own\n8,\n", Options{Columns: Columns{Score: "s", Survey: "v"}, Survey: "given"})
		if err != nil || *s.kept[0].Survey != "own" || *s.kept[1].Survey != "given" {
			t.Errorf("the submissions are %+v, the error %v", s.kept, err)
		}
	})

	t.Run("splits a full name at its last space", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ row, first, last string }{
			{"Ann Lee,,", "Ann", "Lee"}, {"Ann  Marie\u00a0Lee ,,", "Ann Marie", "Lee"}, {"Cher,,", "", "Cher"}, {",,", "", ""},
			{"Ann Lee,Bea,", "Bea", "Lee"}, {"Ann Lee,,Moe", "Ann", "Moe"}, {"Ann Lee,Bea,Moe", "Bea", "Moe"}, {",Bea,", "Bea", ""},
		} {
			got := one(t, "s,n,f,l\n7,"+c.row+"\n", Columns{Score: "s", FullName: "n", FirstName: "f", LastName: "l"}).Customer
			if text(got.FirstName) != c.first || text(got.LastName) != c.last {
				t.Errorf("%q is read as %q, %q; want %q, %q", c.row, text(got.FirstName), text(got.LastName), c.first, c.last)
			}
		}
	})

	t.Run("keeps an unknown country as an attribute with a warning", func(t *testing.T) {
		t.Parallel()
		s, report := take(t, "s,the land\n7,Atlantis\n7,côte d’ivoire\n", Columns{Score: "s", Country: "the land"})
		if len(s.kept) != 2 || report.Warnings != 1 || report.WarningList[0].Line != 2 || report.WarningList[0].Column != "the land" ||
			!strings.Contains(report.WarningList[0].Reason, `"Atlantis" is neither`) {
			t.Fatalf("the report is %+v", report)
		}
		first, second := s.kept[0], s.kept[1]
		if first.Customer.Country.IsSet() || len(first.Attributes) != 1 || *first.Attributes[0] != (customer.AttributeInput{Key: "the land", Value: "Atlantis"}) {
			t.Errorf("the first submission is %+v, its customer %+v", first, first.Customer)
		}
		if text(second.Customer.Country) != "CI" || len(second.Attributes) != 0 {
			t.Errorf("the second submission is %+v, its customer %+v", second, second.Customer)
		}
	})

	t.Run("warns of a missing time", func(t *testing.T) {
		t.Parallel()
		s, report := take(t, "s,at\n7,\n", Columns{Score: "s", RespondedAt: "at"})
		if len(s.kept) != 1 || s.kept[0].RespondedAt != nil || report.Warnings != 1 || report.WarningList[0].Column != "at" {
			t.Errorf("the report is %+v", report)
		}
		one(t, "s,at\n7,\n", Columns{Score: "s"}) // no column, no warning
	})

	t.Run("allows two fields from one column", func(t *testing.T) {
		t.Parallel()
		s := one(t, "s,a\n7,Economy\n", Columns{Score: "s", Company: "a", Segment: " a "})
		if text(s.Customer.Company) != "Economy" || text(s.Customer.Segment) != "Economy" || len(s.Attributes) != 0 {
			t.Errorf("the customer is %+v", s.Customer)
		}
	})
}

// rejected imports a row whose column has the text, and checks that the row is rejected with the words.
func rejected(t *testing.T, column, text string, c Columns, words string) {
	t.Helper()
	header, row := "s", `"`+strings.ReplaceAll(text, `"`, `""`)+`"`
	if column != "s" {
		header, row = "s,"+column, "7,"+row
	}
	_, report := take(t, header+"\n"+row+"\n", c)
	if len(report.Rejections) != 1 || report.Rejections[0].Column != column || report.Rejections[0].Line != 2 ||
		!strings.Contains(report.Rejections[0].Reason, words) {
		t.Errorf("the report of %q is %+v, want a rejection with %q", text, report, words)
	}
}

func text(o graphql.Omittable[*string]) string {
	if v := o.Value(); v != nil {
		return *v
	}
	return ""
}

// FuzzRows checks that every accepted row satisfies the rules of the submission and of PostgreSQL.
func FuzzRows(f *testing.F) {
	f.Add("7", "2015-07-20", "Ann Lee", "France", "a@b.example", "1.5")
	f.Add("10.0", "2015-07-20T14:30:00.123456789+02:00", "  ", "Atlantis", "", "-0.0001")
	f.Add("4.5", "01/02/2015", "\x00", "\xff", "@", "1,5")
	f.Add("9", "31 Dec 9999 23:59 -23:59", strings.Repeat("İ", 900), "NA", "\"a b\"@c.example", "99999999999999999999.9999")
	l := &layout{line: 1, header: []string{"score", "at", "name", "land", "mail", "worth"}}
	for i := range l.cellOf {
		l.cellOf[i] = -1
	}
	l.cellOf[score], l.cellOf[respondedAt], l.cellOf[fullName], l.cellOf[countryName], l.cellOf[email], l.cellOf[lifetimeValue] = 0, 1, 2, 3, 4, 5
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g string) {
		rr := &rowReader{layout: l, times: times{zone: time.UTC}, seen: occurrences{}}
		rec := record{line: 2, fields: []string{a, b, c, d, e, g}}
		s, warnings, bad := rr.read(rec)
		if bad != nil {
			if bad.Reason == "" || len(warnings) > 0 {
				t.Fatalf("the rejection %+v has no reason, or comes with the warnings %v", bad, warnings)
			}
			return
		}
		if s.Score < 0 || s.Score > 10 || s.ExternalID == nil || len(*s.ExternalID) != len("import:")+32 || len(s.NameKey) > nameKeyMax {
			t.Fatalf("the submission is invalid: %+v", s)
		}
		for _, text := range []string{s.NameKey, text(s.Customer.FirstName), text(s.Customer.LastName), text(s.Customer.Email)} {
			if model.CheckText(text) != nil {
				t.Fatalf("%q cannot be stored", text)
			}
		}
		if at := s.RespondedAt; at != nil && (at.Year() < 1 || at.Year() > 9999 || at.Nanosecond()%1000 != 0) {
			t.Fatalf("%v cannot be stored", at)
		}
		if second, _, _ := rr.read(rec); *second.ExternalID == *s.ExternalID {
			t.Fatal("the second of two equal rows has the identity of the first")
		}
	})
}
