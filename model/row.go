package model

import (
	"database/sql/driver"
	"strings"
	"unicode"
)

// CustomerRow is a customer as the table keeps them: with the folded texts that only filters look at.
type CustomerRow struct {
	Customer
	ExternalIDFold          *string
	FirstNameFold           *string
	LastNameFold            *string
	PhoneFold               *string
	AccountManagerEmailFold *string
	AgentEmailFold          *string
	AttributesFold          map[string]string `gorm:"serializer:json"`
	SearchFold              string
}

// TableName is what the rows are called in SQL.
func (CustomerRow) TableName() string { return "customers" }

// Row is what is written of a customer, folded.
func (c *Customer) Row() *CustomerRow {
	c.Fold()
	return &CustomerRow{
		Customer: *c, ExternalIDFold: FoldPointer(c.ExternalID), FirstNameFold: FoldPointer(c.FirstName), LastNameFold: FoldPointer(c.LastName),
		PhoneFold: FoldPointer(c.Phone), AccountManagerEmailFold: FoldPointer(c.AccountManagerEmail), AgentEmailFold: FoldPointer(c.AgentEmail),
		AttributesFold: FoldValues(c.Attributes), SearchFold: searchWords(c.FirstName, c.LastName, c.Email, c.Company),
	}
}

// ResponseRow is a response as the table keeps it.
type ResponseRow struct {
	Response
	ExternalIDFold *string
	SurveyFold     *string
}

// TableName is what the rows are called in SQL.
func (ResponseRow) TableName() string { return "responses" }

// Row is what is written of a response, folded.
func (r *Response) Row() *ResponseRow {
	return &ResponseRow{Response: *r, ExternalIDFold: FoldPointer(r.ExternalID), SurveyFold: FoldPointer(r.Survey)}
}

// ResponseTexts are a response's longer texts, folded. They are kept apart from it: see the migration.
type ResponseTexts struct {
	ResponseID     ResponseID
	CommentFold    *string
	DriversFold    textArray         `gorm:"type:text[]"`
	AttributesFold map[string]string `gorm:"serializer:json"`
}

// Texts gives a response's longer texts; nil where it has none.
func (r *Response) Texts() *ResponseTexts {
	if r.Comment == nil && len(r.Drivers)+len(r.Attributes) == 0 {
		return nil
	}
	t := &ResponseTexts{ResponseID: r.ID, CommentFold: FoldPointer(r.Comment), DriversFold: textArray{}, AttributesFold: FoldValues(r.Attributes)}
	for _, d := range r.Drivers {
		t.DriversFold = append(t.DriversFold, Fold(d))
	}
	return t
}

// FoldValues folds the values of an object; its keys stay as they are. It is never nil.
func FoldValues(m map[string]string) map[string]string {
	folded := make(map[string]string, len(m))
	for k, v := range m {
		folded[k] = Fold(v)
	}
	return folded
}

// searchWords are the folded words of the texts, with a space before each, and again the words between the signs in
// them: ana.souza@example.com is found by souza, and Smith-Jones by jones.
func searchWords(texts ...*string) string {
	var b strings.Builder
	add := func(words []string) {
		for _, w := range words {
			b.WriteString(" " + w)
		}
	}
	for _, t := range texts {
		if t == nil {
			continue
		}
		folded := Fold(*t)
		words := strings.Fields(folded)
		add(words)
		parts := strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) })
		if len(parts) > len(words) {
			add(parts)
		}
	}
	return b.String()
}

// textArray is a text[] of PostgreSQL.
type textArray []string

// Value hands the texts to pgx, which encodes the array. GORM would write a plain slice as one parameter for each text.
// The array is never NULL.
func (a textArray) Value() (driver.Value, error) { return append([]string{}, a...), nil }
