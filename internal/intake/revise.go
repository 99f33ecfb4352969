package intake

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// OnConflict says what happens to a submission that contradicts the stored response with its external id.
type OnConflict string

const (
	OnConflictReject OnConflict = "REJECT" // CONFLICT, which names what contradicts
	OnConflictUpdate OnConflict = "UPDATE" // the submission corrects the stored response
)

// keyOf identifies a response: an external id counts within its survey. Surveys that are spelled alike but for upper and lower
// case are one. The function response_key of PostgreSQL makes the same key of a row.
func keyOf(externalID string, survey *string) string {
	key := externalID + "\x1f"
	if survey != nil {
		key += model.Fold(*survey)
	}
	return key
}

// statementSize is the number of bytes that are kept of each submission of a response.
const statementSize = 16

// statementOf is a hash of all that a submission says. It is kept with the response: a submission that was accepted once
// changes nothing when it comes again, also where the customer has changed since.
func statementOf(v *valid) ([]byte, error) {
	var at *time.Time
	if v.RespondedAt != nil {
		at = new(v.mention.RespondedAt.UTC())
	}
	text, err := json.Marshal(struct {
		Score            int
		Comment          *string
		Drivers          []string
		ContactRequested *bool
		QuoteConsent     *bool
		Likelihood       *float64
		Attributes       map[string]string
		At               *time.Time
		Customer         *customer.CustomerInput
		NameKey          string
	}{v.Score, v.Comment, v.drivers, v.ContactRequested, v.QuoteConsent, v.TestimonialLikelihood, v.attributes, at, v.mention.Given, v.NameKey})
	if err != nil {
		return nil, fmt.Errorf("hash a submission: %w", err)
	}
	sum := sha256.Sum256(text)
	return sum[:statementSize], nil
}

// repeats reports whether the submission says what was said before, by the statements that are kept. One that corrects repeats
// only the last one: it may take a correction back.
func (v *valid) repeats(kept []byte) bool {
	if v.corrects() {
		return bytes.HasSuffix(kept, v.statement)
	}
	for one := range slices.Chunk(kept, statementSize) {
		if bytes.Equal(one, v.statement) {
			return true
		}
	}
	return false
}

func (v *valid) corrects() bool { return v.OnConflict != nil && *v.OnConflict == OnConflictUpdate }

// statementsMost is how many of a response's submissions are remembered: the newest.
const statementsMost = 32

func remember(kept, statement []byte) []byte {
	kept = append(slices.Clone(kept), statement...)
	return kept[max(0, len(kept)-statementsMost*statementSize):]
}

// comparison is of a submission with the stored response that has its key. What is missing in the stored one is added. What
// contradicts it is a fault, or replaces it where the caller corrects.
type comparison struct {
	correct bool
	fields  []string // that change
	faults  []error
}

// take reports whether the given value is to be stored: it is another one, and nothing is stored, or the caller corrects.
func (c *comparison) take(field string, stored, same bool, contradiction string, args ...any) bool {
	switch {
	case same:
		return false
	case stored && !c.correct:
		c.faults = append(c.faults, &fault.Error{Code: fault.CodeConflict, Argument: field,
			Message: fmt.Sprintf(contradiction, args...) + "; onConflict: UPDATE corrects the stored response"})
		return false
	}
	c.fields = append(c.fields, "response."+field)
	return true
}

// compare returns the stored response with what the submission adds or corrects. A field that the submission does not give
// stays. Attributes never contradict: the newest value of each key counts. The time stays as well, unless the caller
// corrects: many tools send the comment later than the score, with a later time.
func (c *comparison) compare(v *valid, stored *model.Response) *model.Response {
	r := *stored
	if !v.keepsScore && c.take("score", true, v.Score == r.Score, "the stored response has the score %d, not %d", r.Score, v.Score) {
		r.Score, r.Category = v.Score, model.CategoryOf(v.Score)
	}
	if v.Comment != nil && c.take("comment", r.Comment != nil, model.Same(r.Comment, v.Comment), "the stored response has another comment") {
		r.Comment = v.Comment
	}
	if v.clearsComment && c.take("comment", true, r.Comment == nil, "") {
		r.Comment = nil
	}
	if v.ContactRequested != nil && c.take("contactRequested", r.ContactRequested, r.ContactRequested == *v.ContactRequested,
		"the stored response asks to be contacted, and this one does not") {
		r.ContactRequested = *v.ContactRequested
	}
	if len(v.drivers) > 0 {
		lacks, more := !includes(r.Drivers, v.drivers), includes(v.drivers, r.Drivers)
		if c.take("drivers", !more, !lacks && (more || !c.correct), "the stored response has other drivers: %q, not %q", r.Drivers, v.drivers) {
			r.Drivers = v.drivers
		}
	}
	if v.QuoteConsent != nil && c.take("quoteConsent", r.QuoteConsent != nil, model.Same(r.QuoteConsent, v.QuoteConsent),
		"the stored response has the opposite quoteConsent") {
		r.QuoteConsent = v.QuoteConsent
	}
	if l := v.TestimonialLikelihood; l != nil && c.take("testimonialLikelihood", r.TestimonialLikelihood != nil && !r.TestimonialEstimated,
		model.Same(r.TestimonialLikelihood, l) && !r.TestimonialEstimated, "the stored response has another testimonialLikelihood") {
		r.TestimonialLikelihood, r.TestimonialEstimated = l, false
	}
	if attributes := merged(r.Attributes, v.attributes); c.take("attributes", false, maps.Equal(attributes, r.Attributes), "") {
		r.Attributes = attributes
	}
	if v.RespondedAt != nil && c.correct && c.take("respondedAt", true, r.RespondedAt.Equal(v.mention.RespondedAt), "") {
		r.RespondedAt = v.mention.RespondedAt
	}
	if r.TestimonialLikelihood == nil || r.TestimonialEstimated {
		r.TestimonialLikelihood = theme.Testimonial(&r)
		r.TestimonialEstimated = r.TestimonialLikelihood != nil
	}
	return &r
}

func includes(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

func merged(stored, given map[string]string) map[string]string {
	all := make(map[string]string, len(stored)+len(given))
	maps.Copy(all, stored)
	maps.Copy(all, given)
	return all
}
