package migrations_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// configured are the tables that hold configuration, with the columns that are none, and whether they decide about
// responses.
var configured = map[string]struct {
	decides bool
	apart   []string
}{
	"settings": {decides: true}, "users": {decides: true}, "themes": {decides: true},
	"rules":           {decides: true, apart: []string{"turn"}},
	"rule_recipients": {decides: true}, "rule_assignees": {decides: true},
	"api_tokens": {apart: []string{"last_used_at"}},
	"webhooks":   {apart: []string{"position", "failing_since"}},
	"sources":    {},
}

// data are all other tables: what happened, and the state of work. Calendars never change, and registered documents have a
// version of their own.
var data = strings.Fields(`audit_events calendars case_escalations case_events case_external_refs case_rules cases configuration
	changed_hours changed_hours_horizon customers erased_response_ids erasure_key escalation_turns feed_epochs feed_head goose_schema_version idempotency_keys
	import_digests import_parts imports notes notifications passives registered_documents registered_documents_version
	response_rules response_texts response_theme_removals response_themes responses source_deliveries theme_runs webhook_deliveries`)

func TestConfiguration(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	exec := func(t *testing.T, db *pg.DB, sql string, args ...any) {
		t.Helper()
		if _, err := db.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	revision := func(t *testing.T, db *pg.DB) (n int64) {
		t.Helper()
		if err := db.Pool.QueryRow(t.Context(), "SELECT revision FROM configuration").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}

	t.Run("is what a table holds, or it is not", func(t *testing.T) {
		t.Parallel()
		for _, table := range texts(t, db, `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname !~ '^river_'`) {
			_, is := configured[table]
			if is == slices.Contains(data, table) {
				t.Errorf("table %s stands in none of the lists, or in both: does it hold configuration? Then it needs the trigger", table)
			}
			triggers := texts(t, db, fmt.Sprintf(`SELECT tgnargs::text FROM pg_trigger WHERE tgname = 'configuration_changed' AND tgrelid = '%s'::regclass`, table))
			if is != (len(triggers) == 1) || is && configured[table].decides != (triggers[0] == "1") {
				t.Errorf("table %s has triggers with so many arguments: %q", table, triggers)
			}
		}
	})

	t.Run("has a new revision with each change, by each column", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		for _, insert := range []string{
			`INSERT INTO users (id, name, name_fold, email, email_fold, role, created_at) VALUES ($1, 'Ana', 'ana', 'a@x.example', 'a@x.example', 'AGENT', now())`,
			`INSERT INTO api_tokens (id, user_id, name, hash, created_at) VALUES ($1, $1, 'x', sha256('x'), now())`,
			`INSERT INTO rules (id, name, enabled, position, opens_case, strategy, created_at, updated_at) VALUES ($1, 'x', true, 1, true, 'UNASSIGNED', now(), now())`,
			`INSERT INTO rule_recipients (rule_id, ordinal, kind) VALUES ($1, 0, 'CENTRAL')`,
			`INSERT INTO rule_assignees (rule_id, ordinal, user_id) VALUES ($1, 0, $1)`,
			`INSERT INTO themes (id, name, name_fold, created_at, updated_at) VALUES ($1, 'x', 'x', now(), now())`,
			`INSERT INTO sources (id, name, tool, survey, on_conflict, mapping, created_at, updated_at) VALUES ($1, 'x', 'CUSTOM', 'x', 'REJECT', '[{}]', now(), now())`,
			`INSERT INTO webhooks (id, url, owner_id, events, secret, position, created_at, updated_at) VALUES ($1, 'x', $1, '["OPENED"]', 'x', 0, now(), now())`,
		} {
			was := revision(t, db)
			if exec(t, db, insert, "00000000-0000-4000-8000-000000000001"); revision(t, db) <= was {
				t.Errorf("the revision stays after %s", insert)
			}
		}
		for table, is := range configured {
			columns := texts(t, db, fmt.Sprintf(`SELECT attname::text FROM pg_attribute WHERE attrelid = '%s'::regclass AND attnum > 0 AND NOT attisdropped`, table))
			for _, column := range columns {
				was, apart := revision(t, db), slices.Contains(is.apart, column)
				exec(t, db, fmt.Sprintf("UPDATE %s SET %s = %[2]s", table, column))
				if changed := revision(t, db) > was; changed == apart {
					t.Errorf("an update of %s.%s changes the revision: %t", table, column, changed)
				}
			}
		}
		for _, table := range []string{"sources", "webhooks", "rule_assignees", "rule_recipients", "rules", "themes", "api_tokens", "users"} {
			was := revision(t, db)
			if exec(t, db, "DELETE FROM "+table); revision(t, db) <= was {
				t.Errorf("the revision stays after a deletion from %s", table)
			}
		}
	})

	t.Run("has one new revision for a transaction, and none for one that fails", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		exec(t, db, `UPDATE configuration SET revision = 9000000000000000000`) // of a clock that was far ahead
		for sql, want := range map[string]int64{
			"BEGIN; UPDATE settings SET currency = 'GBP'; UPDATE settings SET currency = 'USD'; COMMIT":                                                            1,
			"BEGIN; SAVEPOINT a; UPDATE settings SET currency = 'GBP'; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO a; UPDATE settings SET currency = 'USD'; COMMIT": 1,
			"BEGIN; UPDATE settings SET currency = 'GBP'; ROLLBACK":                                                                                                0,
			"UPDATE users SET name = 'nobody'": 0,
		} {
			was := revision(t, db)
			if exec(t, db, sql); revision(t, db) != was+want {
				t.Errorf("%s: the revision grows by %d, not by %d", sql, revision(t, db)-was, want)
			}
		}
	})
}
