package importer

// Columns map fields to columns of the file: by the name in its header, the beginning of the name, or the column's position
// from 1. A field that Columns does not name is found by the usual names of columns; "-" says that no column fills it. All
// other columns become attributes of the response. The tags make Columns a group of command-line flags (kong).
type Columns struct {
	Score                 string `placeholder:"COLUMN" help:"Column with the score: a whole number from 0 to 10, alone, as 9/10, or with its label (10 - Extremely likely)."`
	RespondedAt           string `placeholder:"COLUMN" help:"Column with the time of the response, in any form. Without it, or where it is empty: now."`
	ResponseExternalID    string `placeholder:"COLUMN" help:"Column with the survey tool's id of the response. Without it, the row's answer and customer are its identity, so that the same row is imported once."`
	Comment               string `placeholder:"COLUMN" help:"Column with what the customer wrote."`
	Drivers               string `placeholder:"COLUMN" help:"Column with the drivers of the score, separated by ; or |."`
	ContactRequested      string `placeholder:"COLUMN" help:"Column that says whether the customer asks to be contacted: yes or no, true or false, 1 or 0, x, in six languages."`
	Survey                string `name:"survey-column" placeholder:"COLUMN" help:"Column with the name of the survey; where it is empty, --survey applies."`
	QuoteConsent          string `placeholder:"COLUMN" help:"Column that says whether the customer may be quoted: yes or no, true or false, 1 or 0, x, in six languages."`
	TestimonialLikelihood string `placeholder:"COLUMN" help:"Column with how likely the customer is to give a testimonial: a number from 0 to 1."`
	CustomerExternalID    string `placeholder:"COLUMN" help:"Column with the id of the customer in your systems."`
	FirstName             string `placeholder:"COLUMN" help:"Column with the customer's first name."`
	LastName              string `placeholder:"COLUMN" help:"Column with the customer's last name."`
	FullName              string `placeholder:"COLUMN" help:"Column with the customer's whole name; it is split at its last space, and the columns of the first and last name take precedence."`
	Email                 string `placeholder:"COLUMN" help:"Column with the customer's e-mail address."`
	Phone                 string `placeholder:"COLUMN" help:"Column with the customer's phone number."`
	Company               string `placeholder:"COLUMN" help:"Column with the customer's company."`
	Country               string `placeholder:"COLUMN" help:"Column with the customer's country: an ISO 3166-1 code or a name in any language; any other text is kept as an attribute, with a warning."`
	Segment               string `placeholder:"COLUMN" help:"Column with the customer's segment."`
	LifetimeValue         string `placeholder:"COLUMN" help:"Column with the customer's lifetime value: a number such as 1,234.50 or 1.234,50 €."`
	AccountManagerEmail   string `placeholder:"COLUMN" help:"Column with the e-mail address of the customer's account manager."`
	AgentEmail            string `placeholder:"COLUMN" help:"Column with the e-mail address of the customer's agent."`
}

// field is a field that a column can fill.
type field int

const (
	score field = iota
	respondedAt
	responseExternalID
	comment
	drivers
	contactRequested
	survey
	quoteConsent
	testimonialLikelihood
	customerExternalID
	firstName
	lastName
	fullName
	email
	phone
	company
	countryName
	segment
	lifetimeValue
	accountManagerEmail
	agentEmail
	fieldCount
)

// fields has each field's name in the API's ImportColumns, the argument that a fault of the submission names, and the flag of
// the command line.
var fields = [fieldCount]struct{ name, argument, flag string }{
	score:                 {"score", "score", "--score"},
	respondedAt:           {"respondedAt", "respondedAt", "--responded-at"},
	responseExternalID:    {"responseExternalId", "externalId", "--response-external-id"},
	comment:               {"comment", "comment", "--comment"},
	drivers:               {"drivers", "drivers", "--drivers"},
	contactRequested:      {"contactRequested", "contactRequested", "--contact-requested"},
	survey:                {"survey", "survey", "--survey-column"},
	quoteConsent:          {"quoteConsent", "quoteConsent", "--quote-consent"},
	testimonialLikelihood: {"testimonialLikelihood", "testimonialLikelihood", "--testimonial-likelihood"},
	customerExternalID:    {"customerExternalId", "customer.externalId", "--customer-external-id"},
	firstName:             {"firstName", "customer.firstName", "--first-name"},
	lastName:              {"lastName", "customer.lastName", "--last-name"},
	fullName:              {"fullName", "customer.fullName", "--full-name"},
	email:                 {"email", "customer.email", "--email"},
	phone:                 {"phone", "customer.phone", "--phone"},
	company:               {"company", "customer.company", "--company"},
	countryName:           {"country", "customer.country", "--country"},
	segment:               {"segment", "customer.segment", "--segment"},
	lifetimeValue:         {"lifetimeValue", "customer.lifetimeValue", "--lifetime-value"},
	accountManagerEmail:   {"accountManagerEmail", "customer.accountManagerEmail", "--account-manager-email"},
	agentEmail:            {"agentEmail", "customer.agentEmail", "--agent-email"},
}

// named returns the names of the columns in the order of the fields.
func (c *Columns) named() [fieldCount]string {
	return [fieldCount]string{
		score: c.Score, respondedAt: c.RespondedAt, responseExternalID: c.ResponseExternalID, comment: c.Comment,
		drivers: c.Drivers, contactRequested: c.ContactRequested, survey: c.Survey, quoteConsent: c.QuoteConsent,
		testimonialLikelihood: c.TestimonialLikelihood, customerExternalID: c.CustomerExternalID,
		firstName: c.FirstName, lastName: c.LastName, fullName: c.FullName, email: c.Email, phone: c.Phone,
		company: c.Company, countryName: c.Country, segment: c.Segment, lifetimeValue: c.LifetimeValue,
		accountManagerEmail: c.AccountManagerEmail, agentEmail: c.AgentEmail,
	}
}
