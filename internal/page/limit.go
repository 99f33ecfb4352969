package page

import (
	"strconv"

	"gorm.io/gorm/clause"
)

type limit int

// Name is the name of the GORM clause that this one replaces.
func (limit) Name() string { return "LIMIT" }

func (l limit) Build(b clause.Builder) { _, _ = b.WriteString("LIMIT " + strconv.Itoa(int(l))) }

// MergeClause implements clause.Interface.
func (l limit) MergeClause(c *clause.Clause) { c.Name, c.Expression = "", l }
