package pg

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Array is one parameter of several values, for `= ANY(?)` and `unnest(?)`. GORM would write a plain slice as one
// parameter for each value, so that each length of a list would be a different statement. pgx encodes the array.
func Array(values any) clause.Expression { return array{values} }

type array struct{ values any }

func (a array) Build(b clause.Builder) {
	stmt := b.(*gorm.Statement)
	stmt.Vars = append(stmt.Vars, a.values)
	stmt.DB.BindVarTo(stmt, stmt, a.values)
}
