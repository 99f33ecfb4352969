package pg

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Insert writes rows into the table of their type: one row by an INSERT, several by one COPY, which costs a fraction of
// as many INSERTs. It writes all columns that GORM may write. Unlike GORM's Create, COPY applies no column default to a
// zero value, and does not read back the values that the database generates.
func Insert[T any](tx *gorm.DB, rows []*T) error {
	switch len(rows) {
	case 0:
		return nil
	case 1:
		return tx.Omit(clause.Associations).Create(rows[0]).Error
	}
	table, err := tableOf[T](tx)
	if err != nil {
		return err
	}
	var names []string
	var fields []*schema.Field
	for _, name := range table.DBNames {
		if f := table.FieldsByDBName[name]; f.Creatable {
			names, fields = append(names, name), append(fields, f)
		}
	}
	ctx := tx.Statement.Context
	values := make([]any, len(fields)) // reused: pgx has encoded a row before it asks for the next
	source := pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		read(ctx, values, fields, rows[i])
		return values, nil
	})
	_, err = Raw(tx).CopyFrom(ctx, pgx.Identifier{table.Table}, names, source)
	return err
}

// Update writes columns of existing rows, which it finds by their ids, in one batch.
func Update[T any](tx *gorm.DB, rows []*T, columns Columns) error {
	if len(rows) == 0 {
		return nil
	}
	table, err := tableOf[T](tx)
	if err != nil {
		return err
	}
	var sets []string
	var fields []*schema.Field
	for _, name := range table.DBNames {
		if f := table.FieldsByDBName[name]; f.Updatable && !f.PrimaryKey && columns(name) {
			fields = append(fields, f)
			sets = append(sets, fmt.Sprintf("%s = $%d", pgx.Identifier{name}.Sanitize(), len(fields)))
		}
	}
	fields = append(fields, table.PrioritizedPrimaryField)
	sql := fmt.Sprintf("UPDATE %s SET %s WHERE id = $%d", pgx.Identifier{table.Table}.Sanitize(), strings.Join(sets, ", "), len(fields))
	ctx := tx.Statement.Context
	var batch pgx.Batch
	for _, row := range rows {
		values := make([]any, len(fields))
		read(ctx, values, fields, row)
		if len(rows) == 1 {
			_, err := Raw(tx).Exec(ctx, sql, values...)
			return err
		}
		batch.Queue(sql, values...)
	}
	return Raw(tx).SendBatch(ctx, &batch).Close()
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
