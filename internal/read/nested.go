package read

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// The kinds of nested lists, which appear below the rows of another list. One statement reads a list for all parents of
// one answer that have the same request.
const (
	notesOfCase         = "notes of a case"
	historyOfCase       = "history of a case"
	responsesOfCustomer = "responses of a customer"
	casesOfCustomer     = "cases of a customer"
	casesOfUser         = "cases of a user"
	deliveriesOfWebhook = "deliveries of a webhook"
)

type listRequest struct {
	Args   page.Args
	Filter json.RawMessage
	Order  json.RawMessage
	Viewer model.UserID
}

func loadNested[C any](ctx context.Context, parent uuid.UUID, kind string, args page.Args, raw json.RawMessage, order any, viewer model.UserID) (C, error) {
	var none C
	orderBy, err := json.Marshal(order)
	if err != nil {
		return none, err
	}
	request, err := json.Marshal(listRequest{Args: args, Filter: raw, Order: orderBy, Viewer: viewer})
	if err != nil {
		return none, err
	}
	found, err := LoadersFrom(ctx).lists.Load(ctx, listKey{parent, kind, string(request)})
	if err != nil {
		return none, err
	}
	return found.(C), nil
}

// NotesOf lists the notes of a case, oldest first.
func NotesOf(ctx context.Context, id model.CaseID, args page.Args) (*NoteConnection, error) {
	return loadNested[*NoteConnection](ctx, id.UUID, notesOfCase, args, nil, nil, model.UserID{})
}

// ResponsesOf lists the responses of a customer.
func ResponsesOf(ctx context.Context, id model.CustomerID, q ResponseList) (*ResponseConnection, error) {
	return loadNested[*ResponseConnection](ctx, id.UUID, responsesOfCustomer, q.Args, q.Filter.Raw(), q.OrderBy, model.UserID{})
}

// CasesOf lists the cases of a customer.
func (r *Reader) CasesOf(ctx context.Context, viewer auth.Viewer, id model.CustomerID, q CaseList) (*CaseConnection, error) {
	return r.nestedCases(ctx, viewer, id.UUID, casesOfCustomer, q)
}

// CasesAssignedTo lists the cases of a user.
func (r *Reader) CasesAssignedTo(ctx context.Context, viewer auth.Viewer, id model.UserID, q CaseList) (*CaseConnection, error) {
	return r.nestedCases(ctx, viewer, id.UUID, casesOfUser, q)
}

func (r *Reader) nestedCases(ctx context.Context, viewer auth.Viewer, parent uuid.UUID, kind string, q CaseList) (*CaseConnection, error) {
	out := new(CaseConnection)
	var err error
	if q.FeedCursor {
		if out.FeedCursor, err = r.log.Head(ctx); err != nil {
			return nil, err
		}
	}
	out.Connection, err = loadNested[*page.Connection[model.Case]](ctx, parent, kind, q.Args, q.Filter.Raw(), q.OrderBy, viewer.User.ID)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *Reader) readLists(ctx context.Context, scope *filter.Scope, keys []listKey) (map[listKey]any, error) {
	type group struct{ kind, request string }
	parents := map[group][]uuid.UUID{}
	for _, k := range keys {
		g := group{k.kind, k.request}
		parents[g] = append(parents[g], k.parent)
	}
	found := make(map[listKey]any, len(keys))
	for g, ids := range parents {
		var q listRequest
		if err := json.Unmarshal([]byte(g.request), &q); err != nil {
			return nil, fmt.Errorf("parse a list's request: %w", err)
		}
		lists, err := r.readList(ctx, scope, g.kind, q, ids)
		if err != nil {
			return nil, fmt.Errorf("list the %s: %w", g.kind, err)
		}
		for id, list := range lists {
			found[listKey{id, g.kind, g.request}] = list
		}
	}
	return found, nil
}

func (r *Reader) readList(ctx context.Context, scope *filter.Scope, kind string, q listRequest, ids []uuid.UUID) (map[uuid.UUID]any, error) {
	now := r.now()
	switch kind {
	case notesOfCase:
		return readPages(ctx, r, "case_id", func(n *model.Note) uuid.UUID { return n.CaseID.UUID }, noteOrder, q.Args, ids, scope.Notes(now))
	case deliveriesOfWebhook:
		return readPages(ctx, r, "webhook_id", func(d *model.WebhookDelivery) uuid.UUID { return d.WebhookID.UUID }, deliveryOrder, q.Args, ids)
	case historyOfCase:
		return r.histories(ctx, scope, q.Args, ids)
	case responsesOfCustomer:
		f, order, err := decodeRequest[filter.Response](q, responseOrder)
		if err != nil {
			return nil, err
		}
		return readPages(ctx, r, "customer_id", func(x *model.Response) uuid.UUID { return x.CustomerID.UUID }, order, q.Args, ids, scope.Responses(now), f.Where(now))
	case casesOfCustomer, casesOfUser:
		f, order, err := decodeRequest[filter.Case](q, caseOrder)
		if err != nil {
			return nil, err
		}
		column, parent := "customer_id", func(c *model.Case) uuid.UUID { return c.CustomerID.UUID }
		if kind == casesOfUser {
			column, parent = "assignee_id", func(c *model.Case) uuid.UUID { return c.AssigneeID.UUID }
		}
		return readPages(ctx, r, column, parent, order, q.Args, ids, scope.Cases(now), f.Where(q.Viewer, now))
	}
	return nil, fmt.Errorf("unknown nested list %q", kind)
}

// decodeRequest parses the filter and the order of a request.
func decodeRequest[F any, O any, T any](q listRequest, order func([]O) (page.Order[T], error)) (*F, page.Order[T], error) {
	f := new(F)
	if len(q.Filter) > 0 && string(q.Filter) != "null" {
		v, err := filter.Decode(q.Filter)
		if err != nil {
			return nil, nil, err
		}
		if err := any(f).(interface{ UnmarshalGQL(any) error }).UnmarshalGQL(v); err != nil {
			return nil, nil, err
		}
	}
	var by []O
	if err := json.Unmarshal(q.Order, &by); err != nil {
		return nil, nil, err
	}
	keys, err := order(by)
	return f, keys, err
}

// readPages reads one page of T for each parent in ids. column holds the parent's ID.
func readPages[T any](ctx context.Context, r *Reader, column string, parent func(*T) uuid.UUID, order page.Order[T], args page.Args, ids []uuid.UUID, conditions ...clause.Expression) (map[uuid.UUID]any, error) {
	rows := r.db.WithContext(ctx).Model(new(T)).Clauses(clause.Where{Exprs: conditions})
	query := rows.Session(&gorm.Session{}).Where(column+" = ANY(?)", pg.Array(ids))
	count := func(ctx context.Context, id uuid.UUID) (int, error) {
		var n int64
		err := rows.Session(&gorm.Session{Context: ctx}).Where(column+" = ?", id).Count(&n).Error
		return int(n), err
	}
	lists, err := page.ReadEach(query, column, parent, order, args, count, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]any, len(lists))
	for id, list := range lists {
		found[id] = list
	}
	return found, nil
}
