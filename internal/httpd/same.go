package httpd

import "github.com/vektah/gqlparser/v2/lexer"

// fields counts how often each name stands in a document for a field of the answer: its alias, or the field's own.
type fields struct {
	called   map[string]int
	braces   int
	parens   int // arguments have names too, and objects with braces
	previous lexer.Type
	typed    bool // the name to come is a type's
}

// next takes a token, and gives the name that stands there once too often.
func (f *fields) next(t lexer.Token) (tooOften string) {
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
			if f.called[t.Value]++; f.called[t.Value] > sameMax {
				return t.Value
			}
		}
	}
	f.previous = t.Kind
	return ""
}

// isField tells the first name of a field from what stands behind an alias, and from the names of directives,
// fragments and types.
func (f *fields) isField(t lexer.Token) bool {
	if f.typed {
		f.typed = false
		return false
	}
	f.typed = f.previous == lexer.Spread && t.Value == "on"
	return f.previous != lexer.Colon && f.previous != lexer.At && f.previous != lexer.Spread
}
