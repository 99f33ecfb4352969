package pg_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestTxWaits(t *testing.T) {
	t.Parallel()
	var counter pgtest.Counter
	db := table(t, pgtest.WithTracer(&counter))
	put := func(p *pg.Pipeline, id int) { p.Exec("insert", "INSERT INTO things (id) VALUES ($1)", id) }
	look := func(p *pg.Pipeline, into *[]int) {
		p.Query("look", "SELECT id FROM things ORDER BY id", nil, func(rows pgx.Rows) (err error) {
			*into, err = pgx.CollectRows(rows, pgx.RowTo[int])
			return err
		})
	}
	var seen []int
	for name, c := range map[string]struct {
		waits int
		do    func(tx *gorm.DB) error
	}{
		"without a statement": {0, func(*gorm.DB) error { return nil }},
		"with statements for later alone": {1, func(tx *gorm.DB) error {
			return errors.Join(pg.Later(tx, func(p *pg.Pipeline) { put(p, 1) }), pg.Later(tx, func(p *pg.Pipeline) { put(p, 2) }))
		}},
		"with a pipeline, and others for later": {2, func(tx *gorm.DB) error {
			return errors.Join(pg.Pipelined(tx, func(p *pg.Pipeline) { look(p, &seen) }), pg.Later(tx, func(p *pg.Pipeline) { put(p, 3) }))
		}},
		"with statements for later, and then a pipeline": {2, func(tx *gorm.DB) error {
			return errors.Join(pg.Later(tx, func(p *pg.Pipeline) { put(p, 4) }), pg.Pipelined(tx, func(p *pg.Pipeline) { look(p, &seen) }))
		}},
		"with rows, which are not left for later": {2, func(tx *gorm.DB) error {
			return pg.Later(tx, func(p *pg.Pipeline) { look(p, &seen) })
		}},
		"with a statement of its own": {3, func(tx *gorm.DB) error { return insert(tx, 5) }},
	} {
		counter.Reset()
		in(t, db, c.do)
		if counter.Trips() != c.waits {
			t.Errorf("a transaction %s waits %d times, not %d: %q", name, counter.Trips(), c.waits, counter.Statements())
		}
	}
	in(t, db, func(tx *gorm.DB) error { return pg.Pipelined(tx, func(p *pg.Pipeline) { look(p, &seen) }) })
	if !reflect.DeepEqual(seen, []int{1, 2, 3, 4, 5}) {
		t.Errorf("the transactions have written %v", seen)
	}
}

func TestLater(t *testing.T) {
	t.Parallel()
	put := func(tx *gorm.DB, id int) error {
		return pg.Later(tx, func(p *pg.Pipeline) { p.Exec("insert", "INSERT INTO things (id) VALUES ($1)", id) })
	}

	t.Run("comes before any other statement", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		in(t, db, func(tx *gorm.DB) error {
			if err := put(tx, 1); err != nil || count(t, db) != 0 {
				t.Errorf("%d rows before the commit: %v", count(t, db), err)
			}
			var n int
			if err := tx.Raw("SELECT count(*) FROM things").Scan(&n).Error; err != nil || n != 1 {
				t.Errorf("GORM sees %d rows: %v", n, err)
			}
			raw := pg.Raw(tx)
			if err := put(tx, 2); err != nil {
				return err
			}
			if err := raw.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n); err != nil || n != 2 {
				t.Errorf("Raw sees %d rows: %v", n, err)
			}
			if err := put(tx, 3); err != nil {
				return err
			}
			rows, err := pg.Find[struct{ ID int }](tx.Table("things"))
			if err != nil || len(rows) != 3 {
				t.Errorf("Find sees %d rows: %v", len(rows), err)
			}
			return put(tx, 4)
		})
		if count(t, db) != 4 {
			t.Errorf("%d rows", count(t, db))
		}
	})

	t.Run("is undone with its savepoint, and with its transaction", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		stop := errors.New("stop")
		in(t, db, func(tx *gorm.DB) error {
			err := tx.Transaction(func(inner *gorm.DB) error { return errors.Join(put(inner, 1), stop) })
			if !errors.Is(err, stop) {
				t.Error(err)
			}
			return tx.Transaction(func(inner *gorm.DB) error { return put(inner, 2) })
		})
		if err := db.Tx(t.Context(), func(tx *gorm.DB) error { return errors.Join(put(tx, 3), stop) }); !errors.Is(err, stop) {
			t.Error(err)
		}
		if count(t, db) != 1 {
			t.Errorf("%d rows, want that of the inner transaction that did not fail", count(t, db))
		}
	})

	t.Run("keeps the transaction from its commit where it fails", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		err := db.Tx(t.Context(), func(tx *gorm.DB) error { return errors.Join(insert(tx, 1), put(tx, 2), put(tx, 1), put(tx, 3)) })
		if !pg.Violates(err, "things_key") || !pg.Refused(err) {
			t.Errorf("the error is %v", err)
		}
		err = db.Tx(t.Context(), func(tx *gorm.DB) error {
			return pg.Later(tx, func(p *pg.Pipeline) {
				p.Exec("insert", "INSERT INTO things (id) VALUES (4)")
				p.Exec("insert text", "INSERT INTO things (id) VALUES ($1)", "no number")
			})
		})
		if !pg.Refused(err) {
			t.Errorf("a value that cannot be sent: %v", err)
		}
		if count(t, db) != 0 {
			t.Errorf("%d rows are left", count(t, db))
		}
	})

	t.Run("leaves it unknown whether the transaction was committed where the connection breaks", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			return errors.Join(put(tx, 1), pg.Later(tx, func(p *pg.Pipeline) { p.Exec("break", "SELECT pg_terminate_backend(pg_backend_pid())") }))
		})
		if !pg.Unavailable(err) || pg.Refused(err) {
			t.Errorf("the error is %v", err)
		}
		if count(t, db) != 0 {
			t.Errorf("%d rows are left", count(t, db))
		}
	})

	t.Run("is tried again after a conflict", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		tries := 0
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			if tries++; tries == 3 {
				return put(tx, tries)
			}
			return errors.Join(put(tx, tries), pg.Later(tx, func(p *pg.Pipeline) {
				p.Exec("conflict", "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$")
			}))
		})
		if err != nil || tries != 3 || count(t, db) != 1 {
			t.Errorf("%d tries, %d rows: %v", tries, count(t, db), err)
		}
	})
}

// A pipeline fails before its BEGIN is sent if one of its statements cannot be prepared.
func TestTxRunsNothingOutsideItself(t *testing.T) {
	t.Parallel()
	for name, insert := range map[string]func(tx *gorm.DB) error{
		"GORM": func(tx *gorm.DB) error { return insert(tx, 1) },
		"Raw": func(tx *gorm.DB) error {
			_, err := pg.Raw(tx).Exec(t.Context(), "INSERT INTO things VALUES (1)")
			return err
		},
		"a pipeline": func(tx *gorm.DB) error {
			return pg.Pipelined(tx, func(p *pg.Pipeline) { p.Exec("insert", "INSERT INTO things VALUES (1)") })
		},
		"a pipeline for later": func(tx *gorm.DB) error {
			return pg.Later(tx, func(p *pg.Pipeline) { p.Exec("insert", "INSERT INTO things VALUES (1)") })
		},
		"Find": func(tx *gorm.DB) error {
			_, err := pg.Find[struct{ ID int }](tx.Table("things"))
			return err
		},
		"a row": func(tx *gorm.DB) error {
			return tx.Raw("INSERT INTO things VALUES (1) RETURNING id").Row().Scan(new(int))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := table(t)
			var later error
			err := db.Tx(t.Context(), func(tx *gorm.DB) error {
				first := pg.Pipelined(tx, func(p *pg.Pipeline) { p.Exec("look", "SELECT FROM nothing") })
				if first == nil {
					t.Error("there is no table nothing")
				}
				later = insert(tx)
				return nil // the caller forgets the errors
			})
			if err == nil || later == nil && name != "a pipeline for later" {
				t.Errorf("the transaction returned %v, the later statement %v", err, later)
			}
			if n := count(t, db); n != 0 {
				t.Errorf("%d rows were written outside of the transaction", n)
			}
			in(t, db, func(tx *gorm.DB) error { return insert(tx) }) // the connection is in order
		})
	}
}
