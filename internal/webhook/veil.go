package webhook

import "github.com/closeloop/closeloop/model"

// veiled is the event for who may not see personal data: without names, addresses, what the customer wrote, what is
// free text about them, and what they are called elsewhere.
func veiled(e *model.LoggedEvent) *model.LoggedEvent {
	v, then := *e, *e.Then
	v.NoteID, v.Improvement, v.Whys = nil, nil, nil
	then.ExternalRefs = nil
	c := &then.Customer
	then.Customer = model.Customer{ID: c.ID, Number: c.Number, Company: c.Company, Country: c.Country, Segment: c.Segment, LifetimeValue: c.LifetimeValue}
	if then.Response != nil {
		r := *then.Response
		r.Comment = nil
		then.Response = &r
	}
	v.Then = &then
	return &v
}
