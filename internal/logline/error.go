package logline

import (
	"encoding/json"
	"fmt"
	"net/textproto"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// Error returns the text of an error for the log. Errors whose text quotes what a caller sent, or what the database holds,
// are described by their type and code; of other errors the text is shown without what it quotes.
func Error(err error) string {
	if err == nil {
		return ""
	}
	if text, known := describe(err); known {
		return text
	}
	var inner []error
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if within := e.Unwrap(); within != nil {
			inner = []error{within}
		}
	case interface{ Unwrap() []error }:
		inner = e.Unwrap()
	}
	return replace(err.Error(), inner)
}

// replace masks the text of an error, and replaces the text of each error within by what Error says of it.
func replace(text string, inner []error) string {
	for i, e := range inner {
		before, after, found := strings.Cut(text, e.Error())
		switch {
		case e.Error() == "":
		case found:
			return mask(before) + Error(e) + replace(after, inner[i+1:])
		default: // the outer error shows the inner one in a form of its own
			return outer(text) + ": " + Error(e)
		}
	}
	return mask(text)
}

// outer returns the beginning of a text up to the first colon: what failed, without the details.
func outer(text string) string {
	before, _, _ := strings.Cut(text, ":")
	return mask(before)
}

// describe returns the text of errors whose own text quotes values.
func describe(err error) (text string, known bool) {
	switch e := err.(type) {
	case *pgconn.PgError:
		return ofPostgreSQL(e), true
	case *fault.Error:
		return string(e.Code), true
	case *model.ScalarError:
		return string(fault.CodeBadUserInput), true
	case *gqlerror.Error:
		if e.Err != nil {
			return Error(e.Err), true
		}
		return "an error of the operation", true
	case gqlerror.List:
		return "errors of the operation", true
	case *url.Error: // the path of a webhook's address may be a secret
		return e.Op + ": " + Error(e.Err), true
	case *strconv.NumError:
		return e.Func + ": " + Error(e.Err), true
	case *time.ParseError:
		return "a text is not a time", true
	case *json.SyntaxError:
		return "a text is not JSON", true
	case *json.UnmarshalTypeError:
		return fmt.Sprintf("a JSON value does not fit the type %s", e.Type), true
	case *textproto.Error: // the rest of a mail server's reply may quote the mail
		return "the reply was " + strconv.Itoa(e.Code), true
	case runtime.Error: // names types and indices only
		return e.Error(), true
	}
	return "", false
}

// ofPostgreSQL describes an error of the database. Messages of the classes 22 (a value does not fit), 23 (a constraint is
// violated) and P0 (raised by hand) quote rows; those of other classes describe the server or the statement.
func ofPostgreSQL(e *pgconn.PgError) string {
	text := "PostgreSQL " + e.Code
	for _, part := range [][2]string{{"table", e.TableName}, {"column", e.ColumnName}, {"constraint", e.ConstraintName}} {
		if part[1] != "" {
			text += " " + part[0] + " " + part[1]
		}
	}
	if class := e.Code[:min(2, len(e.Code))]; class != "22" && class != "23" && class != "P0" {
		text += ": " + mask(e.Message)
	}
	return text
}
