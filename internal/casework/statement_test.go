package casework_test

import (
	"context"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// statements records the SQL statements that were sent.
type statements struct {
	mu   sync.Mutex
	list []statement
}

type statement struct {
	sql  string
	args []any
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, statement{data.SQL, data.Args})
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take returns the statements since the last call.
func (s *statements) take() []statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.list
	s.list = nil
	return list
}

// plan returns PostgreSQL's plan of a statement.
func (w *world) plan(s statement) string {
	w.T.Helper()
	rows, err := w.DB.Pool.Query(w.T.Context(), "EXPLAIN "+s.sql, s.args...)
	if err != nil {
		w.T.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.T.Fatal(err)
	}
	return strings.Join(lines, "\n")
}
