package year

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm/schema"
)

// table writes rows of a GORM model as lines of COPY, in PostgreSQL's text format.
type table struct {
	name    string
	columns []string // quoted
	fields  []*schema.Field
}

// tableOf has the columns that the program writes. Extra columns come first; the caller adds their values to each line.
func tableOf(row any, extra ...string) *table {
	parsed, err := schema.Parse(row, &sync.Map{}, schema.NamingStrategy{})
	check(err)
	t := &table{name: parsed.Table}
	for _, name := range extra {
		t.columns = append(t.columns, `"`+name+`"`)
	}
	for _, f := range parsed.Fields {
		if f.DBName != "" && f.Creatable {
			t.columns, t.fields = append(t.columns, `"`+f.DBName+`"`), append(t.fields, f)
		}
	}
	return t
}

func (t *table) copies() string {
	return "COPY " + t.name + " (" + strings.Join(t.columns, ", ") + ") FROM STDIN"
}

// line appends a row as COPY reads it, without the extra columns.
func (t *table) line(b []byte, row any) []byte {
	v := reflect.ValueOf(row).Elem()
	for i, f := range t.fields {
		if i > 0 {
			b = append(b, '\t')
		}
		value, _ := f.ValueOf(context.Background(), v)
		b = appendValue(b, value)
	}
	return append(b, '\n')
}

// appendValue appends one value.
func appendValue(b []byte, v any) []byte {
	const null = `\N`
	if valuer, ok := v.(driver.Valuer); ok {
		if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
			return append(b, null...)
		}
		inner, err := valuer.Value()
		check(err)
		return appendValue(b, inner)
	}
	switch v := v.(type) {
	case nil:
		return append(b, null...)
	case string:
		return escape(b, v)
	case json.RawMessage:
		if v == nil {
			return append(b, null...)
		}
		return escape(b, string(v))
	case []byte:
		return escape(b, string(v))
	case []string:
		return escape(b, arrayLiteral(v))
	case time.Time:
		return v.UTC().AppendFormat(b, "2006-01-02 15:04:05.999999Z07:00")
	case bool:
		return strconv.AppendBool(b, v)
	}
	switch p := reflect.ValueOf(v); p.Kind() {
	case reflect.Pointer:
		if p.IsNil() {
			return append(b, null...)
		}
		return appendValue(b, p.Elem().Interface())
	case reflect.Int, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, p.Int(), 10)
	case reflect.Float64:
		return strconv.AppendFloat(b, p.Float(), 'g', -1, 64)
	case reflect.String:
		return escape(b, p.String())
	}
	panic(fmt.Sprintf("COPY does not know %T", v))
}

// arrayLiteral follows PostgreSQL's documentation of arrays, section "Array Input and Output Syntax".
func arrayLiteral(all []string) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

// escape follows PostgreSQL's documentation of COPY, section "Text Format".
func escape(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\':
			b = append(b, `\\`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, c)
		}
	}
	return b
}
