// Package text owns the limits of texts that a caller gives: names, addresses, ids of other systems. A text that breaks
// a limit is refused with the argument's path and a message that says how to mend it.
//
// It refuses to know what a text means: each room checks the form of its own values.
package text

import (
	"strings"
	"unicode/utf8"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const (
	shortMax  = 500  // characters of a name, an address, a survey, a driver
	foldedMax = 2000 // bytes of such a text, folded: a b-tree takes no more than 2,704
)

// Short checks a text of one line.
func Short(argument, s string) error {
	if utf8.RuneCountInString(s) > shortMax {
		return fault.Input(argument, "at most %d characters", shortMax)
	}
	if len(s) > foldedMax/4 && len(model.Fold(s)) > foldedMax { // folding makes a text up to three times as long
		return fault.Input(argument, "too long: without regard to case it takes more than %d bytes", foldedMax)
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

// Identity trims another system's id. A blank one is refused: it would make strangers the same.
func Identity(argument string, s **string) error {
	if *s != nil && strings.TrimSpace(**s) == "" {
		return fault.Input(argument, "an id must not be blank; leave it out if there is none")
	}
	return Optional(argument, s)
}
