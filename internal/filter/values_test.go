package filter

import (
	"math"
	"time"

	"github.com/closeloop/closeloop/model"
)

// moment is the current time of the tests; the rows' times are close to it.
var moment = time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)

// texts are values of rows and operands of filters. They include pairs that fold to one text, pairs that only look
// alike, and pairs that PostgreSQL and Go would fold differently.
var texts = []string{
	"Acme", "ACME", "acme ", "", " ", "Café", "CAFE\u0301", "cafe", "Straße", "STRASSE", "stra\u1e9ee", "istanbul", "ISTANBUL",
	"İstanbul", "ıstanbul", "i\u0307stanbul", "Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ", "ὀδυσσεύσ", "\u212bngstrom", "ångström", "ﬁn", "FIN", "ǅ", "ŉ", "ΐ",
	"\u1fb3", "\u13a0", "\uab70", "Ⓐ", "ſ", "100%", "a_b", `a\b`, "'; DROP TABLE cases; --", "?", "$1", "@name", "🦔", "\u0345", "\u1100\u1161", "가",
	"%", "_", `\`, `\\`, `\%`, `"`, "{}", `{"a":"b"}`, ",", "NULL", "null", "a,b", "\t", "\n", "\u00a0", "\u200b",
	// Typographic punctuation, alone and within words.
	"can't", "can’t", "CAN\u02bcT", "can‛t", "can‘t", "can´t", "can`t", `"no"`, "“no”", "„no“", "« no »", "«\u202fno\u00a0»", "co-op", "co–op", "co—op",
	"co\u2011op", "co\u2010op", "co\u00adop", "coop", "co\u200bop", "co\u200cop", "co op", "co\u202fop", "wait...", "wait…", "e\u200d\u0301", "❤\ufe0f", "❤",
	"‘", "“", "-", "…", "\u00ad", "\u2057", "’\u0301", "顧客", "顧客サービス", "ราคา",
	// The neighbours of the surrogates and the ends of the planes: startsWith computes the next text there.
	"\ud7ff", "\ue000", "\uffff", "\ufffd", "a\ud7ff", "a\U0010ffff", "\U0010ffff", "\U00010000", "👩‍🚀", "e\u0301\u0323", "e\u0323\u0301", "\u0301",
}

// keysOfAttributes include keys that differ in case or composition alone, since keys are not folded.
var keysOfAttributes = []string{"Seat", "seat", "Café", "CAFE\u0301", "", `a"b\c`, "%", "a.b"}

var decimals = []string{"0", "0.0001", "-0.0001", "1.5", "1.50", "-1.5", "99999999999999999999.9999", "-99999999999999999999.9999", "10", "10.0001"}

var likelihoods = []float64{0, 1, 0.5, 5e-324, 0.1, math.Nextafter(0.5, 1), math.Nextafter(0.5, 0), math.Nextafter(1, 0)}

var countries = []string{"DE", "BR", "TR", "IT", "GB"}

var (
	efforts         = stringsOf(model.Easy, model.Medium, model.Hard)
	contactStatuses = stringsOf(model.NotContacted, model.Contacted, model.Replied)
	systems         = []string{"Zendesk", "zendesk", "SAP", `a"b`, "Straße"}
	externals       = []string{"1", "2", "A1", "a1", "100%"}
)

// moments are at the edges of microseconds, of durations and of the calendar.
var moments = []time.Time{
	moment, moment.Add(time.Microsecond), moment.Add(-time.Microsecond), moment.Add(time.Hour), moment.Add(-time.Hour),
	moment.Add(time.Hour + time.Microsecond), moment.Add(-time.Hour - time.Microsecond), moment.Add(-time.Hour + time.Microsecond),
	moment.Add(48 * time.Hour), moment.Add(-48 * time.Hour),
	time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC), // just before PostgreSQL's zero
}

var durations = []string{"PT0S", "PT0.000001S", "PT1H", "PT1H0.000001S", "P2D", "P36499D"}
