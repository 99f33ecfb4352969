package pg

import (
	"context"
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"gorm.io/gorm"
)

// Find returns the rows of a query, as GORM's Find does. GORM makes the statement, and pgx scans the rows: GORM takes a
// multiple of the time for it. A query that chooses no columns reads those of T, and no others that its table may have.
//
// A to-one relation that is joined is nil where it has no row. The rows of relations further away are not read, and hooks
// of T are not called.
func Find[T any](query *gorm.DB) ([]*T, error) {
	stmt, err := statementOf[T](query)
	if err != nil {
		return nil, err
	}
	args := []any{resultFormats}
	if _, planned := stmt.Settings.Load(planForValues); planned {
		args = append(args, pgx.QueryExecModeCacheDescribe)
	}
	var found []*T
	err = withConn(stmt.Context, stmt.ConnPool, func(conn *pgx.Conn) error {
		rows, err := conn.Query(stmt.Context, stmt.SQL.String(), append(args, stmt.Vars...)...)
		if err == nil {
			found, err = collect[T](rows, scannerOf(stmt.Schema))
		}
		return err
	})
	return found, err
}

// statementOf is the statement that GORM makes of a query.
func statementOf[T any](query *gorm.DB) (*gorm.Statement, error) {
	made := query.Session(&gorm.Session{DryRun: true, QueryFields: true}).Find(new([]*T))
	return made.Statement, made.Error
}

func collect[T any](rows pgx.Rows, s *rowScanner) ([]*T, error) {
	defer rows.Close()
	into := s.reader(rows.Conn().TypeMap(), rows.FieldDescriptions())
	found := []*T{}
	for rows.Next() {
		row := new(T)
		if err := into.scan(rows.RawValues(), reflect.ValueOf(row).Elem()); err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

// withConn lends a connection, from GORM's lane or the transaction that it runs in.
func withConn(ctx context.Context, pool gorm.ConnPool, do func(*pgx.Conn) error) error {
	switch pool := pool.(type) {
	case *txConn:
		if err := pool.ready(ctx); err != nil {
			return err
		}
		return pool.conn.Raw(func(any) error { return do(pool.raw) })
	case lanePool:
		return pool.withConn(ctx, do)
	}
	return fmt.Errorf("find rows: GORM runs on a %T", pool)
}

// resultFormats are the formats in which PostgreSQL sends values: binary where decoding is then cheap, and otherwise text,
// in which a number keeps the digits that it has.
var resultFormats = pgx.QueryResultFormatsByOID{
	pgtype.BoolOID: pgx.BinaryFormatCode, pgtype.ByteaOID: pgx.BinaryFormatCode, pgtype.UUIDOID: pgx.BinaryFormatCode,
	pgtype.Int2OID: pgx.BinaryFormatCode, pgtype.Int4OID: pgx.BinaryFormatCode, pgtype.Int8OID: pgx.BinaryFormatCode,
	pgtype.Float4OID: pgx.BinaryFormatCode, pgtype.Float8OID: pgx.BinaryFormatCode,
	pgtype.DateOID: pgx.BinaryFormatCode, pgtype.TimestamptzOID: pgx.BinaryFormatCode,
}
