package report

import (
	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/country"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// dimension is one way to group rows. A row with several values, such as themes or rules, counts under each value.
type dimension struct {
	key    string  // in SQL, as text
	join   string  // the join that the key needs
	order  string  // in SQL; empty means the largest group first
	none   string  // the label of the rows without a value
	period *period // set when the key is a time that is grouped by period
	names  naming
	// several: a row may have several values.
	several bool
	roles   []model.Role // the roles that may group by it; empty means every role that may see the figures
}

// naming returns the groups of the keys, by key.
type naming func(q selection, keys []string) (map[string]Group, error)

var caseDimensions = map[CaseGroupBy]dimension{
	"ASSIGNEE": {key: "cases.assignee_id::text", none: "Nobody", names: usersByID},
	"COUNTRY":  {key: "cases.country", none: noCountry, names: countries},
	"SEGMENT":  {key: "cases.segment_fold", none: noSegment, names: originalSpelling("segment", visibleCustomers)},
	"COMPANY":  {key: "cases.company_fold", none: noCompany, names: originalSpelling("company", visibleCustomers)},
	"CATEGORY": {key: "cases.category", none: noResponse, order: "min(cases.score) NULLS LAST", names: categories},
	"SCORE":    {key: "cases.score::text", none: noResponse, order: "min(cases.score) NULLS LAST", names: sameLabels},
	"RULE": {key: "of.rule_id::text", join: "LEFT JOIN case_rules of ON of.case_id = cases.id", none: "No rule", names: namesFrom("rules", ruleID),
		roles: []model.Role{model.Stakeholder, model.Agent, model.Manager}},
	"THEME":   {key: "of.theme_id::text", join: "LEFT JOIN " + activeThemes + " ON of.response_id = cases.response_id", none: noTheme, names: namesFrom("themes", themeID)},
	"DAY":     {key: "cases.opened_at", period: day, order: newest},
	"WEEK":    {key: "cases.opened_at", period: week, order: newest},
	"MONTH":   {key: "cases.opened_at", period: month, order: newest},
	"QUARTER": {key: "cases.opened_at", period: quarter, order: newest},
}

var responseDimensions = map[ResponseGroupBy]dimension{
	"COUNTRY": {key: "responses.country", none: noCountry, names: countries},
	"SEGMENT": {key: "responses.segment_fold", none: noSegment, names: originalSpelling("segment", visibleCustomers)},
	"COMPANY": {key: "responses.company_fold", none: noCompany, names: originalSpelling("company", visibleCustomers)},
	"SURVEY":  {key: "responses.survey_fold", none: "No survey", names: originalSpelling("survey", visibleResponses)},
	"SCORE":   {key: "responses.score::text", order: "min(responses.score)", names: sameLabels},
	"THEME":   {key: "of.theme_id::text", join: "LEFT JOIN " + activeThemes + " ON of.response_id = responses.id", none: noTheme, names: namesFrom("themes", themeID), several: true},
	"DRIVER":  {key: "of.driver", join: drivers, none: "No driver", names: originalDrivers, several: true},
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
	// Deleted themes do not count.
	activeThemes = "(response_themes of JOIN themes ON themes.id = of.theme_id AND themes.deleted_at IS NULL)"
)

func sameLabels(_ selection, keys []string) (map[string]Group, error) {
	groups := make(map[string]Group, len(keys))
	for _, key := range keys {
		groups[key] = Group{Key: &key, Label: key}
	}
	return groups, nil
}

func categories(_ selection, keys []string) (map[string]Group, error) {
	label := map[string]string{string(model.Detractor): "Detractors", string(model.Passive): "Passives", string(model.Promoter): "Promoters"}
	groups := make(map[string]Group, len(keys))
	for _, key := range keys {
		groups[key] = Group{Key: &key, Label: label[key]}
	}
	return groups, nil
}

func countries(_ selection, keys []string) (map[string]Group, error) {
	groups := make(map[string]Group, len(keys))
	for _, key := range keys {
		groups[key] = Group{Key: &key, Label: country.Name(key)}
	}
	return groups, nil
}

// namesFrom reads names from a table by ID. The key of each group is the global ID.
func namesFrom(table string, global func(uuid.UUID) string) naming {
	return func(q selection, keys []string) (map[string]Group, error) {
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

func ruleID(u uuid.UUID) string  { return model.RuleID{UUID: u}.String() }
func themeID(u uuid.UUID) string { return model.ThemeID{UUID: u}.String() }

// originalSpelling labels folded texts with the spelling of one row that the viewer may see.
func originalSpelling(column string, visibleRows func(selection) *gorm.DB) naming {
	return func(q selection, keys []string) (map[string]Group, error) {
		groups, err := sameLabels(q, keys)
		if err != nil || len(keys) == 0 {
			return groups, err
		}
		var rows []struct{ Fold, Text string }
		one := visibleRows(q).Select(column + " AS text").Where(column + `_fold = k.fold COLLATE "C"`).Clauses(page.Limit(1))
		err = q.db.Raw("SELECT k.fold, x.text FROM unnest(?::text[]) AS k(fold), LATERAL (?) x", pg.Array(keys), one).Scan(&rows).Error
		for _, row := range rows {
			groups[row.Fold] = Group{Key: groups[row.Fold].Key, Label: row.Text}
		}
		return groups, err
	}
}

func visibleCustomers(q selection) *gorm.DB {
	return q.db.Model(&model.Customer{}).Where(q.viewer.Scope().Customers(q.now))
}

func visibleResponses(q selection) *gorm.DB {
	return q.db.Model(&model.Response{}).Where(q.viewer.Scope().Responses(q.now))
}

// originalDrivers labels folded drivers with the spelling of one response that the viewer may see.
func originalDrivers(q selection, keys []string) (map[string]Group, error) {
	groups, err := sameLabels(q, keys)
	if err != nil || len(keys) == 0 {
		return groups, err
	}
	var lists []struct {
		Drivers []string `gorm:"serializer:json"`
	}
	one := visibleResponses(q).Joins("JOIN response_texts t ON t.response_id = responses.id").Select("responses.drivers").
		Where(`t.drivers_fold @> ARRAY[k.fold COLLATE "C"] AND t.drivers_fold <> '{}'`).Clauses(page.Limit(1))
	err = q.db.Raw("SELECT x.drivers FROM unnest(?::text[]) AS k(fold), LATERAL (?) x", pg.Array(keys), one).Scan(&lists).Error
	for _, list := range lists {
		for _, driver := range list.Drivers {
			if group, ok := groups[model.Fold(driver)]; ok {
				groups[*group.Key] = Group{Key: group.Key, Label: driver}
			}
		}
	}
	return groups, err
}
