package httpd

import (
	"net/http"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/cost"
)

// keptMost is how long a document may be, in bytes, to be answered by answerKept.
const keptMost = 16 << 10

// answerKept returns the answer to a request, with its charges, if the answer is kept: before the document is looked at, and
// the variables are coerced. The first to ask has passed all checks of both, for the same role and scope. The price is
// charged as always. It returns nil where there is no such answer, or anything else is to be said.
func (t transport) answerKept(r *http.Request, params *graphql.RawParams) *graphql.Response {
	ctx := r.Context()
	_, dry := params.Extensions["cost"]
	if t.sharing.answers == nil || dry || r.Header.Values(dryRunHeader) != nil || len(params.Query) > keptMost {
		return nil
	}
	if _, input := cost.Reading(0, sizeOf(params.Variables)); input > 0 {
		return nil
	}
	v, err := auth.From(ctx)
	if err != nil {
		return nil
	}
	document, err := t.texts.find(ctx, params)
	if err != nil {
		return nil
	}
	key := keyOf(v, document, params)
	found := t.sharing.answers.Find(key)
	if found == nil {
		key = ownKey(key, v)
		if found = t.sharing.answers.Find(key); found == nil {
			return nil
		}
	}
	points := found.Points
	if _, err := t.buckets.Take(v.TokenID, points); err != nil {
		return nil
	}
	found = t.sharing.answers.Kept(ctx, key)
	left := t.buckets.Settle(v.TokenID, -points) // it took nothing of the database, or is charged when it runs
	if found == nil {
		return nil
	}
	t.buckets.Pace.Wait(ctx, v.TokenID)
	c := charges{Requested: points, Remaining: &left.Remaining, Limit: left.Limit, RestoreRate: left.RestoreRate}
	return &graphql.Response{Data: found.Data, Extensions: map[string]any{"cost": c}}
}
