package migrations_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/pgtest"
)

// Index entries are most of what a row costs when it comes in. A new index that a row gets an entry in has to be worth it:
// change the number here, and name the query in the migration.
func TestEntriesOfARow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		table, insert string
		all, gin      int // entries; those of them that GIN indexes have
	}{
		"of a customer with an address": {"customers", `INSERT INTO customers (id, email, email_fold, created_at) VALUES (gen_random_uuid(), 'a@b', 'a@b', now())`, 12, 1},
		"of a customer of a usual feed": {"customers", `INSERT INTO customers (id, external_id, external_id_fold, first_name, first_name_fold, last_name, last_name_fold, email,
			email_fold, company, company_fold, country, segment, segment_fold, lifetime_value, account_manager_email, account_manager_email_fold, search_fold, created_at)
			VALUES (gen_random_uuid(), 'c', 'c', 'a', 'a', 'b', 'b', 'a@b', 'a@b', 'x', 'x', 'DE', 's', 's', 1, 'm@b', 'm@b', ' a b a@b b x c', now())`, 14, 1},
		"of a customer with everything": {"customers", `INSERT INTO customers (id, external_id, external_id_fold, name_key, phone, phone_fold, email, email_fold,
			account_manager_email_fold, agent_email_fold, attributes_fold, search_fold, created_at, last_contacted_at, next_survey_at)
			VALUES (gen_random_uuid(), 'c', 'c', 'n', '1', '1', 'a@b', 'a@b', 'm@b', 'g@b', '{"a": "b"}', ' a@b b 1 c', now(), now(), now())`, 18, 2},
		"of the texts of a comment alone": {"response_texts", `ALTER TABLE response_texts DROP CONSTRAINT response_texts_response_id_fkey;
			INSERT INTO response_texts VALUES (gen_random_uuid(), 'a comment', '{}', '{}')`, 3, 2},
		"of texts of all kinds": {"response_texts", `ALTER TABLE response_texts DROP CONSTRAINT response_texts_response_id_fkey;
			INSERT INTO response_texts VALUES (gen_random_uuid(), 'a comment', '{crew}', '{"a": "b"}')`, 5, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			if _, err := db.Pool.Exec(t.Context(), c.insert); err != nil {
				t.Fatal(err)
			}
			all, gin := 0, 0
			for _, index := range texts(t, db, `SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = '`+c.table+`'::regclass`) {
				var has, isGIN bool
				var where string
				err := db.Pool.QueryRow(t.Context(), `SELECT coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'), m.amname = 'gin' FROM pg_index i
					JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam WHERE i.indexrelid = $1::regclass`, index).Scan(&where, &isGIN)
				if err != nil {
					t.Fatal(err)
				}
				if err := db.Pool.QueryRow(t.Context(), "SELECT "+where+" FROM "+c.table).Scan(&has); err != nil {
					t.Fatal(err)
				}
				if has {
					if all++; isGIN {
						gin++
					}
				}
			}
			if all != c.all || gin != c.gin {
				t.Errorf("%d entries, %d of them of GIN indexes; want %d and %d", all, gin, c.all, c.gin)
			}
		})
	}
}
