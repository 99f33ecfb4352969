package pg_test

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// GORM is the model: Find must give the same rows for every type, with all kinds of values and nulls in its columns.
func TestFindScansAsGORMDoes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	err := db.Tx(t.Context(), func(tx *gorm.DB) error {
		// Copies of the tables without constraints, so that each column can have each value.
		if err := tx.Exec("CREATE SCHEMA shadow; SET LOCAL search_path = shadow, public").Error; err != nil {
			return err
		}
		same[model.User](t, tx)
		same[model.Customer](t, tx)
		same[model.CustomerRow](t, tx)
		same[model.Response](t, tx, "Customer")
		same[model.ResponseRow](t, tx)
		same[model.Case](t, tx, "Customer", "Response", "Assignee")
		same[model.Note](t, tx, "Author")
		same[model.ApiToken](t, tx)
		same[model.AuditEvent](t, tx)
		same[model.Event](t, tx)
		same[model.ExternalRef](t, tx)
		same[model.Import](t, tx)
		same[model.Notification](t, tx)
		same[model.Recipient](t, tx)
		same[model.Rule](t, tx)
		same[model.Settings](t, tx)
		same[model.StoredCalendar](t, tx)
		same[model.Theme](t, tx)
		same[model.ThemeRun](t, tx)
		same[model.Webhook](t, tx)
		same[model.WebhookDelivery](t, tx)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// shadowRows is how many rows a copy of a table gets: enough that each column has each of its values beside others.
const shadowRows = 24

func same[T any](t *testing.T, tx *gorm.DB, relations ...string) {
	t.Helper()
	of, err := schema.Parse(new(T), new(sync.Map), schema.NamingStrategy{})
	if err != nil {
		t.Fatal(err)
	}
	fillShadow(t, tx, of)
	query := func() *gorm.DB {
		q := tx.Order(of.Table + ".ctid")
		for _, name := range relations {
			q = q.Joins(name)
		}
		return q
	}
	var want []*T
	if err := query().Find(&want).Error; err != nil {
		t.Fatal(err)
	}
	got, err := pg.Find[T](query())
	if err != nil {
		t.Fatalf("%s: %v", of.Name, err)
	}
	var added []*T
	if err := pg.Pipelined(tx, func(p *pg.Pipeline) { pg.AddFind(p, "find", query(), &added) }); err != nil {
		t.Fatalf("%s: %v", of.Name, err)
	}
	if !reflect.DeepEqual(added, got) {
		t.Errorf("%s: AddFind gives other rows than Find", of.Name)
	}
	if len(want) != shadowRows || len(got) != len(want) {
		t.Fatalf("%s: %d rows, GORM gives %d of %d", of.Name, len(got), len(want), shadowRows)
	}
	for i := range want {
		for _, name := range relations { // GORM makes an empty object for a row that is not there, if its type has a field in JSON
			if f := reflect.ValueOf(want[i]).Elem().FieldByName(name); !f.IsNil() && f.Elem().FieldByName("ID").IsZero() {
				f.SetZero()
			}
		}
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%s, row %d:\n%#v\nGORM gives\n%#v", of.Name, i, got[i], want[i])
			return
		}
	}
	for _, name := range relations {
		related, none := 0, 0
		for _, row := range got {
			if reflect.ValueOf(row).Elem().FieldByName(name).IsNil() {
				none++
			} else {
				related++
			}
		}
		if related == 0 || none == 0 {
			t.Errorf("%s: %d rows with %s and %d without, which proves nothing", of.Name, related, name, none)
		}
	}
}

// fillShadow makes a copy of a type's table, unless there is one, and fills each column with the values of its type in turn.
func fillShadow(t *testing.T, tx *gorm.DB, of *schema.Schema) {
	t.Helper()
	exec := func(sql string, args ...any) {
		t.Helper()
		if err := tx.Exec(sql, args...).Error; err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("DROP TABLE IF EXISTS shadow." + of.Table)
	exec("CREATE TABLE shadow." + of.Table + " (LIKE public." + of.Table + ")")
	var columns []struct{ Name, Type string }
	err := tx.Raw("SELECT column_name AS name, udt_name AS type FROM information_schema.columns WHERE table_schema = 'shadow' AND table_name = ?", of.Table).Scan(&columns).Error
	if err != nil {
		t.Fatal(err)
	}
	var names, casts []string
	var values [][]any
	for _, c := range columns {
		exec("ALTER TABLE shadow." + of.Table + ` ALTER "` + c.Name + `" DROP NOT NULL`)
		if f := of.FieldsByDBName[c.Name]; f != nil {
			names, casts = append(names, `"`+c.Name+`"`), append(casts, "CAST(CAST(? AS text) AS "+c.Type+")")
			values = append(values, valuesOf(t, c.Type, f))
		}
	}
	for row := range shadowRows {
		args := make([]any, len(values))
		for i, list := range values {
			if args[i] = list[(row*(i%3+1)+i/len(list))%len(list)]; names[i] == `"id"` && len(list) == len(shadowIDs) {
				args[i] = fmt.Sprintf("%s%02d", shadowIDs[0].(string)[:34], row)
			}
		}
		exec("INSERT INTO shadow."+of.Table+" ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(casts, ", ")+")", args...)
	}
}

// shadowIDs are ids of rows in each table, so that joins find some rows, and others.
var shadowIDs = []any{"0190163d-8694-739b-9f6b-1bdac25e4c00", "00000000-0000-0000-0000-000000000001", nil, "ffffffff-ffff-4fff-bfff-ffffffffffff", "0190163d-8694-739b-9f6b-1bdac25e4c17"}

// valuesOf are values for a column, as text; nil is NULL.
func valuesOf(t *testing.T, columnType string, f *schema.Field) []any {
	t.Helper()
	switch columnType {
	case "text":
		return []any{"x", nil, "", `é " \ 'ß' 🦔`}
	case "uuid":
		return shadowIDs
	case "int2", "int4", "int8":
		return []any{"7", "0", nil, "-1", "32767"}
	case "numeric":
		return []any{"1234.5000", nil, "0", "-0.0001", "12345678901234567890.1234"}
	case "float8":
		return []any{"0.25", nil, "0", "1e-5"}
	case "bool":
		return []any{"true", "false", nil}
	case "timestamptz":
		return []any{"2026-03-01 09:30:00.123456+00", nil, "0001-01-01 00:00:00+00", "2026-07-01 09:30:00+02"}
	case "bytea":
		return []any{`\x0001ff`, nil, `\x`}
	case "jsonb":
		switch value := f.IndirectFieldType; value.Kind() {
		case reflect.Map:
			return []any{`{"a": "b", "é": ""}`, `{}`, nil, `null`}
		case reflect.Slice:
			switch elem := value.Elem(); {
			case elem.Kind() == reflect.Uint8:
				return []any{`{"x": [1, 2.50], "é": null}`, nil, `null`, `[]`}
			case elem.Kind() == reflect.String:
				return []any{`["a", "é \""]`, `[]`, nil}
			case elem.Kind() == reflect.Int:
				return []any{`[1, 2]`, `[]`, nil}
			}
			return []any{`[{}]`, `[]`, nil, `null`}
		}
		return []any{`{}`, nil, `null`}
	}
	t.Fatalf("no values for %s of the type %s", f.DBName, columnType)
	return nil
}

func TestFind(t *testing.T) {
	t.Parallel()
	db, counter := things(t)
	rows := []*thing{{ID: 1, Tags: []string{"a"}, At: time.Unix(1, 0).UTC()}, {ID: 2, Tags: []string{}, At: time.Unix(2, 0).UTC()}}
	in(t, db, func(tx *gorm.DB) error {
		return pg.Pipelined(tx, func(p *pg.Pipeline) { pg.AddInsert(p, "insert things", rows) })
	})

	t.Run("is one statement, which is reported to the context", func(t *testing.T) {
		counter.Reset()
		var used []pg.Usage
		ctx := pg.WithUsage(t.Context(), func(u pg.Usage) { used = append(used, u) })
		found, err := pg.Find[thing](db.Gorm.WithContext(ctx).Where("id < ?", 9).Order("id"))
		if err != nil || len(found) != 2 || found[1].ID != 2 || found[1].Twice != 4 {
			t.Fatalf("%v, %v", found, err)
		}
		if counter.Count() != 1 || len(used) != 1 || used[0].Rows != 2 || used[0].Time <= 0 {
			t.Errorf("%d statements, reported as %v", counter.Count(), used)
		}
	})

	t.Run("reads what the query chooses, and nothing that the type lacks", func(t *testing.T) {
		found, err := pg.Find[thing](db.Gorm.WithContext(t.Context()).Select("id", "1 AS surplus").Where("id = 1"))
		if err != nil || len(found) != 1 || found[0].ID != 1 || found[0].Tags != nil {
			t.Errorf("%v, %v", found, err)
		}
		if none, err := pg.Find[thing](db.Gorm.WithContext(t.Context()).Where("id = 9")); none == nil || len(none) != 0 || err != nil {
			t.Errorf("without rows: %v, %v; want an empty list", none, err)
		}
	})

	t.Run("sees its transaction", func(t *testing.T) {
		in(t, db, func(tx *gorm.DB) error {
			if err := tx.Exec("DELETE FROM things WHERE id = 2").Error; err != nil {
				return err
			}
			if found, err := pg.Find[thing](tx); len(found) != 1 || err != nil {
				t.Errorf("%d rows, %v; want the one that is left", len(found), err)
			}
			return tx.Exec("INSERT INTO things (id, at) VALUES (2, now())").Error
		})
	})

	t.Run("returns the error of the statement and of a value", func(t *testing.T) {
		if _, err := pg.Find[thing](db.Gorm.WithContext(t.Context()).Where("1 / (id - id) = 1")); err == nil || !strings.Contains(err.Error(), "22012") {
			t.Errorf("a division by zero: %v", err)
		}
		if _, err := pg.Find[thing](db.Gorm.WithContext(t.Context()).Select("'much' AS number")); err == nil || !strings.Contains(err.Error(), "number") {
			t.Errorf("a text for a number: %v", err)
		}
		if _, err := pg.Find[struct {
			ID   int
			Tags []string `gorm:"serializer:gob"`
		}](db.Gorm.WithContext(t.Context()).Table("things").Select("id", "tags")); err == nil || !strings.Contains(err.Error(), "tags") {
			t.Errorf("a field that nothing can scan into: %v", err)
		}
	})

	t.Run("plans for the values where it is asked to", func(t *testing.T) {
		prepared := func(planned bool) (found bool) {
			in(t, db, func(tx *gorm.DB) error {
				tag := fmt.Sprint("'", model.NewUUID(), "' <> ''") // a statement that was never sent before
				for range 2 {
					q := tx.Where(tag)
					if planned {
						q = pg.PlanForValues(q)
					}
					if _, err := pg.Find[thing](q); err != nil {
						return err
					}
				}
				return tx.Raw("SELECT count(*) > 0 FROM pg_prepared_statements WHERE statement LIKE ? AND name <> ''", "%"+tag+"%").Scan(&found).Error
			})
			return found
		}
		if !prepared(false) || prepared(true) {
			t.Error("only a statement that is not planned for its values is kept with its plan")
		}
	})
}
