package pg

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"gorm.io/gorm/schema"
)

// rowScanner knows where the columns of a type's rows belong. It is made once for each type, from GORM's schema.
type rowScanner struct {
	relations [][]int // the paths of the fields that point to a related row
	fields    map[string]scanField
}

// scanField is the field of a column. The column of a relation has the name that GORM gives it: "Customer__first_name".
type scanField struct {
	relation int   // the index of the relation whose field it is; -1 for the row's own
	path     []int // to the field, in its row
	value    reflect.Type
	pointer  bool // whether the field points to its value
	kind     scanKind
}

type scanKind int

const (
	ignored  scanKind = iota // a column without a field
	plain                    // pgx scans it
	id                       // uuid.UUID, or a type of its own around it
	jsonText                 // of GORM's serializer
	scanned                  // by its sql.Scanner
	unknown                  // cannot be scanned
)

var scanners sync.Map // *schema.Schema, which GORM makes once for each type → *rowScanner

func scannerOf(of *schema.Schema) *rowScanner {
	if known, ok := scanners.Load(of); ok {
		return known.(*rowScanner)
	}
	s := &rowScanner{fields: map[string]scanField{}}
	s.add("", -1, of)
	for _, name := range slices.Sorted(maps.Keys(of.Relationships.Relations)) {
		r := of.Relationships.Relations[name]
		if r.Type == schema.BelongsTo && r.Field.FieldType.Kind() == reflect.Pointer {
			s.relations = append(s.relations, r.Field.StructField.Index)
			s.add(name+"__", len(s.relations)-1, r.FieldSchema)
		}
	}
	known, _ := scanners.LoadOrStore(of, s)
	return known.(*rowScanner)
}

func (s *rowScanner) add(prefix string, relation int, of *schema.Schema) {
	for _, f := range of.Fields {
		if f.DBName == "" || !f.Readable {
			continue
		}
		field := scanField{relation: relation, path: f.StructField.Index, value: f.FieldType}
		if f.Serializer == nil && field.value.Kind() == reflect.Pointer {
			field.pointer, field.value = true, field.value.Elem()
		}
		field.kind = kindOf(f, field.value)
		s.fields[prefix+f.DBName] = field
	}
}

func kindOf(f *schema.Field, value reflect.Type) scanKind {
	switch _, isJSON := f.Serializer.(schema.JSONSerializer); {
	case slices.Min(f.StructField.Index) < 0: // in a struct that is embedded by a pointer
		return unknown
	case isJSON:
		return jsonText
	case f.Serializer != nil:
		return unknown
	case isID(value):
		return id
	case reflect.PointerTo(value).Implements(reflect.TypeFor[sql.Scanner]()):
		return scanned
	case value.Kind() == reflect.Slice && value.Elem().Kind() != reflect.Uint8:
		return unknown
	case basics[value.Kind()] != nil || value == reflect.TypeFor[time.Time]():
		return plain
	}
	return unknown
}

var uuidType = reflect.TypeFor[uuid.UUID]()

// basics are the types into which pgx scans without reflection. A field of a type like one of them is scanned as that one.
var basics = map[reflect.Kind]reflect.Type{
	reflect.Bool: reflect.TypeFor[*bool](), reflect.String: reflect.TypeFor[*string](),
	reflect.Int: reflect.TypeFor[*int](), reflect.Int16: reflect.TypeFor[*int16](), reflect.Int32: reflect.TypeFor[*int32](), reflect.Int64: reflect.TypeFor[*int64](),
	reflect.Float32: reflect.TypeFor[*float32](), reflect.Float64: reflect.TypeFor[*float64](), reflect.Slice: reflect.TypeFor[*[]byte](),
}

// rowReader scans the rows of one answer.
type rowReader struct {
	types     *pgtype.Map
	columns   []scanColumn
	relations [][]int
	related   []reflect.Value // the related rows of the row that is read, as far as it has any
}

type scanColumn struct {
	scanField
	described pgconn.FieldDescription
	plan      pgtype.ScanPlan // of plain values; nil until the first one
}

func (s *rowScanner) reader(types *pgtype.Map, described []pgconn.FieldDescription) *rowReader {
	r := &rowReader{types: types, columns: make([]scanColumn, len(described)), relations: s.relations, related: make([]reflect.Value, len(s.relations))}
	for i, d := range described {
		r.columns[i] = scanColumn{scanField: s.fields[d.Name], described: d}
	}
	return r
}

// scan sets the fields of an empty row. A null leaves its field as it is, and a relation of nulls alone leaves it nil.
func (r *rowReader) scan(values [][]byte, row reflect.Value) error {
	clear(r.related)
	for i, value := range values {
		c := &r.columns[i]
		if value == nil || c.kind == ignored {
			continue
		}
		of := row
		if c.relation >= 0 {
			if of = r.related[c.relation]; !of.IsValid() {
				pointer := row.FieldByIndex(r.relations[c.relation])
				pointer.Set(reflect.New(pointer.Type().Elem()))
				of = pointer.Elem()
				r.related[c.relation] = of
			}
		}
		if err := c.scan(r.types, value, of.FieldByIndex(c.path)); err != nil {
			return fmt.Errorf("read the column %s: %w", c.described.Name, err)
		}
	}
	return nil
}

func (c *scanColumn) scan(types *pgtype.Map, value []byte, field reflect.Value) error {
	if c.pointer {
		field.Set(reflect.New(c.value))
		field = field.Elem()
	}
	binary := c.described.Format == pgtype.BinaryFormatCode
	switch c.kind {
	case jsonText:
		return json.Unmarshal(value, field.Addr().Interface())
	case id:
		if !binary || len(value) != len(uuid.UUID{}) {
			return field.Addr().Interface().(sql.Scanner).Scan(string(value))
		}
		if field.Kind() == reflect.Struct {
			field = field.Field(0)
		}
		reflect.Copy(field, reflect.ValueOf(value))
		return nil
	case scanned:
		v, err := sqlValue(types, c.described, value)
		if err != nil {
			return err
		}
		return field.Addr().Interface().(sql.Scanner).Scan(v)
	case plain:
		if field.Kind() == reflect.String && !binary {
			field.SetString(string(value))
			return nil
		}
		pointer := field.Addr()
		if basic := basics[field.Kind()]; basic != nil && basic != pointer.Type() {
			pointer = pointer.Convert(basic)
		}
		into := pointer.Interface()
		if c.plan == nil {
			c.plan = types.PlanScan(c.described.DataTypeOID, c.described.Format, into)
		}
		return c.plan.Scan(value, into)
	}
	return fmt.Errorf("no way to scan into a %s", field.Type())
}

// sqlValue is a value as database/sql gives it to a scanner.
func sqlValue(types *pgtype.Map, described pgconn.FieldDescription, value []byte) (any, error) {
	if t, ok := types.TypeForOID(described.DataTypeOID); ok {
		return t.Codec.DecodeDatabaseSQLValue(types, described.DataTypeOID, described.Format, value)
	}
	return string(value), nil
}
