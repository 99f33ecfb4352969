package pg

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Array is one parameter that holds several values, as `= ANY(?)` and `unnest(?)` take them; GORM would spell a plain
// slice out, and each length would be a statement of its own.
func Array(values any) clause.Expression { return array{values} }

type array struct{ of any }

func (a array) Build(b clause.Builder) {
	stmt := b.(*gorm.Statement)
	stmt.Vars = append(stmt.Vars, a.of)
	stmt.DB.BindVarTo(stmt, stmt, a.of)
}
