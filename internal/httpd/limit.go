package httpd

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"

	"github.com/closeloop/closeloop/internal/fault"
)

const (
	bodyMax   = 1 << 20 // bytes of a request
	tokensMax = 10_000  // of a document
	depthMax  = 60      // open brackets and braces in a document, one within the other
)

// Limits refuses a document before it is parsed: the parser goes one call deeper for each bracket, and a body of a
// million of them would end the process.
type Limits struct{}

var (
	_ graphql.HandlerExtension          = Limits{}
	_ graphql.OperationParameterMutator = Limits{}
)

// ExtensionName implements graphql.HandlerExtension.
func (Limits) ExtensionName() string { return "Limits" }

// Validate implements graphql.HandlerExtension.
func (Limits) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (Limits) MutateOperationParameters(_ context.Context, params *graphql.RawParams) *gqlerror.Error {
	if err := within(params.Query); err != nil {
		return gqlerror.Wrap(err)
	}
	return nil
}

func within(document string) error {
	if len(document) > bodyMax {
		return tooMuch("the document has more than %d bytes", bodyMax)
	}
	l := lexer.New(&ast.Source{Input: document})
	depth := 0
	for tokens := 0; ; tokens++ {
		token, err := l.ReadToken()
		if err != nil {
			return nil // the parser says it better
		}
		switch token.Kind {
		case lexer.EOF:
			return nil
		case lexer.BraceL, lexer.BracketL, lexer.ParenL:
			depth++
		case lexer.BraceR, lexer.BracketR, lexer.ParenR:
			depth--
		}
		if tokens > tokensMax {
			return tooMuch("the document has more than %d tokens", tokensMax)
		}
		if depth > depthMax {
			return tooMuch("the document is nested more than %d levels deep", depthMax)
		}
	}
}

func tooMuch(format string, args ...any) error {
	return fault.New(fault.BadUserInput, "%s", fmt.Sprintf(format, args...))
}
