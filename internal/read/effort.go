package read

import (
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// The effort of a response is the least that one of its themes asks for: 1 EASY, 2 MEDIUM, 3 HARD. Themes change, and
// with them the effort of all their responses, so no column holds it. But of each theme an index has the responses by
// id: a page takes the next few of every theme.

const (
	themesOf = "response_themes x JOIN themes e ON e.id = x.theme_id AND e.deleted_at IS NULL"
	rankOf   = "array_position(ARRAY['EASY', 'MEDIUM', 'HARD'], e.effort)"
	leastOf  = "(SELECT min(" + rankOf + ") FROM " + themesOf + " WHERE x.response_id = %s)"
)

var effortKey = page.Key[model.Response]{
	Column: fmt.Sprintf(leastOf, "responses.id"), Kind: page.Whole, Nullable: true, Of: func(r *model.Response) any { return deref[int](r.Effort) },
	Groups: &page.Groups[model.Response]{Count: 3, Of: withEffort, Fill: fillEffort},
}

func withEffort(query *gorm.DB, effort *int, desc bool, within func(string) clause.Expression, n int) *gorm.DB {
	direction := ""
	if desc {
		direction = " DESC"
	}
	db := query.Session(&gorm.Session{NewDB: true})
	// Each response is asked on its own. Of an EXISTS PostgreSQL would make a join, which reads all tags before the first row.
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
	at := make(map[model.ResponseID]*model.Response, len(rows))
	for i, r := range rows {
		ids[i], at[r.ID] = r.ID, r
	}
	var found []struct {
		ResponseID model.ResponseID
		Effort     int
	}
	err := db.Raw("SELECT x.response_id, min("+rankOf+") AS effort FROM "+themesOf+" WHERE x.response_id = ANY(?) GROUP BY 1", pg.Array(model.UUIDs(ids))).Scan(&found).Error
	for _, f := range found {
		at[f.ResponseID].Effort = &f.Effort
	}
	return err
}
