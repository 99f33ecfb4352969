package importer

// Columns map fields to columns of the file, by the names in its header. Only the score is required. A column that Columns
// does not name becomes an attribute of the response. The tags make Columns a group of command-line flags (kong).
type Columns struct {
	Score                 string `required:"" placeholder:"COLUMN" help:"Column with the score: a whole number from 0 to 10; 7.0 is 7."`
	RespondedAt           string `placeholder:"COLUMN" help:"Column with the time of the response: 2015-07-20, 2015-07-20 14:30, 2015-07-20T14:30:00+02:00 or 20 Jul 2015. Without it, or where it is empty: now."`
	ResponseExternalID    string `placeholder:"COLUMN" help:"Column with the survey tool's id of the response. Without it, the id is computed from the row, so that the same row of a file is imported once."`
	Comment               string `placeholder:"COLUMN" help:"Column with what the customer wrote."`
	Drivers               string `placeholder:"COLUMN" help:"Column with the drivers of the score, separated by ; or |."`
	ContactRequested      string `placeholder:"COLUMN" help:"Column that says whether the customer asks to be contacted: true, yes, y, t, 1, x or false, no, n, f, 0."`
	Survey                string `name:"survey-column" placeholder:"COLUMN" help:"Column with the name of the survey; where it is empty, --survey applies."`
	QuoteConsent          string `placeholder:"COLUMN" help:"Column that says whether the customer may be quoted: true, yes, y, t, 1, x or false, no, n, f, 0."`
	TestimonialLikelihood string `placeholder:"COLUMN" help:"Column with how likely the customer is to give a testimonial: a number from 0 to 1."`
	CustomerExternalID    string `placeholder:"COLUMN" help:"Column with the id of the customer in your systems."`
	FirstName             string `placeholder:"COLUMN" help:"Column with the customer's first name."`
	LastName              string `placeholder:"COLUMN" help:"Column with the customer's last name."`
	FullName              string `placeholder:"COLUMN" help:"Column with the customer's whole name; it is split at its last space, and the columns of the first and last name take precedence."`
	Email                 string `placeholder:"COLUMN" help:"Column with the customer's e-mail address."`
	Phone                 string `placeholder:"COLUMN" help:"Column with the customer's phone number."`
	Company               string `placeholder:"COLUMN" help:"Column with the customer's company."`
	Country               string `placeholder:"COLUMN" help:"Column with the customer's country: an ISO 3166-1 code or an English name; any other text is kept as an attribute, with a warning."`
	Segment               string `placeholder:"COLUMN" help:"Column with the customer's segment."`
	LifetimeValue         string `placeholder:"COLUMN" help:"Column with the customer's lifetime value: a number such as 1234.50, without thousands separators or a currency."`
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

// fields has each field's name in the API's ImportColumns, and the argument that a fault of the submission names.
var fields = [fieldCount]struct{ name, argument string }{
	score:                 {"score", "score"},
	respondedAt:           {"respondedAt", "respondedAt"},
	responseExternalID:    {"responseExternalId", "externalId"},
	comment:               {"comment", "comment"},
	drivers:               {"drivers", "drivers"},
	contactRequested:      {"contactRequested", "contactRequested"},
	survey:                {"survey", "survey"},
	quoteConsent:          {"quoteConsent", "quoteConsent"},
	testimonialLikelihood: {"testimonialLikelihood", "testimonialLikelihood"},
	customerExternalID:    {"customerExternalId", "customer.externalId"},
	firstName:             {"firstName", "customer.firstName"},
	lastName:              {"lastName", "customer.lastName"},
	fullName:              {"fullName", "customer.fullName"},
	email:                 {"email", "customer.email"},
	phone:                 {"phone", "customer.phone"},
	company:               {"company", "customer.company"},
	countryName:           {"country", "customer.country"},
	segment:               {"segment", "customer.segment"},
	lifetimeValue:         {"lifetimeValue", "customer.lifetimeValue"},
	accountManagerEmail:   {"accountManagerEmail", "customer.accountManagerEmail"},
	agentEmail:            {"agentEmail", "customer.agentEmail"},
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
