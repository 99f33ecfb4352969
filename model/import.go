package model

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// ImportStatus is how far an import has come.
type ImportStatus string

const (
	ImportQueued  ImportStatus = "QUEUED"
	ImportRunning ImportStatus = "RUNNING"
	ImportDone    ImportStatus = "DONE"
	ImportFailed  ImportStatus = "FAILED"
)

// Import is a file of responses that came in over the API. RowsDone = ResponsesCreated + ResponsesKnown + RowsRejected.
type Import struct {
	ID               ImportID
	FileName         string
	CreatedByID      UserID
	Status           ImportStatus
	Options          json.RawMessage `gorm:"type:jsonb"`
	Bytes            int64           // of the file
	BytesDone        int64
	Rows             *int // known at the end
	RowsDone         int
	ResponsesCreated int
	ResponsesKnown   int
	CasesOpened      int
	RowsRejected     int
	Rejections       []*RowRejection `gorm:"serializer:json"`
	Warnings         []*RowRejection `gorm:"serializer:json"`
	Error            *string
	CreatedAt        time.Time
	FinishedAt       *time.Time

	Owner       *uuid.UUID
	LeasedUntil *time.Time
	Tries       int
}

// Finished tells whether nothing more will happen to it.
func (i *Import) Finished() bool { return i.FinishedAt != nil }

// Progress is the share of the file that is dealt with, 0 to 1.
func (i *Import) Progress() float64 {
	if i.Status == ImportDone || i.Bytes == 0 {
		return 1
	}
	return min(float64(i.BytesDone)/float64(i.Bytes), 1)
}

func (*Import) IsNode() {}

// RowRejection is a row that did not go in and why, or, as a warning, what was odd in one that did.
type RowRejection struct {
	Line   int    `json:"line"`             // the physical line of the file on which the row starts, from 1
	Column string `json:"column,omitempty"` // as in the file's header; empty where no one column is at fault
	Reason string `json:"reason"`
}

// ColumnName is the column; nil where no one column is at fault.
func (r *RowRejection) ColumnName() *string {
	if r.Column == "" {
		return nil
	}
	return &r.Column
}
