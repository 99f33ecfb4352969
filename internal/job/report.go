package job

import (
	"context"
	"log/slog"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// reporter logs the errors and panics that a job did not record in its notification or run.
type reporter struct{ log *slog.Logger }

func (r reporter) HandleError(ctx context.Context, j *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	r.log.ErrorContext(ctx, "a job failed and is tried again", "job", j.ID, "kind", j.Kind, "attempt", j.Attempt, "error", err)
	return nil
}

func (r reporter) HandlePanic(ctx context.Context, j *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	r.log.ErrorContext(ctx, "a job panicked and is tried again",
		"job", j.ID, "kind", j.Kind, "attempt", j.Attempt, "panic", value, "trace", trace)
	return nil
}

// quiet drops River's lines below warning: River logs each start, stop and retry at info, and the reporter logs failures.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

type warnings struct{ slog.Handler }

func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs)}
}
func (h warnings) WithGroup(name string) slog.Handler { return warnings{h.Handler.WithGroup(name)} }
