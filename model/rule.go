package model

import (
	"encoding/json"
	"time"
)

// AssignmentStrategy is how a rule finds the assignee of the case it opens.
type AssignmentStrategy string

const (
	Unassigned       AssignmentStrategy = "UNASSIGNED"
	ToUser           AssignmentStrategy = "USER"
	ToAccountManager AssignmentStrategy = "ACCOUNT_MANAGER"
	ToAgent          AssignmentStrategy = "AGENT"
	RoundRobin       AssignmentStrategy = "ROUND_ROBIN"
	LeastBusy        AssignmentStrategy = "LEAST_BUSY"
)

// RecipientKind is whom an alert goes to.
type RecipientKind string

const (
	RecipientAddress        RecipientKind = "ADDRESS"
	RecipientUser           RecipientKind = "USER"
	RecipientCentral        RecipientKind = "CENTRAL"
	RecipientAssignee       RecipientKind = "ASSIGNEE"
	RecipientAccountManager RecipientKind = "ACCOUNT_MANAGER"
	RecipientAgent          RecipientKind = "AGENT"
)

// Rule says what a new response sets off.
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
	Calendar         *Calendar    `gorm:"serializer:json"` // what the target and the escalations count in; nil: the clock runs through
	Escalations      []Escalation `gorm:"serializer:json"` // in the order of time
	CreatedAt        time.Time
	UpdatedAt        time.Time `gorm:"autoUpdateTime:false"`
	DeletedAt        *time.Time

	Recipients []Recipient `gorm:"-"` // in their order
	Assignees  []UserID    `gorm:"-"` // whom ROUND_ROBIN and LEAST_BUSY choose from, in their order
}

// Assignment is a rule's way of finding the assignee.
type Assignment struct {
	Strategy       AssignmentStrategy `json:"strategy"`
	RuleID         RuleID             `json:"-"` // whose list of users it is; zero: UserIDs is the list
	UserID         *UserID            `json:"userId,omitempty"`
	UserIDs        []UserID           `json:"userIds,omitempty"`
	FallbackUserID *UserID            `json:"fallbackUserId,omitempty"`
}

// Choosing tells whether the strategy chooses among several users.
func (s AssignmentStrategy) Choosing() bool { return s == RoundRobin || s == LeastBusy }

// Assignment gives the strategy with its users.
func (r *Rule) Assignment() Assignment {
	return Assignment{Strategy: r.Strategy, RuleID: r.ID, UserID: r.UserID, FallbackUserID: r.FallbackUserID}
}

func (*Rule) IsNode() {}

// Recipient is one line of a rule's list of whom to alert.
type Recipient struct {
	RuleID  RuleID        `json:"-"`
	Ordinal int           `json:"-"`
	Kind    RecipientKind `json:"kind"`
	Address *string       `json:"address,omitempty"`
	UserID  *UserID       `json:"userId,omitempty"`
}

// Assignee is one line of a rule's list of whom to choose from.
type Assignee struct {
	RuleID  RuleID
	Ordinal int
	UserID  UserID
}

// TableName says whose assignees they are.
func (Assignee) TableName() string { return "rule_assignees" }

// TableName says whose recipients they are.
func (Recipient) TableName() string { return "rule_recipients" }
