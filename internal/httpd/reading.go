package httpd

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/cost"
	"github.com/closeloop/closeloop/internal/rate"
)

// reading charges a token for long documents and variables before anything of them is read, so that a loop of operations
// that are refused empties the token's bucket. What the document costs is never given back; what the variables cost is, up to
// the price of the operation, which counts what is in them. An operation that was too costly is refused again without
// being read. A token's long operations are read one after the other: a thousand at once would keep all processors busy.
//
// It must come after the extension that finds the document, and before all that read it.
type reading struct {
	meter     meter
	documents graphql.Cache[*ast.QueryDocument]
	turns     *rate.Readings
}

var (
	_ graphql.HandlerExtension          = reading{}
	_ graphql.OperationParameterMutator = reading{}
)

// ExtensionName implements graphql.HandlerExtension.
func (reading) ExtensionName() string { return "Reading" }

// Validate implements graphql.HandlerExtension.
func (reading) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (r reading) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	text, input := cost.Reading(len(params.Query), sizeOf(params.Variables))
	if text > 0 {
		if _, known := r.documents.Get(ctx, params.Query); known {
			text = 0
		}
	}
	if text+input == 0 {
		return nil
	}
	v, err := auth.From(ctx)
	if err != nil {
		return gqlerror.Wrap(err)
	}
	b := &bill{token: v.TokenID, requested: text + input}
	graphql.GetOperationContext(ctx).Stats.SetExtension(meterName, b)
	if err := r.meter.buckets.TakeReading(b.token, b.requested); err != nil {
		b.exceeded(err)
		return gqlerror.Wrap(err)
	}
	b.requested, b.read, b.input = 0, text+input, input
	if cost.Long(b.read) {
		b.inTurn(ctx, r.turns.Begin(ctx, b.token))
	}
	if operation, err := json.Marshal([]any{b.token, params.OperationName, params.Query, params.Variables}); err == nil {
		sum := sha256.Sum256(operation)
		b.key = string(sum[:])
	}
	if again, ok := r.meter.refused.Get(ctx, b.key); ok {
		b.requested, b.told = again.requested, true
		return gqlerror.Wrap(again.err)
	}
	return nil
}

// sizeOf is about the number of bytes that a decoded value has as JSON.
func sizeOf(v any) int {
	size := 1
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			size += len(name) + 3 + sizeOf(value)
		}
	case []any:
		for _, value := range v {
			size += 1 + sizeOf(value)
		}
	case string:
		size += len(v) + 1
	case json.Number:
		size += len(v)
	}
	return size
}

// refusalPause is how long a client waits for the refusal of a long operation, for one that tells it to wait, or that a
// retry never helps, for one after many others, and for a wrong token after many others: a loop of them must not keep the
// processors busy.
const refusalPause = 200 * time.Millisecond

func pauseIfTold(ctx context.Context, oc *graphql.OperationContext) {
	if b := billOf(oc); b != nil && b.told {
		pause(ctx)
	}
}

func pause(ctx context.Context) {
	select {
	case <-time.After(refusalPause):
	case <-ctx.Done():
	}
}

// refusal is the price of an operation and why it was refused.
type refusal struct {
	requested int
	err       error
}

const refusedMost = 10_000 // refusals that are remembered

func newRefused() *cache[refusal] {
	return newCache(refusedMost, 1, func(string, refusal) int { return 1 })
}
