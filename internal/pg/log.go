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

// slow is from when a statement is worth a line in the log.
const slow = time.Second

// statementLog is GORM's log. It names slow statements, and, for whoever debugs, failed ones: those
// are errors that the caller handles and logs once. It shows no values.
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

// Error is for what GORM returns as an error as well.
func (l statementLog) Error(ctx context.Context, message string, values ...any) {
	l.log.DebugContext(ctx, fmt.Sprintf(message, values...))
}

// Trace is called after every statement.
func (l statementLog) Trace(ctx context.Context, began time.Time, statement func() (string, int64), err error) {
	took := time.Since(began)
	switch {
	case err != nil && !errors.Is(err, logger.ErrRecordNotFound) && l.log.Enabled(ctx, slog.LevelDebug):
		sql, _ := statement()
		l.log.DebugContext(ctx, "statement failed", "took", took, "sql", sql, "code", code(err))
	case took >= slow:
		sql, rows := statement()
		l.log.WarnContext(ctx, "slow statement", "took", took, "sql", sql, "rows", rows)
	}
}

// ParamsFilter leaves the placeholders in the text: the values are customers' words.
func (l statementLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// code stands for an error whose text may quote a value, as "invalid input syntax" does.
func code(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return fmt.Sprintf("%T", err)
}
