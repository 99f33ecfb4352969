package read_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

// lastQuery records the last statement and its arguments, so that a test can explain the statement.
type lastQuery struct {
	mu   sync.Mutex
	sql  string
	args []any
}

func (l *lastQuery) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sql, l.args = data.SQL, data.Args
	return ctx
}

func (*lastQuery) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// plan returns PostgreSQL's plan for the last statement that call sends.
func (w *world) plan(last *lastQuery, call func() error) string {
	w.t.Helper()
	w.must(call())
	last.mu.Lock()
	sql, args := last.sql, last.args
	last.mu.Unlock()
	rows, err := w.db.Pool.Query(w.t.Context(), "EXPLAIN "+sql, args...)
	w.must(err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	w.must(err)
	return strings.Join(lines, "\n")
}

// crowd inserts about 4,000 customers, 8,000 responses and 6,000 cases, distributed as in a real company. Eight responses are
// of promoters.
const crowd = `
INSERT INTO customers (id, company, company_fold, country, segment, segment_fold, created_at)
	SELECT gen_random_uuid(), 'c' || i % 500, 'c' || i % 500, (ARRAY['DE','BR','FR','IT','US','TR','GB','ES','PL','JP'])[1 + i % 10], 's', 's',
		timestamptz '2025-01-01 00:00Z' + i * interval '1 minute' FROM generate_series(1, 4000) i;
INSERT INTO responses (id, customer_id, score, responded_at, received_at, country, company_fold, segment_fold)
	SELECT gen_random_uuid(), c.id, CASE WHEN i % 1000 = 500 THEN 10 ELSE (i * 7919) % 9 END, timestamptz '2025-01-01 00:00Z' + i * interval '1 minute',
		timestamptz '2025-01-01 00:00Z' + i * interval '1 minute', c.country, c.company_fold, c.segment_fold
	FROM generate_series(1, 8000) i JOIN (SELECT *, row_number() OVER () AS n FROM customers) c ON c.n = 1 + (i * 31) % 4000;
UPDATE customers SET search_fold = ' anna' || number % 300 || ' name' || number || ' ' || company_fold || ' n' || number || ' +49 ' || number || ' k-' || number,
	external_id = 'K-' || number, external_id_fold = 'k-' || number, first_name_fold = 'anna' || number % 300, last_name_fold = 'name' || number, phone_fold = '+49 ' || number,
	attributes_fold = jsonb_build_object('plan', 'p' || number % 700), lifetime_value = number,
	segment_fold = 's' || number % 200, country = CASE WHEN number % 400 = 0 THEN 'NZ' ELSE country END;
UPDATE responses r SET survey_fold = CASE WHEN n % 50 = 0 THEN 'rare' ELSE 'flight' END, segment_fold = 's' || n % 40, company_fold = 'c' || n % 900,
	external_id = 'R' || n, external_id_fold = 'r' || n, comment = 'comment number n' || n FROM (SELECT id, row_number() OVER () AS n FROM responses) x WHERE x.id = r.id;
INSERT INTO response_texts SELECT id, 'comment number ' || external_id_fold || ' ' || md5(external_id_fold) || ' お客様番号' || external_id_fold, ARRAY['crew', 'd' || score, external_id_fold],
	jsonb_build_object('seat', external_id_fold) FROM responses;
INSERT INTO themes (id, name, name_fold, created_at, updated_at) SELECT gen_random_uuid(), 't' || i, 't' || i, now(), now() FROM generate_series(1, 400) i;
INSERT INTO response_themes SELECT r.id, t.id FROM responses r JOIN themes t ON hashtext(r.id::text) % 400 = substr(t.name, 2)::int - 1;
INSERT INTO cases (id, status, origin, customer_id, response_id, opened_at, updated_at, due_at, closed_at, first_follow_up_at, version,
		score, category, responded_at, contact_requested, country, company_fold, segment_fold, survey_fold)
	SELECT gen_random_uuid(), CASE WHEN n % 10 < 8 THEN 'CLOSED' WHEN n % 10 = 8 THEN 'OPEN' ELSE 'IN_PROGRESS' END, 'RULE', customer_id, id,
		responded_at, responded_at, responded_at + interval '2 days', CASE WHEN n % 10 < 8 THEN responded_at END, CASE WHEN n % 10 <> 8 THEN responded_at END, 1,
		score, category, responded_at, contact_requested, country, company_fold, segment_fold, survey_fold
	FROM (SELECT *, row_number() OVER () AS n FROM responses) r WHERE n <= 6000;
INSERT INTO case_external_refs SELECT id, 'SAP', 'x' || number FROM cases WHERE number % 3 = 0;
VACUUM ANALYZE`

func TestFilterIndexes(t *testing.T) {
	t.Parallel()
	last := new(lastQuery)
	w := newWorld(t, pgtest.WithTracer(last))
	for sql := range strings.SplitSeq(crowd, ";") {
		w.exec(sql)
	}
	var busy, quiet model.CustomerID
	w.must(w.db.Gorm.Raw("SELECT customer_id FROM responses GROUP BY 1 ORDER BY count(*) DESC LIMIT 1").Scan(&busy).Error)
	w.must(w.db.Gorm.Raw("SELECT customer_id FROM cases GROUP BY 1 ORDER BY count(*) LIMIT 1").Scan(&quiet).Error)
	second := func(list read.CaseList) read.CaseList { // the second page
		list.First = number(50)
		c, err := w.read.Cases(t.Context(), viewer(w.ann), list)
		w.must(err)
		if list.After = c.PageInfo.EndCursor; list.After == nil {
			t.Fatal("the list is empty, so its plan proves nothing")
		}
		return list
	}
	cases := func(list read.CaseList) func() error {
		return func() error {
			c, err := w.read.Cases(t.Context(), viewer(w.ann), list)
			if err == nil && len(c.Edges) == 0 {
				t.Error("the list is empty, so its plan proves nothing")
			}
			return err
		}
	}
	by := func(filter string) read.CaseList {
		return read.CaseList{Args: page.Args{First: number(50)}, Filter: caseFilter(t, filter), Select: joined("customer", "response", "assignee")}
	}
	british := viewer(&model.User{Role: model.Partner, ScopeCustomer: json.RawMessage(`{"country": {"eq": "GB"}}`)})
	// When an index finds a handful of rows, PostgreSQL may sort them.
	few := []string{"cases by number", "cases by customer", "responses by customer", "cases below a customer", "responses below a customer"}
	var theme model.ThemeID
	w.must(w.db.Gorm.Raw("SELECT id FROM themes WHERE name = 't7'").Scan(&theme).Error)
	few = append(few, "customers by a part of the name", "customers by a part of the name and the phone", "customers by the last name", "customers by search",
		"customers by the first name", "customers by several first names", "customers by external id", "customers by a part of the external id", "cases by a part of the phone",
		"customers by attribute", "cases by a customer's phone", "cases by search", "responses by external id", "responses by a part of the comment",
		"responses by search", "responses by search in Japanese", "responses by driver", "responses by attribute", "responses by theme", "cases by reference", "cases by company",
		"cases by a comment", "cases by a rare survey", "cases by a rare category", "responses by rare category", "responses by receipt", "customers by country", "customers by segment")
	responses := func(text string) func() error {
		return func() error {
			c, err := w.read.Responses(t.Context(), everybody, read.ResponseList{Args: page.Args{First: number(50)}, Filter: responseFilter(t, text), Select: joined("customer")})
			if err == nil && len(c.Edges) == 0 {
				t.Errorf("%s finds nothing, so its plan proves nothing", text)
			}
			return err
		}
	}
	customers := func(text string) func() error {
		return func() error {
			c, err := w.read.Customers(t.Context(), everybody, read.CustomerList{Args: page.Args{First: number(50)}, Filter: parsed(t, text, new(filter.Customer))})
			if err == nil && len(c.Edges) == 0 {
				t.Errorf("%s finds nothing, so its plan proves nothing", text)
			}
			return err
		}
	}
	for name, c := range map[string]struct {
		index string
		call  func() error
	}{
		"customers by a part of the name":               {"customers_search", customers(`{"lastName": {"contains": "AME77"}}`)},
		"customers by a part of the name and the phone": {"customers_search", customers(`{"lastName": {"contains": "AME77"}, "phone": {"contains": "77"}}`)},
		"customers by the last name":                    {"customers_last_name", customers(`{"lastName": {"startsWith": "name77"}}`)},
		"customers by a part of many names":             {"customers_newest", customers(`{"lastName": {"contains": "name"}}`)},
		"customers by the first name":                   {"customers_search", customers(`{"firstName": {"startsWith": "ANNA77"}}`)},
		"customers by several first names":              {"customers_search", customers(`{"firstName": {"in": ["anna77", "anna78"]}}`)},
		"customers by external id":                      {"customers_external_id_key", customers(`{"externalId": {"eq": "k-77"}}`)},
		"customers by a part of the external id":        {"customers_search", customers(`{"externalId": {"contains": "K-77"}}`)},
		"cases by a part of the phone":                  {"customers_search", cases(by(`{"customer": {"phone": {"contains": "49 77"}}}`))},
		"customers by search":                           {"customers_search", customers(`{"search": "C77 n77"}`)},
		"customers by attribute":                        {"customers_attributes", customers(`{"attribute": {"key": "plan", "value": {"eq": "P77"}}}`)},
		"customers by country":                          {"customers_country", customers(`{"country": {"eq": "New Zealand"}}`)},
		"customers by segment":                          {"customers_segment", customers(`{"segment": {"eq": "S7"}}`)},
		"cases by a customer's phone":                   {"customers_phone", cases(by(`{"customer": {"phone": {"eq": "+49 77"}}}`))},
		"cases by search":                               {"customers_search", cases(by(`{"customer": {"search": "n77"}}`))},
		"cases by company":                              {"cases_company", cases(by(`{"customer": {"company": {"startsWith": "c77"}}}`))},
		"cases by segment":                              {"cases_segment", cases(by(`{"customer": {"segment": {"eq": "S7"}}}`))},
		"cases by a rare survey":                        {"cases_survey", cases(by(`{"response": {"survey": {"eq": "RARE"}}}`))},
		"cases by a comment":                            {"response_texts_comment", cases(by(`{"response": {"comment": {"contains": "number R77 "}}}`))},
		"cases by reference":                            {"case_external_refs_external", cases(by(`{"externalRef": {"system": "SAP", "id": "x78"}}`))},
		"responses by external id":                      {"responses_external_id_key", responses(`{"externalId": {"eq": "R77"}}`)},
		"responses by survey":                           {"responses_survey", responses(`{"survey": {"eq": "Flight"}}`)},
		"responses by segment":                          {"responses_segment", responses(`{"customer": {"segment": {"eq": "s7"}}}`)},
		"responses by a part of the comment":            {"response_texts_comment", responses(`{"comment": {"contains": "number r77 "}}`)},
		"responses by search":                           {"response_texts_search", responses(`{"search": "r77"}`)},
		"responses by search in Japanese":               {"response_texts_comment", responses(`{"search": "お客様番号r7777"}`)},
		"responses by driver":                           {"response_texts_drivers", responses(`{"drivers": {"all": ["crew", "R77"]}}`)},
		"responses by attribute":                        {"response_texts_attributes", responses(`{"attribute": {"key": "seat", "value": {"eq": "R77"}}}`)},
		"responses by theme":                            {"response_themes_theme", responses(`{"themes": {"all": ["` + theme.String() + `"]}}`)},
		"responses by a common text":                    {"responses_newest", responses(`{"comment": {"contains": "comment"}}`)},

		"cases":                    {"cases_newest", cases(by(`{}`))},
		"cases, the second page":   {"cases_newest", cases(second(by(`{}`)))},
		"cases, from the end":      {"cases_newest", cases(read.CaseList{Args: page.Args{Last: number(50)}})},
		"cases, the oldest first":  {"cases_newest", cases(read.CaseList{OrderBy: []*read.CaseOrder{{Field: "OPENED_AT", Direction: "ASC"}}})},
		"cases by status":          {"cases_status", cases(by(`{"status": ["OPEN"]}`))},
		"cases by status, page 2":  {"cases_status", cases(second(by(`{"status": ["OPEN"]}`)))},
		"cases by a rare category": {"cases_by_score", cases(by(`{"response": {"category": ["PROMOTER"]}}`))},
		"cases by category":        {"cases_newest", cases(by(`{"response": {"category": ["PASSIVE"]}}`))},
		"cases by country":         {"cases_country", cases(by(`{"customer": {"country": {"eq": "br"}}}`))},
		"cases by the response's":  {"cases_country", cases(by(`{"response": {"customer": {"country": {"eq": "BR"}}}}`))},
		"cases by country, page 2": {"cases_country", cases(second(by(`{"customer": {"country": {"eq": "br"}}}`)))},
		"cases by number":          {"cases_number_key", cases(by(`{"number": {"eq": 77}}`))},
		"cases by customer":        {"cases_customer", cases(by(`{"customer": {"id": ["` + quiet.String() + `"]}}`))},
		"responses": {"responses_newest", func() error {
			return failed(w.read.Responses(t.Context(), everybody, read.ResponseList{Select: joined("customer")}))
		}},
		"responses by customer": {"responses_customer", func() error {
			return failed(w.read.Responses(t.Context(), everybody, read.ResponseList{Filter: responseFilter(t, `{"customer": {"id": ["`+busy.String()+`"]}}`)}))
		}},
		"responses by country": {"responses_country", func() error {
			return failed(w.read.Responses(t.Context(), everybody, read.ResponseList{Filter: responseFilter(t, `{"customer": {"country": {"eq": "BR"}}}`)}))
		}},
		"responses by category":      {"responses_newest", responses(`{"category": ["PASSIVE"]}`)},
		"responses by categories":    {"responses_newest", responses(`{"category": ["PASSIVE", "PROMOTER"]}`)},
		"responses by rare category": {"responses_by_score", responses(`{"category": ["PROMOTER"]}`)},
		"responses by receipt":       {"responses_received", responses(`{"receivedAt": {"gte": "2025-01-02T00:00:00Z", "lt": "2025-01-02T00:20:00Z"}}`)},
		"responses below a customer": {"responses_customer", func() error { return failed(read.ResponsesOf(w.answer(), busy, read.ResponseList{})) }},
		"cases below a customer":     {"cases_customer", func() error { return failed(w.read.CasesOf(w.answer(), viewer(w.ann), quiet, read.CaseList{})) }},
		"cases of a scope":           {"cases_country", func() error { return failed(w.read.Cases(t.Context(), british, by(`{}`))) }},
		"responses of a scope": {"responses_country", func() error {
			return failed(w.read.Responses(t.Context(), british, read.ResponseList{Select: joined("customer")}))
		}},
		"customers": {"customers_newest", func() error { return failed(w.read.Customers(t.Context(), everybody, read.CustomerList{})) }},
	} {
		t.Run(name, func(t *testing.T) {
			plan := w.plan(last, c.call)
			if !strings.Contains(plan, "using "+c.index+" on") && !strings.Contains(plan, "Bitmap Index Scan on "+c.index) {
				t.Errorf("the plan does not use %s:\n%s", c.index, plan)
			}
			if strings.Contains(plan, "Sort") && !slices.Contains(few, name) {
				t.Errorf("the plan sorts:\n%s", plan)
			}
			if table, _, _ := strings.Cut(c.index, "_"); strings.Contains(plan, "Seq Scan on "+table) {
				t.Errorf("the plan reads the whole table:\n%s", plan)
			}
		})
	}
}
