package intake

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/text"
	"github.com/closeloop/closeloop/model"
)

const (
	commentMax = 100_000 // characters
	driversMax = 100
)

// valid is a submission that has been checked and normalised.
type valid struct {
	Submission
	mention    customer.Mention
	drivers    []string
	attributes map[string]string
	key        string // see keyOf; empty without an external id
	statement  []byte // see statementOf; nil without an external id

	// Of a correction by hand.
	keepsScore, clearsComment bool
	by                        *model.UserID
}

// validate makes all checks that need no SQL statement, and returns all faults. It does not change the submission.
func validate(s Submission, now time.Time) (*valid, error) {
	if s.Customer == nil {
		s.Customer = &customer.CustomerInput{}
	}
	c := *s.Customer
	v := &valid{Submission: s, drivers: []string{}}
	err := fault.Join(
		checkNumbers(s, now), text.Identity("externalId", &v.ExternalID), text.Optional("survey", &v.Survey), checkComment(&v.Comment),
		v.readDrivers(), v.readAttributes(), fault.WithPath("customer", c.Check()),
	)
	if err != nil {
		return nil, err
	}
	respondedAt := now
	if s.RespondedAt != nil {
		respondedAt = pg.Timestamp(*s.RespondedAt)
	}
	v.mention = customer.NewMention(&c, s.NameKey, s.IdentifyBy, respondedAt)
	if v.ExternalID == nil {
		return v, nil
	}
	v.key = keyOf(*v.ExternalID, v.Survey)
	v.statement, err = statementOf(v)
	return v, err
}

func checkNumbers(s Submission, now time.Time) error {
	var faults []error
	if s.Score < 0 || s.Score > 10 {
		faults = append(faults, fault.Input("score", "a score must be from 0 to 10, not %d", s.Score))
	}
	if s.RespondedAt != nil && s.RespondedAt.After(now.Add(24*time.Hour)) {
		faults = append(faults, fault.Input("respondedAt", "respondedAt must not be more than 24 hours in the future"))
	}
	if l := s.TestimonialLikelihood; l != nil && (math.IsNaN(*l) || *l < 0 || *l > 1) {
		faults = append(faults, fault.Input("testimonialLikelihood", "testimonialLikelihood must be from 0 to 1"))
	}
	return fault.Join(faults...)
}

func checkComment(c **string) error {
	if *c == nil {
		return nil
	}
	if strings.TrimSpace(**c) == "" {
		*c = nil
		return nil
	}
	if utf8.RuneCountInString(**c) > commentMax {
		return fault.Input("comment", "a comment has at most %d characters", commentMax)
	}
	return text.Storable("comment", **c)
}

func (v *valid) readDrivers() error {
	if len(v.Drivers) > driversMax {
		return fault.Input("drivers", "at most %d drivers", driversMax)
	}
	var faults []error
	for i, d := range v.Drivers {
		if d = strings.TrimSpace(d); d != "" {
			faults = append(faults, text.Short(fmt.Sprintf("drivers[%d]", i), d))
			v.drivers = append(v.drivers, d)
		}
	}
	return fault.Join(faults...)
}

func (v *valid) readAttributes() (err error) {
	v.attributes = make(map[string]string, len(v.Attributes))
	err = customer.CheckAttributes(v.Attributes)
	for _, a := range v.Attributes {
		v.attributes[a.Key] = a.Value
	}
	return err
}
