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

// Theme is a topic that comments are sorted by.
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
	ByHand     bool // a person said so: keywords neither add nor take it
}

// TableName is what the rows are called in SQL.
func (Tag) TableName() string { return "response_themes" }

// ThemeRun is the last time that a theme's keywords were applied to the responses of the past.
type ThemeRun struct {
	ThemeID    ThemeID
	Run        uuid.UUID
	Total      *int // comments to look at; nil until it begins
	Done       int
	Place      uuid.UUID // responses up to this id are done
	StartedAt  time.Time
	FinishedAt *time.Time
}

// Comments is how many there are to look at; nil until it begins. What came in meanwhile is looked at too.
func (r *ThemeRun) Comments() *int {
	if r.Total == nil || *r.Total >= r.Done && r.FinishedAt == nil {
		return r.Total
	}
	return &r.Done
}
