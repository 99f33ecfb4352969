package importer

import (
	"slices"
	"strings"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/internal/importer/value"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// Choices are what the caller says about the form of a file. What is empty is found in the file. The tags make Choices a group
// of command-line flags (kong); the API's ImportResponsesInput has the same names.
type Choices struct {
	Preset      string   `placeholder:"TOOL" help:"The tool that wrote the file: delighted, qualtrics, surveymonkey, typeform, google-forms, asknicely or customergauge; none takes columns by their usual names alone."`
	Encoding    string   `placeholder:"NAME" help:"How the text is encoded: utf-8, utf-16le, windows-1252, macintosh or another name of the Encoding Standard."`
	Separator   string   `placeholder:"NAME" help:"What separates the columns: comma, semicolon, tab or pipe."`
	Sheet       string   `placeholder:"NAME" help:"The sheet of a workbook."`
	HeaderRows  int      `placeholder:"N" help:"How many rows at the beginning are the header."`
	DateOrder   string   `placeholder:"ORDER" help:"What a date such as 5/3/2024 begins with: day-first, month-first or year-first."`
	DecimalSign string   `placeholder:"SIGN" help:"The sign before decimals: point or comma."`
	Missing     []string `placeholder:"TEXT,…" help:"Cells that mean a missing value, letter for letter, instead of NA, n/a, none, - and the like."`
	Scale       string   `placeholder:"SCALE" help:"The scale of the scores. Only 0-10 is accepted, which says that low scores are meant so."`
}

// OnConflict turns a word of the command line, reject or update, into what happens to a row that contradicts what is stored.
func OnConflict(word string) intake.OnConflict { return intake.OnConflict(strings.ToUpper(word)) }

// Identities turns words of the command line, such as customer-id, into identities of customers.
func Identities(words []string) (by []model.CustomerIdentity, err error) {
	all := []model.CustomerIdentity{model.ByCustomerID, model.ByEmail, model.ByPhone, model.ByName}
	for _, said := range words {
		i := slices.IndexFunc(all, func(k model.CustomerIdentity) bool { return word(&k) == said })
		if i < 0 {
			return nil, fault.Input("identifyBy", "%q is not known; --identify-by (identifyBy) takes customer-id, email, phone and name", said)
		}
		by = append(by, all[i])
	}
	return by, nil
}

// check returns the faults of all choices that cannot be.
func (c *Choices) check() error {
	var faults []error
	one := func(argument, flag, said string, of ...string) {
		if said != "" && !slices.Contains(of, said) {
			faults = append(faults, fault.Input(argument, "%q is not known; %s (%s) is one of %s", said, flag, argument, strings.Join(of, ", ")))
		}
	}
	one("dateOrder", "--date-order", c.DateOrder, string(value.DayFirst), string(value.MonthFirst), string(value.YearFirst))
	one("decimalSign", "--decimal-sign", c.DecimalSign, string(value.Point), string(value.Comma))
	one("preset", "--preset", c.Preset, append(presetNames(), noPreset)...)
	if c.HeaderRows < 0 || c.HeaderRows > headerRowsMax {
		faults = append(faults, fault.Input("headerRows", "--header-rows (headerRows) is from 1 to %d", headerRowsMax))
	}
	if c.Scale != "" && c.Scale != wholeScale {
		faults = append(faults, fault.Input("scale", "scores of the scale %s cannot be imported: closeloop counts promoters, passives and detractors by the Net Promoter "+
			"Score's question, which is answered from 0 to 10, and answers on another scale have no agreed place there. "+
			"--scale (scale) can be %s alone, for a file whose scores are all low", value.Shorten(c.Scale), wholeScale))
	}
	return fault.Join(faults...)
}

func (c *Choices) missing() []string {
	if c.Missing == nil {
		return value.DefaultMissing
	}
	return c.Missing
}

// Reading says how a file is to be understood, before anything of it is imported.
type Reading struct {
	Columns  Columns
	Choices  Choices
	TimeZone *time.Location // of times without one; nil: Plan.Settle gives it
	Progress Progress       // may be nil
}

// Plan is how a file is read: what was found in it, how and why, and what the caller said. The second pass over the file reads
// by it, and so does a server that goes on where another one stopped.
type Plan struct {
	Format     table.Format    `json:"format"`
	HeaderRows int             `json:"headerRows"`
	Line       int             `json:"line"`   // of the header
	Header     []string        `json:"header"` // the names of all columns, each once; empty: a column without a name
	Cells      [fieldCount]int `json:"cells"`  // the cell of each field; -1: no column fills it
	Zone       string          `json:"zone"`   // of times without one, an IANA name; empty: UTC
	DateOrder  value.Order     `json:"dateOrder,omitempty"`
	Sign       value.Sign      `json:"sign,omitempty"`
	Missing    []string        `json:"missing"`
	Rows       int             `json:"rows"`
	Bytes      int64           `json:"bytes"`
	Findings   []Finding       `json:"-"` // for people
	Warnings   []RowRejection  `json:"-"`
}

// Settle gives the zone of times without one, where neither the caller nor the file has said it.
func (p *Plan) Settle(zone *time.Location) {
	if p.Zone == "" {
		p.Zone = zone.String()
	}
}

// found adds a finding.
func (p *Plan) found(subject, what, reason string) {
	p.Findings = append(p.Findings, Finding{Subject: subject, Value: what, Reason: reason})
}
