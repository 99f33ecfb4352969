package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/importer/value"
)

const (
	wholeScale  = "0-10"
	scaleRows   = 200 // so many scores without one above 5 are on another scale
	scoresLeast = 10  // so many cells without a score among them are no scores
)

// decide completes the plan by what all rows together tell, and returns the questions that are left.
func (s *scan) decide(c Choices) error {
	return fault.Join(s.decideScore(c), s.decideOrder(c), s.decideTimes(), s.decideSign(c), s.decideID())
}

// decideScore notices another scale. In a file of any size: all scores are from 1 to 5, and 5 is among them. A scale from 0 to 10
// has a 0, and customers who answer no more than 5 do not stop exactly there; where they did, one word confirms it. In a long file:
// no score is above 5, whatever there is below.
func (s *scan) decideScore(c Choices) error {
	rows, low, kinds := 0, 0, 0
	for n, times := range s.scores {
		rows += times
		if n <= 5 {
			low += times
		}
		if times > 0 {
			kinds++
		}
	}
	column := s.plan.name(score)
	switch {
	case s.noScore >= scoresLeast && rows < s.noScore:
		return fault.Input("columns.score", "column %q does not look like scores from 0 to 10: %s cannot be read, such as %q; which column has the score? Name it by --score (columns.score)",
			value.Shorten(column), counted(s.noScore, "cell"), value.Shorten(s.odd))
	case c.Scale == wholeScale || rows == 0 || low < rows:
		return nil
	case s.scores[0] == 0 && s.scores[5] > 0 && kinds > 1:
		return fault.Input("scale", "is column %q on a scale from 1 to 5? All of its %s are from 1 to 5, and 5 is among them, so that 4 and 5 would count as detractors. %s",
			value.Shorten(column), counted(rows, "score"), scaleHelp)
	case rows >= scaleRows:
		return fault.Input("scale", "is column %q on a scale up to 5? None of its %s is above 5, so that all customers would count as detractors. %s",
			value.Shorten(column), counted(rows, "score"), scaleHelp)
	}
	return nil
}

const scaleHelp = "closeloop imports answers from 0 to 10 alone (Net Promoter Score). If the scores are on that scale, say so by --scale 0-10 (scale)"

// decideOrder finds the order of dates of numbers: one date that has a single meaning decides for the whole column.
func (s *scan) decideOrder(c Choices) error {
	if c.DateOrder != "" {
		s.plan.DateOrder = value.Order(c.DateOrder)
		s.plan.found("dateOrder", c.DateOrder, "as you said")
		return nil
	}
	if len(s.open) == 0 {
		if only, one := s.proved.Only(); one {
			s.plan.DateOrder = only
		}
		return nil
	}
	can := s.open[0].orders // the orders that all dates together can have
	for _, o := range s.open[1:] {
		can = can.And(o.orders)
	}
	reason := "only so, all dates of the column are dates"
	if s.proof != "" {
		can, reason = can.And(s.proved), fmt.Sprintf("%q has only this meaning", value.Shorten(s.proof))
	}
	if only, one := can.Only(); one && (s.proof == "" || s.proved == only.Of()) {
		s.plan.DateOrder = only
		s.plan.found("dateOrder", string(only), reason)
		return nil
	}
	first := s.open[0]
	ask := fmt.Sprintf("does %q (column %q, line %d) begin with the day or the month? ", first.text, value.Shorten(s.plan.name(respondedAt)), first.line)
	if s.proved == (value.Orders{}) {
		ask += "No date of the column has only one meaning. "
	} else {
		ask += "Other dates of the column begin with the one and with the other. "
	}
	return fault.Input("dateOrder", "%sSay it by --date-order (dateOrder): day-first, month-first%s", ask, map[bool]string{true: " or year-first"}[len(first.text) < 10 && strings.Contains(first.text, "-")])
}

func (s *scan) decideTimes() error {
	if s.times == 0 && s.noTime != "" {
		column := s.plan.name(respondedAt)
		return fault.Input("columns.respondedAt", "column %q has no time that can be read, such as %q; which column has the time of the response? Name it by --responded-at (columns.respondedAt), or - for none",
			value.Shorten(column), value.Shorten(s.noTime))
	}
	if s.times > 0 {
		kinds := slices.Sorted(maps.Keys(s.kinds))
		zone := s.plan.Zone
		if zone == "" {
			zone = "the zone of the settings"
		}
		s.plan.found("times", strings.Join(kinds, "; "), "without a zone of their own they are in "+zone)
	}
	return nil
}

// decideSign finds the decimal sign: one number that has a single meaning decides for the whole column.
func (s *scan) decideSign(c Choices) error {
	p := s.plan
	switch {
	case c.DecimalSign != "":
		p.Sign = value.Sign(c.DecimalSign)
		p.found("decimalSign", c.DecimalSign, "as you said")
	case s.comma != "" && s.point == "":
		p.Sign = value.Comma
		p.found("decimalSign", "comma", fmt.Sprintf("%q has only this meaning", value.Shorten(s.comma)))
	case s.point != "" && s.comma == "":
		p.Sign = value.Point
		p.found("decimalSign", "point", fmt.Sprintf("%q has only this meaning", value.Shorten(s.point)))
	case s.unsure != "":
		return fault.Input("decimalSign", "does %q in column %q have decimals or thousands? Say what is before decimals by --decimal-sign (decimalSign): point or comma",
			value.Shorten(s.unsure), value.Shorten(p.name(lifetimeValue)))
	}
	return nil
}

// decideID drops a column that is called "id" by chance: where an id occurs again, it is the id of a customer or a ticket, and as
// the id of the response it would make one answer of two.
func (s *scan) decideID() error {
	if s.twice == "" {
		return nil
	}
	column := s.plan.name(responseExternalID)
	s.plan.Cells[responseExternalID] = -1
	s.plan.Findings = slices.DeleteFunc(s.plan.Findings, func(f Finding) bool { return f.Subject == fields[responseExternalID].name })
	s.plan.found("attributes", column, fmt.Sprintf("it is not taken for the id of the response, because %q is there twice; if it is, say --response-external-id %q (columns.responseExternalId)",
		value.Shorten(s.twice), column))
	return nil
}
