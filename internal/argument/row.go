package argument

import (
	"context"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/fault"
)

// rowType is the type whose lists are taken in row by row: a bad row in a variable does not refuse the operation, but
// only itself. Rows that are written in the document must fit the type, as the validation of documents demands.
const rowType = "SubmitResponseInput"

// rejectedRows is the name under which an operation's statistics keep the rows that do not fit.
const rejectedRows = "rejectedRows"

// Rejected are the faults of rows that do not fit the type, by variable and index. The paths begin in the row.
type Rejected map[string]map[int]fault.List

// row coerces a row. In the place of a row that does not fit it returns one that fits and means nothing; the resolver
// must not use it.
func (c *coercer) row(t *ast.Type, v any, index int) any {
	outer := *c
	c.faults, c.inRow = nil, len(c.path)
	row := c.value(t, v)
	faults := c.faults
	c.faults, c.inRow = outer.faults, outer.inRow
	if len(faults) == 0 {
		return row
	}
	if c.rejected == nil {
		c.rejected = Rejected{}
	}
	if c.rejected[c.variable] == nil {
		c.rejected[c.variable] = map[int]fault.List{}
	}
	c.rejected[c.variable][index] = faults
	return map[string]any{"score": json.Number("0"), "customer": map[string]any{}}
}

// RejectedRows returns, by their index, the faults of the rows that do not fit their type in the arguments of the field
// that is resolved.
func RejectedRows(ctx context.Context) map[int]fault.List {
	rejected, _ := graphql.GetOperationContext(ctx).Stats.GetExtension(rejectedRows).(Rejected)
	if rejected == nil {
		return nil
	}
	for _, a := range graphql.GetFieldContext(ctx).Field.Arguments {
		if rows := rejected.in(a.Value); rows != nil {
			return rows
		}
	}
	return nil
}

func (r Rejected) in(v *ast.Value) map[int]fault.List {
	if v.Kind == ast.Variable {
		return r[v.Raw]
	}
	for _, child := range v.Children {
		if rows := r.in(child.Value); rows != nil {
			return rows
		}
	}
	return nil
}
