package report_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/report"
)

// Periods reach out to the bounds of the filter, also without rows. The current time is 1 March 2026, 22:30 in Auckland.
func TestPeriods(t *testing.T) {
	t.Parallel()
	made := newRows(t, 0)
	made.status = "OPEN"
	reports := report.New(made.pg, made.log, nil, func() time.Time { return now })
	ann := auth.Viewer{User: made.users[0]}
	for _, day := range []string{"2026-01-20T00:00:00Z", "2026-01-23T23:00:00Z"} { // the 20th and the 24th in Auckland
		made.addCase()
		at, err := time.Parse(time.RFC3339, day)
		if err != nil {
			t.Fatal(err)
		}
		last := made.all[len(made.all)-1].Case
		if err := made.db.Exec("UPDATE cases SET opened_at = ? WHERE id = ?", at, last.ID).Error; err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		filter      string
		by          report.CaseGroupBy
		first       int
		groups      int
		begin, end  string
		withoutRows int
	}{
		{``, "DAY", 50, 5, "2026-01-20", "2026-01-24", 3}, // no bounds: between the periods with rows
		{`{"status": ["CLOSED"]}`, "DAY", 50, 0, "", "", 0},
		{`{"openedAt": {"gte": "2026-01-17T11:00:00Z", "lt": "2026-01-31T11:00:00Z"}}`, "DAY", 50, 14, "2026-01-18", "2026-01-31", 12},
		{`{"openedAt": {"gte": "2026-01-17T10:59:59Z", "lt": "2026-01-31T11:00:00.000001Z"}}`, "DAY", 50, 16, "2026-01-17", "2026-02-01", 14},
		{`{"and": [{"openedAt": {"gte": "2026-01-17T11:00:00Z"}}]}`, "DAY", 50, 43, "2026-01-18", "2026-03-01", 41},                    // no upper bound: until today
		{`{"openedAt": {"gte": "2026-01-17T11:00:00Z", "lt": "2030-01-01T00:00:00Z"}}`, "DAY", 50, 43, "2026-01-18", "2026-03-01", 41}, // no days in the future
		{`{"openedAt": {"lt": "2026-02-03T00:00:00Z"}}`, "DAY", 50, 15, "2026-01-20", "2026-02-03", 13},                                // no lower bound: from the oldest day with rows
		{`{"openedAt": {"lt": "2026-02-03T00:00:00Z"}, "status": ["CLOSED"]}`, "DAY", 50, 0, "", "", 0},
		{`{"openedAt": {"gte": "2026-02-25T00:00:00Z"}}`, "DAY", 50, 5, "2026-02-25", "2026-03-01", 5}, // no rows at all
		{`{"openedAt": {"withinLast": "P7D"}}`, "DAY", 50, 8, "2026-02-22", "2026-03-01", 8},
		{`{"openedAt": {"gte": "2026-04-01T00:00:00Z"}}`, "DAY", 50, 0, "", "", 0},
		{`{"openedAt": {"gte": "0001-01-01T00:00:00Z"}}`, "DAY", 1000, 1000, "2023-06-06", "2026-03-01", 998}, // too many days: the newest ones
		{`{"openedAt": {"gte": "2026-01-01T00:00:00Z"}}`, "WEEK", 50, 9, "2025-12-29", "2026-02-23", 8},
		{`{"openedAt": {"gte": "2025-12-31T10:59:59Z", "lt": "2026-02-28T11:00:01Z"}}`, "MONTH", 50, 4, "2025-12-01", "2026-03-01", 3},
		{`{"openedAt": {"gte": "2025-08-31T10:59:59Z"}}`, "QUARTER", 50, 3, "2025-07-01", "2026-01-01", 2},
		{`{"openedAt": {"gte": "2025-08-31T10:59:59Z"}}`, "QUARTER", 2, 2, "2025-10-01", "2026-01-01", 1},
	} {
		got, err := reports.FollowUp(t.Context(), ann, made.cases(c.filter), groupBy(c.by, c.first))
		if err != nil {
			t.Fatal(err)
		}
		groups := grouped(got.Groups, func(g *report.FollowUpGroup) (report.Group, int, report.FollowUpCounts) {
			return g.Group, g.Cases, g.FollowUpCounts
		})
		checkOrder(t, c.filter, string(c.by), groups)
		empty := 0
		for _, g := range groups {
			if g.rows == 0 {
				empty++
			}
		}
		begin, end := "", ""
		if len(groups) > 0 {
			begin, end = groups[0].key, groups[len(groups)-1].key
		}
		if len(groups) != c.groups || begin != c.begin || end != c.end || empty != c.withoutRows {
			t.Errorf("%s by %s: %d groups from %s to %s, %d of them empty; want %d from %s to %s, %d empty",
				c.filter, c.by, len(groups), begin, end, empty, c.groups, c.begin, c.end, c.withoutRows)
		}
	}
}
