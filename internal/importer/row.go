package importer

import (
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/country"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// rowReader converts records to submissions.
type rowReader struct {
	layout *layout
	survey string
	times  times
	seen   occurrences
}

// read returns the submission of a record with its warnings, or the first error in the record. The caller sets the line of
// both.
func (rr *rowReader) read(rec record) (intake.Submission, []RowRejection, *RowRejection) {
	if bad := rr.layout.check(rec); bad != nil {
		return intake.Submission{}, nil, bad
	}
	r := &row{layout: rr.layout, cells: rec.fields}
	var s intake.Submission
	if number := value(r, score, readScore); number != nil {
		s.Score = *number
	} else {
		r.fail(score, "the score is missing: a whole number from 0 to 10")
	}
	s.RespondedAt = value(r, respondedAt, rr.times.read)
	s.Comment = value(r, comment, readText)
	if list := value(r, drivers, readDrivers); list != nil {
		s.Drivers = *list
	}
	s.ContactRequested = value(r, contactRequested, readBool)
	s.QuoteConsent = value(r, quoteConsent, readBool)
	s.TestimonialLikelihood = value(r, testimonialLikelihood, readLikelihood)
	if s.Survey = value(r, survey, readText); s.Survey == nil && rr.survey != "" {
		s.Survey = &rr.survey
	}
	for _, i := range rr.layout.attributes {
		if text := strings.TrimSpace(rec.fields[i]); text != "" {
			s.Attributes = append(s.Attributes, &customer.AttributeInput{Key: rr.layout.header[i], Value: text})
		}
	}
	s.Customer = r.customer(&s)
	s.ExternalID = value(r, responseExternalID, readText)
	if r.bad != nil {
		return intake.Submission{}, nil, r.bad
	}
	if r.layout.cellOf[respondedAt] >= 0 && s.RespondedAt == nil {
		r.warn(respondedAt, "the time is missing; the response counts as given now")
	}
	if s.ExternalID == nil {
		id := rr.seen.identify(rec.fields)
		s.ExternalID = &id
	}
	return s, r.warnings, nil
}

// check refuses a record whose cells must not be read.
func (l *layout) check(rec record) *RowRejection {
	if rec.broken != "" {
		bad := &RowRejection{Reason: rec.broken}
		if rec.cell < len(l.header) {
			bad.Column = l.header[rec.cell]
		}
		return bad
	}
	if len(rec.fields) != len(l.header) {
		reason := fmt.Sprintf("the row has %s where the header has %d", counted(len(rec.fields), "cell"), len(l.header))
		if rec.last > rec.line {
			reason += fmt.Sprintf("; it continues to line %d", rec.last)
		}
		return &RowRejection{Reason: reason}
	}
	for i, cell := range rec.fields {
		switch {
		case strings.ContainsRune(cell, 0):
			return &RowRejection{Column: l.header[i], Reason: "the character U+0000 cannot be stored"}
		case model.CheckText(cell) != nil:
			return &RowRejection{Column: l.header[i], Reason: "the text is not UTF-8; save the file as UTF-8 (in Excel: 'CSV UTF-8') and import it again"}
		}
	}
	return nil
}

// row is a record while it is read.
type row struct {
	layout   *layout
	cells    []string
	warnings []RowRejection
	bad      *RowRejection // the first error
}

func (r *row) fail(f field, reason string) {
	if r.bad == nil {
		r.bad = &RowRejection{Column: r.layout.name(f), Reason: reason}
	}
}

func (r *row) warn(f field, reason string) {
	r.warnings = append(r.warnings, RowRejection{Column: r.layout.name(f), Reason: reason})
}

// cell returns the text of a field without the spaces around it; empty where no column fills the field.
func (r *row) cell(f field) string {
	if r.layout.cellOf[f] < 0 {
		return ""
	}
	return strings.TrimSpace(r.cells[r.layout.cellOf[f]])
}

// value reads the cell of a field. An empty cell means that the value is absent, not that it is to be cleared.
func value[T any](r *row, f field, read func(string) (T, error)) *T {
	text := r.cell(f)
	if text == "" {
		return nil
	}
	v, err := read(text)
	if err != nil {
		r.fail(f, err.Error())
		return nil
	}
	return &v
}

// customer reads the customer of a response. Without an id and an e-mail address, the name and country identify the
// customer.
func (r *row) customer(s *intake.Submission) *customer.CustomerInput {
	first, last := splitName(r.cell(fullName))
	if name := r.cell(firstName); name != "" {
		first = name
	}
	if name := r.cell(lastName); name != "" {
		last = name
	}
	c := &customer.CustomerInput{
		ExternalID: value(r, customerExternalID, readText),
		Email:      omittable(value(r, email, readEmail)),
		Phone:      omittable(value(r, phone, readText)),
		Company:    omittable(value(r, company, readText)),
		Segment:    omittable(value(r, segment, readText)),

		LifetimeValue:       omittable(value(r, lifetimeValue, readDecimal)),
		AccountManagerEmail: omittable(value(r, accountManagerEmail, readEmail)),
		AgentEmail:          omittable(value(r, agentEmail, readEmail)),
	}
	if first != "" {
		c.FirstName = omittable(&first)
	}
	if last != "" {
		c.LastName = omittable(&last)
	}
	land := r.cell(countryName)
	code, known := country.Parse(land)
	switch {
	case known:
		c.Country = omittable(&code)
	case land != "":
		s.Attributes = append(s.Attributes, &customer.AttributeInput{Key: r.layout.name(countryName), Value: land})
		r.warn(countryName, fmt.Sprintf("%q is neither an ISO 3166-1 code nor the English name of a country; it is kept as an attribute", shorten(land)))
		code = fold(land)
	}
	if c.ExternalID == nil && !c.Email.IsSet() {
		s.NameKey = nameKey(first+" "+last, code)
	}
	return c
}

func omittable[T any](v *T) graphql.Omittable[*T] {
	if v == nil {
		return graphql.Omittable[*T]{}
	}
	return graphql.OmittableOf(v)
}
