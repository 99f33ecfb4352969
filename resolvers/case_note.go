package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type noteResolver struct{ *Resolver }

func (r *Resolver) Note() graph.NoteResolver { return noteResolver{r} }

func (r query) Notes(ctx context.Context, first *int, after *string, last *int, before *string, f *read.NoteFilter) (*read.NoteConnection, error) {
	return withViewer(ctx, r.Read.Notes, read.NoteList{Args: args(first, after, last, before), Filter: f, Select: rowSelection(ctx)})
}

func (r mutation) AddNote(ctx context.Context, in casework.AddNoteInput) (*casework.AddNotePayload, error) {
	return withViewer(ctx, r.Work.AddNote, in)
}

func (noteResolver) Case(ctx context.Context, n *model.Note) (*model.Case, error) {
	return read.Case(ctx, n.CaseID)
}

func (noteResolver) Author(ctx context.Context, n *model.Note) (*model.User, error) {
	if n.Author != nil {
		return n.Author, nil
	}
	return read.LoadersFrom(ctx).Users.Load(ctx, n.AuthorID)
}
