package read

import (
	"context"
	"fmt"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// CaseByNumber reads what is selected of a case. It returns nil when no case has the number or the viewer may not see it. The
// lists of notes, which NotesOf is about to be asked for, are read together with it.
func (r *Reader) CaseByNumber(ctx context.Context, viewer auth.Viewer, number int, s Selection, notes ...NoteList) (*model.Case, error) {
	db, now := r.db.WithContext(ctx), r.now()
	seen := clause.Expr{SQL: "cases.number = ? AND ?", Vars: []any{number, viewer.Scope().Cases(now)}}
	together := pg.NewPipeline(db)
	var found []*model.Case
	pg.AddFind(together, "read a case", db.Raw(caseObject.sql(s)+" WHERE ?", seen), &found)
	var ready []func(of *model.Case)
	for _, q := range notes {
		rest, pageOf, err := noteOrder.Rest(q.Args)
		if err != nil {
			continue // NotesOf says why when it is asked for the list
		}
		visible := clause.Expr{SQL: "notes.case_id = (SELECT cases.id FROM cases WHERE ?) AND ?", Vars: []any{seen, viewer.Scope().Notes(now)}}
		var list []*model.Note
		pg.AddFind(together, "list the notes of a case", db.Raw(noteObject.sql(q.Select, append(noteOrder.Reads(), "case_id")...)+" WHERE ??", visible, rest), &list)
		ready = append(ready, func(of *model.Case) {
			putNested(ctx, of.ID.UUID, notesOfCase, q.request(), pageOf(list, page.Counter[model.Note](db.Where(visible))))
		})
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
