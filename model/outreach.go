package model

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// OutreachChannel is how a user tried to reach the customer, such as PHONE or EMAIL.
type OutreachChannel string

// OutreachOffer is the offer to the customer.
type OutreachOffer string

// OutreachOutcome is the result of an outreach.
type OutreachOutcome string

const (
	Reached     OutreachOutcome = "REACHED"
	MessageSent OutreachOutcome = "MESSAGE_SENT"
	NoAnswer    OutreachOutcome = "NO_ANSWER"
)

// IsContact reports whether an outreach with this outcome counts as contact and as follow-up. An outreach without an answer
// only appears in the history.
func (o OutreachOutcome) IsContact() bool { return o != NoAnswer }

// Outreach is one attempt to reach the customer.
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

// TableName implements GORM's Tabler: the table is not named after the type.
func (ExternalRef) TableName() string { return "case_external_refs" }

// Strings is a list of texts in a JSON column that may be NULL; nil is NULL.
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
