package report

import (
	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/country"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// dimension is one way to split rows. A row that has several values (its themes, its rules) counts under each.
type dimension struct {
	key    string  // in SQL, as text
	join   string  // what the key needs
	order  string  // in SQL; the largest first where it is empty
	none   string  // what the rows without a value are called
	period *period // of times: the key is one
	names  naming
	roles  []model.Role // who may split by it; empty: whoever may see the figures
}

// naming gives the groups of the keys.
type naming func(q question, keys []string) (map[string]Group, error)

var caseDimensions = map[CaseGroupBy]dimension{
	"ASSIGNEE": {key: "cases.assignee_id::text", none: "Nobody", names: named("users", userID)},
	"COUNTRY":  {key: "cases.country", none: noCountry, names: countries},
	"SEGMENT":  {key: "cases.segment_fold", none: noSegment, names: spelled("segment", ofCustomers)},
	"COMPANY":  {key: "cases.company_fold", none: noCompany, names: spelled("company", ofCustomers)},
	"CATEGORY": {key: "cases.category", none: noResponse, order: "min(cases.score) NULLS LAST", names: categories},
	"SCORE":    {key: "cases.score::text", none: noResponse, order: "min(cases.score) NULLS LAST", names: same},
	"RULE": {key: "of.rule_id::text", join: "LEFT JOIN case_rules of ON of.case_id = cases.id", none: "No rule", names: named("rules", ruleID),
		roles: []model.Role{model.Stakeholder, model.Agent, model.Manager}},
	"THEME":   {key: "of.theme_id::text", join: "LEFT JOIN " + living + " ON of.response_id = cases.response_id", none: noTheme, names: named("themes", themeID)},
	"DAY":     {key: "cases.opened_at", period: day, order: newest},
	"WEEK":    {key: "cases.opened_at", period: week, order: newest},
	"MONTH":   {key: "cases.opened_at", period: month, order: newest},
	"QUARTER": {key: "cases.opened_at", period: quarter, order: newest},
}

var responseDimensions = map[ResponseGroupBy]dimension{
	"COUNTRY": {key: "responses.country", none: noCountry, names: countries},
	"SEGMENT": {key: "responses.segment_fold", none: noSegment, names: spelled("segment", ofCustomers)},
	"COMPANY": {key: "responses.company_fold", none: noCompany, names: spelled("company", ofCustomers)},
	"SURVEY":  {key: "responses.survey_fold", none: "No survey", names: spelled("survey", ofResponses)},
	"SCORE":   {key: "responses.score::text", order: "min(responses.score)", names: same},
	"THEME":   {key: "of.theme_id::text", join: "LEFT JOIN " + living + " ON of.response_id = responses.id", none: noTheme, names: named("themes", themeID)},
	"DRIVER":  {key: "of.driver", join: drivers, none: "No driver", names: spelledDrivers},
	"DAY":     {key: "responses.responded_at", period: day, order: newest},
	"WEEK":    {key: "responses.responded_at", period: week, order: newest},
	"MONTH":   {key: "responses.responded_at", period: month, order: newest},
	"QUARTER": {key: "responses.responded_at", period: quarter, order: newest},
}

const (
	noCountry  = "No country"
	noSegment  = "No segment"
	noCompany  = "No company"
	noResponse = "No response"
	noTheme    = "No theme"

	newest  = "group_key DESC"
	drivers = "LEFT JOIN response_texts t ON t.response_id = responses.id LEFT JOIN LATERAL (SELECT DISTINCT d.driver FROM unnest(t.drivers_fold) AS d(driver)) of ON true"
	// Themes that are deleted are no more.
	living = "(response_themes of JOIN themes ON themes.id = of.theme_id AND themes.deleted_at IS NULL)"
)

func same(_ question, keys []string) (map[string]Group, error) {
	groups := make(map[string]Group, len(keys))
	for _, key := range keys {
		groups[key] = Group{Key: &key, Label: key}
	}
	return groups, nil
}

func categories(_ question, keys []string) (map[string]Group, error) {
	label := map[string]string{string(model.Detractor): "Detractors", string(model.Passive): "Passives", string(model.Promoter): "Promoters"}
	groups := make(map[string]Group, len(keys))
	for _, key := range keys {
		groups[key] = Group{Key: &key, Label: label[key]}
	}
	return groups, nil
}

func countries(_ question, keys []string) (map[string]Group, error) {
	groups := make(map[string]Group, len(keys))
	for _, key := range keys {
		groups[key] = Group{Key: &key, Label: country.Name(key)}
	}
	return groups, nil
}

// named gives rows of a table by their ids: outside, the key is the global id.
func named(table string, global func(uuid.UUID) string) naming {
	return func(q question, keys []string) (map[string]Group, error) {
		var rows []struct {
			ID   uuid.UUID
			Name string
		}
		err := q.db.Table(table).Where("id IN ?", keys).Select("id, name").Scan(&rows).Error
		groups := make(map[string]Group, len(keys))
		for _, row := range rows {
			key := global(row.ID)
			groups[row.ID.String()] = Group{Key: &key, Label: row.Name}
		}
		return groups, err
	}
}

func userID(u uuid.UUID) string  { return model.UserID{UUID: u}.String() }
func ruleID(u uuid.UUID) string  { return model.RuleID{UUID: u}.String() }
func themeID(u uuid.UUID) string { return model.ThemeID{UUID: u}.String() }

// spelled gives folded texts as one of the rows spells them that the viewer sees.
func spelled(column string, of func(question) *gorm.DB) naming {
	return func(q question, keys []string) (map[string]Group, error) {
		groups, err := same(q, keys)
		if err != nil || len(keys) == 0 {
			return groups, err
		}
		var rows []struct{ Fold, Text string }
		one := of(q).Select(column + " AS text").Where(column + `_fold = k.fold COLLATE "C"`).Clauses(page.Limit(1))
		err = q.db.Raw("SELECT k.fold, x.text FROM unnest(?::text[]) AS k(fold), LATERAL (?) x", pg.Array(keys), one).Scan(&rows).Error
		for _, row := range rows {
			groups[row.Fold] = Group{Key: groups[row.Fold].Key, Label: row.Text}
		}
		return groups, err
	}
}

func ofCustomers(q question) *gorm.DB {
	return q.db.Model(&model.Customer{}).Where(q.viewer.Scope().Customers(q.now))
}

func ofResponses(q question) *gorm.DB {
	return q.db.Model(&model.Response{}).Where(q.viewer.Scope().Responses(q.now))
}

// spelledDrivers gives folded drivers as one of the responses spells them that the viewer sees.
func spelledDrivers(q question, keys []string) (map[string]Group, error) {
	groups, err := same(q, keys)
	if err != nil || len(keys) == 0 {
		return groups, err
	}
	var lists []struct {
		Drivers []string `gorm:"serializer:json"`
	}
	one := ofResponses(q).Joins("JOIN response_texts t ON t.response_id = responses.id").Select("responses.drivers").
		Where(`t.drivers_fold @> ARRAY[k.fold COLLATE "C"]`).Clauses(page.Limit(1))
	err = q.db.Raw("SELECT x.drivers FROM unnest(?::text[]) AS k(fold), LATERAL (?) x", pg.Array(keys), one).Scan(&lists).Error
	for _, list := range lists {
		for _, driver := range list.Drivers {
			if of, asked := groups[model.Fold(driver)]; asked {
				groups[*of.Key] = Group{Key: of.Key, Label: driver}
			}
		}
	}
	return groups, err
}
