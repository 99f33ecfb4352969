package importer

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/internal/importer/value"
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

	t.Run("rejects a row without a score", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"4.5", "11", "abc", "★★★★★"} {
			rejected(t, "s", text, Columns{Score: "s"}, "is not a whole number from 0 to 10")
		}
		for _, text := range []string{"", "NA", " - "} {
			_, report := take(t, "s,x\n"+text+",y\n", Columns{Score: "s"})
			if want := (RowRejection{Line: 2, Column: "s", Reason: "the score is missing: a whole number from 0 to 10"}); len(report.Rejections) != 1 || report.Rejections[0] != want {
				t.Errorf("the score %q: the report is %+v", text, report)
			}
		}
	})

	t.Run("keeps an odd value as an attribute with a warning", func(t *testing.T) {
		t.Parallel()
		c := Columns{Score: "s", ContactRequested: "call", QuoteConsent: "quote", TestimonialLikelihood: "like", Email: "mail", AccountManagerEmail: "am", AgentEmail: "agent",
			LifetimeValue: "worth", RespondedAt: "at", Country: "land", CustomerExternalID: "cid"}
		for _, odd := range []struct{ column, text, words string }{
			{"call", "maybe", "is neither true"}, {"quote", "2", "is neither true"}, {"like", "80%", "is not a number from 0 to 1"}, {"mail", "nobody", "is not an e-mail address"},
			{"am", "a@", "is not an e-mail address"}, {"agent", "a b@c.example", "is not an e-mail address"}, {"worth", "much", "is not a number"}, {"worth", "1.23456", "is not a number"},
			{"at", "yesterday", "counts as given now"}, {"at", "2999-01-01", "is in the future"}, {"land", "Atlantis", "is neither an ISO"}, {"cid", strings.Repeat("x", 501), "more than 500"},
		} {
			file := "s,call,quote,like,mail,am,agent,worth,at,land,cid\n7,yes,yes,1,a@b.example,a@b.example,a@b.example,12.5,2024-03-05,DE,C1\n"
			header := strings.Split("s,call,quote,like,mail,am,agent,worth,at,land,cid", ",")
			cells := make([]string, len(header))
			cells[0], cells[8] = "8", "2024-03-05"
			cells[slices.Index(header, odd.column)] = odd.text
			s, report := take(t, file+strings.Join(cells, ",")+"\n", c)
			if len(s.kept) != 2 || report.Warnings != 1 || report.WarningList[0].Column != odd.column || report.WarningList[0].Line != 3 ||
				!strings.Contains(report.WarningList[0].Reason, odd.words) {
				t.Fatalf("%s %q: the report is %+v", odd.column, odd.text, report)
			}
			if a := s.kept[1].Attributes; len(a) != 1 || a[0].Key != odd.column || a[0].Value != odd.text {
				t.Errorf("%s %q: the attributes are %+v", odd.column, odd.text, a)
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
		_, err := s.keep(t, "s,v\n7,own\n8,\n", run{Reading{Columns: Columns{Score: "s", Survey: "v"}}, Options{Survey: "given"}})
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
	p := &Plan{Line: 1, Header: []string{"score", "at", "name", "land", "mail", "worth"}, Missing: value.DefaultMissing, DateOrder: value.DayFirst, Sign: value.Comma}
	for i := range p.Cells {
		p.Cells[i] = -1
	}
	p.Cells[score], p.Cells[respondedAt], p.Cells[fullName], p.Cells[countryName], p.Cells[email], p.Cells[lifetimeValue] = 0, 1, 2, 3, 4, 5
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g string) {
		rr := &rowReader{plan: p, zone: time.UTC, seen: occurrences{}, latest: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
		rec := &table.Record{Line: 2, Fields: []string{a, b, c, d, e, g}}
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
