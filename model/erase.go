package model

import (
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// Erased stands where something must stand and the words were removed with a customer's personal data.
	Erased = "(erased)"
	// Redacted stands where a note's words were.
	Redacted = "(redacted)"
)

// What is kept of an erased customer is named here, for rows and for the log's snapshots alike; all else goes. So a
// field that is added later is removed unless somebody decides otherwise.

// Erase leaves what figures are made of and what is nobody's: the country, the segment, the value, and times. The
// company goes: where it has one contact, it is the contact.
func (c *Customer) Erase(at time.Time) {
	*c = Customer{
		ID: c.ID, Number: c.Number, Country: c.Country, Segment: c.Segment, LifetimeValue: c.LifetimeValue,
		Attributes: map[string]string{}, LastContactedAt: c.LastContactedAt, LastResponseAt: c.LastResponseAt,
		CreatedAt: c.CreatedAt, ErasedAt: &at,
	}
	c.Fold()
}

// Erase leaves the figures: what was asked, scored and ticked, and when. Of the reasons that were ticked, those go
// that quote the customer, as they were before they were erased: survey tools put 'other: …' among them.
func (r *Response) Erase(of *Customer) {
	*r = Response{
		ID: r.ID, CustomerID: r.CustomerID, Survey: r.Survey, Score: r.Score, Category: r.Category, Drivers: of.unquoted(r.Drivers),
		ContactRequested: r.ContactRequested, QuoteConsent: r.QuoteConsent, TestimonialLikelihood: r.TestimonialLikelihood, TestimonialEstimated: r.TestimonialEstimated,
		Attributes: map[string]string{}, RespondedAt: r.RespondedAt, ReceivedAt: r.ReceivedAt, ContactStatus: r.ContactStatus,
		Country: r.Country, SegmentFold: r.SegmentFold,
	}
}

// Erase removes the words of the root cause; how many there were stays.
func (c *Case) Erase() {
	c.RootCause, c.CompanyFold = ErasedTexts(c.RootCause), nil
}

// Erase removes what is personal of the customer and of the response, words, and the case's ids in other systems. What
// the snapshot points to is not touched: others may be reading it.
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

// Erase removes the words that came with the event.
func (e *Event) Erase() {
	e.Improvement, e.Whys = nil, ErasedTexts(e.Whys)
}

// ErasedTexts is as long as the list, and says nothing; nil stays nil.
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

// unquoted are those of the texts that say nothing that the customer's record says, not even within a word: rather one
// reason too many goes than a name stays. A name of two letters is in half of all texts, and nobody is known by it.
func (c *Customer) unquoted(texts []string) []string {
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
