package importer

import (
	"fmt"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/country"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// rowReader makes submissions of records.
type rowReader struct {
	layout *layout
	survey string
	zone   *time.Location
	seen   occurrences
}

// read gives the submission of a record, with what was odd in it, or the first thing that is wrong with it. The line
// is the caller's to enter.
func (rr *rowReader) read(rec record) (intake.Submission, []RowRejection, *RowRejection) {
	if bad := rr.layout.check(rec); bad != nil {
		return intake.Submission{}, nil, bad
	}
	r := &row{layout: rr.layout, cells: rec.fields}
	var s intake.Submission
	if given := value(r, score, readScore); given != nil {
		s.Score = *given
	} else {
		r.fail(score, "the score is missing: a whole number from 0 to 10")
	}
	s.RespondedAt = value(r, respondedAt, func(s string) (time.Time, error) { return readTime(s, rr.zone) })
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
	if r.layout.at[respondedAt] >= 0 && s.RespondedAt == nil {
		r.warn(respondedAt, "the time is missing; the response counts as given now")
	}
	if s.ExternalID == nil {
		id := rr.seen.identify(rec.fields)
		s.ExternalID = &id
	}
	return s, r.warnings, nil
}

// check looks at what must be right before any cell is read.
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
			reason += fmt.Sprintf("; it goes on to line %d", rec.last)
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

// row is a record under way.
type row struct {
	layout   *layout
	cells    []string
	warnings []RowRejection
	bad      *RowRejection // the first thing wrong
}

func (r *row) fail(f field, reason string) {
	if r.bad == nil {
		r.bad = &RowRejection{Column: r.layout.name(f), Reason: reason}
	}
}

func (r *row) warn(f field, reason string) {
	r.warnings = append(r.warnings, RowRejection{Column: r.layout.name(f), Reason: reason})
}

// cell gives the text of a field, spaces around it cut; empty where no column holds it.
func (r *row) cell(f field) string {
	if r.layout.at[f] < 0 {
		return ""
	}
	return strings.TrimSpace(r.cells[r.layout.at[f]])
}

// value reads the cell of a field. An empty cell is absent, not cleared.
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

// customer reads who answered. Where neither an id nor an e-mail address tells, the name and country do.
func (r *row) customer(s *intake.Submission) *customer.CustomerInput {
	first, last := splitName(r.cell(fullName))
	if given := r.cell(firstName); given != "" {
		first = given
	}
	if given := r.cell(lastName); given != "" {
		last = given
	}
	c := &customer.CustomerInput{
		ExternalID: value(r, customerExternalID, readText),
		Email:      given(value(r, email, readEmail)),
		Phone:      given(value(r, phone, readText)),
		Company:    given(value(r, company, readText)),
		Segment:    given(value(r, segment, readText)),

		LifetimeValue:       given(value(r, lifetimeValue, readDecimal)),
		AccountManagerEmail: given(value(r, accountManagerEmail, readEmail)),
		AgentEmail:          given(value(r, agentEmail, readEmail)),
	}
	if first != "" {
		c.FirstName = given(&first)
	}
	if last != "" {
		c.LastName = given(&last)
	}
	land := r.cell(countryName)
	code, known := country.Parse(land)
	switch {
	case known:
		c.Country = given(&code)
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

func given[T any](v *T) graphql.Omittable[*T] {
	if v == nil {
		return graphql.Omittable[*T]{}
	}
	return graphql.OmittableOf(v)
}
