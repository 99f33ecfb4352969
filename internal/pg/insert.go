package pg

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
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

// change is what an UPDATE of a type's rows writes. The last field is the id.
type change struct {
	table  string
	fields []*schema.Field
}

func updatable[T any](tx *gorm.DB, columns Columns) (c change, err error) {
	table, err := tableOf[T](tx)
	if err != nil {
		return c, err
	}
	c.table = table.Table
	for _, name := range table.DBNames {
		if f := table.FieldsByDBName[name]; f.Updatable && !f.PrimaryKey && columns(name) {
			c.fields = append(c.fields, f)
		}
	}
	c.fields = append(c.fields, table.PrioritizedPrimaryField)
	return c, nil
}

// one is the statement that updates a row. Its parameters are the values of the fields.
func (c change) one() string {
	var sets []string
	for i, f := range c.fields[:len(c.fields)-1] {
		sets = append(sets, fmt.Sprintf("%s = $%d", column(f), i+1))
	}
	return fmt.Sprintf("UPDATE %s SET %s WHERE id = $%d", pgx.Identifier{c.table}.Sanitize(), strings.Join(sets, ", "), len(c.fields))
}

// many is the statement that updates many rows. Its parameters are arrays, each with the values of a field. ok is false if
// no array can have the values of one.
func (c change) many() (sql string, ok bool) {
	var sets, arrays, names []string
	for i, f := range c.fields {
		of := typeOf(f)
		if of == "" {
			return "", false
		}
		arrays, names = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, of)), append(names, column(f))
		if i < len(c.fields)-1 {
			sets = append(sets, fmt.Sprintf("%s = new.%s", column(f), column(f)))
		}
	}
	return fmt.Sprintf("UPDATE %s AS old SET %s FROM unnest(%s) AS new(%s) WHERE old.id = new.id", pgx.Identifier{c.table}.Sanitize(),
		strings.Join(sets, ", "), strings.Join(arrays, ", "), strings.Join(names, ", ")), true
}

// arrays are the parameters of many: the values of n rows. Of rows with the same id they have the last.
func (c change) arrays(ctx context.Context, n int, row func(i int) any) []any {
	arrays := make([][]any, len(c.fields))
	values, seen := make([]any, len(c.fields)), map[any]bool{}
	for i := n - 1; i >= 0; i-- {
		read(ctx, values, c.fields, row(i))
		id := values[len(values)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		for f, v := range values {
			arrays[f] = append(arrays[f], v)
		}
	}
	args := make([]any, len(arrays))
	for i, a := range arrays {
		args[i] = a
	}
	return args
}

func column(f *schema.Field) string { return pgx.Identifier{f.DBName}.Sanitize() }

// typeOf is a type of PostgreSQL that has the values of a field, and that can be assigned to its column; empty if none is
// known.
func typeOf(f *schema.Field) string {
	_, isJSON := f.Serializer.(schema.JSONSerializer)
	declared := f.TagSettings["TYPE"]
	switch value := f.IndirectFieldType; {
	case isJSON, declared == "jsonb":
		return "jsonb"
	case f.Serializer != nil, declared != "":
		return ""
	case isID(value):
		return "uuid"
	case value == reflect.TypeFor[time.Time]():
		return "timestamptz"
	case value == reflect.TypeFor[decimal.Decimal]():
		return "numeric"
	default:
		return typeOfKind[value.Kind()]
	}
}

var typeOfKind = map[reflect.Kind]string{
	reflect.Bool: "boolean", reflect.String: "text", reflect.Float32: "double precision", reflect.Float64: "double precision",
	reflect.Int: "bigint", reflect.Int16: "bigint", reflect.Int32: "bigint", reflect.Int64: "bigint",
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
