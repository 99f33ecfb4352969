package model

import (
	"database/sql/driver"
	"strings"
	"unicode"
)

// CustomerRow is a row of the table customers: the customer, and the folded texts that only filters compare.
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

// TableName implements GORM's Tabler: the table is not named after the type.
func (CustomerRow) TableName() string { return "customers" }

// Row folds the customer and returns the row to save.
func (c *Customer) Row() *CustomerRow {
	c.Fold()
	return &CustomerRow{
		Customer: *c, ExternalIDFold: FoldPointer(c.ExternalID), FirstNameFold: FoldPointer(c.FirstName), LastNameFold: FoldPointer(c.LastName),
		PhoneFold: FoldPointer(c.Phone), AccountManagerEmailFold: FoldPointer(c.AccountManagerEmail), AgentEmailFold: FoldPointer(c.AgentEmail),
		AttributesFold: FoldValues(c.Attributes), SearchFold: searchWords(c.FirstName, c.LastName, c.Email, c.Company, c.Phone, c.ExternalID),
	}
}

// ResponseRow is a row of the table responses: the response, and the folded texts that only filters compare.
type ResponseRow struct {
	Response
	ExternalIDFold *string
	SurveyFold     *string
	Statements     []byte // hashes of the submissions that made it; nil: none is known
}

// TableName implements GORM's Tabler: the table is not named after the type.
func (ResponseRow) TableName() string { return "responses" }

// Row returns the row to save, with its folded texts.
func (r *Response) Row() *ResponseRow {
	return &ResponseRow{Response: *r, ExternalIDFold: FoldPointer(r.ExternalID), SurveyFold: FoldPointer(r.Survey)}
}

// ResponseTexts are a response's longer texts, folded. A table of their own holds them: migrations/00004_responses.sql says
// why.
type ResponseTexts struct {
	ResponseID     ResponseID
	CommentFold    *string
	DriversFold    textArray         `gorm:"type:text[]"`
	AttributesFold map[string]string `gorm:"serializer:json"`
}

// Texts returns a response's longer texts, folded; nil where the response has none.
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

// FoldValues folds the values of a map and keeps its keys as they are. The result is never nil.
func FoldValues(m map[string]string) map[string]string {
	folded := make(map[string]string, len(m))
	for k, v := range m {
		folded[k] = Fold(v)
	}
	return folded
}

// searchWords returns the folded words of the texts, each after a space. The words of one text stay together, in their
// order: filters find parts of it there (internal/filter/words.go). The parts of words with punctuation follow, so that
// 'souza' finds ana.souza@example.com, 'jones' finds Smith-Jones, and '49' finds +49.
func searchWords(texts ...*string) string {
	var b strings.Builder
	for _, t := range texts {
		if t == nil {
			continue
		}
		words := strings.Fields(Fold(*t))
		for _, w := range words {
			b.WriteString(" " + w)
		}
		for _, w := range words {
			for _, part := range strings.FieldsFunc(w, isPunctuation) {
				if !strings.HasPrefix(w, part) { // the word's own beginning is there
					b.WriteString(" " + part)
				}
			}
		}
	}
	return b.String()
}

func isPunctuation(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r)
}

// textArray is a column of PostgreSQL's type text[].
type textArray []string

// Value hands the texts to pgx, which encodes the array. GORM would write a plain slice as one parameter for each text.
// The array is never NULL.
func (a textArray) Value() (driver.Value, error) { return append([]string{}, a...), nil }
