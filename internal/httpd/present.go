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

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

// Presenter converts errors to the form that clients see; it is the only place that maps errors to codes. An error that
// the caller cannot correct becomes INTERNAL: the presenter logs it once, and the client receives an id to quote and no
// details. While the database does not answer, or has no time for the caller, errors become UNAVAILABLE, because a retry
// helps; what takes it too long becomes TIMEOUT.
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
		var tooMany *auth.TooManyRefusals
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
			shown.Extensions = map[string]any{"code": fault.CodeRateLimited, "retryAfter": exceeded.Seconds()}
		case errors.As(err, &tooMany):
			shown.Message = tooMany.Error()
			shown.Extensions = map[string]any{"code": fault.CodeRateLimited, "retryAfter": tooMany.Seconds()}
		case errors.As(err, &scalar):
			shown.Message = scalar.Message
			shown.Extensions = map[string]any{"code": fault.CodeBadUserInput}
			if argument := argumentAt(ctx, shown.Path, ""); argument != "" {
				shown.Extensions["argument"] = argument
			}
			shown.Path = fieldPath(ctx, shown.Path)
		case ours != nil && ours.Err == nil: // an error of the GraphQL library: the document does not parse, or does not fit the schema
			*shown = *ours
			if message := noOperation(ctx); message != "" {
				shown.Message = message
			}
			if len(ours.Path) > 0 && ours.Path[0] == ast.PathName("variable") {
				shown.Extensions = map[string]any{"code": fault.CodeBadUserInput, "argument": strings.TrimPrefix(ours.Path.String(), "variable.")}
			}
		case ctx.Err() != nil: // the client has disconnected and does not read this
			shown.Message, shown.Extensions = "the client cancelled the request", map[string]any{"code": fault.CodeInternal}
		case pg.Busy(err):
			shown.Message = "no connection to the database became free in time: send fewer operations at a time, or try again in a moment"
			shown.Extensions = map[string]any{"code": fault.CodeUnavailable, "retryAfter": 1}
		case pg.TimedOut(err):
			shown.Message = "this takes the database longer than the server allows: narrow the filter, ask for fewer rows or groups, or send less in one write"
			shown.Extensions = map[string]any{"code": fault.CodeTimeout}
		case pg.Unavailable(err):
			log.WarnContext(ctx, "the database does not answer", "path", shown.Path.String(), "error", err)
			shown.Message = "the database does not answer; try again in a moment"
			shown.Extensions = map[string]any{"code": fault.CodeUnavailable}
		default:
			id := uuid.NewString()
			log.ErrorContext(ctx, "internal error", "id", id, "path", shown.Path.String(), "error", err)
			shown.Message = fmt.Sprintf("internal error; please quote %s when you report it", id)
			shown.Extensions = map[string]any{"code": fault.CodeInternal, "id": id}
		}
		return shown
	}
}

// noOperation says why no operation of a document was chosen; "" where one was, or there is no document.
func noOperation(ctx context.Context) string {
	if !graphql.HasOperationContext(ctx) {
		return ""
	}
	oc := graphql.GetOperationContext(ctx)
	switch {
	case oc.Doc == nil || oc.Operation != nil:
		return ""
	case oc.OperationName == "":
		return "the document has several operations: operationName must name one of them"
	}
	return fmt.Sprintf("the document has no operation %.100q: operationName must name one of its operations", oc.OperationName)
}

// severally presents an error that has several faults as several errors, in the executor, which has a list to add them to.
func severally(present graphql.ErrorPresenterFunc) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		faults := fault.All(err)
		if len(faults) < 2 {
			return present(ctx, err)
		}
		at := new(gqlerror.Error)
		errors.As(err, &at)
		last := len(faults) - 1
		one := func(f *fault.Error) *gqlerror.Error {
			return &gqlerror.Error{Err: f, Message: f.Message, Path: at.Path, Locations: at.Locations}
		}
		for _, f := range faults[:last] {
			graphql.AddError(ctx, one(f))
		}
		return present(ctx, one(faults[last]))
	}
}

// argumentAt returns the path of the argument in error. gqlgen appends the part that it knows to the path of the field;
// the fault may know more of the path.
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

// fieldPath returns the part of an error's path that leads to the field, without an argument's path after it.
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
