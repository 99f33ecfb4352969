package model

import (
	"encoding/json"
	"time"
)

// AssignmentStrategy is how a rule chooses the assignee of the case that it opens.
type AssignmentStrategy string

const (
	Unassigned       AssignmentStrategy = "UNASSIGNED"
	ToUser           AssignmentStrategy = "USER"
	ToAccountManager AssignmentStrategy = "ACCOUNT_MANAGER"
	ToAgent          AssignmentStrategy = "AGENT"
	RoundRobin       AssignmentStrategy = "ROUND_ROBIN"
	LeastBusy        AssignmentStrategy = "LEAST_BUSY"
)

// RecipientKind is how a rule names a recipient of its alerts.
type RecipientKind string

const (
	RecipientAddress        RecipientKind = "ADDRESS"
	RecipientUser           RecipientKind = "USER"
	RecipientCentral        RecipientKind = "CENTRAL"
	RecipientAssignee       RecipientKind = "ASSIGNEE"
	RecipientAccountManager RecipientKind = "ACCOUNT_MANAGER"
	RecipientAgent          RecipientKind = "AGENT"
)

// Rule defines the effects of a new response: alerts, and a case with its assignee and targets.
type Rule struct {
	ID               RuleID
	Name             string
	Enabled          bool
	Position         int
	Scores           []int `gorm:"serializer:json"`
	ContactRequested *bool
	Filter           json.RawMessage `gorm:"type:jsonb"`
	OpensCase        bool
	Strategy         AssignmentStrategy
	UserID           *UserID
	FallbackUserID   *UserID
	FollowUpTarget   *Duration
	Calendar         *Calendar    `gorm:"serializer:json"` // in whose hours the target and the escalations count; nil: in wall time
	Escalations      []Escalation `gorm:"serializer:json"` // sorted by time
	CreatedAt        time.Time
	UpdatedAt        time.Time `gorm:"autoUpdateTime:false"`
	DeletedAt        *time.Time

	Recipients []Recipient `gorm:"-"` // sorted by Ordinal
	Assignees  []UserID    `gorm:"-"` // the users from whom ROUND_ROBIN and LEAST_BUSY choose, sorted by Ordinal
}

// Assignment is a strategy with the users that it needs.
type Assignment struct {
	Strategy       AssignmentStrategy `json:"strategy"`
	RuleID         RuleID             `json:"-"` // the rule whose list of users is used; zero: UserIDs is the list
	UserID         *UserID            `json:"userId,omitempty"`
	UserIDs        []UserID           `json:"userIds,omitempty"`
	FallbackUserID *UserID            `json:"fallbackUserId,omitempty"`
}

// Choosing reports whether the strategy chooses from a list of users.
func (s AssignmentStrategy) Choosing() bool { return s == RoundRobin || s == LeastBusy }

// Assignment returns the rule's strategy with its users.
func (r *Rule) Assignment() Assignment {
	return Assignment{Strategy: r.Strategy, RuleID: r.ID, UserID: r.UserID, FallbackUserID: r.FallbackUserID}
}

func (*Rule) IsNode() {}

// Recipient is one entry of a rule's list of alert recipients.
type Recipient struct {
	RuleID  RuleID        `json:"-"`
	Ordinal int           `json:"-"`
	Kind    RecipientKind `json:"kind"`
	Address *string       `json:"address,omitempty"`
	UserID  *UserID       `json:"userId,omitempty"`
}

// Assignee is one entry of a rule's list of users to choose from.
type Assignee struct {
	RuleID  RuleID
	Ordinal int
	UserID  UserID
}

// TableName implements GORM's Tabler: the table is not named after the type.
func (Assignee) TableName() string { return "rule_assignees" }

// TableName implements GORM's Tabler: the table is not named after the type.
func (Recipient) TableName() string { return "rule_recipients" }
