package filter

import (
	"strings"
	"unicode/utf8"

	"github.com/closeloop/closeloop/internal/pg"
)

// Customers have one index for parts of texts, of the column that holds the words of several others, each after a space.
// If a text contains another, that column contains the other's words, in their order, with one space between them. So such
// a condition follows from the text's own and takes no row away, but leads PostgreSQL to the rows of both by the index.

// part is the condition that follows where the text contains what is wanted; nil if that is too short for the index.
func (t text) part(want string) *comparison { return t.inWords("", want) }

// begins is the condition that follows where the text is, or begins with, one of those that are wanted; nil if the column
// has an index of its own for that.
func (t text) begins(want ...string) *comparison {
	if indexed[t.in.own+"."+t.in.name] {
		return nil
	}
	return t.inWords(" ", want...)
}

func (t text) inWords(before string, want ...string) *comparison {
	if t.in.words == "" || len(want) == 0 {
		return nil
	}
	patterns := make([]string, len(want))
	for i, w := range want {
		words := before + strings.Join(strings.Fields(w), " ")
		if utf8.RuneCountInString(words) < partLeast {
			return nil
		}
		patterns[i] = "%" + pg.EscapeLike(words) + "%"
	}
	if len(patterns) == 1 {
		return &comparison{"LIKE ?", patterns[0]}
	}
	return &comparison{"LIKE ANY(?)", pg.Array(patterns)}
}

// partLeast is how many signs an index of parts of texts needs.
const partLeast = 3

// likely is a condition and another that follows from it. PostgreSQL would take them to be independent, and multiply their
// chances: it would expect few rows where there are many. In coalesce it takes the first one to hold for every other row.
func likely(condition, follows string) string {
	return "(coalesce(" + condition + ", false) AND " + follows + ")"
}
