package model

import (
	"encoding/json"
	"fmt"
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

var ranks = map[Role]int{Partner: 1, Stakeholder: 2, Agent: 3, Manager: 4, Admin: 5}

// Within reports whether the role may do nothing that the other may not. INTAKE is within ADMIN only: it submits, which
// the roles between do not.
func (r Role) Within(other Role) bool {
	if r == Intake || other == Intake {
		return r == other || other == Admin
	}
	return ranks[r] <= ranks[other]
}

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
	Given      bool // by the setting CLOSELOOP_ADMIN_TOKEN, now or at an earlier start

	// What the token may do less than its user; the zero values take nothing away.
	Role               *Role
	ScopeCustomer      json.RawMessage `gorm:"type:jsonb"`
	ScopeResponse      json.RawMessage `gorm:"type:jsonb"`
	OwnCasesOnly       bool
	PersonalDataHidden bool

	// The hash of the secret before the last rotation, and until when it works; nil where it has ended.
	PreviousHash  []byte
	PreviousUntil *time.Time
}

// Scope returns the token's own scope; nil means that the token sees what its user sees.
func (t *ApiToken) Scope() *Scope {
	return (&User{ScopeCustomer: t.ScopeCustomer, ScopeResponse: t.ScopeResponse, OwnCasesOnly: t.OwnCasesOnly}).Scope()
}

// PersonalData reports whether the token shows personal data that its user may see.
func (t *ApiToken) PersonalData() bool { return !t.PersonalDataHidden }

// Narrower reports whether the token may do less than its user.
func (t *ApiToken) Narrower() bool { return t.Role != nil || t.Scope() != nil || t.PersonalDataHidden }

// Narrow returns the token's user with the rights that both the user and the token have. ok is false where they have no
// role in common.
func (t *ApiToken) Narrow(u *User) (narrowed *User, ok bool) {
	n := *u
	if t.Role != nil {
		switch {
		case t.Role.Within(u.Role):
			n.Role = *t.Role
		case !u.Role.Within(*t.Role):
			return nil, false
		}
	}
	n.ScopeCustomer, n.ScopeResponse = both(u.ScopeCustomer, t.ScopeCustomer), both(u.ScopeResponse, t.ScopeResponse)
	n.OwnCasesOnly = u.OwnCasesOnly || t.OwnCasesOnly
	n.PersonalDataHidden = u.PersonalDataHidden || t.PersonalDataHidden
	return &n, true
}

// both returns the filter of what matches two stored filters.
func both(a, b json.RawMessage) json.RawMessage {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return fmt.Appendf(nil, `{"and":[%s,%s]}`, a, b)
}

func (*ApiToken) IsNode() {}

// Settings are the company's settings; a database has exactly one row of them.
type Settings struct {
	Currency          string
	TimeZone          string
	CentralAddresses  []string `gorm:"serializer:json"`
	ForcedStatusOrder bool
	EraseAfterDays    *int // customers without activity for this many days are erased; nil: never

	TokenLifetimeDays  int // of a token that is created without a time of its own
	AuditRetentionDays int
}

// TableName implements GORM's Tabler: GORM would form the plural of a plural.
func (Settings) TableName() string { return "settings" }
