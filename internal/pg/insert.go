package pg

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// insertion is what an INSERT of a type's rows writes.
type insertion struct {
	table  string
	names  []string // of the columns
	fields []*schema.Field
}

func insertable[T any](tx *gorm.DB, others []string) (t insertion, err error) {
	table, err := tableOf[T](tx)
	if err != nil {
		return t, err
	}
	t.table = table.Table
	for _, name := range table.DBNames {
		if f := table.FieldsByDBName[name]; f.Creatable || slices.Contains(others, name) {
			t.names, t.fields = append(t.names, name), append(t.fields, f)
		}
	}
	return t, nil
}

// updatable returns the statement that updates a row of a type, and the fields that are its parameters.
func updatable[T any](tx *gorm.DB, columns Columns) (sql string, fields []*schema.Field, err error) {
	table, err := tableOf[T](tx)
	if err != nil {
		return "", nil, err
	}
	var sets []string
	for _, name := range table.DBNames {
		if f := table.FieldsByDBName[name]; f.Updatable && !f.PrimaryKey && columns(name) {
			fields = append(fields, f)
			sets = append(sets, fmt.Sprintf("%s = $%d", pgx.Identifier{name}.Sanitize(), len(fields)))
		}
	}
	fields = append(fields, table.PrioritizedPrimaryField)
	sql = fmt.Sprintf("UPDATE %s SET %s WHERE id = $%d", pgx.Identifier{table.Table}.Sanitize(), strings.Join(sets, ", "), len(fields))
	return sql, fields, nil
}

// Columns reports whether a column is written.
type Columns func(name string) bool

// Only chooses the named columns.
func Only(names ...string) Columns {
	return func(name string) bool { return slices.Contains(names, name) }
}

// Except chooses all other columns.
func Except(names ...string) Columns {
	return func(name string) bool { return !slices.Contains(names, name) }
}

func read(ctx context.Context, into []any, fields []*schema.Field, row any) {
	value := reflect.ValueOf(row)
	for i, f := range fields {
		into[i], _ = f.ValueOf(ctx, value)
	}
}

func tableOf[T any](tx *gorm.DB) (*schema.Schema, error) {
	statement := &gorm.Statement{DB: tx}
	err := statement.Parse(new(T))
	return statement.Schema, err
}
