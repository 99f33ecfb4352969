package model

// The methods in this file hide personal data from users without access to it: customers' names, addresses and phone
// numbers, their comments, and free text about them from a source or a colleague. Each method returns a copy, because
// answers to several requests share the row. The masks of a customer and of a response list the fields to keep, so that
// a new field is hidden by default; mask_test.go demands a decision about each field of the other types too.

// Masked returns the customer without personal data; DisplayName of the result falls back to the customer's number.
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

// Masked returns the response without its comment, its attributes, and its id in other systems.
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

// Masked returns the case without its root cause, which is free text.
func (c *Case) Masked() *Case {
	if c == nil {
		return nil
	}
	masked := *c
	masked.RootCause = nil
	masked.Customer, masked.Response = c.Customer.Masked(), c.Response.Masked()
	return &masked
}

// Masked returns the snapshot without personal data. The case's ids in other systems go too: such an id may be an address.
func (s *Snapshot) Masked() *Snapshot {
	if s == nil {
		return nil
	}
	masked := *s
	masked.Case, masked.Response, masked.Customer = *s.Case.Masked(), s.Response.Masked(), *s.Customer.Masked()
	masked.ExternalRefs = nil
	return &masked
}

// Masked returns the event without its note, its improvement (the customer's own words) and its root cause.
func (e *LoggedEvent) Masked() *LoggedEvent {
	if e == nil {
		return nil
	}
	masked := *e
	masked.NoteID, masked.ReadNote, masked.Improvement, masked.Whys = nil, nil, nil, nil
	masked.Snapshot, masked.Before = nil, nil
	masked.Then = e.Then.Masked()
	return &masked
}
