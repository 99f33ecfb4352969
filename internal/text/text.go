// Package text owns the limits of input texts, such as names, addresses and ids of other systems. For a text that exceeds a
// limit it returns an error with the argument's path and a message that says how to correct the text.
//
// It does not check what a text means; each package checks the form of its own values.
package text

import (
	"strings"
	"unicode/utf8"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const (
	shortMax  = 500  // characters of a name, an address, a survey, a driver
	foldedMax = 2000 // bytes of such a text when folded; an entry of a b-tree index has at most 2,704
)

// Short checks the length of a short text, and that PostgreSQL can store it.
func Short(argument, s string) error {
	if utf8.RuneCountInString(s) > shortMax {
		return fault.Input(argument, "at most %d characters", shortMax)
	}
	// Folding makes a text at most three times as long, so that a short text need not be folded.
	if len(s) > foldedMax/4 && len(model.Fold(s)) > foldedMax {
		return fault.Input(argument, "the text is too long: in its case-insensitive form it must not take more than %d bytes", foldedMax)
	}
	return Storable(argument, s)
}

// Storable checks that PostgreSQL can store the text.
func Storable(argument, s string) error {
	if err := model.CheckText(s); err != nil {
		return fault.Input(argument, "%s", err.Error())
	}
	return nil
}

// Optional trims a short text; a blank one becomes nil.
func Optional(argument string, s **string) error {
	if *s == nil {
		return nil
	}
	trimmed := strings.TrimSpace(**s)
	if *s = &trimmed; trimmed == "" {
		*s = nil
	}
	return Short(argument, trimmed)
}

// Identity trims an id of another system. A blank id is an error, because all records with a blank id would be taken for
// the same.
func Identity(argument string, s **string) error {
	if *s != nil && strings.TrimSpace(**s) == "" {
		return fault.Input(argument, "an id must not be blank; leave it out if there is none")
	}
	return Optional(argument, s)
}
