package httpd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live/wire"
)

const (
	bodyMax     = 1 << 20 // bytes of a request
	tokensMax   = 10_000  // of a document
	depthMax    = 60      // nesting of brackets and braces in a document
	fieldsMax   = 10_000  // of an operation, with every fragment spread replaced by the fragment
	sameNameMax = 500     // fields of a document that have the same name in the answer
)

// Limits refuses documents that would cost too much to parse, to validate or to price.
//
// It checks the nesting before the document is parsed: the parser goes one call deeper for each bracket, and a body with
// a million brackets would end the process. It checks the number of fields before the cost is computed: the computation
// visits each spread of a fragment, and thirty fragments that each spread the next one twice make a billion visits. It
// limits how often one name occurs, because the validation compares all fields with the same name in pairs: eight
// thousand took eight seconds.
type Limits struct {
	parsed graphql.Cache[*ast.QueryDocument] // of documents that have passed
}

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
func (l Limits) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, passed := l.parsed.Get(ctx, params.Query); passed {
		return nil
	}
	err := checkDocument(params.Query)
	if parse := (*gqlerror.Error)(nil); errors.As(err, &parse) {
		return parse
	}
	if err != nil {
		return gqlerror.Wrap(err)
	}
	return nil
}

// MutateOperationContext implements graphql.OperationContextMutator.
func (Limits) MutateOperationContext(_ context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	if countFields(oc.Operation.SelectionSet, map[string]int{}) > fieldsMax {
		return gqlerror.Wrap(limitError("the operation has more than %d fields, counting each spread of a fragment; split it into several operations", fieldsMax))
	}
	return nil
}

// countFields counts the selections with every fragment spread replaced by the fragment; it stops counting above fieldsMax.
// It visits each fragment once. The validation has already refused fragments that spread themselves.
func countFields(set ast.SelectionSet, fragments map[string]int) int {
	total := 0
	for _, s := range set {
		total++
		switch s := s.(type) {
		case *ast.Field:
			total += countFields(s.SelectionSet, fragments)
		case *ast.InlineFragment:
			total += countFields(s.SelectionSet, fragments)
		case *ast.FragmentSpread:
			size, known := fragments[s.Name]
			if !known && s.Definition != nil {
				size = countFields(s.Definition.SelectionSet, fragments)
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

func checkDocument(document string) error {
	if len(document) > bodyMax {
		return limitError("the document is longer than %d bytes; split it into several requests", bodyMax)
	}
	l := lexer.New(&ast.Source{Input: document})
	depth := 0
	fields := nameCounter{counts: map[string]int{}}
	raw := characters{document: document}
	for tokens := 0; ; tokens++ {
		token, err := l.ReadToken()
		if err != nil {
			return nil // the parser reports the error with a better message
		}
		switch token.Kind {
		case lexer.EOF:
			return nil
		case lexer.BraceL, lexer.BracketL, lexer.ParenL:
			depth++
		case lexer.BraceR, lexer.BracketR, lexer.ParenR:
			depth--
		}
		if token.Kind == lexer.String && strings.ContainsRune(token.Value, utf8.RuneError) && raw.hasLoneSurrogate(token) {
			err := gqlerror.ErrorPosf(&token.Pos, "a string has half a character: %s", wire.LoneSurrogate)
			errcode.Set(err, errcode.ParseFailed)
			return err
		}
		if name := fields.next(token); name != "" {
			return limitError("more than %d fields are called %s in the answer: use aliases, or split the request", sameNameMax, name)
		}
		if tokens > tokensMax {
			return limitError("the document has more than %d tokens; split it into several requests", tokensMax)
		}
		if depth > depthMax {
			return limitError("the document is nested more than %d levels deep", depthMax)
		}
	}
}

// characters are those of a document, in which the positions of tokens count. They are made for the first token that needs
// them.
type characters struct {
	document string
	all      []rune
}

// hasLoneSurrogate reports whether a string of the document has an escape for half of a character. The lexer replaces it
// with U+FFFD, where GraphQL demands a syntax error (specification, section 2.9.4).
func (c *characters) hasLoneSurrogate(token lexer.Token) bool {
	if c.all == nil {
		c.all = []rune(c.document)
	}
	return wire.HasLoneSurrogate([]byte(string(c.all[token.Pos.Start:token.Pos.End])))
}

func limitError(format string, args ...any) error {
	return fault.New(fault.CodeBadUserInput, "%s", fmt.Sprintf(format, args...))
}
