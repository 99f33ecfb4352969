package report

import (
	"fmt"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
)

// CaseGroupBy is a property by which cases can be grouped.
type CaseGroupBy string

// ResponseGroupBy is a property by which responses can be grouped.
type ResponseGroupBy string

const (
	groupsDefault = 50
	groupsMax     = 1000
)

// Grouping says how a report groups its figures. Without By it has no groups.
type Grouping[By ~string] struct {
	By       *By
	First    *int    // the number of groups, 1 to 1,000; nil means 50
	TimeZone *string // the IANA name of the time zone for periods; nil means the settings' time zone
}

// Group identifies one group of rows.
type Group struct {
	Key   *string // an ID, a folded text, a value, or the ISO date of a period's first day; nil for rows without a value
	Label string  // the text that people read
}

// split counts the rows by group. The largest group comes first, but scores, categories and periods are in their natural
// order.
func split[F, G any, By ~string](q selection, dimensions map[By]dimension, by Grouping[By], figures string, newGroup func(Group, F) *G) ([]*G, error) {
	d, first, err := grouping(q, dimensions, by)
	if err != nil || by.By == nil {
		return []*G{}, err
	}
	if d.period != nil {
		return byPeriod(q, d, first, by.TimeZone, figures, newGroup)
	}
	rows, err := countGroups[F](q, d, d.key, first, figures, nil)
	if err != nil {
		return nil, fmt.Errorf("count by %s: %w", *by.By, err)
	}
	return named(q, d, rows, newGroup)
}

// grouping returns the dimension and the largest number of groups that a grouping asks for.
func grouping[By ~string](q selection, dimensions map[By]dimension, by Grouping[By]) (d dimension, first int, err error) {
	if by.By == nil {
		return d, 0, nil
	}
	first = groupsDefault
	if by.First != nil {
		if first = *by.First; first < 1 || first > groupsMax {
			return d, 0, fault.Input("first", fault.OutOfRange, "first", 1, groupsMax, first)
		}
	}
	d = dimensions[*by.By]
	if len(d.roles) > 0 && !q.viewer.Has(d.roles...) {
		return d, 0, fault.New(fault.CodeForbidden, "your role %s may not group figures by %s", q.viewer.User.Role, *by.By)
	}
	return d, first, nil
}

// named gives the counted groups their labels.
func named[F, G any](q selection, d dimension, rows []countedGroup[F], newGroup func(Group, F) *G) ([]*G, error) {
	labels, err := d.names(q, keysOf(rows))
	if err != nil {
		return nil, fmt.Errorf("name the groups: %w", err)
	}
	out := make([]*G, len(rows))
	for i, row := range rows {
		group := Group{Label: d.none}
		if row.GroupKey != nil {
			group = labels[*row.GroupKey]
		}
		out[i] = newGroup(group, row.Figures)
	}
	return out, nil
}

// countedGroup is one group in the result of PostgreSQL.
type countedGroup[F any] struct {
	GroupKey *string
	Figures  F `gorm:"embedded"`
}

func countGroups[F any](q selection, d dimension, key string, first int, figures string, values map[string]any) (found []countedGroup[F], err error) {
	rows := q.rows
	if d.join != "" {
		rows = rows.Joins(d.join)
	}
	order := d.order
	if order == "" {
		order = "count(*) DESC, group_key NULLS LAST"
	}
	err = rows.Clauses(q.selectFigures(key+" AS group_key, "+figures, values)).Group("group_key").Order(order).Clauses(page.Limit(first)).Scan(&found).Error
	return found, err
}

func keysOf[F any](rows []countedGroup[F]) (keys []string) {
	for _, row := range rows {
		if row.GroupKey != nil {
			keys = append(keys, *row.GroupKey)
		}
	}
	return keys
}
