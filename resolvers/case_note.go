package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type noteResolver struct{ *Resolver }

func (r *Resolver) Note() graph.NoteResolver { return noteResolver{r} }

func (r query) Notes(ctx context.Context, first *int, after *string, last *int, before *string, f *read.NoteFilter) (*read.NoteConnection, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Read.Notes(ctx, viewer, args(first, after, last, before), f)
}

func (r mutation) AddNote(ctx context.Context, in casework.AddNoteInput) (*casework.AddNotePayload, error) {
	return withViewer(ctx, r.Work.AddNote, in)
}

func (noteResolver) Case(ctx context.Context, n *model.Note) (*model.Case, error) {
	return read.Case(ctx, n.CaseID)
}

func (noteResolver) Author(ctx context.Context, n *model.Note) (*model.User, error) {
	return read.LoadersFrom(ctx).Users.Load(ctx, n.AuthorID)
}
