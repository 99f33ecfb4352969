package rate

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"
)

const extension = "RateLimit"

// Keep puts what an operation left in the bucket where From finds it.
func Keep(stats *graphql.Stats, left *Limit) { stats.SetExtension(extension, left) }

// From gives what the operation that is being answered left in the bucket.
func From(ctx context.Context) (*Limit, error) {
	if graphql.HasOperationContext(ctx) {
		if left, ok := graphql.GetOperationContext(ctx).Stats.GetExtension(extension).(*Limit); ok {
			return left, nil
		}
	}
	return nil, errors.New("the operation was not paid for")
}
