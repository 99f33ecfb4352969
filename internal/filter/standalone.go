package filter

import (
	"encoding/json"
	"io"
	"time"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/model"
)

// Text is a StringFilter of a list's own argument, on one folded column.
type Text struct{ v any }

// UnmarshalGQL reads a StringFilter.
func (t *Text) UnmarshalGQL(v any) error {
	t.v = v
	_, err := t.tree("x")
	return err
}

// MarshalGQL writes the filter as the caller wrote it.
func (t Text) MarshalGQL(w io.Writer) { _ = json.NewEncoder(w).Encode(t.v) }

// Where is the filter as a condition on a folded column. The column's SQL must never be a caller's text. A nil filter
// matches everything.
func (t *Text) Where(sql string) clause.Expression {
	if t == nil {
		return matchAll
	}
	x, err := t.tree(sql)
	if err != nil { // UnmarshalGQL has parsed the same value
		return clause.Expr{SQL: "false"}
	}
	whole := tree{root: x}
	return whole.where(&entity{}, model.UserID{}, time.Time{})
}

func (t *Text) tree(sql string) (expr, error) {
	return textField{column: column{fixed: sql}}.parse(&parser{}, t.v)
}
