package report

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/tally"
	"github.com/closeloop/closeloop/model"
)

// tallied answers from the numbers that are kept in memory what they can answer about the cases of a selection.
type tallied struct {
	tally  *tally.Tally
	filter *filter.Case
	at     func() (event.Place, error) // which the answer must include
}

// keptBy are the properties whose numbers are kept, by the dimension that they give. A category is some scores.
var keptBy = map[CaseGroupBy]tally.Property{"ASSIGNEE": tally.Assignee, "COUNTRY": tally.Country, "SEGMENT": tally.Segment, "COMPANY": tally.Company,
	"CATEGORY": tally.Score, "SCORE": tally.Score, "RULE": tally.Rule}

// total is the number of all cases; false if it is not kept.
func (t tallied) total(q selection) (sum CaseCounts, ok bool, err error) {
	by, ok := tally.Deciding(t.filter)
	if !ok {
		return sum, false, nil
	}
	rows, ok, err := t.count(q, by)
	for _, row := range rows {
		sum = sum.plus(row.Counts)
	}
	return sum, ok, err
}

// groups are the first groups, with the figures of these names; false if they are not kept.
func (t tallied) groups(q selection, by CaseGroupBy, first int, names []string) (groups []countedGroup[CaseCounts], ok bool, err error) {
	property, ok := keptBy[by]
	if !ok {
		return nil, false, nil
	}
	rows, ok, err := t.count(q, property)
	if err != nil || !ok {
		return nil, false, err
	}
	groups = largest(rows, by, first)
	if slices.Contains(names, "overdue") {
		if err := q.addOverdue(groups, caseDimensions[by]); err != nil {
			return nil, false, err
		}
	}
	for i := range groups {
		groups[i].Figures = groups[i].Figures.only(names)
	}
	return groups, true, nil
}

func (t tallied) count(q selection, by tally.Property) (rows []tally.Row, ok bool, err error) {
	if q.viewer.Scope().Restricted() {
		return nil, false, nil
	}
	return t.tally.Count(q.db.Statement.Context, tally.Question{By: by, Filter: t.filter, Viewer: q.viewer.User.ID,
		At: func(context.Context) (event.Place, error) { return t.at() }})
}

// largest returns the first groups in the order of their dimension, as countGroups does.
func largest(rows []tally.Row, by CaseGroupBy, first int) []countedGroup[CaseCounts] {
	byKey := map[tally.Key]*countedGroup[CaseCounts]{}
	lowest := map[tally.Key]int{} // the lowest score of a group
	for _, row := range rows {
		key := row.Key
		score, err := strconv.Atoi(key.Text)
		if by == "CATEGORY" && err == nil {
			key.Text = string(model.CategoryOf(score))
		}
		if byKey[key] == nil {
			byKey[key], lowest[key] = new(countedGroup[CaseCounts]), score
		}
		byKey[key].Figures = byKey[key].Figures.plus(row.Counts)
		lowest[key] = min(lowest[key], score)
	}
	keys := make([]tally.Key, 0, len(byKey))
	for key := range byKey {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b tally.Key) int {
		order := 0
		if caseDimensions[by].order == "" {
			order = cmp.Compare(byKey[b].Figures.Total, byKey[a].Figures.Total)
		}
		if a.None != b.None {
			if a.None {
				return cmp.Or(order, 1)
			}
			return cmp.Or(order, -1)
		}
		if caseDimensions[by].order != "" {
			order = cmp.Compare(lowest[a], lowest[b])
		}
		return cmp.Or(order, cmp.Compare(a.Text, b.Text))
	})
	groups := make([]countedGroup[CaseCounts], min(first, len(keys)))
	for i := range groups {
		groups[i] = *byKey[keys[i]]
		if !keys[i].None {
			groups[i].GroupKey = &keys[i].Text
		}
	}
	return groups
}

// addOverdue counts the overdue cases of each group: they are few, and have an index of their own.
func (q selection) addOverdue(groups []countedGroup[CaseCounts], d dimension) error {
	if len(groups) == 0 {
		return nil
	}
	late := q
	late.rows = q.rows.Where(filter.Overdue("?"), q.now)
	d.order = "group_key"
	rows, err := countGroups[CaseCounts](late, d, d.key, everyGroup, "count(*) AS overdue", nil)
	if err != nil {
		return err
	}
	overdue := map[string]int{}
	none := 0
	for _, row := range rows {
		if row.GroupKey == nil {
			none = row.Figures.Overdue
		} else {
			overdue[*row.GroupKey] = row.Figures.Overdue
		}
	}
	for i, group := range groups {
		if groups[i].Figures.Overdue = none; group.GroupKey != nil {
			groups[i].Figures.Overdue = overdue[*group.GroupKey]
		}
	}
	return nil
}

const everyGroup = math.MaxInt32

func (c CaseCounts) plus(n tally.Counts) CaseCounts {
	c.Open += n.Open
	c.InProgress += n.InProgress
	c.Closed += n.Closed
	c.Total += n.Total()
	return c
}
