package model

// What is left of a row for who may not see personal data: customers' names, addresses and phone numbers, what they
// wrote, and whatever free text about them a feed or a colleague brought in. Each gives a copy; rows are shared between
// answers. A customer and a response keep only what is named here, so that a new field is hidden until somebody says
// otherwise; mask_test.go asks for a word about every field of the others too.

// Masked is the customer without personal data; DisplayName then falls back to their number.
func (c *Customer) Masked() *Customer {
	if c == nil {
		return nil
	}
	return &Customer{
		ID: c.ID, Number: c.Number, Company: c.Company, CompanyFold: c.CompanyFold, Country: c.Country,
		Segment: c.Segment, SegmentFold: c.SegmentFold, LifetimeValue: c.LifetimeValue,
		LastContactedAt: c.LastContactedAt, NextSurveyAt: c.NextSurveyAt, LastResponseAt: c.LastResponseAt, CreatedAt: c.CreatedAt,
		ErasedAt: c.ErasedAt,
	}
}

// Masked is the response without its comment, the feed's further columns, and the id it has elsewhere.
func (r *Response) Masked() *Response {
	if r == nil {
		return nil
	}
	return &Response{
		ID: r.ID, CustomerID: r.CustomerID, Survey: r.Survey, Score: r.Score, Category: r.Category, Drivers: r.Drivers,
		ContactRequested: r.ContactRequested, QuoteConsent: r.QuoteConsent, TestimonialLikelihood: r.TestimonialLikelihood,
		TestimonialEstimated: r.TestimonialEstimated,
		RespondedAt:          r.RespondedAt, ReceivedAt: r.ReceivedAt, ContactStatus: r.ContactStatus,
		Country: r.Country, CompanyFold: r.CompanyFold, SegmentFold: r.SegmentFold, LifetimeValue: r.LifetimeValue, Effort: r.Effort,
		Customer: r.Customer.Masked(),
	}
}

// Masked is the case without its root cause, which is free text.
func (c *Case) Masked() *Case {
	if c == nil {
		return nil
	}
	masked := *c
	masked.RootCause = nil
	masked.Customer, masked.Response = c.Customer.Masked(), c.Response.Masked()
	return &masked
}

// Masked is the snapshot without personal data. What a case is called in other systems goes too: such an id may be an
// address.
func (s *Snapshot) Masked() *Snapshot {
	if s == nil {
		return nil
	}
	masked := *s
	masked.Case, masked.Response, masked.Customer = *s.Case.Masked(), s.Response.Masked(), *s.Customer.Masked()
	masked.ExternalRefs = nil
	return &masked
}

// Masked is the event without its note, the customer's own words, and the root cause.
func (e *LoggedEvent) Masked() *LoggedEvent {
	if e == nil {
		return nil
	}
	masked := *e
	masked.NoteID, masked.Improvement, masked.Whys = nil, nil, nil
	masked.Snapshot, masked.Before = nil, nil
	masked.Then = e.Then.Masked()
	return &masked
}
