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
	fieldsMax = 10_000  // of an operation, with its fragments written out wherever they are spread
	sameMax   = 500     // fields of a document that are called the same in the answer
)

// Limits refuses a document before it is parsed: the parser goes one call deeper for each bracket, and a body of a
// million of them would end the process. It refuses an operation before its cost is counted, where its fragments
// would grow: the count looks at each place where one is spread, and thirty fragments that each spread the next one
// twice are a billion. It bounds how often one name stands in a document, because validation compares the fields of one
// name with each other, pair by pair: eight thousand took it eight seconds.
type Limits struct{}

var (
	_ graphql.HandlerExtension          = Limits{}
	_ graphql.OperationParameterMutator = Limits{}
	_ graphql.OperationContextMutator   = Limits{}
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

// MutateOperationContext implements graphql.OperationContextMutator.
func (Limits) MutateOperationContext(_ context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	if written(oc.Operation.SelectionSet, map[string]int{}) > fieldsMax {
		return gqlerror.Wrap(tooMuch("the operation has more than %d fields, its fragments written out", fieldsMax))
	}
	return nil
}

// written is how many selections there are when fragments are written out, or some number above fieldsMax. Each
// fragment is looked at once; that none spreads itself was validated before.
func written(set ast.SelectionSet, fragments map[string]int) int {
	total := 0
	for _, s := range set {
		total++
		switch s := s.(type) {
		case *ast.Field:
			total += written(s.SelectionSet, fragments)
		case *ast.InlineFragment:
			total += written(s.SelectionSet, fragments)
		case *ast.FragmentSpread:
			size, known := fragments[s.Name]
			if !known && s.Definition != nil {
				size = written(s.Definition.SelectionSet, fragments)
				fragments[s.Name] = size
			}
			total += size
		}
		if total > fieldsMax {
			break
		}
	}
	return total
}

func within(document string) error {
	if len(document) > bodyMax {
		return tooMuch("the document has more than %d bytes", bodyMax)
	}
	l := lexer.New(&ast.Source{Input: document})
	depth := 0
	fields := fields{called: map[string]int{}}
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
		if name := fields.next(token); name != "" {
			return tooMuch("more than %d fields are called %s in the answer: give them other names, or send several requests", sameMax, name)
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
	return fault.New(fault.CodeBadUserInput, "%s", fmt.Sprintf(format, args...))
}
