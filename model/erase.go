package model

import (
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// Erased replaces a text that was removed with a customer's personal data, where the field must not be empty.
	Erased = "(erased)"
	// Redacted replaces the text of a redacted note.
	Redacted = "(redacted)"
)

// The methods in this file list the fields that stay when a customer is erased, for rows and for the log's snapshots alike.
// Every other field is removed, so that a field that is added later is removed by default.

// Erase keeps what reports need and what identifies no one: the country, the segment, the value, and times. It removes the
// company, because a company with a single contact identifies that person.
func (c *Customer) Erase(at time.Time) {
	*c = Customer{
		ID: c.ID, Number: c.Number, Country: c.Country, Segment: c.Segment, LifetimeValue: c.LifetimeValue,
		Attributes: map[string]string{}, LastContactedAt: c.LastContactedAt, LastResponseAt: c.LastResponseAt,
		CreatedAt: c.CreatedAt, ErasedAt: &at,
	}
	c.Fold()
}

// Erase keeps what reports need: the survey, the score, the drivers, and times. It removes the drivers that quote the
// customer, because survey tools put 'other: …' among them. The argument is the customer before the erasure.
func (r *Response) Erase(of *Customer) {
	*r = Response{
		ID: r.ID, CustomerID: r.CustomerID, Survey: r.Survey, Score: r.Score, Category: r.Category, Drivers: of.withoutQuotes(r.Drivers),
		ContactRequested: r.ContactRequested, QuoteConsent: r.QuoteConsent, TestimonialLikelihood: r.TestimonialLikelihood, TestimonialEstimated: r.TestimonialEstimated,
		Attributes: map[string]string{}, RespondedAt: r.RespondedAt, ReceivedAt: r.ReceivedAt, ContactStatus: r.ContactStatus,
		Country: r.Country, SegmentFold: r.SegmentFold,
	}
}

// Erase removes the texts of the root cause and keeps their number.
func (c *Case) Erase() {
	c.RootCause, c.CompanyFold = ErasedTexts(c.RootCause), nil
}

// Erase removes personal data of the customer and of the response, free text, and the case's ids in other systems. It does
// not change the values that the snapshot points to, because other goroutines may be reading them.
func (s *Snapshot) Erase(at time.Time) {
	if s.Response != nil {
		r := *s.Response
		r.Erase(&s.Customer)
		s.Response = &r
	}
	s.Customer.Erase(at)
	s.Case.Erase()
	*s = Snapshot{
		Case: s.Case, Response: s.Response, Customer: s.Customer, AssigneeName: s.AssigneeName,
		RuleIDs: s.RuleIDs, Themes: s.Themes, Outreaches: s.Outreaches,
	}
}

// Erase removes the free text of the event.
func (e *Event) Erase() {
	e.Improvement, e.Whys = nil, ErasedTexts(e.Whys)
}

// ErasedTexts returns a list of the same length in which every text is Erased; nil stays nil.
func ErasedTexts(list Strings) Strings {
	if list == nil {
		return nil
	}
	erased := make(Strings, len(list))
	for i := range erased {
		erased[i] = Erased
	}
	return erased
}

// withoutQuotes returns the texts that contain none of the customer's identifying values, not even within a word: it is
// better to lose one driver too many than to keep a name. It ignores values of one or two letters, which are in half of
// all texts and identify no one.
func (c *Customer) withoutQuotes(texts []string) []string {
	var words []string
	for _, s := range []*string{c.ExternalID, c.FirstName, c.LastName, c.Email, c.Phone, c.Company} {
		if s != nil && utf8.RuneCountInString(strings.TrimSpace(*s)) > 2 {
			words = append(words, Fold(strings.TrimSpace(*s)))
		}
	}
	kept := []string{}
texts:
	for _, text := range texts {
		folded := Fold(text)
		for _, word := range words {
			if strings.Contains(folded, word) {
				continue texts
			}
		}
		kept = append(kept, text)
	}
	return kept
}
