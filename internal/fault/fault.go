// Package fault owns the errors that a caller can mend: a code, plain words, and the path of the argument at fault.
//
// It refuses to know how they are shown, and has no part in internal errors: those are wrapped with %w and shown as
// INTERNAL at the edge.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code is what programs tell faults apart by; it stands in `extensions.code`.
type Code string

const (
	CodeUnauthenticated Code = "UNAUTHENTICATED" // no token, or one that does not work
	CodeForbidden       Code = "FORBIDDEN"       // the role may not use the field
	CodeNotFound        Code = "NOT_FOUND"       // there is no such thing, or not for this caller
	CodeBadUserInput    Code = "BAD_USER_INPUT"  // an argument is wrong; Argument says which
	CodeConflict        Code = "CONFLICT"        // it has moved on, or is there already
	CodeFeedReset       Code = "FEED_RESET"      // the place in the feed is not ours or was lost: read the list again
	CodeRateLimited     Code = "RATE_LIMITED"    // too much at once: wait, or ask for less
	CodeUnavailable     Code = "UNAVAILABLE"     // the database is away: the same again in a moment
	CodeInternal        Code = "INTERNAL"        // ours to mend; the error carries an id to quote
)

// Error is a fault of the caller's.
type Error struct {
	Code     Code
	Message  string
	Argument string // such as input.customer.country or filter.and[0].score; empty where no one argument is at fault
}

func (e *Error) Error() string { return e.Message }

// New makes a fault of no single argument.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Input makes a BAD_USER_INPUT of the argument.
func Input(argument, format string, args ...any) *Error {
	return &Error{Code: CodeBadUserInput, Argument: argument, Message: fmt.Sprintf(format, args...)}
}

// NotNull makes a BAD_USER_INPUT of an input's field that may be left out but not be null.
func NotNull(field string) *Error {
	return Input("input."+field, "%s can't be cleared; leave it out to keep it", field)
}

// NotFound makes a NOT_FOUND of the argument that names the thing.
func NotFound(argument, format string, args ...any) *Error {
	return &Error{Code: CodeNotFound, Argument: argument, Message: fmt.Sprintf(format, args...)}
}

// WithPath puts an argument's path before the fault's own; other errors pass as they are.
func WithPath(argument string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	inner := *e
	switch {
	case inner.Argument == "":
		inner.Argument = argument
	case inner.Argument[0] == '[':
		inner.Argument = argument + inner.Argument
	default:
		inner.Argument = argument + "." + inner.Argument
	}
	return &inner
}

// Is tells whether err is a fault of that code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// ReplaceRoot puts another name in the place of `input`: what a mutation calls its argument is called otherwise elsewhere.
func ReplaceRoot(argument string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	inner := *e
	if rest, ok := strings.CutPrefix(inner.Argument, "input"); ok {
		inner.Argument = argument + rest
	}
	return &inner
}
