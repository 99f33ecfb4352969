package report

import (
	"fmt"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
)

// CaseGroupBy is what cases can be split by.
type CaseGroupBy string

// ResponseGroupBy is what responses can be split by.
type ResponseGroupBy string

const (
	groupsDefault = 50
	groupsMax     = 1000
)

// Grouping is how figures are split: by what, into how many groups, and by whose days. Without By there are no groups.
type Grouping[By ~string] struct {
	By       *By
	First    *int    // 1 to 1,000; 50 where it is not given
	TimeZone *string // an IANA name; the settings' where it is not given
}

// Group is what its rows have in common.
type Group struct {
	Key   *string // an id, a folded text, a value or the ISO date that a period starts on; nil for 'none'
	Label string  // for people
}

// split counts the rows by groups: the largest first; scores, categories and periods in their own order.
func split[F, G any, By ~string](q question, dimensions map[By]dimension, by Grouping[By], figures string, of func(Group, F) *G) ([]*G, error) {
	if by.By == nil {
		return []*G{}, nil
	}
	first := groupsDefault
	if by.First != nil {
		if first = *by.First; first < 1 || first > groupsMax {
			return nil, fault.Input("first", "first is from 1 to %d, not %d", groupsMax, first)
		}
	}
	d := dimensions[*by.By]
	if len(d.roles) > 0 && !q.viewer.Has(d.roles...) {
		return nil, fault.New(fault.CodeForbidden, "your role %s may not split figures by %s", q.viewer.User.Role, *by.By)
	}
	if d.period != nil {
		return byPeriod(q, d, first, by.TimeZone, figures, of)
	}
	rows, err := count[F](q, d, d.key, first, figures, nil)
	if err != nil {
		return nil, fmt.Errorf("count by %s: %w", *by.By, err)
	}
	named, err := d.names(q, keysOf(rows))
	if err != nil {
		return nil, fmt.Errorf("name the groups by %s: %w", *by.By, err)
	}
	out := make([]*G, len(rows))
	for i, row := range rows {
		group := Group{Label: d.none}
		if row.GroupKey != nil {
			group = named[*row.GroupKey]
		}
		out[i] = of(group, row.Figures)
	}
	return out, nil
}

// counted is one group as PostgreSQL counts it.
type counted[F any] struct {
	GroupKey *string
	Figures  F `gorm:"embedded"`
}

func count[F any](q question, d dimension, key string, first int, figures string, values map[string]any) (found []counted[F], err error) {
	rows := q.rows
	if d.join != "" {
		rows = rows.Joins(d.join)
	}
	order := d.order
	if order == "" {
		order = "count(*) DESC, group_key NULLS LAST"
	}
	err = rows.Clauses(q.selects(key+" AS group_key, "+figures, values)).Group("group_key").Order(order).Clauses(page.Limit(first)).Scan(&found).Error
	return found, err
}

func keysOf[F any](rows []counted[F]) (keys []string) {
	for _, row := range rows {
		if row.GroupKey != nil {
			keys = append(keys, *row.GroupKey)
		}
	}
	return keys
}
