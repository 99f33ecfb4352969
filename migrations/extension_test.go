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

// Managed databases give a program a role with few rights.
func TestApplyWithoutRightToCreateExtension(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Empty())
	role := "closeloop_little_" + strings.ToLower(rand.Text())
	if _, err := db.Pool.Exec(t.Context(), "CREATE ROLE "+role); err != nil {
		t.Skipf("the tests' own role may create no others: %v", err)
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
		t.Fatalf("the error is: %v", err)
	}
	if left := tables(t, db); strings.Contains(left, "settings") {
		t.Errorf("the failed migration left:\n%s", left)
	}
	if _, err := db.Pool.Exec(t.Context(), "CREATE EXTENSION pg_trgm"); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Apply(t.Context(), little.Pool); err != nil {
		t.Errorf("with the extension: %v", err)
	}
	if _, err := db.Pool.Exec(t.Context(), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
		t.Error(err)
	}
}
