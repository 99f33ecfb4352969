package model

import "time"

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
