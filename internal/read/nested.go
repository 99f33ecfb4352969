package read

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vikstrous/dataloadgen"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
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
	deliveriesOfSource  = "deliveries of a source"
)

type listRequest struct {
	Args   page.Args
	Filter json.RawMessage
	Order  json.RawMessage
	Viewer model.UserID
	Select Selection
}

func loadNested[C any](ctx context.Context, parent uuid.UUID, kind string, q listRequest) (C, error) {
	var none C
	key, err := keyOf(parent, kind, q)
	if err != nil {
		return none, err
	}
	l := LoadersFrom(ctx)
	if list, ok := l.put.Load(key); ok {
		return list.(C), nil
	}
	if alone(ctx) {
		lists, err := l.readLists(ctx, []listKey{key})
		if failed, of := errors.AsType[dataloadgen.MappedFetchError[listKey]](err); of {
			err = failed[key]
		}
		if err != nil {
			return none, err
		}
		return lists[key].(C), nil
	}
	found, err := l.lists.Load(ctx, key)
	if err != nil {
		return none, err
	}
	return found.(C), nil
}

// putNested makes loadNested return a list that was read together with its parent.
func putNested(ctx context.Context, parent uuid.UUID, kind string, q listRequest, list any) {
	if key, err := keyOf(parent, kind, q); err == nil {
		LoadersFrom(ctx).put.Store(key, list)
	}
}

func keyOf(parent uuid.UUID, kind string, q listRequest) (listKey, error) {
	request, err := json.Marshal(q)
	return listKey{parent, kind, string(request)}, err
}

// alone reports whether the field that is being resolved is below no list. Its siblings then ask for no list of the same
// kind, and a loader would wait for them in vain.
func alone(ctx context.Context) bool {
	fc := graphql.GetFieldContext(ctx)
	if fc == nil { // no operation runs
		return false
	}
	for ; fc != nil; fc = fc.Parent {
		if fc.Index != nil {
			return false
		}
	}
	return true
}

// encoded is the order of a request; nil orders decode as nil.
func encoded(order any) json.RawMessage {
	raw, _ := json.Marshal(order) // texts always marshal
	return raw
}

// NotesOf lists the notes of a case, oldest first. It ignores the list's filter.
func NotesOf(ctx context.Context, id model.CaseID, q NoteList) (*NoteConnection, error) {
	return loadNested[*NoteConnection](ctx, id.UUID, notesOfCase, q.request())
}

// request is what a case is asked for its notes.
func (q NoteList) request() listRequest { return listRequest{Args: q.Args, Select: q.Select} }

// ResponsesOf lists the responses of a customer.
func ResponsesOf(ctx context.Context, id model.CustomerID, q ResponseList) (*ResponseConnection, error) {
	return loadNested[*ResponseConnection](ctx, id.UUID, responsesOfCustomer, listRequest{Args: q.Args, Filter: q.Filter.Raw(), Order: encoded(q.OrderBy), Select: q.Select})
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
	out.Connection, err = loadNested[*page.Connection[model.Case]](ctx, parent, kind,
		listRequest{Args: q.Args, Filter: q.Filter.Raw(), Order: encoded(q.OrderBy), Viewer: viewer.User.ID, Select: q.Select})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// readLists reads lists of several kinds and requests. A kind or request that fails, such as for an argument of its own, has
// an error for its lists alone.
func (r *Reader) readLists(ctx context.Context, scope *filter.Scope, keys []listKey) (map[listKey]any, error) {
	type group struct{ kind, request string }
	parents := map[group][]uuid.UUID{}
	for _, k := range keys {
		g := group{k.kind, k.request}
		parents[g] = append(parents[g], k.parent)
	}
	found, failed := make(map[listKey]any, len(keys)), dataloadgen.MappedFetchError[listKey]{}
	for g, ids := range parents {
		var q listRequest
		if err := json.Unmarshal([]byte(g.request), &q); err != nil {
			return nil, fmt.Errorf("parse a list's request: %w", err)
		}
		lists, err := r.readList(ctx, scope, g.kind, q, ids)
		for _, id := range ids {
			key := listKey{id, g.kind, g.request}
			if err != nil {
				failed[key] = fmt.Errorf("list the %s: %w", g.kind, err)
				continue
			}
			found[key] = lists[id]
		}
	}
	if len(failed) > 0 {
		return found, failed
	}
	return found, nil
}

func (r *Reader) readList(ctx context.Context, scope *filter.Scope, kind string, q listRequest, ids []uuid.UUID) (map[uuid.UUID]any, error) {
	now := r.now()
	switch kind {
	case notesOfCase:
		n := nested[model.Note]{"notes.case_id", func(n *model.Note) uuid.UUID { return n.CaseID.UUID }, noteObject, noteOrder}
		return n.read(ctx, r, q, ids, scope.Notes(now))
	case deliveriesOfWebhook:
		n := nested[model.WebhookDelivery]{"webhook_deliveries.webhook_id", func(d *model.WebhookDelivery) uuid.UUID { return d.WebhookID.UUID }, nil, deliveryOrder}
		return n.read(ctx, r, q, ids)
	case deliveriesOfSource:
		n := nested[model.SourceDelivery]{"source_deliveries.source_id", func(d *model.SourceDelivery) uuid.UUID { return d.SourceID.UUID }, nil, sourceDeliveryOrder}
		return n.read(ctx, r, q, ids)
	case historyOfCase:
		return r.histories(ctx, scope, q.Args, ids)
	case responsesOfCustomer:
		f, order, err := decodeRequest[filter.Response](q, responseOrder)
		if err != nil {
			return nil, err
		}
		n := nested[model.Response]{"responses.customer_id", func(x *model.Response) uuid.UUID { return x.CustomerID.UUID }, responseObject, order}
		return n.read(ctx, r, q, ids, scope.Responses(now), f.Where(now))
	case casesOfCustomer, casesOfUser:
		f, order, err := decodeRequest[filter.Case](q, caseOrder)
		if err != nil {
			return nil, err
		}
		n := nested[model.Case]{"cases.customer_id", func(c *model.Case) uuid.UUID { return c.CustomerID.UUID }, caseObject, order}
		if kind == casesOfUser {
			n.column, n.parent = "cases.assignee_id", func(c *model.Case) uuid.UUID { return c.AssigneeID.UUID }
		}
		return n.read(ctx, r, q, ids, scope.Cases(now), f.Where(q.Viewer, now))
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

// nested is a list below each of several parents.
type nested[T any] struct {
	column string             // has the parent's id
	parent func(*T) uuid.UUID // gives it in a row
	object *object            // nil: whole rows are read
	order  page.Order[T]
}

// read reads a page for each parent.
func (n nested[T]) read(ctx context.Context, r *Reader, q listRequest, parents []uuid.UUID, conditions ...clause.Expression) (map[uuid.UUID]any, error) {
	query := r.db.WithContext(ctx).Model(new(T)).Clauses(clause.Where{Exprs: conditions})
	lists, err := page.ReadEach(query, page.Parents[T]{Column: n.column, Of: n.parent, IDs: parents}, n.order, q.Args, func(rows *gorm.DB) *gorm.DB {
		if n.object == nil {
			return rows
		}
		_, foreignKey, _ := strings.Cut(n.column, ".")
		return n.object.read(rows, q.Select, append(n.order.Reads(), foreignKey)...)
	})
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]any, len(lists))
	for id, list := range lists {
		found[id] = list
	}
	return found, nil
}
