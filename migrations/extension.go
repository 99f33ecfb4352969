package migrations

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"

	"github.com/closeloop/closeloop/model"
)

const (
	filtersFile = "00007_filters.sql"
	foldedHere  = "-- the texts are folded here"
	foldBatch   = 1000
)

// filters is migration 7: what filters look at. Its file has two halves; between them the texts that are there already
// are folded, which only Go does, and the indexes come after that, when all can be put into them at once.
func filters() *goose.Migration {
	return goose.NewGoMigration(7, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		text, err := files.ReadFile(filtersFile)
		if err != nil {
			return err
		}
		tables, indexes, _ := strings.Cut(string(text), foldedHere)
		if err := each(ctx, tx, tables); err != nil {
			return err
		}
		if err := foldCustomers(ctx, tx); err != nil {
			return fmt.Errorf("fold customers: %w", err)
		}
		if err := foldResponses(ctx, tx); err != nil {
			return fmt.Errorf("fold responses: %w", err)
		}
		return each(ctx, tx, indexes)
	}}, nil)
}

// each runs the statements one by one. None of them holds a semicolon of its own.
func each(ctx context.Context, tx *sql.Tx, statements string) error {
	var plain strings.Builder
	for line := range strings.Lines(statements) {
		line, _, _ = strings.Cut(line, "--")
		plain.WriteString(line + "\n")
	}
	for statement := range strings.SplitSeq(plain.String(), ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(statement), err)
		}
	}
	return nil
}

func foldCustomers(ctx context.Context, tx *sql.Tx) error {
	return fold(ctx, tx, `SELECT id, external_id, first_name, last_name, email, phone, company, account_manager_email, agent_email, attributes
		FROM customers WHERE id > $1 ORDER BY id LIMIT $2`,
		func(scan func(...any) error) (string, []any, error) {
			var id string
			var c model.Customer
			var attributes []byte
			err := scan(&id, &c.ExternalID, &c.FirstName, &c.LastName, &c.Email, &c.Phone, &c.Company, &c.AccountManagerEmail, &c.AgentEmail, &attributes)
			if err != nil {
				return "", nil, err
			}
			if err := json.Unmarshal(attributes, &c.Attributes); err != nil {
				return "", nil, err
			}
			row := c.Row()
			folded, err := json.Marshal(row.AttributesFold)
			return id, []any{row.ExternalIDFold, row.FirstNameFold, row.LastNameFold, row.PhoneFold, row.AccountManagerEmailFold, row.AgentEmailFold,
				string(folded), row.SearchFold}, err
		},
		`UPDATE customers SET external_id_fold = $2, first_name_fold = $3, last_name_fold = $4, phone_fold = $5, account_manager_email_fold = $6,
			agent_email_fold = $7, attributes_fold = CAST($8 AS jsonb), search_fold = $9 WHERE id = $1`)
}

func foldResponses(ctx context.Context, tx *sql.Tx) error {
	return fold(ctx, tx, `SELECT id, external_id, survey, comment, drivers, attributes FROM responses WHERE id > $1 ORDER BY id LIMIT $2`,
		func(scan func(...any) error) (string, []any, error) {
			var id string
			var r model.Response
			var drivers, attributes []byte
			if err := scan(&id, &r.ExternalID, &r.Survey, &r.Comment, &drivers, &attributes); err != nil {
				return "", nil, err
			}
			if err := errors.Join(json.Unmarshal(drivers, &r.Drivers), json.Unmarshal(attributes, &r.Attributes)); err != nil {
				return "", nil, err
			}
			row, texts := r.Row(), r.Texts()
			if texts == nil {
				return id, []any{row.ExternalIDFold, row.SurveyFold, nil, nil, nil}, nil
			}
			folded, err := json.Marshal(texts.AttributesFold)
			return id, []any{row.ExternalIDFold, row.SurveyFold, texts.CommentFold, texts.DriversFold, string(folded)}, err
		},
		`WITH row AS (UPDATE responses SET external_id_fold = $2, survey_fold = $3 WHERE id = $1),
			copies AS (UPDATE cases SET survey_fold = $3 WHERE response_id = $1)
		INSERT INTO response_texts (response_id, comment_fold, drivers_fold, attributes_fold)
			SELECT CAST($1 AS uuid), CAST($4 AS text), CAST($5 AS text[]), CAST($6 AS jsonb) WHERE CAST($6 AS jsonb) IS NOT NULL`)
}

// fold reads a table in the order of its ids, a batch at a time, and writes each row.
func fold(ctx context.Context, tx *sql.Tx, batch string, row func(scan func(...any) error) (string, []any, error), write string) error {
	last := "00000000-0000-0000-0000-000000000000"
	for {
		var folded [][]any
		rows, err := tx.QueryContext(ctx, batch, last, foldBatch)
		if err != nil {
			return err
		}
		for rows.Next() {
			id, values, err := row(rows.Scan)
			if err != nil {
				return errors.Join(err, rows.Close())
			}
			last = id
			folded = append(folded, append([]any{id}, values...))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(folded) == 0 {
			return err
		}
		for _, values := range folded {
			if _, err := tx.ExecContext(ctx, write, values...); err != nil {
				return err
			}
		}
	}
}

// withoutTrigrams says what is to be done where the database's role may not create the extension that filters need.
func withoutTrigrams(ctx context.Context, pool *pgxpool.Pool, err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	var there bool
	if pool.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm')").Scan(&there) != nil {
		return err
	}
	switch {
	case there && refused.Code == "42704": // its operators are not found
		return fmt.Errorf("the extension pg_trgm stands in a schema that is not on the role's search_path: move it with ALTER EXTENSION pg_trgm SET SCHEMA public, then start again: %w", err)
	case !there && refused.Code == "42501": // insufficient_privilege
		return fmt.Errorf("the database's role may not create the extension pg_trgm, which filters need: let a superuser run CREATE EXTENSION pg_trgm in this database, then start again: %w", err)
	case !there && (refused.Code == "58P01" || refused.Code == "0A000"): // its files are not there
		return fmt.Errorf("PostgreSQL has no extension pg_trgm, which filters need: install its contrib package, then start again: %w", err)
	}
	return err
}
