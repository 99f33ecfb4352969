package httpd

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

func TestMeterDelaysRefusalsOfATokenThatHasManyOfThem(t *testing.T) {
	t.Parallel()
	m := meter{buckets: rate.New(1000, 100, time.Now), refusals: rate.NewRefusals()}
	refuse := func(token model.ApiTokenID) (delayed bool) {
		oc := &graphql.OperationContext{}
		ctx := graphql.WithOperationContext(auth.With(t.Context(), auth.Viewer{User: &model.User{}, TokenID: token}), oc)
		m.InterceptResponse(ctx, func(context.Context) *graphql.Response { return &graphql.Response{} })
		return billOf(oc).told
	}
	loop, other := model.ApiTokenID{UUID: model.NewUUID()}, model.ApiTokenID{UUID: model.NewUUID()}
	if refuse(loop) {
		t.Error("the first refusal is delayed")
	}
	delayed := 0
	for range 10_000 {
		if refuse(loop) {
			delayed++
		}
	}
	if delayed < 5_000 {
		t.Errorf("%d of 10,000 refusals in a row are delayed", delayed)
	}
	if refuse(other) {
		t.Error("the refusal of another token is delayed")
	}
}

func TestMeterSpreadsOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meter{buckets: rate.New(30_000, 4_000, time.Now)} // 200 operations a second
		took := func(n int, kind ast.Operation) time.Duration {
			token, began := model.ApiTokenID{UUID: model.NewUUID()}, time.Now()
			for range n {
				oc := &graphql.OperationContext{Operation: &ast.OperationDefinition{Operation: kind}}
				oc.Stats.SetExtension(meterName, &bill{token: token, state: paid})
				m.InterceptOperation(graphql.WithOperationContext(t.Context(), oc), func(context.Context) graphql.ResponseHandler { return nil })
			}
			return time.Since(began).Round(time.Millisecond)
		}
		for _, c := range []struct {
			n    int
			kind ast.Operation
			want time.Duration
		}{{200, ast.Query, 0}, {300, ast.Query, 500 * time.Millisecond}, {300, ast.Mutation, 500 * time.Millisecond}, {300, ast.Subscription, 0}} {
			if got := took(c.n, c.kind); got != c.want {
				t.Errorf("%d operations of the kind %s begin within %v, want %v", c.n, c.kind, got, c.want)
			}
		}
	})
}
