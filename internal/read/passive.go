package read

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/passive"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// PassiveList holds the arguments of the passives queue.
type PassiveList struct {
	page.Args
	Filter       *filter.Response
	PrioritizeBy []passive.Priority
	Segments     []string
	Select       Selection // of each response
}

// Passives lists the passives queue. One statement finds the page, and a second one reads the page's rows with their
// relations.
func (r *Reader) Passives(ctx context.Context, viewer auth.Viewer, q PassiveList) (*ResponseConnection, error) {
	order, err := passive.NewOrder(q.PrioritizeBy, q.Segments)
	if err != nil {
		return nil, err
	}
	var where clause.Expression // nil when nothing restricts the queue: the total is then counted without the responses
	if q.Filter != nil {
		where = q.Filter.Where(r.now())
	}
	if scope := viewer.Scope(); scope.Restricted() {
		where = clause.And(slices.DeleteFunc([]clause.Expression{where, scope.Responses(r.now())}, func(e clause.Expression) bool { return e == nil })...)
	}
	found, err := order.Read(r.db.WithContext(ctx), q.Args, where)
	if err != nil {
		return nil, err
	}
	rows := r.db.WithContext(ctx).Where("responses.id = ANY(?)", pg.Array(model.UUIDs(found.Responses)))
	list, err := pg.Find[model.Response](responseObject.read(rows, q.Select))
	if err != nil {
		return nil, fmt.Errorf("list passives: %w", err)
	}
	byID := make(map[model.ResponseID]*model.Response, len(list))
	for _, x := range list {
		byID[x.ID] = x
	}
	edges := []*ResponseEdge{}
	for i, id := range found.Responses {
		if byID[id] != nil { // nil when the response was deleted between the two statements
			edges = append(edges, &ResponseEdge{Cursor: found.Cursors[i], Node: byID[id]})
		}
	}
	return page.NewConnection(edges, found.More, found.Backward, q.Args, func(ctx context.Context) (int, error) {
		var n int64
		counted := r.db.WithContext(ctx).Table("passives").Where("NOT passives.taken")
		if where != nil {
			counted = counted.Joins("JOIN responses ON responses.id = passives.response_id").Where(where)
		}
		err := counted.Count(&n).Error
		return int(n), err
	}), nil
}
