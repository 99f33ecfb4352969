package migrations_test

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/migrations"
)

// Filters compare folded texts: what an older program wrote must be found as what a new one writes.
func TestTextsThatAreThereAlreadyAreFolded(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Empty())
	if err := migrations.ApplyTo(t.Context(), db.Pool, 6); err != nil {
		t.Fatal(err)
	}
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := db.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO customers (id, external_id, first_name, last_name, email, phone, company, account_manager_email, agent_email, attributes, created_at)
		VALUES ('00000000-0000-0000-0000-000000000001', 'C-1', 'ANA', 'Straße', 'Ana@X.example', '+1 A', 'ὈΔΥΣΣΕΎΣ', 'AM@x.example', 'Agent@x.example',
			'{"Plan": "GOLD"}', now()), ('00000000-0000-0000-0000-000000000002', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', now())`)
	exec(`INSERT INTO responses (id, customer_id, external_id, survey, score, comment, drivers, attributes, responded_at, received_at)
		VALUES ('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000001', 'R-1', 'FLIGHT', 3, 'Too LATE', '["A \"b\", {c}", "Preis"]',
			'{"Seat": "12A"}', now(), now())`)
	// More than one batch of those that have nothing to fold.
	exec(`INSERT INTO responses (id, customer_id, score, responded_at, received_at)
		SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000002', 9, now(), now() FROM generate_series(1, 2500)`)
	exec(`INSERT INTO cases (id, status, origin, customer_id, response_id, opened_at, updated_at, version, score)
		VALUES (gen_random_uuid(), 'OPEN', 'RULE', '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000003', now(), now(), 1, 3)`)
	if err := migrations.Apply(t.Context(), db.Pool); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		`SELECT concat_ws('|', external_id_fold, first_name_fold, last_name_fold, phone_fold, account_manager_email_fold, agent_email_fold, attributes_fold, search_fold)
			FROM customers WHERE external_id = 'C-1'`: `c-1|ana|strasse|+1 a|am@x.example|agent@x.example|{"Plan": "gold"}| ana strasse ana@x.example ana x example ὀδυσσεύσ`,
		`SELECT concat_ws('|', external_id_fold, first_name_fold, attributes_fold, search_fold) FROM customers WHERE external_id IS NULL`: `{}|`,
		`SELECT concat_ws('|', external_id_fold, survey_fold) FROM responses WHERE external_id = 'R-1'`:                                   `r-1|flight`,
		`SELECT string_agg(concat_ws('|', comment_fold, to_jsonb(drivers_fold), attributes_fold), '') FROM response_texts`:                `too late|["a \"b\", {c}", "preis"]|{"Seat": "12a"}`,
		`SELECT survey_fold FROM cases`: `flight`,
		`SELECT count(*)::text FROM responses WHERE survey_fold IS NULL AND score = 9`: `2500`,
	} {
		var got string
		if err := db.Pool.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %s (%v); want %s", sql, got, err, want)
		}
	}
}

// Managed databases give a program a role that may do little.
func TestARoleThatMayNotCreateTheExtensionIsToldWhoMay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Empty())
	role := "closeloop_little_" + strings.ToLower(rand.Text())
	if _, err := db.Pool.Exec(t.Context(), "CREATE ROLE "+role); err != nil {
		t.Skipf("the tests' own role may make no others: %v", err)
	}
	for _, sql := range []string{"GRANT CREATE ON SCHEMA public TO %s", "GRANT %s TO current_user"} {
		if _, err := db.Pool.Exec(t.Context(), fmt.Sprintf(sql, role)); err != nil {
			t.Fatal(err)
		}
	}
	at, err := url.Parse(pgtest.URL(t, db))
	if err != nil {
		t.Fatal(err)
	}
	params := at.Query()
	params.Set("role", role)
	at.RawQuery = params.Encode()
	little, err := pg.Connect(t.Context(), at.String(), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer little.Close()
	err = migrations.Apply(t.Context(), little.Pool)
	if err == nil || !strings.Contains(err.Error(), "let a superuser run CREATE EXTENSION pg_trgm in this database, then start again") {
		t.Fatalf("the role is told %v", err)
	}
	if _, err := db.Pool.Exec(t.Context(), "CREATE EXTENSION pg_trgm"); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Apply(t.Context(), little.Pool); err != nil {
		t.Errorf("with the extension there: %v", err)
	}
	if _, err := db.Pool.Exec(t.Context(), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
		t.Error(err)
	}
}
