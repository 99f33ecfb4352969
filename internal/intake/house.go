package intake

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/assignment"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// house is what decides about responses, at one revision of the configuration. It never changes, and transactions share it.
type house struct {
	revision configuration.Revision
	rules    []rule.Compiled // the enabled ones, by position
	themes   *theme.Matcher
	people   assignment.People // all active users
}

// houseAt returns what decides about the responses of the transaction: from memory, where it has not changed since it
// was last read. The caller shares the revision of the configuration, so nobody changes it until the transaction ends.
func (in *Intake) houseAt(tx *gorm.DB, revision configuration.Revision) (_ *house, err error) {
	if h := in.known.Load(); h != nil && h.revision == revision {
		return h, nil
	}
	h := &house{revision: revision}
	if h.rules, err = readRules(tx); err != nil {
		return nil, err
	}
	if h.themes, err = theme.ReadMatcher(tx); err != nil {
		return nil, err
	}
	if h.people, err = readPeople(tx); err != nil {
		return nil, err
	}
	in.known.Store(h)
	return h, nil
}

func readRules(tx *gorm.DB) ([]rule.Compiled, error) {
	var rules []model.Rule
	if err := tx.Where("deleted_at IS NULL AND enabled").Order("position").Find(&rules).Error; err != nil {
		return nil, fmt.Errorf("read the rules: %w", err)
	}
	var recipients []model.Recipient
	if err := tx.Order("rule_id, ordinal").Find(&recipients).Error; err != nil {
		return nil, fmt.Errorf("read the rules' recipients: %w", err)
	}
	var assignees []model.Assignee
	if err := tx.Order("rule_id, ordinal").Find(&assignees).Error; err != nil {
		return nil, fmt.Errorf("read the rules' assignees: %w", err)
	}
	at := make(map[model.RuleID]*model.Rule, len(rules))
	for i := range rules {
		at[rules[i].ID] = &rules[i]
	}
	for _, to := range recipients {
		if r := at[to.RuleID]; r != nil {
			r.Recipients = append(r.Recipients, to)
		}
	}
	for _, a := range assignees {
		if r := at[a.RuleID]; r != nil {
			r.Assignees = append(r.Assignees, a.UserID)
		}
	}
	return rule.Compile(rules)
}

func readPeople(tx *gorm.DB) (assignment.People, error) {
	var users []*model.User
	if err := tx.Where("active").Find(&users).Error; err != nil {
		return assignment.People{}, fmt.Errorf("read the users: %w", err)
	}
	var settings model.Settings
	if err := tx.Take(&settings).Error; err != nil {
		return assignment.People{}, fmt.Errorf("read the settings: %w", err)
	}
	return assignment.NewPeople(users, settings.CentralAddresses), nil
}
