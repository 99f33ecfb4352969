package read

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// CaseByNumber reads what is selected of a case. It returns nil when no case has the number or the viewer may not see it. The
// lists of notes, which NotesOf is about to be asked for, are read together with it.
func (r *Reader) CaseByNumber(ctx context.Context, viewer auth.Viewer, number int, s Selection, notes ...NoteList) (*model.Case, error) {
	now := r.now()
	seen := func(query *gorm.DB) *gorm.DB {
		return query.Where(viewer.Scope().Cases(now)).Where("cases.number = ?", number)
	}
	db := r.db.WithContext(ctx)
	together := pg.NewPipeline(db)
	var found []*model.Case
	pg.AddFind(together, "read a case", caseObject.read(seen(db), s), &found)
	var ready []func(of *model.Case)
	for _, q := range notes {
		// A list that cannot be read says why when NotesOf is asked for it.
		query := db.Where("notes.case_id = (?)", seen(db.Model(&model.Case{})).Select("cases.id")).Where(viewer.Scope().Notes(now))
		rows, pageOf, err := page.Prepare(query, noteOrder, q.Args, func(rows *gorm.DB) *gorm.DB {
			return noteObject.read(rows, q.Select, append(noteOrder.Reads(), "case_id")...)
		})
		if err != nil {
			continue
		}
		var list []*model.Note
		pg.AddFind(together, "list the notes of a case", rows, &list)
		ready = append(ready, func(of *model.Case) { putNested(ctx, of.ID.UUID, notesOfCase, q.request(), pageOf(list)) })
	}
	if err := together.Send(); err != nil {
		return nil, fmt.Errorf("read a case with its notes: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	for _, put := range ready {
		put(found[0])
	}
	return found[0], nil
}
