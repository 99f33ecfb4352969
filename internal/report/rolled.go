package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/rollup"
)

// rolledFields are the fields of a response's filter whose changes triggers note (migrations/00018): a filter or scope that reads
// nothing else, apart from bounds of respondedAt, may be answered from days that are kept. The value says whether a theme's deletion
// changes what matches.
var rolledFields = map[string]bool{"score": false, "category": false, "survey": false, "contactRequested": false, "drivers": false, "themes": true,
	"customer": false, "customer.country": false, "customer.segment": false, "customer.company": false}

// rolled answers from the figures of days that are kept in memory what they can answer about the responses of a selection.
type rolled struct {
	selection
	rollup *rollup.Rollup
	all    *gorm.DB // the selection's responses, whenever they were given
	name   string   // of the scope and the filter
	themes bool     // whether the scope or the filter reads them
}

// rolled returns the kept figures of a selection; false if they depend on what no trigger notes, or on the time.
func (r *Reports) rolled(q selection, f *filter.Response) (rolled, bool) {
	scope, ok := q.viewer.Scope().ResponseFilter()
	if !ok {
		return rolled{}, false
	}
	f, err := f.WithoutResponded()
	if err != nil {
		return rolled{}, false
	}
	k := rolled{selection: q, rollup: r.rollup, name: fmt.Sprintf("%q %q", scope.Raw(), f.Raw())}
	for _, part := range []*filter.Response{scope, f} {
		for _, field := range part.Fields() {
			themes, noted := rolledFields[field]
			if !noted {
				return rolled{}, false
			}
			k.themes = k.themes || themes
		}
	}
	k.all = r.responsesOf(q, scope, f)
	return k, true
}

// count counts by a dimension, or all together. Where the days do not matter they are those of UTC, so that questions share them.
func (k rolled) count(by ResponseGroupBy) ([]rollup.Row, bool, error) {
	q := k.question(by, "UTC")
	if by != "" {
		d := responseDimensions[by]
		q.Key, q.Themes = d.key, q.Themes || by == "THEME"
		if d.join != "" {
			q.Rows = q.Rows.Joins(d.join).Session(&gorm.Session{})
		}
	}
	return k.rollup.Count(k.db.Statement.Context, q)
}

// countDays counts by the days of a time zone.
func (k rolled) countDays(zone *time.Location) ([]rollup.Row, bool, error) {
	q := k.question("", zone.String())
	q.Daily = true
	return k.rollup.Count(k.db.Statement.Context, q)
}

// question asks for all responses together. Its name is that of a question by the dimension, too.
func (k rolled) question(by ResponseGroupBy, zone string) rollup.Question {
	return rollup.Question{Name: fmt.Sprintf("%s %q %q", k.name, by, zone), Rows: k.all, Key: "CAST('' AS text)", Zone: zone, Themes: k.themes,
		From: k.span.From, To: k.span.To}
}

// nps is the score with its groups; false if they are not kept.
func (k rolled) nps(d dimension, by Grouping[ResponseGroupBy], first int, newGroup func(Group, NpsCounts) *NpsGroup) (report *NpsReport, ok bool, err error) {
	report = &NpsReport{Groups: []*NpsGroup{}}
	var rows []rollup.Row
	switch {
	case by.By == nil:
		rows, ok, err = k.count("")
	case d.period != nil:
		var zone *time.Location
		if zone, err = k.zone(by.TimeZone); err != nil {
			return nil, false, err
		}
		if rows, ok, err = k.countDays(zone); err == nil && ok {
			report.Groups, err = periods(k.selection, d, first, zone, d.period.ofDays(rows, first), newGroup)
		}
	default:
		if rows, ok, err = k.count(*by.By); err != nil {
			return nil, false, err
		}
		groups, kept := rows, ok
		if d.several { // a response may be in several groups, or in none
			rows, ok, err = k.count("")
		}
		if ok = ok && kept; ok && err == nil {
			report.Groups, err = named(k.selection, d, ordered(groups, *by.By, first), newGroup)
		}
	}
	if err != nil || !ok {
		return nil, false, err
	}
	for _, row := range rows {
		report.NpsCounts = report.plus(row.Counts)
	}
	return report, true, nil
}

// ofDays adds days up to periods, the newest first.
func (p *period) ofDays(rows []rollup.Row, first int) []countedGroup[NpsCounts] {
	starts := map[time.Time]NpsCounts{}
	for _, row := range rows {
		start := p.start(row.Day, time.UTC)
		starts[start] = starts[start].plus(row.Counts)
	}
	groups := make([]countedGroup[NpsCounts], 0, len(starts))
	for start, counts := range starts {
		key := start.Format(time.DateOnly)
		groups = append(groups, countedGroup[NpsCounts]{&key, counts})
	}
	slices.SortFunc(groups, func(a, b countedGroup[NpsCounts]) int { return cmp.Compare(*b.GroupKey, *a.GroupKey) })
	return groups[:min(first, len(groups))]
}

// ordered returns the first groups in the order of their dimension, as countGroups does.
func ordered(rows []rollup.Row, by ResponseGroupBy, first int) []countedGroup[NpsCounts] {
	slices.SortFunc(rows, func(a, b rollup.Row) int {
		if by == "SCORE" {
			x, _ := strconv.Atoi(a.Text) // PostgreSQL has written it
			y, _ := strconv.Atoi(b.Text)
			return cmp.Compare(x, y)
		}
		if a.None != b.None && a.Responses() == b.Responses() {
			if a.None {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(b.Responses(), a.Responses()), cmp.Compare(a.Text, b.Text))
	})
	groups := make([]countedGroup[NpsCounts], min(first, len(rows)))
	for i := range groups {
		if groups[i].Figures = (NpsCounts{}).plus(rows[i].Counts); !rows[i].None {
			groups[i].GroupKey = &rows[i].Text
		}
	}
	return groups
}

func (c NpsCounts) plus(n rollup.Counts) NpsCounts {
	return NpsCounts{c.Responses + n.Responses(), c.Promoters + n.Promoters, c.Passives + n.Passives, c.Detractors + n.Detractors}
}
