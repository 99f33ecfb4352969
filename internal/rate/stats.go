package rate

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"
)

const extension = "RateLimit"

// Keep stores the bucket's state after the payment in the operation's statistics, where From finds it.
func Keep(stats *graphql.Stats, left *Limit) { stats.SetExtension(extension, left) }

// From returns the bucket's state after the current operation was paid.
func From(ctx context.Context) (*Limit, error) {
	if graphql.HasOperationContext(ctx) {
		if left, ok := graphql.GetOperationContext(ctx).Stats.GetExtension(extension).(*Limit); ok {
			return left, nil
		}
	}
	return nil, errors.New("the operation was not paid for")
}
