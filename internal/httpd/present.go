package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

// Presenter makes what clients see of an error: the one table from faults to codes. What is no fault is INTERNAL: it
// is logged here, once, and the client gets an id to quote, and nothing of what is inside. That the database is away is
// nobody's fault, passes, and is UNAVAILABLE.
func Presenter(log *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		shown := &gqlerror.Error{Path: graphql.GetPath(ctx)}
		var ours *gqlerror.Error
		if errors.As(err, &ours) {
			shown.Path, shown.Locations = ours.Path, ours.Locations
		}
		var f *fault.Error
		var scalar *model.ScalarError
		var exceeded *rate.Exceeded
		switch {
		case errors.As(err, &f):
			shown.Message = f.Message
			shown.Extensions = map[string]any{"code": f.Code}
			if argument := argumentAt(ctx, shown.Path, f.Argument); argument != "" && f.Code != fault.CodeInternal {
				shown.Extensions["argument"] = argument
			}
			shown.Path = fieldPath(ctx, shown.Path)
		case errors.As(err, &exceeded):
			shown.Message = exceeded.Error()
			shown.Extensions = map[string]any{
				"code": fault.CodeRateLimited, "retryAfter": exceeded.Seconds(), "cost": exceeded.Cost, "remaining": exceeded.Remaining, "limit": exceeded.Limit.Limit,
			}
		case errors.As(err, &scalar):
			shown.Message = scalar.Message
			shown.Extensions = map[string]any{"code": fault.CodeBadUserInput}
			if argument := argumentAt(ctx, shown.Path, ""); argument != "" {
				shown.Extensions["argument"] = argument
			}
			shown.Path = fieldPath(ctx, shown.Path)
		case ours != nil && ours.Err == nil: // GraphQL's own: the document does not parse, or does not fit the schema
			*shown = *ours
			if shown.Extensions["code"] == "COMPLEXITY_LIMIT_EXCEEDED" {
				shown.Extensions = map[string]any{"code": fault.CodeRateLimited}
				shown.Message += "; ask for less, or in several requests"
			}
			if len(ours.Path) > 0 && ours.Path[0] == ast.PathName("variable") {
				shown.Extensions = map[string]any{"code": fault.CodeBadUserInput, "argument": strings.TrimPrefix(ours.Path.String(), "variable.")}
			}
		case ctx.Err() != nil: // the caller has left, and nobody reads this
			shown.Message, shown.Extensions = "the request was given up", map[string]any{"code": fault.CodeInternal}
		case pg.Away(err):
			log.WarnContext(ctx, "the database is away", "path", shown.Path.String(), "error", err)
			shown.Message = "the database does not answer; try again in a moment"
			shown.Extensions = map[string]any{"code": fault.CodeUnavailable}
		default:
			id := uuid.NewString()
			log.ErrorContext(ctx, "internal error", "id", id, "path", shown.Path.String(), "error", err)
			shown.Message = fmt.Sprintf("something went wrong here; please quote %s when you report it", id)
			shown.Extensions = map[string]any{"code": fault.CodeInternal, "id": id}
		}
		return shown
	}
}

// argumentAt is the path of an argument: gqlgen puts the part that it knows behind the field's own path, and the
// fault may know more.
func argumentAt(ctx context.Context, path ast.Path, known string) string {
	field := fieldPath(ctx, path)
	rest := ast.Path(path[len(field):]).String()
	switch {
	case rest == "" || strings.HasPrefix(known, rest):
		return known
	case known == "":
		return rest
	case known[0] == '[':
		return rest + known
	}
	return rest + "." + known
}

// fieldPath is the part of an error's path that leads to the field, without the argument behind it.
func fieldPath(ctx context.Context, path ast.Path) ast.Path {
	fc := graphql.GetFieldContext(ctx)
	if fc == nil {
		return path
	}
	if field := fc.Path(); len(field) <= len(path) && field.String() == path[:len(field)].String() {
		return path[:len(field)]
	}
	return path
}
