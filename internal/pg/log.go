package pg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm/logger"
)

// slowThreshold is the duration from which a statement is logged.
const slowThreshold = time.Second

// statementLog is GORM's logger. It logs slow statements, and on the debug level failed ones; their
// errors are also returned to the caller, who handles or logs them. It shows no values.
type statementLog struct {
	log *slog.Logger
}

func (l statementLog) LogMode(logger.LogLevel) logger.Interface { return l }

func (l statementLog) Info(ctx context.Context, message string, values ...any) {
	l.log.DebugContext(ctx, fmt.Sprintf(message, values...))
}

func (l statementLog) Warn(ctx context.Context, message string, values ...any) {
	l.log.WarnContext(ctx, fmt.Sprintf(message, values...))
}

// Error is on the debug level, because GORM returns the same error to the caller.
func (l statementLog) Error(ctx context.Context, message string, values ...any) {
	l.log.DebugContext(ctx, fmt.Sprintf(message, values...))
}

// Trace is called after every statement.
func (l statementLog) Trace(ctx context.Context, began time.Time, statement func() (string, int64), err error) {
	took := time.Since(began)
	switch {
	case err != nil && !errors.Is(err, logger.ErrRecordNotFound) && l.log.Enabled(ctx, slog.LevelDebug):
		sql, _ := statement()
		l.log.DebugContext(ctx, "statement failed", "took", took, "sql", sql, "code", sqlState(err))
	case took >= slowThreshold:
		sql, rows := statement()
		l.log.WarnContext(ctx, "slow statement", "took", took, "sql", sql, "rows", rows)
	}
}

// ParamsFilter leaves the placeholders in the text: the values are personal data of customers.
func (l statementLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// sqlState is the error's SQLSTATE or its type. The error's text may quote a value, as that of "invalid
// input syntax" does.
func sqlState(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return fmt.Sprintf("%T", err)
}
