package worktest

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/closeloop/closeloop/model"
)

// CheckCopies asserts that each column that repeats another table's equals it, and that each case's log is whole.
func (w *World) CheckCopies() {
	w.T.Helper()
	for what, sql := range map[string]string{
		"responses differ from their customers": `responses r JOIN customers c ON c.id = r.customer_id
			WHERE (r.country, r.company_fold, r.segment_fold, r.lifetime_value) IS DISTINCT FROM (c.country, c.company_fold, c.segment_fold, c.lifetime_value)`,
		"cases differ from their customers": `cases k JOIN customers c ON c.id = k.customer_id WHERE (k.country, k.company_fold, k.segment_fold, k.lifetime_value)
			IS DISTINCT FROM (c.country, c.company_fold, c.segment_fold, c.lifetime_value)`,
		"cases differ from their responses": `cases k JOIN responses r ON r.id = k.response_id WHERE (k.score, k.category, k.responded_at, k.contact_requested, k.survey_fold, k.customer_id)
			IS DISTINCT FROM (r.score, r.category, r.responded_at, r.contact_requested, r.survey_fold, r.customer_id)`,
		"cases are at another version than their log": `cases k WHERE k.version <> (SELECT count(*) FROM case_events e WHERE e.case_id = k.id)
			OR k.version <> (SELECT max(version) FROM case_events e WHERE e.case_id = k.id)`,
		"logs are out of order": `case_events a JOIN case_events b ON b.case_id = a.case_id AND b.version > a.version AND b.seq < a.seq`,
		"customers are older than their newest response": `customers c
			WHERE c.last_response_at IS DISTINCT FROM (SELECT max(responded_at) FROM responses r WHERE r.customer_id = c.id)`,
	} {
		if n := w.Count("SELECT count(*) FROM " + sql); n != 0 {
			w.T.Errorf("%d %s", n, what)
		}
	}
	var customers []model.Customer
	if err := w.DB.Gorm.Find(&customers).Error; err != nil {
		w.T.Fatal(err)
	}
	for _, c := range customers {
		row := Read[model.CustomerRow](w.T, w.DB, c.ID)
		if want := c.Row(); !SameJSON(w.T, folds(row), folds(want)) {
			w.T.Errorf("a customer's folded columns do not match: %+v; want %+v", row, want)
		}
	}
	var responses []model.Response
	if err := w.DB.Gorm.Find(&responses).Error; err != nil {
		w.T.Fatal(err)
	}
	for _, r := range responses {
		row, want := Read[model.ResponseRow](w.T, w.DB, r.ID), r.Row()
		if !Same(row.ExternalIDFold, want.ExternalIDFold) || !Same(row.SurveyFold, want.SurveyFold) {
			w.T.Errorf("a response's folded columns do not match: %+v", row)
		}
		w.textsOf(&r)
	}
	var ids []model.CaseID
	if err := w.DB.Gorm.Model(&model.Case{}).Pluck("id", &ids).Error; err != nil {
		w.T.Fatal(err)
	}
	for _, id := range ids {
		w.CheckLog(id)
	}
}

func folds(c *model.CustomerRow) []any {
	return []any{c.EmailFold, c.CompanyFold, c.SegmentFold, c.ExternalIDFold, c.FirstNameFold, c.LastNameFold, c.PhoneFold, c.AccountManagerEmailFold,
		c.AgentEmailFold, c.AttributesFold, c.SearchFold}
}

// textsOf asserts that a response's folded texts are made from the response.
func (w *World) textsOf(r *model.Response) {
	w.T.Helper()
	var rows []struct {
		CommentFold                 *string
		DriversFold, AttributesFold json.RawMessage
	}
	err := w.DB.Gorm.Raw("SELECT comment_fold, to_jsonb(drivers_fold) AS drivers_fold, attributes_fold FROM response_texts WHERE response_id = ?", r.ID).
		Scan(&rows).Error
	if err != nil {
		w.T.Fatal(err)
	}
	want := r.Texts()
	if want == nil || len(rows) != 1 {
		if want != nil || len(rows) != 0 {
			w.T.Errorf("%d rows of texts for %+v", len(rows), r)
		}
		return
	}
	var have model.ResponseTexts
	if err := errors.Join(json.Unmarshal(rows[0].DriversFold, &have.DriversFold), json.Unmarshal(rows[0].AttributesFold, &have.AttributesFold)); err != nil {
		w.T.Fatal(err)
	}
	if !Same(rows[0].CommentFold, want.CommentFold) || !slices.Equal(have.DriversFold, want.DriversFold) || !maps.Equal(have.AttributesFold, want.AttributesFold) {
		w.T.Errorf("the texts of %+v are folded to %s, %s and %+v", r, rows[0].DriversFold, rows[0].AttributesFold, rows[0].CommentFold)
	}
}
