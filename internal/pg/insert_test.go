package pg_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// thing has a column of each kind that Insert must handle: generated, null, encoded, read-only.
type thing struct {
	ID     int
	Number int64 `gorm:"->;default:(-)"`
	Word   *string
	Tags   []string `gorm:"serializer:json"`
	At     time.Time
	Twice  int `gorm:"->"`
}

func things(t *testing.T) (*pg.DB, *pgtest.Counter) {
	t.Helper()
	var counter pgtest.Counter
	db := pgtest.New(t, pgtest.Empty(), pgtest.WithTracer(&counter))
	err := db.Gorm.Exec(`CREATE TABLE things (id int PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY, word text, tags jsonb, at timestamptz,
		twice int GENERATED ALWAYS AS (id * 2) STORED)`).Error
	if err != nil {
		t.Fatal(err)
	}
	counter.Reset()
	return db, &counter
}

func in(t *testing.T, db *pg.DB, do func(tx *gorm.DB) error) {
	t.Helper()
	if err := db.Tx(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func TestInsert(t *testing.T) {
	t.Parallel()
	db, counter := things(t)
	at := time.Date(2026, 3, 2, 9, 30, 0, 123456000, time.UTC)
	make := func(id int) *thing { return &thing{ID: id, Word: new("a\tb\\N\n\""), Tags: []string{"x", `"`}, At: at} }
	in(t, db, func(tx *gorm.DB) error { return pg.Insert(tx, []*thing{}) })
	in(t, db, func(tx *gorm.DB) error { return pg.Insert(tx, []*thing{make(1)}) })
	if sent := strings.Join(counter.Statements(), "\n"); strings.Contains(sent, "COPY") {
		t.Errorf("one row was written by\n%s", sent)
	}
	counter.Reset()
	in(t, db, func(tx *gorm.DB) error { return pg.Insert(tx, []*thing{make(2), {ID: 3, At: at}, make(4)}) })
	if n := counter.Count(); n != 3 { // with BEGIN and COMMIT
		t.Errorf("%d statements: %q", n, counter.Statements())
	}
	var rows []thing
	if err := db.Gorm.Order("id").Find(&rows).Error; err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		want := *make(i + 1)
		if row.ID == 3 {
			want.Word, want.Tags = nil, nil
		}
		want.Number, want.Twice = int64(i+1), 2*(i+1)
		if !reflect.DeepEqual(row, want) {
			t.Errorf("%+v, not %+v", row, want)
		}
	}
	if len(rows) != 4 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	db, _ := things(t)
	in(t, db, func(tx *gorm.DB) error { return pg.Insert(tx, []*thing{{ID: 1}, {ID: 2}, {ID: 3}}) })
	changed := []*thing{{ID: 1, Word: new("one"), Tags: []string{"a"}}, {ID: 3, Word: new("three"), Tags: []string{"c"}}}
	in(t, db, func(tx *gorm.DB) error { return pg.Update(tx, []*thing{}, pg.Only("word")) })
	in(t, db, func(tx *gorm.DB) error { return pg.Update(tx, changed, pg.Only("word")) })
	in(t, db, func(tx *gorm.DB) error { return pg.Update(tx, changed[:1], pg.Except("word", "at")) })
	var got []string
	if err := db.Gorm.Raw("SELECT concat_ws(' ', id, word, tags) FROM things ORDER BY id").Scan(&got).Error; err != nil {
		t.Fatal(err)
	}
	if want := []string{`1 one ["a"]`, "2", "3 three"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestReplan(t *testing.T) {
	t.Parallel()
	db, _ := things(t)
	if err := db.Gorm.Exec("INSERT INTO things (id) VALUES (1); ANALYZE things").Error; err != nil {
		t.Fatal(err)
	}
	in(t, db, func(tx *gorm.DB) error {
		explain := func() string {
			var plan []string
			if err := tx.Raw("EXPLAIN EXECUTE find(1)").Scan(&plan).Error; err != nil {
				t.Fatal(err)
			}
			return strings.Join(plan, "\n")
		}
		if err := tx.Exec("SET LOCAL plan_cache_mode = force_generic_plan").Error; err != nil {
			return err
		}
		if err := tx.Exec("PREPARE find(int) AS SELECT * FROM things WHERE id = $1").Error; err != nil {
			return err
		}
		small := explain()
		if err := tx.Exec("INSERT INTO things (id) SELECT generate_series(2, 5000)").Error; err != nil {
			return err
		}
		if cached := explain(); !strings.Contains(small, "Seq Scan") || cached != small {
			t.Errorf("PostgreSQL did not cache the plan:\n%s\n%s", small, cached)
		}
		if err := pg.Replan(tx); err != nil {
			return err
		}
		if replanned := explain(); strings.Contains(replanned, "Seq Scan") {
			t.Errorf("the statement was not planned anew:\n%s", replanned)
		}
		return nil
	})
}
