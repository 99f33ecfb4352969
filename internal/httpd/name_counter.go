package httpd

import "github.com/vektah/gqlparser/v2/lexer"

// nameCounter counts how often each name occurs in a document as the name of a field in the answer: its alias, or the
// field's name where it has no alias.
type nameCounter struct {
	counts   map[string]int
	braces   int
	parens   int // names and braces inside parentheses belong to arguments
	previous lexer.Type
	typed    bool // the next name is the name of a type
}

// next reads a token. It returns the name of the field when the name has occurred more than sameNameMax times, else "".
func (f *nameCounter) next(t lexer.Token) (tooOften string) {
	switch t.Kind {
	case lexer.Comment:
		return ""
	case lexer.BraceL:
		f.braces++
	case lexer.BraceR:
		f.braces--
	case lexer.ParenL:
		f.parens++
	case lexer.ParenR:
		f.parens--
	case lexer.Name:
		if f.parens == 0 && f.braces > 0 && f.isField(t) {
			if f.counts[t.Value]++; f.counts[t.Value] > sameNameMax {
				return t.Value
			}
		}
	}
	f.previous = t.Kind
	return ""
}

// isField reports whether the name is an alias or a field without one, in contrast to a field after an alias and to the
// names of directives, fragments and types.
func (f *nameCounter) isField(t lexer.Token) bool {
	if f.typed {
		f.typed = false
		return false
	}
	f.typed = f.previous == lexer.Spread && t.Value == "on"
	return f.previous != lexer.Colon && f.previous != lexer.At && f.previous != lexer.Spread
}
