package cost

// Measured on 80,000 responses with their customers and cases, in microseconds of the database.
const (
	statement   = 100   // sending one and having it planned
	rowTime     = 8     // reading a row of a list, or by its id
	fieldTime   = 0.2   // reading one more value
	scanRow     = 0.1   // reading a row of a table that is read as a whole
	fetchRow    = 0.4   // reading a row that an index leads to
	sortRow     = 0.5   // sorting a row
	writeTime   = 4_000 // a transaction
	batchItem   = 1_500 // one more response or case of a write that takes many
	eventTime   = 12    // reading one of the events that a list of events looks through
	passTime    = 1     // passing over an event of another type
	decideTime  = 0.5   // deciding one condition on a case of an event, of the program's processor
	queueTime   = 300   // reading the passives queue
	effortOrder = 8_000 // the order by the effort of themes
	suggestTime = 1     // reading one of the comments whose words are counted
)

// Numbers of rows.
const (
	rowsOfPage     = 20    // of a list without `first` and `last`
	rowsMost       = 100   // of any list
	groupsOfReport = 50    // without `first`
	groupsMost     = 1000  // of any report
	listOfRow      = 3     // of a list without arguments, such as the rules of a case
	passives       = 3_000 // of the passives queue
	suggestRows    = 5_000 // comments whose words are counted
	eventsOfPage   = 500   // events that are read from the log at a time
	fewest         = 10    // a page has at least a tenth of the rows that it asks for, however few match by the guess
	pageLeast      = 0.1   // the part of another table that a page reads even where it is full at once
)

// tables has the rows of what a list reads or a figure counts.
var tables = map[string]float64{
	"Case": 50_000, "Response": 80_000, "Customer": 50_000, "Note": 200_000, "Notification": 70_000,
	"CaseEvent": 500_000, "User": 30, "Import": 70, "WebhookDelivery": 10_000, "SourceDelivery": 1_000, "AuditEvent": 25_000,
}

// below has the lists with pages below another object, with the rows of each parent. PostgreSQL numbers them all.
var below = map[string]float64{
	"Case.notes": 4, "Case.history": 10, "Customer.cases": 1, "Customer.responses": 2, "User.assignedCases": 1_700, "Webhook.deliveries": 4_000, "Source.deliveries": 100,
}

// children has the fields without pages that do not have one object, or as a list listOfRow, for each parent.
var children = map[string]float64{
	"Query.rules": 5, "Query.themes": 12, "Query.webhooks": 3, "Query.sources": 5, "Query.apiTokens": 5,
	"Case.openedBy": 0.02, "Case.assignedBy": 0.2, "Case.externalRefs": 0.1, "Case.rules": 1, "Response.themes": 1.5,
	"Rule.escalations": 0.1, "Rule.notify": 0.5, "Rule.calendar": 0.1, "Assignment.fallbackUser": 0.1, "CaseAssigned.previousAssignee": 0.3,
	"NoteAdded.actor": 1, "AuditEvent.token": 0.5,
}

// ofSchema has the lists of introspection, with the average of this schema: it bounds what such an answer takes of the program.
var ofSchema = map[string]float64{
	"__Schema.types": 250, "__Schema.directives": 8, "__Directive.args": 1, "__Type.fields": 3, "__Field.args": 0.3,
	"__Type.inputFields": 1.5, "__Type.enumValues": 1, "__Type.possibleTypes": 1, "__Type.interfaces": 0.2, "__Type.ofType": 0.5,
}

// oneOfTypes is the share of the objects of an interface that have the type of a fragment.
const oneOfTypes = 0.3

// ties has the orders in which many rows are equal: the share of those with the most frequent value, or with none. A further
// order sorts them all.
var ties = map[string]float64{
	"STATUS": 0.9, "SCORE": 0.1, "SEGMENT": 0.3, "COMPANY": 0.5, "LAST_CONTACTED_AT": 0.4, "NEXT_SURVEY_AT": 0.9, "LIFETIME_VALUE": 0.2,
	"TESTIMONIAL_LIKELIHOOD": 0.3, "ASSIGNED_AT": 0.05, "CLOSED_AT": 0.1, "DUE_AT": 0.05,
}

// distinct has the types of which there are few: a page that names them more often reads each once.
var distinct = map[string]float64{"User": 30, "Rule": 5, "Theme": 12, "Webhook": 3}

// report is a field that counts rows.
type report struct {
	of     string  // the table
	counts float64 // microseconds for each row that the filter leaves
	groups float64 // further microseconds for each row, where the report is grouped
	first  float64 // groups without the argument `first`
}

var reports = map[string]report{
	"Query.caseSummary":        {of: "Case", counts: 0.3},
	"Subscription.caseSummary": {of: "Case", counts: 0.3},
	"Query.followUpReport":     {of: "Case", counts: 1, groups: 1.5, first: groupsOfReport},
	"Query.recoveryReport":     {of: "Case", counts: 5, groups: 8, first: groupsOfReport},
	"Query.npsReport":          {of: "Response", counts: 0.4, groups: 0.7, first: groupsOfReport},
	"Query.topThemes":          {of: "Response", counts: 1.5, first: 3},
	"Query.suggestThemes":      {of: "Response", first: 10},
	"Query.previewRule":        {of: "Response", counts: 1, first: 10},
}

// reportPlan is the time to plan the statements of a report, apart from its filter.
const reportPlan = 300

// sorted has the figures that sort the rows of a report, with the microseconds for each row.
var sorted = map[string]float64{
	"FollowUpReport.medianTimeToFollowUp": 2, "FollowUpReport.p90TimeToFollowUp": 2, "FollowUpReport.medianTimeToClose": 2,
	"FollowUpGroup.medianTimeToFollowUp": 2, "FollowUpGroup.medianTimeToClose": 2,
}

// groups are the fields whose number the arguments of the report decide.
var groups = map[string]bool{"FollowUpReport.groups": true, "RecoveryReport.groups": true, "NpsReport.groups": true}

// summaryGroups is the field with arguments of its own that counts by the filter of its parent, and how often it takes as
// long as a plain count.
const (
	summaryGroups = "CaseSummary.groups"
	summaryScans  = 4
)

// dear are the values that need statements of their own, once for all objects of a page.
var dear = map[string]float64{"Rule.matchCount": 3_000, "Query.exportCustomer": 1_500}

// batches are the mutations that take many items, with the list of their input.
var batches = map[string]string{
	"Mutation.submitResponses": "responses", "Mutation.assignCases": "cases", "Mutation.recordOutreaches": "caseIds",
}

// heavy are the mutations that change more rows than others, with the microseconds that they take.
var heavy = map[string]float64{
	"Mutation.allocatePassives": 200_000, "Mutation.eraseCustomer": 20_000, "Mutation.createTheme": 10_000, "Mutation.updateTheme": 10_000,
	"Mutation.importResponses": 50_000,
}
