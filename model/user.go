package model

import (
	"encoding/json"
	"time"
)

// Role says what a user may do; see the table in graph/user.graphqls.
type Role string

const (
	Admin       Role = "ADMIN"
	Manager     Role = "MANAGER"
	Agent       Role = "AGENT"
	Stakeholder Role = "STAKEHOLDER"
	Partner     Role = "PARTNER"
	Intake      Role = "INTAKE"
)

// User is somebody of the company, or a program, that signs in.
type User struct {
	ID        UserID
	Name      string
	NameFold  string
	Email     string
	EmailFold string
	Role      Role
	Active    bool
	CreatedAt time.Time

	// What the user may see; the zero values bound nothing.
	ScopeCustomer      json.RawMessage `gorm:"type:jsonb"`
	ScopeResponse      json.RawMessage `gorm:"type:jsonb"`
	OwnCasesOnly       bool
	PersonalDataHidden bool
}

// Scope is what a user may see: stored filters, nil where there is none.
type Scope struct {
	Customer     json.RawMessage
	Response     json.RawMessage
	OwnCasesOnly bool
}

// Scope gives what the user may see; nil: everything.
func (u *User) Scope() *Scope {
	if u.ScopeCustomer == nil && u.ScopeResponse == nil && !u.OwnCasesOnly {
		return nil
	}
	return &Scope{Customer: u.ScopeCustomer, Response: u.ScopeResponse, OwnCasesOnly: u.OwnCasesOnly}
}

// PersonalData tells whether the user may see customers' names, addresses, phone numbers and comments.
func (u *User) PersonalData() bool { return !u.PersonalDataHidden }

// Fold renews the folded columns; whoever writes a user calls it last.
func (u *User) Fold() { u.NameFold, u.EmailFold = Fold(u.Name), Fold(u.Email) }

// CanBeAssigned tells whether the user may hold cases: an active AGENT, MANAGER or ADMIN.
func (u *User) CanBeAssigned() bool {
	return u.Active && (u.Role == Agent || u.Role == Manager || u.Role == Admin)
}

func (*User) IsNode() {}

// ApiToken is what a program signs in with. Only the SHA-256 of the secret is kept.
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

// Settings are the company's own, one set a database.
type Settings struct {
	Currency          string
	TimeZone          string
	CentralAddresses  []string `gorm:"serializer:json"`
	ForcedStatusOrder bool
	EraseAfterDays    *int // customers not heard of for so long are erased; nil: never
}

// TableName is the table's: GORM would look for the plural of a plural.
func (Settings) TableName() string { return "settings" }
