package read

import (
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// The effort of a response is the least effort among its themes: 1 EASY, 2 MEDIUM, 3 HARD. When a theme changes, the
// effort of all its responses changes, so no column stores the effort. An index has the responses of each theme by ID,
// so a page reads the next few responses of every theme and merges them.

const (
	themesOf = "response_themes x JOIN themes e ON e.id = x.theme_id AND e.deleted_at IS NULL"
	rankOf   = "array_position(ARRAY['EASY', 'MEDIUM', 'HARD'], e.effort)"
	leastOf  = "(SELECT min(" + rankOf + ") FROM " + themesOf + " WHERE x.response_id = %s)"
)

var effortKey = page.Key[model.Response]{
	Column: fmt.Sprintf(leastOf, "responses.id"), Kind: page.Integer, Nullable: true, Of: func(r *model.Response) any { return deref[int](r.Effort) },
	Groups: &page.Groups[model.Response]{Count: 3, Of: withEffort, Fill: fillEffort},
}

func withEffort(query *gorm.DB, effort *int, desc bool, within func(string) clause.Expression, n int) *gorm.DB {
	direction := ""
	if desc {
		direction = " DESC"
	}
	db := query.Session(&gorm.Session{NewDB: true})
	// A scalar subquery checks each response on its own. PostgreSQL would turn an EXISTS into a join, and the join would
	// read all tags before it returns the first row.
	if effort == nil {
		return query.Where(fmt.Sprintf(leastOf, "responses.id") + " IS NULL").
			Where(within("responses.id")).Select("responses.id").Order("responses.id" + direction).Clauses(page.Limit(n))
	}
	next := query.Joins("JOIN response_themes of ON of.response_id = responses.id").Where("of.theme_id = e.id").Where(within("of.response_id")).
		Where(fmt.Sprintf(leastOf, "of.response_id")+" = ?", *effort).
		Select("of.response_id").Order("of.response_id" + direction).Clauses(page.Limit(n))
	return db.Table("themes e, LATERAL (?) r", next).
		Where("e.deleted_at IS NULL AND "+rankOf+" = ?", *effort).
		Select("DISTINCT r.response_id AS id").Order("id" + direction).Clauses(page.Limit(n))
}

func fillEffort(db *gorm.DB, rows []*model.Response) error {
	ids := make([]model.ResponseID, len(rows))
	byID := make(map[model.ResponseID]*model.Response, len(rows))
	for i, r := range rows {
		ids[i], byID[r.ID] = r.ID, r
	}
	var found []struct {
		ResponseID model.ResponseID
		Effort     int
	}
	err := db.Raw("SELECT x.response_id, min("+rankOf+") AS effort FROM "+themesOf+" WHERE x.response_id = ANY(?) GROUP BY 1", pg.Array(model.UUIDs(ids))).Scan(&found).Error
	for _, f := range found {
		byID[f.ResponseID].Effort = &f.Effort
	}
	return err
}
