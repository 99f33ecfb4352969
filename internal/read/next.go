package read

import (
	"context"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// nextOf loads, for each response, the next response of the same customer within the scope; nil for the newest response.
func (r *Reader) nextOf(ctx context.Context, scope *filter.Scope, ids []model.ResponseID) (map[model.ResponseID]*model.Response, error) {
	var rows []struct {
		OfResponse model.ResponseID
		model.Response
	}
	next := r.db.Model(&model.Response{}).Where(scope.Responses(r.now())).
		Where("responses.customer_id = was.customer_id AND (responses.responded_at, responses.id) > (was.responded_at, was.id)").
		Order("responses.responded_at, responses.id").Clauses(page.Limit(1))
	err := r.db.WithContext(ctx).Raw("SELECT was.id AS of_response, next.* FROM responses was CROSS JOIN LATERAL (?) next WHERE was.id = ANY(?)",
		next, pg.Array(model.UUIDs(ids))).Scan(&rows).Error
	found := make(map[model.ResponseID]*model.Response, len(ids))
	for _, id := range ids { // nil for a response without a next one
		found[id] = nil
	}
	for i := range rows {
		found[rows[i].OfResponse] = &rows[i].Response
	}
	return found, err
}
