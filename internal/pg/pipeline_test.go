package pg_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// thing has a column of each kind that an insert must handle: generated, null, encoded, read-only.
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

// kind has a column of each kind that an update of many rows must handle.
type kind struct {
	ID    model.CaseID
	Other *model.CaseID
	Word  string
	Maybe *bool
	Small int
	Part  float64
	Worth *decimal.Decimal
	At    *time.Time
	Map   map[string]string `gorm:"serializer:json"`
	List  model.Strings     `gorm:"type:jsonb"`
	Kept  *string
}

func kinds(t *testing.T) (*pg.DB, *pgtest.Counter) {
	t.Helper()
	db, counter := things(t)
	err := db.Gorm.Exec(`CREATE TABLE kinds (id uuid PRIMARY KEY, other uuid, word text, maybe boolean, small smallint, part double precision,
		worth numeric(24, 4), at timestamptz, map jsonb, list jsonb, kept text)`).Error
	if err != nil {
		t.Fatal(err)
	}
	return db, counter
}

func in(t *testing.T, db *pg.DB, do func(tx *gorm.DB) error) {
	t.Helper()
	if err := db.Tx(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func TestPipeline(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 30, 0, 123456000, time.UTC)
	make := func(id int) *thing { return &thing{ID: id, Word: new("a\tb\\N\n\""), Tags: []string{"x", `"`}, At: at} }
	insert := func(rows ...*thing) func(*gorm.DB) error {
		return func(tx *gorm.DB) error {
			return pg.Pipelined(tx, func(p *pg.Pipeline) { pg.AddInsert(p, "insert things", rows) })
		}
	}

	t.Run("inserts a few rows together and many by COPY", func(t *testing.T) {
		t.Parallel()
		db, counter := things(t)
		in(t, db, insert())
		in(t, db, insert(make(1)))
		in(t, db, insert(make(2), &thing{ID: 3, At: at}))
		if sent := strings.Join(counter.Statements(), "\n"); strings.Contains(sent, "COPY") || counter.Count() != 7 {
			t.Errorf("few rows were written by\n%s", sent)
		}
		counter.Reset()
		var many []*thing
		for id := range 10 {
			many = append(many, make(4+id))
		}
		in(t, db, insert(many...))
		if sent := counter.Statements(); len(sent) != 3 || !strings.Contains(sent[1], "COPY") { // with BEGIN and COMMIT
			t.Errorf("many rows were written by %q", sent)
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
		if len(rows) != 13 {
			t.Errorf("%d rows", len(rows))
		}
	})

	t.Run("inserts given numbers", func(t *testing.T) {
		t.Parallel()
		db, _ := things(t)
		in(t, db, func(tx *gorm.DB) error {
			return pg.Pipelined(tx, func(p *pg.Pipeline) {
				pg.AddInsert(p, "insert one", []*thing{{ID: 1, Number: 70}}, "number")
				var many []*thing
				for id := range 10 {
					many = append(many, &thing{ID: 2 + id, Number: int64(71 + id)})
				}
				pg.AddInsert(p, "insert many", many, "number")
			})
		})
		var other int
		if err := db.Gorm.Raw("SELECT count(*) FROM things WHERE number <> 69 + id").Scan(&other).Error; err != nil || other != 0 {
			t.Errorf("%d rows have another number: %v", other, err)
		}
	})

	t.Run("updates rows", func(t *testing.T) {
		t.Parallel()
		db, _ := things(t)
		in(t, db, insert(&thing{ID: 1}, &thing{ID: 2}, &thing{ID: 3}))
		changed := []*thing{{ID: 1, Word: new("one"), Tags: []string{"a"}}, {ID: 3, Word: new("three"), Tags: []string{"c"}}}
		in(t, db, func(tx *gorm.DB) error {
			return pg.Pipelined(tx, func(p *pg.Pipeline) {
				pg.AddUpdate(p, "update none", []*thing{}, pg.Only("word"))
				pg.AddUpdate(p, "update words", changed, pg.Only("word"))
				pg.AddUpdate(p, "update tags", changed[:1], pg.Except("word", "at"))
			})
		})
		var got []string
		if err := db.Gorm.Raw("SELECT concat_ws(' ', id, word, tags) FROM things ORDER BY id").Scan(&got).Error; err != nil {
			t.Fatal(err)
		}
		if want := []string{`1 one ["a"]`, "2", "3 three"}; !reflect.DeepEqual(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
	})

	t.Run("updates many rows by one statement", func(t *testing.T) {
		t.Parallel()
		db, counter := kinds(t)
		id := func(i int) model.CaseID { return model.CaseID{UUID: uuid.UUID{15: byte(i)}} }
		yes := true
		var before, after []*kind
		for i := range 12 {
			before = append(before, &kind{ID: id(i)})
			after = append(after, &kind{ID: id(i), Other: new(id(i + 1)), Word: "a,{\"b\"}\\\\", Maybe: &yes, Small: i, Part: 0.5, Worth: new(decimal.RequireFromString("12.3400")),
				At: &at, Map: map[string]string{"k": `{"v",`}, List: model.Strings{"x", `"`}})
		}
		after[3] = &kind{ID: id(3)}
		in(t, db, func(tx *gorm.DB) error {
			return pg.Pipelined(tx, func(p *pg.Pipeline) { pg.AddInsert(p, "insert", before) })
		})
		counter.Reset()
		in(t, db, func(tx *gorm.DB) error {
			return pg.Pipelined(tx, func(p *pg.Pipeline) {
				pg.AddUpdate(p, "update", append([]*kind{{ID: id(5), Word: "before"}}, after...), pg.Except("kept"))
			})
		})
		if sent := counter.Statements(); len(sent) != 3 { // with BEGIN and COMMIT
			t.Errorf("the rows were written by %q", sent)
		}
		got, err := pg.Find[kind](db.Gorm.Order("id"))
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range got {
			if want := after[i]; !reflect.DeepEqual(row, want) {
				t.Errorf("%+v, not %+v", row, want)
			}
		}
	})

	t.Run("reads rows that statements before them have written", func(t *testing.T) {
		t.Parallel()
		db, _ := things(t)
		var words []string
		in(t, db, func(tx *gorm.DB) error {
			return pg.Pipelined(tx, func(p *pg.Pipeline) {
				p.Exec("insert", "INSERT INTO things (id, word) VALUES ($1, 'one')", 1)
				p.Query("read", "SELECT word FROM things", nil, func(rows pgx.Rows) (err error) {
					words, err = pgx.CollectRows(rows, pgx.RowTo[string])
					return err
				})
			})
		})
		if !reflect.DeepEqual(words, []string{"one"}) {
			t.Errorf("%q", words)
		}
	})

	t.Run("returns the first error and leaves nothing", func(t *testing.T) {
		t.Parallel()
		db, counter := things(t)
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			p := pg.NewPipeline(tx)
			pg.AddInsert(p, "insert the first", []*thing{{ID: 1}})
			pg.AddInsert(p, "insert it again", []*thing{{ID: 1}})
			p.Exec("divide", "SELECT 1 / $1::int", 0)
			first := p.Send()
			counter.Reset()
			p.Exec("insert later", "INSERT INTO things (id) VALUES (2)")
			if again := p.Send(); again != first || counter.Count() != 0 { //nolint:errorlint // it must be the same
				t.Errorf("after %v the pipeline sent %q and returned %v", first, counter.Statements(), again)
			}
			return first
		})
		if !pg.Violates(err, "things_pkey") || !strings.HasPrefix(err.Error(), "insert it again: ") {
			t.Errorf("the error is %v", err)
		}
		var n int
		if err := db.Gorm.Raw("SELECT count(*) FROM things").Scan(&n).Error; err != nil || n != 0 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}

func TestPipelineOfALane(t *testing.T) {
	t.Parallel()
	db, counter := things(t)
	in(t, db, func(tx *gorm.DB) error { return tx.Create([]*thing{{ID: 1}, {ID: 2}, {ID: 3}}).Error })
	counter.Reset()
	p := pg.NewPipeline(db.Gorm.WithContext(t.Context()))
	var few, all []*thing
	pg.AddFind(p, "find few", p.Tx().Where("id < 3"), &few)
	pg.AddFind(p, "find all", p.Tx().Order("id"), &all)
	if err := p.Send(); err != nil || len(few) != 2 || len(all) != 3 || all[2].Twice != 6 {
		t.Errorf("found %v and %v, %v; want two and three things", few, all, err)
	}
	if counter.Trips() != 1 {
		t.Errorf("%d waits for the server, want 1", counter.Trips())
	}
	p = pg.NewPipeline(db.Gorm.WithContext(t.Context()))
	pg.AddFind(p, "find none", p.Tx().Where("id / (id - id) = 1"), &few)
	pg.AddFind(p, "find all", p.Tx(), &all)
	if err := p.Send(); err == nil || !strings.HasPrefix(err.Error(), "find none: ") {
		t.Errorf("the first statement fails with %v, want an error that names it", err)
	}
	if err := db.Gorm.Exec("SELECT 1").Error; err != nil {
		t.Errorf("after an error the lane does not work: %v", err)
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
