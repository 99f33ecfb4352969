package importer

import (
	"slices"
	"strings"
)

const noPreset = "none"

// preset is what is known of the export of one tool. Names of columns are as key writes them.
type preset struct {
	name    string
	has     []string // each of these columns is in the header; alternatives are separated by |
	first   string   // the first column is one of these; empty: any column
	columns map[field]string
	zone    string // of its times; empty: the default
}

// presets are known by their headers. Where a tool's documentation does not list the columns of its export, the names are those
// of its API, which the export follows; a test has a file of each.
var presets = []preset{
	{
		// https://delighted.com/docs/api/listing-survey-responses: id, person, survey_type, score, comment, permalink, created_at;
		// times are in UTC.
		name: "delighted", has: []string{"score", "permalink|delighted url|response url", "comment"}, zone: "UTC",
		columns: map[field]string{
			score: "score", comment: "comment", responseExternalID: "response id|survey response id|id", email: "email|person email|email address", fullName: "name|person name",
			phone: "phone number|person phone number", respondedAt: "created at|created at utc|response date|response created at|date", survey: "project|survey name",
		},
	},
	{
		// https://www.qualtrics.com/support/survey-platform/data-and-analysis-module/data/download-data/understanding-your-dataset/:
		// three header rows, the field's id, its text, and {"ImportId": …}; a question of the type NPS also has a column
		// …_NPS_GROUP.
		name: "qualtrics", has: []string{"responseid", "startdate|start date", "enddate|end date", "finished"},
		columns: map[field]string{
			responseExternalID: "responseid", respondedAt: "recordeddate|enddate|end date", email: "recipientemail", firstName: "recipientfirstname", lastName: "recipientlastname",
			customerExternalID: "externalreference|externaldatareference",
		},
	},
	{
		// https://help.surveymonkey.com/en/surveymonkey/analyze/all-responses-exports/: one column for each answer; the second
		// row has the labels of answers, "Response" and "Open-Ended Response".
		name: "surveymonkey", has: []string{"respondent id", "collector id", "start date|date created", "end date|date modified"},
		columns: map[field]string{
			responseExternalID: "respondent id", respondedAt: "end date|date modified", email: "email address|email", firstName: "first name", lastName: "last name",
		},
	},
	{
		// https://help.typeform.com/hc/en-us/articles/360029249392-Export-responses: the token of the answer as #, the questions,
		// times in UTC, the network.
		name: "typeform", has: []string{"submit date utc", "network id|start date utc"}, zone: "UTC",
		columns: map[field]string{responseExternalID: "response id|token", respondedAt: "submit date utc"},
	},
	{
		// https://support.google.com/docs/answer/2917686 (view and manage form responses): the first column is the time, in the
		// language of the account; a respondent's address is there where the form asks for it.
		name: "google-forms", first: "timestamp|zeitstempel|carimbo de data hora|marca temporal|horodateur|tijdstempel",
		columns: map[field]string{
			respondedAt: "timestamp|zeitstempel|carimbo de data hora|marca temporal|horodateur|tijdstempel",
			email:       "email address|username|e mail adresse|endereco de e mail|nome de usuario|direccion de correo electronico|nombre de usuario|adresse e mail|nom d utilisateur|e mailadres",
		},
	},
	{
		// https://demo.asknice.ly/help/apidocs/responses: answer, comment, segment, response_id, person_id; sent and responded are
		// Unix times. The same fields come with format csv.
		name: "asknicely", has: []string{"answer", "responded", "response id|person id|comment"},
		columns: map[field]string{
			score: "answer", comment: "comment", responseExternalID: "response id", respondedAt: "responded", email: "email", fullName: "name", segment: "segment", phone: "phone",
		},
	},
	{
		// https://support.customergauge.com/support/solutions/articles/5000722515-transactions-post-response: NetPromoterScore,
		// the comment, CustomerNumber, Email, FirstName, LastName; times as YYYY-mm-dd H:i:s.
		name: "customergauge", has: []string{"netpromoterscore|nps score", "customernumber|number customer|comment|nps comment", "email|email address"},
		columns: map[field]string{
			score: "netpromoterscore|nps score", comment: "comment|nps comment", customerExternalID: "customernumber|number customer", email: "email|email address",
			firstName: "firstname|first name", lastName: "lastname|last name", company: "companyname|company name|company", countryName: "country",
			respondedAt: "date survey completed|surveycompleteddate|datesurveycompleted|date survey response|responsedate|datetime", responseExternalID: "responseid|response id|number ticket|ticketnumber",
			accountManagerEmail: "accountmanageremail",
		},
	},
}

func presetNames() (names []string) {
	for _, p := range presets {
		names = append(names, p.name)
	}
	return names
}

// presetOf finds the tool by its name or by the header; nil where it is none of them.
func presetOf(said string, h *header) *preset {
	for i := range presets {
		p := &presets[i]
		if said == p.name || said == "" && p.wrote(h) {
			return p
		}
	}
	return nil
}

func (p *preset) wrote(h *header) bool {
	if p.first != "" && !slices.Contains(strings.Split(p.first, "|"), h.keys[0][0]) {
		return false
	}
	for _, names := range p.has {
		if !slices.ContainsFunc(strings.Split(names, "|"), func(name string) bool { return len(h.withKey(name)) > 0 }) {
			return false
		}
	}
	return true
}
