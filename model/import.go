package model

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// ImportStatus is the state of an import.
type ImportStatus string

const (
	ImportQueued  ImportStatus = "QUEUED"
	ImportRunning ImportStatus = "RUNNING"
	ImportDone    ImportStatus = "DONE"
	ImportFailed  ImportStatus = "FAILED"
)

// ImportPreset is the tool that wrote a file.
type ImportPreset string

const (
	PresetDelighted     ImportPreset = "DELIGHTED"
	PresetQualtrics     ImportPreset = "QUALTRICS"
	PresetSurveyMonkey  ImportPreset = "SURVEYMONKEY"
	PresetTypeform      ImportPreset = "TYPEFORM"
	PresetGoogleForms   ImportPreset = "GOOGLE_FORMS"
	PresetAskNicely     ImportPreset = "ASKNICELY"
	PresetCustomerGauge ImportPreset = "CUSTOMERGAUGE"
	PresetNone          ImportPreset = "NONE"
)

// ImportSeparator separates the columns of a file.
type ImportSeparator string

const (
	SeparatorComma     ImportSeparator = "COMMA"
	SeparatorSemicolon ImportSeparator = "SEMICOLON"
	SeparatorTab       ImportSeparator = "TAB"
	SeparatorPipe      ImportSeparator = "PIPE"
)

// ImportDateOrder is what a date of numbers begins with.
type ImportDateOrder string

const (
	DateDayFirst   ImportDateOrder = "DAY_FIRST"
	DateMonthFirst ImportDateOrder = "MONTH_FIRST"
	DateYearFirst  ImportDateOrder = "YEAR_FIRST"
)

// ImportDecimalSign is the sign before decimals.
type ImportDecimalSign string

const (
	DecimalPoint ImportDecimalSign = "POINT"
	DecimalComma ImportDecimalSign = "COMMA"
)

// CustomerIdentity is one of the things by which the customer of a response is found.
type CustomerIdentity string

const (
	ByCustomerID CustomerIdentity = "CUSTOMER_ID"
	ByEmail      CustomerIdentity = "EMAIL"
	ByPhone      CustomerIdentity = "PHONE"
	ByName       CustomerIdentity = "NAME"
)

// Import is a file of responses that was uploaded over the API. RowsDone = ResponsesCreated + ResponsesChanged +
// ResponsesKnown + RowsRejected.
type Import struct {
	ID               ImportID
	FileName         string
	CreatedByID      *UserID // nil: the command
	Status           ImportStatus
	Options          json.RawMessage `gorm:"type:jsonb"`
	Bytes            int64           // size of the file
	BytesDone        int64
	Rows             *int // known at the end
	RowsDone         int
	ResponsesCreated int
	ResponsesChanged int
	ResponsesKnown   int
	JoinedByName     int
	CasesOpened      int
	CasesPastTarget  int
	RowsRejected     int
	Rejections       []*RowRejection  `gorm:"serializer:json"`
	Warnings         []*RowRejection  `gorm:"serializer:json"`
	Findings         []*ImportFinding `gorm:"serializer:json"`
	Error            *string
	CreatedAt        time.Time
	FinishedAt       *time.Time

	Local       bool // the command reads the file, which is not stored
	Owner       *uuid.UUID
	LeasedUntil *time.Time
	Tries       int
}

// Finished reports whether the import has ended, with or without success.
func (i *Import) Finished() bool { return i.FinishedAt != nil }

// Progress is the share of the file that has been processed, from 0 to 1.
func (i *Import) Progress() float64 {
	if i.Status == ImportDone || i.Bytes == 0 {
		return 1
	}
	return min(float64(i.BytesDone)/float64(i.Bytes), 1)
}

func (*Import) IsNode() {}

// RowRejection is a row that the import refused, with the reason; as a warning, it is a row that the import accepted with
// something odd in it.
type RowRejection struct {
	Line   int    `json:"line"`             // the physical line of the file on which the row starts, from 1
	Column string `json:"column,omitempty"` // as in the file's header; empty where no single column is at fault
	Reason string `json:"reason"`
}

// ColumnName is the column; nil where no single column is at fault.
func (r *RowRejection) ColumnName() *string {
	if r.Column == "" {
		return nil
	}
	return &r.Column
}

// ImportFinding is one thing that was found about a file before its rows were imported, or that the caller said.
type ImportFinding struct {
	Subject string `json:"subject"` // a field of ImportColumns or ImportResponsesInput
	Value   string `json:"value"`
	Reason  string `json:"reason"`
}
