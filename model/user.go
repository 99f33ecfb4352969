package model

import (
	"encoding/json"
	"time"
)

// Role decides what a user may do; graph/user.graphqls has the table.
type Role string

const (
	Admin       Role = "ADMIN"
	Manager     Role = "MANAGER"
	Agent       Role = "AGENT"
	Stakeholder Role = "STAKEHOLDER"
	Partner     Role = "PARTNER"
	Intake      Role = "INTAKE"
)

// User is a person of the company, or a program, that signs in.
type User struct {
	ID        UserID
	Name      string
	NameFold  string
	Email     string
	EmailFold string
	Role      Role
	Active    bool
	CreatedAt time.Time

	// The scope and the mask of the user; the zero values restrict nothing.
	ScopeCustomer      json.RawMessage `gorm:"type:jsonb"`
	ScopeResponse      json.RawMessage `gorm:"type:jsonb"`
	OwnCasesOnly       bool
	PersonalDataHidden bool
}

// Scope restricts the rows that a user may see, by stored filters; a nil filter restricts nothing.
type Scope struct {
	Customer     json.RawMessage
	Response     json.RawMessage
	OwnCasesOnly bool
}

// Scope returns the user's scope; nil means that the user sees everything.
func (u *User) Scope() *Scope {
	if u.ScopeCustomer == nil && u.ScopeResponse == nil && !u.OwnCasesOnly {
		return nil
	}
	return &Scope{Customer: u.ScopeCustomer, Response: u.ScopeResponse, OwnCasesOnly: u.OwnCasesOnly}
}

// PersonalData reports whether the user may see customers' names, addresses, phone numbers and comments.
func (u *User) PersonalData() bool { return !u.PersonalDataHidden }

// Fold refreshes the folded columns. Call it last before the user is saved.
func (u *User) Fold() { u.NameFold, u.EmailFold = Fold(u.Name), Fold(u.Email) }

// CanBeAssigned reports whether cases may be assigned to the user: to an active AGENT, MANAGER or ADMIN.
func (u *User) CanBeAssigned() bool {
	return u.Active && (u.Role == Agent || u.Role == Manager || u.Role == Admin)
}

func (*User) IsNode() {}

// ApiToken lets a program sign in. The database keeps only the SHA-256 of its secret.
type ApiToken struct {
	ID         ApiTokenID
	UserID     UserID
	Name       string
	Hash       []byte
	CreatedAt  time.Time
	LastUsedAt *time.Time
	ExpiresAt  *time.Time
	RevokedAt  *time.Time
}

func (*ApiToken) IsNode() {}

// Settings are the company's settings; a database has exactly one row of them.
type Settings struct {
	Currency          string
	TimeZone          string
	CentralAddresses  []string `gorm:"serializer:json"`
	ForcedStatusOrder bool
	EraseAfterDays    *int // customers without activity for this many days are erased; nil: never
}

// TableName implements GORM's Tabler: GORM would form the plural of a plural.
func (Settings) TableName() string { return "settings" }
