package filter

import (
	"encoding/json"
	"io"
	"time"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/model"
)

// Time is a TimeFilter that stands alone, on one column.
type Time struct{ v any }

// UnmarshalGQL reads a TimeFilter.
func (t *Time) UnmarshalGQL(v any) error {
	t.v = v
	_, err := t.tree("x")
	return err
}

// MarshalGQL writes the filter as it was given.
func (t Time) MarshalGQL(w io.Writer) { _ = json.NewEncoder(w).Encode(t.v) }

// Where is the filter as a condition on a column, which is ours, never a caller's. A nil filter matches everything.
func (t *Time) Where(sql string, now time.Time) clause.Expression {
	if t == nil {
		return everything
	}
	x, err := t.tree(sql)
	if err != nil { // it was read once before
		return clause.Expr{SQL: "false"}
	}
	whole := tree{root: x}
	return whole.where(&noun{}, model.UserID{}, now)
}

func (t *Time) tree(sql string) (expr, error) {
	return timeField{column: column{fixed: sql}}.parse(&parser{}, t.v)
}
