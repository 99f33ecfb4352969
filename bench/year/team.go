package year

import (
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// team holds the agents, rules and themes, which Configure created over the API and newTeam reads from the database.
type team struct {
	agents []*model.User
	rules  []rule.Compiled
	themes []*model.Theme
	words  *keyword.Set
}

func newTeam(db *gorm.DB) *team {
	d := new(team)
	check(db.Where("role = 'AGENT'").Order("email_fold").Find(&d.agents).Error)
	var rules []model.Rule
	check(db.Where("deleted_at IS NULL AND enabled").Order("position").Find(&rules).Error)
	var err error
	d.rules, err = rule.Compile(rules)
	check(err)
	check(db.Order("name_fold").Find(&d.themes).Error)
	d.words, err = keyword.Compile(d.themes)
	check(err)
	return d
}

// spools are the tables that the generator fills.
type spools struct {
	customers, responses, texts, tags, matches, cases, rules, notes, events, notifications *spool
}

type (
	match struct { // a row of response_rules
		ResponseID model.ResponseID
		RuleID     model.RuleID
	}
	caseRule struct {
		CaseID  model.CaseID
		RuleID  model.RuleID
		Ordinal int
	}
)

func (match) TableName() string    { return "response_rules" }
func (caseRule) TableName() string { return "case_rules" }

func newSpools(folder string, now time.Time) *spools {
	make := func(row any, extra ...string) *spool {
		return newSpool(folder, tableOf(row, extra...), now.Add(-year), now)
	}
	return &spools{
		customers: make(&model.CustomerRow{}, "number"), responses: make(&model.ResponseRow{}), texts: make(&model.ResponseTexts{}), tags: make(&model.Tag{}),
		matches: make(&match{}), cases: make(&model.Case{}, "number"), rules: make(&caseRule{}), notes: make(&model.Note{}),
		events: make(&model.Event{}, "position"), notifications: make(&model.Notification{}),
	}
}
