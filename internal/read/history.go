package read

import (
	"context"

	"github.com/google/uuid"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/model"
)

// CaseEventConnection is a page of the log.
type CaseEventConnection struct {
	Edges    []*CaseEventEdge
	PageInfo page.Info
}

// CaseEventEdge is an event as one list or subscription finds it.
type CaseEventEdge struct {
	Cursor  string
	Matches bool // whether the case matched the filter after the event
	Node    model.CaseEvent
}

// EdgeOf returns the edge of an event that a list or a subscription found.
func EdgeOf(e model.CaseEvent) *CaseEventEdge {
	logged := e.Logged()
	return &CaseEventEdge{Cursor: logged.Cursor, Matches: logged.Matches, Node: e}
}

// Nodes returns the events without their cursors.
func (c *CaseEventConnection) Nodes() []model.CaseEvent {
	nodes := make([]model.CaseEvent, len(c.Edges))
	for i, e := range c.Edges {
		nodes[i] = e.Node
	}
	return nodes
}

// Events pages the log, oldest first.
func (r *Reader) Events(ctx context.Context, viewer auth.Viewer, args page.Args, q event.Request) (*CaseEventConnection, error) {
	found, err := r.log.List(ctx, viewer.Scope(), args, q)
	if err != nil {
		return nil, err
	}
	return toConnection(found), nil
}

// HistoryOf pages the events of a case, oldest first. One statement reads the histories of all cases in one answer.
func HistoryOf(ctx context.Context, id model.CaseID, args page.Args) (*CaseEventConnection, error) {
	return loadNested[*CaseEventConnection](ctx, id.UUID, historyOfCase, listRequest{Args: args})
}

func (r *Reader) histories(ctx context.Context, scope *filter.Scope, args page.Args, ids []uuid.UUID) (map[uuid.UUID]any, error) {
	cases := make([]model.CaseID, len(ids))
	for i, id := range ids {
		cases[i] = model.CaseID{UUID: id}
	}
	histories, err := r.log.Histories(ctx, scope, cases, args)
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]any, len(ids))
	for id, h := range histories {
		found[id.UUID] = toConnection(h)
	}
	return found, nil
}

func toConnection(found *page.Connection[model.LoggedEvent]) *CaseEventConnection {
	c := &CaseEventConnection{Edges: make([]*CaseEventEdge, len(found.Edges)), PageInfo: found.PageInfo}
	for i, e := range found.Edges {
		c.Edges[i] = EdgeOf(e.Node.Typed())
	}
	return c
}
