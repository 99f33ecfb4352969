package migrations_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/migrations"
)

func texts(t *testing.T, db *pg.DB, sql string) []string {
	t.Helper()
	rows, err := db.Pool.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)

	t.Run("starts with one row of settings and an empty log", func(t *testing.T) {
		t.Parallel()
		got := texts(t, db, `SELECT concat_ws('|', currency, time_zone, central_addresses, forced_status_order, erase_after_days IS NULL) FROM settings
			UNION ALL SELECT position::text FROM feed_head UNION ALL SELECT nonce FROM feed_epochs`)
		if want := []string{"EUR|UTC|[]|f|t", "0"}; !slices.Equal(got, want) {
			t.Errorf("the rows are %q, not %q", got, want)
		}
	})

	t.Run("has a key of its own for erased ids in each database", func(t *testing.T) {
		t.Parallel()
		other := pgtest.New(t, pgtest.Empty())
		if err := migrations.Apply(t.Context(), other.Pool); err != nil {
			t.Fatal(err)
		}
		var keys, hashes [2][]byte
		for i, db := range []*pg.DB{db, other} {
			if err := db.Pool.QueryRow(t.Context(), "SELECT key, erased_id('R-1') FROM erasure_key").Scan(&keys[i], &hashes[i]); err != nil {
				t.Fatal(err)
			}
		}
		if len(keys[0]) != 32 || bytes.Equal(keys[0], keys[1]) || bytes.Equal(hashes[0], hashes[1]) {
			t.Errorf("keys %x hash an id to %x", keys, hashes)
		}
	})

	t.Run("refuses a second row where there is one", func(t *testing.T) {
		t.Parallel()
		for _, insert := range []string{
			"INSERT INTO settings (only_row) VALUES ($1)",
			"INSERT INTO feed_head (only_row) VALUES ($1)",
			"INSERT INTO configuration (only_row) VALUES ($1)",
			"INSERT INTO erasure_key (key, only_row) SELECT key, $1 FROM erasure_key",
		} {
			for onlyRow, code := range map[bool]string{true: "23505", false: "23514"} { // unique_violation, check_violation
				var refused *pgconn.PgError
				if _, err := db.Pool.Exec(t.Context(), insert, onlyRow); !errors.As(err, &refused) || refused.Code != code {
					t.Errorf("%s with %t: %v, not a %s", insert, onlyRow, err, code)
				}
			}
		}
	})

	t.Run("compares folded texts byte by byte", func(t *testing.T) {
		t.Parallel()
		const folded = `FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
			AND a.attcollation <> 0 AND (a.attname LIKE '%\_fold' OR c.relname || '.' || a.attname IN ('customers.name_key', 'passives.segment'))`
		if all := texts(t, db, `SELECT a.attname::text `+folded); len(all) < 20 {
			t.Fatalf("only %d folded texts were found: %q", len(all), all)
		}
		if wrong := texts(t, db, `SELECT c.relname || '.' || a.attname `+folded+` AND a.attcollation <> '"C"'::regcollation`); len(wrong) > 0 {
			t.Errorf("these have another order: %q", wrong)
		}
	})

	t.Run("keeps the pending lists of GIN indexes short", func(t *testing.T) {
		t.Parallel()
		const gin = `FROM pg_class i JOIN pg_am m ON m.oid = i.relam WHERE i.relnamespace = 'public'::regnamespace AND i.relkind = 'i'
			AND m.amname = 'gin' AND i.relname !~ '^river_'`
		if all := texts(t, db, `SELECT i.relname::text `+gin); len(all) < 5 {
			t.Fatalf("only %d GIN indexes were found: %q", len(all), all)
		}
		if wrong := texts(t, db, `SELECT i.relname::text `+gin+` AND i.reloptions IS DISTINCT FROM '{gin_pending_list_limit=512}'`); len(wrong) > 0 {
			t.Errorf("these have another limit: %q", wrong)
		}
	})

	t.Run("has no index of what frequent changes set", func(t *testing.T) {
		t.Parallel()
		// A column of an index's predicate counts as well. Without such an index the new version of a row needs no entry.
		const columns = `SELECT i.relname || ' ' || a.attname FROM pg_depend d JOIN pg_class i ON i.oid = d.objid AND i.relkind = 'i'
			JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.classid = 'pg_class'::regclass AND `
		if all := texts(t, db, columns+`a.attrelid = 'notifications'::regclass`); !slices.Contains(all, "notifications_trouble last_error") {
			t.Fatalf("the indexes' columns are %q", all)
		}
		wrong := texts(t, db, columns+`(a.attrelid = 'notifications'::regclass AND a.attname IN ('status', 'sent_at', 'attempts')
			OR a.attrelid = 'customers'::regclass AND a.attname = 'last_response_at')`)
		if len(wrong) > 0 {
			t.Errorf("these are in indexes: %q", wrong)
		}
	})

	t.Run("has no CHECK and no index twice", func(t *testing.T) {
		t.Parallel()
		twice := texts(t, db, `SELECT string_agg(conname, ' ') FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype = 'c'
				GROUP BY conrelid, pg_get_constraintdef(oid) HAVING count(*) > 1
			UNION ALL SELECT string_agg(indexrelid::regclass::text, ' ') FROM pg_index JOIN pg_class c ON c.oid = indexrelid
				WHERE c.relnamespace = 'public'::regnamespace GROUP BY indrelid, regexp_replace(pg_get_indexdef(indexrelid), ' INDEX \S+ ', ' INDEX ')
				HAVING count(*) > 1`)
		if len(twice) > 0 {
			t.Errorf("these are the same: %q", twice)
		}
	})

	t.Run("runs every trigger when its transaction commits", func(t *testing.T) {
		t.Parallel()
		// Those of changed_hours may run at once: they wait for nobody, and see all rows of a statement together.
		if all := texts(t, db, `SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text !~ '^river_'`); len(all) < 8 {
			t.Fatalf("only %d triggers were found: %q", len(all), all)
		}
		early := texts(t, db, `SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text !~ '^river_' AND NOT (tgdeferrable AND tginitdeferred) AND tgname !~ '^changed_hours_'`)
		if len(early) > 0 {
			t.Errorf("these run before: %q", early)
		}
	})
}
