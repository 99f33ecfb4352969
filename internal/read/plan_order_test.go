package read_test

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
)

// The index that has the rows of each list in each order.
var (
	caseIndexes = map[string]string{
		"OPENED_AT": "cases_newest", "UPDATED_AT": "cases_by_update", "ASSIGNED_AT": "cases_by_assignment", "DUE_AT": "cases_by_target", "CLOSED_AT": "cases_by_closing",
		"NUMBER": "cases_number_key", "SCORE": "cases_by_score", "LIFETIME_VALUE": "cases_by_value", "STATUS": "cases_status",
	}
	responseIndexes = map[string]string{
		"RESPONDED_AT": "responses_newest", "SCORE": "responses_by_score", "SEGMENT": "responses_segment", "LIFETIME_VALUE": "responses_by_value",
		"TESTIMONIAL_LIKELIHOOD": "responses_by_testimonial", "EFFORT": "response_themes_theme",
	}
	customerIndexes = map[string]string{
		"CREATED_AT": "customers_newest", "LAST_NAME": "customers_last_name", "COMPANY": "customers_company", "LIFETIME_VALUE": "customers_by_value",
		"LAST_CONTACTED_AT": "customers_by_contact", "NEXT_SURVEY_AT": "customers_next_survey",
	}
)

func TestOrderIndexes(t *testing.T) {
	t.Parallel()
	last := new(lastQuery)
	w := newWorld(t, pgtest.WithTracer(last))
	for sql := range strings.SplitSeq(crowd, ";") {
		w.exec(sql)
	}
	w.exec(`UPDATE cases SET updated_at = opened_at + random() * interval '9 days', lifetime_value = CASE WHEN number % 5 > 0 THEN number % 3000 END`)
	w.exec(`UPDATE responses SET lifetime_value = CASE WHEN score > 2 THEN score * 1000 * random() END, testimonial_likelihood = CASE WHEN score > 2 THEN random() END`)
	w.exec(`UPDATE customers SET last_contacted_at = created_at, next_survey_at = created_at + interval '90 days' WHERE number % 4 = 0`)
	w.exec(`VACUUM ANALYZE`)

	// The statement that reads a page is not always the last: the effort, which no column holds, is read after the page.
	list := func(table string, fields []string, indexes map[string]string, of func(field string, direction read.OrderDirection, args page.Args) (*string, error)) {
		for _, field := range fields {
			index := indexes[field]
			if index == "" {
				t.Errorf("this test names no index for %s by %s", table, field)
			}
			for _, direction := range []read.OrderDirection{"ASC", "DESC"} {
				var after *string
				for nth := range 2 {
					plan := w.plan(last, func() (err error) {
						after, err = of(field, direction, page.Args{First: number(50), After: after})
						return err
					})
					if field == "EFFORT" {
						continue // TestEffortOrder checks the rows
					}
					if !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan on "+table) {
						t.Errorf("%s by %s %s, page %d: the plan reads the table or does not use %s:\n%s", table, field, direction, nth+1, index, plan)
					}
				}
			}
		}
	}
	list("cases", read.CaseFields(), caseIndexes, func(field string, direction read.OrderDirection, args page.Args) (*string, error) {
		c, err := w.read.Cases(t.Context(), viewer(w.ann), read.CaseList{Args: args, OrderBy: []*read.CaseOrder{{Field: read.CaseOrderField(field), Direction: direction}}})
		if err != nil {
			return nil, err
		}
		return c.PageInfo.EndCursor, nil
	})
	list("responses", read.ResponseFields(), responseIndexes, func(field string, direction read.OrderDirection, args page.Args) (*string, error) {
		c, err := w.read.Responses(t.Context(), everybody, read.ResponseList{Args: args, OrderBy: []*read.ResponseOrder{{Field: read.ResponseOrderField(field), Direction: direction}}})
		if err != nil {
			return nil, err
		}
		return c.PageInfo.EndCursor, nil
	})
	list("customers", read.CustomerFields(), customerIndexes, func(field string, direction read.OrderDirection, args page.Args) (*string, error) {
		c, err := w.read.Customers(t.Context(), everybody, read.CustomerList{Args: args, OrderBy: []*read.CustomerOrder{{Field: read.CustomerOrderField(field), Direction: direction}}})
		if err != nil {
			return nil, err
		}
		return c.PageInfo.EndCursor, nil
	})
}
