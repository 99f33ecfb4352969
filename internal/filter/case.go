package filter

import (
	"slices"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// mineField is assignee = viewer, or its opposite.
type mineField struct{}

func (mineField) parse(p *parser, v any) (expr, error) {
	p.mine = true
	want, err := readBool(v)
	mine := leaf{
		writeSQL: func(b *sqlBuilder) { b.put("cases.assignee_id = ?", b.viewer) },
		matches: func(s *Subject, viewer model.UserID) bool {
			return s.Case.AssigneeID != nil && *s.Case.AssigneeID == viewer
		},
	}
	return negateUnless(want, mine), err
}

// Overdue returns model.Case.Overdue in SQL. now is the placeholder of the current time.
func Overdue(now string) string {
	return "(cases.due_at < " + now + " AND cases.first_follow_up_at IS NULL AND cases.status <> 'CLOSED')"
}

type overdueField struct{}

func (overdueField) parse(_ *parser, v any) (expr, error) {
	want, err := readBool(v)
	overdue := leaf{
		writeSQL: func(b *sqlBuilder) {
			b.put(Overdue("?"), b.now)
		},
		matches: func(s *Subject, _ model.UserID) bool { return s.Case.Overdue(s.now()) },
	}
	return negateUnless(want, overdue), err
}

type ruleField struct{}

func (ruleField) parse(p *parser, v any) (expr, error) {
	want, err := readList(p, v, readID[model.RuleID])
	return leaf{
		writeSQL: func(b *sqlBuilder) {
			b.put("EXISTS (SELECT 1 FROM case_rules x WHERE x.case_id = cases.id AND x.rule_id = ANY(?))", pg.Array(model.UUIDs(want)))
		},
		matches: func(s *Subject, _ model.UserID) bool {
			return slices.ContainsFunc(s.RuleIDs, func(id model.RuleID) bool { return slices.Contains(want, id) })
		},
	}, err
}

// refField requires a counterpart in another system. Names and ids of other systems are not folded: they may differ in
// case alone.
type refField struct{}

func (refField) parse(p *parser, v any) (expr, error) {
	var system, id *string
	read := func(into **string) func(any) error {
		return func(v any) error {
			s, err := model.UnmarshalString(v)
			*into = &s
			return err
		}
	}
	err := p.objectParts(v, "ExternalRefFilter", map[string]func(any) error{"system": read(&system), "id": read(&id)})
	return leaf{
		writeSQL: func(b *sqlBuilder) {
			b.put("EXISTS (SELECT 1 FROM case_external_refs x WHERE x.case_id = cases.id")
			if system != nil {
				b.put(" AND x.system = ?", *system)
			}
			if id != nil {
				b.put(" AND x.external_id = ?", *id)
			}
			b.put(")")
		},
		matches: func(s *Subject, _ model.UserID) bool {
			return slices.ContainsFunc(s.ExternalRefs, func(r model.ExternalRef) bool {
				return (system == nil || r.System == *system) && (id == nil || r.ExternalID == *id)
			})
		},
	}, err
}

// outreachField requires one outreach that meets all conditions at once.
type outreachField struct{}

var (
	channels = []string{"PHONE", "EMAIL", "MEETING", "CAMPAIGN", "OTHER"}
	offers   = []string{"VOUCHER", "COMPENSATION", "PANEL_INVITE", "THANK_YOU", "OTHER"}
	outcomes = stringsOf(model.Reached, model.MessageSent, model.NoAnswer)
)

func (outreachField) parse(p *parser, v any) (expr, error) {
	want := map[string][]string{}
	read := func(name string, values []string) func(any) error {
		return func(v any) (err error) {
			want[name], err = readList(p, v, oneOf(values))
			return err
		}
	}
	err := p.objectParts(v, "OutreachFilter", map[string]func(any) error{
		"channel": read("channel", channels), "offer": read("offer", offers), "outcome": read("outcome", outcomes),
	})
	holds := func(name, have string) bool {
		list, asked := want[name]
		return !asked || slices.Contains(list, have)
	}
	return leaf{
		writeSQL: func(b *sqlBuilder) {
			b.put("EXISTS (SELECT 1 FROM case_events x WHERE x.case_id = cases.id AND x.type = 'OUTREACH_RECORDED'")
			for _, name := range sorted(want) {
				b.put(" AND x."+name+" = ANY(?)", pg.Array(want[name]))
			}
			b.put(")")
		},
		matches: func(s *Subject, _ model.UserID) bool {
			return slices.ContainsFunc(s.Outreaches, func(o model.Outreach) bool {
				offer := "" // an outreach without an offer is in no list of offers
				if o.Offer != nil {
					offer = string(*o.Offer)
				}
				return holds("channel", string(o.Channel)) && holds("offer", offer) && holds("outcome", string(o.Outcome))
			})
		},
	}, err
}

// hasCaseField is whether a case follows up the response; while rules run, none does.
type hasCaseField struct{}

func (hasCaseField) parse(_ *parser, v any) (expr, error) {
	want, err := readBool(v)
	return negateUnless(want, leaf{
		writeSQL: func(b *sqlBuilder) {
			switch {
			case b.table == "cases":
				b.put("true")
			case b.received:
				b.put("false")
			default:
				b.put("EXISTS (SELECT 1 FROM cases x WHERE x.response_id = responses.id)")
			}
		},
		matches: func(s *Subject, _ model.UserID) bool { return s.Case != nil },
	}), err
}

// contactField is the response's contact status; while rules run, it is NOT_CONTACTED.
type contactField struct{}

func (contactField) parse(p *parser, v any) (expr, error) {
	values := stringsOf(model.NotContacted, model.Contacted, model.Replied)
	get := func(s *Subject) *string {
		if s.Response.ContactStatus == "" { // the column's default fills it in
			return stringPtr(model.NotContacted)
		}
		return stringPtr(s.Response.ContactStatus)
	}
	stored, err := enumField{onResponse("contact_status"), get, values}.parse(p, v)
	if err != nil {
		return nil, err
	}
	initial, _ := enumField{column{fixed: "CAST('NOT_CONTACTED' AS text)"}, get, values}.parse(&parser{}, v)
	return leaf{
		writeSQL: func(b *sqlBuilder) {
			if b.received {
				initial.sql(b)
				return
			}
			stored.sql(b)
		},
		matches: stored.match,
	}, nil
}
