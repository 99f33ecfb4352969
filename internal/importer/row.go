package importer

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/country"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/internal/importer/value"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

const attributesMax = 190 // intake takes 200; odd values are attributes too

// rowReader converts records to submissions.
type rowReader struct {
	plan   *Plan
	zone   *time.Location
	survey string
	seen   occurrences

	onConflict intake.OnConflict
	identifyBy []model.CustomerIdentity
	latest     time.Time // a later time of a response is wrong
}

// read returns the submission of a record with its warnings, or the first error in the record. The caller sets the line of
// both. Only a record that cannot be trusted, or that has no score, is an error: any other value that cannot be read is kept as
// an attribute, with a warning.
func (rr *rowReader) read(rec *table.Record) (intake.Submission, []RowRejection, *RowRejection) {
	if bad := rr.plan.check(rec); bad != nil {
		return intake.Submission{}, nil, bad
	}
	r := &row{plan: rr.plan, rec: rec}
	r.repair()
	var s intake.Submission
	text := r.plan.cell(rec, score)
	if text == "" {
		return s, nil, &RowRejection{Column: r.plan.name(score), Reason: "the score is missing: a whole number from 0 to 10"}
	}
	var err error
	if s.Score, err = value.Score(text); err != nil {
		return s, nil, &RowRejection{Column: r.plan.name(score), Reason: err.Error()}
	}
	s.RespondedAt = read(r, respondedAt, rr.time)
	s.Comment = read(r, comment, func(text string) (string, error) { return text, nil })
	if list := read(r, drivers, value.Drivers); list != nil {
		s.Drivers = *list
	}
	s.ContactRequested = read(r, contactRequested, value.Bool)
	s.QuoteConsent = read(r, quoteConsent, value.Bool)
	s.TestimonialLikelihood = read(r, testimonialLikelihood, value.Likelihood)
	if s.Survey = read(r, survey, short); s.Survey == nil && rr.survey != "" {
		s.Survey = &rr.survey
	}
	s.Customer, s.NameKey = r.customer(rr.identifies)
	s.IdentifyBy = rr.identifyBy
	if rr.onConflict != "" {
		s.OnConflict = &rr.onConflict
	}
	s.ExternalID = read(r, responseExternalID, short)
	s.Attributes = append(r.further(), r.odd...)
	if s.RespondedAt == nil && r.plan.Cells[respondedAt] >= 0 && r.plan.cell(rec, respondedAt) == "" {
		r.warn(respondedAt, "the time is missing; the response counts as given now")
	}
	if s.ExternalID == nil {
		id := rr.seen.identify(rr.plan, rec)
		s.ExternalID = &id
	}
	return s, r.warnings, nil
}

// identifies reports whether an identity of customers counts.
func (rr *rowReader) identifies(k model.CustomerIdentity) bool {
	return rr.identifyBy == nil || slices.Contains(rr.identifyBy, k)
}

// time reads the time of a response.
func (rr *rowReader) time(text string) (time.Time, error) {
	w, ok := value.ReadTime(text, rr.plan.Format.Year1904)
	if !ok {
		return time.Time{}, fmt.Errorf("%q is no time that can be read; the response counts as given now", value.Shorten(text))
	}
	order := rr.plan.DateOrder
	if orders, open := w.Open(); open {
		if only, one := orders.Only(); one { // the date itself decides, also where the column is mixed
			order = only
		}
	}
	at, ok := w.At(rr.zone, order)
	switch {
	case !ok:
		return at, fmt.Errorf("%q is no time that can be read; the response counts as given now", value.Shorten(text))
	case at.After(rr.latest):
		return at, fmt.Errorf("%q is in the future; the response counts as given now", value.Shorten(text))
	}
	return at, nil
}

// row is a record while it is read.
type row struct {
	plan     *Plan
	rec      *table.Record
	odd      []*customer.AttributeInput // values that cannot be read
	warnings []RowRejection
}

func (r *row) warn(f field, reason string) {
	r.warnings = append(r.warnings, RowRejection{Column: r.plan.name(f), Reason: reason})
}

// keep keeps a value that its field cannot have.
func (r *row) keep(f field, text, reason string) {
	r.odd = append(r.odd, &customer.AttributeInput{Key: r.plan.name(f), Value: text})
	r.warn(f, reason+"; it is kept as an attribute")
}

// repair replaces bytes that are not UTF-8.
func (r *row) repair() {
	for i, cell := range r.rec.Fields {
		if !utf8.ValidString(cell) {
			r.rec.Fields[i] = strings.ToValidUTF8(cell, "\ufffd")
			r.warnings = append(r.warnings, RowRejection{Column: r.plan.Header[i], Reason: "bytes that are not UTF-8 are replaced by \ufffd; if it is the whole file, say its encoding by --encoding (encoding)"})
		}
	}
}

// further returns the cells of the columns that no field uses.
func (r *row) further() (list []*customer.AttributeInput) {
	for i, name := range r.plan.Header {
		if name == "" || slices.Contains(r.plan.Cells[:], i) {
			continue
		}
		if text := trimmed(r.rec.Fields[i]); !value.Missing(text, r.plan.Missing) && len(list) < attributesMax {
			list = append(list, &customer.AttributeInput{Key: name, Value: text})
		}
	}
	return list
}

// short accepts what the fields of short texts can have.
func short(text string) (string, error) {
	if utf8.RuneCountInString(text) > shortMax {
		return "", fmt.Errorf("%q has more than %d characters", value.Shorten(text), shortMax)
	}
	return text, nil
}

const shortMax = 500

// read reads the cell of a field. An empty cell means that the value is absent, not that it is to be cleared.
func read[T any](r *row, f field, parse func(string) (T, error)) *T {
	text := r.plan.cell(r.rec, f)
	if text == "" {
		return nil
	}
	v, err := parse(text)
	if err != nil {
		r.keep(f, text, err.Error())
		return nil
	}
	return &v
}

// address reads an e-mail address. Of two in one cell, the first counts.
func (r *row) address(f field) *string {
	return read(r, f, func(text string) (string, error) {
		address, further, err := model.ParseEmailAddress(text)
		if further != "" {
			r.keep(f, text, fmt.Sprintf("the cell has more than one address; %s counts", address))
		}
		return address, err
	})
}

// customer reads the customer of a response. Without an id and an e-mail address that count, the name and country identify the
// customer. An id that does not count would keep two customers apart, or be one of two; it is kept as an attribute.
func (r *row) customer(identifies func(model.CustomerIdentity) bool) (c *customer.CustomerInput, key string) {
	name := func(f field) string {
		if s := read(r, f, short); s != nil {
			return *s
		}
		return ""
	}
	first, last := value.SplitName(name(fullName))
	if s := name(firstName); s != "" {
		first = s
	}
	if s := name(lastName); s != "" {
		last = s
	}
	c = &customer.CustomerInput{
		ExternalID: read(r, customerExternalID, short),
		Email:      omittable(r.address(email)),
		Phone:      omittable(read(r, phone, short)),
		Company:    omittable(read(r, company, short)),
		Segment:    omittable(read(r, segment, short)),
		LifetimeValue: omittable(read(r, lifetimeValue, func(text string) (decimal.Decimal, error) {
			return value.Decimal(text, r.plan.Sign)
		})),
		AccountManagerEmail: omittable(r.address(accountManagerEmail)),
		AgentEmail:          omittable(r.address(agentEmail)),
	}
	if first != "" {
		c.FirstName = omittable(&first)
	}
	if last != "" {
		c.LastName = omittable(&last)
	}
	land := r.plan.cell(r.rec, countryName)
	code, known := country.Parse(land)
	switch {
	case known:
		c.Country = omittable(&code)
	case land != "":
		r.keep(countryName, land, fmt.Sprintf("%q is neither an ISO 3166-1 code nor the name of a country", value.Shorten(land)))
		code = fold(land)
	}
	if c.ExternalID != nil && !identifies(model.ByCustomerID) {
		r.odd = append(r.odd, &customer.AttributeInput{Key: r.plan.name(customerExternalID), Value: *c.ExternalID})
		c.ExternalID = nil
	}
	if c.ExternalID == nil && (!c.Email.IsSet() || !identifies(model.ByEmail)) {
		key = nameKey(first+" "+last, code)
	}
	return c, key
}

func omittable[T any](v *T) graphql.Omittable[*T] {
	if v == nil {
		return graphql.Omittable[*T]{}
	}
	return graphql.OmittableOf(v)
}
