package model

import (
	"time"

	"github.com/google/uuid"
)

// Effort is how hard the issue behind a theme is to resolve.
type Effort string

const (
	Easy   Effort = "EASY"
	Medium Effort = "MEDIUM"
	Hard   Effort = "HARD"
)

// Theme is a topic by which comments are grouped.
type Theme struct {
	ID         ThemeID    `json:"id"`
	Name       string     `json:"name"`
	NameFold   string     `json:"-"`
	Keywords   Strings    `json:"-" gorm:"type:jsonb"`
	Effort     Effort     `json:"effort"`
	ResolvedAt *time.Time `json:"resolvedAt,omitempty"`
	CreatedAt  time.Time  `json:"-"`
	UpdatedAt  time.Time  `json:"-" gorm:"autoUpdateTime:false"`
	DeletedAt  *time.Time `json:"-"`
}

func (*Theme) IsNode() {}

// Tag is one theme of a response.
type Tag struct {
	ResponseID ResponseID
	ThemeID    ThemeID
	ByHand     bool // a person added it: keywords neither add nor remove it
}

// TableName implements GORM's Tabler: the table is not named after the type.
func (Tag) TableName() string { return "response_themes" }

// ThemeRun is the latest run that applied a theme's keywords to the responses of the past.
type ThemeRun struct {
	ThemeID    ThemeID
	Run        uuid.UUID
	Total      *int // comments to read; nil until the run begins
	Done       int
	Position   uuid.UUID `gorm:"column:place"` // responses up to this id are done
	StartedAt  time.Time
	FinishedAt *time.Time
}

// Comments is the number of comments to read; nil until the run begins. The run also reads comments that arrive during
// it, so that Done may exceed Total.
func (r *ThemeRun) Comments() *int {
	if r.Total == nil || *r.Total >= r.Done && r.FinishedAt == nil {
		return r.Total
	}
	return &r.Done
}
