package model

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"golang.org/x/text/unicode/norm"
)

// Customer is a person who answers surveys.
type Customer struct {
	ID                  CustomerID        `json:"id"`
	Number              int64             `json:"number" gorm:"->;default:(-)"`
	ExternalID          *string           `json:"externalId,omitempty"`
	NameKey             *string           `json:"-"`
	FirstName           *string           `json:"firstName,omitempty"`
	LastName            *string           `json:"lastName,omitempty"`
	Email               *string           `json:"email,omitempty"`
	EmailFold           *string           `json:"-"`
	Phone               *string           `json:"phone,omitempty"`
	PhoneKey            *string           `json:"-"`
	Company             *string           `json:"company,omitempty"`
	CompanyFold         *string           `json:"-"`
	Country             *string           `json:"country,omitempty"`
	Segment             *string           `json:"segment,omitempty"`
	SegmentFold         *string           `json:"-"`
	LifetimeValue       *decimal.Decimal  `json:"lifetimeValue,omitempty"`
	AccountManagerEmail *string           `json:"accountManagerEmail,omitempty"`
	AgentEmail          *string           `json:"agentEmail,omitempty"`
	Attributes          map[string]string `json:"attributes,omitempty" gorm:"serializer:json"`
	LastContactedAt     *time.Time        `json:"lastContactedAt,omitempty"`
	NextSurveyAt        *time.Time        `json:"nextSurveyAt,omitempty"`
	LastResponseAt      *time.Time        `json:"-"`
	CreatedAt           time.Time         `json:"createdAt"`
	ErasedAt            *time.Time        `json:"erasedAt,omitempty"` // when the personal data was removed for good
}

// Fold refreshes the folded columns. Call it last before the customer is saved.
func (c *Customer) Fold() {
	c.EmailFold, c.CompanyFold, c.SegmentFold = FoldPointer(c.Email), FoldPointer(c.Company), FoldPointer(c.Segment)
	c.PhoneKey = nil
	if c.Phone != nil {
		c.PhoneKey = PhoneKey(*c.Phone)
	}
}

// phoneDigits is the least number of digits of a phone number that identifies a customer.
const phoneDigits = 6

// PhoneKey returns what identifies a phone number: its digits, without 00 before a country's code, whatever stands between
// them. It is nil for what is too short to be a phone number.
func PhoneKey(phone string) *string {
	key := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, norm.NFKC.String(phone))
	if key = strings.TrimPrefix(key, "00"); len(key) < phoneDigits {
		return nil
	}
	return &key
}

// Known reports whether the customer is identified by more than a name.
func (c *Customer) Known() bool { return c.ExternalID != nil || c.Email != nil || c.PhoneKey != nil }

// FullName joins the first and the last name, where there are any; without either it is empty.
func (c *Customer) FullName() string {
	var parts []string
	for _, p := range []*string{c.FirstName, c.LastName} {
		if p != nil && strings.TrimSpace(*p) != "" {
			parts = append(parts, strings.TrimSpace(*p))
		}
	}
	return strings.Join(parts, " ")
}

// DisplayName is the customer's name, else the e-mail address, else 'Customer' and the customer's number.
func (c *Customer) DisplayName() string {
	if name := c.FullName(); name != "" {
		return name
	}
	if c.Email != nil {
		return *c.Email
	}
	return "Customer " + strconv.FormatInt(c.Number, 10)
}

// AttributeList returns the attributes sorted by key.
func (c *Customer) AttributeList() []Attribute { return attributeList(c.Attributes) }

// IsNode marks a type that the query `node` can return.
func (*Customer) IsNode() {}

// Attribute is a column of the source that the program has no field for.
type Attribute struct {
	Key   string
	Value string
}

func attributeList(m map[string]string) []Attribute {
	list := make([]Attribute, 0, len(m))
	for k, v := range m {
		list = append(list, Attribute{k, v})
	}
	slices.SortFunc(list, func(a, b Attribute) int { return strings.Compare(a.Key, b.Key) })
	return list
}
