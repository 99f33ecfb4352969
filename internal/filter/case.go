package filter

import (
	"slices"

	"github.com/closeloop/closeloop/model"
)

// mineField becomes assignee = viewer, or its opposite, before anything is decided.
type mineField struct{}

func (mineField) parse(p *parser, v any) (expr, error) {
	p.mine = true
	want, err := readBool(v)
	mine := leaf{
		inSQL: func(b *sqlBuilder) { b.put("cases.assignee_id = ?", b.viewer) },
		inGo: func(s *Subject, viewer model.UserID) bool {
			return s.Case.AssigneeID != nil && *s.Case.AssigneeID == viewer
		},
	}
	return unless(want, mine), err
}

// overdueField is model.Case.Overdue in SQL.
type overdueField struct{}

func (overdueField) parse(_ *parser, v any) (expr, error) {
	want, err := readBool(v)
	overdue := leaf{
		inSQL: func(b *sqlBuilder) {
			b.put("(cases.due_at < ? AND cases.first_follow_up_at IS NULL AND cases.status <> 'CLOSED')", b.now)
		},
		inGo: func(s *Subject, _ model.UserID) bool { return s.Case.Overdue(s.now()) },
	}
	return unless(want, overdue), err
}

type ruleField struct{}

func (ruleField) parse(p *parser, v any) (expr, error) {
	want, err := each(p, v, readID[model.RuleID])
	return leaf{
		inSQL: func(b *sqlBuilder) {
			b.put("EXISTS (SELECT 1 FROM case_rules x WHERE x.case_id = cases.id AND x.rule_id = ANY(?))", array{model.UUIDs(want)})
		},
		inGo: func(s *Subject, _ model.UserID) bool {
			return slices.ContainsFunc(s.RuleIDs, func(id model.RuleID) bool { return slices.Contains(want, id) })
		},
	}, err
}

func unless(want bool, x expr) expr {
	if want {
		return x
	}
	return notOf{x}
}
