package read

import (
	"context"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// NoteFilter selects notes. A nil field does not restrict the list.
type NoteFilter struct {
	Case      []model.CaseID
	Author    []model.UserID
	CreatedAt *filter.Time
	Search    *string
}

// Personal returns the name of the field that searches the text of notes, or an empty string. The text is personal data.
func (f *NoteFilter) Personal() string {
	if f != nil && f.Search != nil {
		return "search"
	}
	return ""
}

// NoteList holds the arguments of a list of notes.
type NoteList struct {
	page.Args
	Filter *NoteFilter
	Select Selection // of each note
}

// Notes lists notes, oldest first.
func (r *Reader) Notes(ctx context.Context, viewer auth.Viewer, q NoteList) (*NoteConnection, error) {
	query := r.db.WithContext(ctx).Where(viewer.Scope().Notes(r.now()))
	if f := q.Filter; f != nil {
		if f.Case != nil {
			query = query.Where("case_id = ANY(?)", pg.Array(model.UUIDs(f.Case)))
		}
		if f.Author != nil {
			query = query.Where("author_id = ANY(?)", pg.Array(model.UUIDs(f.Author)))
		}
		query = query.Where(f.CreatedAt.Where("notes.created_at", r.now()))
		if f.Search != nil {
			words, err := filter.ReadSearch(*f.Search)
			if err != nil {
				return nil, fault.WithPath("filter.search", err)
			}
			if !filter.Blank(words) {
				matches, values := filter.FullText(words)
				query = query.Where(matches("notes.body_fold"), values...)
			}
		}
	}
	c, err := readPage(query, noteOrder, q.Args, noteObject, q.Select)
	return wrapErr(c, "list notes", err)
}
