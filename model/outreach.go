package model

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// OutreachChannel is how the customer was addressed.
type OutreachChannel string

// OutreachOffer is what the customer was offered.
type OutreachOffer string

// OutreachOutcome is what came of it.
type OutreachOutcome string

const (
	Reached     OutreachOutcome = "REACHED"
	MessageSent OutreachOutcome = "MESSAGE_SENT"
	NoAnswer    OutreachOutcome = "NO_ANSWER"
)

// Counts tells whether an outreach is contact and follow-up: an unanswered one is kept in the history only.
func (o OutreachOutcome) Counts() bool { return o != NoAnswer }

// Outreach is one kind of attempt to reach the customer.
type Outreach struct {
	Channel OutreachChannel `json:"channel"`
	Offer   *OutreachOffer  `json:"offer,omitempty"`
	Outcome OutreachOutcome `json:"outcome"`
}

// ExternalRef is a case's counterpart in another system.
type ExternalRef struct {
	CaseID     CaseID  `json:"-"`
	System     string  `json:"system"`
	ExternalID string  `json:"id"`
	URL        *string `json:"url,omitempty" gorm:"column:url"`
}

// TableName says whose they are.
func (ExternalRef) TableName() string { return "case_external_refs" }

// Strings is a list of texts in a column that may be NULL; nil is NULL.
type Strings []string

// Value implements driver.Valuer.
func (s Strings) Value() (driver.Value, error) {
	if s == nil {
		return nil, nil
	}
	raw, err := json.Marshal([]string(s))
	return string(raw), err
}

// Scan implements sql.Scanner.
func (s *Strings) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*s = nil
		return nil
	case []byte:
		return json.Unmarshal(v, (*[]string)(s))
	case string:
		return json.Unmarshal([]byte(v), (*[]string)(s))
	}
	return fmt.Errorf("read a list of texts: %T is not JSON", v)
}
