// Package fault owns the errors that a caller of the API can mend: a code, a message in plain words, and the path of
// the wrong argument. The table of codes is here and nowhere else; docs/errors.md explains each code to users.
//
// It refuses to decide how an error is shown. It has no part in internal errors: other packages wrap internal errors
// with %w, and package httpd shows them with the code INTERNAL.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code tells programs which kind of error occurred. The API returns it in `extensions.code`.
type Code string

const (
	CodeUnauthenticated            Code = "UNAUTHENTICATED"               // the request has no token, or the token is not valid
	CodeForbidden                  Code = "FORBIDDEN"                     // the caller's role may not use the field
	CodeNotFound                   Code = "NOT_FOUND"                     // the object does not exist, or the caller may not see it
	CodeBadUserInput               Code = "BAD_USER_INPUT"                // an argument is wrong; Argument names it
	CodeConflict                   Code = "CONFLICT"                      // the object has changed in the meantime, or exists already
	CodeFeedReset                  Code = "FEED_RESET"                    // the cursor belongs to another log or is past its end: read the list again
	CodeQueryTooCostly             Code = "QUERY_TOO_COSTLY"              // the operation costs more than any operation may: a retry never helps
	CodeRateLimited                Code = "RATE_LIMITED"                  // the operation costs too much now: wait, or ask for less
	CodeDocumentNotRegistered      Code = "DOCUMENT_NOT_REGISTERED"       // the role may use registered documents only
	CodePersistedQueryNotFound     Code = "PERSISTED_QUERY_NOT_FOUND"     // the document that the request names is not known: send its text
	CodePersistedQueryNotSupported Code = "PERSISTED_QUERY_NOT_SUPPORTED" // the server keeps no texts: send them always
	CodeTooManySubscriptions       Code = "TOO_MANY_SUBSCRIPTIONS"        // the socket runs as many operations as it may: complete one first
	CodeUnavailable                Code = "UNAVAILABLE"                   // the database cannot be reached: retry in a moment
	CodeTimeout                    Code = "TIMEOUT"                       // the database took longer than this server allows: ask for less
	CodeInternal                   Code = "INTERNAL"                      // closeloop failed, or ended a subscription; a failure carries an id to quote
)

// The formats of messages that several packages use, so that a message reads the same everywhere.
const (
	OutOfRange  = "%s must be from %d to %d, not %d" // the argument's name, the bounds and the given number
	ListedTwice = "%s is listed twice"
)

// Error is an error that the caller can mend.
type Error struct {
	Code     Code
	Message  string
	Argument string // such as input.customer.country or filter.and[0].score; empty when no single argument is wrong
}

func (e *Error) Error() string { return e.Message }

// New makes an error that belongs to no single argument.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Input makes a BAD_USER_INPUT error for the argument.
func Input(argument, format string, args ...any) *Error {
	return &Error{Code: CodeBadUserInput, Argument: argument, Message: fmt.Sprintf(format, args...)}
}

// NotNull makes a BAD_USER_INPUT of an input's field that may be left out but not be null.
func NotNull(field string) *Error {
	return Input("input."+field, "%s can't be cleared; leave it out to keep it", field)
}

// NotFound makes a NOT_FOUND error for the argument that names the missing object.
func NotFound(argument, format string, args ...any) *Error {
	return &Error{Code: CodeNotFound, Argument: argument, Message: fmt.Sprintf(format, args...)}
}

// WithPath puts argument in front of the paths of the error's faults. It returns an error without faults unchanged.
func WithPath(argument string, err error) error {
	return each(err, func(e *Error) {
		switch {
		case e.Argument == "":
			e.Argument = argument
		case e.Argument[0] == '[':
			e.Argument = argument + e.Argument
		default:
			e.Argument = argument + "." + e.Argument
		}
	})
}

// Is reports whether err is, or wraps, an *Error with the code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// ReplaceRoot replaces the leading `input` of the paths of the error's faults with argument. Mutations call their argument
// `input`; queries that run the same checks give it another name.
func ReplaceRoot(argument string, err error) error {
	return each(err, func(e *Error) {
		if rest, ok := strings.CutPrefix(e.Argument, "input"); ok {
			e.Argument = argument + rest
		}
	})
}
